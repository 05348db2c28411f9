//! What tests of all crates share.

pub mod alloc;
pub mod dir;

pub use alloc::{CountingAllocator, allocations};
pub use dir::FreshDir;
