//! What can go wrong between a client and its cluster.

use taranis_runtime::sbe::Malformed;
use taranis_transport::{
    client::{ClientError, Refused},
    uri::UriError,
};

/// A failure of the cluster client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The Aeron client under it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A channel that can't be parsed.
    #[error(transparent)]
    Channel(#[from] UriError),
    /// Endpoints that can't be parsed.
    #[error("ingress endpoints `{endpoints}`: {rule}")]
    Endpoints {
        /// As given.
        endpoints: String,
        /// What is wrong.
        rule: &'static str,
    },
    /// The cluster refused the session.
    #[error("the cluster refused the session: {detail}")]
    Refused {
        /// The cluster's words.
        detail: String,
    },
    /// The cluster asks for credentials, which this client has none of.
    #[error("the cluster asks for credentials; authentication is not supported")]
    Challenged,
    /// Not connected within the message timeout.
    #[error("not connected to the cluster within {timeout_ms} ms while {waiting_for}")]
    Timeout {
        /// What was awaited.
        waiting_for: &'static str,
        /// The message timeout.
        timeout_ms: i64,
    },
    /// The session is closed.
    #[error("the cluster session is closed: {why}")]
    Closed {
        /// Why.
        why: &'static str,
    },
    /// An offer was not taken.
    #[error("not taken: {0}")]
    NotTaken(Refused),
    /// The cluster sent something that is no message of its protocol.
    #[error("the cluster sent a malformed message: {0}")]
    Malformed(#[from] Malformed),
}
