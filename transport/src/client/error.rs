//! What can go wrong for a client (spec 05 §7, §9.7).

use std::{fmt, io, path::PathBuf};

use crate::{
    cnc::{AttachError, SemanticVersion},
    command::ErrorCode,
    log::LogError,
};

/// Why a call of a client failed, or what its error handler is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The client was closed, or its conductor is gone.
    #[error("ERROR - Aeron client is closed")]
    Closed,
    /// The publication, subscription, image or counter was closed.
    #[error("ERROR - {0} is closed")]
    HandleClosed(&'static str),
    /// A blocking call from one of the client's own handlers: its answer could never come.
    #[error("ERROR - reentrant calls not permitted during callbacks")]
    Reentrant,
    /// Settings that can't be used.
    #[error("ERROR - {0}")]
    Config(#[from] ConfigError),
    /// No driver to attach to.
    #[error("FATAL - {0}")]
    Attach(#[from] AttachError),
    /// The driver refused a command.
    #[error("{}{text}, errorCodeValue={}", registration_category(*.code), code.to_wire())]
    Registration {
        /// Names the command.
        correlation_id: i64,
        /// Why.
        code: ErrorCode,
        /// Why, in the driver's words, without a leading category.
        text: String,
    },
    /// A channel's socket failed in the driver (old drivers only).
    #[error("ERROR - {text}, statusIndicatorId={status_id}")]
    ChannelEndpoint {
        /// Counter of the channel's status.
        status_id: i32,
        /// Why, in the driver's words.
        text: String,
    },
    /// The driver did not answer a command in time.
    #[error("FATAL - no response from MediaDriver within {timeout_ms}ms")]
    NoResponse {
        /// Names the command.
        correlation_id: i64,
        /// How long was waited.
        timeout_ms: i64,
    },
    /// The driver gave no sign of life.
    #[error("FATAL - MediaDriver ({}) keepalive: age={age_ms}ms > timeout={timeout_ms}ms", dir.display())]
    DriverTimeout {
        /// The driver's directory.
        dir: PathBuf,
        /// Time since its last sign of life.
        age_ms: i64,
        /// How long that may be.
        timeout_ms: i64,
    },
    /// The driver has closed.
    #[error("FATAL - MediaDriver ({}) has been shutdown", dir.display())]
    DriverShutdown {
        /// The driver's directory.
        dir: PathBuf,
    },
    /// The driver gave this client up.
    #[error("FATAL - client timeout from driver")]
    ClientTimeout,
    /// This client's conductor had no turn for so long that the driver has given it up.
    #[error("FATAL - service interval exceeded: timeout={timeout_ns}ns, interval={interval_ns}ns")]
    ServiceTimeout {
        /// How long it may be without a turn.
        timeout_ns: i64,
        /// How long it was.
        interval_ns: i64,
    },
    /// The driver took this client's heartbeat counter away.
    #[error("ERROR - unexpected close of heartbeat timestamp counter: {counter_id}")]
    HeartbeatCounterGone {
        /// The counter.
        counter_id: i32,
    },
    /// Events were lost, because this client's conductor read them too slowly.
    #[error("ERROR - unable to keep up with broadcast")]
    BroadcastLapped,
    /// The driver's broadcast or ring holds what no driver writes.
    #[error("ERROR - malformed {what} from the driver: {why}")]
    Malformed {
        /// Where.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The queue to the conductor is full: give it a turn, then try again.
    #[error(
        "ERROR - {capacity} commands are waiting for the client's conductor: give it a turn, then try again"
    )]
    Busy {
        /// How many fit.
        capacity: usize,
    },
    /// A command longer than the driver's ring takes.
    #[error("ERROR - a command of {len} bytes: the driver's ring takes at most {max}")]
    CommandTooLong {
        /// Length of the command in bytes.
        len: usize,
        /// Longest in bytes.
        max: usize,
    },
    /// An argument outside its range.
    #[error("ERROR - {what}={value}: {rule}")]
    InvalidArgument {
        /// What it is.
        what: &'static str,
        /// The value, or its length.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The system refuses a thread for the conductor.
    #[error("ERROR - no thread for the client's conductor: {0}")]
    Thread(#[source] io::Error),
    /// A log buffer that the driver announced can't be opened.
    #[error("ERROR - cannot open log buffer {}: {source}", path.display())]
    OpenLog {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A log buffer that the driver announced can't be used.
    #[error("ERROR - log buffer {}: {source}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: LogError,
    },
    /// The driver does not know such a command.
    #[error("ERROR - {what} need control protocol {needs}; the driver has {has}")]
    DriverTooOld {
        /// What was asked for.
        what: &'static str,
        /// The driver's control protocol.
        has: SemanticVersion,
        /// The first that knows of it.
        needs: SemanticVersion,
    },
    /// The driver speaks of a counter that does not exist.
    #[error("ERROR - counter id {counter_id} from the driver: ids go from 0 to {max}")]
    NoSuchCounter {
        /// The id.
        counter_id: i32,
        /// Largest id.
        max: i32,
    },
}

impl ClientError {
    /// Whether the client can't go on: it must be dropped and another one connected.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Closed
                | Self::Attach(_)
                | Self::DriverTimeout { .. }
                | Self::DriverShutdown { .. }
                | Self::ClientTimeout
                | Self::ServiceTimeout { .. }
                | Self::HeartbeatCounterGone { .. }
                | Self::BroadcastLapped
        )
    }

    /// The driver's code, when it refused a command.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Registration { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the driver refused a command only because something is still closing: asking again helps.
    pub fn is_temporary(&self) -> bool {
        self.code() == Some(ErrorCode::ResourceTemporarilyUnavailable)
    }

    /// What the driver's ON_ERROR says. Its text may begin with a category, which this type prints itself.
    pub(super) fn registration(correlation_id: i64, code: ErrorCode, text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let bare = ["FATAL - ", "ERROR - ", "WARN - "]
            .iter()
            .find_map(|category| text.strip_prefix(category))
            .unwrap_or(&text);
        Self::Registration {
            correlation_id,
            code,
            text: bare.to_owned(),
        }
    }
}

/// An error of the kind Java calls WARN is worth another try.
fn registration_category(code: ErrorCode) -> &'static str {
    if code == ErrorCode::ResourceTemporarilyUnavailable {
        "WARN - "
    } else {
        "ERROR - "
    }
}

/// Settings of a client that can't be used: all of them at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// One line each: `name=value: rule`.
    pub faults: Vec<String>,
}

impl ConfigError {
    pub(super) fn unless_empty(faults: Vec<String>) -> Result<(), Self> {
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Self { faults })
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("; "))
    }
}
