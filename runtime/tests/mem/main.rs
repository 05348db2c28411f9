//! Agrona's primitives over shared memory (spec 01 §3–§7).
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod broadcast;
mod counters;
mod no_allocation;
mod rings;
mod stress;

use taranis_runtime::testing::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
