//! The receives of one loop, for all agents of the thread.

use io_uring::opcode;

use super::ring::{Ring, Target, entry};
use crate::io::{
    mail::{RECEIVE_BUFFER_BYTES, ReceiveBuffer},
    plain::{
        RECEIVE_BUFFERS,
        datagram::{Message, RECEIVE_FLAGS},
    },
};

/// The thread's receive buffers, and the receives that are asked for.
///
/// # Soundness
/// During a round the kernel writes into the headers and buffers of the receives asked for. Both are owned by this value, and
/// a buffer leaves it (for an agent's mail) only when the ring said that the round is done.
pub(super) struct Receives {
    pool: Vec<ReceiveBuffer>,
    messages: Box<[Message]>,
    asked: Vec<Asked>,
}

/// A receive that was asked for.
pub(super) struct Asked {
    /// Position among the backend's agents.
    pub(super) agent: usize,
    /// Slot of the socket.
    pub(super) slot: usize,
    pub(super) buffer: ReceiveBuffer,
}

impl Receives {
    pub(super) fn new(round_capacity: usize) -> Self {
        let pool = (0..RECEIVE_BUFFERS)
            .map(|_| vec![0; RECEIVE_BUFFER_BYTES].into_boxed_slice())
            .collect();
        Self {
            pool,
            messages: (0..round_capacity).map(|_| Message::new()).collect(),
            asked: Vec::with_capacity(round_capacity),
        }
    }

    /// Where used mail goes back to.
    pub(super) fn pool(&mut self) -> &mut Vec<ReceiveBuffer> {
        &mut self.pool
    }

    /// Whether one more receive may be asked for in this round.
    pub(super) fn has_room(&self) -> bool {
        self.asked.len() < self.messages.len() && !self.pool.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// Asks for one datagram (or a run of joined ones).
    ///
    /// # Panics
    /// Without [`Self::has_room`].
    pub(super) fn ask(&mut self, agent: usize, slot: usize, target: Target, ring: &mut Ring) {
        if self.asked.is_empty() {
            ring.begin_round(0);
        }
        let at = self.asked.len();
        let buffer = self.pool.pop().expect("the caller saw room");
        self.asked.push(Asked {
            agent,
            slot,
            buffer,
        });
        let header = self.messages[at].incoming(&mut self.asked[at].buffer);
        let entry = entry!(target, fd => opcode::RecvMsg::new(fd, header).flags(RECEIVE_FLAGS as u32).build());
        // SAFETY: MSG_DONTWAIT makes the kernel do it inline. Header and buffer are owned by `self` and not touched until
        // `finish`, which waits for the round; if that unwinds, the backend leaks `self`.
        unsafe { ring.push_in_round(entry) };
    }

    /// Waits for the round, and gives each receive with its result and its message to `take`, which gives the buffer back if
    /// it has no use for it.
    pub(super) fn finish(
        &mut self,
        ring: &mut Ring,
        mut take: impl FnMut(Asked, i32, &mut Message) -> Option<ReceiveBuffer>,
    ) {
        ring.finish_round();
        for (at, asked) in self.asked.drain(..).enumerate() {
            let unused = take(asked, ring.result(at), &mut self.messages[at]);
            self.pool.extend(unused);
        }
    }
}
