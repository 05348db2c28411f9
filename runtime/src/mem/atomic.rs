//! The atomics of this folder: the machine's, or loom's while a model is checked.
//!
//! Loom's can't live in a mapping, so the region has a second implementation for models (`model.rs`); the algorithms are
//! the same code over both.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicI32, AtomicI64, Ordering, fence};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicI32, AtomicI64, Ordering, fence};
