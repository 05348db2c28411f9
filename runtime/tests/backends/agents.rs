//! The agents that all backends are tried with. They know no backend.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    io::{
        Chore, Durability, FileAccess, Interest, Opening, Outcome, Socket, SocketOptions, Ticket,
    },
    mem::Region,
};

/// What an agent saw, told to the test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Bound(SocketAddr),
    Numbers(Vec<u32>),
    Written { bytes: usize, read_back: bool },
    Failed(String),
}

/// Sends numbered datagrams to itself over two sockets and reports what arrived.
pub(crate) struct Datagrams {
    count: u32,
    tell: Sender<Seen>,
    asked: Vec<Ticket>,
    sockets: Vec<(Socket, SocketAddr)>,
    region: Region,
    staged: u32,
    acknowledged: u32,
    arrived: Vec<u32>,
}

impl Datagrams {
    pub(crate) fn new(count: u32) -> (Self, Receiver<Seen>) {
        let (tell, seen) = bounded(16);
        let region = Region::heap(4096);
        let agent = Self {
            count,
            tell,
            asked: Vec::new(),
            sockets: Vec::new(),
            region,
            staged: 0,
            acknowledged: 0,
            arrived: Vec::new(),
        };
        (agent, seen)
    }

    fn take_mail(&mut self, cycle: &mut Cycle<'_>) {
        for datagram in cycle.mail.datagrams() {
            assert_eq!(datagram.socket, self.sockets[1].0);
            assert_eq!(datagram.from, self.sockets[0].1);
            let number = datagram.bytes.try_into().expect("four bytes");
            self.arrived.push(u32::from_le_bytes(number));
        }
        for completion in cycle.mail.take_completions() {
            match completion.outcome {
                Outcome::Socket(token) => {
                    assert!(self.asked.contains(&completion.ticket));
                    let address = token.local_address();
                    let socket = cycle.net.adopt(token, Interest::Receive).expect("room");
                    self.sockets.push((socket, address));
                    self.tell
                        .send(Seen::Bound(address))
                        .expect("the test listens");
                }
                Outcome::Moved(4) => self.acknowledged += 1,
                other => self
                    .tell
                    .send(Seen::Failed(format!("{other:?}")))
                    .expect("the test listens"),
            }
        }
    }
}

impl Agent for Datagrams {
    fn name(&self) -> &str {
        "datagrams"
    }

    fn on_start(&mut self, cycle: &mut Cycle<'_>) -> Result<(), Fault> {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        for _ in 0..2 {
            let chore = Chore::Bind {
                local,
                options: SocketOptions::UNICAST,
            };
            self.asked
                .push(cycle.chores.ask(chore).map_err(Fault::stop)?);
        }
        Ok(())
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        self.take_mail(cycle);
        if self.sockets.len() < 2 {
            return Ok(Turn::Worked(0));
        }
        // At most eight in flight, so that no socket buffer can overflow; half are named, half are copied.
        let mut work = 0;
        while self.staged < self.count && self.staged - (self.arrived.len() as u32) < 8 {
            let (socket, to) = (self.sockets[0].0, Some(self.sockets[1].1));
            let bytes = self.staged.to_le_bytes();
            if self.staged.is_multiple_of(2) {
                let at = (self.staged % 512) as usize * 4;
                self.region.write(at, &bytes).expect("inside");
                let span = self.region.span(at, 4).expect("inside");
                cycle.net.send(socket, span, to).map_err(Fault::stop)?;
            } else {
                cycle
                    .net
                    .send_copy(socket, &bytes, to)
                    .map_err(Fault::stop)?;
            }
            self.staged += 1;
            work += 1;
        }
        if self.acknowledged == self.count && self.arrived.len() as u32 == self.count {
            self.tell
                .send(Seen::Numbers(std::mem::take(&mut self.arrived)))
                .expect("the test listens");
            return Ok(Turn::Finished);
        }
        Ok(Turn::Worked(work))
    }
}

