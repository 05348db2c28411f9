//! Giving counter ids out and taking them back (spec 01 §5.2, §5.3).

use std::collections::VecDeque;

use super::{
    AtomicCounter, Label, OwnedCounter, label,
    layout::{
        ALLOCATED, Arrays, BadCounters, DEADLINE_OFFSET, IN_USE, KEY_OFFSET, MAX_KEY_LEN,
        OWNER_ID_OFFSET, RECLAIMED, REFERENCE_ID_OFFSET, REGISTRATION_ID_OFFSET, STATE_OFFSET,
        Slot, TYPE_ID_OFFSET, VALUE_OFFSET,
    },
    reader::CountersReader,
};
use crate::mem::region::Region;

/// The one owner of a set of counters: the driver's conductor. Times are epoch ms and passed in.
///
/// What it decides by is its own: no process that maps the counters can make it give an id out twice.
#[derive(Debug)]
pub struct CountersManager {
    arrays: Arrays,
    free_to_reuse_timeout_ms: i64,
    /// By id, as far as ids were ever given out.
    allocated: Vec<bool>,
    /// Freed ids, the oldest first.
    freed: VecDeque<Freed>,
}

#[derive(Clone, Copy, Debug)]
struct Freed {
    id: i32,
    reusable_at_ms: i64,
}

impl CountersManager {
    /// A manager of no counters yet, over zeroed regions. A freed id rests for the timeout before it is given out again;
    /// 0 for not at all.
    ///
    /// # Errors
    /// [`BadCounters`] when there is no room for one counter, or less metadata than values.
    pub fn new(
        values: Region,
        metadata: Region,
        free_to_reuse_timeout_ms: i64,
    ) -> Result<Self, BadCounters> {
        Ok(Self {
            arrays: Arrays::new(values, metadata)?,
            free_to_reuse_timeout_ms,
            allocated: Vec::new(),
            freed: VecDeque::new(),
        })
    }

    /// Gives out a counter with value, registration, owner and reference id 0. Of the key the first 112 bytes are taken,
    /// of the label the first 380; the rest of the key is zero.
    ///
    /// # Errors
    /// [`CountersFull`] when no id is free.
    pub fn allocate(
        &mut self,
        now_ms: i64,
        type_id: i32,
        key: &[u8],
        label: &str,
    ) -> Result<i32, CountersFull> {
        let (id, slot) = self.next_id(now_ms)?;
        let metadata = &self.arrays.metadata;
        let at = slot.metadata;
        metadata.store_relaxed32(at + TYPE_ID_OFFSET, type_id);
        metadata.store_relaxed64(at + DEADLINE_OFFSET, IN_USE);
        let mut whole_key = [0; MAX_KEY_LEN];
        let key_len = key.len().min(MAX_KEY_LEN);
        whole_key[..key_len].copy_from_slice(&key[..key_len]);
        metadata.write_words(at + KEY_OFFSET, &whole_key);
        label::set(metadata, at, label);
        // SYNC counter-state: type, key and label are there; pairs with `CountersReader::state`.
        metadata.store_release32(at + STATE_OFFSET, ALLOCATED);
        Ok(id)
    }

    /// Takes a counter back. Its value, registration id and label stay until its id is given out again.
    ///
    /// # Errors
    /// [`NotAllocated`] when it is not given out.
    pub fn free(&mut self, now_ms: i64, counter_id: i32) -> Result<(), NotAllocated> {
        let at = self.slot(counter_id)?.metadata;
        let metadata = &self.arrays.metadata;
        metadata.store_release32(at + STATE_OFFSET, RECLAIMED);
        metadata.zero_words(at + KEY_OFFSET, MAX_KEY_LEN);
        let reusable_at_ms = now_ms.saturating_add(self.free_to_reuse_timeout_ms);
        metadata.store_relaxed64(at + DEADLINE_OFFSET, reusable_at_ms);
        self.allocated[counter_id as usize] = false;
        self.freed.push_back(Freed {
            id: counter_id,
            reusable_at_ms,
        });
        Ok(())
    }

    /// Stores the registration id, by which others find the counter.
    ///
    /// # Errors
    /// [`NotAllocated`] when it is not given out.
    pub fn set_registration_id(
        &mut self,
        counter_id: i32,
        registration_id: i64,
    ) -> Result<(), NotAllocated> {
        let at = self.slot(counter_id)?.value + REGISTRATION_ID_OFFSET;
        // SYNC counter-registration: pairs with `Counter::registration_id`.
        self.arrays.values.store_release64(at, registration_id);
        Ok(())
    }

