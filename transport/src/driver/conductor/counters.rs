//! The driver's counters: its own, those of streams and channels, and those of clients (spec 02 §7).

use taranis_runtime::mem::{
    Word64,
    counters::{AtomicCounter, BadCounters, CountersManager},
};

use super::reply::Refusal;
use crate::{
    cnc::Cnc,
    command::ErrorCode,
    counters::{ChannelKey, LocalSocketAddressKey, StreamKey, SystemCounter, type_id},
};

/// Owner of counters that belong to no client.
pub(crate) const NO_OWNER: i64 = -1;

/// Gives out and takes back counters. Single owner: the conductor.
pub(crate) struct DriverCounters {
    manager: CountersManager,
    cnc: Cnc,
    system: Vec<AtomicCounter>,
}

/// A counter of the driver's: its id, and its value as a word for the half that writes it.
#[derive(Clone, Debug)]
pub(crate) struct Allocated {
    pub(crate) id: i32,
    pub(crate) word: Word64,
}

/// Whose counter, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    pub(crate) registration_id: i64,
    pub(crate) owner_id: i64,
    pub(crate) reference_id: i64,
}

impl DriverCounters {
    /// Lays out the counters and allocates the driver's own first, so that their ids are their numbers.
    pub(crate) fn new(cnc: &Cnc, free_to_reuse_ms: i64, now_ms: i64) -> Result<Self, BadCounters> {
        let (values, metadata) = (
            cnc.counters_values().clone(),
            cnc.counters_metadata().clone(),
        );
        let manager = CountersManager::new(values, metadata, free_to_reuse_ms)?;
        let mut counters = Self {
            manager,
            cnc: cnc.clone(),
            system: Vec::new(),
        };
        for counter in SystemCounter::ALL {
            let ids = Ids {
                registration_id: counter.id().into(),
                owner_id: NO_OWNER,
                reference_id: 0,
            };
            let allocated = counters.allocate(
                now_ms,
                type_id::SYSTEM,
                (&counter.key(), counter.label()),
                ids,
                0,
            );
            let id = allocated.map_or_else(|_| counter.id(), |allocated| allocated.id);
            let handle = counters
                .manager
                .atomic(id)
                .expect("a fresh counters buffer has room for the driver's own");
            counters.system.push(handle);
        }
        Ok(counters)
    }

    /// One of the driver's own, for any thread.
    pub(crate) fn system(&self, counter: SystemCounter) -> &AtomicCounter {
        &self.system[counter.id() as usize]
    }

    /// The value of one of the driver's own, as a word.
    pub(crate) fn system_word(&self, counter: SystemCounter) -> Word64 {
        self.cnc
            .counter_value(counter.id())
            .expect("the driver's own counters exist")
    }

    /// Appends to the label of one of the driver's own.
    pub(crate) fn append_label(&self, counter: SystemCounter, text: &str) {
        if let Ok(label) = self.manager.label(counter.id()) {
            label.append(text);
        }
    }

    pub(crate) fn allocate(
        &mut self,
        now_ms: i64,
        type_id: i32,
        (key, label): (&[u8], &str),
        ids: Ids,
        value: i64,
    ) -> Result<Allocated, Refusal> {
        let full = |error: taranis_runtime::mem::counters::CountersFull| {
            Refusal::new(ErrorCode::GenericError, error.to_string())
        };
        let id = self
            .manager
            .allocate(now_ms, type_id, key, label)
            .map_err(full)?;
        let word = self
            .cnc
            .counter_value(id)
            .expect("an allocated counter lies inside the values");
        word.store_release(value);
        let set = self.manager.set_owner_id(id, ids.owner_id).and_then(|()| {
            self.manager.set_reference_id(id, ids.reference_id)?;
            self.manager.set_registration_id(id, ids.registration_id)
        });
        debug_assert!(set.is_ok(), "it was allocated above");
        Ok(Allocated { id, word })
    }

    /// A counter about one stream.
    pub(crate) fn stream(
        &mut self,
        now_ms: i64,
        (type_id, name): (i32, &str),
        key: &StreamKey<'_>,
        ids: Ids,
        value: i64,
    ) -> Result<Allocated, Refusal> {
        let join = (type_id == type_id::SUBSCRIBER_POSITION).then_some(value);
        self.allocate(
            now_ms,
            type_id,
            (&key.encode(), &key.label(name, join)),
            ids,
            value,
        )
    }

    /// The status of a channel, ACTIVE, and the address its socket is bound to.
    pub(crate) fn channel(
        &mut self,
        now_ms: i64,
        (type_id, name): (i32, &str),
        channel: &str,
        bound: &str,
        registration_id: i64,
    ) -> Result<Allocated, Refusal> {
        let key = ChannelKey {
            channel: channel.as_bytes(),
        };
        let ids = Ids {
            registration_id,
            owner_id: 0,
            reference_id: 0,
        };
        self.allocate(
            now_ms,
            type_id,
            (&key.encode(), &key.status_label(name, bound)),
            ids,
            1,
        )
    }

    /// The address that a channel's socket is bound to.
    pub(crate) fn local_address(
        &mut self,
        now_ms: i64,
        name: &str,
        channel_status_id: i32,
        address: &str,
        registration_id: i64,
    ) -> Result<Allocated, Refusal> {
        let key = LocalSocketAddressKey {
            channel_status_id,
            address: address.as_bytes(),
        };
        let ids = Ids {
            registration_id,
            owner_id: 0,
            reference_id: 0,
        };
        self.allocate(
            now_ms,
            type_id::LOCAL_SOCKET_ADDRESS,
            (&key.encode(), &key.label(name)),
            ids,
            1,
        )
    }

    /// Takes a counter back; one that is not given out is nothing to take.
    pub(crate) fn free(&mut self, now_ms: i64, counter_id: i32) {
        let freed = self.manager.free(now_ms, counter_id);
        debug_assert!(freed.is_ok(), "counter {counter_id} is freed once");
    }

    /// A static counter that exists: its id, and whether it belongs to nobody, as static ones do.
    pub(crate) fn find(&self, type_id: i32, registration_id: i64) -> Option<(i32, bool)> {
        let reader = self.manager.reader();
        let id = reader.find(type_id, registration_id)?;
        Some((id, reader.get(id)?.owner_id() == NO_OWNER))
    }
}
