//! The io_uring backend: one ring per thread, on Linux 6.1 and later.
//!
//! - `ring`: entries in, completions out. `probe`: whether there is one, and why not.
//! - `net`, `send`, `receive`: datagrams, done inline by the kernel (`MSG_DONTWAIT`): one `io_uring_enter` for all sends
//!   of an agent's turn, one for all receives of a loop. Polls are armed only when the thread is about to park.
//! - `files`: reads and direct writes, which end when they end.
//!
//! Nothing here starts a thread, the kernel's workers included: what the kernel can't do without one is done with a plain call.

mod files;
mod net;
mod probe;
mod receive;
mod ring;
mod send;

#[cfg(test)]
mod tests;

use std::{mem::ManuallyDrop, thread};

pub use self::probe::{DormantRing, RingRefused, RingSizes};
use self::{
    files::{Files, Held},
    net::AgentSockets,
    receive::Receives,
    ring::Ring,
    send::Sends,
};
use super::{
    backend::{Backend, IoWork},
    chores::{ChoreCounter, ChoreLink},
    desk::Desk,
    mail::{Mail, Outcome, Received},
    plain::{net::RECEIVES_PER_AGENT, poll::LONGEST_PARK_NS},
    ticket::{AgentId, Ticket},
};
use crate::{clock::Now, mem::Names};

/// One ring for all agents of a thread.
///
/// # Soundness
/// The kernel touches our memory between the submission of an operation and its completion. What it touches is owned by the
/// backend for just that time, never borrowed: message headers, addresses, copied frames and the spans of sends by `Sends`,
/// receive buffers by `Receives`, the spans of file transfers by `Files`; spans keep their regions alive. Dropping the backend
/// on its own thread cancels and waits until nothing is in flight, and then frees them. Dropped on another thread, or while
/// a panic unwinds, it closes the ring and leaks them: a ring that is closed may still write. It is not `Send`:
///
/// ```compile_fail,E0277
/// fn moves<T: Send>() {}
/// moves::<taranis_runtime::io::uring::RingBackend>();
/// ```
pub struct RingBackend {
    names: Names,
    chores: ChoreLink,
    agents: Vec<AgentIo>,
    shared: ManuallyDrop<SharedWithKernel>,
    work: IoWork,
    /// Where the next round of receives starts, so that no agent and no socket starves the others.
    first: usize,
}

/// The ring, and all memory that the kernel may touch.
struct SharedWithKernel {
    ring: Ring,
    sends: Sends,
    receives: Receives,
    files: Files,
}

/// What the backend holds for one agent.
struct AgentIo {
    agent: AgentId,
    inbox: Mail,
    chores_ended: usize,
    sockets: AgentSockets,
    files: Held,
    /// Receives asked for in the round that is being staged.
    asked: usize,
}

impl RingBackend {
    /// Binds a ring to the calling thread. Without a counter, chores are done inline.
    ///
    /// # Errors
    /// What the kernel says to enabling the ring.
    pub fn new(
        ring: DormantRing,
        names: Names,
        chores: Option<ChoreCounter>,
    ) -> std::io::Result<Self> {
        let transfers = ring.sizes.transfers;
        let ring = Ring::start(ring)?;
        let capacity = ring.round_capacity();
        Ok(Self {
            names,
            chores: ChoreLink::new(chores),
            agents: Vec::new(),
            shared: ManuallyDrop::new(SharedWithKernel {
                ring,
                sends: Sends::new(capacity),
                receives: Receives::new(capacity),
                files: Files::new(transfers),
            }),
            work: IoWork::default(),
            first: 0,
        })
    }

    fn agent(&mut self, agent: AgentId) -> usize {
        if let Some(at) = self.agents.iter().position(|io| io.agent == agent) {
            return at;
        }
        self.agents.push(AgentIo {
            agent,
            inbox: Mail::default(),
            chores_ended: 0,
            sockets: AgentSockets::default(),
            files: Held::default(),
            asked: 0,
        });
        self.agents.len() - 1
    }

    /// Takes what is in the completion queue, and posts the transfers among it.
    fn settle(&mut self) {
        let Self {
            agents,
            shared,
            work,
            ..
        } = self;
        let SharedWithKernel { ring, files, .. } = &mut **shared;
        ring.reap();
        files.settle(ring, work, &mut |ticket, outcome| {
            post(agents, ticket, outcome);
        });
    }

    /// One round of receives, more only if it does not hold them all.
    fn receive(&mut self) {
        let (first, count) = (self.first, self.agents.len());
        for at in (0..count).map(|step| (first + step) % count) {
            let slots = self.agents[at].sockets.slots();
            for slot in (0..slots).map(|step| (first + step) % slots) {
                self.ask(at, slot);
            }
        }
        self.finish_receives();
        self.first = first.wrapping_add(1);
    }

