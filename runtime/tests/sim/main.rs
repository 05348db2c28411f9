//! The simulated world: what it does to those who live in it, and that a seed replays exactly.
//!
//! The agents ([`story`]) are written for any backend: numbered records travel from a source to a keeper, which writes them
//! to a file and acknowledges what it has.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod determinism;
mod idling;
mod kills;
mod loss;
mod network;
mod no_system_calls;
mod script;
mod story;
