//! What a step asks of its executor. The executor performs effects in order and decides nothing.

use super::edges::Code;
use super::message::{Draft, Message};
use super::reason::Reason;
use crate::quorum::Committed;
use crate::term_ladder::Change;

/// Names an effect whose completion comes back as [`super::Input::Done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u32);

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Every other member.
    All,
    /// The member of this id.
    Member(i32),
}

/// Role counter values (type 201).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// 0.
    Follower,
    /// 1.
    Candidate,
    /// 2.
    Leader,
}

/// Our entry behind the footer of `node-state.dat` (spec 09 §19.4), written as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStateEntry {
    /// The node can't rely on what it remembers.
    pub impaired: bool,
    /// First term whose TERM entry this node wrote under Strict, -1 none.
    pub strict_from: i64,
    /// A commit position it has seen, in bytes; old is harmless.
    pub commit: i64,
    /// A truncation under way.
    pub truncation: Option<Truncation>,
}

impl NodeStateEntry {
    /// What an absent entry means: a whole node.
    pub const ABSENT: Self = Self {
        impaired: false,
        strict_from: -1,
        commit: 0,
        truncation: None,
    };
}

/// A truncation of the log (spec 09 §19.4 R).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// The position to truncate to.
    pub to: i64,
    /// The member's last term then.
    pub term: i64,
}

/// Where the log is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The leader's publication.
    Live,
    /// A replay of the leader's recording to this node's catch-up endpoint.
    Catchup,
}

/// Why a node stops. Nothing but an operator continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fatal {
    /// Rule X.
    #[error("refused truncation below commit position: to={to} committed={committed}")]
    TruncationBelowCommit {
        /// Where the leader's ladder asks to truncate.
        to: i64,
        /// What this node knows to be committed.
        committed: i64,
    },
    /// A term event consumed that the ladder contradicts.
    #[error("term event leadershipTermId={term} base={base} is not in the recording log")]
    TermNotOnLadder {
        /// The event's term.
        term: i64,
        /// The event's base.
        base: i64,
    },
}

