//! What changes recordings: each edit alters the catalog in memory and gives the writes to its file.
//!
//! The order of writes is Aeron's (06 §3.1), but for one thing: the id of the next recording is written before the entry
//! that takes it becomes visible. A crash in between then costs an id; the other way round the file could not be opened.

use super::{
    file::Changes,
    index::{Catalog, Held, Slot},
    layout::{
        self, CAPACITY_MAX, ENTRY_BLOCK_AT, ENTRY_BLOCK_LENGTH, ENTRY_CHECKSUM_AT,
        ENTRY_HEADER_LENGTH, ENTRY_STATE_AT, NEXT_RECORDING_ID_AT, encode_descriptor,
    },
    recording::{Recording, Stop},
};
use crate::{codecs::RecordingState, segment::Geometry};

/// What a new recording is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecording {
    /// When it is started, in epoch milliseconds.
    pub start_timestamp_ms: i64,
    /// Position of its first byte.
    pub start_position: i64,
    /// Shape of its terms and segment files.
    pub geometry: Geometry,
    /// Longest frame of the stream.
    pub mtu_length: i32,
    /// Session of the publication.
    pub session_id: i32,
    /// Stream of the publication.
    pub stream_id: i32,
    /// What of the channel makes it the channel it is.
    pub stripped_channel: String,
    /// The channel as it was asked for.
    pub original_channel: String,
    /// Where the publication is.
    pub source_identity: String,
}

/// Who extends a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The control session that asked for it.
    pub control_session_id: i64,
    /// Its request.
    pub correlation_id: i64,
    /// Session of the publication that goes on.
    pub session_id: i32,
}

/// What takes the place of a whole descriptor, but for id, control session and correlation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The new content.
    pub content: NewRecording,
    /// Where the recording stops; `None` for one that goes on.
    pub stop: Option<Stop>,
}

/// An edit that can't be made. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedEdit {
    /// There is no such recording.
    #[error("unknown recording id: {0}")]
    Unknown(i64),
    /// The file is as long as it may be.
    #[error("catalog is full, max capacity reached: {CAPACITY_MAX}")]
    Full,
    /// The entry would not fit even into the longest file.
    #[error(
        "recording is too big: total recording length is {length} bytes, available space is {available} bytes"
    )]
    TooBig {
        /// Length of the entry.
        length: u64,
        /// Room that there is at most.
        available: u64,
    },
    /// A deleted entry stays deleted.
    #[error("(recordingId={id}) state transition {from:?} -> {to:?} is not allowed")]
    Transition {
        /// The entry.
        id: i64,
        /// Its state.
        from: RecordingState,
        /// The state it was to have.
        to: RecordingState,
    },
    /// An invalid entry says what no recording can be.
    #[error("(recordingId={id}) {problem}")]
    NotARecording {
        /// The entry.
        id: i64,
        /// The broken rule.
        problem: String,
    },
}

impl Catalog {
    /// Adds a recording; gives its id.
    ///
    /// # Errors
    /// [`RefusedEdit`] when the file can't grow as far.
    pub fn added(&mut self, new: NewRecording) -> Result<(i64, Changes), RefusedEdit> {
        let id = self.next_recording_id;
        let recording = new.recording(id, None);
        let frame_length = self.frame_length_of(&recording);
        let mut changes = Changes::default();
        self.grow(frame_length as u64, &mut changes)?;
        let at = self.end;
        let mut slot = Slot {
            at,
            frame_length,
            checksum: 0,
            entry: Held::Valid(recording),
        };
        let mut body = slot.body();
        if let Some(checksum) = self.checksum {
            slot.checksum = checksum.of(&body);
        }
        // The next entry's header must be zeros, whatever an add that was cut short left there.
        let behind = (self.capacity - at - frame_length as u64).min(ENTRY_HEADER_LENGTH as u64);
        body.resize(body.len() + behind as usize, 0);
        changes.write(at + ENTRY_BLOCK_AT, body);
        self.next_recording_id = id.saturating_add(1);
        let next = self.next_recording_id.to_le_bytes();
        changes.write(NEXT_RECORDING_ID_AT, next.to_vec());
        changes.write(at, slot.header());
        self.end += frame_length as u64;
        self.entries.insert(id, slot);
        self.valid += 1;
        Ok((id, changes))
    }

    /// A recording has stopped.
    ///
    /// # Errors
    /// [`RefusedEdit::Unknown`].
    pub fn stopped(&mut self, id: i64, stop: Stop) -> Result<Changes, RefusedEdit> {
        self.edited(id, |recording| recording.stop = Some(stop))
    }

