//! The third backend: a thread's door to the simulated world.

use std::sync::Weak;

use super::{
    HostId, ProcessId,
    one_thread::OneThread,
    schedule::{self, Schedule},
    thread_io::ThreadIo,
    world::World,
};
use crate::{
    clock::Now,
    io::{AgentId, Backend, Desk, IoWork},
    mem::Names,
};

/// A thread's backend in a simulated world. Everything it stands for is in the world; it holds the thread's number.
pub(super) struct SimBackend {
    world: World,
    schedule: Weak<OneThread<Schedule>>,
    names: Names,
    host: HostId,
    process: ProcessId,
    thread: u32,
}

impl SimBackend {
    pub(super) fn new(
        world: World,
        schedule: Weak<OneThread<Schedule>>,
        names: Names,
        process: ProcessId,
        thread: u32,
    ) -> Self {
        let host = world.with(|world| {
            let number = world.process(process).threads;
            world.process_mut(process).threads += 1;
            let host = world.process(process).host;
            if world.process(process).is_alive {
                world.threads.insert(thread, ThreadIo::new(process, number));
            }
            host
        });
        Self {
            world,
            schedule,
            names,
            host,
            process,
            thread,
        }
    }
}

impl Backend for SimBackend {
    fn kind(&self) -> &'static str {
        "simulated"
    }

    fn now(&mut self) -> Now {
        self.world.with(|world| {
            world.tick();
            world.now_of(self.host)
        })
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn submit(&mut self, desk: &mut Desk) {
        self.world.with(|world| world.submit(self.thread, desk));
    }

    fn collect(&mut self) {
        self.world.with(|world| world.collect(self.thread));
    }

    fn deliver(&mut self, desk: &mut Desk) {
        self.world.with(|world| {
            world.look_at_words(self.host);
            if let Some(thread) = world.threads.get_mut(&self.thread) {
                thread.deliver(desk);
            }
        });
    }

    fn retire(&mut self, agent: AgentId) {
        self.world.with(|world| world.retire(self.thread, agent));
    }

    /// The thread's owner waits: the rest of the world goes on meanwhile.
    fn park(&mut self, max_ns: u64) {
        let until = self.world.with(|world| {
            if let Some(thread) = world.threads.get_mut(&self.thread) {
                thread.work.parks += 1;
            }
            world.now_ns + max_ns.min(world.settings.longest_idle_ns)
        });
        match self.schedule.upgrade() {
            Some(schedule) => {
                schedule::step(&self.world, &schedule, until);
            }
            // The simulation is gone; its world lasts as long as this backend.
            None => self.world.with(|world| world.jump(until, None)),
        }
    }

    fn order_turns(&mut self, slots: &mut [u16]) {
        self.world
            .with(|world| world.random.schedule.shuffle(slots));
    }

    fn run_others(&mut self) -> usize {
        let until = self.world.with(|world| world.now_ns + NESTED_JUMP_NS);
        match self.schedule.upgrade() {
            Some(schedule) => schedule::step(&self.world, &schedule, until),
            None => 0,
        }
    }

    fn is_lost(&self) -> bool {
        self.world.with(|world| !world.step(self.process))
    }

    fn work(&self) -> IoWork {
        self.world.with(|world| {
            let thread = world.threads.get(&self.thread);
            thread.map(|thread| thread.work).unwrap_or_default()
        })
    }
}

impl Drop for SimBackend {
    fn drop(&mut self) {
        self.world.with(|world| world.thread_gone(self.thread));
    }
}

/// Longest jump of time while a callback idles and nothing happens: its thread's other agents, whose wake-ups are not known
/// outside the thread, are late by no more.
const NESTED_JUMP_NS: u64 = 20_000;
