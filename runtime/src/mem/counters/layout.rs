//! Counters' bytes (spec 01 §5.1, 02 §7.1): two arrays indexed by counter id, one of values, one of metadata.
//!
//! ```text
//!  values, 128 bytes each        0       8                 16         24             32 … 128
//!                                ├ value ┼ registration id ┼ owner id ┼ reference id ┼ padding
//!
//!  metadata, 512 bytes each      0       4         8                     16         128            132          512
//!                                ├ state ┼ type id ┼ free-for-reuse, ms ┼ key, 112 ┼ label length ┼ label, 380 ┤
//! ```
//!
//! States: 0 unused (no id from here on was ever used), 1 allocated, −1 reclaimed. From reclaimed an id goes straight to
//! allocated again: whoever looked a counter up compares its registration id before and after use.
//!
//! | word | only writer | ordering | readers |
//! |---|---|---|---|
//! | value | the counter's owner; several where it is counted with get-and-add | release | anybody (acquire) |
//! | registration id | manager | release | anybody (acquire) |
//! | owner id, reference id | manager | relaxed | anybody (relaxed) |
//! | state | manager | release, last when allocating, first when freeing | anybody (acquire) |
//! | type id, key, free-for-reuse deadline | manager | relaxed | anybody, after the state |
//! | label length | manager, then the counter's owner | release, after the label | anybody (acquire) |
//! | label | as its length | relaxed | anybody, after the length; torn while it is replaced |

use crate::mem::region::{OutOfRegion, Region};

pub(super) const VALUE_OFFSET: usize = 0;
pub(super) const REGISTRATION_ID_OFFSET: usize = VALUE_OFFSET + 8;
pub(super) const OWNER_ID_OFFSET: usize = REGISTRATION_ID_OFFSET + 8;
pub(super) const REFERENCE_ID_OFFSET: usize = OWNER_ID_OFFSET + 8;
/// Length of a counter's record among the values, in bytes.
pub const VALUE_RECORD_LEN: usize = REFERENCE_ID_OFFSET + 8 + 96;

pub(super) const STATE_OFFSET: usize = 0;
pub(super) const TYPE_ID_OFFSET: usize = STATE_OFFSET + 4;
pub(super) const DEADLINE_OFFSET: usize = TYPE_ID_OFFSET + 4;
pub(super) const KEY_OFFSET: usize = DEADLINE_OFFSET + 8;
pub(super) const LABEL_LENGTH_OFFSET: usize = KEY_OFFSET + MAX_KEY_LEN;
pub(super) const LABEL_OFFSET: usize = LABEL_LENGTH_OFFSET + 4;
/// Length of a counter's record among the metadata, in bytes.
pub const METADATA_RECORD_LEN: usize = LABEL_OFFSET + MAX_LABEL_LEN;

/// The longest key, in bytes.
pub const MAX_KEY_LEN: usize = 112;
/// The longest label, in bytes.
pub const MAX_LABEL_LEN: usize = 380;

pub(super) const UNUSED: i32 = 0;
pub(super) const ALLOCATED: i32 = 1;
pub(super) const RECLAIMED: i32 = -1;
/// Free-for-reuse deadline of a counter in use.
pub(super) const IN_USE: i64 = i64::MAX;

const _: () = assert!(VALUE_RECORD_LEN == 128 && METADATA_RECORD_LEN == 512);
const _: () = assert!(KEY_OFFSET == 16 && LABEL_LENGTH_OFFSET == 128 && LABEL_OFFSET == 132);

/// The two regions, measured.
#[derive(Clone, Debug)]
pub(super) struct Arrays {
    pub(super) values: Region,
    pub(super) metadata: Region,
    capacity: i32,
}

impl Arrays {
    pub(super) fn new(values: Region, metadata: Region) -> Result<Self, BadCounters> {
        let capacity = values.len() / VALUE_RECORD_LEN;
        let lengths = BadCounters::Lengths {
            values_len: values.len(),
            metadata_len: metadata.len(),
        };
        if capacity == 0 || metadata.len() / METADATA_RECORD_LEN < capacity {
            return Err(lengths);
        }
        // The words of every record are aligned if those of the first are.
        values.word64(VALUE_OFFSET)?;
        metadata.word64(DEADLINE_OFFSET)?;
        Ok(Self {
            capacity: i32::try_from(capacity).map_err(|_| lengths)?,
            values,
            metadata,
        })
    }

    /// Number of ids there is room for.
    pub(super) fn capacity(&self) -> i32 {
        self.capacity
    }

    /// Where the records of a counter begin, if there is room for that id.
    pub(super) fn slot(&self, counter_id: i32) -> Option<Slot> {
        if !(0..self.capacity).contains(&counter_id) {
            return None;
        }
        Some(Slot {
            value: counter_id as usize * VALUE_RECORD_LEN,
            metadata: counter_id as usize * METADATA_RECORD_LEN,
        })
    }
}

/// Offsets of one counter's records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) value: usize,
    pub(super) metadata: usize,
}

/// Two regions that can't hold counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCounters {
    /// No room for one counter, or less metadata than values.
    #[error(
        "{values_len} bytes of counter values with {metadata_len} of metadata: needs at least 128, with 512 of metadata per 128"
    )]
    Lengths {
        /// Length of the values.
        values_len: usize,
        /// Length of the metadata.
        metadata_len: usize,
    },
    /// A region is misaligned.
    #[error(transparent)]
    Region(#[from] OutOfRegion),
}
