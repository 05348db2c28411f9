//! IPC publications: limits, life, and joining subscribers (spec 04 §2.6–§2.8).

use super::{
    clients::PublicationRef,
    core::Core,
    publication_log::{PublicationLog, window},
    subscribers::Subscribers,
};
use crate::{counters::SystemCounter, uri::PublicationParams};

/// One IPC publication: its log is the stream, its subscribers are what holds it back.
#[derive(Debug)]
pub(crate) struct IpcPublication {
    pub(crate) registration_id: i64,
    pub(crate) session_id: i32,
    pub(crate) stream_id: i32,
    pub(crate) is_exclusive: bool,
    pub(crate) params: PublicationParams,
    pub(crate) log: PublicationLog,
    pub(crate) subscribers: Subscribers,
    state: State,
    holders: usize,
    /// Only past this is the limit raised again.
    trip_limit: i64,
    /// Furthest position ever consumed.
    consumed: i64,
    /// After a rejection: nobody is linked until then.
    cool_down_until_ns: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Draining,
    Linger,
}

impl IpcPublication {
    pub(crate) fn new(
        registration_id: i64,
        (session_id, stream_id): (i32, i32),
        is_exclusive: bool,
        params: PublicationParams,
        log: PublicationLog,
    ) -> Self {
        let start = log.producer_position();
        Self {
            registration_id,
            session_id,
            stream_id,
            is_exclusive,
            params,
            log,
            subscribers: Subscribers::default(),
            state: State::Active,
            holders: 0,
            trip_limit: start,
            consumed: start,
            cool_down_until_ns: None,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Whether its session id is taken.
    pub(crate) fn holds_session(&self) -> bool {
        self.state != State::Linger
    }

    /// Whether a subscriber may join now.
    pub(crate) fn accepts(&self) -> bool {
        let position = self.log.producer_position();
        let lives = match self.state {
            State::Active => true,
            State::Draining => !self.subscribers.are_drained(position),
            State::Linger => false,
        };
        lives && self.cool_down_until_ns.is_none()
    }

    pub(crate) fn hold(&mut self) {
        self.holders += 1;
    }

    /// Where a subscriber joins.
    pub(crate) fn join_position(&self) -> i64 {
        self.subscribers
            .min_working()
            .map_or(self.consumed, |slowest| slowest.min(self.consumed))
    }

    /// Each cycle: shows the position, cleans, raises the limit (04 §2.7).
    fn update(&mut self) {
        if self.state != State::Active {
            return;
        }
        self.log.show_position();
        match (
            self.subscribers.min_working(),
            self.subscribers.max_working(),
        ) {
            (Some(slowest), Some(furthest)) => {
                self.consumed = self.consumed.max(furthest);
                let window = window(&self.params);
                let limit = slowest + window;
                if limit > self.trip_limit {
                    self.log.clean(slowest);
                    self.log.set_limit(limit);
                    self.trip_limit = limit + window / 8;
                }
            }
            _ if self.log.current_limit() > self.consumed => {
                self.trip_limit = self.consumed;
                self.log.set_limit(self.consumed);
                self.log.clean(self.consumed);
            }
            _ => {}
        }
    }

    fn consumer_position(&self) -> i64 {
        self.subscribers.min_working().unwrap_or(self.consumed)
    }

    fn release(&mut self, revoke: bool) {
        if revoke {
            self.log.status.set_publication_revoked();
        }
        self.holders = self.holders.saturating_sub(1);
        if self.holders > 0 {
            return;
        }
        let position = self.log.producer_position();
        if self.log.current_limit() > position {
            self.log.set_limit(position);
        }
        self.log.status.set_end_of_stream_position(position);
        if !self.log.is_revoked() {
            self.state = State::Draining;
        }
    }

    fn revoke(&mut self) {
        let position = self.log.producer_position();
        self.log.set_limit(position);
        self.log.status.set_end_of_stream_position(position);
        self.log.status.set_connected(false);
        self.state = State::Linger;
    }
}

impl Core {
    /// Each cycle.
    pub(super) fn update_ipc(&mut self) {
        self.ipc.for_each_mut(|_, publication| publication.update());
    }

    pub(super) fn release_ipc(&mut self, id: i64, revoke: bool) {
        if let Some(publication) = self.ipc.get_mut(id) {
            publication.release(revoke);
        }
    }

    /// Answers an add: the client holds it, and knows it before any image of it is announced.
    pub(super) fn announce_ipc(&mut self, id: i64, (client_id, correlation_id): (i64, i64)) {
        let held = self.hold(client_id, correlation_id, PublicationRef::Ipc(id));
        let Some(publication) = self.ipc.get_mut(id) else {
            return;
        };
        if let Err(refusal) = held {
            let now_ms = self.now.epoch_ms();
            self.reply.refuse(now_ms, correlation_id, &refusal);
            return;
        }
        publication.hold();
        let ids = (
            publication.registration_id,
            publication.session_id,
            publication.stream_id,
        );
        let (log, is_exclusive) = (&publication.log, publication.is_exclusive);
        let event = log.ready(correlation_id, ids, is_exclusive, -1);
        self.reply.send(&event);
    }

    /// Timer: life of each IPC publication, the last first.
    pub(super) fn check_ipc(&mut self) {
        let ids: Vec<i64> = self.ipc.keys().collect();
        for id in ids.into_iter().rev() {
            self.check_one_ipc(id);
        }
    }

    fn check_one_ipc(&mut self, id: i64) {
        let (now_ns, timeout_ns) = (self.now_ns(), self.settings.publication_unblock_timeout.0);
        let Some(publication) = self.ipc.get_mut(id) else {
            return;
        };
        match publication.state {
            State::Active if publication.log.is_revoked() => {
                publication.revoke();
                self.counters
                    .system(SystemCounter::PublicationsRevoked)
                    .increment();
                self.unlink_ipc(id);
            }
            State::Active => {
                publication
                    .log
                    .status
                    .set_connected(publication.subscribers.has_working());
                let consumer = publication.consumer_position();
                if publication.log.check_blocked(consumer, now_ns, timeout_ns) {
                    self.counters
                        .system(SystemCounter::UnblockedPublications)
                        .increment();
                }
                self.check_ipc_untethered(id);
                self.end_cool_down(id);
            }
            State::Draining => {
                let position = publication.log.producer_position();
                if publication.subscribers.are_drained(position) {
                    publication.state = State::Linger;
                    self.unlink_ipc(id);
                } else if publication.log.unblock(publication.consumer_position()) {
                    self.counters
                        .system(SystemCounter::UnblockedPublications)
                        .increment();
                }
            }
            State::Linger if publication.holders == 0 => self.delete_ipc(id),
            State::Linger => {}
        }
    }

    fn check_ipc_untethered(&mut self, id: i64) {
        let now_ns = self.now_ns();
        let Some(publication) = self.ipc.get_mut(id) else {
            return;
        };
        let window = window(&publication.params);
        let limit = publication.consumed - window + window / 4;
        let join = publication.join_position();
        let events = publication.subscribers.check_untethered(now_ns, limit);
        self.apply_untethered(super::links::Source::Ipc(id), join, events);
    }

    /// A subscriber rejected what comes in (04 §2.14): its readers lose the stream for a while.
    pub(super) fn reject_ipc(&mut self, id: i64) {
        let until_ns = self.now_ns() + self.settings.image_liveness_timeout.0;
        let Some(publication) = self.ipc.get_mut(id) else {
            return;
        };
        let was_cooling = publication.cool_down_until_ns.replace(until_ns).is_some();
        if !was_cooling {
            publication.log.status.set_connected(false);
            self.unlink_ipc(id);
        }
    }

    fn end_cool_down(&mut self, id: i64) {
        let now_ns = self.now_ns();
        let Some(publication) = self.ipc.get_mut(id) else {
            return;
        };
        if publication
            .cool_down_until_ns
            .is_some_and(|until_ns| now_ns > until_ns)
        {
            publication.cool_down_until_ns = None;
            self.link_ipc(id);
        }
    }

    fn delete_ipc(&mut self, id: i64) {
        self.unlink_ipc(id);
        let Some(publication) = self.ipc.remove(id) else {
            return;
        };
        let now_ms = self.now_ms();
        self.counters.free(now_ms, publication.log.position.id);
        self.counters.free(now_ms, publication.log.limit.id);
        let region = publication.log.region().clone();
        self.free_log(publication.log.path.clone(), region);
    }
}
