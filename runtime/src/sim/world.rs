//! The world: hosts, processes, time, and what is going to happen.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use super::{
    HostId, ProcessId,
    agenda::{Agenda, Event},
    digest::digest,
    disk::Tree,
    network::{Arrival, Network, Packet},
    one_thread::OneThread,
    operation::Operation,
    random::Streams,
    settings::Settings,
    thread_io::ThreadIo,
    trace::{Line, Trace},
    words::{Watched, Words},
};
use crate::{
    clock::Now,
    halt::Halt,
    io::{IoFailure, Ticket},
    mem::Region,
};

/// A handle on the world; the world ends with the last one.
#[derive(Clone)]
pub(super) struct World {
    inner: Arc<OneThread<Inner>>,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            inner: Arc::new(OneThread::new(Inner::new(settings))),
        }
    }

    /// Lends the world, which must not be asked for again meanwhile: hooks (sink, wire, watch) run in here.
    #[track_caller]
    pub(super) fn with<R>(&self, use_it: impl FnOnce(&mut Inner) -> R) -> R {
        self.inner.with(use_it)
    }
}

/// Is told each shared-memory object that is created, and says which of its words are watched.
pub type Watch = Box<dyn FnMut(HostId, &Path, &Region) -> Option<Words>>;

pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) random: Streams,
    pub(super) network: Network,
    pub(super) agenda: Agenda,
    pub(super) trace: Trace,
    pub(super) threads: BTreeMap<u32, ThreadIo>,
    /// Host names, and where they lead.
    pub(super) names: BTreeMap<String, Vec<IpAddr>>,
    pub(super) watch: Option<Watch>,
    /// Virtual nanoseconds since the start.
    pub(super) now_ns: u64,
    /// Faults that agents had and nobody took yet.
    pub(super) faults: Vec<(ProcessId, String)>,
    next_thread: u32,
    hosts: Vec<Host>,
    processes: Vec<Process>,
    watched: BTreeMap<(HostId, String), Watched>,
    /// Where the last turn was.
    last_host: HostId,
}

/// A machine: addresses, clocks and names of its own.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) tree: Tree,
    /// Its monotonic clock at the start; no two hosts' clocks have anything in common.
    pub(super) mono_base_ns: i64,
    /// Its epoch clock at the start, and all steps since.
    pub(super) epoch_base_ns: i64,
}

/// One life of a process; a restart is another.
pub(super) struct Process {
    pub(super) name: String,
    pub(super) host: HostId,
    pub(super) halt: Halt,
    pub(super) is_alive: bool,
    /// Steps until it is killed, if it is to be.
    pub(super) steps_left: Option<u64>,
    /// It has no turns before.
    pub(super) stalled_until_ns: u64,
    /// Threads it has had, for the trace.
    pub(super) threads: u32,
}

/// Virtual hosts boot within the last month.
const UPTIME_NS: std::ops::Range<i64> = 1_000_000_000..30 * 86_400 * 1_000_000_000;

impl Inner {
    fn new(settings: Settings) -> Self {
        let localhost = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
        Self {
            random: Streams::of(settings.seed),
            network: Network::new(&settings),
            settings,
            agenda: Agenda::default(),
            trace: Trace::new(),
            threads: BTreeMap::new(),
            names: BTreeMap::from([("localhost".to_owned(), localhost)]),
            watch: None,
            now_ns: 0,
            faults: Vec::new(),
            next_thread: 0,
            hosts: Vec::new(),
            processes: Vec::new(),
            watched: BTreeMap::new(),
            last_host: HostId(0),
        }
    }

    pub(super) fn add_host(&mut self, name: &str, ips: &[IpAddr]) -> HostId {
        let id = HostId(u16::try_from(self.hosts.len()).expect("fewer than 65,536 hosts"));
        for ip in ips {
            self.network.add_address(*ip, id);
        }
        self.names.insert(name.to_owned(), ips.to_vec());
        let mut rng = self.random.named(name);
        self.hosts.push(Host {
            name: name.to_owned(),
            tree: Tree::default(),
            mono_base_ns: rng.i64(UPTIME_NS),
            epoch_base_ns: self.settings.epoch_ns,
        });
        id
    }

    pub(super) fn add_process(&mut self, name: &str, host: HostId) -> ProcessId {
        let id = ProcessId(u32::try_from(self.processes.len()).expect("fewer than 2³² processes"));
        self.processes.push(Process {
            name: name.to_owned(),
            host,
            halt: Halt::new(),
            is_alive: true,
            steps_left: None,
            stalled_until_ns: 0,
            threads: 0,
        });
        self.note(id, "start", u64::from(host.0));
        id
    }

    /// A number that no thread had before.
    pub(super) fn new_thread(&mut self) -> u32 {
        let number = self.next_thread;
        self.next_thread += 1;
        number
    }

