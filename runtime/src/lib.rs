//! The runtime: agents and the threads they run on, and everything they may touch.
#![deny(clippy::wildcard_imports)]
