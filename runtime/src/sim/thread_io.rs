//! What the world holds for one thread: its agents' sockets, files and mail.

use super::{ProcessId, disk::SimFile, network::SocketId};
use crate::io::{AgentId, Desk, File, FileAccess, Interest, IoWork, Mail, Outcome, Socket, Ticket};

/// A thread of a process.
pub(super) struct ThreadIo {
    pub(super) process: ProcessId,
    /// Its number in the process.
    pub(super) number: u32,
    pub(super) work: IoWork,
    pub(super) agents: Vec<AgentIo>,
    /// When the last chore asked for takes place: they do so in order.
    pub(super) chores_until_ns: u64,
    pub(super) first: usize,
}

/// What it holds for one agent.
pub(super) struct AgentIo {
    pub(super) agent: AgentId,
    pub(super) inbox: Mail,
    chores_ended: usize,
    pub(super) sockets: Vec<Option<OpenSocket>>,
    pub(super) files: Vec<Option<OpenFile>>,
    /// When the last send's completion is there: they come in order.
    pub(super) sends_until_ns: u64,
    pub(super) first: usize,
}

#[derive(Clone, Copy)]
pub(super) struct OpenSocket {
    pub(super) handle: Socket,
    pub(super) id: SocketId,
    pub(super) interest: Interest,
}

pub(super) struct OpenFile {
    pub(super) handle: File,
    pub(super) file: SimFile,
    pub(super) access: FileAccess,
    /// When nothing of it is in flight any more.
    pub(super) busy_until_ns: u64,
}

impl ThreadIo {
    pub(super) fn new(process: ProcessId, number: u32) -> Self {
        Self {
            process,
            number,
            work: IoWork::default(),
            agents: Vec::new(),
            chores_until_ns: 0,
            first: 0,
        }
    }

    /// Whether the agent that staged an operation is still there.
    pub(super) fn knows(&self, ticket: Ticket) -> bool {
        self.agents.iter().any(|io| io.agent == ticket.agent())
    }

    /// Puts an outcome into its agent's inbox; an agent that is gone gets none.
    pub(super) fn post(&mut self, ticket: Ticket, outcome: Outcome, is_chore: bool) {
        let agent = self.agents.iter_mut().find(|io| io.agent == ticket.agent());
        if let Some(io) = agent {
            io.inbox.push_completion(ticket, outcome);
            io.chores_ended += usize::from(is_chore);
        }
    }

    /// Gives an agent its inbox.
    pub(super) fn deliver(&mut self, desk: &mut Desk) {
        // Receive buffers are as long as their datagram, so they are no use for another.
        desk.mail.recycle(&mut Vec::new());
        let io = self.agent(desk.agent);
        std::mem::swap(&mut desk.mail, &mut io.inbox);
        desk.chores.ended(std::mem::take(&mut io.chores_ended));
    }

    /// Takes an agent out; gives the sockets it still held.
    pub(super) fn retire(&mut self, agent: AgentId) -> Vec<SocketId> {
        let Some(at) = self.agents.iter().position(|io| io.agent == agent) else {
            return Vec::new();
        };
        let gone = self.agents.remove(at);
        gone.sockets.iter().flatten().map(|open| open.id).collect()
    }

    pub(super) fn agents(&self) -> Vec<AgentId> {
        self.agents.iter().map(|io| io.agent).collect()
    }

    pub(super) fn agent(&mut self, agent: AgentId) -> &mut AgentIo {
        let at = self.agents.iter().position(|io| io.agent == agent);
        let at = at.unwrap_or_else(|| {
            self.agents.push(AgentIo {
                agent,
                inbox: Mail::default(),
                chores_ended: 0,
                sockets: Vec::new(),
                files: Vec::new(),
                sends_until_ns: 0,
                first: 0,
            });
            self.agents.len() - 1
        });
        &mut self.agents[at]
    }
}

impl AgentIo {
    pub(super) fn socket(&self, handle: Socket) -> OpenSocket {
        let open = self.sockets[usize::from(handle.slot)];
        open.filter(|open| open.handle == handle)
            .expect("the desk hands out handles of adopted sockets only")
    }

    pub(super) fn file(&mut self, handle: File) -> &mut OpenFile {
        let open = self.files[usize::from(handle.slot)].as_mut();
        open.filter(|open| open.handle == handle)
            .expect("the desk hands out handles of adopted files only")
    }
}
