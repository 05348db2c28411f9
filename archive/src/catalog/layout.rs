//! The catalog file, byte by byte (06 §3.1).
//!
//! ```text
//!   0        32                       32 + frame 0             …            end            capacity = file length
//!   ├────────┼────────────────────────┼────────────────────────┼─────────────┼──────────────┤
//!   │ header │ entry 0                │ entry 1                │ …           │ zeros        │
//!   └────────┴────────────────────────┴────────────────────────┴─────────────┴──────────────┘
//!   header   0 version  4 length=32  8 next recording id  16 alignment  20 zeros
//!   entry    0 length   4 state      8 checksum  12 zeros │ 32 block of 80 bytes │ 112 three strings │ zeros to the alignment
//!                                                         └────────────── covered by length and checksum ───────────────┘
//! ```
//!
//! An entry whose length is not positive, or the end of the file, ends the entries. Everything is little-endian.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

use taranis_runtime::sbe::{Decode as _, Encode, Malformed};

use crate::codecs::{
    RecordingState,
    catalog::{CatalogHeader, RecordingDescriptor, RecordingDescriptorHeader, acting},
};

/// Name of the file in the archive's directory.
pub const FILE_NAME: &str = "archive.catalog";
/// Version 3.1.0 of the format, of catalog and mark file: `major << 16 | minor << 8 | patch`.
pub const VERSION: i32 = 0x03_01_00;
/// The part of the version that must agree.
pub const VERSION_MAJOR: i32 = VERSION >> 16;
/// Length of the file's header, and so where the first entry begins.
pub const HEADER_LENGTH: u64 = 32;
/// Where the id of the next recording stands.
pub const NEXT_RECORDING_ID_AT: u64 = 8;
/// Length of an entry's header.
pub const ENTRY_HEADER_LENGTH: usize = 32;
/// Where an entry's state stands, from its begin.
pub const ENTRY_STATE_AT: u64 = 4;
/// Where an entry's checksum stands, from its begin.
pub const ENTRY_CHECKSUM_AT: u64 = 8;
/// Where an entry's block begins, from its begin: all fields that change after creation but the strings.
pub const ENTRY_BLOCK_AT: u64 = 32;
/// Length of an entry's block.
pub const ENTRY_BLOCK_LENGTH: usize = 80;
/// Entries of a new catalog are multiples of this long: a cache line.
pub const ALIGNMENT: u32 = 64;
/// Smallest catalog.
pub const CAPACITY_MIN: u64 = 32;
/// Largest catalog.
pub const CAPACITY_MAX: u64 = 2_147_483_647;

const _: () = {
    assert!(CatalogHeader::BLOCK_LENGTH as u64 == HEADER_LENGTH);
    assert!(RecordingDescriptorHeader::BLOCK_LENGTH as usize == ENTRY_HEADER_LENGTH);
    assert!(RecordingDescriptor::BLOCK_LENGTH as usize == ENTRY_BLOCK_LENGTH);
};

/// What is wrong with a catalog's bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCatalog {
    /// Too short to be one.
    #[error("{length} bytes long; a catalog has at least {HEADER_LENGTH}")]
    TooShort {
        /// Length in bytes.
        length: usize,
    },
    /// Too long to be one.
    #[error("{length} bytes long; a catalog has at most {CAPACITY_MAX}")]
    TooLong {
        /// Length in bytes.
        length: u64,
    },
    /// Of a format that this version can't read.
    #[error("incompatible catalog file version {}, archive software is {}", dotted(*version), dotted(VERSION))]
    Version {
        /// The file's version.
        version: i32,
    },
    /// Its entries are of no length.
    #[error("alignment={alignment} at offset 16: a power of two from 8 to 4096")]
    Alignment {
        /// What stands there.
        alignment: i32,
    },
    /// The id of the next recording was given out before.
    #[error("invalid nextRecordingId: expected value greater or equal to {expected}, was {actual}")]
    NextRecordingId {
        /// The last entry's id and one.
        expected: i64,
        /// What the header says.
        actual: i64,
    },
    /// An entry reaches beyond the file.
    #[error("entry at offset {at}: length={length}, but the file has {left} bytes from there on")]
    EntryTooLong {
        /// Where the entry begins.
        at: u64,
        /// What its header says.
        length: i32,
        /// Bytes that there are.
        left: usize,
    },
    /// An entry can't be read.
    #[error("entry at offset {at}: {problem}")]
    Entry {
        /// Where the entry begins.
        at: u64,
        /// Why.
        problem: Malformed,
    },
    /// The ids of entries do not ascend.
    #[error(
        "entry at offset {at}: recordingId={id}, but ids ascend, and the one before is {before}"
    )]
    Order {
        /// Where the entry begins.
        at: u64,
        /// Its recording.
        id: i64,
        /// The recording before.
        before: i64,
    },
    /// An entry says what no recording can be.
    #[error("entry at offset {at}: recordingId={id}: {problem}")]
    Recording {
        /// Where the entry begins.
        at: u64,
        /// Its recording.
        id: i64,
        /// The broken rule, with the value.
        problem: String,
    },
}

