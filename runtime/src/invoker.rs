//! A set of agents on one thread whose loop belongs to the caller.

use std::thread::{self, Thread};

use crate::{
    agent::{Agent, Fault, FaultClass, Turn},
    clock::Now,
    cycle::{PeerTurns, Rng, Stopping},
    halt::Halt,
    io::{AgentId, Backend, Desk, IoWork},
    mem::Names,
    thread_bound::ThreadBound,
};

/// Makes a thread's backend on that thread.
pub type BackendMaker = Box<dyn FnOnce() -> Box<dyn Backend> + Send>;

/// Is told each fault, and which agent had it; counts and logs.
pub type FaultHandler = Box<dyn FnMut(&str, &Fault) + Send>;

/// Agents, one backend, and [`Self::cycle`]: a thread's loop, whoever owns the thread.
///
/// # Threading
/// The first call of [`Self::cycle`] binds it to the calling thread and makes the backend there; a call from another
/// thread is refused by name. It may be moved between threads before.
pub struct Invoker {
    state: State,
    on_fault: FaultHandler,
    halt: Halt,
}

enum State {
    Unbound(Unbound),
    Bound(ThreadBound<Box<Crew>>),
    Ended,
}

struct Unbound {
    agents: Vec<Box<dyn Agent>>,
    backend: BackendMaker,
    rng: Rng,
}

/// Refused: an invoker's turns all happen on one thread.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the invoker belongs to thread {owner}; it was called from thread {caller}")]
pub struct WrongThread {
    /// The thread of its first turn.
    pub owner: String,
    /// The thread that called.
    pub caller: String,
}

/// What a cycle came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycled {
    /// Work done by all agents together; 0 means: idle.
    Worked(usize),
    /// All agents are at their end.
    Ended,
}

impl Invoker {
    /// Agents in the order of their turns; the first is the last to be closed. `halt` is shared by the threads of a node.
    pub fn new(
        agents: Vec<Box<dyn Agent>>,
        backend: BackendMaker,
        rng: Rng,
        halt: Halt,
        on_fault: FaultHandler,
    ) -> Self {
        Self {
            state: State::Unbound(Unbound {
                agents,
                backend,
                rng,
            }),
            on_fault,
            halt,
        }
    }

    /// One turn of each agent. After the node's halt was requested: closes them, the last agent first, one after the
    /// other, while the ones before it work on.
    ///
    /// # Errors
    /// [`WrongThread`] when another thread made the first call.
    pub fn cycle(&mut self) -> Result<Cycled, WrongThread> {
        if let State::Unbound(_) = self.state {
            self.bind();
        }
        let State::Bound(bound) = &mut self.state else {
            return Ok(Cycled::Ended);
        };
        let cycled = here(bound)?.cycle(Turns::All, &self.halt, &mut self.on_fault);
        if cycled == Cycled::Ended {
            self.state = State::Ended;
        }
        Ok(cycled)
    }

    /// As [`Self::cycle`], but while an agent of another invoker idles on this thread (the simulator's world runs on one):
    /// agents that may idle themselves have no turn, so that one that could go on is never held up beneath another.
    pub(crate) fn cycle_nested(&mut self) -> Result<Cycled, WrongThread> {
        if let State::Unbound(_) = self.state {
            self.bind();
        }
        let State::Bound(bound) = &mut self.state else {
            return Ok(Cycled::Ended);
        };
        Ok(here(bound)?.cycle(Turns::NoIdlers, &self.halt, &mut self.on_fault))
    }

    /// Waits until something comes in or an agent's wake-up is due, for at most `max_ns` and at most a millisecond.
    ///
    /// # Errors
    /// [`WrongThread`] as [`Self::cycle`].
    pub fn park(&mut self, max_ns: u64) -> Result<(), WrongThread> {
        if let State::Bound(bound) = &mut self.state {
            here(bound)?.park(max_ns);
        }
        Ok(())
    }

    /// What the backend asked of the system so far; `None` before the first turn and after the end.
    pub fn io_work(&self) -> Option<(&'static str, IoWork)> {
        match &self.state {
            State::Bound(bound) => bound
                .peek()
                .map(|crew| (crew.backend.kind(), crew.backend.work())),
            State::Unbound(_) | State::Ended => None,
        }
    }

