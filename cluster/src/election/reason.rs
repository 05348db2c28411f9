//! Why a state was entered: for the operator's log line and for scripts.

/// One reason per cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The clean-up is done.
    Cleaned,
    /// One member, and it is this node.
    OnlyMember,
    /// Every member has been heard and none has a better log.
    UnanimousCanvass,
    /// The canvass deadline passed with a quorum.
    QuorumCanvass,
    /// Only leaders below the promise are heard (P 5).
    OnlyDeposedLeaders,
    /// The candidate term is on disk.
    Standing,
    /// All voted TRUE.
    UnanimousLeader,
    /// A quorum voted TRUE.
    QuorumLeader,
    /// Too many refusals.
    Refused,
    /// The ballot has run out of time.
    BallotTimeout,
    /// This node voted TRUE for another.
    Voted,
    /// The leader built its answer for another last term.
    OtherLogTerm,
    /// The leader's term starts above this log.
    BehindTerm,
    /// This log reaches the leader's term.
    AtTerm,
    /// Bytes above the leader's next term have to go.
    Truncating,
    /// A quorum has adopted the term.
    GateOpen,
    /// The log starts with this term: nothing to replicate first.
    EmptyLog,
    /// The own log is applied.
    Replayed,
    /// Publisher and services have joined.
    Joined,
    /// The term's first byte is appended.
    TermStarted,
    /// A term has been copied.
    Copied,
    /// The replication failed or ran out of time.
    ReplicationFailed,
    /// The leader has gone on since; a replay fills the gap.
    NeedsCatchup,
    /// The live log can be joined directly.
    JoinsLive,
    /// Subscribed.
    Subscribed,
    /// Caught up.
    CaughtUp,
    /// The leader will hear the position.
    Ready,
    /// A greater term or promise was seen (P 4).
    Deposed,
    /// Too few members are heard (G 5, §5.2).
    InactiveQuorum,
    /// The leader has been silent for its heartbeat timeout.
    LeaderSilent,
    /// The leader's log has ended.
    LogEnded,
    /// A vote request of a greater term (§5.4).
    VoteRequest,
    /// A leader of a greater term (§5.4).
    NewLeader,
    /// A step ran out of time.
    Timeout,
    /// The executor could not do what was asked.
    Failed,
    /// The leader's message contradicts itself.
    InvalidMessage,
    /// Aeron: the replay has no commit to go by.
    ReplayRejected,
    /// The node stops.
    Stopped,
}

impl Reason {
    /// Lower-case words for a log line.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Cleaned => "cleaned up",
            Self::OnlyMember => "only member",
            Self::UnanimousCanvass => "unanimous canvass",
            Self::QuorumCanvass => "quorum canvass",
            Self::OnlyDeposedLeaders => "only deposed leaders heard",
            Self::Standing => "candidate term on disk",
            Self::UnanimousLeader => "unanimous leader",
            Self::QuorumLeader => "quorum leader",
            Self::Refused => "refused",
            Self::BallotTimeout => "ballot timeout",
            Self::Voted => "voted",
            Self::OtherLogTerm => "answer for another log term",
            Self::BehindTerm => "behind the leader's term",
            Self::AtTerm => "at the leader's term",
            Self::Truncating => "truncating",
            Self::GateOpen => "gate open",
            Self::EmptyLog => "empty log",
            Self::Replayed => "replayed",
            Self::Joined => "joined",
            Self::TermStarted => "term started",
            Self::Copied => "term copied",
            Self::ReplicationFailed => "replication failed",
            Self::NeedsCatchup => "needs catch-up",
            Self::JoinsLive => "joins live log",
            Self::Subscribed => "subscribed",
            Self::CaughtUp => "caught up",
            Self::Ready => "ready",
            Self::Deposed => "greater term or promise seen",
            Self::InactiveQuorum => "inactive follower quorum",
            Self::LeaderSilent => "leader heartbeat timeout",
            Self::LogEnded => "log disconnected from leader",
            Self::VoteRequest => "unexpected vote request",
            Self::NewLeader => "unexpected new leader",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::InvalidMessage => "invalid message",
            Self::ReplayRejected => "log replay rejected",
            Self::Stopped => "stopped",
        }
    }
}
