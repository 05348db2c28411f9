//! The plain backend.

use std::{fs, path::PathBuf};

use taranis_runtime::{
    invoker::BackendMaker,
    io::{FileAccess, plain::PlainBackend},
    mem::Names,
};

use crate::conformance;

fn backend() -> BackendMaker {
    Box::new(|| Box::new(PlainBackend::new(Names::of_files(), None)))
}

fn directory(test: &str) -> PathBuf {
    let directory =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{test}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn carries_datagrams_in_order_and_copies_only_small_frames() {
    let work = conformance::carries_datagrams_in_order(backend());
    assert_eq!(work.datagrams_sent, 1_000);
    assert_eq!(work.copied_bytes, 500 * 4);
    assert_eq!(work.ring_entries, 0);
}

#[test]
fn writes_and_reads_back_buffered_and_direct() {
    let directory = directory("plain-files");
    conformance::writes_and_reads_back(backend(), &directory, FileAccess::Buffered);
    fs::remove_file(directory.join("pages")).unwrap();
    conformance::writes_and_reads_back(backend(), &directory, FileAccess::Direct);
    fs::remove_dir_all(directory).unwrap();
}
