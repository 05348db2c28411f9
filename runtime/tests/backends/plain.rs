//! The plain backend.

use std::fs;

use taranis_runtime::{
    invoker::BackendMaker,
    io::{ChoreCounter, FileAccess, plain::PlainBackend},
    mem::Names,
};

use crate::conformance::{self, conforms, directory};

fn make(chores: Option<ChoreCounter>) -> BackendMaker {
    Box::new(|| Box::new(PlainBackend::new(Names::of_files(), chores)))
}

conforms!(super::make);

#[test]
fn carries_datagrams_in_order_and_copies_only_small_frames() {
    let work = conformance::carries_datagrams_in_order(make(None));
    assert_eq!(work.datagrams_sent, 1_000);
    assert_eq!(work.copied_bytes, 500 * 4);
    assert_eq!(work.ring_entries, 0);
}

#[test]
fn writes_and_reads_back_buffered_and_direct() {
    let directory = directory("plain-files");
    conformance::writes_and_reads_back(make(None), &directory.path, FileAccess::Buffered);
    fs::remove_file(directory.path.join("pages")).unwrap();
    conformance::writes_and_reads_back(make(None), &directory.path, FileAccess::Direct);
}
