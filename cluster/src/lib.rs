//! Aeron Cluster: consensus module, election, log, service container and cluster client.
//!
//! ```text
//!   client ──► codecs ──► (a cluster of Aeron's)          what runs today against real nodes
//!
//!   election::step(state, facts, rules) ──► effects       the pure core: no clock, no socket, no file
//!        ▲ recorded, evidence, proposed: what may be said, and the proof it takes
//!        └── walk: a model world that runs members of it, checks what was lost, and finds Aeron's losses
//! ```
//!
//! The core's rules are those of spec 09 §19: read [`rules`] first, then [`election`], then [`term_ladder`].
#![forbid(unsafe_code)]

pub mod client;
pub mod codecs;
pub mod election;
pub mod evidence;
pub mod proposed;
pub mod quorum;
pub mod recorded;
pub mod rules;
pub mod term_ladder;
pub mod walk;
