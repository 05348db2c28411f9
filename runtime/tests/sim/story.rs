//! A source of numbered records and a keeper of them, and a small world of both with kills.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    io::{
        Chore, Durability, File, FileAccess, Interest, Opening, Outcome, Socket, SocketOptions,
        Ticket,
    },
    mem::{Pages, Region, Word64},
    sim::{Delay, HostId, ProcessId, Settings, Simulation, Words},
};

use crate::script::{SECOND_NS, at, ip, start};

/// Bytes of a record: its number, and a payload that follows from it.
pub(crate) const RECORD: usize = 32;
/// Records under way at one time.
const WINDOW: u32 = 16;
/// Without news for this long, the source sends again.
const RESEND_NS: i64 = 2_000_000;

fn record(number: u32, flip: bool) -> [u8; RECORD] {
    let mut record = [number as u8; RECORD];
    record[..4].copy_from_slice(&number.to_le_bytes());
    record[RECORD - 1] ^= u8::from(flip);
    record
}

/// Records from the front of a file that are whole.
pub(crate) fn whole_records(bytes: &[u8]) -> u32 {
    let records = (0u32..).zip(bytes.chunks(RECORD));
    let whole = records.take_while(|(number, bytes)| {
        **bytes == record(*number, false) || **bytes == record(*number, true)
    });
    whole.count() as u32
}

/// Sends records until all are acknowledged, and says in shared memory how many are.
pub(crate) struct Source {
    total: u32,
    flip: Option<u32>,
    local: SocketAddr,
    to: SocketAddr,
    counter: PathBuf,
    acknowledged_word: Option<Word64>,
    socket: Option<Socket>,
    next: u32,
    acknowledged: u32,
    last_news_ns: i64,
}

impl Source {
    pub(crate) fn new(total: u32, local: SocketAddr, to: SocketAddr, counter: &str) -> Self {
        Self {
            total,
            flip: None,
            local,
            to,
            counter: counter.into(),
            acknowledged_word: None,
            socket: None,
            next: 0,
            acknowledged: 0,
            last_news_ns: 0,
        }
    }

