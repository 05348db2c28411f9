//! Questions about recordings (07 §6).

use taranis_transport::uri::ChannelUri;

use super::{
    core::Core,
    requests::{Asked, Refusal},
};
use crate::{control::channel::stripped, error::ErrorCode};

/// Entries looked at for one listing in one turn.
const ENTRIES_PER_TURN: usize = 64;

/// A listing that goes on over several turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    correlation_id: i64,
    next: i64,
    left: i32,
    filter: Option<(i32, Vec<u8>)>,
}

impl Listing {
    pub(super) fn all(asked: Asked, from: i64, count: i32) -> Self {
        Self {
            correlation_id: asked.correlation_id,
            next: from,
            left: count,
            filter: None,
        }
    }

    pub(super) fn matching(
        asked: Asked,
        (from, count): (i64, i32),
        filter: (i32, Vec<u8>),
    ) -> Self {
        Self {
            filter: Some(filter),
            ..Self::all(asked, from, count)
        }
    }
}

impl Core {
    pub(super) fn list(&mut self, asked: Asked, listing: Listing) -> Result<(), Refusal> {
        if self.listings.contains_key(&asked.session_id) {
            return Err(Refusal::new(
                ErrorCode::ActiveListing,
                "active listing already in progress",
            ));
        }
        self.listings.insert(asked.session_id, listing);
        Ok(())
    }

    pub(super) fn list_one(&mut self, asked: Asked, recording_id: i64) -> Result<(), Refusal> {
        if !self.describe(asked.session_id, asked.correlation_id, recording_id)
            && let Some(session) = self.session(asked.session_id)
        {
            session.recording_unknown(asked.correlation_id, recording_id);
        }
        Ok(())
    }

    pub(super) fn find_last_matching(
        &mut self,
        asked: Asked,
        min_id: i64,
        (session_id, stream_id): (i32, i32),
        fragment: &str,
    ) -> Result<(), Refusal> {
        if min_id < 0 {
            return Err(Refusal::new(
                ErrorCode::UnknownRecording,
                format!("minRecordingId={min_id} < 0"),
            ));
        }
        let found = self
            .catalog
            .last_matching(min_id, session_id, stream_id, fragment.as_bytes());
        let id = found.map_or(-1, |recording| recording.id);
        self.ok(asked, id);
        Ok(())
    }

    pub(super) fn start_position(&mut self, asked: Asked, id: i64) -> Result<(), Refusal> {
        let position = self.recording(id)?.start_position;
        self.ok(asked, position);
        Ok(())
    }

    pub(super) fn update_channel(
        &mut self,
        asked: Asked,
        id: i64,
        channel: &str,
    ) -> Result<(), Refusal> {
        self.recording(id)?;
        let stripped = stripped(&ChannelUri::parse(channel)?)?.to_string();
        let changes = self
            .catalog
            .channel_updated(id, channel.to_owned(), stripped)?;
        self.stage(changes);
        self.ok(asked, 0);
        Ok(())
    }

    pub(super) fn stop_position(&mut self, asked: Asked, id: i64) -> Result<(), Refusal> {
        let stop = self.recording(id)?.stop;
        self.ok(asked, stop.map_or(-1, |stop| stop.position));
        Ok(())
    }

    pub(super) fn recording_position(&mut self, asked: Asked, id: i64) -> Result<(), Refusal> {
        self.recording(id)?;
        let position = self.recorded_position(id).unwrap_or(-1);
        self.ok(asked, position);
        Ok(())
    }

    pub(super) fn max_recorded_position(&mut self, asked: Asked, id: i64) -> Result<(), Refusal> {
        let stop = self.recording(id)?.stop;
        let position = self
            .recorded_position(id)
            .or_else(|| stop.map(|stop| stop.position))
            .unwrap_or(-1);
        self.ok(asked, position);
        Ok(())
    }

    /// Goes on with every listing whose client takes what it gets.
    pub(super) fn turn_listings(&mut self) -> usize {
        let mut work = 0;
        for (session_id, mut listing) in std::mem::take(&mut self.listings) {
            work += 1;
            if self.go_on(session_id, &mut listing) {
                self.listings.insert(session_id, listing);
            }
        }
        work
    }

    /// Whether there is more to list.
    fn go_on(&mut self, session_id: i64, listing: &mut Listing) -> bool {
        let mut last = None;
        let mut matching = Vec::new();
        for recording in self.catalog.from(listing.next).take(ENTRIES_PER_TURN) {
            last = Some(recording.id);
            let wanted = listing
                .filter
                .as_ref()
                .is_none_or(|(stream_id, part)| recording.is_of(*stream_id, part));
            if wanted {
                matching.push(recording.id);
            }
        }
        for id in matching {
            if listing.left <= 0 {
                return false;
            }
            if !self
                .session(session_id)
                .is_some_and(|session| session.has_room())
            {
                listing.next = id;
                return true;
            }
            if self.describe(session_id, listing.correlation_id, id) {
                listing.left -= 1;
            }
        }
        if let Some(last) = last {
            listing.next = last + 1;
        }
        let is_over = last.is_none() || listing.left <= 0;
        if is_over
            && listing.left != 0
            && let Some(session) = self.session(session_id)
        {
            session.recording_unknown(listing.correlation_id, listing.next);
        }
        !is_over
    }

    /// Sends a recording's descriptor; whether there is such a recording.
    fn describe(&mut self, session_id: i64, correlation_id: i64, recording_id: i64) -> bool {
        let Some(length) = self.catalog.message_length(recording_id) else {
            return false;
        };
        let mut message = vec![0; length];
        let encoded =
            self.catalog
                .encode_message(recording_id, session_id, correlation_id, &mut message);
        if !matches!(encoded, Ok(Some(_))) {
            return false;
        }
        if let Some(session) = self.session(session_id) {
            session.send(message);
        }
        true
    }
}