    /// How many lives a process of this name has had.
    pub(super) fn lives_of(&self, name: &str) -> usize {
        let all = self.processes.iter();
        all.filter(|process| process.name == name).count()
    }

    pub(super) fn host(&self, id: HostId) -> &Host {
        &self.hosts[usize::from(id.0)]
    }

    pub(super) fn host_mut(&mut self, id: HostId) -> &mut Host {
        &mut self.hosts[usize::from(id.0)]
    }

    pub(super) fn process(&self, id: ProcessId) -> &Process {
        &self.processes[id.0 as usize]
    }

    pub(super) fn process_mut(&mut self, id: ProcessId) -> &mut Process {
        &mut self.processes[id.0 as usize]
    }

    pub(super) fn processes_of(&self, host: HostId) -> Vec<ProcessId> {
        let all = (0u32..).zip(&self.processes);
        let here = all.filter(|(_, process)| process.host == host);
        here.map(|(id, _)| ProcessId(id)).collect()
    }

    /// The clocks of a host.
    pub(super) fn now_of(&self, host: HostId) -> Now {
        let host = self.host(host);
        let since = i64::try_from(self.now_ns).expect("a run is shorter than 292 years");
        Now {
            mono_ns: host.mono_base_ns + since,
            epoch_ns: host.epoch_base_ns + since,
        }
    }

    /// A host's monotonic time as virtual time; 0 for what was before the start.
    pub(super) fn virtual_ns(&self, host: HostId, mono_ns: i64) -> u64 {
        let since = mono_ns.saturating_sub(self.host(host).mono_base_ns);
        u64::try_from(since).unwrap_or(0)
    }

    /// A turn's time passes.
    pub(super) fn tick(&mut self) {
        let took = self.settings.turn.draw(&mut self.random.schedule);
        self.advance_to(self.now_ns + took);
    }

    /// Time passes, and what is due by then happens at its time.
    pub(super) fn advance_to(&mut self, until_ns: u64) {
        while let Some((at, event)) = self.agenda.pop_due(until_ns) {
            self.now_ns = self.now_ns.max(at);
            match event {
                Event::Arrive(packet) => self.arrive(packet),
                Event::Refuse(socket) => self.network.refuse(socket),
                Event::Finish(operation) => self.finish(operation),
                Event::Act(act) => self.act(act),
            }
        }
        self.now_ns = self.now_ns.max(until_ns);
    }

    /// All are idle: time jumps to what comes next, a wake-up or an event, and not beyond `until_ns`.
    pub(super) fn jump(&mut self, until_ns: u64, wake_ns: Option<u64>) {
        let longest = self.now_ns + self.settings.longest_idle_ns;
        let next = [wake_ns, self.agenda.next_ns()].into_iter().flatten();
        let next = next.fold(until_ns.min(longest), u64::min);
        self.advance_to(next.max(self.now_ns + 1));
    }

    /// One step of a process's life, at which it may end; returns whether it goes on.
    pub(super) fn step(&mut self, id: ProcessId) -> bool {
        let process = self.process_mut(id);
        match &mut process.steps_left {
            Some(0) => self.kill(id),
            Some(left) => *left -= 1,
            None => {}
        }
        self.process(id).is_alive
    }

    /// The process is no more: nothing of it completes, its sockets are closed. Its names and files stay.
    pub(super) fn kill(&mut self, id: ProcessId) {
        if !std::mem::take(&mut self.process_mut(id).is_alive) {
            return;
        }
        self.note(id, "kill", 0);
        for operation in self.agenda.take_operations_of(id) {
            self.leave_behind(operation);
        }
        self.network.close_all_of(id);
        self.threads.retain(|_, thread| thread.process != id);
    }

    /// The power of a host fails; its processes were killed before.
    pub(super) fn lose_power(&mut self, id: HostId) {
        let host = &mut self.hosts[usize::from(id.0)];
        host.tree.lose_power(&mut self.random.disk);
        self.watched.retain(|(owner, _), _| *owner != id);
        let line = Line {
            at_ns: self.now_ns,
            process: &host.name,
            agent: None,
            event: "powercut",
            detail: format_args!(""),
        };
        self.trace.note(&line, &[], &[]);
    }

    /// The last thread of a process came to its end.
    pub(super) fn exit(&mut self, id: ProcessId) {
        if std::mem::take(&mut self.process_mut(id).is_alive) {
            self.note(id, "exit", 0);
            self.network.close_all_of(id);
        }
    }

    /// Creates a shared-memory object; the watch may want some of its words.
    pub(super) fn create_shared(
        &mut self,
        host: HostId,
        path: &Path,
        len: usize,
    ) -> Result<Region, IoFailure> {
        let region = self.host_mut(host).tree.create_shared(path, len)?;
        let wanted = self
            .watch
            .as_mut()
            .and_then(|watch| watch(host, path, &region));
        if let Some(words) = wanted {
            self.watch_words(host, &path.display().to_string(), &region, words);
        }
        Ok(region)
    }

