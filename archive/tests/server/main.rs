//! Our archive on our driver: against the archive client of Aeron for Java, and of our own (07 §3–§7).

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test with real processes lives in real time, and asks the system for a free port"
)]

mod harness;
mod java;
mod own;
