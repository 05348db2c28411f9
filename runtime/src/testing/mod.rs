//! For tests of all crates: other programs as the other side of a conversation.
//!
//! Nothing here runs in production; it is part of the library because tests of every crate need it.

pub mod peer;
