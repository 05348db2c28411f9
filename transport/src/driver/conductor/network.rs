//! Network publications: limits, life, spies (spec 03 §2.9, §2.10; 04 §2.7, §2.8).

use super::{
    clients::PublicationRef,
    core::Core,
    counters::Allocated,
    links::Source,
    publication_log::{PublicationLog, window},
    subscribers::Subscribers,
};
use crate::{
    counters::SystemCounter,
    driver::{
        delegates::{SendEndpointId, ToSender},
        stream_state::ConductorState,
    },
    uri::{PublicationParams, UdpChannel},
};

/// The conductor's half of a network publication.
#[derive(Debug)]
pub(crate) struct NetworkPublication {
    pub(crate) registration_id: i64,
    pub(crate) session_id: i32,
    pub(crate) stream_id: i32,
    pub(crate) endpoint: SendEndpointId,
    pub(crate) is_exclusive: bool,
    pub(crate) params: PublicationParams,
    pub(crate) log: PublicationLog,
    pub(crate) spies: Subscribers,
    pub(crate) counters: NetworkCounters,
    state: State,
    shared: ConductorState,
    holders: usize,
    last_activity_ns: i64,
    furthest_spy: i64,
}

/// Counters of a network publication besides its log's.
#[derive(Debug)]
pub(crate) struct NetworkCounters {
    pub(crate) sender_position: Allocated,
    pub(crate) sender_limit: Allocated,
    pub(crate) back_pressure: Allocated,
    pub(crate) naks_received: Allocated,
    pub(crate) receivers: Option<Allocated>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Draining,
    Linger,
    /// The sender was asked to release it.
    Done,
}

