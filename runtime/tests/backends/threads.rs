//! The same agents on a pinned thread, and the rules of an invoker.

use std::{panic, thread};

use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::{Cycle, Rng},
    halt::Halt,
    idle::IdleStrategy,
    invoker::{BackendMaker, Invoker},
    io::plain::PlainBackend,
    mem::Names,
    pin::allowed_cores,
    runner::{Runners, ThreadPlan},
};

use crate::agents::{Datagrams, Seen};

fn plain() -> BackendMaker {
    Box::new(|| Box::new(PlainBackend::new(Names::of_files(), None)))
}

fn invoker(agents: Vec<Box<dyn Agent>>, halt: &Halt) -> Invoker {
    Invoker::new(
        agents,
        plain(),
        Rng::with_seed(1),
        halt.clone(),
        Box::new(|_, _| {}),
    )
}

fn plan(name: &str) -> ThreadPlan {
    ThreadPlan {
        name: name.to_owned(),
        core: allowed_cores().first().copied(),
        idle: IdleStrategy::BACKOFF,
    }
}

#[test]
fn datagrams_flow_on_a_pinned_thread() {
    let (agent, seen) = Datagrams::new(200);
    let mut runners = Runners::new(Halt::new());
    runners
        .start(plan("pinned"), invoker(vec![Box::new(agent)], &Halt::new()))
        .unwrap();
    let seen: Vec<_> = seen.iter().collect();
    assert_eq!(seen.last(), Some(&Seen::Numbers((0..200).collect())));
    assert_eq!(runners.join(), None);
}

#[test]
fn an_invoker_is_bound_to_the_thread_of_its_first_cycle() {
    let (agent, _seen) = Datagrams::new(1);
    let mut invoker = invoker(vec![Box::new(agent)], &Halt::new());
    invoker.cycle().unwrap();
    let builder = thread::Builder::new().name("elsewhere".to_owned());
    let refused = builder
        .spawn(move || invoker.cycle().unwrap_err())
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(refused.caller, "`elsewhere`");
    assert_ne!(refused.owner, refused.caller);
}

/// Logs its turns; can fail or panic in its third.
struct Probe {
    name: &'static str,
    turns: usize,
    closing_turns: usize,
    third: fn() -> Result<Turn, Fault>,
    log: crossbeam_channel::Sender<String>,
}

impl Agent for Probe {
    fn name(&self) -> &str {
        self.name
    }

    fn do_work(&mut self, _cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        self.turns += 1;
        if self.turns == 3 {
            (self.third)()
        } else {
            Ok(Turn::Worked(0))
        }
    }

    fn close_work(&mut self, _cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        self.log
            .send(format!("{} closing", self.name))
            .expect("the test listens");
        self.closing_turns -= 1;
        Ok(if self.closing_turns == 0 {
            Turn::Finished
        } else {
            Turn::Worked(1)
        })
    }

    fn on_close(&mut self, _cycle: &mut Cycle<'_>) {
        self.log
            .send(format!("{} closed", self.name))
            .expect("the test listens");
    }
}

fn probe(
    name: &'static str,
    third: fn() -> Result<Turn, Fault>,
    log: &crossbeam_channel::Sender<String>,
) -> Box<dyn Agent> {
    Box::new(Probe {
        name,
        turns: 0,
        closing_turns: 2,
        third,
        log: log.clone(),
    })
}

fn goes_on() -> Result<Turn, Fault> {
    Ok(Turn::Worked(1))
}

#[test]
fn the_last_agent_closes_first_and_may_take_several_turns() {
    let (log, lines) = crossbeam_channel::unbounded();
    let halt = Halt::new();
    let mut runners = Runners::new(halt.clone());
    let agents = vec![probe("base", goes_on, &log), probe("top", goes_on, &log)];
    runners
        .start(plan("order"), invoker(agents, &halt))
        .unwrap();
    assert_eq!(runners.stop("test", "enough").unwrap().by, "test");
    drop(log);
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| line.ends_with("closed"))
        .collect();
    assert_eq!(lines, ["top closed", "base closed"]);
}

#[test]
fn a_fault_that_stops_the_node_names_its_agent_and_closes_the_others() {
    let (log, lines) = crossbeam_channel::unbounded();
    let halt = Halt::new();
    let mut runners = Runners::new(halt.clone());
    let agents = vec![
        probe("sound", goes_on, &log),
        probe("broken", || Err(Fault::stop("the disk is gone")), &log),
    ];
    runners
        .start(plan("fault"), invoker(agents, &halt))
        .unwrap();
    let reason = runners.join().unwrap();
    assert_eq!(
        (reason.by.as_str(), reason.why.as_str()),
        ("broken", "the disk is gone")
    );
    drop(log);
    assert!(lines.iter().any(|line| line == "sound closed"));
}

#[test]
fn a_counted_fault_stops_nothing() {
    let (log, lines) = crossbeam_channel::unbounded();
    let halt = Halt::new();
    let mut invoker = invoker(
        vec![probe("noisy", || Err(Fault::count("once")), &log)],
        &halt,
    );
    for _ in 0..6 {
        invoker.cycle().unwrap();
    }
    assert!(!halt.is_requested());
    assert!(lines.is_empty());
}

#[test]
fn a_panic_stops_the_node_and_closes_nothing_on_its_thread() {
    let (log, lines) = crossbeam_channel::unbounded();
    let halt = Halt::new();
    let mut runners = Runners::new(halt.clone());
    // The panic is part of the test: keep its message out of the output.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    runners
        .start(
            plan("panics"),
            invoker(vec![probe("bad", || panic!("boom"), &log)], &halt),
        )
        .unwrap();
    let reason = runners.join().unwrap();
    panic::set_hook(hook);
    assert_eq!(
        (reason.by.as_str(), reason.why.as_str()),
        ("panics", "panicked: boom")
    );
    assert!(lines.is_empty());
}
