//! Drivers to test against, and waiting for conditions.

#![expect(
    clippy::disallowed_methods,
    reason = "a test with a real driver lives in real time"
)]

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use taranis_runtime::{
    config::Nanos,
    testing::{FreshDir, peer::Peer},
};
use taranis_transport::client::{Client, Context, Handlers};

const PATIENCE: Duration = Duration::from_secs(60);

/// A Java driver in a directory of its own.
pub(crate) struct JavaDriver {
    pub(crate) peer: Peer,
    pub(crate) dir: PathBuf,
    // Removed after the driver has ended.
    fresh: FreshDir,
}

impl JavaDriver {
    /// Starts one; `None` where there is no Java, which has been said.
    pub(crate) fn start(test: &str) -> Option<Self> {
        Self::start_with(test, &[])
    }

    pub(crate) fn start_with(test: &str, settings: &[&str]) -> Option<Self> {
        let fresh = FreshDir::in_shm(test);
        // Made anew by the driver, which also removes it when it closes.
        let dir = fresh.path().to_owned();
        let peer = start_peer(&dir, settings)?;
        Some(Self { peer, dir, fresh })
    }

    pub(crate) fn context(&self) -> Context {
        Context {
            idle_sleep: Nanos(1_000_000),
            ..Context::new(&self.dir)
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(Handlers::default())
    }

    pub(crate) fn client_with(&self, handlers: Handlers) -> Client {
        Client::launch(self.context(), handlers).unwrap()
    }

    /// Sends a command and waits for the line that begins with `answer`; returns the rest of it.
    pub(crate) fn ask(&mut self, command: &str, answer: &str) -> String {
        self.peer.send(command).unwrap();
        self.answer(answer)
    }

    /// Ends it as a crash would; its directory stays.
    pub(crate) fn kill(self) -> DeadDriver {
        self.peer.kill().unwrap();
        DeadDriver {
            dir: self.dir,
            fresh: self.fresh,
        }
    }

    /// Waits for the line that begins with `answer`.
    pub(crate) fn answer(&mut self, answer: &str) -> String {
        let line = self.peer.line(PATIENCE * 3).unwrap();
        match line.strip_prefix(answer) {
            Some(rest) => rest.trim().to_owned(),
            None => panic!("expected a line that begins with {answer}, got {line:?}"),
        }
    }
}

/// What a killed driver leaves.
pub(crate) struct DeadDriver {
    dir: PathBuf,
    fresh: FreshDir,
}

impl DeadDriver {
    /// A new driver in the same directory.
    pub(crate) fn restart(self, settings: &[&str]) -> JavaDriver {
        let peer = start_peer(&self.dir, settings).expect("there was a driver before");
        JavaDriver {
            peer,
            dir: self.dir,
            fresh: self.fresh,
        }
    }
}

fn start_peer(dir: &std::path::Path, settings: &[&str]) -> Option<Peer> {
    let mut arguments = vec![dir.to_str().unwrap()];
    arguments.extend_from_slice(settings);
    let mut peer = Peer::java("tests/peers/DriverPeer.java", &arguments)?;
    peer.ready(PATIENCE).unwrap();
    Some(peer)
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

/// As [`until`], for conditions.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    until(what, || condition().then_some(()));
}
