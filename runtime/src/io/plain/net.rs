//! An agent's sockets under the plain backend.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use socket2::SockAddr;

use super::datagram;
use crate::io::{
    backend::IoWork,
    mail::{Mail, Outcome, ReceiveBuffer, Received},
    net::{NetOp, NetOut, Payload, Send},
    socket::{Interest, IoFailure, Socket, SocketSource, SocketToken},
};

/// Receives from one socket in one turn.
const RECEIVES_PER_SOCKET: usize = 16;
/// Receives that may lie in an agent's mail.
const RECEIVES_PER_AGENT: usize = 64;

#[derive(Default)]
pub(super) struct AgentSockets {
    open: Vec<Option<OpenSocket>>,
    first: usize,
}

struct OpenSocket {
    handle: Socket,
    fd: OwnedFd,
    interest: Interest,
    /// The last address sent to, in the system's form: a stream sends to one peer most of the time.
    last_to: Option<(SocketAddr, SockAddr)>,
    /// Whether the kernel takes `UDP_SEGMENT` for this socket's route.
    segments: bool,
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
        let count = self.open.len();
        for step in 0..count {
            let slot = (self.first + step) % count;
            let Some(socket) = &self.open[slot] else {
                continue;
            };
            if socket.interest == Interest::Receive {
                socket.receive(inbox, pool, work);
            }
        }
        self.first = self.first.wrapping_add(1);
    }

    pub(super) fn receiving(&self) -> impl Iterator<Item = RawFd> {
        let open = self.open.iter().flatten();
        open.filter(|socket| socket.interest == Interest::Receive)
            .map(|socket| socket.fd.as_raw_fd())
    }

    fn adopt(&mut self, handle: Socket, token: SocketToken, interest: Interest) {
        let SocketSource::Os(fd) = token.source;
        let slot = usize::from(handle.slot);
        if self.open.len() <= slot {
            self.open.resize_with(slot + 1, || None);
        }
        self.open[slot] = Some(OpenSocket {
            handle,
            fd,
            interest,
            last_to: None,
            segments: true,
        });
    }

    fn send(&mut self, send: &Send, small: &[u8], work: &mut IoWork) -> io::Result<usize> {
        let socket = self.open[usize::from(send.socket.slot)]
            .as_mut()
            .filter(|open| open.handle == send.socket);
        let socket = socket.expect("the desk hands out handles of adopted sockets only");
        let (bytes, len) = match &send.payload {
            Payload::Span(span) => (span.as_ptr().cast_const(), span.len()),
            Payload::Small { at, len } => {
                work.copied_bytes += *len as u64;
                (small[*at..*at + *len].as_ptr(), *len)
            }
        };
        socket.send(bytes, len, send, work)
    }
}

impl OpenSocket {
    fn send(
        &mut self,
        bytes: *const u8,
        len: usize,
        send: &Send,
        work: &mut IoWork,
    ) -> io::Result<usize> {
        if let (Some(to), Some((last, _))) = (send.to, &self.last_to)
            && *last != to
        {
            self.last_to = None;
        }
        if let (Some(to), None) = (send.to, &self.last_to) {
            self.last_to = Some((to, to.into()));
        }
        let to = send
            .to
            .and(self.last_to.as_ref())
            .map(|(_, address)| address);
        let fd = self.fd.as_raw_fd();
        let Some(segment) = send.segment else {
            work.system_calls += 1;
            // SAFETY: the span's region, or the desk's small bytes, are held by the staged operation during the call.
            let sent = unsafe { datagram::send(fd, bytes, len, None, to) }?;
            work.datagrams_sent += 1;
            return Ok(sent);
        };
        if self.segments {
            work.system_calls += 1;
            // SAFETY: as above.
            match unsafe { datagram::send(fd, bytes, len, Some(segment), to) } {
                Err(error) if refuses_segments(&error) => self.segments = false,
                sent => {
                    work.datagrams_sent += len.div_ceil(segment.into()) as u64;
                    return sent;
                }
            }
        }
        send_one_by_one(fd, (bytes, len), segment, to, work)
    }

    fn receive(&self, inbox: &mut Mail, pool: &mut Vec<ReceiveBuffer>, work: &mut IoWork) {
        for _ in 0..RECEIVES_PER_SOCKET {
            if inbox.receives() >= RECEIVES_PER_AGENT {
                return;
            }
            let Some(mut buffer) = pool.pop() else { return };
            work.system_calls += 1;
            match datagram::receive(self.fd.as_raw_fd(), &mut buffer) {
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

/// The errors that mean: not with this device or route (a transmit checksum is missing, a segment is above the route's MTU).
fn refuses_segments(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::EIO | libc::EMSGSIZE | libc::ENOPROTOOPT)
    )
}

/// Sends each segment by itself; stops at the first that is refused, so that nothing is reordered.
fn send_one_by_one(
    fd: RawFd,
    (bytes, len): (*const u8, usize),
    segment: u16,
    to: Option<&SockAddr>,
    work: &mut IoWork,
) -> io::Result<usize> {
    let step = usize::from(segment.max(1));
    let mut sent = 0;
    while sent < len {
        let next = step.min(len - sent);
        work.system_calls += 1;
        // SAFETY: the caller's bytes are valid for `len`, and `sent + next <= len`.
        match unsafe { datagram::send(fd, bytes.add(sent), next, None, to) } {
            Ok(_) => work.datagrams_sent += 1,
            Err(error) if sent == 0 => return Err(error),
            Err(_) => break,
        }
        sent += next;
    }
    Ok(sent)
}
