//! The client's sign of life: a counter that the driver allocates with the client's first command (spec 05 §1.5).

use taranis_runtime::mem::counters::{AtomicCounter, CountersReader};

use crate::{
    client::error::ClientError,
    counters::{heartbeat_client_id, type_id},
};

/// What a client says of itself behind its name.
const VERSION_INFO: &str = concat!("version=1.52.2 commit=taranis-", env!("CARGO_PKG_VERSION"));

/// Finds the counter, then keeps it up.
#[derive(Debug)]
pub(super) struct Heartbeat {
    client_id: i64,
    client_name: String,
    counter: Option<AtomicCounter>,
}

impl Heartbeat {
    pub(super) fn new(client_id: i64, client_name: String) -> Self {
        Self {
            client_id,
            client_name,
            counter: None,
        }
    }

    /// Gives a sign of life; `false` while there is no counter yet.
    ///
    /// # Errors
    /// [`ClientError::HeartbeatCounterGone`] when the driver has taken it away: it is somebody else's to write now.
    pub(super) fn beat(
        &mut self,
        counters: &CountersReader,
        epoch_ms: i64,
    ) -> Result<bool, ClientError> {
        if let Some(counter) = &self.counter {
            let counter_id = counter.id();
            if !self.is_ours(counters, counter_id) {
                return Err(ClientError::HeartbeatCounterGone { counter_id });
            }
            counter.set(epoch_ms);
            return Ok(true);
        }
        let Some(counter) = self.find(counters) else {
            return Ok(false);
        };
        counter.set(epoch_ms);
        if let Some(label) = counters.label(counter.id()) {
            label.append(&format!(" name={} {VERSION_INFO}", self.client_name));
        }
        self.counter = Some(counter);
        Ok(true)
    }

    fn find(&self, counters: &CountersReader) -> Option<AtomicCounter> {
        let mut of_type = counters
            .iter()
            .filter(|counter| counter.type_id() == type_id::CLIENT_HEARTBEAT);
        let found =
            of_type.find(|counter| heartbeat_client_id(&counter.key()) == self.client_id)?;
        counters.atomic(found.id())
    }

    fn is_ours(&self, counters: &CountersReader, counter_id: i32) -> bool {
        counters.get(counter_id).is_some_and(|counter| {
            counter.type_id() == type_id::CLIENT_HEARTBEAT
                && heartbeat_client_id(&counter.key()) == self.client_id
        })
    }
}
