//! The client against Java's media driver, and against a scripted one for what a real one does not do on demand.
//!
//! Tests with Java need Java and Aeron's jar; without them they are skipped, saying so. `TARANIS_REQUIRE_PEERS=1` makes that
//! a failure. Traffic is 100,000 messages a row; `TARANIS_PEER_MESSAGES` sets another number.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod agents_on_one_thread;
mod content;
mod death_of_a_java_driver;
mod ends_of_a_client;
mod harness;
mod messages_through_a_java_driver;
mod order_of_dropping;
mod requests;
mod scripted_driver;
mod traffic_with_a_java_driver;
mod with_a_java_driver;

#[global_allocator]
static ALLOCATOR: taranis_runtime::testing::CountingAllocator =
    taranis_runtime::testing::CountingAllocator;
