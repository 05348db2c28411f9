//! What can go wrong between a client and its archive.

use taranis_runtime::sbe::Malformed;
use taranis_transport::{
    client::{ClientError, Refused},
    uri::UriError,
};

/// A failure of the archive client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The Aeron client under it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A channel that can't be parsed.
    #[error(transparent)]
    Channel(#[from] UriError),
    /// The archive refused a request.
    #[error("response for correlationId={correlation_id}, error: {message} (code {code})")]
    Refused {
        /// Of the request.
        correlation_id: i64,
        /// Archive error code (06 §4).
        code: i64,
        /// The archive's words.
        message: String,
    },
    /// The archive asks for credentials, which this client has none of.
    #[error("the archive asks for credentials; authentication is not supported")]
    Challenged,
    /// A request could not be sent.
    #[error("failed to send {what}: {cause}")]
    Send {
        /// Which request.
        what: &'static str,
        /// Why.
        cause: Refused,
    },
    /// No answer within the message timeout.
    #[error("no answer from the archive within {timeout_ms} ms while {waiting_for}")]
    Timeout {
        /// What was awaited.
        waiting_for: &'static str,
        /// The message timeout.
        timeout_ms: i64,
    },
    /// The archive is gone.
    #[error("the connection to the archive is lost")]
    Disconnected,
    /// The archive sent something that is no message of its protocol.
    #[error("the archive sent a malformed message: {0}")]
    Malformed(#[from] Malformed),
    /// A request longer than the control stream carries.
    #[error(
        "{what} of {length} bytes is longer than the control stream's longest message, {limit}"
    )]
    TooLong {
        /// Which request.
        what: &'static str,
        /// Its length.
        length: usize,
        /// The longest.
        limit: usize,
    },
}
