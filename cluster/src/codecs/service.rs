//! Between the consensus module and the services and tools of its node (08 §1.5 to §1.7).

use taranis_runtime::sbe::{self, Group};

use super::CLUSTER;
use super::session::SessionMessage;

sbe::messages! {
    schema CLUSTER;

    /// A service asks to close a client's session.
    CloseSession = 30, block 8 {
        cluster_session_id: i64,
    }

    /// A service schedules a timer, or moves it. The deadline is in cluster time units.
    ScheduleTimer = 31, block 16 {
        correlation_id: i64,
        deadline: i64,
    }

    /// A service cancels a timer.
    CancelTimer = 32, block 8 {
        correlation_id: i64,
    }

    /// A service has come to a position (08 §1.7).
    ServiceAck = 33, block 36 {
        log_position: i64,
        timestamp: i64,
        ack_id: i64,
        relevant_id: i64,
        service_id: i32,
    }

    /// A tool asks who the members are. With `extended` the answer is [`ClusterMembersExtendedResponse`], else
    /// [`ClusterMembersResponse`].
    ClusterMembersQuery = 34, block 12 {
        correlation_id: i64,
        extended: bool = since 5 or false,
    }

    /// Of times when members could change: to be ignored.
    RemoveMember = 35, block 8 {
        member_id: i32,
        is_passive: bool,
    }

    /// Services join the log, live or as a replay. `role` is that of 08 §1.6.
    JoinLog<'a> = 40, block 40 {
        log_position: i64,
        max_log_position: i64,
        member_id: i32,
        log_session_id: i32,
        log_stream_id: i32,
        is_startup: bool,
        role: i32,
        is_standby: bool = since 16 or false,
        ;
        log_channel: &'a str,
    }

    /// Answers [`ClusterMembersQuery`].
    ClusterMembersResponse<'a> = 41, block 12 {
        correlation_id: i64,
        leader_member_id: i32,
        ;
        active_members: &'a str,
        passive_followers: &'a str,
    }

    /// Services terminate at a position. Written with version 17, of which `ack_required` is; a consensus module before that
    /// always wants the ack (08, changes).
    ServiceTerminationPosition = 42 version 17, block 12 {
        log_position: i64,
        ack_required: bool = since 17 or true,
    }

    /// Answers [`ClusterMembersQuery`]. `passive_members` is always empty.
    ClusterMembersExtendedResponse<'a> = 43, block 24 {
        correlation_id: i64,
        current_time_ns: i64,
        leader_member_id: i32,
        member_id: i32,
        ;
        active_members: Group<'a, MemberEntry<'a>>,
        passive_members: Group<'a, MemberEntry<'a>>,
    }

    /// Asks services for an ack at a position.
    RequestServiceAck = 108, block 8 {
        log_position: i64,
    }
}

sbe::entries! {
    /// A member, as [`ClusterMembersExtendedResponse`] lists it. `time_of_last_append_ns` is -1 if it never appended.
    MemberEntry<'a>, block 28 {
        leadership_term_id: i64,
        log_position: i64,
        time_of_last_append_ns: i64,
        member_id: i32,
        ;
        ingress_endpoint: &'a str,
        consensus_endpoint: &'a str,
        log_endpoint: &'a str,
        catchup_endpoint: &'a str,
        archive_endpoint: &'a str,
    }
}

sbe::dispatch! {
    schema CLUSTER;
    /// What the consensus module receives from services and tools: the control stream 105 (08 §1.5).
    pub enum ModuleControl<'a> {
        SessionMessage<'a>,
        CloseSession,
        ScheduleTimer,
        CancelTimer,
        ServiceAck,
        ClusterMembersQuery,
        RemoveMember,
    }
}

sbe::dispatch! {
    schema CLUSTER;
    /// What services and tools receive from the consensus module: the control stream 104 (08 §1.6).
    pub enum ServiceControl<'a> {
        JoinLog<'a>,
        ClusterMembersResponse<'a>,
        ServiceTerminationPosition,
        ClusterMembersExtendedResponse<'a>,
        RequestServiceAck,
    }
}
