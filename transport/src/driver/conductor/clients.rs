//! Clients: their heartbeats, what they hold, and their end (spec 04 §2.4).

use super::{
    core::Core,
    counters::{Allocated, Ids},
    reply::Refusal,
};
use crate::{
    command::{ErrorCode, Event},
    counters::{SystemCounter, heartbeat_key, heartbeat_label, type_id},
};

/// One client, from its first command that creates something.
#[derive(Debug)]
pub(crate) struct Client {
    heartbeat: Allocated,
    publications: Vec<PublicationLink>,
    counters: Vec<ClientCounter>,
    is_closed: bool,
}

/// A client's hold on a publication.
#[derive(Clone, Copy, Debug)]
struct PublicationLink {
    registration_id: i64,
    publication: PublicationRef,
}

/// A publication by its original registration id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublicationRef {
    Ipc(i64),
    Network(i64),
}

#[derive(Clone, Copy, Debug)]
struct ClientCounter {
    registration_id: i64,
    counter_id: i32,
}

impl Core {
    /// The client, known from now on; its heartbeat counter is announced before any answer to its command.
    pub(super) fn client(&mut self, client_id: i64) -> Result<&mut Client, Refusal> {
        if !self.clients.contains_key(client_id) {
            let ids = Ids {
                registration_id: client_id,
                owner_id: client_id,
                reference_id: 0,
            };
            let (key, label) = (heartbeat_key(client_id), heartbeat_label(client_id));
            let now_ms = self.now_ms();
            let heartbeat = self.counters.allocate(
                now_ms,
                type_id::CLIENT_HEARTBEAT,
                (&key, &label),
                ids,
                now_ms,
            )?;
            self.reply.send(&Event::CounterReady {
                correlation_id: client_id,
                counter_id: heartbeat.id,
            });
            let client = Client {
                heartbeat,
                publications: Vec::new(),
                counters: Vec::new(),
                is_closed: false,
            };
            self.clients.insert(client_id, client);
        }
        Ok(self
            .clients
            .get_mut(client_id)
            .expect("it was inserted above"))
    }

    /// A client holds a publication from now on.
    pub(super) fn hold(
        &mut self,
        client_id: i64,
        registration_id: i64,
        publication: PublicationRef,
    ) -> Result<(), Refusal> {
        self.client(client_id)?.publications.push(PublicationLink {
            registration_id,
            publication,
        });
        Ok(())
    }

    /// A client lets go of a publication: which one it was.
    pub(super) fn let_go(
        &mut self,
        client_id: i64,
        registration_id: i64,
    ) -> Result<PublicationRef, Refusal> {
        let unknown = || {
            unknown(
                ErrorCode::UnknownPublication,
                "publication",
                client_id,
                registration_id,
            )
        };
        let client = self.clients.get_mut(client_id).ok_or_else(unknown)?;
        let is_it = |link: &PublicationLink| link.registration_id == registration_id;
        let at = client
            .publications
            .iter()
            .position(is_it)
            .ok_or_else(unknown)?;
        Ok(client.publications.remove(at).publication)
    }

    pub(super) fn add_counter(
        &mut self,
        (client_id, correlation_id): (i64, i64),
        type_id: i32,
        key: &[u8],
        label: &[u8],
    ) -> Result<(), Refusal> {
        self.client(client_id)?;
        let ids = Ids {
            registration_id: correlation_id,
            owner_id: client_id,
            reference_id: 0,
        };
        let label = String::from_utf8_lossy(label);
        let now_ms = self.now_ms();
        let counter_id = self
            .counters
            .allocate(now_ms, type_id, (key, &label), ids, 0)?
            .id;
        let counter = ClientCounter {
            registration_id: correlation_id,
            counter_id,
        };
        self.client(client_id)?.counters.push(counter);
        self.reply.send(&Event::CounterReady {
            correlation_id,
            counter_id,
        });
        Ok(())
    }

