//! Cluster to client (08 §1.3).

use taranis_runtime::sbe;

use super::session::SessionMessage;
use super::{AdminRequestType, AdminResponseCode, CLUSTER, EventCode};

sbe::messages! {
    schema CLUSTER;

    /// Answers a connect request, or ends a session. Leader and term are those of the answering node, and so is the heartbeat
    /// timeout (nanoseconds).
    SessionEvent<'a> = 2, block 44 {
        cluster_session_id: i64,
        correlation_id: i64,
        leadership_term_id: i64,
        leader_member_id: i32,
        code: EventCode,
        version: i32 = since 6 or 0,
        leader_heartbeat_timeout_ns: Option<i64> = since 13 or None,
        ;
        detail: &'a str,
    }

    /// Tells a session of a new leader.
    NewLeaderEvent<'a> = 6, block 20 {
        leadership_term_id: i64,
        cluster_session_id: i64,
        leader_member_id: i32,
        ;
        ingress_endpoints: &'a str,
    }

    /// Asks a client that connects to prove who it is.
    Challenge<'a> = 7, block 16 {
        correlation_id: i64,
        cluster_session_id: i64,
        ;
        encoded_challenge: &'a [u8],
    }

    /// Answers an [`AdminRequest`](super::ingress::AdminRequest), repeating its type.
    AdminResponse<'a> = 27, block 24 {
        cluster_session_id: i64,
        correlation_id: i64,
        request_type: Option<AdminRequestType>,
        response_code: AdminResponseCode,
        ;
        message: &'a str,
        payload: &'a [u8],
    }
}

sbe::dispatch! {
    schema CLUSTER;
    /// What the cluster sends to a client: the egress stream (08 §1.3).
    pub enum EgressMessage<'a> {
        SessionMessage<'a>,
        SessionEvent<'a>,
        NewLeaderEvent<'a>,
        Challenge<'a>,
        AdminResponse<'a>,
    }
}
