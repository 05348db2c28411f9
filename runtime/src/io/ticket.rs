//! Tickets: what an agent holds for an operation that is under way.

/// Names one staged operation of one agent's life. Unique within the thread's backend for as long as anybody can hold it.
///
/// It carries the agent's slot and the generation of the agent in it, so an agent gets only its own completions, and one
/// that was started anew in the same slot gets none of its predecessor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    agent: AgentId,
    number: u32,
}

impl Ticket {
    /// The agent that staged the operation.
    pub fn agent(self) -> AgentId {
        self.agent
    }

    /// Packs the ticket for a kernel's user data.
    pub fn to_bits(self) -> u64 {
        u64::from(self.agent.slot) << 48
            | u64::from(self.agent.generation) << 32
            | u64::from(self.number)
    }

    /// The ticket that [`Self::to_bits`] packed.
    pub fn from_bits(bits: u64) -> Self {
        let [_, _, _, _, g0, g1, s0, s1] = bits.to_le_bytes();
        let agent = AgentId {
            slot: u16::from_le_bytes([s0, s1]),
            generation: u16::from_le_bytes([g0, g1]),
        };
        Self {
            agent,
            number: (bits & u64::from(u32::MAX)) as u32,
        }
    }
}

/// One life of an agent on a thread: its slot, and how often the slot was filled before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId {
    /// Position among the thread's agents.
    pub slot: u16,
    /// Counts the agents that were in this slot, wrapping.
    pub generation: u16,
}

/// Issues the tickets of one agent's desk; each lane has numbers of its own.
#[derive(Debug)]
pub(crate) struct Tickets {
    agent: AgentId,
    lane: Lane,
    next: u32,
}

/// The queue of a desk that an operation was staged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Net = 0,
    Files = 1,
    Chores = 2,
}

impl Tickets {
    pub(crate) fn of(agent: AgentId, lane: Lane) -> Self {
        Self {
            agent,
            lane,
            next: 0,
        }
    }

    /// A ticket that no operation under way carries: fewer than 2³⁰ operations are ever under way in one lane.
    pub(crate) fn issue(&mut self) -> Ticket {
        let number = self.next << 2 | self.lane as u32;
        self.next = self.next.wrapping_add(1);
        Ticket {
            agent: self.agent,
            number,
        }
    }
}

/// A bounded queue or table had no room. Nothing was staged; try again in a later turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room left: {what} holds at most {limit}")]
pub struct Full {
    /// The queue or table.
    pub what: &'static str,
    /// How much it holds.
    pub limit: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_give_the_ticket_back_and_lanes_differ() {
        let agent = AgentId {
            slot: 513,
            generation: 65_535,
        };
        let mut net = Tickets::of(agent, Lane::Net);
        let mut chores = Tickets::of(agent, Lane::Chores);
        net.next = u32::MAX;
        for _ in 0..3 {
            let (sent, done) = (net.issue(), chores.issue());
            assert_eq!(Ticket::from_bits(sent.to_bits()), sent);
            assert_eq!(Ticket::from_bits(done.to_bits()), done);
            assert_ne!(sent, done);
        }
    }
}