    /// Stores the id of the client the counter belongs to; −1 for nobody.
    ///
    /// # Errors
    /// [`NotAllocated`] when it is not given out.
    pub fn set_owner_id(&mut self, counter_id: i32, owner_id: i64) -> Result<(), NotAllocated> {
        let at = self.slot(counter_id)?.value + OWNER_ID_OFFSET;
        self.arrays.values.store_relaxed64(at, owner_id);
        Ok(())
    }

    /// Stores the id of what the counter refers to.
    ///
    /// # Errors
    /// [`NotAllocated`] when it is not given out.
    pub fn set_reference_id(
        &mut self,
        counter_id: i32,
        reference_id: i64,
    ) -> Result<(), NotAllocated> {
        let at = self.slot(counter_id)?.value + REFERENCE_ID_OFFSET;
        self.arrays.values.store_relaxed64(at, reference_id);
        Ok(())
    }

    /// The handle of the counter's one writer.
    ///
    /// # Errors
    /// [`NotAllocated`] when it is not given out.
    pub fn owned(&self, counter_id: i32) -> Result<OwnedCounter, NotAllocated> {
        let slot = self.slot(counter_id)?;
        OwnedCounter::of(&self.arrays, counter_id, slot).map_err(|_| NotAllocated { counter_id })
    }

    /// A handle for a counter with several writers.
    ///
    /// # Errors
    /// [`NotAllocated`] when it is not given out.
    pub fn atomic(&self, counter_id: i32) -> Result<AtomicCounter, NotAllocated> {
        let slot = self.slot(counter_id)?;
        AtomicCounter::of(&self.arrays, counter_id, slot).map_err(|_| NotAllocated { counter_id })
    }

    /// The counter's label, for changing it.
    ///
    /// # Errors
    /// [`NotAllocated`] when it is not given out.
    pub fn label(&self, counter_id: i32) -> Result<Label, NotAllocated> {
        Ok(Label::of(&self.arrays, self.slot(counter_id)?))
    }

    /// Number of counters that could be allocated now.
    pub fn available(&self, now_ms: i64) -> usize {
        let never_used = self.arrays.capacity() as usize - self.allocated.len();
        let rested = |freed: &&Freed| freed.reusable_at_ms <= now_ms;
        never_used + self.freed.iter().filter(rested).count()
    }

    /// The largest id there is room for.
    pub fn max_counter_id(&self) -> i32 {
        self.arrays.capacity() - 1
    }

    /// A reader of the same counters.
    pub fn reader(&self) -> CountersReader {
        CountersReader::over(self.arrays.clone())
    }

    fn next_id(&mut self, now_ms: i64) -> Result<(i32, Slot), CountersFull> {
        let full = CountersFull {
            max_counter_id: self.max_counter_id(),
        };
        let rested = self
            .freed
            .iter()
            .position(|freed| freed.reusable_at_ms <= now_ms);
        if let Some(freed) = rested.and_then(|index| self.freed.remove(index)) {
            let slot = self.arrays.slot(freed.id).ok_or(full)?;
            self.reset(slot);
            self.allocated[freed.id as usize] = true;
            return Ok((freed.id, slot));
        }
        let id = i32::try_from(self.allocated.len()).map_err(|_| full)?;
        let slot = self.arrays.slot(id).ok_or(full)?;
        self.allocated.push(true);
        Ok((id, slot))
    }

    /// Removes what the id's last counter left.
    fn reset(&self, slot: Slot) {
        let values = &self.arrays.values;
        // SYNC counter-registration: a searcher never sees a stale one in an allocated counter.
        values.store_release64(slot.value + REGISTRATION_ID_OFFSET, 0);
        values.store_relaxed64(slot.value + OWNER_ID_OFFSET, 0);
        values.store_relaxed64(slot.value + REFERENCE_ID_OFFSET, 0);
        // SYNC counter-reuse: after the registration id; pairs with `ReadableCounter::get_if_alive`.
        values.store_release64(slot.value + VALUE_OFFSET, 0);
    }

    fn slot(&self, counter_id: i32) -> Result<Slot, NotAllocated> {
        let given_out = usize::try_from(counter_id)
            .ok()
            .and_then(|id| self.allocated.get(id))
            .is_some_and(|allocated| *allocated);
        self.arrays
            .slot(counter_id)
            .filter(|_| given_out)
            .ok_or(NotAllocated { counter_id })
    }
}

/// No counter id is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unable to allocate counter, buffer is full: maxCounterId={max_counter_id}")]
pub struct CountersFull {
    /// The largest id there is room for.
    pub max_counter_id: i32,
}

/// A counter id that is not given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("counter not allocated: id={counter_id}")]
pub struct NotAllocated {
    /// The id.
    pub counter_id: i32,
}
