//! Agents that do what a test tells them, turn by turn, so that a test reads from top to bottom.

use std::net::{Ipv4Addr, SocketAddr};

use crossbeam_channel::{Receiver, Sender, unbounded};
use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::{Cycle, Rng},
    halt::Halt,
    invoker::{BackendMaker, Cycled, Invoker},
    io::{
        Chore, File, FileAccess, Interest, IoFailure, IoWork, Opening, Outcome, Socket,
        SocketOptions, Ticket,
    },
};

/// Cycles after which something awaited counts as lost; each idle one parks for up to a millisecond.
const CYCLES: usize = 5_000;

/// Some agents on one backend, on this thread.
pub(crate) struct Seats {
    invoker: Invoker,
    seats: Vec<Seat>,
}

struct Seat {
    jobs: Sender<Job>,
    seen: Receiver<Seen>,
    completions: Vec<(Ticket, Outcome)>,
    datagrams: Vec<Arrived>,
}

/// A datagram, copied out of the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) socket: Socket,
    pub(crate) from: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

type Job = Box<dyn FnOnce(&mut Cycle<'_>) -> Turn + Send>;

enum Seen {
    Completion(Ticket, Outcome),
    Datagram(Arrived),
}

impl Seats {
    pub(crate) fn new(count: usize, backend: BackendMaker) -> Self {
        let mut agents: Vec<Box<dyn Agent>> = Vec::new();
        let mut seats = Vec::new();
        for _ in 0..count {
            let (jobs, work) = unbounded();
            let (tell, seen) = unbounded();
            agents.push(Box::new(Sitter { work, tell }));
            seats.push(Seat {
                jobs,
                seen,
                completions: Vec::new(),
                datagrams: Vec::new(),
            });
        }
        let on_fault = Box::new(|agent: &str, fault: &_| panic!("{agent}: {fault}"));
        let rng = Rng::with_seed(1);
        let mut invoker = Invoker::new(agents, backend, rng, Halt::new(), on_fault);
        invoker.cycle().unwrap();
        Self { invoker, seats }
    }

    /// One cycle, in which the agent at `seat` does the job.
    pub(crate) fn turn<T: Send + 'static>(
        &mut self,
        seat: usize,
        job: impl FnOnce(&mut Cycle<'_>) -> T + Send + 'static,
    ) -> T {
        let (tell, result) = unbounded();
        let job = move |cycle: &mut Cycle<'_>| {
            tell.send(job(cycle)).unwrap();
            Turn::Worked(1)
        };
        self.seats[seat].jobs.send(Box::new(job)).unwrap();
        self.cycle();
        result.try_recv().unwrap()
    }

    /// One cycle, after which the agent at `seat` is gone.
    pub(crate) fn finish(&mut self, seat: usize) {
        let job: Job = Box::new(|_| Turn::Finished);
        self.seats[seat].jobs.send(job).unwrap();
        self.cycle();
    }

    pub(crate) fn cycle(&mut self) -> Cycled {
        let cycled = self.invoker.cycle().unwrap();
        for seat in &mut self.seats {
            for seen in seat.seen.try_iter() {
                match seen {
                    Seen::Completion(ticket, outcome) => seat.completions.push((ticket, outcome)),
                    Seen::Datagram(arrived) => seat.datagrams.push(arrived),
                }
            }
        }
        cycled
    }

    pub(crate) fn park(&mut self) {
        self.invoker.park(1_000_000).unwrap();
    }

    /// Cycles until the ticket comes back.
    pub(crate) fn outcome(&mut self, seat: usize, ticket: Ticket) -> Outcome {
        for _ in 0..CYCLES {
            let completions = &mut self.seats[seat].completions;
            if let Some(at) = completions.iter().position(|(done, _)| *done == ticket) {
                return completions.remove(at).1;
            }
            if self.cycle() == Cycled::Worked(0) {
                self.park();
            }
        }
        panic!("{ticket:?} did not come back");
    }

    /// As [`Self::outcome`], for bytes moved.
    pub(crate) fn moved(&mut self, seat: usize, ticket: Ticket) -> Result<usize, IoFailure> {
        match self.outcome(seat, ticket) {
            Outcome::Moved(bytes) => Ok(bytes),
            Outcome::Failed(failure) => Err(failure),
            other => panic!("{other:?} for a transfer"),
        }
    }

    /// Whether `first` came before `second`, which was taken already or is still there.
    pub(crate) fn arrived_before(&self, seat: usize, first: Ticket, second: Ticket) -> bool {
        let completions = &self.seats[seat].completions;
        let place = |ticket| completions.iter().position(|(done, _)| *done == ticket);
        match (place(first), place(second)) {
            (Some(first), Some(second)) => first < second,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Cycles until `count` datagrams have come, and gives them.
    pub(crate) fn datagrams(&mut self, seat: usize, count: usize) -> Vec<Arrived> {
        for _ in 0..CYCLES {
            if self.seats[seat].datagrams.len() >= count {
                return std::mem::take(&mut self.seats[seat].datagrams);
            }
            if self.cycle() == Cycled::Worked(0) {
                self.park();
            }
        }
        let came = &self.seats[seat].datagrams;
        panic!(
            "{} of {count} datagrams came, the last: {:?}",
            came.len(),
            came.last()
        );
    }

    pub(crate) fn work(&self) -> IoWork {
        self.invoker.io_work().unwrap().1
    }

    pub(crate) fn ask(&mut self, seat: usize, chore: Chore) -> Outcome {
        let ticket = self.turn(seat, |cycle| cycle.chores.ask(chore).unwrap());
        self.outcome(seat, ticket)
    }

    /// Binds a loopback socket and adopts it.
    pub(crate) fn bind(&mut self, seat: usize, interest: Interest) -> (Socket, SocketAddr) {
        self.bind_to(seat, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), interest)
            .unwrap()
    }

    pub(crate) fn bind_to(
        &mut self,
        seat: usize,
        local: SocketAddr,
        interest: Interest,
    ) -> Result<(Socket, SocketAddr), IoFailure> {
        let options = SocketOptions::UNICAST;
        match self.ask(seat, Chore::Bind { local, options }) {
            Outcome::Socket(token) => {
                let address = token.local_address();
                let socket = self.turn(seat, move |cycle| cycle.net.adopt(token, interest));
                Ok((socket.unwrap(), address))
            }
            Outcome::Failed(failure) => Err(failure),
            other => panic!("{other:?} for a bind"),
        }
    }

    /// Opens a file and adopts it.
    pub(crate) fn open(
        &mut self,
        seat: usize,
        path: impl Into<std::path::PathBuf>,
        access: FileAccess,
        opening: Opening,
    ) -> File {
        let path = path.into();
        let chore = Chore::OpenFile {
            path,
            access,
            opening,
        };
        match self.ask(seat, chore) {
            Outcome::File(token) => self.turn(seat, |cycle| cycle.files.adopt(token).unwrap()),
            other => panic!("{other:?} for an open"),
        }
    }
}

struct Sitter {
    work: Receiver<Job>,
    tell: Sender<Seen>,
}

impl Agent for Sitter {
    fn name(&self) -> &str {
        "sitter"
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        for datagram in cycle.mail.datagrams() {
            let arrived = Arrived {
                socket: datagram.socket,
                from: datagram.from,
                bytes: datagram.bytes.to_vec(),
            };
            self.tell.send(Seen::Datagram(arrived)).unwrap();
        }
        for done in cycle.mail.take_completions() {
            let seen = Seen::Completion(done.ticket, done.outcome);
            self.tell.send(seen).unwrap();
        }
        Ok(self
            .work
            .try_recv()
            .map_or(Turn::Worked(0), |job| job(cycle)))
    }
}
