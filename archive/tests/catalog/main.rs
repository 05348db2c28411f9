//! Catalog, segment files and their recovery (06 §3, 07 §4.2, §6, §9).
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod edits;
mod file;
mod killed;
mod peer;
mod plain;
mod recorder;
mod repair;
mod stream;

use taranis_runtime::testing::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
