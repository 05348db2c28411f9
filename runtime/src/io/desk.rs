//! Everything an agent stages in its turn, in one place per agent.

use super::{chores::Chores, files::FileOps, mail::Mail, net::NetOut, ticket::AgentId};
use crate::{
    clock::Now,
    cycle::{Cycle, PeerTurns, Rng},
    mem::Names,
};

/// One agent's desk: its outgoing trays and its mail. The backend empties the trays after the agent's turn.
#[derive(Debug)]
pub struct Desk {
    pub(crate) agent: AgentId,
    pub(crate) mail: Mail,
    pub(crate) net: NetOut,
    pub(crate) files: FileOps,
    pub(crate) chores: Chores,
    pub(crate) wake: Wake,
    names: Names,
    rng: Rng,
}

impl Desk {
    /// A desk with names to open, and random numbers of its own (so that they don't depend on the order of turns).
    pub(crate) fn of(agent: AgentId, names: Names, rng: Rng) -> Self {
        Self {
            agent,
            mail: Mail::default(),
            net: NetOut::of(agent),
            files: FileOps::of(agent),
            chores: Chores::of(agent),
            wake: Wake::default(),
            names,
            rng,
        }
    }

    /// The cycle of one turn at this desk.
    pub(crate) fn cycle<'a>(
        &'a mut self,
        now: Now,
        peers: Option<&'a mut dyn PeerTurns>,
    ) -> Cycle<'a> {
        Cycle {
            now,
            mail: &mut self.mail,
            net: &mut self.net,
            files: &mut self.files,
            names: &self.names,
            chores: &mut self.chores,
            rng: &mut self.rng,
            wake: &mut self.wake,
            peers,
        }
    }

    /// Whether the agent staged anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.net.is_empty() && self.files.is_empty() && self.chores.is_empty()
    }
}

/// When an agent wants its next turn at the latest: bounds a park, and lets the simulator jump.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wake {
    at_ns: Option<i64>,
}

impl Wake {
    /// Asks for a turn at `mono_ns` or before; the earliest of a turn's requests counts, and each turn asks anew.
    pub fn at(&mut self, mono_ns: i64) {
        self.at_ns = Some(self.at_ns.map_or(mono_ns, |before| before.min(mono_ns)));
    }

    /// What was asked for in the last turn.
    pub(crate) fn requested(&self) -> Option<i64> {
        self.at_ns
    }

    pub(crate) fn reset(&mut self) {
        self.at_ns = None;
    }
}
