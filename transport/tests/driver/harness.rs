//! Our driver in a directory of its own, and waiting for conditions.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test with real processes lives in real time, and its rows take turns"
)]

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use taranis_runtime::{
    agent::Agent,
    clock::Now,
    config::Bytes,
    cycle::Rng,
    halt::Halt,
    idle::IdleStrategy,
    invoker::Invoker,
    io::plain::PlainBackend,
    mem::{FileNames, Names},
    runner::{Runners, ThreadPlan},
    testing::{FreshDir, peer::Peer},
};
use taranis_transport::{
    client::{Client, Context, Handlers},
    driver::{DriverSettings, MediaDriver},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A driver of ours on one thread.
pub(crate) struct OurDriver {
    pub(crate) dir: PathBuf,
    runners: Option<Runners>,
    _fresh: FreshDir,
}

impl OurDriver {
    pub(crate) fn start(test: &str) -> Self {
        Self::start_with(test, |_| {})
    }

    pub(crate) fn start_with(test: &str, change: impl FnOnce(&mut DriverSettings)) -> Self {
        let fresh = FreshDir::in_shm(test);
        let dir = fresh.join("driver");
        for folder in ["publications", "images"] {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let mut settings = DriverSettings {
            term_buffer_length: Bytes(1 << 20),
            ipc_term_buffer_length: Bytes(1 << 20),
            ..DriverSettings::default()
        };
        change(&mut settings);
        let seeds = (Now::read(), Rng::new());
        let driver =
            MediaDriver::new(settings, &dir, &FileNames, seeds, Box::new(|_| false)).unwrap();
        let agents: Vec<Box<dyn Agent>> = vec![
            Box::new(driver.sender),
            Box::new(driver.receiver),
            Box::new(driver.conductor),
        ];
        let halt = Halt::new();
        let backend = Box::new(|| -> Box<dyn taranis_runtime::io::Backend> {
            Box::new(PlainBackend::new(Names::of_files(), None))
        });
        let on_fault = Box::new(|agent: &str, fault: &_| panic!("{agent}: {fault}"));
        let invoker = Invoker::new(agents, backend, Rng::new(), halt.clone(), on_fault);
        let mut runners = Runners::new(halt);
        let plan = ThreadPlan {
            name: "driver".to_owned(),
            core: None,
            idle: IdleStrategy::BACKOFF,
        };
        runners.start(plan, invoker).unwrap();
        Self {
            dir,
            runners: Some(runners),
            _fresh: fresh,
        }
    }

    pub(crate) fn client(&self) -> Client {
        let context = Context {
            idle_sleep: taranis_runtime::config::Nanos(1_000_000),
            ..Context::new(&self.dir)
        };
        Client::launch(context, Handlers::default()).unwrap()
    }

    /// Stops it; says why it had stopped, if it had.
    pub(crate) fn stop(mut self) -> String {
        let runners = self.runners.take().expect("it runs until it is stopped");
        runners
            .stop("test", "done")
            .map_or_else(String::new, |reason| reason.why)
    }
}

/// A Java client (publishes and subscribes on command) on a driver that is there.
pub(crate) fn java_client(dir: &Path) -> Option<Peer> {
    let mut peer = Peer::java(
        "tests/peers/DriverPeer.java",
        &[dir.to_str().unwrap(), "attach"],
    )?;
    peer.ready(PATIENCE).unwrap();
    Some(peer)
}

/// Waits for the line that begins with `answer`; returns the rest of it.
pub(crate) fn answer(peer: &mut Peer, answer: &str) -> String {
    let line = peer.line(PATIENCE * 3).unwrap();
    match line.strip_prefix(answer) {
        Some(rest) => rest.trim().to_owned(),
        None => panic!("expected a line that begins with {answer}, got {line:?}"),
    }
}

/// Messages of a row: all of them in an optimised profile, a tenth in a debug build, or as `TARANIS_PEER_MESSAGES` says.
pub(crate) fn messages() -> u32 {
    let default = if cfg!(debug_assertions) {
        10_000
    } else {
        100_000
    };
    std::env::var("TARANIS_PEER_MESSAGES").map_or(default, |count| count.parse().unwrap())
}

/// A row takes both cores: one at a time.
pub(crate) fn row() -> MutexGuard<'static, ()> {
    static ROWS: Mutex<()> = Mutex::new(());
    ROWS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the condition gives something.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_micros(200));
    }
}