    /// Watches words under a label, in place of what was watched under it before.
    pub(super) fn watch_words(&mut self, host: HostId, label: &str, region: &Region, words: Words) {
        let watched = Watched::new(region, words);
        let watched = watched.unwrap_or_else(|error| panic!("watching {label}: {error}"));
        self.watched.insert((host, label.to_owned()), watched);
    }

    /// An agent of `host` is about to see its shared memory: notes what was stored there, and where the turn before was.
    pub(super) fn look_at_words(&mut self, host: HostId) {
        let before = std::mem::replace(&mut self.last_host, host);
        self.look_at(before);
        if before != host {
            self.look_at(host);
        }
    }

    /// Notes what was stored in the words of all hosts.
    pub(super) fn look_at_all_words(&mut self) {
        for host in 0..self.hosts.len() {
            self.look_at(HostId(host as u16));
        }
    }

    /// Notes an agent's fault, and keeps it for whoever asks.
    pub(super) fn note_fault(&mut self, id: ProcessId, text: String) {
        let line = Line {
            at_ns: self.now_ns,
            process: &self.processes[id.0 as usize].name,
            agent: None,
            event: "fault",
            detail: format_args!("{text}"),
        };
        self.trace.note(&line, &[], text.as_bytes());
        self.faults.push((id, text));
    }

    /// Notes an event of a process.
    pub(super) fn note(&mut self, id: ProcessId, event: &'static str, number: u64) {
        let line = Line {
            at_ns: self.now_ns,
            process: &self.processes[id.0 as usize].name,
            agent: None,
            event,
            detail: format_args!("{number}"),
        };
        self.trace.note(&line, &[number], &[]);
    }

    /// Plans what a turn sent.
    pub(super) fn plan_arrivals(&mut self, due: &mut Vec<(u64, Packet)>) {
        for (at, packet) in due.drain(..) {
            self.agenda.plan(at, Event::Arrive(packet));
        }
    }

    fn look_at(&mut self, host: HostId) {
        let (hosts, trace, at_ns) = (&self.hosts, &mut self.trace, self.now_ns);
        let from = (host, String::new());
        for ((_, label), watched) in self
            .watched
            .range_mut(from..)
            .take_while(|((owner, _), _)| *owner == host)
        {
            watched.look(|stored| {
                let line = Line {
                    at_ns,
                    process: &hosts[usize::from(host.0)].name,
                    agent: None,
                    event: "store",
                    detail: format_args!("{label}[{}] = {}", stored.index, stored.value),
                };
                trace.note(
                    &line,
                    &[stored.index, stored.value as u64],
                    label.as_bytes(),
                );
            });
        }
    }

    fn arrive(&mut self, packet: Packet) {
        let (to, len) = (packet.to, packet.bytes.len());
        let host = packet.to_host;
        let (event, number) = match self.network.arrive(packet) {
            Arrival::Queued(sockets) => ("arrive", sockets as u64),
            Arrival::Overflowed => ("overflow", 0),
            Arrival::NoSocket(back) => {
                if let Some((sender, delay)) = back {
                    self.agenda.plan(self.now_ns + delay, Event::Refuse(sender));
                }
                ("nosocket", 0)
            }
        };
        let line = Line {
            at_ns: self.now_ns,
            process: &self.hosts[usize::from(host.0)].name,
            agent: None,
            event,
            detail: format_args!("{len} bytes to {to}"),
        };
        self.trace.note(&line, &[number, len as u64], &[]);
    }

    fn finish(&mut self, operation: Operation) {
        let is_chore = operation.work.is_chore();
        let (outcome, bytes) = self.perform(operation.process, operation.work);
        let (thread, ticket) = (operation.thread, operation.ticket);
        if let Some(numbers) = self
            .threads
            .get(&thread)
            .and_then(|thread| thread.knows(ticket).then(|| digest(&outcome)))
        {
            self.note_completion(thread, ticket, &numbers, &bytes);
        }
        if let Some(thread) = self.threads.get_mut(&thread) {
            thread.post(ticket, outcome, is_chore);
        }
    }

    fn note_completion(&mut self, thread: u32, ticket: Ticket, numbers: &[u64], bytes: &[u8]) {
        let io = &self.threads[&thread];
        let line = Line {
            at_ns: self.now_ns,
            process: &self.processes[io.process.0 as usize].name,
            agent: Some((io.number, ticket.agent().slot)),
            event: "complete",
            detail: format_args!("{:08x} {numbers:?}", ticket.to_bits() & 0xffff_ffff),
        };
        let numbers: Vec<_> = [ticket.to_bits()].iter().chain(numbers).copied().collect();
        self.trace.note(&line, &numbers, bytes);
    }
}