    /// When an agent wants its next turn at the latest, in monotonic nanoseconds.
    pub fn next_wake_ns(&self) -> Option<i64> {
        match &self.state {
            State::Bound(bound) => bound.peek().and_then(|crew| crew.next_wake_ns()),
            State::Unbound(_) | State::Ended => None,
        }
    }

    /// The halt it obeys.
    pub fn halt(&self) -> &Halt {
        &self.halt
    }

    fn bind(&mut self) {
        let State::Unbound(unbound) = std::mem::replace(&mut self.state, State::Ended) else {
            return;
        };
        let crew = Crew::new(unbound.agents, (unbound.backend)(), unbound.rng);
        self.state = State::Bound(ThreadBound::new(Box::new(crew)));
    }
}

/// The crew, on its own thread.
fn here(bound: &mut ThreadBound<Box<Crew>>) -> Result<&mut Crew, WrongThread> {
    if !bound.is_here() {
        let (owner, caller) = (name_of(bound.owner()), name_of(&thread::current()));
        return Err(WrongThread { owner, caller });
    }
    Ok(bound.get().expect("it is on this thread"))
}

fn name_of(thread: &Thread) -> String {
    thread
        .name()
        .map_or_else(|| format!("{:?}", thread.id()), |name| format!("`{name}`"))
}

/// Whose turns a cycle is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turns {
    All,
    /// All but those of agents that may idle.
    NoIdlers,
}

/// The agents of a thread and their backend.
struct Crew {
    slots: Vec<Slot>,
    /// The slots in the order of this cycle's turns.
    order: Vec<u16>,
    backend: Box<dyn Backend>,
    now: Now,
    /// Agents at or above this slot are being closed or gone; counts down once the node halts.
    closing_from: usize,
}

struct Slot {
    at: u16,
    /// Out of its slot while it has its turn: that bounds nesting.
    agent: Option<Box<dyn Agent>>,
    desk: Option<Box<Desk>>,
    life: Life,
    may_idle: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    New,
    Working,
    Closing,
    /// Asked to stop before it started: only its close is called.
    Unstarted,
    Gone,
}

impl Crew {
    fn new(agents: Vec<Box<dyn Agent>>, mut backend: Box<dyn Backend>, mut rng: Rng) -> Self {
        let mut slots = Vec::with_capacity(agents.len());
        for (at, agent) in agents.into_iter().enumerate() {
            slots.push(Slot::new(at, agent, backend.names().clone(), rng.fork()));
        }
        let now = backend.now();
        Self {
            closing_from: slots.len(),
            order: slots.iter().map(|slot| slot.at).collect(),
            slots,
            backend,
            now,
        }
    }

    fn cycle(&mut self, turns: Turns, halt: &Halt, on_fault: &mut FaultHandler) -> Cycled {
        if halt.is_requested() {
            self.close_next();
        }
        self.backend.order_turns(&mut self.order);
        let work = self.round(turns, halt, on_fault);
        if self.slots.iter().all(|slot| slot.life == Life::Gone) {
            return Cycled::Ended;
        }
        Cycled::Worked(work)
    }

    /// One turn of each agent that is in its slot, in this cycle's order.
    fn round(&mut self, turns: Turns, halt: &Halt, on_fault: &mut FaultHandler) -> usize {
        self.backend.collect();
        let mut work = 0;
        for next in 0..self.order.len() {
            let at = usize::from(self.order[next]);
            if turns == Turns::All || !self.slots[at].may_idle {
                work += self.turn(at, halt, on_fault);
            }
        }
        work
    }

    /// Asks the last agent that still works to close, once the ones behind it are gone.
    fn close_next(&mut self) {
        if self.slots[self.closing_from..]
            .iter()
            .any(|slot| slot.life != Life::Gone)
            || self.closing_from == 0
        {
            return;
        }
        self.closing_from -= 1;
        let slot = &mut self.slots[self.closing_from];
        match slot.life {
            Life::New => slot.life = Life::Unstarted,
            Life::Working => slot.life = Life::Closing,
            Life::Closing | Life::Unstarted | Life::Gone => {}
        }
    }

