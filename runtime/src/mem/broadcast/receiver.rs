//! A receiver that copies each message before it looks at it (spec 01 §4.3).

use super::layout::{
    self, BadBroadcast, HEADER_LEN, LATEST_OFFSET, LENGTH_OFFSET, PADDING_TYPE, TAIL_INTENT_OFFSET,
    TAIL_OFFSET, TYPE_OFFSET,
};
use crate::mem::{
    atomic::{Ordering, fence},
    region::Region,
    word::Word64,
};

/// Scratch for messages up to this length is there from the start; it grows to the longest one, an eighth of the buffer.
const INITIAL_SCRATCH_LEN: usize = 4096;

/// A receiving end of a broadcast buffer: any number, each with its own place.
#[derive(Debug)]
pub struct Receiver {
    region: Region,
    capacity: usize,
    /// Where the next record begins.
    next: i64,
    lapped: u64,
    scratch: Vec<u8>,
    tail_intent: Word64,
    tail: Word64,
}

impl Receiver {
    /// A receiver of the buffer in `region`, which fills it to its end. It begins with the last message sent before, if
    /// there was one: whoever waits for an answer ignores correlation ids it does not know.
    ///
    /// # Errors
    /// [`BadBroadcast`] when the region can't be a broadcast buffer.
    pub fn open(region: Region) -> Result<Self, BadBroadcast> {
        let capacity = layout::capacity_of(region.len())?;
        // SYNC broadcast-latest: pairs with `Transmitter::transmit`.
        let next = region.word64(capacity + LATEST_OFFSET)?.load_acquire();
        let scratch_len = INITIAL_SCRATCH_LEN.min(layout::max_message_len(capacity));
        Ok(Self {
            capacity,
            next,
            lapped: 0,
            scratch: vec![0; scratch_len],
            tail_intent: region.word64(capacity + TAIL_INTENT_OFFSET)?,
            tail: region.word64(capacity + TAIL_OFFSET)?,
            region,
        })
    }

    /// Bytes for records.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How often messages were lost because this receiver was too slow.
    pub fn lapped_count(&self) -> u64 {
        self.lapped
    }

    /// Hands the next message to `handler` as (type id, message), if there is one; returns whether there was.
    ///
    /// Allocates only where a message is longer than all before and than 4,096 bytes.
    ///
    /// # Errors
    /// [`ReceiveError::Lapped`] when messages were lost, [`ReceiveError::Corrupt`] when the buffer holds what can't be a
    /// record. Either way the receiver goes on with the next message to be sent; a client's view of its driver is then
    /// stale, so it has to give up.
    pub fn receive(&mut self, handler: impl FnOnce(i32, &[u8])) -> Result<bool, ReceiveError> {
        // SYNC broadcast-tail: pairs with `Transmitter::transmit`; records below are whole until they are overwritten.
        let tail = self.tail.load_acquire();
        if tail.wrapping_sub(self.next) <= 0 {
            return Ok(false);
        }
        let mut begin = self.next;
        let mut header = self.header(begin)?;
        if header.type_id == PADDING_TYPE {
            begin = begin.wrapping_add(header.aligned());
            header = self.header(begin)?;
        }
        let len = header.record_len - HEADER_LEN;
        if header.type_id == PADDING_TYPE || len > layout::max_message_len(self.capacity) {
            return Err(self.corrupt(begin, header.record_len as i32));
        }
        if self.scratch.len() < len {
            self.scratch.resize(len, 0);
        }
        let from = layout::index(begin, self.capacity) + HEADER_LEN;
        self.region.read_words(from, &mut self.scratch[..len]);
        if !self.is_whole(begin) {
            return Err(self.lapped());
        }
        self.next = begin.wrapping_add(header.aligned());
        handler(header.type_id, &self.scratch[..len]);
        Ok(true)
    }

    /// The header of the record at `begin`, validated to be one.
    fn header(&mut self, begin: i64) -> Result<Header, ReceiveError> {
        let index = layout::index(begin, self.capacity);
        let length = self.region.load_relaxed32(index + LENGTH_OFFSET);
        let type_id = self.region.load_relaxed32(index + TYPE_OFFSET);
        if !self.is_whole(begin) {
            return Err(self.lapped());
        }
        match usize::try_from(length) {
            Ok(record_len) if (HEADER_LEN..=self.capacity - index).contains(&record_len) => {
                Ok(Header {
                    record_len,
                    type_id,
                })
            }
            _ => Err(self.corrupt(begin, length)),
        }
    }

    /// Whether what was read from the record at `begin` was not being overwritten.
    fn is_whole(&self, begin: i64) -> bool {
        // SYNC broadcast-intent: if a byte read before was of a later record, its intent is seen now; pairs with the fence
        // in `Transmitter::transmit`.
        fence(Ordering::Acquire);
        let intent = self.tail_intent.load_acquire();
        intent.wrapping_sub(begin) < self.capacity as i64
    }

    fn lapped(&mut self) -> ReceiveError {
        self.lapped += 1;
        self.next = self.tail.load_acquire();
        ReceiveError::Lapped
    }

    fn corrupt(&mut self, position: i64, length: i32) -> ReceiveError {
        self.next = self.tail.load_acquire();
        ReceiveError::Corrupt { position, length }
    }
}

struct Header {
    record_len: usize,
    type_id: i32,
}

impl Header {
    fn aligned(&self) -> i64 {
        layout::aligned(self.record_len) as i64
    }
}

/// Why there is no message, though some were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The transmitter overtook this receiver: messages are lost.
    #[error("unable to keep up with broadcast")]
    Lapped,
    /// A record whose length can't be: some process wrote where it may not.
    #[error(
        "the broadcast record at position {position} has length {length}, which is no record's"
    )]
    Corrupt {
        /// Position of the record.
        position: i64,
        /// The length found.
        length: i32,
    },
}
