//! Between members and backup or standby nodes, on the consensus stream (08 §1.8); and the messages of times when members could
//! change, which are never sent and ignored.

use taranis_runtime::sbe::{self, Group};

use super::CLUSTER;

sbe::messages! {
    schema CLUSTER;

    /// A backup node asks what there is to back up. `version` is the client protocol's.
    BackupQuery<'a> = 77, block 24 {
        correlation_id: i64,
        response_stream_id: i32,
        version: i32 = since 2 or 0,
        log_position: Option<i64> = since 16 or None,
        ;
        response_channel: &'a str,
        encoded_credentials: &'a [u8],
    }

    /// Answers [`BackupQuery`]. `snapshots` has the services' entries first, the consensus module's last; both pairs of term
    /// and base are those of the last term in the recording log.
    BackupResponse<'a> = 78, block 60 {
        correlation_id: i64,
        log_recording_id: i64,
        log_leadership_term_id: i64,
        log_term_base_log_position: i64,
        last_leadership_term_id: i64,
        last_term_base_log_position: i64,
        commit_position_counter_id: i32,
        leader_member_id: i32,
        member_id: Option<i32> = since 10 or None,
        ;
        snapshots: Group<'a, Snapshot>,
        cluster_members: &'a str,
    }

    /// Asks whether a member is there.
    HeartbeatRequest<'a> = 79, block 12 {
        correlation_id: i64,
        response_stream_id: i32,
        ;
        response_channel: &'a str,
        encoded_credentials: &'a [u8],
    }

    /// Answers [`HeartbeatRequest`].
    HeartbeatResponse = 80, block 8 {
        correlation_id: i64,
    }

    /// A standby node has taken a snapshot.
    StandbySnapshot<'a> = 81, block 16 {
        correlation_id: i64,
        version: i32,
        response_stream_id: i32,
        ;
        snapshots: Group<'a, StandbySnapshotEntry<'a>>,
        response_channel: &'a str,
        encoded_credentials: &'a [u8],
    }

    /// Deprecated, to be ignored.
    AddPassiveMember<'a> = 70, block 8 {
        correlation_id: i64,
        ;
        member_endpoints: &'a str,
    }

    /// Deprecated, to be ignored.
    ClusterMembersChange<'a> = 71, block 12 {
        correlation_id: i64,
        leader_member_id: i32,
        ;
        active_members: &'a str,
        passive_members: &'a str,
    }

    /// Deprecated, to be ignored.
    SnapshotRecordingQuery = 72, block 12 {
        correlation_id: i64,
        request_member_id: i32,
    }

    /// Deprecated, to be ignored.
    SnapshotRecordings<'a> = 73, block 8 {
        correlation_id: i64,
        ;
        snapshots: Group<'a, Snapshot>,
        member_endpoints: &'a str,
    }

    /// Deprecated, to be ignored.
    JoinCluster = 74, block 12 {
        leadership_term_id: i64,
        member_id: i32,
    }
}

sbe::entries! {
    /// A snapshot in the answering node's archive. `service_id` is -1 for the consensus module's.
    Snapshot, block 44 {
        recording_id: i64,
        leadership_term_id: i64,
        term_base_log_position: i64,
        log_position: i64,
        timestamp: i64,
        service_id: i32,
    }

    /// A snapshot in a standby node's archive.
    StandbySnapshotEntry<'a>, block 44 {
        recording_id: i64,
        leadership_term_id: i64,
        term_base_log_position: i64,
        log_position: i64,
        timestamp: i64,
        service_id: i32,
        ;
        archive_endpoint: &'a str,
    }
}
