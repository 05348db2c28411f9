//! An agent whose turns are a closure, and short ways to make processes of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    invoker::Invoker,
    io::{Chore, SocketOptions},
    sim::{HostId, Place, ProcessId, Simulation},
};

/// Does in each turn what a closure says.
pub(crate) struct Script<F> {
    turn: F,
    may_idle: bool,
}

impl<F> Script<F>
where
    F: FnMut(&mut Cycle<'_>) -> Result<Turn, Fault> + Send + 'static,
{
    pub(crate) fn agent(turn: F) -> Box<dyn Agent> {
        Box::new(Self {
            turn,
            may_idle: false,
        })
    }

    pub(crate) fn idler(turn: F) -> Box<dyn Agent> {
        Box::new(Self {
            turn,
            may_idle: true,
        })
    }
}

impl<F> Agent for Script<F>
where
    F: FnMut(&mut Cycle<'_>) -> Result<Turn, Fault> + Send,
{
    fn name(&self) -> &str {
        "script"
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        (self.turn)(cycle)
    }

    fn may_idle(&self) -> bool {
        self.may_idle
    }
}

/// A thread of these agents.
pub(crate) fn thread(place: &mut Place, agents: Vec<Box<dyn Agent>>) -> Invoker {
    Invoker::new(
        agents,
        place.backend(),
        place.rng(),
        place.halt(),
        place.fault_handler(),
    )
}

/// Starts a process of one thread.
pub(crate) fn start(
    simulation: &mut Simulation,
    name: &str,
    host: HostId,
    agents: Vec<Box<dyn Agent>>,
) -> ProcessId {
    simulation.start(name, host, |place| vec![thread(place, agents)])
}

/// The address of host number `host`.
pub(crate) fn ip(host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, host))
}

pub(crate) fn at(host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(ip(host), port)
}

pub(crate) fn bind(local: SocketAddr) -> Chore {
    Chore::Bind {
        local,
        options: SocketOptions::UNICAST,
    }
}

pub(crate) const SECOND_NS: u64 = 1_000_000_000;
