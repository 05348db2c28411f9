//! What the conductor owns: its tables, and the few things that every verb needs.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use taranis_runtime::{clock::Now, cycle::Rng, idmap::IdMap, io::Chore};

use super::{
    clients::Client,
    counters::DriverCounters,
    endpoints::{ReceiveEndpoint, SendEndpoint},
    images::PublicationImage,
    ipc::IpcPublication,
    network::NetworkPublication,
    reply::Reply,
    subscriptions::Subscription,
};
use crate::{
    cnc::NewCnc,
    driver::{
        context::DriverSettings,
        delegates::{Outbox, ToReceiver, ToSender},
    },
    uri::CanonicalSuffixes,
};

/// The conductor's tables. Verbs stand beside their nouns (`ipc.rs`, `network.rs`, `images.rs`, …); each keeps to its own
/// table and calls the others' named queries.
pub(crate) struct Core {
    pub(in crate::driver) settings: DriverSettings,
    pub(in crate::driver) directory: PathBuf,
    pub(in crate::driver) cnc: NewCnc,
    pub(in crate::driver) counters: DriverCounters,
    pub(in crate::driver) reply: Reply,
    pub(in crate::driver) now: Now,
    pub(in crate::driver) rng: Rng,

    pub(in crate::driver) clients: IdMap<Client>,
    pub(in crate::driver) ipc: IdMap<IpcPublication>,
    pub(in crate::driver) network: IdMap<NetworkPublication>,
    pub(in crate::driver) images: IdMap<PublicationImage>,
    pub(in crate::driver) subscriptions: Vec<Subscription>,
    pub(in crate::driver) send_endpoints: IdMap<SendEndpoint>,
    pub(in crate::driver) receive_endpoints: IdMap<ReceiveEndpoint>,

    pub(in crate::driver) suffixes: CanonicalSuffixes,
    pub(in crate::driver) next_session_id: i32,
    pub(in crate::driver) next_endpoint_id: i64,
    pub(in crate::driver) next_receiver_id: i64,

    pub(in crate::driver) to_sender: Outbox<ToSender>,
    pub(in crate::driver) to_receiver: Outbox<ToReceiver>,
    /// Chores whose outcome nobody waits for: unlinks and frees.
    pub(in crate::driver) loose_chores: VecDeque<Chore>,
    /// A client asked for the driver's end, and may.
    pub(in crate::driver) wants_end: bool,
}

impl Core {
    pub(super) fn now_ns(&self) -> i64 {
        self.now.mono_ns
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.now.epoch_ms()
    }

    pub(super) fn publication_path(&self, registration_id: i64) -> PathBuf {
        log_path(&self.directory, "publications", registration_id)
    }

    pub(super) fn image_path(&self, correlation_id: i64) -> PathBuf {
        log_path(&self.directory, "images", correlation_id)
    }

    /// A new id for something that no command named: an endpoint.
    pub(super) fn endpoint_id(&mut self) -> i64 {
        self.next_endpoint_id += 1;
        self.next_endpoint_id
    }

    /// Unmaps a log and removes its file, elsewhere: it may block.
    pub(super) fn free_log(&mut self, path: PathBuf, region: taranis_runtime::mem::Region) {
        let mapped = self
            .counters
            .system(crate::counters::SystemCounter::BytesCurrentlyMapped);
        mapped.add(-(region.len() as i64));
        self.loose_chores.push_back(Chore::Unlink { path });
        self.loose_chores.push_back(Chore::Free { region });
    }

    /// Whether one more client command may be taken: each queue has room for the worst it can cause.
    pub(super) fn has_room(&self) -> bool {
        self.to_sender.has_room() && self.to_receiver.has_room() && self.loose_chores.len() < 64
    }

    /// The session id for a new publication: the first after the last one that `is_used` does not know (04 §2.5).
    pub(super) fn take_session_id(&mut self, is_used: impl Fn(&Self, i32) -> bool) -> i32 {
        let mut id = self.unreserved(self.next_session_id);
        while is_used(self, id) {
            id = self.unreserved(id.wrapping_add(1));
        }
        self.next_session_id = id.wrapping_add(1);
        id
    }

    fn unreserved(&self, id: i32) -> i32 {
        let low = self.settings.publication_reserved_session_id_low;
        let high = self.settings.publication_reserved_session_id_high;
        if (low..=high).contains(&id) {
            high.wrapping_add(1)
        } else {
            id
        }
    }
}

fn log_path(directory: &Path, folder: &str, id: i64) -> PathBuf {
    directory.join(folder).join(format!("{id}.logbuffer"))
}
