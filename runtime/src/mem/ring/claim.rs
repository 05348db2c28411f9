//! A claimed record: written in place, then committed; dropped, it becomes padding.

use super::{
    Ring,
    layout::{self, HEADER_LEN, LENGTH_OFFSET, PADDING_TYPE, TYPE_OFFSET},
};
use crate::mem::atomic::{Ordering, fence};

/// Space for one message in a ring, owned until [`Claim::commit`]. Dropping it aborts: the consumer skips the record.
#[derive(Debug)]
#[must_use = "a claim that is not committed is aborted"]
pub struct Claim<'a> {
    ring: &'a Ring,
    index: usize,
    message_len: usize,
}

impl<'a> Claim<'a> {
    /// Marks the claimed space at `index` as being written.
    pub(super) fn begin(ring: &'a Ring, index: usize, type_id: i32, message_len: usize) -> Self {
        let claim = Self {
            ring,
            index,
            message_len,
        };
        let region = &ring.region;
        region.store_release32(index + LENGTH_OFFSET, -claim.record_len());
        // SYNC ring-claimed: no byte of the message may be seen before the negative length; whoever unblocks scans for
        // words that are not zero, and then looks at this length again.
        fence(Ordering::Release);
        region.store_relaxed32(index + TYPE_OFFSET, type_id);
        claim
    }

    /// Length of the message in bytes.
    pub fn len(&self) -> usize {
        self.message_len
    }

    /// Whether the message has no bytes.
    pub fn is_empty(&self) -> bool {
        self.message_len == 0
    }

    /// Copies bytes into the message, from byte `at` on.
    ///
    /// # Panics
    /// When they do not fit: the length was the caller's own.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        assert!(
            at <= self.message_len && bytes.len() <= self.message_len - at,
            "{} bytes at {at} of a claim of {}",
            bytes.len(),
            self.message_len
        );
        let start = self.index + HEADER_LEN;
        if at.is_multiple_of(4) && at + bytes.len() == self.message_len {
            self.ring.region.write_words(start + at, bytes);
        } else {
            self.ring.region.patch_words(start + at, bytes);
        }
    }

    /// Publishes the message.
    ///
    /// # Errors
    /// [`ClaimLost`] when the consumer has given the claim up meanwhile; the message is not delivered.
    pub fn commit(self) -> Result<(), ClaimLost> {
        let finished = self.finish();
        std::mem::forget(self);
        finished
    }

    /// Gives the claim up, as dropping it does.
    pub fn abort(self) {
        drop(self);
    }

    fn finish(&self) -> Result<(), ClaimLost> {
        let at = self.index + LENGTH_OFFSET;
        let record_len = self.record_len();
        // Relaxed: only this claim and an unblocking consumer ever write this word.
        if self.ring.region.load_relaxed32(at) != -record_len {
            return Err(ClaimLost);
        }
        // SYNC ring-committed: pairs with the load in `Reader::read`.
        self.ring.region.store_release32(at, record_len);
        Ok(())
    }

    fn record_len(&self) -> i32 {
        (HEADER_LEN + self.message_len) as i32
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let type_at = self.index + TYPE_OFFSET;
        if self.ring.region.load_relaxed32(self.index + LENGTH_OFFSET) == -self.record_len() {
            self.ring.region.store_relaxed32(type_at, PADDING_TYPE);
            // A claim lost in between is given up already.
            let _ = self.finish();
        }
    }
}

/// Writes a padding record of `len` bytes at `index`, which the caller has claimed.
pub(super) fn pad(ring: &Ring, index: usize, len: usize) {
    let region = &ring.region;
    region.store_release32(index + LENGTH_OFFSET, -(len as i32));
    // SYNC ring-claimed: as in `Claim::begin`.
    fence(Ordering::Release);
    region.store_relaxed32(index + TYPE_OFFSET, PADDING_TYPE);
    // SYNC ring-committed: as in `Claim::finish`.
    region.store_release32(index + LENGTH_OFFSET, len as i32);
}

/// Checks what a caller wants to write, and gives the bytes the record will occupy.
pub(super) fn required(ring: &Ring, type_id: i32, message_len: usize) -> Result<usize, Refused> {
    if type_id < 1 {
        return Err(Refused::TypeId { type_id });
    }
    if message_len > ring.max_message_len {
        return Err(Refused::TooLong {
            len: message_len,
            max: ring.max_message_len,
        });
    }
    Ok(layout::aligned(HEADER_LEN + message_len))
}

/// Why a message was not taken. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No room: try again when the consumer has read.
    #[error("the ring is full")]
    Full,
    /// Types below 1 are not the user's.
    #[error("message type id {type_id}: must be at least 1")]
    TypeId {
        /// The type asked for.
        type_id: i32,
    },
    /// Longer than an eighth of the ring.
    #[error("a message of {len} bytes: the longest in this ring has {max}")]
    TooLong {
        /// Length asked for.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The claim was given up by the consumer before it was committed.
    #[error(transparent)]
    Lost(#[from] ClaimLost),
}

/// The consumer gave up the claim before it was committed: it had stood still for longer than the consumer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim was unblocked by the ring's consumer before it was committed")]
pub struct ClaimLost;
