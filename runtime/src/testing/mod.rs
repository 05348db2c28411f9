//! For tests of all crates: other programs as the other side of a conversation, checks over whole tables, fresh directories
//! and counted allocations.
//!
//! Nothing here runs in production; it is part of the library because tests of every crate need it.

pub mod alloc;
pub mod dir;
pub mod held;
pub mod messages;
pub mod peer;

pub use alloc::{CountingAllocator, allocations};
pub use dir::FreshDir;
