//! What every backend must do with chores.

use std::thread;

use taranis_runtime::{
    agent::Agent,
    cycle::Rng,
    halt::Halt,
    invoker::Invoker,
    io::{Chore, ChoreDesk, Outcome, plain::PlainBackend},
    mem::Names,
};

use super::{Make, directory};
use crate::seat::Seats;

pub(crate) fn does_chores_inline(make: Make) {
    lists_what_was_made(&mut Seats::new(1, make(None)));
}

pub(crate) fn a_desk_on_another_thread_does_chores(make: Make) {
    let (desk, counter) = ChoreDesk::new();
    let halt = Halt::new();
    let theirs = halt.clone();
    thread::scope(|scope| {
        scope.spawn(move || serve(desk, theirs));
        let mut seats = Seats::new(1, make(Some(counter)));
        lists_what_was_made(&mut seats);
        halt.request("test", "done");
    });
}

fn lists_what_was_made(seats: &mut Seats) {
    let directory = directory("chores");
    for name in ["b", "a"] {
        let path = directory.path.join(name);
        let made = seats.ask(0, Chore::CreateDirectory { path });
        assert!(matches!(made, Outcome::Done), "{made:?}");
    }
    let path = directory.path.clone();
    let Outcome::Entries(entries) = seats.ask(0, Chore::ReadDirectory { path }) else {
        panic!("a directory that is there is listed");
    };
    let names: Vec<_> = entries.iter().map(|entry| &entry.name[..]).collect();
    assert_eq!(names, ["a", "b"]);
}

fn serve(desk: ChoreDesk, halt: Halt) {
    let agents: Vec<Box<dyn Agent>> = vec![Box::new(desk)];
    let backend = Box::new(|| Box::new(PlainBackend::new(Names::of_files(), None)) as _);
    let on_fault = Box::new(|agent: &str, fault: &_| panic!("{agent}: {fault}"));
    let mut invoker = Invoker::new(agents, backend, Rng::with_seed(2), halt, on_fault);
    while invoker.cycle().unwrap() != taranis_runtime::invoker::Cycled::Ended {
        invoker.park(100_000).unwrap();
    }
}
