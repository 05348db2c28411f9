//! A distinct error log's bytes (spec 01 §6.1, 02 §8.2): records from offset 0 on, up to a length of 0 or the end.
//!
//! ```text
//!  record, at a multiple of 8
//!  0        4                   8                     16                     24
//!  ├ length ┼ observation count ┼ last observation ms ┼ first observation ms ┼ text ── … ── to a multiple of 8
//! ```
//!
//! A record's length counts its header, not the fill at its end. Times are epoch ms. The text has no terminator.
//!
//! | word | only writer | ordering | readers |
//! |---|---|---|---|
//! | length | the log's owner | release, last | anybody (acquire) |
//! | observation count | the log's owner | relaxed | anybody (relaxed) |
//! | last observation | the log's owner | release | anybody (acquire) |
//! | first observation, text | the log's owner | relaxed, before the length | anybody, after the length |

pub(super) const LENGTH_OFFSET: usize = 0;
pub(super) const COUNT_OFFSET: usize = LENGTH_OFFSET + 4;
pub(super) const LAST_OFFSET: usize = COUNT_OFFSET + 4;
pub(super) const FIRST_OFFSET: usize = LAST_OFFSET + 8;
pub(super) const TEXT_OFFSET: usize = FIRST_OFFSET + 8;
/// Records begin at multiples of this.
pub(super) const RECORD_ALIGNMENT: usize = 8;

const _: () = assert!(LAST_OFFSET == 8 && TEXT_OFFSET == 24);

/// Bytes a record of `record_len` bytes occupies.
pub(super) fn aligned(record_len: usize) -> usize {
    record_len.next_multiple_of(RECORD_ALIGNMENT)
}
