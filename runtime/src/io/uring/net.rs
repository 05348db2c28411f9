//! An agent's sockets on the ring.

use std::os::fd::{AsRawFd, OwnedFd};

use super::{
    ring::{PollSlot, Ring, Target},
    send::Sends,
};
use crate::io::{
    backend::IoWork,
    mail::{Mail, Outcome},
    net::{NetOp, NetOut},
    plain::{datagram::join_arrivals, net::RECEIVES_PER_SOCKET},
    socket::{Interest, Socket, SocketToken},
};

/// The sockets of one agent, by the slots of their handles.
#[derive(Default)]
pub(super) struct AgentSockets {
    open: Vec<Option<OpenSocket>>,
}

pub(super) struct OpenSocket {
    pub(super) handle: Socket,
    pub(super) target: Target,
    /// Whether the kernel takes `UDP_SEGMENT` for this socket's route.
    pub(super) segments: bool,
    /// The socket was full in this turn: what is staged behind the refused send is refused too.
    pub(super) full: bool,
    interest: Interest,
    /// `None` for a socket that only sends, or when the ring has no more.
    poll: Option<PollSlot>,
    burst: Burst,
    /// Closed last, when neither the ring's table nor a poll holds the socket any more.
    _fd: OwnedFd,
}

/// How many receives to ask for in a loop: more than one while datagrams keep coming, since an empty one costs, too.
#[derive(Default)]
struct Burst {
    asked: usize,
    filled: usize,
}

impl AgentSockets {
    /// Takes everything staged; what is sent is done when this returns.
    pub(super) fn perform(
        &mut self,
        net: &mut NetOut,
        sends: &mut Sends,
        ring: &mut Ring,
        inbox: &mut Mail,
        work: &mut IoWork,
    ) {
        sends.begin(&mut net.small);
        for socket in self.open.iter_mut().flatten() {
            socket.full = false;
        }
        for op in net.staged.drain(..) {
            match op {
                NetOp::Adopt {
                    socket,
                    token,
                    interest,
                } => self.adopt(socket, token, interest, ring),
                NetOp::Send(send) => {
                    debug_assert_eq!(self.get(send.socket.slot).handle, send.socket, "adopted");
                    sends.add(send);
                }
                NetOp::Release { ticket, socket } => {
                    // What was staged before it goes out before it.
                    sends.perform(self, ring, inbox, work);
                    self.close(usize::from(socket.slot), ring);
                    inbox.push_completion(ticket, Outcome::Done);
                }
            }
        }
        sends.perform(self, ring, inbox, work);
        sends.end(&mut net.small);
        net.taken();
    }

    /// Closes all sockets of an agent that is gone.
    pub(super) fn close_all(&mut self, ring: &mut Ring) {
        for slot in 0..self.open.len() {
            self.close(slot, ring);
        }
    }

    /// Slots in use, open or not.
    pub(super) fn slots(&self) -> usize {
        self.open.len()
    }

    /// How many receives to ask for in this loop on the socket in a slot, and by what name.
    pub(super) fn receives(&mut self, slot: usize) -> Option<(usize, Target)> {
        let socket = self.open[slot].as_mut()?;
        let receives = socket.interest == Interest::Receive;
        receives.then(|| (socket.burst.next(), socket.target))
    }

    /// A receive of this loop brought something; gives the socket's handle for the mail.
    pub(super) fn filled(&mut self, slot: usize) -> Option<Socket> {
        let socket = self.open[slot].as_mut()?;
        socket.burst.filled += 1;
        Some(socket.handle)
    }

    /// Arms the polls of all sockets that receive.
    pub(super) fn arm(&self, ring: &mut Ring) {
        for socket in self.open.iter().flatten() {
            if let Some(poll) = &socket.poll {
                ring.arm(poll, socket.target);
            }
        }
    }

    pub(super) fn get(&mut self, slot: u16) -> &mut OpenSocket {
        self.open[usize::from(slot)]
            .as_mut()
            .expect("the desk hands out handles of adopted sockets only")
    }

    fn adopt(&mut self, handle: Socket, token: SocketToken, interest: Interest, ring: &mut Ring) {
        let fd = token.source.into_os();
        let poll = match interest {
            Interest::Receive => {
                join_arrivals(fd.as_raw_fd());
                ring.take_poll()
            }
            Interest::SendOnly => None,
        };
        let slot = usize::from(handle.slot);
        if self.open.len() <= slot {
            self.open.resize_with(slot + 1, || None);
        }
        self.open[slot] = Some(OpenSocket {
            handle,
            target: ring.register_socket(fd.as_raw_fd()),
            segments: true,
            full: false,
            interest,
            poll,
            burst: Burst::default(),
            _fd: fd,
        });
    }

    /// Closes a socket: when this returns, nothing of it is in flight and its port is free.
    fn close(&mut self, slot: usize, ring: &mut Ring) {
        let Some(mut socket) = self.open[slot].take() else {
            return;
        };
        if let Some(poll) = socket.poll.take() {
            ring.give_back_poll(poll);
        }
        ring.unregister(socket.target);
    }
}

impl Burst {
    /// Doubles while all that is asked for comes, up to [`RECEIVES_PER_SOCKET`]; falls back to what came.
    fn next(&mut self) -> usize {
        let all_came = self.filled == self.asked;
        let next = if all_came {
            self.filled * 2
        } else {
            self.filled
        };
        self.filled = 0;
        self.asked = next.clamp(1, RECEIVES_PER_SOCKET);
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_grows_while_all_comes_and_falls_back_at_once() {
        let mut burst = Burst::default();
        let mut next = |came: usize| {
            burst.filled = came;
            burst.next()
        };
        assert_eq!(
            [next(0), next(1), next(2), next(4), next(8)],
            [1, 2, 4, 8, 16]
        );
        assert_eq!([next(16), next(5), next(0), next(0)], [16, 5, 1, 1]);
    }
}
