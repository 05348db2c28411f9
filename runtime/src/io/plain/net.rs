//! An agent's sockets under the plain backend.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use super::datagram::{self, Message};
use crate::io::{
    backend::IoWork,
    mail::{Mail, Outcome, ReceiveBuffer, Received},
    net::{NetOp, NetOut, Payload, Send},
    socket::{Interest, IoFailure, Socket, SocketToken},
};

/// Receives from one socket in one turn.
pub(crate) const RECEIVES_PER_SOCKET: usize = 16;
/// Receives that may lie in an agent's mail.
pub(crate) const RECEIVES_PER_AGENT: usize = 64;

pub(super) struct AgentSockets {
    open: Vec<Option<OpenSocket>>,
    first: usize,
    message: Box<Message>,
}

struct OpenSocket {
    handle: Socket,
    fd: OwnedFd,
    interest: Interest,
    /// Whether the kernel takes `UDP_SEGMENT` for this socket's route.
    segments: bool,
    /// The socket was full in this turn: what is staged behind the refused send is refused too, or a gap that opens
    /// meanwhile would let it overtake.
    full: bool,
}

impl Default for AgentSockets {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            first: 0,
            message: Box::new(Message::new()),
        }
    }
}

impl AgentSockets {
    /// Does everything staged; returns whether sockets came or went.
    pub(super) fn perform(
        &mut self,
        net: &mut NetOut,
        inbox: &mut Mail,
        work: &mut IoWork,
    ) -> bool {
        if net.is_empty() {
            return false;
        }
        for socket in self.open.iter_mut().flatten() {
            socket.full = false;
        }
        let mut changed = false;
        for op in net.staged.drain(..) {
            match op {
                NetOp::Adopt {
                    socket,
                    token,
                    interest,
                } => {
                    self.adopt(socket, token, interest);
                    changed = true;
                }
                NetOp::Send(send) => {
                    let outcome = match self.send(&send, &net.small, work) {
                        Ok(sent) => Outcome::Moved(sent),
                        Err(error) => Outcome::Failed(IoFailure::from(error)),
                    };
                    inbox.push_completion(send.ticket, outcome);
                }
                NetOp::Release { ticket, socket } => {
                    self.open[usize::from(socket.slot)] = None;
                    inbox.push_completion(ticket, Outcome::Done);
                    changed = true;
                }
            }
        }
        net.taken();
        changed
    }

    /// Receives what is there, within the bounds of a turn.
    pub(super) fn receive(
        &mut self,
        inbox: &mut Mail,
        pool: &mut Vec<ReceiveBuffer>,
        work: &mut IoWork,
    ) {
        let Self {
            open,
            first,
            message,
        } = self;
        for step in 0..open.len() {
            let slot = (*first + step) % open.len();
            let Some(socket) = &open[slot] else {
                continue;
            };
            if socket.interest == Interest::Receive {
                socket.receive(message, inbox, pool, work);
            }
        }
        *first = first.wrapping_add(1);
    }

    pub(super) fn receiving(&self) -> impl Iterator<Item = RawFd> {
        let open = self.open.iter().flatten();
        open.filter(|socket| socket.interest == Interest::Receive)
            .map(|socket| socket.fd.as_raw_fd())
    }

    fn adopt(&mut self, handle: Socket, token: SocketToken, interest: Interest) {
        let fd = token.source.into_os();
        if interest == Interest::Receive {
            datagram::join_arrivals(fd.as_raw_fd());
        }
        let slot = usize::from(handle.slot);
        if self.open.len() <= slot {
            self.open.resize_with(slot + 1, || None);
        }
        self.open[slot] = Some(OpenSocket {
            handle,
            fd,
            interest,
            segments: true,
            full: false,
        });
    }

    fn send(&mut self, send: &Send, small: &[u8], work: &mut IoWork) -> io::Result<usize> {
        let socket = self.open[usize::from(send.socket.slot)]
            .as_mut()
            .filter(|open| open.handle == send.socket);
        let socket = socket.expect("the desk hands out handles of adopted sockets only");
        let bytes = match &send.payload {
            Payload::Span(span) => (span.as_ptr().cast_const(), span.len()),
            Payload::Small { at, len } => {
                work.copied_bytes += *len as u64;
                (small[*at..*at + *len].as_ptr(), *len)
            }
        };
        if socket.full {
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        }
        let sent = socket.send(&mut self.message, bytes, send, work);
        if let Err(error) = &sent
            && error.raw_os_error() == Some(libc::EAGAIN)
        {
            socket.full = true;
        }
        sent
    }
}

impl OpenSocket {
    fn send(
        &mut self,
        message: &mut Message,
        bytes: (*const u8, usize),
        send: &Send,
        work: &mut IoWork,
    ) -> io::Result<usize> {
        let fd = self.fd.as_raw_fd();
        let Some(segment) = send.segment else {
            work.system_calls += 1;
            // SAFETY: the span's region, or the desk's small bytes, are held by the staged operation during the call.
            let sent = unsafe { datagram::send(fd, message, bytes, None, send.to) }?;
            work.datagrams_sent += 1;
            return Ok(sent);
        };
        if self.segments {
            work.system_calls += 1;
            // SAFETY: as above.
            match unsafe { datagram::send(fd, message, bytes, Some(segment), send.to) } {
                Err(error) if error.raw_os_error().is_some_and(datagram::refuses_segments) => {
                    self.segments = false;
                }
                Err(error) => return Err(error),
                Ok(sent) => {
                    work.datagrams_sent += sent.div_ceil(segment.max(1).into()) as u64;
                    return Ok(sent);
                }
            }
        }
        self.send_one_by_one(message, bytes, (segment, send), work)
    }

    /// Sends each segment by itself; stops at the first that is refused, so that nothing is reordered.
    fn send_one_by_one(
        &mut self,
        message: &mut Message,
        (bytes, len): (*const u8, usize),
        (segment, send): (u16, &Send),
        work: &mut IoWork,
    ) -> io::Result<usize> {
        let step = usize::from(segment.max(1));
        let fd = self.fd.as_raw_fd();
        let mut sent = 0;
        while sent < len {
            let next = (bytes.wrapping_add(sent), step.min(len - sent));
            work.system_calls += 1;
            // SAFETY: the caller's bytes are valid for `len`, and this part ends at `len` or before.
            match unsafe { datagram::send(fd, message, next, None, send.to) } {
                Ok(_) => work.datagrams_sent += 1,
                Err(error) if sent == 0 => return Err(error),
                Err(error) => {
                    self.full |= error.raw_os_error() == Some(libc::EAGAIN);
                    break;
                }
            }
            sent += next.1;
        }
        Ok(sent)
    }

    fn receive(
        &self,
        message: &mut Message,
        inbox: &mut Mail,
        pool: &mut Vec<ReceiveBuffer>,
        work: &mut IoWork,
    ) {
        for _ in 0..RECEIVES_PER_SOCKET {
            if inbox.receives() >= RECEIVES_PER_AGENT {
                return;
            }
            let Some(mut buffer) = pool.pop() else { return };
            work.system_calls += 1;
            match datagram::receive(self.fd.as_raw_fd(), message, &mut buffer) {
                Ok((len, from, segment)) => {
                    work.receives += 1;
                    inbox.push_datagram(Received {
                        socket: self.handle,
                        from,
                        buffer,
                        len,
                        segment,
                    });
                }
                Err(_) => {
                    // Empty, or an earlier send was refused by the peer's host: neither is this socket's end.
                    pool.push(buffer);
                    return;
                }
            }
        }
    }
}
