//! The states, each with the data that is valid in it alone (spec 09 §11.1).

use super::edges::Code;
use super::effect::{Fatal, Ticket, Truncation};
use crate::term_ladder::Change;

/// An election, or the term it led to. By value: a step consumes it, so nothing stale survives a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// 0.
    Init(Init),
    /// 1.
    Canvass(Canvass),
    /// 2.
    Nominate(Nominate),
    /// 3.
    CandidateBallot(CandidateBallot),
    /// 4.
    FollowerBallot,
    /// 5.
    LeaderLogReplication(LeaderLogReplication),
    /// 6.
    LeaderReplay(LeaderReplay),
    /// 7.
    LeaderInit(LeaderInit),
    /// 8.
    LeaderReady(LeaderReady),
    /// 9.
    FollowerLogReplication(FollowerLogReplication),
    /// 10.
    FollowerReplay(FollowerReplay),
    /// 11.
    FollowerCatchupInit(Subscribing),
    /// 12.
    FollowerCatchupAwait(Joining),
    /// 13.
    FollowerCatchup(FollowerCatchup),
    /// 14.
    FollowerLogInit(FollowerLogInit),
    /// 15.
    FollowerLogAwait(Joining),
    /// 16.
    FollowerReady(Following),
    /// 17.
    Closed(Closed),
}

impl State {
    /// The counter's code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Init(_) => Code::Init,
            Self::Canvass(_) => Code::Canvass,
            Self::Nominate(_) => Code::Nominate,
            Self::CandidateBallot(_) => Code::CandidateBallot,
            Self::FollowerBallot => Code::FollowerBallot,
            Self::LeaderLogReplication(_) => Code::LeaderLogReplication,
            Self::LeaderReplay(_) => Code::LeaderReplay,
            Self::LeaderInit(_) => Code::LeaderInit,
            Self::LeaderReady(_) => Code::LeaderReady,
            Self::FollowerLogReplication(_) => Code::FollowerLogReplication,
            Self::FollowerReplay(_) => Code::FollowerReplay,
            Self::FollowerCatchupInit(_) => Code::FollowerCatchupInit,
            Self::FollowerCatchupAwait(_) => Code::FollowerCatchupAwait,
            Self::FollowerCatchup(_) => Code::FollowerCatchup,
            Self::FollowerLogInit(_) => Code::FollowerLogInit,
            Self::FollowerLogAwait(_) => Code::FollowerLogAwait,
            Self::FollowerReady(_) => Code::FollowerReady,
            Self::Closed(_) => Code::Closed,
        }
    }

    /// The term led, in every leading state.
    #[must_use]
    pub const fn leading(&self) -> Option<&Leading> {
        match self {
            Self::LeaderLogReplication(state) => Some(&state.leading),
            Self::LeaderReplay(state) => Some(&state.leading),
            Self::LeaderInit(state) => Some(&state.leading),
            Self::LeaderReady(state) => Some(&state.leading),
            Self::Closed(Closed::Leader(leading)) => Some(leading),
            Self::Closed(Closed::Follower(_) | Closed::Stopped(_))
            | Self::Init(_)
            | Self::Canvass(_)
            | Self::Nominate(_)
            | Self::CandidateBallot(_)
            | Self::FollowerBallot
            | Self::FollowerLogReplication(_)
            | Self::FollowerReplay(_)
            | Self::FollowerCatchupInit(_)
            | Self::FollowerCatchupAwait(_)
            | Self::FollowerCatchup(_)
            | Self::FollowerLogInit(_)
            | Self::FollowerLogAwait(_)
            | Self::FollowerReady(_) => None,
        }
    }

    /// The leader followed, in every following state.
    pub(crate) const fn following_mut(&mut self) -> Option<&mut Following> {
        match self {
            Self::FollowerLogReplication(state) => Some(&mut state.following),
            Self::FollowerReplay(state) => Some(&mut state.following),
            Self::FollowerCatchupInit(state) => Some(&mut state.following),
            Self::FollowerCatchupAwait(state) | Self::FollowerLogAwait(state) => {
                Some(&mut state.following)
            }
            Self::FollowerCatchup(state) => Some(&mut state.following),
            Self::FollowerLogInit(state) => Some(&mut state.following),
            Self::FollowerReady(following) | Self::Closed(Closed::Follower(following)) => {
                Some(following)
            }
            Self::Init(_)
            | Self::Canvass(_)
            | Self::Nominate(_)
            | Self::CandidateBallot(_)
            | Self::FollowerBallot
            | Self::LeaderLogReplication(_)
            | Self::LeaderReplay(_)
            | Self::LeaderInit(_)
            | Self::LeaderReady(_)
            | Self::Closed(Closed::Leader(_) | Closed::Stopped(_)) => None,
        }
    }
}

