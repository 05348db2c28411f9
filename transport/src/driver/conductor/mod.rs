//! The driver conductor: commands in, answers and images out, limits and lives in between (spec 04 §2).
//!
//! [`Core`](core::Core) owns the tables; one file per noun holds its verbs. [`DriverConductor::do_work`] is the whole cycle.

mod add_publication;
mod add_subscription;
mod clients;
mod commands;
pub(crate) mod core;
pub(crate) mod counters;
mod destinations;
mod endpoints;
mod events;
mod images;
mod ipc;
mod lay_out;
mod links;
mod network;
mod publication_log;
pub(crate) mod reply;
mod resolve;
mod subscribers;
mod subscriptions;
mod work;

use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    io::{Completion, Ticket},
    mem::ring::mpsc::Consumer,
};

use self::{
    core::Core,
    events::ImageWork,
    work::{Asked, Progress, Waiting, Work},
};
use super::{
    delegates::{FromReceiver, FromSender},
    stall::StallTracker,
};
use crate::counters::SystemCounter;

/// Events taken from each network agent in one cycle.
const EVENTS_PER_CYCLE: usize = 16;

/// The conductor agent.
pub struct DriverConductor {
    core: Core,
    commands: Consumer,
    from_sender: crossbeam_channel::Receiver<FromSender>,
    from_receiver: crossbeam_channel::Receiver<FromReceiver>,
    work: Option<Work>,
    image_work: Option<ImageWork>,
    completions: Vec<Completion>,
    next_timer_ns: i64,
    blocked: BlockedCommand,
    stall: StallTracker,
    on_terminate: TerminationValidator,
}

/// Decides whether a client may end the driver, by the token it sent.
pub type TerminationValidator = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// What the conductor is made of, besides its tables.
pub(crate) struct Ends {
    pub(crate) commands: Consumer,
    pub(crate) from_sender: crossbeam_channel::Receiver<FromSender>,
    pub(crate) from_receiver: crossbeam_channel::Receiver<FromReceiver>,
    pub(crate) stall: StallTracker,
    pub(crate) on_terminate: TerminationValidator,
}

/// How long the to-driver ring has not moved.
struct BlockedCommand {
    position: i64,
    since_ns: i64,
}

impl DriverConductor {
    pub(crate) fn new(core: Core, ends: Ends) -> Self {
        Self {
            blocked: BlockedCommand {
                position: 0,
                since_ns: core.now.mono_ns,
            },
            next_timer_ns: core.now.mono_ns,
            core,
            commands: ends.commands,
            from_sender: ends.from_sender,
            from_receiver: ends.from_receiver,
            work: None,
            image_work: None,
            completions: Vec::new(),
            stall: ends.stall,
            on_terminate: ends.on_terminate,
        }
    }

    /// Time-outs, once per timer interval (04 §2.3.2).
    fn on_timer(&mut self) -> usize {
        let now_ns = self.core.now.mono_ns;
        if now_ns < self.next_timer_ns {
            return 0;
        }
        let core = &mut self.core;
        core.cnc.heartbeat(core.now.epoch_ms());
        core.check_clients();
        core.check_ipc();
        core.check_network();
        core.check_images();
        self.check_blocked_command();
        self.next_timer_ns = now_ns + self.core.settings.timer_interval.0;
        1
    }

    /// A client that died between claim and commit must not block all others (01 §3.5).
    fn check_blocked_command(&mut self) {
        let now_ns = self.core.now.mono_ns;
        let ring = self.commands.ring();
        let (consumer, producer) = (ring.consumer_position(), ring.producer_position());
        if consumer != self.blocked.position || consumer == producer {
            self.blocked = BlockedCommand {
                position: consumer,
                since_ns: now_ns,
            };
        } else if now_ns - self.blocked.since_ns > self.core.settings.client_liveness_timeout.0
            && self.commands.unblock()
        {
            self.core
                .counters
                .system(SystemCounter::UnblockedCommands)
                .increment();
        }
    }

    /// Takes the outcome of a chore, if it is there.
    fn outcome_of(&mut self, ticket: Ticket) -> Option<Completion> {
        let at = self
            .completions
            .iter()
            .position(|completion| completion.ticket == ticket)?;
        Some(self.completions.swap_remove(at))
    }

    /// Goes on with the client command under way.
    fn work_on_command(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let Some(work) = self.work.take() else {
            return 0;
        };
        match work.waiting {
            Waiting::Room(chore) => {
                self.wait_for(work.asked, work.step, chore, cycle);
                0
            }
            Waiting::Outcome(ticket) => match self.outcome_of(ticket) {
                Some(completion) => {
                    let progress = self.core.advance(work.asked, work.step, completion.outcome);
                    self.on_progress(work.asked, progress, cycle);
                    1
                }
                None => {
                    self.work = Some(work);
                    0
                }
            },
        }
    }

    fn on_progress(
        &mut self,
        asked: Asked,
        progress: Result<Progress, reply::Refusal>,
        cycle: &mut Cycle<'_>,
    ) {
        match progress {
            Ok(Progress::Done) => {}
            Ok(Progress::Waits(step, chore)) => self.wait_for(asked, step, chore, cycle),
            Err(refusal) => {
                let now_ms = self.core.now.epoch_ms();
                self.core
                    .reply
                    .refuse(now_ms, asked.correlation_id, &refusal);
            }
        }
    }

    fn wait_for(
        &mut self,
        asked: Asked,
        step: work::Step,
        chore: taranis_runtime::io::Chore,
        cycle: &mut Cycle<'_>,
    ) {
        let waiting = match cycle.chores.ask(chore.clone()) {
            Ok(ticket) => Waiting::Outcome(ticket),
            Err(_) => Waiting::Room(chore),
        };
        self.work = Some(Work {
            asked,
            step,
            waiting,
        });
    }

    /// Hands over what waits for room elsewhere.
    fn flush(&mut self, cycle: &mut Cycle<'_>) {
        self.core.to_sender.flush();
        self.core.to_receiver.flush();
        while let Some(chore) = self.core.loose_chores.pop_front() {
            if cycle.chores.ask(chore.clone()).is_err() {
                self.core.loose_chores.push_front(chore);
                return;
            }
        }
    }
}

impl Agent for DriverConductor {
    fn name(&self) -> &str {
        "driver-conductor"
    }

    fn on_start(&mut self, cycle: &mut Cycle<'_>) -> Result<(), Fault> {
        self.next_timer_ns = cycle.now.mono_ns;
        self.stall.start(cycle.now.mono_ns);
        Ok(())
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        self.core.now = cycle.now;
        self.stall.measure(cycle.now.mono_ns);
        self.completions.extend(cycle.mail.take_completions());
        let mut work = self.on_timer();
        work += self.work_on_command(cycle);
        if self.work.is_none() && self.core.has_room() {
            work += self.take_command(cycle);
        }
        work += self.take_events(cycle);
        self.core.track_images();
        self.core.update_network();
        self.core.update_ipc();
        self.flush(cycle);
        // What is left belongs to chores whose outcome nobody waits for.
        self.note_loose_outcomes();
        cycle.wake.at(self.next_timer_ns);
        if self.core.wants_end {
            return Err(Fault::stop("a client asked for the driver's end"));
        }
        Ok(Turn::Worked(work))
    }

    fn on_close(&mut self, _cycle: &mut Cycle<'_>) {
        self.core.cnc.close();
    }
}