/// The header of a file.
///
/// # Errors
/// [`BadCatalog`] for a file of another format.
pub fn decode_header(bytes: &[u8]) -> Result<(i64, u32), BadCatalog> {
    let header = CatalogHeader::decode_body(acting::<CatalogHeader>(), bytes).map_err(|_| {
        BadCatalog::TooShort {
            length: bytes.len(),
        }
    })?;
    if header.version >> 16 != VERSION_MAJOR {
        return Err(BadCatalog::Version {
            version: header.version,
        });
    }
    let alignment = u32::try_from(header.alignment).unwrap_or(0);
    if !alignment.is_power_of_two() || !(8..=4096).contains(&alignment) {
        return Err(BadCatalog::Alignment {
            alignment: header.alignment,
        });
    }
    Ok((header.next_recording_id, alignment))
}

/// The header of a new file.
pub fn encode_header(next_recording_id: i64) -> Vec<u8> {
    body(&CatalogHeader {
        version: VERSION,
        length: 32,
        next_recording_id,
        alignment: ALIGNMENT.cast_signed(),
        reserved: 0,
    })
}

/// An entry as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RawEntry<'a> {
    /// Whether it counts.
    pub state: RecordingState,
    /// Checksum of what follows its header; 0 without one.
    pub checksum: i32,
    /// All of its bytes, header and padding included.
    pub frame: &'a [u8],
}

impl<'a> RawEntry<'a> {
    /// The entry at byte `at` of the file. `None` at the end of the entries.
    ///
    /// # Errors
    /// [`BadCatalog`] for one that is none.
    pub fn decode(file: &'a [u8], at: u64, alignment: u32) -> Result<Option<Self>, BadCatalog> {
        let rest = usize::try_from(at).ok().and_then(|at| file.get(at..));
        let Some(rest) = rest.filter(|rest| rest.len() >= ENTRY_HEADER_LENGTH) else {
            return Ok(None);
        };
        let broken = |problem| BadCatalog::Entry { at, problem };
        let length = rest
            .first_chunk()
            .map_or(0, |word| i32::from_le_bytes(*word));
        // Nothing but the length counts at the end: the rest may be what an add that was cut short left behind.
        let Ok(body_length) = usize::try_from(length) else {
            return Ok(None);
        };
        if body_length == 0 {
            return Ok(None);
        }
        let header =
            RecordingDescriptorHeader::decode_body(acting::<RecordingDescriptorHeader>(), rest)
                .map_err(broken)?;
        let frame = frame_length(body_length, alignment).and_then(|length| rest.get(..length));
        let Some(frame) = frame else {
            return Err(BadCatalog::EntryTooLong {
                at,
                length,
                left: rest.len(),
            });
        };
        Ok(Some(Self {
            state: header.state,
            checksum: header.checksum,
            frame,
        }))
    }

    /// What it describes.
    ///
    /// # Errors
    /// [`Malformed`] when its bytes are no descriptor.
    pub fn descriptor(&self) -> Result<RecordingDescriptor<'a>, Malformed> {
        let body = self.frame.get(ENTRY_HEADER_LENGTH..).unwrap_or_default();
        RecordingDescriptor::decode_body(acting::<RecordingDescriptor<'_>>(), body)
    }
}

/// Length of an entry whose header is followed by `body_length` bytes. `None` when there can't be one as long.
pub fn frame_length(body_length: usize, alignment: u32) -> Option<usize> {
    let alignment = usize::try_from(alignment).ok()?;
    body_length
        .checked_add(ENTRY_HEADER_LENGTH)?
        .checked_next_multiple_of(alignment)
}

/// The header of an entry that is `frame_length` bytes long.
pub fn encode_entry_header(frame_length: usize, state: RecordingState, checksum: i32) -> Vec<u8> {
    let length = frame_length.saturating_sub(ENTRY_HEADER_LENGTH);
    body(&RecordingDescriptorHeader {
        // An entry is shorter than its file.
        length: i32::try_from(length).unwrap_or(i32::MAX),
        state,
        checksum,
        reserved: 0,
    })
}

/// A descriptor without any header, filled up with zeros to `length` bytes.
pub fn encode_descriptor(descriptor: &RecordingDescriptor<'_>, length: usize) -> Vec<u8> {
    let mut bytes = body(descriptor);
    bytes.resize(length.max(bytes.len()), 0);
    bytes
}

fn body(message: &impl Encode) -> Vec<u8> {
    let mut bytes = vec![0; message.body_len()];
    // It is as long as the message says it needs; nothing else can fail.
    let encoded = message.encode_body(&mut bytes);
    debug_assert!(encoded.is_ok(), "{encoded:?}");
    bytes
}

/// A version as people write it.
fn dotted(version: i32) -> String {
    let [patch, minor, major, _] = version.to_le_bytes();
    format!("{major}.{minor}.{patch}")
}
