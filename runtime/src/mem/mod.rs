//! Memory that other threads and other processes see: regions, checked word handles, and Agrona's primitives on top.
//!
//! Read [`region`] first, then [`word`]: they are the only door to atomics. Everything else here is an algorithm over a
//! [`Region`] whose format stands in a `layout` beside it (spec 01 §3–§7).

pub mod names;
pub mod region;
pub mod seqlock;
pub mod word;

pub use names::{FileNames, NameSource, Names, Pages};
pub use region::{OutOfRegion, Region, Span};
pub use word::{Word32, Word64};
