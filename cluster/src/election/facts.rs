//! What a step may read and not change: settings, time, and what the local archive and log show.

use crate::recorded::Recorded;
use crate::rules::Rules;

/// The settings of an election; the same for a node's life. Times in nanoseconds of the monotonic clock.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This member's id; one of `members`.
    pub member_id: i32,
    /// All members' ids, ascending.
    pub members: Vec<i32>,
    /// The rules; alike on all members.
    pub rules: Rules,
    /// `aeron.cluster.appointed.leader.id`: only this member nominates.
    pub appointed_leader: Option<i32>,
    /// An operator's word for one start: this node is whole although its files look like a first start or a loss (spec 09 §19.4 D).
    ///
    /// Needed for a first start without all members. Never leave it set: a disk that is replaced later would pass as whole.
    pub bootstrap: bool,
    /// leaderHeartbeatTimeout.
    pub leader_heartbeat_timeout_ns: i64,
    /// leaderHeartbeatInterval.
    pub leader_heartbeat_interval_ns: i64,
    /// startupCanvassTimeout.
    pub startup_canvass_timeout_ns: i64,
    /// electionTimeout.
    pub election_timeout_ns: i64,
    /// electionStatusInterval.
    pub election_status_interval_ns: i64,
    /// How near the end of a catch-up the live destination is added: min(term length / 4, 32 MiB), in bytes.
    pub live_join_window: i64,
    /// Sent in NewLeadershipTerm.
    pub app_version: i32,
}

impl Settings {
    /// Aeron's defaults (spec 09 §0.1) for `member_id` of `members`.
    #[must_use]
    pub fn new(member_id: i32, mut members: Vec<i32>) -> Self {
        members.sort_unstable();
        members.dedup();
        Self {
            member_id,
            members,
            rules: Rules::default(),
            appointed_leader: None,
            bootstrap: false,
            leader_heartbeat_timeout_ns: 10_000_000_000,
            leader_heartbeat_interval_ns: 200_000_000,
            startup_canvass_timeout_ns: 60_000_000_000,
            election_timeout_ns: 1_000_000_000,
            election_status_interval_ns: 100_000_000,
            live_join_window: 16 * 1024 * 1024,
            app_version: 1,
        }
    }

    /// How long an impaired node waits for silent members (spec 09 §19.4 D 1).
    #[must_use]
    pub const fn silence_ns(&self) -> i64 {
        self.election_timeout_ns + 2 * self.leader_heartbeat_timeout_ns
    }
}

/// The state of the follower's log image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Position received.
    pub position: i64,
    /// The image has been closed.
    pub closed: bool,
    /// It ended at the leader's end of stream.
    pub end_of_stream: bool,
}

/// Read once per turn by the executor.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// Monotonic time.
    pub now_ns: i64,
    /// Cluster time, sent in NewLeadershipTerm.
    pub timestamp: i64,
    /// Random bits, fresh for every step.
    pub random: u64,
    /// The log recording: its counter, or its stop position while nothing records.
    pub recorded: Recorded,
    /// Up to where the consensus module has consumed the log.
    pub applied: i64,
    /// The log image of a follower, while subscribed and joined.
    pub image: Option<Image>,
}
