//! What the cluster says to a session.

use crate::codecs::EventCode;

/// Something that came in on egress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Egress<'a> {
    /// A message of the service.
    Message {
        /// Cluster time at which it was sent.
        timestamp: i64,
        /// The service's bytes.
        payload: &'a [u8],
    },
    /// The session opened, was refused, or closed.
    Session {
        /// Of the request it answers; −1 for none.
        correlation_id: i64,
        /// What happened.
        code: EventCode,
        /// In words.
        detail: &'a str,
    },
    /// There is a new leader; the session goes on with it.
    NewLeader {
        /// Its leadership term.
        leadership_term_id: i64,
        /// Its member id.
        leader_member_id: i32,
    },
}