/// One thing to do. Those with a ticket are answered by [`super::Input::Done`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Set the election state counter (release) and log `OLD -> NEW reason`.
    Enter {
        /// The state left.
        from: Code,
        /// The state entered.
        to: Code,
        /// Why.
        reason: Reason,
    },
    /// Set the role counter.
    SetRole(Role),
    /// Send at once; the proofs are inside.
    Send {
        /// To whom.
        to: To,
        /// What.
        message: Message,
    },
    /// Write `candidate_term` to `node-state.dat` (only upwards), force it, make the proof, [`Draft::seal`] the message, send. In this order: the draft can't
    /// be sent otherwise. Done with [`super::Outcome::Proposed`].
    PersistThenSend {
        /// Whose completion.
        ticket: Ticket,
        /// The term to persist.
        candidate_term: i64,
        /// The message, if one waits.
        then: Option<(To, Draft)>,
    },
    /// Write our entry of `node-state.dat` and force it. Done with [`super::Outcome::Written`].
    WriteNodeState {
        /// Whose completion.
        ticket: Ticket,
        /// The whole entry.
        entry: NodeStateEntry,
    },
    /// Write the entry when convenient, unforced; nobody waits (a lazily stored commit position).
    StoreNodeState(NodeStateEntry),
    /// Write TERM entries and force them. Done with [`super::Outcome::LadderWritten`].
    WriteLadder {
        /// Whose completion.
        ticket: Ticket,
        /// What to write.
        change: Change,
    },
    /// Compare the ladder with the log and repair it on disk (§19.4 R, "At start"). Done with [`super::Outcome::LadderChecked`].
    CheckLadder {
        /// Whose completion.
        ticket: Ticket,
    },
    /// prepareForNewLeadership and what INIT closes (§11.2, §12.1). Done with [`super::Outcome::Done`] when nothing records the log any more.
    Prepare {
        /// Whose completion.
        ticket: Ticket,
        /// The applied position to restore to.
        log_position: i64,
    },
    /// Truncate the log recording; the cut is done again when it was begun before. Done with [`super::Outcome::Done`].
    TruncateLog {
        /// Whose completion.
        ticket: Ticket,
        /// The new stop position.
        to: i64,
    },
    /// Create the log publication of the term at `position` (§13.1). Done with [`super::Outcome::Published`].
    OpenLog {
        /// Whose completion.
        ticket: Ticket,
        /// Its initial position.
        position: i64,
    },
    /// Start recording the own publication, let services join it (§13.2). Done with [`super::Outcome::Joined`].
    JoinAsLeader {
        /// Whose completion.
        ticket: Ticket,
        /// The leader's term.
        leadership_term_id: i64,
        /// Where.
        position: i64,
        /// The node has just started.
        is_startup: bool,
    },
    /// Append the NewLeadershipTermEvent. Done with [`super::Outcome::Done`], or Failed to be asked again.
    AppendTermEvent {
        /// Whose completion.
        ticket: Ticket,
        /// The term.
        leadership_term_id: i64,
        /// Its base.
        base: i64,
    },
    /// Replay the own recording to consensus module and services (§13.3). Done with [`super::Outcome::Done`]; `Facts::applied` then is `to`.
    Replay {
        /// Whose completion.
        ticket: Ticket,
        /// First byte.
        from: i64,
        /// End.
        to: i64,
    },
    /// Replicate from the leader's archive (§13.5). Done with [`super::Outcome::Joined`] when a recording exists that had none, and with
    /// [`super::Outcome::Replicated`] when ended and stopped.
    Replicate {
        /// Whose completion.
        ticket: Ticket,
        /// Whose archive.
        leader: i32,
        /// Its recording.
        recording_id: i64,
        /// Stop position.
        to: i64,
    },
    /// End a replication that is running.
    StopReplication,
    /// Subscribe to the leader's log, resolve the own endpoint. Done with [`super::Outcome::Done`].
    SubscribeLog {
        /// Whose completion.
        ticket: Ticket,
        /// From where.
        source: Source,
        /// Of which publication.
        log_session_id: i32,
    },
    /// Wait for the image, record it, let services join (§13.4). Done with [`super::Outcome::Joined`], Failed if it joins elsewhere than at `position`.
    JoinLog {
        /// Whose completion.
        ticket: Ticket,
        /// Where the image has to join.
        position: i64,
        /// The leader has just started.
        is_startup: bool,
    },
    /// Add the live destination to the catch-up subscription.
    AddLiveDestination,
    /// Remove the catch-up destination.
    RemoveCatchupDestination,
    /// Leader: replay the log from `position` to the member that asked, at the endpoint that came with its CatchupPosition (§13.6).
    StartCatchup {
        /// For whom.
        member: i32,
        /// First byte.
        position: i64,
    },
    /// Leader: end that replay.
    StopCatchup {
        /// For whom.
        member: i32,
    },
    /// Leader: commit counter := max. Follower: consume the log up to here; the commit counter follows what is consumed.
    Commit(Committed),
    /// Election complete (§11.7); the node has a leader.
    Complete {
        /// The leader.
        leader: i32,
        /// Its term.
        leadership_term_id: i64,
        /// The position of the election.
        log_position: i64,
    },
    /// Tell the operator once: this member runs Java, rule M is off.
    ReportJava {
        /// The member.
        member: i32,
    },
    /// Tell the operator once: this node's ladder lacks the term after `term`.
    ReportHole {
        /// The member's term.
        term: i64,
    },
    /// Stop the node, touch no file.
    Stop(Fatal),
}

/// Effects of one step, in order. The list is kept between steps, so that a step allocates nothing.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Effect>,
}

impl Effects {
    /// Room for what a step of a cluster of `members` can ask.
    #[must_use]
    pub fn with_room_for(members: usize) -> Self {
        Self {
            list: Vec::with_capacity(16 + 4 * members),
        }
    }

    /// Takes the effects out, first to last.
    pub fn drain(&mut self) -> impl Iterator<Item = Effect> + '_ {
        self.list.drain(..)
    }

    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }
}
