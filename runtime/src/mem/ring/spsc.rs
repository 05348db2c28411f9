//! One producer, one consumer (spec 01 §3.4).
//!
//! The producer keeps the header after its last record zero, so the consumer clears nothing. A consumer of this kind must
//! not be fed by many producers.

use super::{
    BadRing, Claim, Refused, Ring, claim,
    layout::HEADER_LEN,
    read::{Action, Consumed, CorruptRecord, Reader},
};
use crate::mem::region::Region;

/// The least capacity of such a ring, in bytes.
pub const MIN_CAPACITY: usize = 16;

/// The producer's end: one per ring.
#[derive(Debug)]
pub struct Producer {
    ring: Ring,
}

impl Producer {
    /// The producer on the ring in `region`, which fills it to its end.
    ///
    /// # Errors
    /// [`BadRing`] when the region can't be a ring.
    pub fn open(region: Region) -> Result<Self, BadRing> {
        let ring = Ring::with_min_capacity(region, MIN_CAPACITY)?;
        Ok(Self { ring })
    }

    /// What anybody may see of the ring.
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Copies a message into the ring.
    ///
    /// # Errors
    /// [`Refused`]: no room, a type below 1, or longer than [`Ring::max_message_len`].
    pub fn write(&mut self, type_id: i32, message: &[u8]) -> Result<(), Refused> {
        let mut claim = self.try_claim(type_id, message.len())?;
        claim.write(0, message);
        Ok(claim.commit()?)
    }

    /// Claims space for a message of `len` bytes, to be written in place.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn try_claim(&mut self, type_id: i32, len: usize) -> Result<Claim<'_>, Refused> {
        let aligned = claim::required(&self.ring, type_id, len)?;
        let index = self.claim(aligned).ok_or(Refused::Full)?;
        Ok(Claim::begin(&self.ring, index, type_id, len))
    }

    fn claim(&mut self, aligned: usize) -> Option<usize> {
        let ring = &self.ring;
        // One header more than the record takes, for the zero length after it.
        let required = aligned + HEADER_LEN;
        // Relaxed: tail and head cache are this producer's own.
        let tail = ring.tail.load_relaxed();
        let mut head = ring.head_cache.load_relaxed();
        if required > ring.free(tail, head) {
            head = self.refresh_head();
            if required > ring.free(tail, head) {
                return None;
            }
        }
        let tail_index = ring.index(tail);
        let to_end = ring.capacity - tail_index;
        if required <= to_end {
            self.advance(tail, aligned);
            self.zero_header(tail_index + aligned);
            return Some(tail_index);
        }
        if aligned == to_end {
            self.advance(tail, aligned);
            self.zero_header(0);
            return Some(tail_index);
        }
        if required > ring.index(head) {
            head = self.refresh_head();
        }
        let fits = required <= ring.index(head);
        self.advance(tail, to_end + if fits { aligned } else { 0 });
        // Before the padding is seen: the consumer goes on at index 0 after it.
        self.zero_header(0);
        claim::pad(ring, tail_index, to_end);
        fits.then(|| {
            self.zero_header(aligned);
            0
        })
    }

    fn refresh_head(&self) -> i64 {
        // SYNC ring-consumed: pairs with `Batch::publish`.
        let head = self.ring.head.load_acquire();
        self.ring.head_cache.store_relaxed(head);
        head
    }

    fn advance(&self, tail: i64, by: usize) {
        // For those who look on; the consumer never reads it.
        self.ring.tail.store_release(tail.wrapping_add(by as i64));
    }

    fn zero_header(&self, index: usize) {
        self.ring.region.zero_words(index, HEADER_LEN);
    }
}

/// The consumer's end: one per ring.
#[derive(Debug)]
pub struct Consumer {
    reader: Reader,
}

impl Consumer {
    /// The consumer of the ring in `region`, which fills it to its end.
    ///
    /// # Errors
    /// [`BadRing`] when the region can't be a ring.
    pub fn open(region: Region) -> Result<Self, BadRing> {
        let ring = Ring::with_min_capacity(region, MIN_CAPACITY)?;
        Ok(Self {
            reader: Reader::new(ring, Consumed::Left),
        })
    }

    /// What anybody may see of the ring.
    pub fn ring(&self) -> &Ring {
        &self.reader.ring
    }

    /// Hands up to `limit` messages to `handler` as (type id, message); returns how many. Stops at the ring's physical
    /// end, so a second call may find more.
    ///
    /// # Errors
    /// [`CorruptRecord`] when another process damaged the ring; the rest was skipped, reading may go on.
    pub fn read(
        &mut self,
        limit: usize,
        mut handler: impl FnMut(i32, &[u8]),
    ) -> Result<usize, CorruptRecord> {
        self.reader.read(limit, |type_id, message| {
            handler(type_id, message);
            Action::Continue
        })
    }

    /// As [`Self::read`], with the handler saying what becomes of each message. An aborted one is not counted.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn controlled_read(
        &mut self,
        limit: usize,
        handler: impl FnMut(i32, &[u8]) -> Action,
    ) -> Result<usize, CorruptRecord> {
        self.reader.read(limit, handler)
    }

    /// Stores when the consumer was last alive, epoch ms; −1 says that it is closed.
    pub fn set_heartbeat_ms(&self, epoch_ms: i64) {
        self.ring().heartbeat.store_release(epoch_ms);
    }
}
