//! A ring's bytes (spec 01 §3.1, 02 §2.5): `capacity` bytes of records, a power of two, and a trailer.
//!
//! ```text
//!  0                                            capacity
//!  ├───────────────── records ─────────────────┤├──────────────── trailer, 768 bytes ───────────────┤
//!                                               +0     +128   +256         +384   +512          +640
//!                                               padding tail   head cache   head   correlation   consumer
//!                                               (zero)                             counter       heartbeat
//!
//!  record, at a multiple of 8                   0          4          8
//!                                               ├─ length ─┼── type ──┼── message ── … ── to a multiple of 8
//! ```
//!
//! A record's length counts its header, not the fill at its end: above 0 committed, below 0 being written, 0 not written.
//! Positions count bytes and never wrap; `position & (capacity - 1)` is the index. A record never wraps: padding fills the
//! end instead.
//!
//! | word | only writer | ordering | readers |
//! |---|---|---|---|
//! | tail | many producers / the one producer | compare-and-set / release | producers, consumer (acquire) |
//! | head cache | producers | release / relaxed | producers (acquire / relaxed) |
//! | head | consumer | release, after the zeros | producers (acquire) |
//! | correlation counter | anybody | get-and-add | the same call |
//! | consumer heartbeat, epoch ms, −1 closed | consumer | release | anybody (acquire) |
//! | record length | who claimed it; the consumer when unblocking or clearing | negative: release, then a release fence; positive: release | consumer (acquire) |
//! | record type, message | who claimed it | relaxed, between the two lengths | consumer, after the length |

use crate::mem::region::OutOfRegion;

/// Records begin at multiples of this.
pub(super) const RECORD_ALIGNMENT: usize = 8;
/// Length and type.
pub(super) const HEADER_LEN: usize = 8;
pub(super) const LENGTH_OFFSET: usize = 0;
pub(super) const TYPE_OFFSET: usize = LENGTH_OFFSET + 4;
/// The type of a record that carries no message.
pub(super) const PADDING_TYPE: i32 = -1;

/// Length of the trailer behind the records, in bytes.
pub const TRAILER_LEN: usize = HEARTBEAT_OFFSET + 128;
pub(super) const TAIL_OFFSET: usize = 128;
pub(super) const HEAD_CACHE_OFFSET: usize = TAIL_OFFSET + 128;
pub(super) const HEAD_OFFSET: usize = HEAD_CACHE_OFFSET + 128;
pub(super) const CORRELATION_OFFSET: usize = HEAD_OFFSET + 128;
pub(super) const HEARTBEAT_OFFSET: usize = CORRELATION_OFFSET + 128;

const _: () = assert!(HEADER_LEN == TYPE_OFFSET + 4 && HEADER_LEN == RECORD_ALIGNMENT);
const _: () = assert!(TRAILER_LEN == 768);
const _: () = assert!(HEAD_OFFSET == 384 && CORRELATION_OFFSET == 512 && HEARTBEAT_OFFSET == 640);

/// Bytes a record of `record_len` bytes occupies.
pub(super) fn aligned(record_len: usize) -> usize {
    record_len.next_multiple_of(RECORD_ALIGNMENT)
}

/// The longest message of a ring: an eighth of the capacity; none in a ring of the least capacity.
pub(super) fn max_message_len(capacity: usize, min_capacity: usize) -> usize {
    if capacity == min_capacity {
        0
    } else {
        (capacity / 8).max(8)
    }
}

/// The capacity of a ring in a region of `region_len` bytes.
pub(super) fn capacity_of(region_len: usize, min_capacity: usize) -> Result<usize, BadRing> {
    let fits = |capacity: &usize| {
        // A record's length is an i32, so no index may pass that.
        capacity.is_power_of_two() && *capacity >= min_capacity && *capacity < i32::MAX as usize
    };
    region_len
        .checked_sub(TRAILER_LEN)
        .filter(fits)
        .ok_or(BadRing::Length {
            region_len,
            min_capacity,
        })
}

/// A region that can't be a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRing {
    /// The capacity is not a power of two, or out of range.
    #[error(
        "a region of {region_len} bytes is no ring: its length less 768 is a power of two from {min_capacity} to 1073741824"
    )]
    Length {
        /// Length of the region.
        region_len: usize,
        /// Least capacity of this kind of ring.
        min_capacity: usize,
    },
    /// The region is misaligned.
    #[error(transparent)]
    Region(#[from] OutOfRegion),
}
