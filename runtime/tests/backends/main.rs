//! One datagram agent and one file-writing agent, unchanged, on every backend: on a caller's thread and on a pinned one.
//!
//! What must hold for any backend stands in [`conformance`]; the files beside it run that for one backend each.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod agents;
mod conformance;
mod plain;
mod ring;
mod threads;
