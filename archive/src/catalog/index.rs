//! All entries of the catalog in memory, by recording id.

use std::collections::BTreeMap;

use taranis_runtime::sbe::{Message as _, TooSmall};

use super::{
    layout::{
        self, BadCatalog, ENTRY_HEADER_LENGTH, HEADER_LENGTH, RawEntry, decode_header,
        encode_descriptor, encode_entry_header,
    },
    recording::Recording,
};
use crate::{
    checksum::Checksum,
    codecs::{RecordingState, catalog::RecordingDescriptor},
};

/// The catalog in memory: what is asked of it is answered from here, what changes it comes out as the writes to its file.
///
/// Only valid entries are recordings; invalid and deleted ones keep their place in the file and are unknown to everyone
/// but the tools.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(super) next_recording_id: i64,
    pub(super) alignment: u32,
    /// Length of the file.
    pub(super) capacity: u64,
    /// Where the next entry begins.
    pub(super) end: u64,
    pub(super) checksum: Option<Checksum>,
    /// In file order, which is that of their ids.
    pub(super) entries: BTreeMap<i64, Slot>,
    pub(super) valid: usize,
}

/// An entry's place in the file, and what it holds.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) at: u64,
    pub(super) frame_length: usize,
    pub(super) checksum: i32,
    pub(super) entry: Held,
}

#[derive(Clone, Debug)]
pub(super) enum Held {
    Valid(Recording),
    /// Invalid or deleted: everything behind its header, as it lies in the file.
    Other(RecordingState, Box<[u8]>),
}