impl NetworkPublication {
    pub(crate) fn new(
        (registration_id, session_id, stream_id): (i64, i32, i32),
        (endpoint, is_exclusive): (SendEndpointId, bool),
        params: PublicationParams,
        log: PublicationLog,
        counters: NetworkCounters,
        shared: ConductorState,
    ) -> Self {
        let furthest_spy = log.producer_position();
        Self {
            registration_id,
            session_id,
            stream_id,
            endpoint,
            is_exclusive,
            params,
            log,
            spies: Subscribers::default(),
            counters,
            state: State::Active,
            shared,
            holders: 0,
            last_activity_ns: 0,
            furthest_spy,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Whether its session id is taken.
    pub(crate) fn holds_session(&self) -> bool {
        self.state != State::Done
    }

    pub(crate) fn hold(&mut self) {
        self.holders += 1;
    }

    pub(crate) fn accepts_spy(&self) -> bool {
        match self.state {
            State::Active => true,
            State::Draining => {
                self.spies.has_working() && self.log.producer_position() > self.spy_join_position()
            }
            State::Linger | State::Done => false,
        }
    }

    /// A spy joins where the sender is.
    pub(crate) fn spy_join_position(&self) -> i64 {
        self.counters.sender_position.word.load_acquire()
    }

    /// Each cycle: shows the position, cleans, raises the limit, tells the sender of spies.
    fn update(&mut self) {
        if self.state != State::Active {
            return;
        }
        self.log.show_position();
        let sent = self.counters.sender_position.word.load_acquire();
        let is_connected = self.refresh_connected();
        self.tell_spies();
        if is_connected {
            let slowest = self.spies.min_working().map_or(sent, |spy| spy.min(sent));
            self.raise_limit(slowest);
        } else if self.log.current_limit() > sent {
            self.log.set_limit(sent);
            self.log
                .clean(sent - i64::from(self.params.term_length.value));
        }
    }

    /// Whether somebody receives, or spies stand in for receivers; shown in the log's metadata.
    fn refresh_connected(&self) -> bool {
        let spied = self.params.spies_simulate_connection && self.spies.has_working();
        let is_connected = self.shared.has_receivers() || spied;
        self.log.status.set_connected(is_connected);
        is_connected
    }

    fn tell_spies(&mut self) {
        if let Some(furthest) = self.spies.max_working() {
            self.furthest_spy = self.furthest_spy.max(furthest);
            self.shared.set_spies(Some(self.furthest_spy));
        } else {
            self.shared.set_spies(None);
        }
    }

    /// Cleans first, then raises the limit, and never over a partition that is still dirty (03 §2.9.3).
    fn raise_limit(&mut self, slowest: i64) {
        let limit = slowest + window(&self.params);
        if limit <= self.log.current_limit() {
            return;
        }
        let term_length = i64::from(self.params.term_length.value);
        self.log.clean(slowest - term_length);
        let cleaned = self.log.cleaned_to();
        let shape = self.log.shape();
        let terms_apart = shape.place(limit).term_count - shape.place(cleaned).term_count;
        let is_at_term_start = shape.place(cleaned).offset == 0;
        if terms_apart < 2 || (terms_apart == 2 && !is_at_term_start) {
            self.log.set_limit(limit);
        }
    }

    fn release(&mut self, revoke: bool, now_ns: i64) {
        if revoke {
            self.log.status.set_publication_revoked();
        }
        self.holders = self.holders.saturating_sub(1);
        if self.holders > 0 {
            return;
        }
        let position = self.log.producer_position();
        self.last_activity_ns = now_ns;
        self.log.set_limit(position);
        self.log.status.set_end_of_stream_position(position);
        if !self.log.is_revoked() {
            if self.spy_join_position() >= position {
                self.shared.set_end_of_stream();
            }
            self.state = State::Draining;
        }
    }

    fn revoke(&mut self) {
        let position = self.log.producer_position();
        self.log.set_limit(position);
        self.log.status.set_end_of_stream_position(position);
        self.log.status.set_connected(false);
        self.shared.set_end_of_stream();
        self.state = State::Linger;
    }

    /// Whether a draining publication has nothing more to wait for.
    fn is_drained(&mut self) -> Drained {
        let position = self.log.show_position();
        let sent = self.spy_join_position();
        if position > sent {
            if self.log.unblock(sent) {
                return Drained::Unblocked;
            }
            if self.shared.has_receivers() {
                return Drained::No;
            }
        } else {
            self.shared.set_end_of_stream();
        }
        if self.spies.are_drained(position) {
            Drained::Yes
        } else {
            Drained::No
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drained {
    No,
    Unblocked,
    Yes,
}

impl Core {
    /// Each cycle.
    pub(super) fn update_network(&mut self) {
        self.network
            .for_each_mut(|_, publication| publication.update());
    }

    pub(super) fn release_network(&mut self, id: i64, revoke: bool) {
        let now_ns = self.now_ns();
        if let Some(publication) = self.network.get_mut(id) {
            publication.release(revoke, now_ns);
        }
    }

    /// Whether a spy's channel means this publication.
    pub(super) fn is_spied_by(&self, id: i64, channel: &UdpChannel) -> bool {
        let endpoint = self.network.get(id).map(|publication| publication.endpoint);
        let endpoint = endpoint.and_then(|endpoint| self.send_endpoints.get(endpoint.0));
        endpoint.is_some_and(|endpoint| endpoint.is_meant_by(channel))
    }

    /// Answers an add: the client holds it, and knows it before any image of it is announced.
    pub(super) fn announce_network(&mut self, id: i64, (client_id, correlation_id): (i64, i64)) {
        let held = self.hold(client_id, correlation_id, PublicationRef::Network(id));
        let Some(publication) = self.network.get_mut(id) else {
            return;
        };
        if let Err(refusal) = held {
            let now_ms = self.now.epoch_ms();
            self.reply.refuse(now_ms, correlation_id, &refusal);
            return;
        }
        publication.hold();
        let channel_status_id = self
            .send_endpoints
            .get(publication.endpoint.0)
            .map_or(-1, |endpoint| endpoint.status.id);
        let ids = (
            publication.registration_id,
            publication.session_id,
            publication.stream_id,
        );
        let (log, is_exclusive) = (&publication.log, publication.is_exclusive);
        let event = log.ready(correlation_id, ids, is_exclusive, channel_status_id);
        self.reply.send(&event);
    }

    /// Timer: life of each network publication, the last first.
    pub(super) fn check_network(&mut self) {
        let ids: Vec<i64> = self.network.keys().collect();
        for id in ids.into_iter().rev() {
            self.check_one_network(id);
        }
    }

    fn check_one_network(&mut self, id: i64) {
        let (now_ns, timeout_ns) = (self.now_ns(), self.settings.publication_unblock_timeout.0);
        let Some(publication) = self.network.get_mut(id) else {
            return;
        };
        match publication.state {
            State::Active if publication.log.is_revoked() => {
                publication.revoke();
                self.counters
                    .system(SystemCounter::PublicationsRevoked)
                    .increment();
                self.unlink_source(Source::Spied(id));
            }
            State::Active => {
                let sent = publication.spy_join_position();
                if publication.log.check_blocked(sent, now_ns, timeout_ns) {
                    self.counters
                        .system(SystemCounter::UnblockedPublications)
                        .increment();
                }
                self.check_spies_untethered(id);
            }
            State::Draining => match publication.is_drained() {
                Drained::No => {}
                Drained::Unblocked => {
                    self.counters
                        .system(SystemCounter::UnblockedPublications)
                        .increment();
                }
                Drained::Yes => {
                    publication.last_activity_ns = now_ns;
                    publication.state = State::Linger;
                    self.unlink_source(Source::Spied(id));
                }
            },
            State::Linger => {
                let waited = now_ns - publication.last_activity_ns;
                let is_over = publication.shared.has_unicast_eos()
                    || waited > publication.params.linger_timeout_ns;
                if publication.holders == 0 && is_over {
                    publication.state = State::Done;
                    self.to_sender.send(ToSender::RemovePublication {
                        registration_id: id,
                    });
                }
            }
            State::Done => {}
        }
    }

    fn check_spies_untethered(&mut self, id: i64) {
        let now_ns = self.now_ns();
        let Some(publication) = self.network.get_mut(id) else {
            return;
        };
        let window = window(&publication.params);
        let join = publication.spy_join_position();
        let events = publication
            .spies
            .check_untethered(now_ns, join - window + window / 4);
        self.apply_untethered(Source::Spied(id), join, events);
    }

    /// The sender has released its half: nothing of the log is in flight any more.
    pub(super) fn on_publication_released(&mut self, id: i64) {
        self.unlink_source(Source::Spied(id));
        let Some(publication) = self.network.remove(id) else {
            return;
        };
        let now_ms = self.now_ms();
        let counters = &publication.counters;
        let own = [&publication.log.position, &publication.log.limit];
        let sender = [
            &counters.sender_position,
            &counters.sender_limit,
            &counters.back_pressure,
            &counters.naks_received,
        ];
        for counter in own
            .into_iter()
            .chain(sender)
            .chain(counters.receivers.as_ref())
        {
            self.counters.free(now_ms, counter.id);
        }
        let region = publication.log.region().clone();
        self.free_log(publication.log.path.clone(), region);
        self.release_send_endpoint(publication.endpoint);
    }
}
