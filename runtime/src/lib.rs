//! The runtime: agents and the threads they run on, and everything they may touch.

pub mod mem;