    /// A recording ends at `position` from now on; when it stopped stays what it was.
    ///
    /// # Errors
    /// [`RefusedEdit::Unknown`].
    pub fn stop_moved(&mut self, id: i64, position: i64) -> Result<Changes, RefusedEdit> {
        self.edited(id, |recording| {
            let timestamp_ms = recording.stop.map_or(-1, |stop| stop.timestamp_ms);
            recording.stop = Some(Stop {
                position,
                timestamp_ms,
            });
        })
    }

    /// A recording starts at `position` from now on.
    ///
    /// # Errors
    /// [`RefusedEdit::Unknown`].
    pub fn start_moved(&mut self, id: i64, position: i64) -> Result<Changes, RefusedEdit> {
        self.edited(id, |recording| recording.start_position = position)
    }

    /// A recording that had stopped goes on.
    ///
    /// # Errors
    /// [`RefusedEdit::Unknown`].
    pub fn extended(&mut self, id: i64, by: Extension) -> Result<Changes, RefusedEdit> {
        self.edited(id, |recording| {
            recording.control_session_id = by.control_session_id;
            recording.correlation_id = by.correlation_id;
            recording.session_id = by.session_id;
            recording.stop = None;
        })
    }

    /// A recording is purged: it is unknown from now on, and its id never comes back.
    ///
    /// # Errors
    /// [`RefusedEdit::Unknown`].
    pub fn purged(&mut self, id: i64) -> Result<Changes, RefusedEdit> {
        self.get(id).ok_or(RefusedEdit::Unknown(id))?;
        Ok(self.set_state(id, RecordingState::Deleted))
    }

    /// A tool says that an entry does not count; nothing to do for one that doesn't.
    ///
    /// # Errors
    /// [`RefusedEdit`] for an unknown or deleted entry.
    pub fn marked_invalid(&mut self, id: i64) -> Result<Changes, RefusedEdit> {
        self.marked(id, RecordingState::Invalid)
    }

    /// A tool says that an entry counts again.
    ///
    /// # Errors
    /// [`RefusedEdit`] for an unknown or deleted entry, and for one that describes no recording.
    pub fn marked_valid(&mut self, id: i64) -> Result<Changes, RefusedEdit> {
        self.marked(id, RecordingState::Valid)
    }

    /// Replaces a descriptor. Where the new one is longer, every entry behind it moves, and the file is written anew.
    ///
    /// # Errors
    /// [`RefusedEdit`] for an unknown recording, and when the file can't grow as far.
    pub fn replaced(&mut self, id: i64, by: Replacement) -> Result<Changes, RefusedEdit> {
        let old = self.get(id).ok_or(RefusedEdit::Unknown(id))?;
        let recording = Recording {
            control_session_id: old.control_session_id,
            correlation_id: old.correlation_id,
            ..by.content.recording(id, by.stop)
        };
        self.exchanged(recording)
    }

    /// A recording's channel has become another one.
    ///
    /// # Errors
    /// As [`Self::replaced`].
    pub fn channel_updated(
        &mut self,
        id: i64,
        original: String,
        stripped: String,
    ) -> Result<Changes, RefusedEdit> {
        let old = self.get(id).ok_or(RefusedEdit::Unknown(id))?;
        let recording = Recording {
            original_channel: original,
            stripped_channel: stripped,
            ..old.clone()
        };
        self.exchanged(recording)
    }

    /// The whole file as it should be.
    pub fn image(&self) -> Vec<u8> {
        let mut image = layout::encode_header(self.next_recording_id);
        image[16..20].copy_from_slice(&self.alignment.to_le_bytes());
        for slot in self.entries.values() {
            image.extend(slot.header());
            image.extend(slot.body());
        }
        image.resize(self.capacity as usize, 0);
        image
    }

    fn exchanged(&mut self, recording: Recording) -> Result<Changes, RefusedEdit> {
        let id = recording.id;
        let needed = self.frame_length_of(&recording);
        let there = self.entries.get(&id).map_or(0, |slot| slot.frame_length);
        let mut changes = Changes::default();
        let grows_by = needed.saturating_sub(there) as u64;
        self.grow(grows_by, &mut changes)?;
        self.end += grows_by;
        for (_, slot) in self.entries.range_mut(id + 1..) {
            slot.at += grows_by;
        }
        let checksum = self.checksum;
        let Some(slot) = self.entries.get_mut(&id) else {
            return Err(RefusedEdit::Unknown(id));
        };
        slot.entry = Held::Valid(recording);
        slot.frame_length = there.max(needed);
        let body = slot.body();
        if let Some(checksum) = checksum {
            slot.checksum = checksum.of(&body);
        }
        if grows_by > 0 {
            return Ok(Changes::rewrite(self.image()));
        }
        changes.write(slot.at, [slot.header(), body].concat());
        Ok(changes)
    }

