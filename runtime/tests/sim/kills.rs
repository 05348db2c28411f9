//! Kills, restarts and power cuts.

use std::{collections::BTreeSet, path::Path};

use crossbeam_channel::{Receiver, Sender, unbounded};
use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    io::{Chore, Durability, FileAccess, Interest, Opening, Outcome},
    mem::Region,
    sim::{Act, HostId, ProcessId, Settings, Simulation},
};

use crate::{
    script::{SECOND_NS, Script, at, bind, ip, start},
    story::{COUNTER, Story, settings},
};

/// Kills a keeper at a drawn step, waits for what is under way, and gives (acknowledged, kept).
fn kill_and_count(story: &mut Story, keeper: usize, steps: u64) -> (u32, u32) {
    let process = story.keepers[keeper];
    story.simulation.act(Act::KillAfter(process, steps));
    story
        .simulation
        .run_until(SECOND_NS, |simulation| !simulation.is_alive(process))
        .unwrap();
    story.simulation.run_for(1_000_000);
    (story.acknowledged(keeper), story.kept(keeper))
}

#[test]
fn a_keeper_killed_at_any_step_has_what_it_acknowledged() {
    for seed in 0..10 {
        let mut story = Story::new(settings(seed), Durability::Taken, None);
        let mut rng = fastrand::Rng::with_seed(seed);
        for _ in 0..3 {
            let (acknowledged, kept) = kill_and_count(&mut story, 0, rng.u64(1..400));
            assert!(
                kept >= acknowledged,
                "seed {seed}: {kept} of {acknowledged}"
            );
            story.restart_keeper(0);
        }
        story.finish();
    }
}

/// Cuts a keeper's power in the middle of things; returns whether everything acknowledged is there afterwards.
fn survives_a_power_cut(seed: u64, durability: Durability) -> bool {
    let mut story = Story::new(settings(seed), durability, None);
    story.begin();
    story.simulation.run_for(seed * 10_000);
    let host = story.hosts[1];
    story.simulation.act(Act::CutPower(host));
    story.simulation.run_for(1_000_000);
    assert!(!story.simulation.is_alive(story.keepers[0]));
    story.acknowledged(0) <= story.kept(0)
}

#[test]
fn a_power_cut_takes_what_was_not_on_the_disk_and_nothing_else() {
    for seed in 0..20 {
        // The file's own name was synced by nobody, so it may be gone with all it held: durable writes need a durable name.
        let mut story = Story::new(settings(seed), Durability::OnDisk, None);
        story.simulation.run_for(1_000_000);
        let host = story.hosts[1];
        sync_directory(&mut story.simulation, host);
        story.begin();
        story.simulation.run_for(seed * 10_000);
        story.simulation.act(Act::CutPower(host));
        story.simulation.run_for(1_000_000);
        let (acknowledged, kept) = (story.acknowledged(0), story.kept(0));
        assert!(
            acknowledged > 0 && kept >= acknowledged,
            "{kept} of {acknowledged}"
        );
        story.restart_keeper(0);
        story.finish();
    }
    let lost = (0..20).filter(|seed| !survives_a_power_cut(*seed, Durability::Taken));
    assert!(lost.count() > 0, "no power cut lost an unsynced record");
}

/// Creating a file with its blocks syncs the directory, as on a real system.
fn sync_directory(simulation: &mut Simulation, host: HostId) {
    let agent = Script::agent({
        let mut asked = false;
        move |cycle| {
            if !std::mem::replace(&mut asked, true) {
                cycle.chores.ask(open("/data/other", 0)).unwrap();
            }
            let done = cycle.mail.take_completions().count() > 0;
            Ok(if done {
                Turn::Finished
            } else {
                Turn::Worked(0)
            })
        }
    });
    let process = start(simulation, "other", host, vec![agent]);
    simulation
        .run_until(SECOND_NS, |simulation| !simulation.is_alive(process))
        .unwrap();
}

fn open(path: &str, len: u64) -> Chore {
    Chore::OpenFile {
        path: path.into(),
        access: FileAccess::Buffered,
        opening: Opening::New { len },
    }
}

#[test]
fn a_kill_leaves_shared_memory_and_frees_ports_and_a_power_cut_takes_the_memory() {
    let mut story = Story::new(settings(4), Durability::Taken, None);
    story.begin();
    let (host, counter) = (story.hosts[0], format!("{COUNTER}1"));
    let before = story
        .simulation
        .names(host)
        .open(Path::new(&counter))
        .unwrap();
    // Binding the same ports again shows that they are free.
    for keeper in [0, 1] {
        story.simulation.act(Act::Kill(story.keepers[keeper]));
        story.restart_keeper(keeper);
    }
    let after = story
        .simulation
        .names(host)
        .open(Path::new(&counter))
        .unwrap();
    assert!(before.is_same(&after) && before.word64(0).unwrap().load_acquire() > 0);
    story.finish();
    story.simulation.act(Act::CutPower(host));
    let gone = story.simulation.names(host).open(Path::new(&counter));
    assert_eq!(gone.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_write_in_flight_is_whole_a_prefix_or_absent_after_a_kill() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let mut simulation = Simulation::new(Settings::seeded(seed));
        let host = simulation.add_host("host", &[]);
        let region = Region::heap(4096);
        region.write(0, &[7; 4096]).unwrap();
        let (tell, told) = unbounded();
        let agent = Script::agent(write_once(region, tell));
        let process = start(&mut simulation, "writer", host, vec![agent]);
        let staged = |_: &mut Simulation| told.try_recv().is_ok();
        simulation.run_until(SECOND_NS, staged).unwrap();
        simulation.act(Act::Kill(process));
        let bytes = simulation.read_file(host, Path::new("/file")).unwrap();
        let written = bytes.iter().take_while(|byte| **byte == 7).count();
        assert!(bytes[written..].iter().all(|byte| *byte == 0));
        seen.insert(match written {
            0 => "absent",
            4096 => "whole",
            _ => "prefix",
        });
        simulation.run_for(10_000_000);
        assert_eq!(
            simulation.read_file(host, Path::new("/file")).unwrap(),
            bytes
        );
    }
    assert_eq!(seen, BTreeSet::from(["absent", "prefix", "whole"]));
}

