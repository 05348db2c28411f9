//! A simulated world and everything that may be done to it.

use std::{io, net::IpAddr, path::Path, sync::Arc};

use super::{
    HostId, ProcessId,
    act::Act,
    agenda::Event,
    names::HostNames,
    network::Wire,
    one_thread::OneThread,
    place::Place,
    schedule::{self, Schedule},
    settings::{Link, Settings},
    trace::Sink,
    words::Words,
    world::{Watch, World},
};
use crate::{
    clock::Now,
    invoker::Invoker,
    io::{Entry, IoFailure, Opening},
    mem::{Names, Region},
};

/// A world with its hosts and processes, run by whoever holds it.
///
/// Time stands still between calls. [`Self::run_until`] gives turns to all threads of all processes, round by round.
///
/// # Threading
/// Belongs to the thread that made it; so do all places, backends and names of it. Several worlds on one thread, or on
/// several, have nothing in common.
pub struct Simulation {
    world: World,
    schedule: Arc<OneThread<Schedule>>,
    seed: u64,
}

/// A condition did not come true in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not reached within {within_ns} ns of virtual time (seed {seed}, now at {now_ns} ns, {lines} events, hash {hash:016x})"
)]
pub struct NotReached {
    /// The seed of the run.
    pub seed: u64,
    /// Virtual time allowed.
    pub within_ns: u64,
    /// Virtual time now.
    pub now_ns: u64,
    /// Events so far.
    pub lines: u64,
    /// The hash so far.
    pub hash: u64,
}

impl Simulation {
    /// A world without hosts.
    pub fn new(settings: Settings) -> Self {
        let seed = settings.seed;
        Self {
            world: World::new(settings),
            schedule: Arc::new(OneThread::new(Schedule::default())),
            seed,
        }
    }

    /// Adds a machine with its addresses (loopback it has by itself); its name resolves to them.
    ///
    /// # Panics
    /// When an address belongs to a host already.
    pub fn add_host(&mut self, name: &str, ips: &[IpAddr]) -> HostId {
        self.world.with(|world| world.add_host(name, ips))
    }

    /// Lets a host name lead to addresses from now on; to none: it is unknown.
    pub fn set_name(&mut self, name: &str, ips: &[IpAddr]) {
        self.world.with(|world| {
            if ips.is_empty() {
                world.names.remove(name);
            } else {
                world.names.insert(name.to_owned(), ips.to_vec());
            }
        });
    }

    /// Starts a process: `make` builds its threads. The same name again is its restart, with other random numbers.
    pub fn start(
        &mut self,
        name: &str,
        host: HostId,
        make: impl FnOnce(&mut Place) -> Vec<Invoker>,
    ) -> ProcessId {
        let mut place = self.place(name, host);
        let invokers = make(&mut place);
        let process = place.process();
        self.schedule
            .with(|schedule| schedule.add(process, invokers));
        process
    }

    /// A process whose threads belong to the caller, who runs its invokers; the rest of the world goes on while they park.
    pub fn place(&mut self, name: &str, host: HostId) -> Place {
        let process = self.world.with(|world| world.add_process(name, host));
        Place::new(&self.world, &self.schedule, process)
    }

    /// Runs the world until `done` says so, which is asked after each round, for at most `within_ns` of virtual time (and
    /// until a callback that idles then comes back).
    ///
    /// # Errors
    /// [`NotReached`].
    ///
    /// # Panics
    /// When a callback idles for [`Settings::patience_ns`] beyond that; and as agents do.
    pub fn run_until(
        &mut self,
        within_ns: u64,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), NotReached> {
        let deadline = self.now_ns().saturating_add(within_ns);
        while !done(self) {
            if self.now_ns() >= deadline {
                return Err(self.not_reached(within_ns));
            }
            self.round(deadline);
        }
        Ok(())
    }

    /// Runs the world for some virtual time.
    pub fn run_for(&mut self, ns: u64) {
        let deadline = self.now_ns().saturating_add(ns);
        while self.now_ns() < deadline {
            self.round(deadline);
        }
    }

    /// Does something to the world now.
    pub fn act(&mut self, act: Act) {
        self.world.with(|world| world.act(act));
        self.sweep();
    }

    /// Does something to the world in some virtual time, also while a callback idles.
    pub fn plan(&mut self, after_ns: u64, act: Act) {
        self.world.with(|world| {
            let at = world.now_ns.saturating_add(after_ns);
            world.agenda.plan(at, Event::Act(act));
        });
    }

    /// Whether a process was neither killed nor at its end.
    pub fn is_alive(&self, process: ProcessId) -> bool {
        self.world.with(|world| world.process(process).is_alive)
    }

    /// The settings of one direction between two hosts, or within one, from now on.
    pub fn set_link(&mut self, from: HostId, to: HostId, link: Link) {
        self.world
            .with(|world| world.network.set_link(from, to, link));
    }

