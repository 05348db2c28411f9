//! Client to cluster (08 §1.3).

use taranis_runtime::sbe;

use super::session::SessionMessage;
use super::{AdminRequestType, CLUSTER};

sbe::messages! {
    schema CLUSTER;

    /// Asks for a session. `version` is the client protocol's.
    SessionConnectRequest<'a> = 3, block 16 {
        correlation_id: i64,
        response_stream_id: i32,
        version: i32 = since 2 or 0,
        ;
        response_channel: &'a str,
        encoded_credentials: &'a [u8],
        client_info: &'a str = since 14,
    }

    /// Closes a session.
    SessionCloseRequest = 4, block 16 {
        leadership_term_id: i64,
        cluster_session_id: i64,
    }

    /// Keeps a session alive that has nothing to say.
    SessionKeepAlive = 5, block 16 {
        leadership_term_id: i64,
        cluster_session_id: i64,
    }

    /// Answers a [`Challenge`](super::egress::Challenge), under a new correlation id. On the consensus stream, too: for
    /// backup sessions.
    ChallengeResponse<'a> = 8, block 16 {
        correlation_id: i64,
        cluster_session_id: i64,
        ;
        encoded_credentials: &'a [u8],
    }

    /// Asks for something administrative. A null type is answered, with an error (09 §20.1).
    AdminRequest<'a> = 26, block 28 {
        leadership_term_id: i64,
        cluster_session_id: i64,
        correlation_id: i64,
        request_type: Option<AdminRequestType>,
        ;
        payload: &'a [u8],
    }
}

sbe::dispatch! {
    schema CLUSTER;
    /// What a client sends to the cluster: the ingress stream (08 §1.3).
    pub enum IngressMessage<'a> {
        SessionMessage<'a>,
        SessionConnectRequest<'a>,
        SessionCloseRequest,
        SessionKeepAlive,
        ChallengeResponse<'a>,
        AdminRequest<'a>,
    }
}