/// The stages of INIT, in order; those with nothing to do are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Prepare,
    Flag,
    Invalidate,
    Intent,
    Truncate,
    Clamp,
    ClearIntent,
    Check,
    Propose,
}

/// INIT: clean-up, then the disk work that must precede a canvass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    pub(crate) stage: Stage,
    pub(crate) waiting: Option<Ticket>,
    pub(crate) cut: Option<Truncation>,
}

/// CANVASS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Canvass {
    /// Since when only leaders below the promise are heard (P 5).
    pub(crate) deposed_since_ns: Option<i64>,
}

/// NOMINATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nominate {
    pub(crate) deadline_ns: i64,
    pub(crate) proposing: Option<Ticket>,
}

/// CANDIDATE_BALLOT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateBallot {
    pub(crate) term: i64,
}

/// What a leader holds from its election to the end of its term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leading {
    /// The term.
    pub term: i64,
    /// Its base: the append position when elected.
    pub base: i64,
    /// Session of the log publication, once created.
    pub log_session_id: Option<i32>,
    /// The gate is open: bytes above the floor may be published, applied and answered (§19.4 G).
    pub gate_open: bool,
    pub(crate) opening: Ticket,
    pub(crate) is_startup: bool,
    pub(crate) announced_ns: Option<i64>,
    pub(crate) committed_ns: Option<i64>,
    pub(crate) told: i64,
}

/// LEADER_LOG_REPLICATION.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderLogReplication {
    pub(crate) leading: Leading,
    pub(crate) writing: Option<TermWrite>,
}

/// LEADER_REPLAY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderReplay {
    pub(crate) leading: Leading,
    pub(crate) replay: Option<Ticket>,
}

/// LEADER_INIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderInit {
    pub(crate) leading: Leading,
    pub(crate) joining: Ticket,
    pub(crate) writing: Option<TermWrite>,
}

/// LEADER_READY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderReady {
    pub(crate) leading: Leading,
    pub(crate) appending: Option<Ticket>,
}

/// What a follower holds of its leader from adoption to the end of the term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The leader's term.
    pub term: i64,
    /// Base of that term.
    pub base: i64,
    /// Session of the leader's log publication.
    pub log_session_id: i32,
    pub(crate) leader: usize,
    pub(crate) recording_id: i64,
    /// Where a catch-up has to arrive, when this log is behind.
    pub(crate) join: Option<i64>,
    pub(crate) is_startup: bool,
    pub(crate) heard_ns: i64,
    pub(crate) reported: i64,
    pub(crate) reported_ns: Option<i64>,
    /// The leader's latest commit position in this term, as told.
    pub(crate) told: Option<i64>,
}

/// A TERM entry on its way to disk; an impaired node's promise goes first (§19.4 D 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TermWrite {
    Promise(Ticket, Change),
    Entry(Ticket),
}

/// FOLLOWER_LOG_REPLICATION.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerLogReplication {
    pub(crate) following: Following,
    pub(crate) term: i64,
    /// Base of the term, if its TERM entry has to be written.
    pub(crate) base: Option<i64>,
    pub(crate) stop: i64,
    pub(crate) deadline_ns: i64,
    pub(crate) opening: Option<TermWrite>,
    pub(crate) copy: Copying,
}

/// How far the copy of a term is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copying {
    /// Not started.
    No,
    /// The archive replicates.
    Running(Ticket),
    /// All bytes up to the stop position are recorded.
    Recorded,
    /// The end is being written.
    Closing(Ticket),
    /// The ladder is compared with the log (§19.4 F).
    Checking(Ticket),
}

/// FOLLOWER_REPLAY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerReplay {
    pub(crate) following: Following,
    pub(crate) writing: Option<TermWrite>,
    pub(crate) replay: Option<Ticket>,
    pub(crate) replayed: bool,
}

/// FOLLOWER_CATCHUP_INIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribing {
    pub(crate) following: Following,
    pub(crate) ticket: Ticket,
}

/// FOLLOWER_CATCHUP_AWAIT and FOLLOWER_LOG_AWAIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    pub(crate) following: Following,
    pub(crate) ticket: Ticket,
    pub(crate) writing: Option<TermWrite>,
}

/// FOLLOWER_CATCHUP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerCatchup {
    pub(crate) following: Following,
    pub(crate) live_added: bool,
    pub(crate) catchup_removed: bool,
    pub(crate) progress: i64,
    pub(crate) progress_ns: i64,
}

/// FOLLOWER_LOG_INIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerLogInit {
    pub(crate) following: Following,
    /// The catch-up's subscription is there and carries the live log.
    pub(crate) subscribed: bool,
    pub(crate) subscribing: Option<Ticket>,
}

/// CLOSED: no election is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// This node leads.
    Leader(Leading),
    /// This node follows.
    Follower(Following),
    /// This node has stopped (rule X).
    Stopped(Fatal),
}
