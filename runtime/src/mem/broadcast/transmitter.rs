//! The one transmitter of a broadcast buffer (spec 01 §4.2).

use super::layout::{
    self, BadBroadcast, HEADER_LEN, LATEST_OFFSET, LENGTH_OFFSET, PADDING_TYPE, TAIL_INTENT_OFFSET,
    TAIL_OFFSET, TYPE_OFFSET,
};
use crate::mem::{
    atomic::{Ordering, fence},
    region::Region,
    word::Word64,
};

/// The writing end of a broadcast buffer: one, in one process (the driver's conductor). Never blocks and never fails for
/// want of room.
#[derive(Debug)]
pub struct Transmitter {
    region: Region,
    capacity: usize,
    /// Its own copy of the tail: another process can't mislead it.
    position: i64,
    tail_intent: Word64,
    tail: Word64,
    latest: Word64,
}

impl Transmitter {
    /// The transmitter of the buffer in `region`, which fills it to its end. Goes on where the last one stopped.
    ///
    /// # Errors
    /// [`BadBroadcast`] when the region can't be a broadcast buffer.
    pub fn open(region: Region) -> Result<Self, BadBroadcast> {
        let capacity = layout::capacity_of(region.len())?;
        let tail = region.word64(capacity + TAIL_OFFSET)?;
        Ok(Self {
            capacity,
            position: tail.load_acquire() & !(layout::RECORD_ALIGNMENT as i64 - 1),
            tail_intent: region.word64(capacity + TAIL_INTENT_OFFSET)?,
            latest: region.word64(capacity + LATEST_OFFSET)?,
            tail,
            region,
        })
    }

    /// Bytes for records.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The longest message, in bytes.
    pub fn max_message_len(&self) -> usize {
        layout::max_message_len(self.capacity)
    }

    /// Sends a message to all receivers.
    ///
    /// # Errors
    /// [`Refused`] when the type is below 1 or the message longer than [`Self::max_message_len`].
    pub fn transmit(&mut self, type_id: i32, message: &[u8]) -> Result<(), Refused> {
        self.check(type_id, message.len())?;
        let aligned = layout::aligned(HEADER_LEN + message.len());
        let index = layout::index(self.position, self.capacity);
        let to_end = self.capacity - index;
        let padding = if aligned > to_end { to_end } else { 0 };
        let begin = self.position.wrapping_add(padding as i64);
        let end = begin.wrapping_add(aligned as i64);

        self.tail_intent.store_release(end);
        // SYNC broadcast-intent: whoever sees a byte written below sees the intent too; pairs with `Receiver::is_whole`.
        fence(Ordering::Release);

        if padding > 0 {
            self.write_header(index, padding, PADDING_TYPE);
        }
        let index = layout::index(begin, self.capacity);
        self.write_header(index, HEADER_LEN + message.len(), type_id);
        self.region.write_words(index + HEADER_LEN, message);

        // SYNC broadcast-latest: a receiver that begins here finds a whole record; pairs with `Receiver::open`.
        self.latest.store_release(begin);
        // SYNC broadcast-tail: pairs with `Receiver::receive`.
        self.tail.store_release(end);
        self.position = end;
        Ok(())
    }

    fn check(&self, type_id: i32, len: usize) -> Result<(), Refused> {
        if type_id < 1 {
            return Err(Refused::TypeId { type_id });
        }
        let max = self.max_message_len();
        if len > max {
            return Err(Refused::TooLong { len, max });
        }
        Ok(())
    }

    fn write_header(&self, index: usize, record_len: usize, type_id: i32) {
        self.region
            .store_relaxed32(index + LENGTH_OFFSET, record_len as i32);
        self.region.store_relaxed32(index + TYPE_OFFSET, type_id);
    }
}

/// Why a message was not sent. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Types below 1 are not the user's.
    #[error("message type id {type_id}: must be at least 1")]
    TypeId {
        /// The type asked for.
        type_id: i32,
    },
    /// Longer than an eighth of the buffer.
    #[error("a message of {len} bytes: the longest in this buffer has {max}")]
    TooLong {
        /// Length asked for.
        len: usize,
        /// The limit.
        max: usize,
    },
}
