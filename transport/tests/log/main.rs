//! One log buffer, both sides of it, on heap regions (also under Miri).

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod allocation;
mod append;
mod assemble;
mod harness;
mod hostile;
mod read;
mod receive;
mod threads;
mod unblock;

use taranis_runtime::testing::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
