//! The rec-pos counter of an active recording: key, label, and its one reader (06 §11).
//!
//! ```text
//!   key   0 recording id   8 session id   12 length n of the source identity, at most 88   16 its text   16 + n archive id
//! ```

use taranis_runtime::mem::counters::{Counter, CountersReader, ReadableCounter};

use super::Recorded;

/// Type id of the counter.
pub const TYPE_ID: i32 = 100;
/// Longest source identity in a key.
pub const SOURCE_IDENTITY_LENGTH_MAX: usize = KEY_LENGTH_MAX - SOURCE_IDENTITY_AT - 8;

const KEY_LENGTH_MAX: usize = 112;
const SESSION_ID_AT: usize = 8;
const SOURCE_IDENTITY_LENGTH_AT: usize = 12;
const SOURCE_IDENTITY_AT: usize = 16;
const LABEL_LENGTH_MAX: usize = 380;

/// What the key of a rec-pos counter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecPosKey {
    /// The recording.
    pub recording_id: i64,
    /// Session of the publication.
    pub session_id: i32,
    /// Where the publication is; cut off at [`SOURCE_IDENTITY_LENGTH_MAX`] bytes.
    pub source_identity: String,
    /// The archive.
    pub archive_id: i64,
}

impl RecPosKey {
    /// The key as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let source = self.source_identity.as_bytes();
        let source = &source[..source.len().min(SOURCE_IDENTITY_LENGTH_MAX)];
        let mut key = Vec::with_capacity(KEY_LENGTH_MAX);
        key.extend(self.recording_id.to_le_bytes());
        key.extend(self.session_id.to_le_bytes());
        // At most 88.
        key.extend((source.len() as i32).to_le_bytes());
        key.extend(source);
        key.extend(self.archive_id.to_le_bytes());
        key
    }

    /// Reads a key. `None` for one that nobody can have written.
    pub fn decode(key: &[u8]) -> Option<Self> {
        let recording_id = i64::from_le_bytes(*key.first_chunk()?);
        let session_id = i32::from_le_bytes(*key.get(SESSION_ID_AT..)?.first_chunk()?);
        let length = key.get(SOURCE_IDENTITY_LENGTH_AT..)?.first_chunk()?;
        let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
        if length > SOURCE_IDENTITY_LENGTH_MAX {
            return None;
        }
        let (source, rest) = key.get(SOURCE_IDENTITY_AT..)?.split_at_checked(length)?;
        Some(Self {
            recording_id,
            session_id,
            source_identity: str::from_utf8(source).ok()?.to_owned(),
            archive_id: i64::from_le_bytes(*rest.first_chunk()?),
        })
    }

    /// The label, which the channel is cut off for to fit.
    pub fn label(&self, stream_id: i32, stripped_channel: &str) -> String {
        let before = format!(
            "rec-pos: {} {} {stream_id} ",
            self.recording_id, self.session_id
        );
        let after = format!(" - archiveId={}", self.archive_id);
        let room = LABEL_LENGTH_MAX.saturating_sub(before.len() + after.len());
        let mut channel = stripped_channel;
        while channel.len() > room {
            let mut characters = channel.chars();
            characters.next_back();
            channel = characters.as_str();
        }
        [before.as_str(), channel, &after].concat()
    }
}

/// The one reader of a recording's position: makes [`Recorded`] of what the recorder has said.
///
/// ```compile_fail,E0451
/// # fn forge(counter: taranis_runtime::mem::counters::ReadableCounter) {
/// let forged = taranis_archive::recorder::RecPos { counter };
/// # }
/// ```
#[derive(Debug)]
pub struct RecPos {
    counter: ReadableCounter,
}

impl RecPos {
    /// The counter of an active recording of an archive.
    pub fn find(counters: &CountersReader, archive_id: i64, recording_id: i64) -> Option<Self> {
        let is_it =
            |key: &RecPosKey| key.recording_id == recording_id && key.archive_id == archive_id;
        Self::find_where(counters, is_it).map(|(_, found)| found)
    }

