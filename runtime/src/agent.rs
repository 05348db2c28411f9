//! The agent: all work is done in turns of one.

use std::{error::Error, fmt};

use crate::cycle::Cycle;

/// A piece of work that is done in turns, and never waits.
///
/// An agent does not know its thread, and nothing but the [`Cycle`] of its turn leads to the outside world. It never waits
/// for another agent: what it must await is a state of its own, during which it goes on with the rest of its work.
pub trait Agent: Send {
    /// Its name in Aeron's terms (spec 01 §1.7): of its thread, when it has one of its own, and in messages.
    fn name(&self) -> &str;

    /// Called once before the first turn, on the thread of all turns.
    ///
    /// # Errors
    /// Ends the agent's life before it began; [`Self::on_close`] still follows.
    fn on_start(&mut self, _cycle: &mut Cycle<'_>) -> Result<(), Fault> {
        Ok(())
    }

    /// One turn.
    ///
    /// # Errors
    /// A [`Fault`], whose class says whether the agent goes on.
    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault>;

    /// One turn after the agent was asked to stop, in place of [`Self::do_work`], until it answers [`Turn::Finished`].
    /// The agents before it on its thread go on working meanwhile.
    ///
    /// # Errors
    /// Any fault ends the agent.
    fn close_work(&mut self, _cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        Ok(Turn::Finished)
    }

    /// Called once at the end, on the thread of all turns, also when the start failed. What it stages is submitted, but no
    /// completion comes back.
    fn on_close(&mut self, _cycle: &mut Cycle<'_>) {}

    /// Whether this agent runs callbacks that may idle, and so is given [`Cycle::run_peers`]. Such an agent is never run
    /// nested in another's turn.
    fn may_idle(&self) -> bool {
        false
    }
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// That much was done; 0 lets the thread's idle strategy act.
    Worked(usize),
    /// The agent is at its end: its [`Agent::on_close`] is called and its turns are over.
    Finished,
}

impl Turn {
    /// The work done.
    pub fn work(self) -> usize {
        match self {
            Self::Worked(count) => count,
            Self::Finished => 1,
        }
    }
}

/// Something went wrong in a turn. (A fault that ends one session or stream is that agent's own business.)
#[derive(Debug)]
pub struct Fault {
    class: FaultClass,
    cause: Box<dyn Error + Send + Sync>,
}

/// What follows from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultClass {
    /// It is counted and reported, and the agent goes on.
    Count,
    /// The whole node stops.
    Stop,
}

impl Fault {
    /// A fault to count and go on.
    pub fn count(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            class: FaultClass::Count,
            cause: cause.into(),
        }
    }

    /// A fault that stops the node.
    pub fn stop(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            class: FaultClass::Stop,
            cause: cause.into(),
        }
    }

    /// What follows from it.
    pub fn class(&self) -> FaultClass {
        self.class
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
