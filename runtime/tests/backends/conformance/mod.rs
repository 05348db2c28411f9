//! What every backend must do. A backend's own file gives a maker and asks for counters afterwards.

pub(crate) mod chores;
pub(crate) mod files;
pub(crate) mod net;

use std::{
    fs,
    path::{Path, PathBuf},
};

use taranis_runtime::{
    agent::Agent,
    cycle::Rng,
    halt::Halt,
    invoker::{BackendMaker, Cycled, Invoker},
    io::{ChoreCounter, FileAccess, IoWork},
};

use crate::agents::{Datagrams, Seen, Writer};

/// Cycles after which a run counts as stuck; each idle one parks for up to a millisecond.
const CYCLES: usize = 20_000;

/// Makes a backend's maker; without a counter, chores are done inline.
pub(crate) type Make = fn(Option<ChoreCounter>) -> BackendMaker;

/// Where a backend's files are, for what tests do to them behind its back.
pub(crate) struct Ground {
    /// Is told each directory that a test uses.
    pub(crate) prepare: fn(&Path),
    pub(crate) write: fn(&Path, &[u8]),
    pub(crate) read: fn(&Path) -> Vec<u8>,
    pub(crate) remove: fn(&Path),
    /// A file that is there and has no room.
    pub(crate) full: fn() -> PathBuf,
}

impl Ground {
    /// A fresh directory there.
    pub(crate) fn directory(&self, test: &str) -> Directory {
        let directory = directory(test);
        (self.prepare)(&directory.path);
        directory
    }
}

/// The system's files.
pub(crate) const SYSTEM: Ground = Ground {
    prepare: |_| {},
    write: |path, bytes| fs::write(path, bytes).unwrap(),
    read: |path| fs::read(path).unwrap(),
    remove: |path| fs::remove_file(path).unwrap(),
    full: || PathBuf::from("/dev/full"),
};

/// A fresh directory on disk, removed at the end of its test.
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
}

pub(crate) fn directory(test: &str) -> Directory {
    // The tests of several backends run at the same time.
    let thread = std::thread::current().id();
    let name = format!("{}-{thread:?}-{test}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&path).unwrap();
    Directory { path }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left of a failed test is found by its name.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Runs agents on this thread until all are at their end.
pub(crate) fn run_here(agents: Vec<Box<dyn Agent>>, backend: BackendMaker) -> IoWork {
    let on_fault = Box::new(|agent: &str, fault: &_| panic!("{agent}: {fault}"));
    let mut invoker = Invoker::new(agents, backend, Rng::with_seed(1), Halt::new(), on_fault);
    let mut work = IoWork::default();
    for _ in 0..CYCLES {
        match invoker.cycle().unwrap() {
            Cycled::Ended => return work,
            Cycled::Worked(0) => invoker.park(1_000_000).unwrap(),
            Cycled::Worked(_) => {}
        }
        work = invoker.io_work().map_or(work, |(_, work)| work);
    }
    panic!("not at its end after {CYCLES} cycles");
}

pub(crate) fn carries_datagrams_in_order(backend: BackendMaker) -> IoWork {
    let (agent, seen) = Datagrams::new(1_000);
    let work = run_here(vec![Box::new(agent)], backend);
    assert!(matches!(seen.recv().unwrap(), Seen::Bound(_)));
    assert!(matches!(seen.recv().unwrap(), Seen::Bound(_)));
    assert_eq!(seen.recv().unwrap(), Seen::Numbers((0..1_000).collect()));
    work
}

pub(crate) fn writes_and_reads_back(
    backend: BackendMaker,
    directory: &Path,
    access: FileAccess,
) -> IoWork {
    let (agent, seen) = Writer::new(directory.join("pages"), access, 16);
    let work = run_here(vec![Box::new(agent)], backend);
    assert_eq!(
        seen.recv().unwrap(),
        Seen::Written {
            bytes: 16 * 4096,
            read_back: true
        }
    );
    work
}

/// Runs every case with one backend.
macro_rules! conforms {
    ($make:path) => {
        $crate::conformance::conforms!($make, $crate::conformance::SYSTEM);
    };
    ($make:path, $ground:path) => {
        $crate::conformance::conforms! { $make, $ground;
            net {
                keeps_the_order_of_what_a_turn_sends_on_two_sockets,
                a_send_that_fails_fails_alone,
                sends_segments_and_splits_joined_ones,
                carries_empty_datagrams_and_both_families,
                receives_on_more_sockets_than_a_turn_takes,
                takes_a_long_run_of_datagrams_without_loss,
                a_released_socket_sends_what_was_staged_and_frees_its_port,
                an_agent_that_is_gone_holds_nothing_and_disturbs_nobody,
            }
            files on ground {
                reads_up_to_the_end_and_nothing_beyond,
                a_full_device_is_a_failure_with_its_reason,
                refuses_misaligned_direct_access_and_impossible_positions,
                a_hole_is_written_and_a_file_grows,
                a_released_file_has_ended_everything_staged_before,
            }
            chores {
                does_chores_inline,
                a_desk_on_another_thread_does_chores,
            }
        }
    };
    ($make:path, $ground:path; $($area:ident $(on $on:ident)? { $($case:ident,)* })*) => {
        $($crate::conformance::conforms! { @area $make, $ground; $area $(on $on)? { $($case,)* } })*
    };
    (@area $make:path, $ground:path; $area:ident { $($case:ident,)* }) => {
        mod $area {
            $(#[test]
            fn $case() {
                $crate::conformance::$area::$case($make);
            })*
        }
    };
    (@area $make:path, $ground:path; $area:ident on ground { $($case:ident,)* }) => {
        mod $area {
            $(#[test]
            fn $case() {
                $crate::conformance::$area::$case($make, &$ground);
            })*
        }
    };
}
pub(crate) use conforms;