impl Catalog {
    /// A new catalog whose file is `capacity` bytes long; its header is [`layout::encode_header`] of 0.
    pub fn new(capacity: u64, checksum: Option<Checksum>) -> Self {
        Self {
            next_recording_id: 0,
            alignment: layout::ALIGNMENT,
            capacity: capacity.clamp(layout::CAPACITY_MIN, layout::CAPACITY_MAX),
            end: HEADER_LENGTH,
            checksum,
            entries: BTreeMap::new(),
            valid: 0,
        }
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// [`BadCatalog`], with the offset and what was expected.
    pub fn decode(file: &[u8], checksum: Option<Checksum>) -> Result<Self, BadCatalog> {
        let (next_recording_id, alignment) = decode_header(file)?;
        let capacity = file.len() as u64;
        if capacity > layout::CAPACITY_MAX {
            return Err(BadCatalog::TooLong { length: capacity });
        }
        let mut catalog = Self {
            next_recording_id,
            alignment,
            ..Self::new(capacity, checksum)
        };
        while let Some(raw) = RawEntry::decode(file, catalog.end, alignment)? {
            catalog.take(&raw)?;
        }
        let expected = catalog
            .entries
            .last_key_value()
            .map_or(0, |(id, _)| id.saturating_add(1));
        if catalog.next_recording_id == 0 {
            catalog.next_recording_id = expected;
        }
        if catalog.next_recording_id < expected {
            return Err(BadCatalog::NextRecordingId {
                expected,
                actual: catalog.next_recording_id,
            });
        }
        Ok(catalog)
    }

    fn take(&mut self, raw: &RawEntry<'_>) -> Result<(), BadCatalog> {
        let at = self.end;
        let descriptor = raw
            .descriptor()
            .map_err(|problem| BadCatalog::Entry { at, problem })?;
        let id = descriptor.recording_id;
        if let Some((before, _)) = self.entries.last_key_value()
            && *before >= id
        {
            return Err(BadCatalog::Order {
                at,
                id,
                before: *before,
            });
        }
        let entry = match raw.state {
            RecordingState::Valid => Held::Valid(
                Recording::of(&descriptor).map_err(|problem| BadCatalog::Recording {
                    at,
                    id,
                    problem,
                })?,
            ),
            other => Held::Other(other, raw.frame[ENTRY_HEADER_LENGTH..].into()),
        };
        self.valid += usize::from(raw.state == RecordingState::Valid);
        let slot = Slot {
            at,
            frame_length: raw.frame.len(),
            checksum: raw.checksum,
            entry,
        };
        self.end += raw.frame.len() as u64;
        self.entries.insert(id, slot);
        Ok(())
    }

    /// How many recordings there are.
    pub fn len(&self) -> usize {
        self.valid
    }

    /// Whether there is no recording.
    pub fn is_empty(&self) -> bool {
        self.valid == 0
    }

    /// The id that the next recording gets.
    pub fn next_recording_id(&self) -> i64 {
        self.next_recording_id
    }

    /// Length of the file in bytes.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// A recording.
    pub fn get(&self, id: i64) -> Option<&Recording> {
        match &self.entries.get(&id)?.entry {
            Held::Valid(recording) => Some(recording),
            Held::Other(..) => None,
        }
    }

    /// The state of an entry, of any.
    pub fn state(&self, id: i64) -> Option<RecordingState> {
        Some(match &self.entries.get(&id)?.entry {
            Held::Valid(_) => RecordingState::Valid,
            Held::Other(state, _) => *state,
        })
    }

    /// The recordings from an id on, in ascending order. To go on after a pause, ask again from the last one's id and one:
    /// purged ones vanish, nothing is skipped or repeated (07 §6).
    pub fn from(&self, id: i64) -> impl Iterator<Item = &Recording> {
        let slots = self.entries.range(id..);
        slots.filter_map(|(_, slot)| match &slot.entry {
            Held::Valid(recording) => Some(recording),
            Held::Other(..) => None,
        })
    }

    /// The newest recording from `min_id` on of that session and stream, on a channel that contains `fragment` (07 §6).
    pub fn last_matching(
        &self,
        min_id: i64,
        session_id: i32,
        stream_id: i32,
        fragment: &[u8],
    ) -> Option<&Recording> {
        let slots = self.entries.range(min_id..).rev();
        slots
            .filter_map(|(_, slot)| match &slot.entry {
                Held::Valid(recording) => Some(recording),
                Held::Other(..) => None,
            })
            .find(|recording| {
                recording.session_id == session_id && recording.is_of(stream_id, fragment)
            })
    }

    /// Writes a recording's descriptor as a message to an asking session; returns the length. The padding of the entry is
    /// part of the message, as with Aeron (06 §2.4). `None` for an unknown recording.
    ///
    /// # Errors
    /// [`TooSmall`] when the buffer is.
    pub fn encode_message(
        &self,
        id: i64,
        control_session_id: i64,
        correlation_id: i64,
        buffer: &mut [u8],
    ) -> Result<Option<usize>, TooSmall> {
        let (Some(slot), Some(recording)) = (self.entries.get(&id), self.get(id)) else {
            return Ok(None);
        };
        let message = RecordingDescriptor {
            control_session_id,
            correlation_id,
            ..recording.descriptor()
        };
        let length = message_length(slot);
        let available = buffer.len();
        let needed = TooSmall {
            needed: length,
            available,
        };
        let buffer = buffer.get_mut(..length).ok_or(needed)?;
        let used = message.encode(buffer)?;
        buffer[used..].fill(0);
        Ok(Some(length))
    }

    /// Length of the message that [`Self::encode_message`] writes.
    pub fn message_length(&self, id: i64) -> Option<usize> {
        self.get(id)?;
        self.entries.get(&id).map(message_length)
    }

    /// Whether the checksum of an entry is that of its content; `None` for an unknown entry, or without a checksum.
    pub fn is_intact(&self, id: i64) -> Option<bool> {
        let slot = self.entries.get(&id)?;
        Some(self.checksum?.of(&slot.body()) == slot.checksum)
    }
}

impl Slot {
    /// Everything behind the header.
    pub(super) fn body(&self) -> Vec<u8> {
        match &self.entry {
            Held::Valid(recording) => encode_descriptor(
                &recording.descriptor(),
                self.frame_length - ENTRY_HEADER_LENGTH,
            ),
            Held::Other(_, body) => body.to_vec(),
        }
    }

    /// The header.
    pub(super) fn header(&self) -> Vec<u8> {
        let state = match &self.entry {
            Held::Valid(_) => RecordingState::Valid,
            Held::Other(state, _) => *state,
        };
        encode_entry_header(self.frame_length, state, self.checksum)
    }
}

/// A message header of 8 bytes takes the place of the entry's header of 32.
fn message_length(slot: &Slot) -> usize {
    8 + slot.frame_length - ENTRY_HEADER_LENGTH
}
