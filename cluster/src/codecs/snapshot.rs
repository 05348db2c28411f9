//! Snapshots, of the consensus module and of services (08 §1.9, §5.4).

use taranis_runtime::sbe;

use super::session::SessionMessage;
use super::{CLUSTER, CloseReason, ClusterTimeUnit, SnapshotMark};

sbe::messages! {
    schema CLUSTER;

    /// Begins and ends a snapshot. `type_id` is 1 for the consensus module's, 2 for a service's.
    SnapshotMarker = 100, block 40 {
        type_id: i64,
        log_position: i64,
        leadership_term_id: i64,
        index: i32,
        mark: SnapshotMark,
        time_unit: ClusterTimeUnit = since 4 or ClusterTimeUnit::Millis,
        app_version: i32 = since 4 or 0,
    }

    /// An open session, in a service's snapshot.
    ClientSession<'a> = 102, block 12 {
        cluster_session_id: i64,
        response_stream_id: i32,
        ;
        response_channel: &'a str,
        encoded_principal: &'a [u8],
    }

    /// A session, in the consensus module's snapshot. With a reason it is closing.
    ClusterSession<'a> = 103, block 40 {
        cluster_session_id: i64,
        correlation_id: i64,
        opened_log_position: i64,
        time_of_last_activity: i64,
        close_reason: Option<CloseReason>,
        response_stream_id: i32,
        ;
        response_channel: &'a str,
    }

    /// A scheduled timer. The deadline is in cluster time units.
    Timer = 104, block 16 {
        correlation_id: i64,
        deadline: i64,
    }

    /// The state of the consensus module. The fields about service messages repeat those of the tracker of service 0.
    ConsensusModule = 105, block 28 {
        next_session_id: i64,
        next_service_session_id: Option<i64> = since 3 or None,
        log_service_session_id: Option<i64> = since 3 or None,
        pending_message_capacity: i32 = since 3 or 0,
    }

    /// Written by old versions: to be skipped.
    ClusterMembers<'a> = 106, block 8 {
        member_id: i32,
        high_member_id: i32,
        ;
        cluster_members: &'a str,
    }

    /// Stands before a service's pending messages. The capacity is a hint for allocation alone, in bytes.
    PendingMessageTracker = 107, block 24 {
        next_service_session_id: i64,
        log_service_session_id: i64,
        pending_message_capacity: i32,
        service_id: i32,
    }
}

sbe::dispatch! {
    schema CLUSTER;
    /// What a snapshot is made of (08 §1.9).
    pub enum SnapshotRecord<'a> {
        SnapshotMarker,
        ClientSession<'a>,
        ClusterSession<'a>,
        Timer,
        ConsensusModule,
        ClusterMembers<'a>,
        PendingMessageTracker,
        SessionMessage<'a>,
    }
}
