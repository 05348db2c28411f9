//! What is on the wire (03 §1): layouts to the byte, and which datagrams are refused.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod any_bytes;
mod datagram_walk;
mod layout;
mod resolution;
mod rules;
mod samples;
