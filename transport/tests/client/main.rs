//! The client against Java's media driver, and against a scripted one for what a real one does not do on demand.
//!
//! Tests with Java need Java and Aeron's jar; without them they are skipped, saying so. `TARANIS_REQUIRE_PEERS=1` makes that
//! a failure. The number of messages is 10,000 in a debug build and 100,000 in an optimised one;
//! `TARANIS_PEER_MESSAGES` sets another.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod content;
mod harness;
mod traffic_with_a_java_driver;

#[global_allocator]
static ALLOCATOR: taranis_runtime::testing::CountingAllocator =
    taranis_runtime::testing::CountingAllocator;
