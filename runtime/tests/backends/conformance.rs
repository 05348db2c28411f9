//! What every backend must do. A backend's own file gives a maker and asks for counters afterwards.

use std::{
    fs,
    path::{Path, PathBuf},
};

use taranis_runtime::{
    agent::Agent,
    cycle::Rng,
    halt::Halt,
    invoker::{BackendMaker, Cycled, Invoker},
    io::{FileAccess, IoWork},
};

use crate::agents::{Datagrams, Seen, Writer};

/// Cycles after which a run counts as stuck; each idle one parks for up to a millisecond.
const CYCLES: usize = 20_000;

/// A fresh directory on disk, removed at the end of its test.
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
}

pub(crate) fn directory(test: &str) -> Directory {
    let name = format!("{}-{test}", std::process::id());
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
