//! Counters that a client owns or listens to (spec 05 §2.6).

use std::sync::Arc;

use taranis_runtime::mem::counters::AtomicCounter;

use super::{lifeline::Lifeline, link::Link};

/// A counter of this client. Dropping it gives it back to the driver, unless it is static.
///
/// May be shared between threads. Once closed it is no longer written: its id may then be another counter's.
#[derive(Debug)]
pub struct Counter {
    pub(super) link: Arc<Link>,
    pub(super) registration_id: i64,
    pub(super) lifeline: Lifeline,
    pub(super) value: AtomicCounter,
    pub(super) is_static: bool,
}

impl Counter {
    /// Its id: where its value lies.
    pub fn id(&self) -> i32 {
        self.value.id()
    }

    /// Names it in the driver; of a static counter, the one it was added with.
    pub fn registration_id(&self) -> i64 {
        self.registration_id
    }

    /// Whether it outlives its client.
    pub fn is_static(&self) -> bool {
        self.is_static
    }

    /// Its value; 0 once it is closed.
    pub fn get(&self) -> i64 {
        let value = self.value.get();
        if self.is_closed() { 0 } else { value }
    }

    /// Stores a value. Release.
    pub fn set(&self, value: i64) {
        if !self.is_closed() {
            self.value.set(value);
        }
    }

    /// Adds atomically; returns the value before (0 once it is closed).
    pub fn add(&self, delta: i64) -> i64 {
        if self.is_closed() {
            0
        } else {
            self.value.add(delta)
        }
    }

    /// Adds 1 atomically; returns the value before (0 once it is closed).
    pub fn increment(&self) -> i64 {
        self.add(1)
    }

    /// Stores `update` if the value is `expected`; returns whether it was.
    pub fn compare_and_set(&self, expected: i64, update: i64) -> bool {
        !self.is_closed() && self.value.compare_and_set(expected, update)
    }

    /// Whether it was closed, by its owner or with its client.
    pub fn is_closed(&self) -> bool {
        self.lifeline.is_closed()
    }

    /// Gives it back now. Dropping does the same.
    pub fn close(&self) {
        if self.is_static {
            self.lifeline.latch().close();
        } else {
            self.lifeline.give_back(&self.link.signals, false);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.close();
    }
}

/// What happened to a counter of the driver, whoever's it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterEvent {
    /// It is there.
    Available {
        /// Its registration id; a client's id for its heartbeat counter.
        registration_id: i64,
        /// Its id.
        counter_id: i32,
    },
    /// It is about to be freed.
    Unavailable {
        /// Its registration id; a client's id for its heartbeat counter.
        registration_id: i64,
        /// Its id.
        counter_id: i32,
    },
}

/// Is told, on the conductor's thread, of all counters that come and go. As for an image handler: it must not block.
pub type CounterListener = Box<dyn FnMut(CounterEvent) + Send>;
