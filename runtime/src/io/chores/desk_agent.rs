//! The agent that does chores for the agents of other threads.

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::{CHORES_PER_AGENT, Chore, perform};
use crate::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    io::{mail::Outcome, ticket::Ticket},
};

/// Requests that may lie in the queue to the chore agent, all threads together.
const QUEUE: usize = 4 * CHORES_PER_AGENT;

/// Does chores, one per turn, in the order they were asked: Aeron's native resource agent (spec 01 §13.5).
///
/// One slow name look-up delays the chores behind it and nothing else.
#[derive(Debug)]
pub struct ChoreDesk {
    requests: Receiver<Request>,
    /// An outcome whose asker's queue was full.
    held: Option<(Reply, Sender<Reply>)>,
}

/// What a thread's backend needs to reach a [`ChoreDesk`].
#[derive(Clone, Debug)]
pub struct ChoreCounter {
    requests: Sender<Request>,
}

type Reply = (Ticket, Outcome);

#[derive(Debug)]
struct Request {
    ticket: Ticket,
    chore: Chore,
    reply: Sender<Reply>,
}

impl ChoreDesk {
    /// The agent, and the counter at which backends leave their requests.
    pub fn new() -> (Self, ChoreCounter) {
        let (sender, requests) = bounded(QUEUE);
        (
            Self {
                requests,
                held: None,
            },
            ChoreCounter { requests: sender },
        )
    }

    fn hand_over(&mut self) -> bool {
        let Some((reply, to)) = self.held.take() else {
            return true;
        };
        match to.try_send(reply) {
            Ok(()) => true,
            Err(crossbeam_channel::TrySendError::Full(reply)) => {
                self.held = Some((reply, to));
                false
            }
            // The asking thread is gone, and what it asked for goes with it.
            Err(crossbeam_channel::TrySendError::Disconnected(_)) => true,
        }
    }
}

impl Agent for ChoreDesk {
    fn name(&self) -> &str {
        "aeron-md-nra"
    }

    fn do_work(&mut self, _cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        if !self.hand_over() {
            return Ok(Turn::Worked(0));
        }
        match self.requests.try_recv() {
            Ok(request) => {
                self.held = Some(((request.ticket, perform(request.chore)), request.reply));
                self.hand_over();
                Ok(Turn::Worked(1))
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => Ok(Turn::Worked(0)),
        }
    }
}

/// A backend's side: where chores go, and where their outcomes come from.
#[derive(Debug)]
pub(crate) struct ChoreLink {
    counter: Option<ChoreCounter>,
    waiting: std::collections::VecDeque<(Ticket, Chore)>,
    reply: Sender<Reply>,
    outcomes: Receiver<Reply>,
}

impl ChoreLink {
    /// Without a counter, chores are done inline, on the calling thread.
    pub(crate) fn new(counter: Option<ChoreCounter>) -> Self {
        let (reply, outcomes) = bounded(QUEUE);
        Self {
            counter,
            waiting: std::collections::VecDeque::new(),
            reply,
            outcomes,
        }
    }

    pub(crate) fn take(&mut self, staged: &mut Vec<(Ticket, Chore)>) {
        self.waiting.extend(staged.drain(..));
    }

    /// Moves requests on, and gives each outcome that is there to `deliver`.
    pub(crate) fn turn(&mut self, mut deliver: impl FnMut(Ticket, Outcome)) {
        match &self.counter {
            None => {
                for (ticket, chore) in self.waiting.drain(..) {
                    deliver(ticket, perform(chore));
                }
            }
            Some(counter) => {
                while let Some((ticket, chore)) = self.waiting.pop_front() {
                    let request = Request {
                        ticket,
                        chore,
                        reply: self.reply.clone(),
                    };
                    if let Err(refused) = counter.requests.try_send(request) {
                        let request = refused.into_inner();
                        self.waiting.push_front((request.ticket, request.chore));
                        break;
                    }
                }
            }
        }
        for (ticket, outcome) in self.outcomes.try_iter() {
            deliver(ticket, outcome);
        }
    }
}
