//! What is going to happen, by time.

use std::collections::BTreeMap;

use super::{
    ProcessId,
    act::Act,
    network::{Packet, SocketId},
    operation::Operation,
};

/// Something that happens at its time.
#[derive(Debug)]
pub(super) enum Event {
    /// A datagram is at the end of its way.
    Arrive(Packet),
    /// News of a datagram that found no socket is back at its sender.
    Refuse(SocketId),
    /// An operation takes place.
    Finish(Operation),
    /// Something is done to the world.
    Act(Act),
}

/// The events to come, in order of time and, at one time, of their planning.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    events: BTreeMap<(u64, u64), Event>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at_ns: u64, event: Event) {
        self.events.insert((at_ns, self.planned), event);
        self.planned += 1;
    }

    /// The first event that is due at `now_ns`, and its time.
    pub(super) fn pop_due(&mut self, now_ns: u64) -> Option<(u64, Event)> {
        let first = self.events.first_entry()?;
        let at = first.key().0;
        (at <= now_ns).then(|| (at, first.remove()))
    }

    /// When the next event is due.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes a process's operations out, in order.
    pub(super) fn take_operations_of(&mut self, process: ProcessId) -> Vec<Operation> {
        let all = self.events.iter();
        let theirs = all.filter(
            |(_, event)| matches!(event, Event::Finish(operation) if operation.process == process),
        );
        let keys: Vec<_> = theirs.map(|(key, _)| *key).collect();
        let theirs = keys.iter().filter_map(|key| self.events.remove(key));
        let theirs = theirs.filter_map(|event| match event {
            Event::Finish(operation) => Some(operation),
            Event::Arrive(_) | Event::Refuse(_) | Event::Act(_) => None,
        });
        theirs.collect()
    }
}
