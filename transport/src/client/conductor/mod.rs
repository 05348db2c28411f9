//! The client's conductor: the one reader of the driver's events and writer of its commands (spec 05 §1.6).
//!
//! | file | what it knows |
//! |---|---|
//! | `events.rs` | what an event of the driver does |
//! | `pending.rs` | commands without an answer yet |
//! | `resources.rs` | what the driver keeps for this client |
//! | `logs.rs` | mapped log buffers |
//! | `liveness.rs`, `heartbeat.rs` | whether driver and client still live |
//! | `handlers.rs` | what the application is told |
//!
//! Requests of handles come through a bounded queue, which is read only while the driver's ring takes commands; so nothing
//! here waits, and nothing grows without bound but with what the driver itself announces.

mod events;
mod handlers;
mod heartbeat;
mod liveness;
mod logs;
mod pending;
mod resources;

use std::{cell::Cell, collections::VecDeque, sync::Arc, thread};

use crossbeam_channel::Receiver;
use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    clock::Now,
    cycle::Cycle,
    mem::{
        Names,
        broadcast::{self, ReceiveError},
        counters::CountersReader,
        ring::{self, mpsc},
    },
};

use self::{
    handlers::CounterListeners,
    heartbeat::Heartbeat,
    liveness::{Death, Due, Limits, Liveness},
    logs::Logs,
    pending::Table,
    resources::Resources,
};
use super::{
    context::Context,
    counter::CounterEvent,
    error::ClientError,
    image::ImageHandlers,
    lifeline::Outstanding,
    link::{Ask, Link, Request},
};
use crate::{
    cnc::Cnc,
    command::{Command, CommandBody, commands::NULL_ID},
};

pub use handlers::{ErrorHandler, Handlers, PublicationErrorFrame, PublicationErrorHandler};

/// Events read in one turn.
const EVENTS_PER_TURN: usize = 16;
/// Commands written in one turn.
const COMMANDS_PER_TURN: usize = 16;
/// Turns in which a closing client tries to tell the driver.
const CLOSE_TURNS: u32 = 10;

/// The agent behind a client's handles. It needs a turn at least once per client liveness timeout of the driver (10 s by
/// default); commands and images are as quick as its turns.
///
/// Its end (closed, the driver gone, timed out) closes every handle: they then answer that they are closed, forever.
#[derive(Debug)]
pub struct ClientConductor {
    events: broadcast::Receiver,
    core: Core,
}

#[derive(Debug)]
struct Core {
    context: Context,
    link: Arc<Link>,
    ring: mpsc::Producer,
    requests: Receiver<Request>,
    outbox: VecDeque<Request>,
    awaited: Table,
    resources: Resources,
    given_back: i64,
    logs: Logs,
    handlers: Handlers,
    listeners: CounterListeners,
    liveness: Liveness,
    heartbeat: Heartbeat,
    now_ns: i64,
    scratch: Vec<u8>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Everything is closed; the driver is still to be told, in at most that many turns.
    Closing {
        turns_left: u32,
    },
    Ended,
}

impl ClientConductor {
    /// A conductor over an attached CnC file, and the link for its handles.
    pub(super) fn new(
        context: Context,
        mut handlers: Handlers,
        cnc: Cnc,
        now: Now,
    ) -> Result<(Self, Arc<Link>), ClientError> {
        context.check_against(cnc.client_liveness_timeout_ns())?;
        let ring = mpsc::Producer::open(cnc.to_driver().clone())
            .map_err(|error| malformed("ring", &error))?;
        let events = broadcast::Receiver::open(cnc.to_clients().clone())
            .map_err(|error| malformed("broadcast", &error))?;
        let counters = CountersReader::open(
            cnc.counters_values().clone(),
            cnc.counters_metadata().clone(),
        )
        .map_err(|error| malformed("counters", &error))?;
        let limits = Limits {
            idle_sleep_ns: context.idle_sleep.0,
            keep_alive_interval_ns: context.keep_alive_interval.0,
            inter_service_timeout_ns: cnc.client_liveness_timeout_ns(),
            driver_timeout_ns: context.driver_timeout.as_ns(),
        };
        let liveness = Liveness::new(limits, cnc.driver_heartbeat_ms(), now.mono_ns);
        let client_id = cnc.next_correlation_id();
        let (link, requests) = Link::new(client_id, cnc, counters);
        let mut listeners = CounterListeners::default();
        if let Some(listener) = handlers.counters.take() {
            listeners.add(NULL_ID, listener);
        }
        let core = Core {
            link: Arc::clone(&link),
            ring,
            requests,
            outbox: VecDeque::new(),
            awaited: Table::default(),
            resources: Resources::default(),
            given_back: 0,
            logs: Logs::new(context.resource_linger.0, context.pre_touch_mapped_memory),
            handlers,
            listeners,
            liveness,
            heartbeat: Heartbeat::new(client_id, context.client_name.clone()),
            now_ns: now.mono_ns,
            scratch: Vec::new(),
            phase: Phase::Running,
            context,
        };
        Ok((Self { events, core }, link))
    }

