//! The states' codes, and the one table of legal edges (spec 09 §11.1).

/// The states by the codes of the election state counter (type 207).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// Clean-up, and whatever must be on disk before a canvass.
    Init = 0,
    /// Learning where the others' logs end.
    Canvass = 1,
    /// About to stand.
    Nominate = 2,
    /// Standing.
    CandidateBallot = 3,
    /// Voted; waiting for the winner.
    FollowerBallot = 4,
    /// Elected; a quorum has to adopt the term.
    LeaderLogReplication = 5,
    /// Applying the own log.
    LeaderReplay = 6,
    /// Joining the log as its publisher.
    LeaderInit = 7,
    /// Waiting for a quorum, then the first byte.
    LeaderReady = 8,
    /// Copying earlier terms from the leader.
    FollowerLogReplication = 9,
    /// Adopting the term and applying the own log.
    FollowerReplay = 10,
    /// Asking for a catch-up replay.
    FollowerCatchupInit = 11,
    /// Waiting for its image.
    FollowerCatchupAwait = 12,
    /// Reading it.
    FollowerCatchup = 13,
    /// About to join the live log.
    FollowerLogInit = 14,
    /// Waiting for its image.
    FollowerLogAwait = 15,
    /// Telling the leader.
    FollowerReady = 16,
    /// No election: the term runs.
    Closed = 17,
}

impl Code {
    /// All, by code.
    pub const ALL: [Self; 18] = [
        Self::Init,
        Self::Canvass,
        Self::Nominate,
        Self::CandidateBallot,
        Self::FollowerBallot,
        Self::LeaderLogReplication,
        Self::LeaderReplay,
        Self::LeaderInit,
        Self::LeaderReady,
        Self::FollowerLogReplication,
        Self::FollowerReplay,
        Self::FollowerCatchupInit,
        Self::FollowerCatchupAwait,
        Self::FollowerCatchup,
        Self::FollowerLogInit,
        Self::FollowerLogAwait,
        Self::FollowerReady,
        Self::Closed,
    ];

    /// Aeron's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Canvass => "CANVASS",
            Self::Nominate => "NOMINATE",
            Self::CandidateBallot => "CANDIDATE_BALLOT",
            Self::FollowerBallot => "FOLLOWER_BALLOT",
            Self::LeaderLogReplication => "LEADER_LOG_REPLICATION",
            Self::LeaderReplay => "LEADER_REPLAY",
            Self::LeaderInit => "LEADER_INIT",
            Self::LeaderReady => "LEADER_READY",
            Self::FollowerLogReplication => "FOLLOWER_LOG_REPLICATION",
            Self::FollowerReplay => "FOLLOWER_REPLAY",
            Self::FollowerCatchupInit => "FOLLOWER_CATCHUP_INIT",
            Self::FollowerCatchupAwait => "FOLLOWER_CATCHUP_AWAIT",
            Self::FollowerCatchup => "FOLLOWER_CATCHUP",
            Self::FollowerLogInit => "FOLLOWER_LOG_INIT",
            Self::FollowerLogAwait => "FOLLOWER_LOG_AWAIT",
            Self::FollowerReady => "FOLLOWER_READY",
            Self::Closed => "CLOSED",
        }
    }

    /// The states that may follow. INIT follows every state after an error; CLOSED follows INIT only when the node stops (rule X).
    #[must_use]
    pub const fn successors(self) -> &'static [Self] {
        match self {
            Self::Init => &[Self::Canvass, Self::LeaderLogReplication, Self::Closed],
            Self::Canvass => &[
                Self::Init,
                Self::Nominate,
                Self::FollowerBallot,
                Self::FollowerLogReplication,
                Self::FollowerReplay,
                Self::Closed,
            ],
            Self::Nominate => &[Self::Init, Self::CandidateBallot, Self::FollowerBallot],
            Self::CandidateBallot => &[
                Self::Init,
                Self::Canvass,
                Self::FollowerBallot,
                Self::LeaderLogReplication,
                Self::FollowerLogReplication,
                Self::FollowerReplay,
                Self::Closed,
            ],
            Self::FollowerBallot => &[
                Self::Init,
                Self::Canvass,
                Self::FollowerLogReplication,
                Self::FollowerReplay,
                Self::Closed,
            ],
            Self::LeaderLogReplication => &[Self::Init, Self::LeaderReplay],
            Self::LeaderReplay => &[Self::Init, Self::LeaderInit],
            Self::LeaderInit => &[Self::Init, Self::LeaderReady],
            Self::LeaderReady | Self::FollowerReady => &[Self::Init, Self::Closed],
            Self::FollowerLogReplication => &[Self::Init, Self::Canvass],
            Self::FollowerReplay => &[
                Self::Init,
                Self::Canvass,
                Self::FollowerCatchupInit,
                Self::FollowerLogInit,
                Self::Closed,
            ],
            Self::FollowerCatchupInit => &[Self::Init, Self::FollowerCatchupAwait],
            Self::FollowerCatchupAwait => &[Self::Init, Self::FollowerCatchup],
            Self::FollowerCatchup => &[Self::Init, Self::FollowerLogInit, Self::Closed],
            Self::FollowerLogInit => &[Self::Init, Self::FollowerLogAwait, Self::FollowerReady],
            Self::FollowerLogAwait => &[Self::Init, Self::FollowerReady],
            Self::Closed => &[Self::Init, Self::Closed],
        }
    }

    /// Whether `to` may follow.
    #[must_use]
    pub fn leads_to(self, to: Self) -> bool {
        self.successors().contains(&to)
    }
}