    fn edited(
        &mut self,
        id: i64,
        edit: impl FnOnce(&mut Recording),
    ) -> Result<Changes, RefusedEdit> {
        let checksum = self.checksum;
        let slot = self.entries.get_mut(&id);
        let slot = slot.ok_or(RefusedEdit::Unknown(id))?;
        let Held::Valid(recording) = &mut slot.entry else {
            return Err(RefusedEdit::Unknown(id));
        };
        edit(recording);
        let mut changes = Changes::default();
        let body = slot.body();
        match checksum {
            None => {
                let block = body[..ENTRY_BLOCK_LENGTH].to_vec();
                changes.write(slot.at + ENTRY_BLOCK_AT, block);
            }
            Some(checksum) => {
                // Checksum and block are one write: there is nothing but zeros between them.
                slot.checksum = checksum.of(&body);
                let from = ENTRY_CHECKSUM_AT as usize;
                let frame = [slot.header(), body].concat();
                let to = ENTRY_HEADER_LENGTH + ENTRY_BLOCK_LENGTH;
                changes.write(slot.at + ENTRY_CHECKSUM_AT, frame[from..to].to_vec());
            }
        }
        Ok(changes)
    }

    fn marked(&mut self, id: i64, to: RecordingState) -> Result<Changes, RefusedEdit> {
        let from = self.state(id).ok_or(RefusedEdit::Unknown(id))?;
        if from == RecordingState::Deleted {
            return Err(RefusedEdit::Transition { id, from, to });
        }
        if from == to {
            return Ok(Changes::default());
        }
        if to == RecordingState::Valid {
            self.must_be_recording(id)?;
        }
        Ok(self.set_state(id, to))
    }

    fn must_be_recording(&self, id: i64) -> Result<(), RefusedEdit> {
        let frame = self
            .entries
            .get(&id)
            .map(|slot| [slot.header(), slot.body()].concat());
        let frame = frame.ok_or(RefusedEdit::Unknown(id))?;
        recording_of(&frame)
            .map(|_| ())
            .map_err(|problem| RefusedEdit::NotARecording { id, problem })
    }

    fn set_state(&mut self, id: i64, state: RecordingState) -> Changes {
        let mut changes = Changes::default();
        let Some(slot) = self.entries.get_mut(&id) else {
            return changes;
        };
        let frame = [slot.header(), slot.body()].concat();
        let recording = recording_of(&frame).ok();
        let was_valid = matches!(slot.entry, Held::Valid(_));
        slot.entry = match (state, recording) {
            (RecordingState::Valid, Some(recording)) => Held::Valid(recording),
            (state, _) => Held::Other(state, frame[ENTRY_HEADER_LENGTH..].into()),
        };
        let is_valid = matches!(slot.entry, Held::Valid(_));
        self.valid = self.valid + usize::from(is_valid) - usize::from(was_valid);
        changes.write(
            slot.at + ENTRY_STATE_AT,
            (state as i32).to_le_bytes().to_vec(),
        );
        changes
    }

    fn frame_length_of(&self, recording: &Recording) -> usize {
        let body = encode_descriptor(&recording.descriptor(), 0).len();
        layout::frame_length(body, self.alignment).unwrap_or(usize::MAX)
    }

    /// Makes room for `more` bytes behind the entries: by half of the file's length, as often as it takes.
    fn grow(&mut self, more: u64, changes: &mut Changes) -> Result<(), RefusedEdit> {
        let target = self.end.saturating_add(more);
        if target <= self.capacity {
            return Ok(());
        }
        if target > CAPACITY_MAX {
            if self.capacity == CAPACITY_MAX {
                return Err(RefusedEdit::Full);
            }
            return Err(RefusedEdit::TooBig {
                length: more,
                available: CAPACITY_MAX - self.end,
            });
        }
        while self.capacity < target {
            // A file shorter than two bytes can't be: it has a header.
            self.capacity = (self.capacity + self.capacity / 2).min(CAPACITY_MAX);
        }
        changes.write(self.capacity - 1, vec![0]);
        Ok(())
    }
}

/// The recording in an entry, whatever its state.
fn recording_of(frame: &[u8]) -> Result<Recording, String> {
    let raw = layout::RawEntry {
        state: RecordingState::Valid,
        checksum: 0,
        frame,
    };
    let descriptor = raw.descriptor().map_err(|problem| problem.to_string())?;
    Recording::of(&descriptor)
}

impl NewRecording {
    fn recording(self, id: i64, stop: Option<Stop>) -> Recording {
        Recording {
            id,
            control_session_id: 0,
            correlation_id: 0,
            start_timestamp_ms: self.start_timestamp_ms,
            start_position: self.start_position,
            stop,
            geometry: self.geometry,
            mtu_length: self.mtu_length,
            session_id: self.session_id,
            stream_id: self.stream_id,
            stripped_channel: self.stripped_channel,
            original_channel: self.original_channel,
            source_identity: self.source_identity,
        }
    }
}
