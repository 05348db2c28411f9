//! The runtime: agents and the threads they run on, and everything they may touch.

pub mod agent;
pub mod clock;
pub mod config;
pub mod cycle;
pub mod halt;
pub mod idle;
pub mod idmap;
pub mod invoker;
pub mod io;
pub mod layout;
pub mod mem;
pub mod pin;
pub mod runner;
pub mod sbe;
pub mod sim;
pub mod testing;
mod thread_bound;
pub mod timer_wheel;
