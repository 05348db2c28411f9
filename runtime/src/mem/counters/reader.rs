//! Finding and reading counters (spec 01 §5.3).

use super::{
    AtomicCounter, Label, OwnedCounter, ReadableCounter, label,
    layout::{
        ALLOCATED, Arrays, BadCounters, KEY_OFFSET, MAX_KEY_LEN, OWNER_ID_OFFSET,
        REFERENCE_ID_OFFSET, REGISTRATION_ID_OFFSET, STATE_OFFSET, Slot, TYPE_ID_OFFSET, UNUSED,
        VALUE_OFFSET,
    },
};
use crate::mem::region::Region;

/// A view on a set of counters, in any process and thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CountersReader {
    arrays: Arrays,
}

impl CountersReader {
    /// A reader over the two regions.
    ///
    /// # Errors
    /// [`BadCounters`] when there is no room for one counter, or less metadata than values.
    pub fn open(values: Region, metadata: Region) -> Result<Self, BadCounters> {
        Ok(Self::over(Arrays::new(values, metadata)?))
    }

    pub(super) fn over(arrays: Arrays) -> Self {
        Self { arrays }
    }

    /// The largest id there is room for.
    pub fn max_counter_id(&self) -> i32 {
        self.arrays.capacity() - 1
    }

    /// What an id is used for; `None` when there is no room for such an id.
    pub fn state(&self, counter_id: i32) -> Option<State> {
        let slot = self.arrays.slot(counter_id)?;
        Some(self.state_at(slot))
    }

    /// The counter of that id, if it is allocated.
    pub fn get(&self, counter_id: i32) -> Option<Counter<'_>> {
        let slot = self.arrays.slot(counter_id)?;
        (self.state_at(slot) == State::Allocated).then_some(Counter {
            arrays: &self.arrays,
            id: counter_id,
            slot,
        })
    }

    /// All allocated counters, by id.
    pub fn iter(&self) -> impl Iterator<Item = Counter<'_>> {
        (0..self.arrays.capacity())
            .map_while(|id| {
                self.state(id)
                    .filter(|state| *state != State::Unused)
                    .map(|_| id)
            })
            .filter_map(|id| self.get(id))
    }

    /// The first allocated counter of that type and registration id. A counter becomes findable a moment after it was
    /// allocated: its registration id is stored last.
    pub fn find(&self, type_id: i32, registration_id: i64) -> Option<i32> {
        self.iter()
            .find(|counter| {
                counter.registration_id() == registration_id && counter.type_id() == type_id
            })
            .map(|counter| counter.id())
    }

    /// A handle for reading the value of an allocated counter often.
    pub fn readable(&self, counter_id: i32) -> Option<ReadableCounter> {
        let counter = self.get(counter_id)?;
        ReadableCounter::of(&self.arrays, counter_id, counter.slot).ok()
    }

    /// The handle of an allocated counter's one writer: for the client the counter was made for.
    pub fn owned(&self, counter_id: i32) -> Option<OwnedCounter> {
        let counter = self.get(counter_id)?;
        OwnedCounter::of(&self.arrays, counter_id, counter.slot).ok()
    }

    /// A writer's handle on an allocated counter: for the client the counter was made for.
    pub fn atomic(&self, counter_id: i32) -> Option<AtomicCounter> {
        let counter = self.get(counter_id)?;
        AtomicCounter::of(&self.arrays, counter_id, counter.slot).ok()
    }

    /// The label of an allocated counter, also for changing it: for the client the counter was made for.
    pub fn label(&self, counter_id: i32) -> Option<Label> {
        let counter = self.get(counter_id)?;
        Some(Label::of(&self.arrays, counter.slot))
    }

    fn state_at(&self, slot: Slot) -> State {
        // SYNC counter-state: pairs with `CountersManager::allocate`.
        match self
            .arrays
            .metadata
            .load_acquire32(slot.metadata + STATE_OFFSET)
        {
            UNUSED => State::Unused,
            ALLOCATED => State::Allocated,
            _ => State::Reclaimed,
        }
    }
}

/// What a counter id is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing yet, nor any larger id.
    Unused,
    /// A counter.
    Allocated,
    /// A counter that was freed.
    Reclaimed,
}

/// One allocated counter. It may be freed, and its id reused, at any time: compare the registration id afterwards.
#[derive(Clone, Debug)]
pub struct Counter<'a> {
    arrays: &'a Arrays,
    id: i32,
    slot: Slot,
}

impl Counter<'_> {
    /// Its id.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Its type.
    pub fn type_id(&self) -> i32 {
        let at = self.slot.metadata + TYPE_ID_OFFSET;
        self.arrays.metadata.load_relaxed32(at)
    }

    /// Its value.
    pub fn value(&self) -> i64 {
        // SYNC counter-value: pairs with `OwnedCounter::set`.
        let at = self.slot.value + VALUE_OFFSET;
        self.arrays.values.load_acquire64(at)
    }

    /// What it was registered as; 0 when that was not stored yet.
    pub fn registration_id(&self) -> i64 {
        // SYNC counter-registration: pairs with `CountersManager::set_registration_id`.
        let at = self.slot.value + REGISTRATION_ID_OFFSET;
        self.arrays.values.load_acquire64(at)
    }

    /// The client it belongs to.
    pub fn owner_id(&self) -> i64 {
        let at = self.slot.value + OWNER_ID_OFFSET;
        self.arrays.values.load_relaxed64(at)
    }

    /// What it refers to.
    pub fn reference_id(&self) -> i64 {
        let at = self.slot.value + REFERENCE_ID_OFFSET;
        self.arrays.values.load_relaxed64(at)
    }

    /// Its key, filled up with zeros.
    pub fn key(&self) -> [u8; MAX_KEY_LEN] {
        let mut key = [0; MAX_KEY_LEN];
        self.arrays
            .metadata
            .read_words(self.slot.metadata + KEY_OFFSET, &mut key);
        key
    }

    /// Its label. Allocates: for tools.
    pub fn label(&self) -> String {
        label::text(&self.arrays.metadata, self.slot.metadata)
    }
}
