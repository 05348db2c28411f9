//! What must hold for every backend, and what only one of them does.
//!
//! What must hold for any backend stands in [`conformance`]; the files beside it run that for one backend each. [`agents`] are
//! whole agents, [`seat`] lets a test say turn by turn what an agent does.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod agents;
mod choice;
mod conformance;
mod plain;
mod ring;
mod seat;
mod sim;
mod threads;