fn write_once(
    region: Region,
    tell: Sender<()>,
) -> impl FnMut(&mut Cycle<'_>) -> Result<Turn, Fault> + Send {
    let mut asked = false;
    move |cycle| {
        if !std::mem::replace(&mut asked, true) {
            cycle.chores.ask(open("/file", 4096)).map_err(Fault::stop)?;
        }
        for completion in cycle.mail.take_completions() {
            if let Outcome::File(token) = completion.outcome {
                let file = cycle.files.adopt(token).map_err(Fault::stop)?;
                let span = region.span(0, 4096).unwrap();
                let write = cycle.files.write(file, span, 0, Durability::Taken);
                write.map_err(Fault::stop)?;
                tell.send(()).unwrap();
                // So that the test has its say before time goes on.
                return Ok(Turn::Worked(1));
            }
        }
        Ok(Turn::Worked(0))
    }
}

/// Says which of its methods are called.
struct Witness(Sender<&'static str>);

impl Agent for Witness {
    fn name(&self) -> &str {
        "witness"
    }

    fn do_work(&mut self, _cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        self.0.send("work").unwrap();
        Ok(Turn::Worked(1))
    }

    fn on_close(&mut self, _cycle: &mut Cycle<'_>) {
        self.0.send("close").unwrap();
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.0.send("drop");
    }
}

fn witness() -> (Simulation, ProcessId, Receiver<&'static str>) {
    let mut simulation = Simulation::new(Settings::seeded(1));
    let host = simulation.add_host("host", &[]);
    let (tell, told) = unbounded();
    let process = start(
        &mut simulation,
        "witness",
        host,
        vec![Box::new(Witness(tell))],
    );
    simulation.run_for(10_000);
    assert!(told.try_iter().all(|call| call == "work"));
    (simulation, process, told)
}

#[test]
fn a_killed_agent_is_dropped_without_another_call_and_a_stopped_one_is_closed() {
    let (mut simulation, process, told) = witness();
    simulation.act(Act::Kill(process));
    simulation.run_for(1_000_000);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["drop"]);

    let (mut simulation, process, told) = witness();
    simulation.act(Act::Stop(process));
    let ended = |simulation: &mut Simulation| !simulation.is_alive(process);
    simulation.run_until(SECOND_NS, ended).unwrap();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["close", "drop"]);
}

#[test]
fn a_kill_may_come_between_two_operations_of_one_turn() {
    let mut seen = BTreeSet::new();
    for steps in 0..40 {
        let mut simulation = Simulation::new(Settings::seeded(9));
        let hosts = [1, 2].map(|host| simulation.add_host(&format!("{host}"), &[ip(host)]));
        let (tell, told) = unbounded();
        let receiver = Script::agent(receive_all(tell));
        start(&mut simulation, "receiver", hosts[1], vec![receiver]);
        let sender = Script::agent(send_four());
        let sender = start(&mut simulation, "sender", hosts[0], vec![sender]);
        // So that the receiver's socket is there before anything is sent.
        simulation.act(Act::Stall(sender, 2_000_000));
        simulation.act(Act::KillAfter(sender, steps));
        simulation.run_for(5_000_000);
        let arrived: Vec<u8> = told.try_iter().collect();
        assert_eq!(arrived, (0..arrived.len() as u8).collect::<Vec<_>>());
        seen.insert(arrived.len());
    }
    assert_eq!(seen, (0..=4).collect());
}

fn receive_all(tell: Sender<u8>) -> impl FnMut(&mut Cycle<'_>) -> Result<Turn, Fault> + Send {
    let mut asked = false;
    move |cycle| {
        if !std::mem::replace(&mut asked, true) {
            cycle.chores.ask(bind(at(2, 7))).map_err(Fault::stop)?;
        }
        for completion in cycle.mail.take_completions() {
            if let Outcome::Socket(token) = completion.outcome {
                cycle
                    .net
                    .adopt(token, Interest::Receive)
                    .map_err(Fault::stop)?;
            }
        }
        for datagram in cycle.mail.datagrams() {
            tell.send(datagram.bytes[0]).unwrap();
        }
        Ok(Turn::Worked(0))
    }
}

fn send_four() -> impl FnMut(&mut Cycle<'_>) -> Result<Turn, Fault> + Send {
    let mut asked = false;
    move |cycle| {
        if !std::mem::replace(&mut asked, true) {
            cycle.chores.ask(bind(at(1, 7))).map_err(Fault::stop)?;
        }
        for completion in cycle.mail.take_completions() {
            if let Outcome::Socket(token) = completion.outcome {
                let socket = cycle
                    .net
                    .adopt(token, Interest::Receive)
                    .map_err(Fault::stop)?;
                for number in 0..4 {
                    let sent = cycle.net.send_copy(socket, &[number], Some(at(2, 7)));
                    sent.map_err(Fault::stop)?;
                }
            }
        }
        Ok(Turn::Worked(0))
    }
}