    /// One turn: for who has no cycle to give. The agent's turn is this.
    pub fn turn(&mut self, now: Now, names: &Names) -> Turn {
        let turn = UnderWay::begin(self);
        turn.0.take_turn(now, names)
    }

    fn take_turn(&mut self, now: Now, names: &Names) -> Turn {
        self.core.now_ns = now.mono_ns;
        match self.core.phase {
            Phase::Running => {}
            Phase::Closing { turns_left } => return self.core.tell_driver(turns_left),
            Phase::Ended => return Turn::Finished,
        }
        if self.core.link.signals.is_asked_to_close() {
            return self.close();
        }
        match self.work(now, names) {
            Ok(work) => Turn::Worked(work),
            Err(error) => {
                self.core.handlers.error(&error);
                self.close()
            }
        }
    }

    /// Closes everything at once; the driver is told in the turns that follow, until one answers [`Turn::Finished`].
    pub fn close(&mut self) -> Turn {
        if self.core.phase == Phase::Running {
            self.core.close_all();
            self.core.phase = Phase::Closing {
                turns_left: CLOSE_TURNS,
            };
        }
        Turn::Worked(1)
    }

    /// Whether everything is closed and the driver told.
    pub fn is_at_end(&self) -> bool {
        self.core.phase == Phase::Ended
    }

    fn work(&mut self, now: Now, names: &Names) -> Result<usize, ClientError> {
        let mut work = self.core.look_after_liveness(now)?;
        work += self.core.take_given_back();
        work += self.core.forward_requests();
        work += self.read_events(names)?;
        work += self.core.resources.feed_pollers();
        Ok(work)
    }

    fn read_events(&mut self, names: &Names) -> Result<usize, ClientError> {
        let Self { events, core } = self;
        for read in 0..EVENTS_PER_TURN {
            let mut outcome = Ok(());
            match events
                .receive(|type_id, message| outcome = core.on_event(type_id, message, names))
            {
                Ok(true) => outcome?,
                Ok(false) => return Ok(read),
                Err(ReceiveError::Lapped) => return Err(ClientError::BroadcastLapped),
                Err(error) => return Err(malformed("broadcast", &error)),
            }
        }
        Ok(EVENTS_PER_TURN)
    }
}

impl Agent for ClientConductor {
    fn name(&self) -> &str {
        "aeron-client"
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        let turn = self.turn(cycle.now, cycle.names);
        cycle.wake.at(self.core.liveness.next_look_ns());
        Ok(turn)
    }

    fn close_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        self.core.now_ns = cycle.now.mono_ns;
        Ok(match self.core.phase {
            Phase::Running => self.close(),
            Phase::Closing { .. } | Phase::Ended => self.turn(cycle.now, cycle.names),
        })
    }
}

thread_local! {
    /// Whether this thread is inside a turn of a conductor: a handler that waits for an answer there would wait for itself.
    static IN_TURN: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn is_in_turn() -> bool {
    IN_TURN.get()
}

/// A turn under way. A panic that leaves it (a handler's) closes everything, and calls no more handlers.
struct UnderWay<'a>(&'a mut ClientConductor);

impl<'a> UnderWay<'a> {
    fn begin(conductor: &'a mut ClientConductor) -> Self {
        IN_TURN.set(true);
        Self(conductor)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        IN_TURN.set(false);
        if thread::panicking() {
            self.0.core.silence();
            self.0.close();
        }
    }
}

impl Drop for ClientConductor {
    /// Handles outlive their conductor; they must not go on as if the driver still knew them.
    fn drop(&mut self) {
        self.core.close_all();
    }
}

impl Core {
    fn look_after_liveness(&mut self, now: Now) -> Result<usize, ClientError> {
        let cnc = &self.link.cnc;
        let due = self
            .liveness
            .turn(now.mono_ns, || cnc.driver_heartbeat_ms());
        let due = due.map_err(|death| self.obituary(death))?;
        if due == Due::Nothing {
            return Ok(0);
        }
        if due == Due::KeepAlive && self.heartbeat.beat(&self.link.counters, now.epoch_ms())? {
            self.liveness.kept_alive(now.mono_ns);
        }
        self.logs.expire(now.mono_ns);
        for request in self.awaited.overdue(now.mono_ns) {
            let correlation_id = request.correlation_id;
            let timeout_ms = self.context.driver_timeout.0;
            request.ask.fail(ClientError::NoResponse {
                correlation_id,
                timeout_ms,
            });
        }
        Ok(1)
    }

    fn obituary(&self, death: Death) -> ClientError {
        let dir = || self.context.aeron_dir.clone();
        match death {
            Death::NotServiced { interval_ns } => ClientError::ServiceTimeout {
                timeout_ns: self.link.cnc.client_liveness_timeout_ns(),
                interval_ns,
            },
            Death::DriverShutdown => ClientError::DriverShutdown { dir: dir() },
            Death::DriverSilent { age_ms } => ClientError::DriverTimeout {
                dir: dir(),
                age_ms,
                timeout_ms: self.context.driver_timeout.0,
            },
        }
    }

