//! The archive's conductor: requests in, recordings and replays in between, answers out (07 §1).
//!
//! ```text
//!   control streams ─► requests ─┬─► record ─► recorder: image ─► segment files ─► rec-pos, Progress
//!                                ├─► replay ─► replayer: segment files ─► publication
//!                                ├─► list, maintain ─► catalog
//!                                └─► answers ─► control sessions
//! ```
//!
//! Recorder and replayer have their turns inside the conductor's, as in Aeron's SHARED mode. Read [`ArchiveConductor`] first,
//! then `core.rs`; one file per kind of request holds its verbs.

mod core;
mod list;
mod maintain;
mod record;
mod recorders;
mod replay;
mod requests;
mod segments;
mod setup;
mod start;

pub use setup::{ArchiveSettings, ArchiveSetup, SetupError};

use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
};
use taranis_transport::client::ClientConductor;

use self::{core::Core, start::Starting};

/// The archive as one agent, with its own Aeron client inside.
pub struct ArchiveConductor {
    phase: Phase,
}

enum Phase {
    Starting(Box<Starting>),
    Running {
        client: Box<ClientConductor>,
        core: Box<Core>,
    },
}

impl ArchiveConductor {
    /// An archive over what setting up found on disk. It connects to the driver by itself.
    pub fn new(setup: ArchiveSetup) -> Self {
        Self {
            phase: Phase::Starting(Box::new(Starting::new(setup))),
        }
    }
}

impl Agent for ArchiveConductor {
    fn name(&self) -> &str {
        "archive-conductor"
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        match &mut self.phase {
            Phase::Starting(starting) => {
                let started = starting.turn(cycle).map_err(Fault::stop)?;
                let work = usize::from(started.is_some());
                if let Some((client, core)) = started {
                    self.phase = Phase::Running { client, core };
                }
                Ok(Turn::Worked(work))
            }
            Phase::Running { client, core } => {
                let work = client.do_work(cycle)?.work();
                if core.aeron.is_closed() {
                    return Err(Fault::stop("the archive's Aeron client is closed"));
                }
                let work = work + core.turn(cycle).map_err(Fault::stop)?;
                Ok(Turn::Worked(work))
            }
        }
    }

    fn close_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        match &mut self.phase {
            Phase::Running { client, core } => {
                client.do_work(cycle)?;
                let is_over = core.close_turn(cycle).map_err(Fault::stop)?;
                Ok(if is_over {
                    Turn::Finished
                } else {
                    Turn::Worked(1)
                })
            }
            Phase::Starting(_) => Ok(Turn::Finished),
        }
    }
}
