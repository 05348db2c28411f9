//! The log (08 §1.4).

use taranis_runtime::sbe;

use super::session::SessionMessage;
use super::{CLUSTER, ChangeType, CloseReason, ClusterAction, ClusterTimeUnit};

sbe::messages! {
    schema CLUSTER;

    /// A timer that a service scheduled has fired.
    TimerEvent = 20, block 24 {
        leadership_term_id: i64,
        correlation_id: i64,
        timestamp: i64,
    }

    /// A session was opened.
    SessionOpenEvent<'a> = 21, block 36 {
        leadership_term_id: i64,
        correlation_id: i64,
        cluster_session_id: i64,
        timestamp: i64,
        response_stream_id: i32,
        ;
        response_channel: &'a str,
        encoded_principal: &'a [u8],
    }

    /// A session was closed.
    SessionCloseEvent = 22, block 28 {
        leadership_term_id: i64,
        cluster_session_id: i64,
        timestamp: i64,
        close_reason: CloseReason,
    }

    /// All nodes do something at this position. `log_position` is the position after this message; `flags` is 0 for all
    /// nodes, 1 for standby nodes alone.
    ClusterActionRequest = 23, block 32 {
        leadership_term_id: i64,
        log_position: i64,
        timestamp: i64,
        action: ClusterAction,
        flags: i32 = since 11 or 0,
    }

    /// The first message of every leadership term. `log_position` is the position after this message.
    NewLeadershipTermEvent = 24, block 48 {
        leadership_term_id: i64,
        log_position: i64,
        timestamp: i64,
        term_base_log_position: i64,
        leader_member_id: i32,
        log_session_id: i32,
        time_unit: ClusterTimeUnit = since 4 or ClusterTimeUnit::Millis,
        app_version: i32 = since 4 or 0,
    }

    /// Of times when members could change: never written, to be accepted and ignored.
    MembershipChangeEvent<'a> = 25, block 40 {
        leadership_term_id: i64,
        log_position: i64,
        timestamp: i64,
        leader_member_id: i32,
        cluster_size: i32,
        change_type: ChangeType,
        member_id: i32,
        ;
        cluster_members: &'a str,
    }
}

sbe::dispatch! {
    schema CLUSTER;
    /// What the leader writes and everybody replays: the log stream (08 §1.4).
    pub enum LogEvent<'a> {
        SessionMessage<'a>,
        TimerEvent,
        SessionOpenEvent<'a>,
        SessionCloseEvent,
        ClusterActionRequest,
        NewLeadershipTermEvent,
        MembershipChangeEvent<'a>,
    }
}