    fn take_mail(&mut self, cycle: &mut Cycle<'_>) {
        for datagram in cycle.mail.datagrams() {
            let count = u32::from_le_bytes(datagram.bytes.try_into().unwrap());
            if count > self.acknowledged {
                self.acknowledged = count;
                self.last_news_ns = cycle.now.mono_ns;
            }
        }
        for completion in cycle.mail.take_completions() {
            match completion.outcome {
                Outcome::Socket(token) => {
                    self.socket = Some(cycle.net.adopt(token, Interest::Receive).unwrap());
                }
                Outcome::Region(region) => self.acknowledged_word = region.word64(0).ok(),
                Outcome::Moved(_) | Outcome::Failed(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Agent for Source {
    fn name(&self) -> &str {
        "source"
    }

    fn on_start(&mut self, cycle: &mut Cycle<'_>) -> Result<(), Fault> {
        let shared = Chore::CreateShared {
            path: self.counter.clone(),
            len: 64,
            pages: Pages::Populated,
        };
        cycle.chores.ask(shared).map_err(Fault::stop)?;
        let bind = Chore::Bind {
            local: self.local,
            options: SocketOptions::UNICAST,
        };
        cycle.chores.ask(bind).map_err(Fault::stop)?;
        Ok(())
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        self.take_mail(cycle);
        let (Some(socket), Some(word)) = (self.socket, &self.acknowledged_word) else {
            return Ok(Turn::Worked(0));
        };
        word.store_release(self.acknowledged.into());
        if self.acknowledged == self.total {
            return Ok(Turn::Finished);
        }
        if cycle.now.mono_ns - self.last_news_ns > RESEND_NS {
            self.next = self.acknowledged;
            self.last_news_ns = cycle.now.mono_ns;
        }
        self.next = self.next.max(self.acknowledged);
        let mut work = 0;
        while self.next < self.total.min(self.acknowledged + WINDOW) {
            let bytes = record(self.next, self.flip == Some(self.next));
            let sent = cycle.net.send_copy(socket, &bytes, Some(self.to));
            sent.map_err(Fault::stop)?;
            self.next += 1;
            work += 1;
        }
        cycle.wake.at(self.last_news_ns + RESEND_NS);
        Ok(Turn::Worked(work))
    }
}

/// Writes records to a file in order, and acknowledges what is written up to the first gap. Starts from what is there.
pub(crate) struct Keeper {
    local: SocketAddr,
    path: PathBuf,
    durability: Durability,
    file: Option<File>,
    socket: Option<Socket>,
    /// The file's bytes at the start, until they are read.
    reading: Option<(Ticket, Region)>,
    /// Where a record's bytes stay until its write is complete.
    slots: Region,
    writes: Vec<(Ticket, u32)>,
    done: BTreeSet<u32>,
    expected: u32,
    kept: u32,
}

impl Keeper {
    pub(crate) fn new(local: SocketAddr, path: &str, durability: Durability) -> Self {
        Self {
            local,
            path: path.into(),
            durability,
            file: None,
            socket: None,
            reading: None,
            slots: Region::heap(2 * WINDOW as usize * RECORD),
            writes: Vec::new(),
            done: BTreeSet::new(),
            expected: 0,
            kept: 0,
        }
    }

    fn on_moved(&mut self, ticket: Ticket, count: usize) {
        if let Some((_, region)) = self.reading.take_if(|(reading, _)| *reading == ticket) {
            let mut bytes = vec![0; count];
            region.read(0, &mut bytes).unwrap();
            self.kept = whole_records(&bytes);
            self.expected = self.kept;
        }
        if let Some(at) = self.writes.iter().position(|(write, _)| *write == ticket) {
            assert_eq!(count, RECORD);
            self.done.insert(self.writes.swap_remove(at).1);
            while self.done.remove(&self.kept) {
                self.kept += 1;
            }
        }
    }

    fn take_completions(&mut self, cycle: &mut Cycle<'_>) {
        for completion in cycle.mail.take_completions() {
            match completion.outcome {
                Outcome::Socket(token) => {
                    self.socket = Some(cycle.net.adopt(token, Interest::Receive).unwrap());
                }
                Outcome::File(token) => {
                    let len = token.len() as usize;
                    let file = cycle.files.adopt(token).unwrap();
                    self.file = Some(file);
                    if len > 0 {
                        let region = Region::heap(len);
                        let span = region.span(0, len).unwrap();
                        let ticket = cycle.files.read(file, span, 0).unwrap();
                        self.reading = Some((ticket, region));
                    }
                }
                Outcome::Moved(count) => self.on_moved(completion.ticket, count),
                Outcome::Failed(failure) => assert!(failure.is_would_block(), "{failure}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Agent for Keeper {
    fn name(&self) -> &str {
        "keeper"
    }

    fn on_start(&mut self, cycle: &mut Cycle<'_>) -> Result<(), Fault> {
        let open = Chore::OpenFile {
            path: self.path.clone(),
            access: FileAccess::Buffered,
            opening: Opening::OrEmpty,
        };
        cycle.chores.ask(open).map_err(Fault::stop)?;
        let bind = Chore::Bind {
            local: self.local,
            options: SocketOptions::UNICAST,
        };
        cycle.chores.ask(bind).map_err(Fault::stop)?;
        Ok(())
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        let before = self.kept;
        self.take_completions(cycle);
        let (Some(socket), Some(file), None) = (self.socket, self.file, &self.reading) else {
            return Ok(Turn::Worked(0));
        };
        let mut source = None;
        for datagram in cycle.mail.datagrams() {
            source = Some(datagram.from);
            let number = u32::from_le_bytes(datagram.bytes[..4].try_into().unwrap());
            if number != self.expected || self.expected - self.kept == WINDOW {
                continue;
            }
            let slot = (number % (2 * WINDOW)) as usize * RECORD;
            self.slots.write(slot, datagram.bytes).unwrap();
            let span = self.slots.span(slot, RECORD).unwrap();
            let at = u64::from(number) * RECORD as u64;
            let write = cycle.files.write(file, span, at, self.durability);
            self.writes.push((write.map_err(Fault::stop)?, number));
            self.expected += 1;
        }
        if let Some(source) = source {
            let count = self.kept.to_le_bytes();
            let sent = cycle.net.send_copy(socket, &count, Some(source));
            sent.map_err(Fault::stop)?;
        }
        let work = self.kept - before + u32::from(source.is_some());
        Ok(Turn::Worked(work as usize))
    }
}

pub(crate) const LOG: &str = "/data/log";
pub(crate) const COUNTER: &str = "/shm/acknowledged";
const TOTAL: u32 = 150;

/// Two sources on one host, a keeper on each of two others.
pub(crate) struct Story {
    pub(crate) simulation: Simulation,
    pub(crate) hosts: [HostId; 3],
    pub(crate) keepers: [ProcessId; 2],
    durability: Durability,
    sources: Vec<ProcessId>,
}

pub(crate) fn settings(seed: u64) -> Settings {
    let mut settings = Settings::seeded(seed);
    settings.link.loss_ppm = 10_000;
    settings.link.duplicate_ppm = 5_000;
    settings.link.reorder_ppm = 20_000;
    settings.link.reorder = Delay::between(10_000, 400_000);
    settings.sockets.refused_ppm = 5_000;
    settings.disk.slow_ppm = 30_000;
    settings
}

impl Story {
    /// `flip`: the number of a record with one bit of its payload turned over.
    pub(crate) fn new(settings: Settings, durability: Durability, flip: Option<u32>) -> Self {
        let mut simulation = Simulation::new(settings);
        let hosts =
            [1, 2, 3].map(|number| simulation.add_host(&format!("host{number}"), &[ip(number)]));
        for host in hosts {
            for directory in ["/data", "/shm"] {
                simulation
                    .create_directory(host, Path::new(directory))
                    .unwrap();
            }
        }
        simulation.watch_created(Box::new(|_, _, _| {
            Some(Words {
                first: 0,
                stride: 8,
                count: 8,
            })
        }));
        let keepers =
            [1, 2].map(|which| start_keeper(&mut simulation, hosts[which], which, durability));
        let sources = [1u8, 2].map(|which| {
            let counter = format!("{COUNTER}{which}");
            let (local, to) = (at(1, 100 + u16::from(which)), at(which + 1, 200));
            let mut source = Source::new(TOTAL, local, to, &counter);
            source.flip = flip;
            let agents: Vec<Box<dyn Agent>> = vec![Box::new(source)];
            start(&mut simulation, &format!("source{which}"), hosts[0], agents)
        });
        Self {
            simulation,
            hosts,
            keepers,
            durability,
            sources: sources.into(),
        }
    }

    /// What the source of keeper 0 or 1 knows to be kept.
    pub(crate) fn acknowledged(&self, keeper: usize) -> u32 {
        let names = self.simulation.names(self.hosts[0]);
        let counter = names.open(Path::new(&format!("{COUNTER}{}", keeper + 1)));
        counter.map_or(0, |region| region.word64(0).unwrap().load_acquire() as u32)
    }

    /// Runs until both sources know of something that is kept.
    pub(crate) fn begin(&mut self) {
        while self.acknowledged(0) == 0 || self.acknowledged(1) == 0 {
            assert!(self.simulation.now_ns() < SECOND_NS, "nothing was kept");
            self.simulation.run_for(100_000);
        }
    }

    /// What is in the file of keeper 0 or 1.
    pub(crate) fn kept(&self, keeper: usize) -> u32 {
        let read = self
            .simulation
            .read_file(self.hosts[keeper + 1], Path::new(LOG));
        read.map_or(0, |bytes| whole_records(&bytes))
    }

    pub(crate) fn restart_keeper(&mut self, keeper: usize) {
        let (host, durability) = (self.hosts[keeper + 1], self.durability);
        self.keepers[keeper] = start_keeper(&mut self.simulation, host, keeper + 1, durability);
    }

    /// Runs until all sources are content.
    pub(crate) fn finish(&mut self) {
        let sources = self.sources.clone();
        self.simulation
            .run_until(20 * SECOND_NS, |simulation| {
                sources.iter().all(|source| !simulation.is_alive(*source))
            })
            .unwrap();
        assert_eq!((self.kept(0), self.kept(1)), (TOTAL, TOTAL));
        assert_eq!(self.simulation.take_faults(), []);
    }
}

fn start_keeper(
    simulation: &mut Simulation,
    host: HostId,
    which: usize,
    durability: Durability,
) -> ProcessId {
    let local = at(which as u8 + 1, 200);
    let agents: Vec<Box<dyn Agent>> = vec![Box::new(Keeper::new(local, LOG, durability))];
    start(simulation, &format!("keeper{which}"), host, agents)
}
