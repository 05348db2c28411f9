//! The runtime: agents and the threads they run on, and everything they may touch.

pub mod agent;
pub mod clock;
pub mod cycle;
pub mod halt;
pub mod invoker;
pub mod io;
pub mod mem;