    /// Asks for datagrams on one socket, as far as the bounds of a turn allow.
    fn ask(&mut self, at: usize, slot: usize) {
        let Some((count, target)) = self.agents[at].sockets.receives(slot) else {
            return;
        };
        for _ in 0..count {
            if !self.may_ask(at) {
                self.finish_receives();
                if !self.may_ask(at) {
                    return;
                }
            }
            self.agents[at].asked += 1;
            let SharedWithKernel { ring, receives, .. } = &mut *self.shared;
            receives.ask(at, slot, target, ring);
        }
    }

    fn may_ask(&self, at: usize) -> bool {
        let io = &self.agents[at];
        io.inbox.receives() + io.asked < RECEIVES_PER_AGENT && self.shared.receives.has_room()
    }

    fn finish_receives(&mut self) {
        let Self {
            agents,
            shared,
            work,
            ..
        } = self;
        let SharedWithKernel { ring, receives, .. } = &mut **shared;
        if receives.is_empty() {
            return;
        }
        receives.finish(ring, |asked, result, message| {
            // An error is: empty, or an earlier send was refused by the peer's host. Neither is this socket's end.
            let (Ok(len), Ok((from, segment))) = (usize::try_from(result), message.arrived())
            else {
                return Some(asked.buffer);
            };
            let io = &mut agents[asked.agent];
            let Some(socket) = io.sockets.filled(asked.slot) else {
                return Some(asked.buffer);
            };
            work.receives += 1;
            work.ring_receives += 1;
            io.inbox.push_datagram(Received {
                socket,
                from,
                buffer: asked.buffer,
                len,
                segment,
            });
            None
        });
        for io in agents {
            io.asked = 0;
        }
    }
}

impl Backend for RingBackend {
    fn kind(&self) -> &'static str {
        "io_uring"
    }

    fn now(&mut self) -> Now {
        Now::read()
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn submit(&mut self, desk: &mut Desk) {
        let at = self.agent(desk.agent);
        let Self {
            agents,
            shared,
            work,
            chores,
            ..
        } = self;
        let SharedWithKernel {
            ring, sends, files, ..
        } = &mut **shared;
        let AgentIo {
            inbox,
            sockets,
            files: held,
            ..
        } = &mut agents[at];
        if !desk.files.is_empty() {
            let mut post = |ticket, outcome| inbox.push_completion(ticket, outcome);
            files.perform(&mut desk.files, held, ring, work, &mut post);
        }
        if !desk.net.is_empty() {
            sockets.perform(&mut desk.net, sends, ring, inbox, work);
        }
        chores.take(&mut desk.chores.staged);
        ring.flush();
        self.settle();
    }

    fn collect(&mut self) {
        let Self { chores, agents, .. } = self;
        chores.turn(|ticket, outcome| {
            if let Some(io) = post(agents, ticket, outcome) {
                io.chores_ended += 1;
            }
        });
        self.settle();
        self.receive();
        self.shared.ring.flush();
        self.settle();
    }

    fn deliver(&mut self, desk: &mut Desk) {
        desk.mail.recycle(self.shared.receives.pool());
        let at = self.agent(desk.agent);
        let io = &mut self.agents[at];
        std::mem::swap(&mut desk.mail, &mut io.inbox);
        desk.chores.ended(std::mem::take(&mut io.chores_ended));
    }

    fn retire(&mut self, agent: AgentId) {
        let Some(at) = self.agents.iter().position(|io| io.agent == agent) else {
            return;
        };
        let mut gone = self.agents.remove(at);
        let SharedWithKernel {
            ring,
            receives,
            files,
            ..
        } = &mut *self.shared;
        gone.inbox.recycle(receives.pool());
        gone.sockets.close_all(ring);
        files.orphan(gone.files, ring);
    }

    fn park(&mut self, max_ns: u64) {
        self.settle();
        if self.agents.iter().any(|io| !io.inbox.is_empty()) {
            return;
        }
        let ring = &mut self.shared.ring;
        for io in &self.agents {
            io.sockets.arm(ring);
        }
        ring.wait(max_ns.min(LONGEST_PARK_NS));
        self.work.parks += 1;
    }

    fn work(&self) -> IoWork {
        let ring = &self.shared.ring;
        IoWork {
            system_calls: self.work.system_calls + ring.calls(),
            ring_entries: ring.entries(),
            ..self.work
        }
    }
}

impl Drop for RingBackend {
    fn drop(&mut self) {
        let drains = self.shared.ring.may_drain() && !thread::panicking();
        if drains {
            self.shared.ring.drain();
        }
        // SAFETY: taken once, here, and not used afterwards.
        let shared = unsafe { ManuallyDrop::take(&mut self.shared) };
        if drains {
            return;
        }
        let SharedWithKernel {
            ring,
            sends,
            receives,
            files,
        } = shared;
        drop(ring);
        std::mem::forget((sends, receives, files));
    }
}

/// Puts an outcome into its agent's inbox; an agent that is gone gets none.
fn post(agents: &mut [AgentIo], ticket: Ticket, outcome: Outcome) -> Option<&mut AgentIo> {
    let io = agents.iter_mut().find(|io| io.agent == ticket.agent())?;
    io.inbox.push_completion(ticket, outcome);
    Some(io)
}
