//! Aeron Archive: catalog, segments, recorder, replayer, control protocol and client.
//!
//! ```text
//!   term buffer ──► recorder::Writer ──► segment files ──► replayer (reads them back into a stream)
//!                        │ Recorded(position)
//!                        ▼
//!   client ──► codecs ──► conductor ──► catalog::Catalog ──► archive.catalog
//! ```
//!
//! On disk everything is Aeron's (06 §3): read [`catalog::layout`] and [`segment`] first, then [`recorder::Writer`] for how
//! bytes get there, and [`catalog::recover`] for what a crash leaves of them.
#![forbid(unsafe_code)]

pub mod catalog;
pub mod checksum;
pub mod client;
pub mod codecs;
pub mod conductor;
pub mod context;
pub mod control;
pub mod error;
mod frame;
pub mod recorder;
pub mod replayer;
pub mod segment;
