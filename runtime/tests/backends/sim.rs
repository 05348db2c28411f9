//! The simulated backend: the same agents, in a world on this thread.

use std::path::Path;

use taranis_runtime::{
    invoker::BackendMaker,
    io::FileAccess,
    sim::{HostId, Settings, Simulation},
};

use crate::conformance;

/// A world with one host, and the backend of a thread there.
fn world(seed: u64) -> (Simulation, HostId, BackendMaker) {
    let mut simulation = Simulation::new(Settings::seeded(seed));
    let host = simulation.add_host("alone", &[]);
    let backend = simulation.place("agents", host).backend();
    (simulation, host, backend)
}

#[test]
fn carries_datagrams_in_order_and_copies_only_small_frames() {
    for seed in 0..5 {
        let (_simulation, _, backend) = world(seed);
        let work = conformance::carries_datagrams_in_order(backend);
        assert_eq!(work.datagrams_sent, 1_000);
        assert_eq!(work.copied_bytes, 500 * 4);
        assert_eq!((work.ring_entries, work.system_calls), (0, 0));
    }
}

#[test]
fn writes_and_reads_back_buffered_and_direct() {
    for (seed, access) in [(1, FileAccess::Buffered), (2, FileAccess::Direct)] {
        let (mut simulation, host, backend) = world(seed);
        let directory = Path::new("/data");
        simulation.create_directory(host, directory).unwrap();
        conformance::writes_and_reads_back(backend, directory, access);
        let bytes = simulation
            .read_file(host, &directory.join("pages"))
            .unwrap();
        let pages: Vec<u8> = bytes.chunks(4096).map(|page| page[7]).collect();
        assert_eq!(pages, (1..=16).collect::<Vec<u8>>());
    }
}
