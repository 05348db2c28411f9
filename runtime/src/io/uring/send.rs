//! The sends of one agent's turn.
//!
//! Sends of one socket are linked: the kernel does the next one when the one before it has succeeded, so a full socket
//! (`EAGAIN`) refuses everything behind it too, and what was sent is a prefix of what was staged. Unlinked, a gap that opens
//! between two attempts would let the second overtake the first.

use std::mem;

use io_uring::opcode;

use super::{
    net::AgentSockets,
    ring::{Ring, entry, linked},
};
use crate::io::{
    backend::IoWork,
    mail::{Mail, Outcome},
    net::{Payload, Send},
    plain::datagram::{Message, SEND_FLAGS, refuses_segments},
    socket::IoFailure,
};

/// What a turn sends, and the message headers that it is sent with. Used again for each turn.
///
/// # Soundness
/// During a round the kernel reads the headers, the small bytes and the spans of the staged sends. All of them are owned by
/// this value, and none is touched until the ring says that the round is done.
pub(super) struct Sends {
    messages: Box<[Message]>,
    /// The desk's copied frames, for the time of the turn's sends.
    small: Vec<u8>,
    staged: Vec<Staged>,
    /// What is to be sent, in order per socket.
    pieces: Vec<Piece>,
    /// What a round leaves for the next one.
    left: Vec<Piece>,
}

struct Staged {
    send: Send,
    sent: usize,
    failure: Option<i32>,
}

/// A message: a whole send, or one segment of it where the kernel takes no segmented sends. Ordered by socket, then as staged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    socket: u16,
    send: usize,
    at: usize,
    len: usize,
    segment: Option<u16>,
}

impl Sends {
    pub(super) fn new(round_capacity: usize) -> Self {
        Self {
            messages: (0..round_capacity).map(|_| Message::new()).collect(),
            small: Vec::new(),
            staged: Vec::new(),
            pieces: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Takes the desk's copied frames, in exchange for an empty buffer.
    pub(super) fn begin(&mut self, small: &mut Vec<u8>) {
        mem::swap(&mut self.small, small);
    }

    /// Gives the desk its buffer back.
    pub(super) fn end(&mut self, small: &mut Vec<u8>) {
        mem::swap(&mut self.small, small);
    }

    pub(super) fn add(&mut self, send: Send) {
        self.staged.push(Staged {
            send,
            sent: 0,
            failure: None,
        });
    }

    /// Sends everything added, and posts how each send ended, in the order they were staged.
    pub(super) fn perform(
        &mut self,
        sockets: &mut AgentSockets,
        ring: &mut Ring,
        inbox: &mut Mail,
        work: &mut IoWork,
    ) {
        for at in 0..self.staged.len() {
            let send = &self.staged[at].send;
            let (len, copied) = match &send.payload {
                Payload::Span(span) => (span.len(), 0),
                Payload::Small { len, .. } => (*len, *len),
            };
            work.copied_bytes += copied as u64;
            let piece = Piece {
                socket: send.socket.slot,
                send: at,
                at: 0,
                len,
                segment: send.segment,
            };
            self.keep(piece, sockets);
        }
        mem::swap(&mut self.pieces, &mut self.left);
        while !self.pieces.is_empty() {
            self.pieces.sort_unstable();
            self.round(sockets, ring, work);
        }
        for staged in self.staged.drain(..) {
            let outcome = match staged.failure {
                Some(errno) if staged.sent == 0 => Outcome::Failed(IoFailure { errno }),
                _ => Outcome::Moved(staged.sent),
            };
            inbox.push_completion(staged.send.ticket, outcome);
        }
    }

    /// Sends as many pieces as one round takes, and sorts out what is left.
    fn round(&mut self, sockets: &mut AgentSockets, ring: &mut Ring, work: &mut IoWork) {
        let count = self.pieces.len().min(ring.round_capacity());
        ring.begin_round(count);
        let Self {
            messages,
            small,
            staged,
            pieces,
            ..
        } = self;
        for (at, message) in messages[..count].iter_mut().enumerate() {
            let piece = pieces[at];
            let send = &staged[piece.send].send;
            let bytes = match &send.payload {
                Payload::Span(span) => span.as_ptr().cast_const(),
                Payload::Small { at, .. } => small[*at..].as_ptr(),
            };
            let header = message.outgoing(
                bytes.wrapping_add(piece.at),
                piece.len,
                piece.segment,
                send.to,
            );
            let target = sockets.get(piece.socket).target;
            let mut entry = entry!(target, fd => opcode::SendMsg::new(fd, header).flags(SEND_FLAGS as u32).build());
            if at + 1 < count && pieces[at + 1].socket == piece.socket {
                entry = linked(entry);
            }
            // SAFETY: MSG_DONTWAIT makes the kernel do it inline. The header, and through it the address, the control
            // bytes and the payload, are owned by `self`, which is borrowed here and not touched until the round is
            // done; if that unwinds, the backend leaks `self`.
            unsafe { ring.push_in_round(entry) };
        }
        ring.finish_round();
        for at in 0..count {
            self.judge(self.pieces[at], ring.result(at), sockets, work);
        }
        for at in count..self.pieces.len() {
            self.keep(self.pieces[at], sockets);
        }
        self.pieces.clear();
        mem::swap(&mut self.pieces, &mut self.left);
    }

    fn judge(&mut self, piece: Piece, result: i32, sockets: &mut AgentSockets, work: &mut IoWork) {
        let socket = sockets.get(piece.socket);
        if let Ok(sent) = usize::try_from(result) {
            let step = piece.segment.map_or(piece.len, usize::from).max(1);
            work.datagrams_sent += piece.len.div_ceil(step).max(1) as u64;
            work.ring_sends += 1;
            self.staged[piece.send].sent += sent;
            return;
        }
        match -result {
            // One before it in its chain failed; whether it may be tried now depends on that one.
            libc::ECANCELED => self.keep(piece, sockets),
            libc::EAGAIN => {
                socket.full = true;
                self.staged[piece.send].fail(libc::EAGAIN);
            }
            errno if piece.segment.is_some() && refuses_segments(errno) => {
                socket.segments = false;
                self.keep(piece, sockets);
            }
            errno => self.staged[piece.send].fail(errno),
        }
    }

    /// Puts a piece aside for the next round, if it may still be sent.
    fn keep(&mut self, piece: Piece, sockets: &mut AgentSockets) {
        let socket = sockets.get(piece.socket);
        let staged = &mut self.staged[piece.send];
        if socket.full {
            staged.fail(libc::EAGAIN);
        }
        if staged.failure.is_some() {
            return;
        }
        match piece.segment {
            Some(segment) if !socket.segments => {
                let step = usize::from(segment.max(1));
                self.left
                    .extend((0..piece.len).step_by(step).map(|at| Piece {
                        at,
                        len: step.min(piece.len - at),
                        segment: None,
                        ..piece
                    }));
            }
            _ => self.left.push(piece),
        }
    }
}

impl Staged {
    /// The first failure counts.
    fn fail(&mut self, errno: i32) {
        self.failure.get_or_insert(errno);
    }
}
