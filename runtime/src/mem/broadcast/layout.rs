//! A broadcast buffer's bytes (spec 01 §4.1, 02 §2.6): `capacity` bytes of records, a power of two, and a trailer.
//!
//! ```text
//!  0                                            capacity
//!  ├───────────────── records ─────────────────┤├──────── trailer, 128 bytes ────────┤
//!                                               +0            +8     +16      +24
//!                                               tail intent   tail   latest   padding
//!
//!  record, at a multiple of 8                   0          4          8
//!                                               ├─ length ─┼── type ──┼── message ── … ── to a multiple of 8
//! ```
//!
//! A record's length counts its header, not the fill at its end. Positions count bytes and never wrap;
//! `position & (capacity - 1)` is the index. A record never wraps: padding fills the end instead.
//!
//! | word | only writer | ordering | readers |
//! |---|---|---|---|
//! | tail intent: up to where bytes may have been overwritten | transmitter | release, then a release fence, before any byte | receivers (acquire, after an acquire fence) |
//! | tail: up to where records are whole | transmitter | release, last | receivers (acquire) |
//! | latest: where the last record begins | transmitter | release | new receivers (acquire) |
//! | records | transmitter | relaxed | receivers copy, then look at tail intent |

use crate::mem::region::OutOfRegion;

/// Records begin at multiples of this.
pub(super) const RECORD_ALIGNMENT: usize = 8;
/// Length and type.
pub(super) const HEADER_LEN: usize = 8;
pub(super) const LENGTH_OFFSET: usize = 0;
pub(super) const TYPE_OFFSET: usize = LENGTH_OFFSET + 4;
/// The type of a record that carries no message.
pub(super) const PADDING_TYPE: i32 = -1;

pub(super) const TAIL_INTENT_OFFSET: usize = 0;
pub(super) const TAIL_OFFSET: usize = TAIL_INTENT_OFFSET + 8;
pub(super) const LATEST_OFFSET: usize = TAIL_OFFSET + 8;
/// Length of the trailer behind the records, in bytes.
pub const TRAILER_LEN: usize = LATEST_OFFSET + 8 + 104;

const _: () = assert!(HEADER_LEN == TYPE_OFFSET + 4 && HEADER_LEN == RECORD_ALIGNMENT);
const _: () = assert!(TRAILER_LEN == 128);

/// Bytes a record of `record_len` bytes occupies.
pub(super) fn aligned(record_len: usize) -> usize {
    record_len.next_multiple_of(RECORD_ALIGNMENT)
}

/// Index of a position: masked and on a record boundary, whatever the shared word said.
pub(super) fn index(position: i64, capacity: usize) -> usize {
    position as usize & (capacity - 1) & !(RECORD_ALIGNMENT - 1)
}

/// The longest message: an eighth of the capacity.
pub(super) fn max_message_len(capacity: usize) -> usize {
    capacity / 8
}

/// The capacity of a broadcast buffer in a region of `region_len` bytes.
pub(super) fn capacity_of(region_len: usize) -> Result<usize, BadBroadcast> {
    let fits = |capacity: &usize| {
        // A record's length is an i32, so no index may pass that.
        capacity.is_power_of_two() && *capacity >= RECORD_ALIGNMENT && *capacity < i32::MAX as usize
    };
    region_len
        .checked_sub(TRAILER_LEN)
        .filter(fits)
        .ok_or(BadBroadcast::Length { region_len })
}

/// A region that can't be a broadcast buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadBroadcast {
    /// The capacity is not a power of two, or out of range.
    #[error(
        "a region of {region_len} bytes is no broadcast buffer: its length less 128 is a power of two from 8 to 1073741824"
    )]
    Length {
        /// Length of the region.
        region_len: usize,
    },
    /// The region is misaligned.
    #[error(transparent)]
    Region(#[from] OutOfRegion),
}
