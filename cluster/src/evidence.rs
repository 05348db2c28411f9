//! What a leader or candidate knows of a member: its latest report, not a bare position (spec 09 §19.4 C).

/// Which message the report came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CanvassPosition.
    Canvass,
    /// Vote: evidence for elections only.
    Vote,
    /// AppendPosition without flags.
    Append,
    /// AppendPosition with the CATCHUP flag.
    AppendCatchup,
}

/// The latest report of one member; a later one replaces it, also downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The message it came in.
    pub kind: Kind,
    /// logLeadershipTermId of a canvass or vote, leadershipTermId of an append.
    pub term: i64,
    /// Bytes recorded by the member.
    pub position: i64,
    /// When it was received, monotonic.
    pub at_ns: i64,
    /// The member's promise; of an append its term.
    pub promise: i64,
    /// As sent in canvass and vote requests, else the last one known.
    pub protocol_version: i32,
}

impl Evidence {
    /// The member's rank in elections: last term, then length.
    #[must_use]
    pub const fn rank(&self) -> Rank {
        Rank {
            term: self.term,
            position: self.position,
        }
    }
}

/// How up to date a log is: the last TERM entry, then the bytes (spec 09 §11.3 `compareLog`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The last TERM entry of the recording log, -1 without one.
    pub term: i64,
    /// The append position in bytes.
    pub position: i64,
}

/// A member as the counting functions see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its latest report since evidence was last reset.
    pub evidence: Option<Evidence>,
    /// A catch-up replay to it runs.
    pub replaying: bool,
}