    /// Lets `wire` see every datagram that leaves its host; it must not use the simulation.
    pub fn set_wire(&mut self, wire: Option<Wire>) {
        self.world.with(|world| world.network.set_wire(wire));
    }

    /// The clocks of a host.
    pub fn now_of(&self, host: HostId) -> Now {
        self.world.with(|world| world.now_of(host))
    }

    /// Virtual nanoseconds since the start.
    pub fn now_ns(&self) -> u64 {
        self.world.with(|world| world.now_ns)
    }

    /// The hash over all events so far: every delivered byte, every completion, every store to a watched word, every start
    /// and end of a process, each with its time.
    pub fn hash(&self) -> u64 {
        self.world.with(|world| world.trace.hash())
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.world.with(|world| world.trace.lines())
    }

    /// Gives each event to `sink` from now on, which must not use the simulation.
    pub fn trace_to(&mut self, sink: Sink) {
        self.world.with(|world| world.trace.send_to(sink));
    }

    /// Asks `watch` about each shared-memory object that is created from now on: which of its words are counters, whose
    /// stores are events. It must not use the simulation.
    pub fn watch_created(&mut self, watch: Watch) {
        self.world.with(|world| world.watch = Some(watch));
    }

    /// Makes stores to some words of a region events, under a label.
    ///
    /// # Panics
    /// When the words don't lie inside the region.
    pub fn watch(&mut self, host: HostId, label: &str, region: &Region, words: Words) {
        self.world
            .with(|world| world.watch_words(host, label, region, words));
    }

    /// Takes the faults that agents had: process, and in words which agent and what.
    pub fn take_faults(&mut self) -> Vec<(ProcessId, String)> {
        self.world.with(|world| std::mem::take(&mut world.faults))
    }

    /// Shared memory of a host, for start-up code and checkers.
    pub fn names(&self, host: HostId) -> Names {
        Names::new(Arc::new(HostNames::new(self.world.clone(), host)))
    }

    /// Creates a directory of a host, and its parents.
    ///
    /// # Errors
    /// As Linux reports it.
    pub fn create_directory(&mut self, host: HostId, path: &Path) -> io::Result<()> {
        let created = self
            .world
            .with(|world| world.host_mut(host).tree.create_directory(path));
        created.map_err(io::Error::from)
    }

    /// The bytes of a durable file as processes see them now, for start-up code and checkers.
    ///
    /// # Errors
    /// As Linux reports it.
    pub fn read_file(&self, host: HostId, path: &Path) -> io::Result<Vec<u8>> {
        let read = self.world.with(|world| {
            let tree = &mut world.host_mut(host).tree;
            let file = tree.open_file(path, Opening::Existing, 0)?;
            Ok(file.with(|inode| {
                let mut bytes = vec![0; usize::try_from(inode.len()).unwrap_or(usize::MAX)];
                inode.read(0, &mut bytes);
                bytes
            }))
        });
        read.map_err(|failure: IoFailure| failure.into())
    }

    /// Puts bytes into a durable file, in place of what it held, as if they had been there since long: name and bytes
    /// survive a power cut.
    ///
    /// # Errors
    /// As Linux reports it.
    pub fn write_file(&mut self, host: HostId, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let written = self.world.with(|world| {
            let tree = &mut world.host_mut(host).tree;
            match tree.unlink(path) {
                Err(failure) if failure.errno != libc::ENOENT => return Err(failure),
                _ => {}
            }
            let file = tree.open_file(path, Opening::New { len: 0 }, 0)?;
            file.with(|inode| inode.write_through(0, bytes));
            Ok(())
        });
        written.map_err(io::Error::from)
    }

    /// Removes a name of a host.
    ///
    /// # Errors
    /// As Linux reports it.
    pub fn remove_file(&mut self, host: HostId, path: &Path) -> io::Result<()> {
        let removed = self
            .world
            .with(|world| world.host_mut(host).tree.unlink(path));
        removed.map_err(io::Error::from)
    }

    /// What is in a directory of a host, in order of name.
    ///
    /// # Errors
    /// As Linux reports it.
    pub fn list(&self, host: HostId, path: &Path) -> io::Result<Vec<Entry>> {
        let listed = self.world.with(|world| world.host(host).tree.list(path));
        listed.map_err(io::Error::from)
    }

    fn round(&mut self, until_ns: u64) {
        let limit = self
            .world
            .with(|world| until_ns.saturating_add(world.settings.patience_ns));
        self.schedule.with(|schedule| schedule.set_limit(limit));
        schedule::step(&self.world, &self.schedule, until_ns);
    }

    fn sweep(&mut self) {
        schedule::sweep(&self.world, &self.schedule);
    }

    fn not_reached(&self, within_ns: u64) -> NotReached {
        NotReached {
            seed: self.seed,
            within_ns,
            now_ns: self.now_ns(),
            lines: self.events(),
            hash: self.hash(),
        }
    }
}
