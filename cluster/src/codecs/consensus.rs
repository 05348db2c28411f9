//! Between members: elections, positions, termination (08 §1.8). Backup and standby nodes use the same stream: their messages are
//! in [`backup`](super::backup).

use taranis_runtime::sbe;

use super::CLUSTER;
use super::backup::{
    AddPassiveMember, BackupQuery, BackupResponse, ClusterMembersChange, HeartbeatRequest,
    HeartbeatResponse, JoinCluster, SnapshotRecordingQuery, SnapshotRecordings, StandbySnapshot,
};
use super::ingress::ChallengeResponse;

sbe::messages! {
    schema CLUSTER;

    /// A member tells how far its recorded log goes.
    CanvassPosition = 50, block 32 {
        log_leadership_term_id: i64,
        log_position: i64,
        leadership_term_id: i64,
        follower_member_id: i32,
        protocol_version: i32 = since 9 or 0,
    }

    /// A candidate asks for a vote.
    RequestVote = 51, block 32 {
        log_leadership_term_id: i64,
        log_position: i64,
        candidate_term_id: i64,
        candidate_member_id: i32,
        protocol_version: i32 = since 9 or 0,
    }

    /// A vote, given or refused. The log's term and position are the voter's.
    Vote = 52, block 36 {
        candidate_term_id: i64,
        log_leadership_term_id: i64,
        log_position: i64,
        candidate_member_id: i32,
        follower_member_id: i32,
        vote: bool,
    }

    /// A leader tells of its term, or of the next term that a follower lacks. `commit_position` is -1 if it is unknown.
    NewLeadershipTerm = 53, block 96 {
        log_leadership_term_id: i64,
        next_leadership_term_id: i64,
        next_term_base_log_position: i64,
        next_log_position: i64,
        leadership_term_id: i64,
        term_base_log_position: i64,
        log_position: i64,
        leader_recording_id: i64,
        timestamp: i64,
        leader_member_id: i32,
        log_session_id: i32,
        app_version: i32,
        is_startup: bool,
        commit_position: i64 = since 15 or -1,
    }

    /// A follower tells how far its log is recorded. `flags` is 1 during catch-up.
    AppendPosition = 54, block 21 {
        leadership_term_id: i64,
        log_position: i64,
        follower_member_id: i32,
        flags: u8 = since 8 or 0,
    }

    /// The leader tells how far the log is committed.
    CommitPosition = 55, block 20 {
        leadership_term_id: i64,
        log_position: i64,
        leader_member_id: i32,
    }

    /// A follower asks to be sent the log from a position.
    CatchupPosition<'a> = 56, block 20 {
        leadership_term_id: i64,
        log_position: i64,
        follower_member_id: i32,
        ;
        catchup_endpoint: &'a str,
    }

    /// The leader stops sending: the follower has caught up.
    StopCatchup = 57, block 12 {
        leadership_term_id: i64,
        follower_member_id: i32,
    }

    /// The leader has all members terminate at a position.
    TerminationPosition = 75, block 16 {
        leadership_term_id: i64,
        log_position: i64,
    }

    /// A member has come to the termination position.
    TerminationAck = 76, block 20 {
        leadership_term_id: i64,
        log_position: i64,
        member_id: i32,
    }
}

sbe::dispatch! {
    schema CLUSTER;
    /// What members, backup and standby nodes send to a member: the consensus stream (08 §1.8).
    pub enum ConsensusMessage<'a> {
        CanvassPosition,
        RequestVote,
        Vote,
        NewLeadershipTerm,
        AppendPosition,
        CommitPosition,
        CatchupPosition<'a>,
        StopCatchup,
        TerminationPosition,
        TerminationAck,
        BackupQuery<'a>,
        BackupResponse<'a>,
        HeartbeatRequest<'a>,
        HeartbeatResponse,
        StandbySnapshot<'a>,
        ChallengeResponse<'a>,
        AddPassiveMember<'a>,
        ClusterMembersChange<'a>,
        SnapshotRecordingQuery,
        SnapshotRecordings<'a>,
        JoinCluster,
    }
}
