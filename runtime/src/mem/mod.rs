//! Memory that other threads and other processes see: regions, checked word handles, and Agrona's primitives on top.
//!
//! Read [`region`] first, then [`word`]: they are the only door to atomics. Everything else here is an algorithm over a
//! [`Region`] whose format stands in a `layout` beside it (spec 01 §3–§7):
//!
//! | module | what it is | who is on both ends |
//! |---|---|---|
//! | [`ring`] | queue of messages | clients' commands → driver |
//! | [`broadcast`] | lossy one-to-many messages | driver's events → clients |
//! | [`counters`] | numbered 64-bit values with key and label | their owner → anybody |
//!
//! What another process wrote is never trusted: a shared word is read once into a local, clamped, and the local used. So
//! indices are masked before they are used, and no byte pattern makes these types panic or leave their region.

mod access;
mod atomic;
pub mod broadcast;
pub mod counters;
pub mod error_log;
pub mod names;
#[cfg(not(loom))]
pub mod region;
#[cfg(loom)]
#[path = "model.rs"]
pub mod region;
pub mod ring;
pub mod seqlock;
mod span;
pub mod word;

pub use names::{FileNames, NameSource, Names, Pages};
pub use region::{OutOfRegion, Region, Span};
pub use word::{Word32, Word64};
