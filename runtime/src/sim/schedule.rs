//! Whose turn it is: rounds of all threads of all processes, in an order drawn anew each time, and jumps of time between.

use std::{collections::BTreeMap, sync::Arc};

use super::{ProcessId, one_thread::OneThread, world::World};
use crate::invoker::{Cycled, Invoker};

/// The threads of all processes.
#[derive(Default)]
pub(super) struct Schedule {
    threads: BTreeMap<u64, Thread>,
    started: u64,
    /// Threads that have their turn, one beneath the other.
    running: usize,
    /// When a callback that idles counts as stuck.
    limit_ns: Option<u64>,
}

struct Thread {
    process: ProcessId,
    /// Out of its place while it has its turn: that bounds nesting, and no running agent is ever entered again.
    invoker: Option<Invoker>,
    /// When it wants its next turn at the latest, in virtual time.
    wake_ns: Option<u64>,
}

impl Schedule {
    pub(super) fn add(&mut self, process: ProcessId, invokers: Vec<Invoker>) {
        for invoker in invokers {
            let thread = Thread {
                process,
                invoker: Some(invoker),
                wake_ns: None,
            };
            self.threads.insert(self.started, thread);
            self.started += 1;
        }
    }

    pub(super) fn set_limit(&mut self, at_ns: u64) {
        self.limit_ns = Some(at_ns);
    }

    /// When the first thread that is not running wants its turn.
    fn next_wake_ns(&self, world: &World) -> Option<u64> {
        let waiting = self
            .threads
            .values()
            .filter(|thread| thread.invoker.is_some());
        let wakes = waiting.filter_map(|thread| {
            let stalled = world.with(|world| world.process(thread.process).stalled_until_ns);
            Some(thread.wake_ns?.max(stalled))
        });
        wakes.min()
    }

    fn has_threads_of(&self, process: ProcessId) -> bool {
        self.threads
            .values()
            .any(|thread| thread.process == process)
    }
}

/// One round of all threads that are not running beneath; when it did nothing, time jumps to the next thing that will
/// happen, but not beyond `until_ns`. Returns the work.
pub(super) fn step(world: &World, schedule: &Arc<OneThread<Schedule>>, until_ns: u64) -> usize {
    let mut keys: Vec<u64> = schedule.with(|schedule| schedule.threads.keys().copied().collect());
    world.with(|world| world.random.schedule.shuffle(&mut keys));
    let mut work = 0;
    for key in keys {
        work += turn(world, schedule, key);
    }
    sweep(world, schedule);
    let (wake_ns, limit_ns, is_nested) = schedule.with(|schedule| {
        let wake_ns = schedule.next_wake_ns(world);
        (wake_ns, schedule.limit_ns, schedule.running > 0)
    });
    world.with(|world| {
        world.look_at_all_words();
        let now_ns = world.now_ns;
        assert!(
            limit_ns.is_none_or(|limit| now_ns < limit),
            "a callback has idled until {now_ns} ns of virtual time, {} ns beyond the run",
            world.settings.patience_ns
        );
        // Mail ends a park at once. (Beneath a callback it may be for an agent that has no turn; jumps are short there.)
        if work == 0 && (is_nested || !world.has_mail()) {
            world.jump(until_ns, wake_ns);
        }
    });
    work
}

/// One cycle of a thread, unless it is running, stalled or gone.
fn turn(world: &World, schedule: &Arc<OneThread<Schedule>>, key: u64) -> usize {
    let Some((process, mut invoker, is_nested)) = take(world, schedule, key) else {
        return 0;
    };
    let cycled = if is_nested {
        invoker.cycle_nested()
    } else {
        invoker.cycle()
    };
    let cycled = cycled.expect("a world and all its invokers are on one thread");
    let is_alive = world.with(|world| world.process(process).is_alive);
    let wake_ns = invoker
        .next_wake_ns()
        .map(|mono_ns| world.with(|world| world.virtual_ns(world.process(process).host, mono_ns)));
    let ends = cycled == Cycled::Ended || !is_alive;
    let mut gone = Some(invoker);
    let was_last = schedule.with(|schedule| {
        schedule.running -= 1;
        if ends {
            schedule.threads.remove(&key);
        } else if let Some(thread) = schedule.threads.get_mut(&key) {
            thread.invoker = gone.take();
            thread.wake_ns = wake_ns;
        }
        ends && !schedule.has_threads_of(process)
    });
    // Agents drop what they hold while nothing is lent.
    drop(gone);
    if was_last {
        world.with(|world| world.exit(process));
    }
    match cycled {
        Cycled::Worked(work) => work,
        Cycled::Ended => 1,
    }
}

fn take(
    world: &World,
    schedule: &Arc<OneThread<Schedule>>,
    key: u64,
) -> Option<(ProcessId, Invoker, bool)> {
    let process = schedule.with(|schedule| Some(schedule.threads.get(&key)?.process))?;
    if world.with(|world| world.process(process).stalled_until_ns > world.now_ns) {
        return None;
    }
    schedule.with(|schedule| {
        let invoker = schedule.threads.get_mut(&key)?.invoker.take()?;
        let is_nested = schedule.running > 0;
        schedule.running += 1;
        Some((process, invoker, is_nested))
    })
}

/// Drops the threads of processes that were killed; those that are running go when their turn is over.
pub(super) fn sweep(world: &World, schedule: &Arc<OneThread<Schedule>>) {
    let alive = |process: ProcessId| world.with(|world| world.process(process).is_alive);
    let dead: Vec<Thread> = schedule.with(|schedule| {
        let all = schedule.threads.iter();
        let dead = all.filter(|(_, thread)| thread.invoker.is_some() && !alive(thread.process));
        let keys: Vec<_> = dead.map(|(key, _)| *key).collect();
        let dead = keys.iter().filter_map(|key| schedule.threads.remove(key));
        dead.collect()
    });
    drop(dead);
}
