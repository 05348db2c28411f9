//! The messages of an election as plain values (spec 08 §1.8), and the proofs that three of them need before they may leave.

use crate::proposed::TermProposed;
use crate::recorded::Recorded;
use crate::rules::FromMemory;
use crate::term_ladder::TermOnDisk;

/// 50: where a member's log ends; its promise travels in `leadership_term_id` (spec 09 §19.4 P 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanvassPosition {
    /// Last TERM entry of the member.
    pub log_leadership_term_id: i64,
    /// Bytes recorded by the member.
    pub log_position: i64,
    /// The member's promise; of a Java member the election's term.
    pub leadership_term_id: i64,
    /// The sender.
    pub follower_member_id: i32,
    /// Which rules the sender keeps.
    pub protocol_version: i32,
}

/// 51: a candidate asks for a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestVote {
    /// Last TERM entry of the candidate.
    pub log_leadership_term_id: i64,
    /// Bytes recorded by the candidate.
    pub log_position: i64,
    /// The term it stands in.
    pub candidate_term_id: i64,
    /// The sender.
    pub candidate_member_id: i32,
    /// Which rules the sender keeps.
    pub protocol_version: i32,
}

/// 52: the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The term voted in.
    pub candidate_term_id: i64,
    /// Last TERM entry of the voter.
    pub log_leadership_term_id: i64,
    /// Bytes recorded by the voter.
    pub log_position: i64,
    /// The candidate.
    pub candidate_member_id: i32,
    /// The voter.
    pub follower_member_id: i32,
    /// Granted or refused.
    pub vote: bool,
}

/// 53: a leader's term and what a member needs to climb to it (spec 09 §11.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLeadershipTerm {
    /// Last TERM entry of the member answered, of the leader when sent to all.
    pub log_leadership_term_id: i64,
    /// The term after it on the leader's ladder, -1 if none.
    pub next_leadership_term_id: i64,
    /// Base of that term, -1 if none.
    pub next_term_base_log_position: i64,
    /// End of that term, -1 if open.
    pub next_log_position: i64,
    /// The leader's term.
    pub leadership_term_id: i64,
    /// Its base.
    pub term_base_log_position: i64,
    /// The leader's append or publication position.
    pub log_position: i64,
    /// The leader's log recording.
    pub leader_recording_id: i64,
    /// Cluster time.
    pub timestamp: i64,
    /// The sender.
    pub leader_member_id: i32,
    /// Session of the term's log publication.
    pub log_session_id: i32,
    /// Application version.
    pub app_version: i32,
    /// The leader came from a node start.
    pub is_startup: bool,
    /// Commit position, -1 if unknown.
    pub commit_position: i64,
}

/// 54: a follower's recorded position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendPosition {
    /// The term said.
    pub leadership_term_id: i64,
    /// Bytes recorded.
    pub log_position: i64,
    /// The sender.
    pub follower_member_id: i32,
    /// [`APPEND_POSITION_FLAG_CATCHUP`] or 0.
    pub flags: u8,
}

/// The follower reads a catch-up replay.
pub const APPEND_POSITION_FLAG_CATCHUP: u8 = 1;

/// 55: a leader's commit position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitPosition {
    /// The leader's term.
    pub leadership_term_id: i64,
    /// The commit position.
    pub log_position: i64,
    /// The sender.
    pub leader_member_id: i32,
}

/// 56: a follower asks for a catch-up replay. Its endpoint travels beside it: the executor adds it when sending and keeps it when receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchupPosition {
    /// The leader's term.
    pub leadership_term_id: i64,
    /// Where the replay has to start.
    pub log_position: i64,
    /// The sender.
    pub follower_member_id: i32,
}

/// 57: the catch-up replay has served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopCatchup {
    /// Copied from the AppendPosition that triggered it.
    pub leadership_term_id: i64,
    /// The receiver.
    pub follower_member_id: i32,
}

