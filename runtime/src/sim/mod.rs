//! The third backend: a simulated world on one thread, in virtual time, from one seed.
//!
//! ```text
//!   Simulation ── schedule ── threads (invokers) of processes: rounds, shuffled by seed
//!       │                        │ each with a backend that leads to
//!       └──────── world ◄────────┘
//!                   ├ clock     virtual time; jumps to the next event when all are idle
//!                   ├ agenda    arrivals and completions to come
//!                   ├ network   sockets, ports, links that delay, lose, repeat and reorder
//!                   ├ hosts     clocks, names (heap blocks), durable files (seen and synced bytes)
//!                   └ trace     one line per event, and one hash over all of them
//! ```
//!
//! The agents are the product's own, unchanged: they know no backend. A run depends on the seed, the settings and the
//! calls made on [`Simulation`], and on nothing else: no clock, socket or file of the system is touched. Read
//! [`Simulation`] first, then [`settings`].

mod agenda;
mod backend;
mod digest;
mod disk;
mod hash;
mod names;
mod network;
mod one_thread;
mod operation;
mod place;
mod random;
mod schedule;
pub mod settings;
mod simulation;
mod submit;
mod thread_io;
mod trace;
mod words;
mod world;

pub(crate) use self::{disk::SimFile, network::SocketHandle};
pub use self::{
    network::{Fate, OnWire, Wire},
    place::Place,
    random::{Delay, MILLION},
    settings::Settings,
    simulation::{NotReached, Simulation},
    trace::{Line, Sink},
    words::Words,
    world::Watch,
};

use crate::io::IoFailure;

/// A machine of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(u16);

/// One life of a process: killed or at its end once, and never started again. A restart is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(u32);

/// A failure as Linux numbers it.
fn errno(errno: i32) -> IoFailure {
    IoFailure { errno }
}