    /// One turn of the agent in a slot, with mail before and submission after it.
    fn turn(&mut self, at: usize, halt: &Halt, on_fault: &mut FaultHandler) -> usize {
        let slot = &mut self.slots[at];
        let (life, may_idle) = (slot.life, slot.may_idle);
        if life == Life::Gone || self.backend.is_lost() {
            return 0;
        }
        let Some(mut agent) = slot.agent.take() else {
            return 0;
        };
        let mut desk = slot
            .desk
            .take()
            .expect("an agent in its slot has its desk there");
        self.backend.deliver(&mut desk);
        desk.wake.reset();
        self.now = self.backend.now();
        let result = {
            let now = self.now;
            let mut peers = Peers {
                crew: self,
                halt,
                on_fault,
            };
            let mut cycle = desk.cycle(now, may_idle.then_some(&mut peers as &mut dyn PeerTurns));
            match life {
                Life::New => agent.on_start(&mut cycle).map(|()| Turn::Worked(1)),
                Life::Working => agent.do_work(&mut cycle),
                Life::Closing => agent.close_work(&mut cycle),
                Life::Unstarted | Life::Gone => Ok(Turn::Finished),
            }
        };
        if self.backend.is_lost() {
            // Nothing of this turn leaves the thread, and the agent stays out of its slot.
            return 0;
        }
        let (next, work) = self.judge(agent.name(), life, result, halt, on_fault);
        if next == Life::Gone {
            self.close(&mut *agent, &mut desk);
        }
        if !desk.is_empty() {
            self.backend.submit(&mut desk);
        }
        if next == Life::Gone {
            self.backend.retire(desk.agent);
        }
        let slot = &mut self.slots[at];
        // A halt that came up in a nested turn may have moved the slot on.
        slot.life = if slot.life == Life::Closing && next == Life::Working {
            Life::Closing
        } else {
            next
        };
        slot.agent = Some(agent);
        slot.desk = Some(desk);
        work
    }

    fn judge(
        &mut self,
        name: &str,
        life: Life,
        result: Result<Turn, Fault>,
        halt: &Halt,
        on_fault: &mut FaultHandler,
    ) -> (Life, usize) {
        match result {
            Ok(Turn::Finished) => (Life::Gone, 1),
            Ok(Turn::Worked(work)) => (
                if life == Life::New {
                    Life::Working
                } else {
                    life
                },
                work,
            ),
            Err(fault) => {
                on_fault(name, &fault);
                if fault.class() == FaultClass::Stop {
                    halt.request(name, &fault.to_string());
                }
                // An agent that failed to start or to close is not tried again.
                let ends = life != Life::Working || fault.class() == FaultClass::Stop;
                (if ends { Life::Gone } else { life }, 0)
            }
        }
    }

    fn close(&mut self, agent: &mut dyn Agent, desk: &mut Desk) {
        agent.on_close(&mut desk.cycle(self.now, None));
    }

    fn park(&mut self, max_ns: u64) {
        let due_in = self.next_wake_ns().map_or(u64::MAX, |at| {
            let now = self.backend.now().mono_ns;
            u64::try_from(at.saturating_sub(now)).unwrap_or(0)
        });
        let wait = max_ns.min(due_in);
        if wait > 0 {
            self.backend.park(wait);
        }
    }

    fn next_wake_ns(&self) -> Option<i64> {
        self.slots
            .iter()
            .filter_map(|slot| slot.desk.as_ref()?.wake.requested())
            .min()
    }
}

impl Slot {
    fn new(at: usize, agent: Box<dyn Agent>, names: Names, rng: Rng) -> Self {
        let slot = u16::try_from(at).expect("a thread has fewer than 65,536 agents");
        let desk = Desk::of(
            AgentId {
                slot,
                generation: 0,
            },
            names,
            rng,
        );
        Self {
            at: slot,
            may_idle: agent.may_idle(),
            agent: Some(agent),
            desk: Some(Box::new(desk)),
            life: Life::New,
        }
    }
}

/// The other agents of a thread, during one agent's turn.
struct Peers<'a> {
    crew: &'a mut Crew,
    halt: &'a Halt,
    on_fault: &'a mut FaultHandler,
}

impl PeerTurns for Peers<'_> {
    fn turn(&mut self) -> Result<(usize, Now), Stopping> {
        self.check()?;
        let crew = &mut *self.crew;
        let mut work = crew.round(Turns::NoIdlers, self.halt, self.on_fault);
        work += crew.backend.run_others();
        self.check()?;
        self.crew.now = self.crew.backend.now();
        Ok((work, self.crew.now))
    }
}

impl Peers<'_> {
    fn check(&self) -> Result<(), Stopping> {
        if self.halt.is_requested() || self.crew.backend.is_lost() {
            return Err(Stopping);
        }
        Ok(())
    }
}
