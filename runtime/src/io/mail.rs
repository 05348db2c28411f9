//! What came back for an agent since its last turn.

use std::{fmt, net::SocketAddr, vec::Drain};

use super::{
    chores::Entry,
    files::FileToken,
    socket::{IoFailure, Socket, SocketToken},
    ticket::Ticket,
};
use crate::mem::Region;

/// An agent's datagrams and completions since its last turn. What it does not take in its turn is dropped afterwards.
#[derive(Debug, Default)]
pub struct Mail {
    datagrams: Vec<Received>,
    completions: Vec<Completion>,
}

impl Mail {
    /// The datagrams, in order of arrival per socket.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.datagrams.iter().flat_map(Received::datagrams)
    }

    /// Takes the completions, in order of completion. An operation's ticket comes back exactly once.
    pub fn take_completions(&mut self) -> Drain<'_, Completion> {
        self.completions.drain(..)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.completions.is_empty()
    }

    pub(crate) fn push_datagram(&mut self, received: Received) {
        self.datagrams.push(received);
    }

    pub(crate) fn push_completion(&mut self, ticket: Ticket, outcome: Outcome) {
        self.completions.push(Completion { ticket, outcome });
    }

    /// How many receives lie in it.
    pub(crate) fn receives(&self) -> usize {
        self.datagrams.len()
    }

    /// Empties it and gives the receive buffers back to their pool.
    pub(crate) fn recycle(&mut self, pool: &mut Vec<ReceiveBuffer>) {
        self.completions.clear();
        pool.extend(self.datagrams.drain(..).map(|received| received.buffer));
    }
}

/// One datagram.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The socket it came in on.
    pub socket: Socket,
    /// The sender.
    pub from: SocketAddr,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// The end of one operation.
#[derive(Debug)]
pub struct Completion {
    /// What staging the operation returned.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an operation ended.
#[derive(Debug)]
pub enum Outcome {
    /// Bytes sent, read or written; fewer than asked for is not a failure of the system's.
    Moved(usize),
    /// A sync, a release, an unlink and the like took place.
    Done,
    /// A shared-memory object was created or opened.
    Region(Region),
    /// A durable file was opened.
    File(FileToken),
    /// A socket was bound.
    Socket(SocketToken),
    /// A host name was resolved: at least one address.
    Addresses(Vec<std::net::IpAddr>),
    /// A directory was read, in order of name.
    Entries(Vec<Entry>),
    /// The system refused.
    Failed(IoFailure),
}

/// A receive that filled (part of) a buffer: one datagram, or several of `segment` bytes when the kernel joined them.
pub(crate) struct Received {
    pub(crate) socket: Socket,
    pub(crate) from: SocketAddr,
    pub(crate) buffer: ReceiveBuffer,
    pub(crate) len: usize,
    /// Length of each datagram but the last; `None` when there is one.
    pub(crate) segment: Option<u16>,
}

/// Memory for one receive; owned by the kernel's side while a receive is under way, by the mail afterwards.
pub(crate) type ReceiveBuffer = Box<[u8]>;

/// Length of a receive buffer: no UDP datagram and no joined batch is longer.
pub(crate) const RECEIVE_BUFFER_BYTES: usize = 65_536;

impl Received {
    fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let step = self.segment.map_or(self.len, usize::from).max(1);
        // A datagram without bytes is one, too; chunks would make none of it.
        let whole = (self.len == 0).then_some(&[][..]);
        let bytes = &self.buffer[..self.len];
        let parts = whole.into_iter().chain(bytes.chunks(step));
        parts.map(|bytes| Datagram {
            socket: self.socket,
            from: self.from,
            bytes,
        })
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Received({} bytes from {} on {:?})",
            self.len, self.from, self.socket
        )
    }
}
