//! The simulated backend: the same agents, in a world on the test's thread.

use std::{cell::RefCell, path::Path};

use taranis_runtime::{
    invoker::BackendMaker,
    io::{ChoreCounter, FileAccess},
    sim::{HostId, Settings, Simulation},
};

use crate::conformance::{self, Ground, conforms};

thread_local! {
    /// The world of the test that runs on this thread.
    static WORLD: RefCell<(Simulation, HostId)> = RefCell::new(world());
}

/// What fits on the disk, in bytes.
const ROOM: usize = 1 << 20;

fn world() -> (Simulation, HostId) {
    let mut settings = Settings::seeded(1);
    settings.disk.capacity_bytes = ROOM as u64;
    let mut simulation = Simulation::new(settings);
    let host = simulation.add_host("alone", &[]);
    (simulation, host)
}

fn with_world<R>(use_it: impl FnOnce(&mut Simulation, HostId) -> R) -> R {
    WORLD.with_borrow_mut(|(simulation, host)| use_it(simulation, *host))
}

/// Chores are the world's, so a counter has no use here.
fn make(_chores: Option<ChoreCounter>) -> BackendMaker {
    with_world(|simulation, host| simulation.place("agents", host).backend())
}

/// The files of the world.
const WORLDS: Ground = Ground {
    prepare: |path| with_world(|world, host| world.create_directory(host, path)).unwrap(),
    write: |path, bytes| with_world(|world, host| world.write_file(host, path, bytes)).unwrap(),
    read: |path| with_world(|world, host| world.read_file(host, path)).unwrap(),
    remove: |path| with_world(|world, host| world.remove_file(host, path)).unwrap(),
    full: || {
        let path = Path::new("/empty");
        (WORLDS.write)(path, &[]);
        (WORLDS.write)(Path::new("/fills-the-disk"), &vec![1; ROOM]);
        path.to_owned()
    },
};

conforms!(super::make, super::WORLDS);

#[test]
fn carries_datagrams_in_order_and_copies_only_small_frames() {
    let work = conformance::carries_datagrams_in_order(make(None));
    assert_eq!(work.datagrams_sent, 1_000);
    assert_eq!(work.copied_bytes, 500 * 4);
    assert_eq!((work.ring_entries, work.system_calls), (0, 0));
}

#[test]
fn writes_and_reads_back_buffered_and_direct() {
    for access in [FileAccess::Buffered, FileAccess::Direct] {
        let directory = WORLDS.directory("sim-files");
        let path = directory.path.join("pages");
        conformance::writes_and_reads_back(make(None), &directory.path, access);
        let pages: Vec<u8> = (WORLDS.read)(&path)
            .chunks(4096)
            .map(|page| page[7])
            .collect();
        assert_eq!(pages, (1..=16).collect::<Vec<u8>>());
        (WORLDS.remove)(&path);
    }
}
