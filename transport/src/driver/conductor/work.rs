//! A client command that waits for a chore: names to resolve, sockets to bind, logs to map (spec 04 §2.3).
//!
//! At most one is under way, so that answers come in the order of the commands; the conductor's other work goes on.

use taranis_runtime::io::{Chore, Outcome, Ticket};

use super::{
    add_publication::{MapIpc, MapNetwork, OpenSend},
    add_subscription::OpenReceive,
    core::Core,
    destinations::OpenDestination,
    reply::Refusal,
    resolve::Resolve,
};

/// Who asked: client and correlation id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) client_id: i64,
    pub(crate) correlation_id: i64,
}

impl Asked {
    pub(crate) fn ids(self) -> (i64, i64) {
        (self.client_id, self.correlation_id)
    }
}

/// How far a command is.
#[derive(Debug)]
pub(crate) enum Step {
    Resolve(Box<Resolve>),
    OpenSend(Box<OpenSend>),
    MapIpc(Box<MapIpc>),
    MapNetwork(Box<MapNetwork>),
    OpenReceive(Box<OpenReceive>),
    OpenDestination(Box<OpenDestination>),
}

/// What became of a step.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The command was answered.
    Done,
    /// It goes on when the chore is done.
    Waits(Step, Chore),
}

/// The command under way.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) asked: Asked,
    pub(crate) step: Step,
    pub(crate) waiting: Waiting,
}

/// What it waits for.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// Room among the chores.
    Room(Chore),
    /// The outcome of a chore.
    Outcome(Ticket),
}

impl Core {
    /// Goes on with a command whose chore is done.
    pub(super) fn advance(
        &mut self,
        asked: Asked,
        step: Step,
        outcome: Outcome,
    ) -> Result<Progress, Refusal> {
        match step {
            Step::Resolve(step) => self.on_resolved(asked, *step, outcome),
            Step::OpenSend(step) => self.on_send_socket(asked, *step, outcome),
            Step::MapIpc(step) => self.on_ipc_log(asked, *step, outcome),
            Step::MapNetwork(step) => self.on_network_log(asked, *step, outcome),
            Step::OpenReceive(step) => self.on_receive_socket(asked, *step, outcome),
            Step::OpenDestination(step) => self.on_destination_socket(asked, *step, outcome),
        }
    }
}

/// The outcome of a chore that does not fit what was asked: a fault of ours, answered like one of the system's.
pub(super) fn unexpected(what: &str, outcome: &Outcome) -> Refusal {
    match outcome {
        Outcome::Failed(failure) => Refusal::system(failure.errno, format!("{what}: {failure}")),
        other => Refusal::invalid(format!("{what}: unexpected outcome {other:?}")),
    }
}
