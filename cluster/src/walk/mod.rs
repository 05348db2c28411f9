//! A model world for the consensus core: members are a core, a disk and messages in flight, all in one process and in virtual time.
//!
//! ```text
//!  seed ──► plan of faults ──► World: for each member  messages ─► step ─► effects ─► Disk
//!                                │                                            │
//!                                └────────────── History: what was answered and applied, compared block by block
//! ```
//!
//! It runs the very [`step`](crate::election::step) of a node, and is the executor in its plainest form: what a node does with files, archive and network is
//! done here to a model of them. [`random::run`] walks at random under a seed; [`play`] follows a script of commands, [`play_core`]
//! one of a single core. Read `member.rs` first.
#![deny(clippy::wildcard_enum_match_arm, clippy::float_arithmetic)]

mod disk;
mod drama;
mod history;
mod member;
mod network;
pub mod random;
mod rng;
mod script;
mod show;
mod solo;
mod words;
mod world;

pub use history::Violation;
pub use script::play;
pub use solo::play_core;
pub use words::ScriptError;
