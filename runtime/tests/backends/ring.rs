//! The io_uring backend.

use std::fs;

use taranis_runtime::{
    invoker::BackendMaker,
    io::{
        ChoreCounter, Durability, FileAccess, Interest, Opening,
        uring::{DormantRing, RingBackend, RingSizes},
    },
    mem::{Names, Region},
};

use crate::{
    conformance::{self, conforms, directory},
    seat::Seats,
};

const PAGE: usize = 4096;

fn make(chores: Option<ChoreCounter>) -> BackendMaker {
    sized(RingSizes::default(), chores)
}

fn sized(sizes: RingSizes, chores: Option<ChoreCounter>) -> BackendMaker {
    let ring = DormantRing::create(sizes).unwrap();
    Box::new(|| Box::new(RingBackend::new(ring, Names::of_files(), chores).unwrap()))
}

conforms!(super::make);

/// A ring that is too small for everything: queues are full, completions overflow, and nothing is lost.
mod small {
    use super::*;

    fn make(chores: Option<ChoreCounter>) -> BackendMaker {
        let sizes = RingSizes {
            entries: 4,
            completions: 4,
            transfers: 8,
            polls: 1,
            files: 2,
        };
        sized(sizes, chores)
    }

    conforms!(super::make);
}

#[test]
fn the_ring_carries_datagrams_in_a_bounded_number_of_calls() {
    let work = conformance::carries_datagrams_in_order(make(None));
    assert_eq!(work.datagrams_sent, 1_000);
    assert_eq!(work.ring_sends, 1_000);
    assert_eq!(work.ring_receives, work.receives);
    assert_eq!(work.copied_bytes, 500 * 4);
    // At most eight are in flight, so a loop moves some eight of them in two calls; half of that is allowed for.
    assert!(work.system_calls < 700, "{work:?}");
}

#[test]
fn the_ring_carries_direct_writes_and_no_buffered_ones() {
    let directory = directory("ring-files");
    let work =
        conformance::writes_and_reads_back(make(None), &directory.path, FileAccess::Buffered);
    assert_eq!(work.ring_direct_writes, 0);
    fs::remove_file(directory.path.join("pages")).unwrap();
    let work = conformance::writes_and_reads_back(make(None), &directory.path, FileAccess::Direct);
    assert_eq!(work.ring_direct_writes, 16);
    // Bounds for: one call for 16 writes, a sync, a read, registering, and parks meanwhile.
    assert!(work.system_calls - work.parks < 16, "{work:?}");
}

#[test]
fn no_kernel_worker_starts_whatever_is_done() {
    let directory = directory("workers");
    let mut seats = Seats::new(1, make(None));
    let (from, _) = seats.bind(0, Interest::SendOnly);
    let (_, to) = seats.bind(0, Interest::Receive);
    let tmpfs = format!("/dev/shm/taranis-{}-workers", std::process::id());
    let allocated = Opening::New {
        len: 64 * PAGE as u64,
    };
    let files = [
        seats.open(
            0,
            directory.path.join("direct"),
            FileAccess::Direct,
            allocated,
        ),
        seats.open(
            0,
            directory.path.join("holes"),
            FileAccess::Direct,
            Opening::OrEmpty,
        ),
        seats.open(
            0,
            directory.path.join("buffered"),
            FileAccess::Buffered,
            Opening::OrEmpty,
        ),
        seats.open(0, &tmpfs, FileAccess::Buffered, Opening::OrEmpty),
    ];
    fs::remove_file(tmpfs).unwrap();
    let region = Region::heap(16 * PAGE);
    let tickets = seats.turn(0, move |cycle| {
        let mut tickets = Vec::new();
        for page in 0..16 {
            let span = region.span(page * PAGE, PAGE).unwrap();
            tickets.push(cycle.net.send(from, span.clone(), Some(to)).unwrap());
            for file in &files[..if page < 4 { 4 } else { 1 }] {
                let at = 2 * (page * PAGE) as u64;
                let write = cycle
                    .files
                    .write(*file, span.clone(), at, Durability::OnDisk);
                tickets.push(write.unwrap());
            }
        }
        tickets
    });
    for ticket in tickets {
        assert_eq!(seats.moved(0, ticket), Ok(PAGE));
    }
    let region = Region::heap(16 * PAGE);
    let tickets = seats.turn(0, move |cycle| {
        let reads = files.map(|file| {
            let span = region.span(0, 7 * PAGE).unwrap();
            cycle.files.read(file, span, 0).unwrap()
        });
        for file in files {
            cycle.files.sync(file).unwrap();
        }
        reads
    });
    for ticket in tickets {
        assert_eq!(seats.moved(0, ticket), Ok(7 * PAGE));
    }
    assert_eq!(seats.datagrams(0, 16).len(), 16);
    assert!(seats.work().ring_direct_writes >= 16);
    assert_eq!(workers(), Vec::<String>::new());
}

/// The kernel's workers among this process's threads.
fn workers() -> Vec<String> {
    let mut names = Vec::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        // A thread may end meanwhile.
        let name = fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default();
        names.push(name.trim().to_owned());
    }
    assert!(!names.is_empty());
    names.retain(|name| name.starts_with("iou-"));
    names
}
