//! The plain backend: one system call per operation.
//!
//! The way of last resort where io_uring is refused, and so a production path: containers refuse it by default.

pub(crate) mod bind;
pub(crate) mod datagram;
pub(crate) mod files;
pub(crate) mod net;
pub(crate) mod poll;

use self::{files::AgentFiles, net::AgentSockets, poll::PollSet};
use super::{
    backend::{Backend, IoWork},
    chores::{ChoreCounter, ChoreLink},
    desk::Desk,
    mail::{Mail, Outcome, RECEIVE_BUFFER_BYTES, ReceiveBuffer},
    ticket::{AgentId, Ticket},
};
use crate::{clock::Now, mem::Names};

/// Receive buffers of a thread: what may lie in its agents' mail at one time.
pub(crate) const RECEIVE_BUFFERS: usize = 256;

/// System calls, made at the end of each agent's turn (sends, file operations) and at the start of a loop (receives).
pub struct PlainBackend {
    names: Names,
    chores: ChoreLink,
    agents: Vec<AgentIo>,
    pool: Vec<ReceiveBuffer>,
    poll: PollSet,
    work: IoWork,
    /// Where the next round of receives starts, so that no socket starves the others.
    first: usize,
}

/// What the backend holds for one agent.
pub(crate) struct AgentIo {
    agent: AgentId,
    inbox: Mail,
    chores_ended: usize,
    sockets: AgentSockets,
    files: AgentFiles,
}

impl PlainBackend {
    /// A backend for the calling thread. Without a counter, chores are done inline.
    pub fn new(names: Names, chores: Option<ChoreCounter>) -> Self {
        let pool = (0..RECEIVE_BUFFERS)
            .map(|_| vec![0; RECEIVE_BUFFER_BYTES].into_boxed_slice())
            .collect();
        Self {
            names,
            chores: ChoreLink::new(chores),
            agents: Vec::new(),
            pool,
            poll: PollSet::default(),
            work: IoWork::default(),
            first: 0,
        }
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
            files: AgentFiles::default(),
        });
        self.agents.len() - 1
    }

    fn chores_turn(&mut self) {
        let Self { chores, agents, .. } = self;
        chores.turn(|ticket, outcome| post_chore(agents, ticket, outcome));
    }
}

impl Backend for PlainBackend {
    fn kind(&self) -> &'static str {
        "plain"
    }

    fn now(&mut self) -> Now {
        Now::read()
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn submit(&mut self, desk: &mut Desk) {
        let at = self.agent(desk.agent);
        let io = &mut self.agents[at];
        if io
            .sockets
            .perform(&mut desk.net, &mut io.inbox, &mut self.work)
        {
            self.poll.invalidate();
        }
        io.files
            .perform(&mut desk.files, &mut io.inbox, &mut self.work);
        self.chores.take(&mut desk.chores.staged);
    }

    fn collect(&mut self) {
        self.chores_turn();
        let count = self.agents.len();
        for step in 0..count {
            let io = &mut self.agents[(self.first + step) % count];
            io.sockets
                .receive(&mut io.inbox, &mut self.pool, &mut self.work);
        }
        self.first = self.first.wrapping_add(1);
    }

    fn deliver(&mut self, desk: &mut Desk) {
        desk.mail.recycle(&mut self.pool);
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
        gone.inbox.recycle(&mut self.pool);
        self.poll.invalidate();
    }

    fn park(&mut self, max_ns: u64) {
        if self.agents.iter().any(|io| !io.inbox.is_empty()) {
            return;
        }
        let sockets = self.agents.iter().flat_map(|io| io.sockets.receiving());
        self.poll.wait(sockets, max_ns);
        self.work.parks += 1;
        self.work.system_calls += 1;
    }

    fn work(&self) -> IoWork {
        self.work
    }
}

/// Puts a chore's outcome into its agent's inbox; an agent that is gone gets none.
fn post_chore(agents: &mut [AgentIo], ticket: Ticket, outcome: Outcome) {
    if let Some(io) = agents.iter_mut().find(|io| io.agent == ticket.agent()) {
        io.inbox.push_completion(ticket, outcome);
        io.chores_ended += 1;
    }
}