    /// Recording id and counter of what an archive records of a publication's session.
    pub fn find_by_session(
        counters: &CountersReader,
        archive_id: i64,
        session_id: i32,
    ) -> Option<(i64, Self)> {
        let is_it = |key: &RecPosKey| key.session_id == session_id && key.archive_id == archive_id;
        let (key, found) = Self::find_where(counters, is_it)?;
        Some((key.recording_id, found))
    }

    /// How far the recording was written; `None` once it has stopped.
    pub fn recorded(&self) -> Option<Recorded> {
        self.counter.get_if_alive().map(Recorded::completed)
    }

    /// The counter's id.
    pub fn counter_id(&self) -> i32 {
        self.counter.id()
    }

    fn find_where(
        counters: &CountersReader,
        is_it: impl Fn(&RecPosKey) -> bool,
    ) -> Option<(RecPosKey, Self)> {
        let key_of = |counter: Counter<'_>| {
            let is_rec_pos = counter.type_id() == TYPE_ID;
            is_rec_pos
                .then(|| RecPosKey::decode(&counter.key()))
                .flatten()
        };
        let found = counters.iter().find_map(|counter| {
            let id = counter.id();
            key_of(counter).filter(|key| is_it(key)).map(|_| id)
        })?;
        let counter = counters.readable(found)?;
        // Once more, now that the handle would notice: the id may have become another counter's in between.
        let key = key_of(counters.get(found)?).filter(|key| is_it(key))?;
        Some((key, Self { counter }))
    }
}

#[cfg(test)]
mod tests {
    use taranis_runtime::mem::{
        Region,
        counters::{CountersManager, METADATA_RECORD_LEN, VALUE_RECORD_LEN},
    };

    use super::*;

    fn key() -> RecPosKey {
        RecPosKey {
            recording_id: 7,
            session_id: -5,
            source_identity: "aeron:ipc".to_owned(),
            archive_id: 42,
        }
    }

    /// 06 §11
    #[test]
    fn keys_go_there_and_back_and_long_identities_are_cut_off() {
        let bytes = key().encode();
        assert_eq!(bytes.len(), 16 + 9 + 8);
        assert_eq!(bytes[8..16], [0xFB, 0xFF, 0xFF, 0xFF, 9, 0, 0, 0]);
        assert_eq!(RecPosKey::decode(&bytes), Some(key()));
        let long = RecPosKey {
            source_identity: "x".repeat(200),
            ..key()
        };
        assert_eq!(long.encode().len(), KEY_LENGTH_MAX);
        let mut wrong = bytes.clone();
        wrong[12] = 89;
        assert_eq!(RecPosKey::decode(&wrong), None);
        for length in 0..bytes.len() {
            assert_eq!(RecPosKey::decode(&bytes[..length]), None);
        }
    }

    /// 06 §11
    #[test]
    fn labels_fit() {
        let label = key().label(1001, "aeron:ipc");
        assert_eq!(label, "rec-pos: 7 -5 1001 aeron:ipc - archiveId=42");
        let long = key().label(1001, &"c".repeat(500));
        assert_eq!(long.len(), 380);
        assert!(long.ends_with("c - archiveId=42"));
    }

    #[test]
    fn the_reader_finds_its_counter_and_loses_it_when_it_is_freed() {
        let values = Region::heap(64 * VALUE_RECORD_LEN);
        let metadata = Region::heap(64 * METADATA_RECORD_LEN);
        let mut manager = CountersManager::new(values, metadata, 0).unwrap();
        let other = RecPosKey {
            archive_id: 43,
            ..key()
        };
        for each in [&other, &key()] {
            let label = each.label(1, "aeron:ipc");
            manager
                .allocate(0, TYPE_ID, &each.encode(), &label)
                .unwrap();
        }
        let counters = manager.reader();
        assert!(RecPos::find(&counters, 42, 8).is_none());
        let reader = RecPos::find(&counters, 42, 7).unwrap();
        let id = reader.counter_id();
        manager.owned(id).unwrap().set(640);
        assert_eq!(reader.recorded().map(Recorded::position), Some(640));
        let (recording_id, same) = RecPos::find_by_session(&counters, 42, -5).unwrap();
        assert_eq!((recording_id, same.counter_id()), (7, id));
        manager.free(0, id).unwrap();
        assert_eq!(reader.recorded(), None);
    }
}
