//! The runtime: agents and the threads they run on, and everything they may touch.

pub mod idmap;
pub mod mem;
pub mod testing;
pub mod timer_wheel;
