//! The io_uring backend.

use std::fs;

use taranis_runtime::{
    invoker::BackendMaker,
    io::{
        FileAccess,
        uring::{DormantRing, RingBackend, RingSizes},
    },
    mem::Names,
};

use crate::conformance::{self, directory};

fn backend() -> BackendMaker {
    sized(RingSizes::default())
}

fn sized(sizes: RingSizes) -> BackendMaker {
    let ring = DormantRing::create(sizes).unwrap();
    Box::new(|| Box::new(RingBackend::new(ring, Names::of_files(), None).unwrap()))
}

#[test]
fn carries_datagrams_in_order_and_copies_only_small_frames() {
    let work = conformance::carries_datagrams_in_order(backend());
    eprintln!("{work:?}");
    assert_eq!(work.datagrams_sent, 1_000);
    assert_eq!(work.ring_sends, 1_000);
    assert_eq!(work.ring_receives, work.receives);
    assert_eq!(work.copied_bytes, 500 * 4);
}

#[test]
fn writes_and_reads_back_buffered_and_direct() {
    let directory = directory("ring-files");
    let work = conformance::writes_and_reads_back(backend(), &directory.path, FileAccess::Buffered);
    eprintln!("{work:?}");
    assert_eq!(work.ring_direct_writes, 0);
    fs::remove_file(directory.path.join("pages")).unwrap();
    let work = conformance::writes_and_reads_back(backend(), &directory.path, FileAccess::Direct);
    eprintln!("{work:?}");
    assert_eq!(work.ring_direct_writes, 16);
}
