//! A callback that idles: the world goes on beneath it.

use crossbeam_channel::{Sender, unbounded};
use taranis_runtime::{
    agent::{Agent, Turn},
    cycle::Stopping,
    io::{Interest, Outcome},
    mem::{Region, Word32},
    sim::{Act, ProcessId, Settings, Simulation},
};

use crate::script::{SECOND_NS, Script, at, bind, ip, start, thread};

/// What the idling agent saw at its end.
type Ended = (Result<(), Stopping>, i64);

/// Idles in its first turn until `enough` messages came through a channel from others.
fn idler(
    enough: usize,
    arrived: crossbeam_channel::Receiver<u8>,
    tell: Sender<Ended>,
) -> Box<dyn Agent> {
    Script::idler(move |cycle| {
        let begun = cycle.now.mono_ns;
        let mut count = 0;
        let ended = loop {
            count += arrived.try_iter().count();
            if count >= enough {
                break Ok(());
            }
            if let Err(stopping) = cycle.run_peers() {
                break Err(stopping);
            }
        };
        tell.send((ended, cycle.now.mono_ns - begun)).unwrap();
        Ok(Turn::Finished)
    })
}

/// Receives on host 1, on the idler's own thread.
fn receiver(tell: Sender<u8>) -> Box<dyn Agent> {
    let mut asked = false;
    Script::agent(move |cycle| {
        if !std::mem::replace(&mut asked, true) {
            cycle.chores.ask(bind(at(1, 7))).unwrap();
        }
        for completion in cycle.mail.take_completions() {
            if let Outcome::Socket(token) = completion.outcome {
                cycle.net.adopt(token, Interest::Receive).unwrap();
            }
        }
        for datagram in cycle.mail.datagrams() {
            tell.send(datagram.bytes[0]).unwrap();
        }
        Ok(Turn::Worked(0))
    })
}

/// Sends a datagram every millisecond from host 2.
fn ticker() -> Box<dyn Agent> {
    let (mut asked, mut socket, mut next_ns) = (false, None, 0);
    Script::agent(move |cycle| {
        if !std::mem::replace(&mut asked, true) {
            cycle.chores.ask(bind(at(2, 7))).unwrap();
        }
        for completion in cycle.mail.take_completions() {
            if let Outcome::Socket(token) = completion.outcome {
                socket = Some(cycle.net.adopt(token, Interest::SendOnly).unwrap());
            }
        }
        if let (Some(socket), true) = (socket, cycle.now.mono_ns >= next_ns) {
            cycle.net.send_copy(socket, &[1], Some(at(1, 7))).unwrap();
            next_ns = cycle.now.mono_ns + 1_000_000;
        }
        cycle.wake.at(next_ns);
        Ok(Turn::Worked(0))
    })
}

struct World {
    simulation: Simulation,
    idling: ProcessId,
    ended: crossbeam_channel::Receiver<Ended>,
}

fn world(seed: u64, enough: usize) -> World {
    let mut settings = Settings::seeded(seed);
    settings.patience_ns = 30_000_000;
    let mut simulation = Simulation::new(settings);
    let hosts = [1, 2].map(|host| simulation.add_host(&format!("{host}"), &[ip(host)]));
    let (tell, ended) = unbounded();
    let (arrived, arrivals) = unbounded();
    let agents = vec![receiver(arrived), idler(enough, arrivals, tell)];
    let idling = start(&mut simulation, "idling", hosts[0], agents);
    start(&mut simulation, "ticker", hosts[1], vec![ticker()]);
    World {
        simulation,
        idling,
        ended,
    }
}

#[test]
fn other_hosts_and_the_own_threads_agents_work_and_time_passes() {
    for seed in 0..10 {
        let mut world = world(seed, 20);
        let ended = |_: &mut Simulation| !world.ended.is_empty();
        world.simulation.run_until(SECOND_NS, ended).unwrap();
        let (result, took_ns) = world.ended.recv().unwrap();
        assert_eq!(result, Ok(()));
        assert!(
            took_ns > 18_000_000,
            "20 ticks of a millisecond in {took_ns} ns"
        );
        assert!(world.simulation.is_alive(world.idling));
    }
}

#[test]
fn a_kill_and_a_stop_end_the_callback() {
    for steps in 0..200 {
        let mut world = world(3, usize::MAX);
        world
            .simulation
            .act(Act::KillAfter(world.idling, 10 + steps));
        world.simulation.run_for(3_000_000);
        assert!(!world.simulation.is_alive(world.idling));
        // Killed while it idled, or before.
        let ended = world.ended.try_recv().ok().map(|(result, _)| result);
        assert!(matches!(ended, None | Some(Err(Stopping))), "{ended:?}");
    }
    let mut world = world(4, usize::MAX);
    world.simulation.plan(3_000_000, Act::Stop(world.idling));
    world.simulation.run_for(5_000_000);
    let (result, took_ns) = world.ended.try_recv().unwrap();
    assert_eq!(result, Err(Stopping));
    assert!((2_000_000..5_000_000).contains(&took_ns), "{took_ns} ns");
    assert!(!world.simulation.is_alive(world.idling));
}

#[test]
#[should_panic(expected = "a callback has idled until")]
fn a_callback_that_never_comes_back_is_named() {
    let mut world = world(4, usize::MAX);
    world.simulation.run_for(1_000_000);
}

#[test]
fn an_agent_that_may_idle_has_no_turn_beneath_another() {
    for seed in 0..20 {
        let mut simulation = Simulation::new(Settings::seeded(seed));
        let host = simulation.add_host("host", &[]);
        let (tell, depths) = unbounded();
        let running = Region::heap(8).word32(0).unwrap();
        simulation.start("idlers", host, |place| {
            let agents = (0..4).map(|_| counting_idler(running.clone(), tell.clone()));
            let agents: Vec<_> = agents.collect();
            agents
                .into_iter()
                .map(|agent| thread(place, vec![agent]))
                .collect()
        });
        simulation.run_for(10_000_000);
        let depths: Vec<i32> = depths.try_iter().collect();
        assert!(
            depths.len() > 20 && depths.iter().all(|depth| *depth == 1),
            "{depths:?}"
        );
    }
}

/// Says how many of its kind are running, and idles a while.
fn counting_idler(running: Word32, tell: Sender<i32>) -> Box<dyn Agent> {
    Script::idler(move |cycle| {
        tell.send(running.fetch_add(1) + 1).unwrap();
        for _ in 0..3 {
            cycle.run_peers().unwrap();
        }
        running.fetch_add(-1);
        Ok(Turn::Worked(1))
    })
}
