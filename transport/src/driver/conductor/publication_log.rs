//! The conductor's half of a publication's log: its positions, cleaning, and claims that a dead client left open.

use std::path::PathBuf;

use taranis_runtime::mem::Region;

use super::counters::Allocated;
use crate::{
    command::{Event, PublicationReady},
    log::{Cleaner, LogBuffer, LogError, Shape, StatusWriter, Tails, Unblocker},
    uri::PublicationParams,
};

/// What IPC and network publications have in common.
#[derive(Debug)]
pub(crate) struct PublicationLog {
    pub(crate) path: PathBuf,
    /// The path as events carry it.
    pub(crate) path_text: Vec<u8>,
    log: LogBuffer,
    tails: Tails,
    cleaner: Cleaner,
    unblocker: Option<Unblocker>,
    pub(crate) status: StatusWriter,
    pub(crate) position: Allocated,
    pub(crate) limit: Allocated,
    blocked_at: i64,
    blocked_since_ns: i64,
}

impl PublicationLog {
    /// Over a log that was just laid out; both counters hold `start`.
    pub(crate) fn new(
        path: PathBuf,
        mut log: LogBuffer,
        (position, limit): (Allocated, Allocated),
        (start, is_exclusive): (i64, bool),
        now_ns: i64,
    ) -> Result<Self, LogError> {
        let unblocker = if is_exclusive {
            None
        } else {
            Some(log.unblocker()?)
        };
        Ok(Self {
            path_text: path.as_os_str().as_encoded_bytes().to_vec(),
            path,
            tails: log.tails()?,
            cleaner: log.take_cleaner(start)?,
            unblocker,
            status: log.status_writer(),
            log,
            position,
            limit,
            blocked_at: start,
            blocked_since_ns: now_ns,
        })
    }

    /// What a client that added the publication is told.
    pub(super) fn ready(
        &self,
        correlation_id: i64,
        (registration_id, session_id, stream_id): (i64, i32, i32),
        is_exclusive: bool,
        channel_status_id: i32,
    ) -> Event<'_> {
        let ready = PublicationReady {
            correlation_id,
            registration_id,
            session_id,
            stream_id,
            limit_counter_id: self.limit.id,
            channel_status_id,
            log_file: &self.path_text,
        };
        if is_exclusive {
            Event::ExclusivePublicationReady(ready)
        } else {
            Event::PublicationReady(ready)
        }
    }

    pub(crate) fn region(&self) -> &Region {
        self.log.region()
    }

    pub(crate) fn shape(&self) -> &Shape {
        self.log.shape()
    }

    pub(crate) fn mtu(&self) -> i32 {
        self.log.constants().mtu
    }

    pub(crate) fn initial_term_id(&self) -> i32 {
        self.log.constants().initial_term_id
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.log.status().is_publication_revoked()
    }

    pub(crate) fn producer_position(&self) -> i64 {
        self.tails.producer_position()
    }

    /// Shows `pub-pos`; gives it.
    pub(crate) fn show_position(&self) -> i64 {
        let position = self.producer_position();
        self.position.word.store_release(position);
        position
    }

    pub(crate) fn current_limit(&self) -> i64 {
        self.limit.word.load_relaxed()
    }

    pub(crate) fn set_limit(&self, limit: i64) {
        self.limit.word.store_release(limit);
    }

    /// Zeroes what was consumed up to `position`, at most to the end of one term.
    pub(crate) fn clean(&mut self, position: i64) {
        self.cleaner.clean(position);
    }

    pub(crate) fn cleaned_to(&self) -> i64 {
        self.cleaner.position()
    }

    /// Turns a claim that stands open at `position` into padding, now. Exclusive publications have none that others
    /// could wait for.
    pub(crate) fn unblock(&self, position: i64) -> bool {
        self.unblocker
            .as_ref()
            .is_some_and(|unblocker| unblocker.unblock(position))
    }

    /// Timer: the same, once the consumer has stood at `position` for `timeout_ns` though something is claimed.
    pub(crate) fn check_blocked(&mut self, position: i64, now_ns: i64, timeout_ns: i64) -> bool {
        let Some(unblocker) = &self.unblocker else {
            return false;
        };
        if position != self.blocked_at || !unblocker.is_possibly_blocked(position) {
            self.blocked_at = position;
            self.blocked_since_ns = now_ns;
            return false;
        }
        now_ns - self.blocked_since_ns > timeout_ns && unblocker.unblock(position)
    }
}

/// The publication window: as the channel or the driver says, else half a term (03 §2.9).
pub(crate) fn window(params: &PublicationParams) -> i64 {
    let half = i64::from(params.term_length.value / 2);
    match i64::from(params.window_length.value) {
        window if window > 0 && window <= half => window,
        _ => half,
    }
}