/// Writes pages to a file, syncs, reads them back and compares.
pub(crate) struct Writer {
    path: PathBuf,
    access: FileAccess,
    pages: usize,
    tell: Sender<Seen>,
    state: Step,
    source: Region,
    target: Region,
}

#[derive(Debug)]
enum Step {
    Opening,
    Writing {
        file: taranis_runtime::io::File,
        left: usize,
    },
    Syncing {
        file: taranis_runtime::io::File,
    },
    Reading {
        file: taranis_runtime::io::File,
    },
}

const PAGE: usize = 4096;

impl Writer {
    pub(crate) fn new(path: PathBuf, access: FileAccess, pages: usize) -> (Self, Receiver<Seen>) {
        let (tell, seen) = bounded(16);
        let (source, target) = (Region::heap(pages * PAGE), Region::heap(pages * PAGE));
        for page in 0..pages {
            source
                .write(page * PAGE, &[page as u8 + 1; PAGE])
                .expect("inside");
        }
        (
            Self {
                path,
                access,
                pages,
                tell,
                state: Step::Opening,
                source,
                target,
            },
            seen,
        )
    }

    fn on(&mut self, outcome: Outcome, cycle: &mut Cycle<'_>) -> Result<Option<Turn>, Fault> {
        match (&mut self.state, outcome) {
            (Step::Opening, Outcome::File(token)) => {
                let file = cycle.files.adopt(token).expect("room");
                for page in 0..self.pages {
                    let span = self.source.span(page * PAGE, PAGE).expect("inside");
                    let at = (page * PAGE) as u64;
                    cycle
                        .files
                        .write(file, span, at, Durability::Taken)
                        .map_err(Fault::stop)?;
                }
                self.state = Step::Writing {
                    file,
                    left: self.pages,
                };
            }
            (Step::Writing { file, left }, Outcome::Moved(PAGE)) => {
                *left -= 1;
                if *left == 0 {
                    let file = *file;
                    cycle.files.sync(file).map_err(Fault::stop)?;
                    self.state = Step::Syncing { file };
                }
            }
            (Step::Syncing { file }, Outcome::Done) => {
                let file = *file;
                let span = self.target.span(0, self.pages * PAGE).expect("inside");
                cycle.files.read(file, span, 0).map_err(Fault::stop)?;
                self.state = Step::Reading { file };
            }
            (Step::Reading { file }, Outcome::Moved(bytes)) => {
                cycle.files.release(*file);
                let (mut wrote, mut read) = (vec![0; bytes], vec![0; bytes]);
                self.source.read(0, &mut wrote).expect("inside");
                self.target.read(0, &mut read).expect("inside");
                let seen = Seen::Written {
                    bytes,
                    read_back: wrote == read,
                };
                self.tell.send(seen).expect("the test listens");
                return Ok(Some(Turn::Finished));
            }
            (_, other) => {
                self.tell
                    .send(Seen::Failed(format!("{other:?}")))
                    .expect("the test listens");
                return Ok(Some(Turn::Finished));
            }
        }
        Ok(None)
    }
}

impl Agent for Writer {
    fn name(&self) -> &str {
        "writer"
    }

    fn on_start(&mut self, cycle: &mut Cycle<'_>) -> Result<(), Fault> {
        let opening = Opening::New {
            len: (self.pages * PAGE) as u64,
        };
        let chore = Chore::OpenFile {
            path: self.path.clone(),
            access: self.access,
            opening,
        };
        cycle.chores.ask(chore).map_err(Fault::stop)?;
        Ok(())
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        let outcomes: Vec<_> = cycle
            .mail
            .take_completions()
            .map(|done| done.outcome)
            .collect();
        let work = outcomes.len();
        for outcome in outcomes {
            if let Some(turn) = self.on(outcome, cycle)? {
                return Ok(turn);
            }
        }
        Ok(Turn::Worked(work))
    }
}