    fn take_given_back(&mut self) -> usize {
        let given_back = self.link.signals.given_back();
        if given_back == self.given_back {
            return 0;
        }
        self.given_back = given_back;
        let asks = self
            .resources
            .take_given_back(&mut self.logs, &mut self.handlers, self.now_ns);
        let count = asks.len();
        for ask in asks {
            let outstanding = Outstanding::adopt(&self.link.signals);
            self.enqueue(ask, outstanding);
        }
        count
    }

    /// The driver is to take something back that no handle holds.
    fn remove(&mut self, ask: Ask) {
        let outstanding = Outstanding::begin(&self.link.signals);
        self.enqueue(ask, outstanding);
    }

    fn enqueue(&mut self, ask: Ask, outstanding: Outstanding) {
        let correlation_id = self.link.cnc.next_correlation_id();
        self.outbox.push_back(Request {
            correlation_id,
            ask,
            _outstanding: outstanding,
        });
    }

    fn forward_requests(&mut self) -> usize {
        for forwarded in 0..COMMANDS_PER_TURN {
            let waiting = self.outbox.pop_front();
            let Some(request) = waiting.or_else(|| self.requests.try_recv().ok()) else {
                return forwarded;
            };
            if let Err(request) = self.forward(request) {
                self.outbox.push_front(request);
                return forwarded;
            }
        }
        COMMANDS_PER_TURN
    }

    /// Gives the request back when the driver's ring is full.
    fn forward(&mut self, request: Request) -> Result<(), Request> {
        match request.ask {
            Ask::AddCounterListener { id, listener } => {
                self.listeners.add(id, listener);
                return Ok(());
            }
            Ask::RemoveCounterListener { id } => {
                self.listeners.remove(id);
                return Ok(());
            }
            _ => {}
        }
        let Some(body) = request.ask.command() else {
            return Ok(());
        };
        match send(
            &self.ring,
            &mut self.scratch,
            self.link.client_id,
            request.correlation_id,
            body,
        ) {
            Ok(()) => {
                let deadline_ns = self
                    .now_ns
                    .saturating_add(self.context.driver_timeout.as_ns());
                self.awaited.insert(request, deadline_ns);
            }
            Err(ring::Refused::TooLong { len, max }) => {
                request.ask.fail(ClientError::CommandTooLong { len, max });
            }
            Err(_) => return Err(request),
        }
        Ok(())
    }

    fn tell_of_counter(&mut self, event: CounterEvent) {
        self.listeners.tell(event);
    }

    /// From now on no handler is called.
    fn silence(&mut self) {
        self.handlers = Handlers::default();
        self.listeners = CounterListeners::default();
        for entry in self.resources.subscriptions.values_mut() {
            entry.handlers = ImageHandlers::default();
        }
    }

    /// Closes every handle and answers every request (spec 05 §2.9). Only the first call has an effect.
    fn close_all(&mut self) {
        if self.link.signals.is_at_end() {
            return;
        }
        self.link.signals.set_closed();
        let counters = self
            .resources
            .force_close(&mut self.logs, &mut self.handlers, self.now_ns);
        for (registration_id, counter_id) in counters {
            self.listeners.tell(CounterEvent::Unavailable {
                registration_id,
                counter_id,
            });
        }
        let waiting = self.outbox.drain(..).chain(self.requests.try_iter());
        for request in waiting.chain(self.awaited.drain()) {
            request.ask.fail(ClientError::Closed);
        }
        self.handlers.close();
    }

    fn tell_driver(&mut self, turns_left: u32) -> Turn {
        // Sent by handles that had not yet seen the end.
        for request in self.requests.try_iter() {
            request.ask.fail(ClientError::Closed);
        }
        let client_id = self.link.client_id;
        let told = send(
            &self.ring,
            &mut self.scratch,
            client_id,
            NULL_ID,
            CommandBody::ClientClose,
        )
        .is_ok();
        if told || turns_left <= 1 {
            self.phase = Phase::Ended;
            return Turn::Finished;
        }
        self.phase = Phase::Closing {
            turns_left: turns_left - 1,
        };
        Turn::Worked(0)
    }
}

fn send(
    ring: &mpsc::Producer,
    scratch: &mut Vec<u8>,
    client_id: i64,
    correlation_id: i64,
    body: CommandBody<'_>,
) -> Result<(), ring::Refused> {
    let command = Command {
        client_id,
        correlation_id,
        body,
    };
    let len = command.encoded_len();
    if scratch.len() < len {
        scratch.resize(len, 0);
    }
    let message = &mut scratch[..len];
    // The buffer was just made long enough.
    let _ = command.encode(message);
    ring.write(body.code().to_wire(), message)
}

fn malformed(what: &'static str, error: &dyn std::error::Error) -> ClientError {
    ClientError::Malformed {
        what,
        why: error.to_string(),
    }
}
