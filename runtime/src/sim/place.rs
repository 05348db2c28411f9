//! Where a simulated process runs: what a node's factory is given in place of the system.

use std::sync::{Arc, Weak};

use super::{
    HostId, ProcessId, backend::SimBackend, names::HostNames, one_thread::OneThread,
    schedule::Schedule, world::World,
};
use crate::{
    clock::Now,
    cycle::Rng,
    halt::Halt,
    invoker::{BackendMaker, FaultHandler},
    mem::{NameSource, Names},
};

/// One life of a process in the world: makes a backend per thread, and gives names, random numbers and the halt.
pub struct Place {
    world: World,
    schedule: Weak<OneThread<Schedule>>,
    process: ProcessId,
    host: HostId,
    rng: Rng,
}

impl Place {
    pub(super) fn new(
        world: &World,
        schedule: &Arc<OneThread<Schedule>>,
        process: ProcessId,
    ) -> Self {
        let (host, rng) = world.with(|world| {
            let name = world.process(process).name.clone();
            let life = world.lives_of(&name);
            let rng = world.random.named(&format!("{name}#{life}"));
            (world.process(process).host, rng)
        });
        Self {
            world: world.clone(),
            schedule: Arc::downgrade(schedule),
            process,
            host,
            rng,
        }
    }

    /// The process.
    pub fn process(&self) -> ProcessId {
        self.process
    }

    /// Its host.
    pub fn host(&self) -> HostId {
        self.host
    }

    /// Shared memory on its host.
    pub fn names(&self) -> Names {
        Names::new(self.name_source())
    }

    /// The same as where they lead, for start-up code, which may create.
    pub fn name_source(&self) -> Arc<dyn NameSource> {
        Arc::new(HostNames::new(self.world.clone(), self.host))
    }

    /// The clocks of its host, for start-up code.
    pub fn now(&self) -> Now {
        self.world.with(|world| world.now_of(self.host))
    }

    /// Makes the backend of one more thread. Chores are the world's: it needs no chore agent, and one that a layout has
    /// stays idle.
    pub fn backend(&self) -> BackendMaker {
        let (world, schedule) = (self.world.clone(), self.schedule.clone());
        let (names, process) = (self.names(), self.process);
        let thread = world.with(|world| world.new_thread());
        Box::new(move || Box::new(SimBackend::new(world, schedule, names, process, thread)))
    }

    /// Random numbers for one more thread. They depend on the seed, the process's name and how often it was started.
    pub fn rng(&mut self) -> Rng {
        self.rng.fork()
    }

    /// What stops this process.
    pub fn halt(&self) -> Halt {
        self.world
            .with(|world| world.process(self.process).halt.clone())
    }

    /// Keeps faults for the simulation's `faults` and the trace.
    pub fn fault_handler(&self) -> FaultHandler {
        let (world, process) = (self.world.clone(), self.process);
        Box::new(move |agent, fault| {
            let text = format!("{agent}: {fault}");
            world.with(|world| world.note_fault(process, text));
        })
    }
}