    pub(super) fn add_static_counter(
        &mut self,
        (client_id, correlation_id): (i64, i64),
        registration_id: i64,
        (type_id, key, label): (i32, &[u8], &[u8]),
    ) -> Result<(), Refusal> {
        self.client(client_id)?;
        let counter_id = match self.counters.find(type_id, registration_id) {
            Some((counter_id, true)) => counter_id,
            Some((counter_id, false)) => {
                let text = format!(
                    "cannot add static counter, because a non-static counter exists (counterId={counter_id}) \
                     for typeId={type_id} and registrationId={registration_id}"
                );
                return Err(Refusal::new(ErrorCode::GenericError, text));
            }
            None => {
                let ids = Ids {
                    registration_id,
                    owner_id: super::counters::NO_OWNER,
                    reference_id: 0,
                };
                let label = String::from_utf8_lossy(label);
                self.counters
                    .allocate(self.now.epoch_ms(), type_id, (key, &label), ids, 0)?
                    .id
            }
        };
        self.reply.send(&Event::StaticCounter {
            correlation_id,
            counter_id,
        });
        Ok(())
    }

    pub(super) fn remove_counter(
        &mut self,
        (client_id, correlation_id): (i64, i64),
        registration_id: i64,
    ) -> Result<(), Refusal> {
        let unknown = || {
            unknown(
                ErrorCode::UnknownCounter,
                "counter",
                client_id,
                registration_id,
            )
        };
        let client = self.clients.get_mut(client_id).ok_or_else(unknown)?;
        let is_it = |counter: &ClientCounter| counter.registration_id == registration_id;
        let at = client.counters.iter().position(is_it).ok_or_else(unknown)?;
        let counter = client.counters.remove(at);
        self.reply.success(correlation_id);
        self.free_client_counter(registration_id, counter.counter_id);
        Ok(())
    }

    /// A client that is not known sends no sign of life.
    pub(super) fn keepalive(&mut self, client_id: i64) {
        let now_ms = self.now_ms();
        if let Some(client) = self.clients.get_mut(client_id) {
            client.heartbeat.word.store_release(now_ms);
        }
    }

    /// The client says that it goes; the timer cleans up.
    pub(super) fn close_client(&mut self, client_id: i64) {
        if let Some(client) = self.clients.get_mut(client_id) {
            client.heartbeat.word.store_release(0);
            client.is_closed = true;
        }
    }

    /// Timer: lets go of clients that closed or were not heard of.
    pub(super) fn check_clients(&mut self) {
        let liveness_ms = (self.settings.client_liveness_timeout.0 / 1_000_000).max(1);
        let now_ms = self.now_ms();
        let gone: Vec<(i64, bool)> = self
            .clients
            .iter()
            .filter(|(_, client)| {
                client.is_closed
                    || now_ms
                        > client
                            .heartbeat
                            .word
                            .load_acquire()
                            .saturating_add(liveness_ms)
            })
            .map(|(client_id, client)| (client_id, client.is_closed))
            .collect();
        for (client_id, is_closed) in gone {
            if !is_closed {
                self.counters
                    .system(SystemCounter::ClientTimeouts)
                    .increment();
                self.reply.send(&Event::ClientTimeout { client_id });
            }
            self.delete_client(client_id);
        }
    }

    fn delete_client(&mut self, client_id: i64) {
        let Some(client) = self.clients.remove(client_id) else {
            return;
        };
        for link in client.publications {
            self.release_publication(link.publication, false);
        }
        for counter in client.counters {
            self.free_client_counter(counter.registration_id, counter.counter_id);
        }
        self.remove_subscriptions_of(client_id);
        self.free_client_counter(client_id, client.heartbeat.id);
    }

    fn free_client_counter(&mut self, registration_id: i64, counter_id: i32) {
        self.reply.send(&Event::UnavailableCounter {
            registration_id,
            counter_id,
        });
        self.counters.free(self.now.epoch_ms(), counter_id);
    }

    /// One hold on a publication less; `revoke` drops what was not sent yet.
    pub(super) fn release_publication(&mut self, publication: PublicationRef, revoke: bool) {
        match publication {
            PublicationRef::Ipc(id) => self.release_ipc(id, revoke),
            PublicationRef::Network(id) => self.release_network(id, revoke),
        }
    }
}

fn unknown(code: ErrorCode, what: &str, client_id: i64, registration_id: i64) -> Refusal {
    Refusal::new(
        code,
        format!("unknown {what} client_id={client_id} registration_id={registration_id}"),
    )
}
