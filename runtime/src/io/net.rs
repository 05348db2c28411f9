//! What an agent stages for the network in its turn.

use std::net::SocketAddr;

use super::{
    socket::{Interest, Socket, SocketToken},
    table::Slots,
    ticket::{AgentId, Full, Lane, Ticket, Tickets},
};
use crate::mem::Span;

/// Sends of one agent that may be staged in one turn.
pub const SENDS_PER_TURN: usize = 256;
/// Sockets that one agent may hold.
pub const SOCKETS_PER_AGENT: u16 = 1024;
/// Length up to which a frame may be copied instead of named by a span.
pub const SMALL_SEND_BYTES: usize = 2048;

/// The agent's way to the network. Everything is staged; the backend takes it after the agent's turn and sends with
/// `MSG_DONTWAIT`, in order per socket. Each ticket comes back as one completion in the agent's mail.
///
/// # Threading
/// Belongs to one agent on one thread.
#[derive(Debug)]
pub struct NetOut {
    tickets: Tickets,
    sockets: Slots,
    pub(crate) staged: Vec<NetOp>,
    sends: usize,
    /// Bytes of the small frames staged in this turn.
    pub(crate) small: Vec<u8>,
}

/// One staged operation.
#[derive(Debug)]
pub(crate) enum NetOp {
    Adopt {
        socket: Socket,
        token: SocketToken,
        interest: Interest,
    },
    Send(Send),
    Release {
        ticket: Ticket,
        socket: Socket,
    },
}

/// A staged send: one datagram, or several of equal length when `segment` says so.
#[derive(Clone, Debug)]
pub(crate) struct Send {
    pub(crate) ticket: Ticket,
    pub(crate) socket: Socket,
    pub(crate) payload: Payload,
    /// Length of each datagram but the last; `None` for a single one.
    pub(crate) segment: Option<u16>,
    /// `None` on a connected socket.
    pub(crate) to: Option<SocketAddr>,
}

#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Span(Span),
    /// Range in [`NetOut::small`].
    Small {
        at: usize,
        len: usize,
    },
}

impl NetOut {
    pub(crate) fn of(agent: AgentId) -> Self {
        Self {
            tickets: Tickets::of(agent, Lane::Net),
            sockets: Slots::new("an agent's socket table", SOCKETS_PER_AGENT),
            staged: Vec::with_capacity(SENDS_PER_TURN + 16),
            sends: 0,
            small: Vec::with_capacity(SENDS_PER_TURN * 256),
        }
    }

    /// Takes a socket over into this thread's backend.
    ///
    /// # Errors
    /// [`Full`] when the agent holds [`SOCKETS_PER_AGENT`] sockets; the token is then closed.
    pub fn adopt(&mut self, token: SocketToken, interest: Interest) -> Result<Socket, Full> {
        let (slot, generation) = self.sockets.take()?;
        let socket = Socket { slot, generation };
        self.staged.push(NetOp::Adopt {
            socket,
            token,
            interest,
        });
        Ok(socket)
    }

    /// Sends the span's bytes as one datagram; the region lives until the completion.
    ///
    /// # Errors
    /// [`Full`] when [`SENDS_PER_TURN`] sends are staged in this turn.
    ///
    /// # Panics
    /// When `socket` was released: handles are the agent's own.
    pub fn send(
        &mut self,
        socket: Socket,
        span: Span,
        to: Option<SocketAddr>,
    ) -> Result<Ticket, Full> {
        self.stage(socket, Payload::Span(span), None, to)
    }

    /// Sends the span's bytes as datagrams of `segment` bytes each, the last one possibly shorter (`UDP_SEGMENT`).
    ///
    /// # Errors
    /// As [`Self::send`].
    ///
    /// # Panics
    /// As [`Self::send`], and when the span is not 1 to 64 segments long.
    pub fn send_segments(
        &mut self,
        socket: Socket,
        span: Span,
        segment: u16,
        to: Option<SocketAddr>,
    ) -> Result<Ticket, Full> {
        let segments = span.len().div_ceil(segment.max(1).into());
        assert!(
            (1..=64).contains(&segments),
            "{segments} segments in one send; 1 to 64 are allowed"
        );
        self.stage(socket, Payload::Span(span), Some(segment), to)
    }

    /// Copies a small frame (status messages, NAKs, set-ups) and sends it as one datagram.
    ///
    /// # Errors
    /// As [`Self::send`].
    ///
    /// # Panics
    /// As [`Self::send`], and when the frame is longer than [`SMALL_SEND_BYTES`].
    pub fn send_copy(
        &mut self,
        socket: Socket,
        frame: &[u8],
        to: Option<SocketAddr>,
    ) -> Result<Ticket, Full> {
        assert!(
            frame.len() <= SMALL_SEND_BYTES,
            "{} bytes; at most {SMALL_SEND_BYTES} are copied",
            frame.len()
        );
        self.room()?;
        let at = self.small.len();
        self.small.extend_from_slice(frame);
        self.stage(
            socket,
            Payload::Small {
                at,
                len: frame.len(),
            },
            None,
            to,
        )
    }

    /// Closes a socket. The completion tells that nothing of it is in flight any more and its port is free.
    ///
    /// # Panics
    /// When `socket` was released already.
    pub fn release(&mut self, socket: Socket) -> Ticket {
        self.must_hold(socket);
        self.sockets.give_back(socket.slot);
        let ticket = self.tickets.issue();
        self.staged.push(NetOp::Release { ticket, socket });
        ticket
    }

    /// How many sends may still be staged in this turn.
    pub fn remaining(&self) -> usize {
        SENDS_PER_TURN - self.sends
    }

    /// Called by the backend when it has taken what was staged.
    pub(crate) fn taken(&mut self) {
        self.staged.clear();
        self.small.clear();
        self.sends = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    fn room(&self) -> Result<(), Full> {
        if self.sends < SENDS_PER_TURN {
            return Ok(());
        }
        Err(Full {
            what: "a turn's send queue",
            limit: SENDS_PER_TURN,
        })
    }

    fn stage(
        &mut self,
        socket: Socket,
        payload: Payload,
        segment: Option<u16>,
        to: Option<SocketAddr>,
    ) -> Result<Ticket, Full> {
        self.must_hold(socket);
        self.room()?;
        let ticket = self.tickets.issue();
        self.sends += 1;
        self.staged.push(NetOp::Send(Send {
            ticket,
            socket,
            payload,
            segment,
            to,
        }));
        Ok(ticket)
    }

    fn must_hold(&self, socket: Socket) {
        assert!(
            self.sockets.holds(socket.slot, socket.generation),
            "{socket:?} was released before"
        );
    }
}
