//! Handles on one counter's value (spec 01 §5.4).
//!
//! A handle never frees its counter: ids are the manager's. After a free the word belongs to the next counter of that id,
//! so the half that holds a handle gives it back before the manager frees (two-phase removal).

use super::layout::{ALLOCATED, Arrays, REGISTRATION_ID_OFFSET, STATE_OFFSET, Slot, VALUE_OFFSET};
use crate::mem::{
    region::OutOfRegion,
    word::{Word32, Word64},
};

/// The value of a counter with one writer: a position, or what one agent counts. Not `Clone`: whoever holds it is the writer.
#[derive(Debug)]
pub struct OwnedCounter {
    id: i32,
    value: Word64,
}

impl OwnedCounter {
    pub(super) fn of(arrays: &Arrays, id: i32, slot: Slot) -> Result<Self, OutOfRegion> {
        let value = arrays.values.word64(slot.value + VALUE_OFFSET)?;
        Ok(Self { id, value })
    }

    /// The counter's id.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// What was stored last.
    pub fn get(&self) -> i64 {
        self.value.load_relaxed()
    }

    /// Stores a value. Release: what was written before is visible to whoever reads it.
    pub fn set(&self, value: i64) {
        // SYNC counter-value: pairs with `ReadableCounter::get` and `Counter::value`.
        self.value.store_release(value);
    }

    /// Adds, without a read-modify-write; wraps.
    pub fn add(&self, delta: i64) {
        self.value.add_release(delta);
    }

    /// Adds 1.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Stores the value if it is larger than the last one; returns whether it was.
    pub fn propose_max(&self, value: i64) -> bool {
        self.value.propose_max_release(value)
    }
}

/// The value of a counter with several writers, in one process or more.
#[derive(Clone, Debug)]
pub struct AtomicCounter {
    id: i32,
    value: Word64,
}

impl AtomicCounter {
    pub(super) fn of(arrays: &Arrays, id: i32, slot: Slot) -> Result<Self, OutOfRegion> {
        let value = arrays.values.word64(slot.value + VALUE_OFFSET)?;
        Ok(Self { id, value })
    }

    /// The counter's id.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The value. Acquire.
    pub fn get(&self) -> i64 {
        self.value.load_acquire()
    }

    /// Stores a value, whatever others are adding. Release.
    pub fn set(&self, value: i64) {
        self.value.store_release(value);
    }

    /// Adds atomically, wrapping; returns the value before.
    pub fn add(&self, delta: i64) -> i64 {
        self.value.fetch_add(delta)
    }

    /// Adds 1 atomically; returns the value before.
    pub fn increment(&self) -> i64 {
        self.add(1)
    }

    /// Stores a value; returns the one before.
    pub fn get_and_set(&self, value: i64) -> i64 {
        self.value.fetch_set(value)
    }

    /// Stores `update` if the value is `expected`; returns whether it was.
    pub fn compare_and_set(&self, expected: i64, update: i64) -> bool {
        self.value.compare_and_set(expected, update)
    }
}

/// The value of another's counter, with the registration id it had when this handle was made.
#[derive(Clone, Debug)]
pub struct ReadableCounter {
    id: i32,
    registered_as: i64,
    value: Word64,
    registration_id: Word64,
    state: Word32,
}

impl ReadableCounter {
    pub(super) fn of(arrays: &Arrays, id: i32, slot: Slot) -> Result<Self, OutOfRegion> {
        let registration_id = arrays.values.word64(slot.value + REGISTRATION_ID_OFFSET)?;
        Ok(Self {
            id,
            registered_as: registration_id.load_acquire(),
            value: arrays.values.word64(slot.value + VALUE_OFFSET)?,
            state: arrays.metadata.word32(slot.metadata + STATE_OFFSET)?,
            registration_id,
        })
    }

    /// The counter's id.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The registration id the counter had when this handle was made.
    pub fn registration_id(&self) -> i64 {
        self.registered_as
    }

    /// The value now at this id, whoever's it is. Acquire.
    pub fn get(&self) -> i64 {
        // SYNC counter-value: pairs with `OwnedCounter::set`.
        self.value.load_acquire()
    }

    /// The value, if the counter was not freed, nor its id given to another counter meanwhile.
    pub fn get_if_alive(&self) -> Option<i64> {
        // SYNC counter-reuse: a value of the id's next counter brings that counter's registration id with it; pairs with
        // the release stores of `CountersManager::reset`.
        let value = self.value.load_acquire();
        self.is_alive().then_some(value)
    }

    /// Whether the counter is still the one this handle was made for.
    pub fn is_alive(&self) -> bool {
        self.registration_id.load_acquire() == self.registered_as
            && self.state.load_acquire() == ALLOCATED
    }
}