/// A message that may leave: it was built from the proofs it needs.
///
/// ```compile_fail
/// use taranis_cluster::election::{AppendPosition, Proven};
/// let forged = Proven(AppendPosition { leadership_term_id: 3, log_position: 96, follower_member_id: 1, flags: 0 });
/// ```
/// ```compile_fail
/// use taranis_cluster::election::Proven;
/// // A position that was only received is a number, and a number is no proof.
/// let forged = Proven::append_position(3_i64, 96_i64, 1, 0);
/// ```
/// ```compile_fail
/// use taranis_cluster::election::{Message, Vote};
/// let vote = Vote { candidate_term_id: 7, log_leadership_term_id: 0, log_position: 0, candidate_member_id: 1, follower_member_id: 2, vote: true };
/// let forged = Message::Vote(vote);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven<T>(T);

impl<T> Proven<T> {
    /// What to encode.
    #[must_use]
    pub const fn message(&self) -> &T {
        &self.0
    }
}

impl Proven<AppendPosition> {
    /// A report in a term that is on disk, of bytes that are recorded (spec 09 §19.4 F).
    #[must_use]
    pub const fn append_position(
        term: TermOnDisk,
        recorded: Recorded,
        follower_member_id: i32,
        flags: u8,
    ) -> Self {
        Self(AppendPosition {
            leadership_term_id: term.term(),
            log_position: recorded.position(),
            follower_member_id,
            flags,
        })
    }

    /// Aeron's report, in a term that may be in memory only.
    #[must_use]
    pub const fn from_memory(
        _licence: FromMemory,
        leadership_term_id: i64,
        recorded: Recorded,
        follower_member_id: i32,
        flags: u8,
    ) -> Self {
        Self(AppendPosition {
            leadership_term_id,
            log_position: recorded.position(),
            follower_member_id,
            flags,
        })
    }
}

impl Proven<Vote> {
    /// A vote that binds nobody needs no proof: the refusal of a term not above the own one.
    #[must_use]
    pub const fn refusal(mut vote: Vote) -> Self {
        vote.vote = false;
        Self(vote)
    }
}

/// A message that waits for its candidate term to be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draft {
    /// The candidate's own.
    RequestVote(RequestVote),
    /// The voter's.
    Vote(Vote),
}

impl Draft {
    /// The term that has to be on disk.
    #[must_use]
    pub const fn candidate_term(&self) -> i64 {
        match self {
            Self::RequestVote(request) => request.candidate_term_id,
            Self::Vote(vote) => vote.candidate_term_id,
        }
    }

    /// The message, if the proof covers its term.
    #[must_use]
    pub const fn seal(self, proof: TermProposed) -> Option<Message> {
        if proof.candidate_term() < self.candidate_term() {
            return None;
        }
        Some(match self {
            Self::RequestVote(request) => Message::RequestVote(Proven(request)),
            Self::Vote(vote) => Message::Vote(Proven(vote)),
        })
    }
}

/// A message on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// 50.
    CanvassPosition(CanvassPosition),
    /// 51.
    RequestVote(Proven<RequestVote>),
    /// 52.
    Vote(Proven<Vote>),
    /// 53.
    NewLeadershipTerm(NewLeadershipTerm),
    /// 54.
    AppendPosition(Proven<AppendPosition>),
    /// 55.
    CommitPosition(CommitPosition),
    /// 56.
    CatchupPosition(CatchupPosition),
    /// 57.
    StopCatchup(StopCatchup),
}

impl Message {
    /// Whether a refused send is tried again each turn until the election changes state (spec 09 §5.5). The others are sent again by interval, or never.
    #[must_use]
    pub const fn is_retried(&self) -> bool {
        match self {
            Self::RequestVote(_) | Self::CatchupPosition(_) | Self::StopCatchup(_) => true,
            Self::CanvassPosition(_)
            | Self::Vote(_)
            | Self::NewLeadershipTerm(_)
            | Self::AppendPosition(_)
            | Self::CommitPosition(_) => false,
        }
    }
}
