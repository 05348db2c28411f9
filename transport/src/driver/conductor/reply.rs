//! Answers and events to clients, and the error log: the one place that knows how they are encoded (spec 04 §2.2).

use taranis_runtime::mem::{
    broadcast::Transmitter, counters::AtomicCounter, error_log::DistinctErrorLog,
};

use crate::{
    command::{ErrorCode, Event},
    uri::UriError,
};

/// Why a command is refused, or what went wrong: a number (an Aeron code, or the system's) and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    number: Number,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Aeron(ErrorCode),
    System(i32),
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self {
            number: Number::Aeron(code),
            text: text.into(),
        }
    }

    /// A failure of the system's, or a rule that Aeron reports with the system's number for invalid arguments.
    pub(crate) fn system(errno: i32, text: impl Into<String>) -> Self {
        Self {
            number: Number::System(errno),
            text: text.into(),
        }
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::system(EINVAL, text)
    }

    fn code(&self) -> ErrorCode {
        match self.number {
            Number::Aeron(code) => code,
            Number::System(ENOSPC) => ErrorCode::StorageSpace,
            Number::System(_) => ErrorCode::GenericError,
        }
    }

    /// `(<number>) <description>` and the text on a line of its own, as Aeron's tools expect it.
    fn message(&self) -> String {
        match self.number {
            Number::Aeron(code) => format!(
                "({}) {}\n{}\n",
                -code.to_wire(),
                code.description(),
                self.text
            ),
            Number::System(errno) => {
                let description = std::io::Error::from_raw_os_error(errno).to_string();
                let description = description.split(" (os error").next().unwrap_or_default();
                format!("({errno}) {description}\n{}\n", self.text)
            }
        }
    }
}

impl From<UriError> for Refusal {
    fn from(error: UriError) -> Self {
        match ErrorCode::from_wire(error.code()) {
            // Aeron reports a parameter's fault with the system's number for invalid arguments.
            ErrorCode::GenericError => Self::invalid(error.to_string()),
            code => Self::new(code, error.to_string()),
        }
    }
}

/// The driver's voice.
pub(crate) struct Reply {
    transmitter: Transmitter,
    scratch: Vec<u8>,
    error_log: DistinctErrorLog,
    errors: AtomicCounter,
}

impl Reply {
    pub(crate) fn new(
        transmitter: Transmitter,
        error_log: DistinctErrorLog,
        errors: AtomicCounter,
    ) -> Self {
        let scratch = vec![0; transmitter.max_message_len()];
        Self {
            transmitter,
            scratch,
            error_log,
            errors,
        }
    }

    /// Tells all clients. An event too long for the buffer is cut by its maker; one that still doesn't fit is dropped
    /// and counted as an error.
    pub(crate) fn send(&mut self, event: &Event<'_>) {
        let sent = event.encode(&mut self.scratch).ok().and_then(|len| {
            self.transmitter
                .transmit(event.code().to_wire(), &self.scratch[..len])
                .ok()
        });
        if sent.is_none() {
            self.errors.increment();
        }
    }

    pub(crate) fn success(&mut self, correlation_id: i64) {
        self.send(&Event::OperationSuccess { correlation_id });
    }

    /// Answers a command with its refusal, logs and counts it; a mere "try again" is only answered.
    pub(crate) fn refuse(&mut self, now_ms: i64, correlation_id: i64, refusal: &Refusal) {
        let mut message = refusal.message();
        message.truncate(ERROR_TEXT_MAX.min(message.len()));
        let (code, text) = (refusal.code(), message.as_bytes());
        self.send(&Event::Error {
            correlation_id,
            code,
            text,
        });
        if code != ErrorCode::ResourceTemporarilyUnavailable {
            self.record(now_ms, refusal);
        }
    }

    /// Logs and counts what went wrong outside a command.
    pub(crate) fn record(&mut self, now_ms: i64, refusal: &Refusal) {
        self.errors.increment();
        let number = match refusal.number {
            Number::Aeron(code) => -code.to_wire(),
            Number::System(errno) => errno,
        };
        let message = refusal.message();
        if self.error_log.record(now_ms, number, &message).is_err() {
            tracing::warn!(
                "the driver's error log is full; not recorded: {}",
                message.trim_end()
            );
        }
    }
}

const EINVAL: i32 = 22;
const ENOSPC: i32 = 28;
/// Longest error text (01 §15).
const ERROR_TEXT_MAX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    /// 04 §2.2: the first line is what tools and system tests look at.
    #[test]
    fn texts_begin_with_number_and_description() {
        let refusal = Refusal::new(ErrorCode::InvalidChannel, "channel=x");
        assert_eq!(refusal.message(), "(-1) invalid channel\nchannel=x\n");
        let refusal = Refusal::invalid("mtu");
        assert_eq!(refusal.message(), "(22) Invalid argument\nmtu\n");
        assert_eq!(refusal.code(), ErrorCode::GenericError);
        assert_eq!(Refusal::system(ENOSPC, "").code(), ErrorCode::StorageSpace);
    }
}
