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
//!
//! ```
//! use taranis_runtime::{
//!     agent::{Agent, Fault, Turn},
//!     cycle::Cycle,
//!     invoker::Invoker,
//!     sim::{Settings, Simulation},
//! };
//!
//! /// Is at its end after an hour.
//! struct Patient {
//!     until_ns: Option<i64>,
//! }
//!
//! impl Agent for Patient {
//!     fn name(&self) -> &str {
//!         "patient"
//!     }
//!
//!     fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
//!         let now = cycle.now.mono_ns;
//!         let until = *self.until_ns.get_or_insert(now + 3_600_000_000_000);
//!         cycle.wake.at(until);
//!         Ok(if now < until { Turn::Worked(0) } else { Turn::Finished })
//!     }
//! }
//!
//! let hash_of = |seed| {
//!     let mut settings = Settings::seeded(seed);
//!     settings.longest_idle_ns = 60_000_000_000;
//!     let mut simulation = Simulation::new(settings);
//!     let host = simulation.add_host("node0", &["10.0.0.1".parse().unwrap()]);
//!     let process = simulation.start("patient", host, |place| {
//!         let agents: Vec<Box<dyn Agent>> = vec![Box::new(Patient { until_ns: None })];
//!         let (backend, rng) = (place.backend(), place.rng());
//!         vec![Invoker::new(agents, backend, rng, place.halt(), place.fault_handler())]
//!     });
//!     simulation
//!         .run_until(3_700_000_000_000, |simulation| !simulation.is_alive(process))
//!         .unwrap();
//!     simulation.hash()
//! };
//! assert_eq!(hash_of(7), hash_of(7));
//! assert_ne!(hash_of(7), hash_of(8));
//! ```

mod act;
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

pub use self::{
    act::Act,
    network::{Fate, OnWire, Wire},
    place::Place,
    random::{Delay, MILLION},
    settings::Settings,
    simulation::{NotReached, Simulation},
    trace::{Line, Sink},
    words::Words,
    world::Watch,
};
pub(crate) use self::{disk::SimFile, network::SocketHandle};

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
