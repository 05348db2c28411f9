//! The seam to the world: one backend per thread.

use super::{desk::Desk, ticket::AgentId};
use crate::{clock::Now, mem::Names};

/// What a thread's agents stage goes through its one backend: io_uring, plain syscalls, or the simulator's world.
///
/// # Threading
/// Created and used on one thread (a ring is bound to the thread that enters it).
pub trait Backend {
    /// `io_uring`, `plain` or `simulated`: for messages and reports.
    fn kind(&self) -> &'static str;

    /// Reads the clocks; called once per turn.
    fn now(&mut self) -> Now;

    /// The names that this thread's agents may open.
    fn names(&self) -> &Names;

    /// Takes everything an agent staged in its turn. Order per socket is kept; a full socket fails the send with
    /// `EAGAIN` and does not block, and fails with it what is staged behind on that socket: what was sent is a prefix.
    fn submit(&mut self, desk: &mut Desk);

    /// Once per loop, before the first agent: takes completions and receives datagrams.
    fn collect(&mut self);

    /// Gives an agent what came for it since its last turn, and takes its used mail back.
    fn deliver(&mut self, desk: &mut Desk);

    /// An agent is gone: closes what it still held. Nothing of it reaches a later agent in its slot.
    fn retire(&mut self, agent: AgentId);

    /// Waits until a datagram or a completion is there, for at most `max_ns` (and never longer than a millisecond).
    fn park(&mut self, max_ns: u64);

    /// Once per loop, before the turns: may change the order of the thread's agents, given as their slots. The simulator
    /// shuffles it; the others keep it.
    fn order_turns(&mut self, _slots: &mut [u16]) {}

    /// A turn of the agents on other threads, while an agent of this one idles; returns the work they did. Threads of the
    /// system go on by themselves; the simulator's share one with this one, and time passes in here.
    fn run_others(&mut self) -> usize {
        0
    }

    /// Whether this thread's process is no more (a simulated kill): no agent has another turn, and nothing that is staged
    /// leaves. Asked before and after each turn.
    fn is_lost(&self) -> bool {
        false
    }

    /// What was asked of the system so far.
    fn work(&self) -> IoWork;
}

/// What a backend asked of the system, for work budgets: counted, never timed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoWork {
    /// System calls: each `sendmsg`, `recvmsg`, `pread` … of the plain backend, each `io_uring_enter` of the ring.
    pub system_calls: u64,
    /// Entries put on the ring.
    pub ring_entries: u64,
    /// Sends that the ring carried.
    pub ring_sends: u64,
    /// Receives (with a datagram in them) that the ring carried.
    pub ring_receives: u64,
    /// Direct writes that the ring carried.
    pub ring_direct_writes: u64,
    /// Datagrams sent; segments of one send counted one by one.
    pub datagrams_sent: u64,
    /// Receives with at least one datagram.
    pub receives: u64,
    /// Bytes of small frames copied on their way out.
    pub copied_bytes: u64,
    /// Waits in `park`.
    pub parks: u64,
}
