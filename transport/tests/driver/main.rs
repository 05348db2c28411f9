//! Our media driver, with Java's clients and our own on it, and beside a Java driver.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod beside_java;
#[path = "../client/content.rs"]
mod content;
mod harness;
mod java_clients;
mod own_clients;
