//! The runtime: agents and the threads they run on, and everything they may touch.
//!
//! ```text
//!   Agent::do_work(&mut Cycle) ◄── Invoker::cycle ◄── a runner's thread, or the caller's own
//!                     │
//!        now, mail, net, files, chores, names, rng
//!                     │ staged, handed over once per turn
//!        Backend: plain system calls | io_uring | sim (a seeded world)
//! ```
//!
//! An agent owns its state, is told the time, and never waits: what it wants done is staged in its [`cycle`] and comes back as
//! mail in a later turn. Read [`agent`] first, then [`cycle`], [`invoker`] and [`io`]; [`mem`] holds everything that other
//! processes see, [`config`] the settings tables, [`sim`] the world in which all of it runs from a seed.

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
