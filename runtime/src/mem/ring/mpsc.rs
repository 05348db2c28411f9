//! Many producers, one consumer (spec 01 §3.2, §3.3, §3.5): how clients' commands reach their driver.

use super::{
    BadRing, Claim, Refused, Ring, claim,
    layout::{HEADER_LEN, LENGTH_OFFSET, PADDING_TYPE, RECORD_ALIGNMENT, TYPE_OFFSET},
    read::{Action, Consumed, CorruptRecord, Reader},
};
use crate::mem::region::Region;

/// The least capacity of such a ring, in bytes.
pub const MIN_CAPACITY: usize = 8;

/// A producer's end. Clone it for as many threads as needed; other processes open their own.
#[derive(Clone, Debug)]
pub struct Producer {
    ring: Ring,
}

impl Producer {
    /// A producer on the ring in `region`, which fills it to its end.
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
    pub fn write(&self, type_id: i32, message: &[u8]) -> Result<(), Refused> {
        let mut claim = self.try_claim(type_id, message.len())?;
        claim.write(0, message);
        Ok(claim.commit()?)
    }

    /// Claims space for a message of `len` bytes, to be written in place.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn try_claim(&self, type_id: i32, len: usize) -> Result<Claim<'_>, Refused> {
        let required = claim::required(&self.ring, type_id, len)?;
        let index = self.claim(required).ok_or(Refused::Full)?;
        Ok(Claim::begin(&self.ring, index, type_id, len))
    }

    /// Moves the tail past `required` bytes in one piece, and past the ring's end where they would cross it.
    fn claim(&self, required: usize) -> Option<usize> {
        let ring = &self.ring;
        let mut head = ring.head_cache.load_acquire();
        loop {
            let tail = ring.tail.load_acquire();
            if required > ring.free(tail, head) {
                // SYNC ring-consumed: pairs with `Batch::publish`.
                head = ring.head.load_acquire();
                if required > ring.free(tail, head) {
                    return None;
                }
                ring.head_cache.store_release(head);
            }
            let tail_index = ring.index(tail);
            let to_end = ring.capacity - tail_index;
            let (padding, index) = if required <= to_end {
                (0, Some(tail_index))
            } else {
                if required > ring.index(head) {
                    // SYNC ring-consumed: as above.
                    head = ring.head.load_acquire();
                    ring.head_cache.store_release(head);
                }
                // Without room at the start the end is padded all the same: a small ring could not move on otherwise.
                (to_end, (required <= ring.index(head)).then_some(0))
            };
            let advance = padding + index.map_or(0, |_| required);
            if ring
                .tail
                .compare_and_set(tail, tail.wrapping_add(advance as i64))
            {
                if padding > 0 {
                    claim::pad(ring, tail_index, padding);
                }
                return index;
            }
        }
    }
}

/// The consumer's end. There is one per ring, in one process: the driver's conductor.
#[derive(Debug)]
pub struct Consumer {
    reader: Reader,
}

impl Consumer {
    /// The consumer of the ring in `region`, which fills it to its end. Opening a second one is a bug of the caller:
    /// messages are then lost or seen twice.
    ///
    /// # Errors
    /// [`BadRing`] when the region can't be a ring.
    pub fn open(region: Region) -> Result<Self, BadRing> {
        let ring = Ring::with_min_capacity(region, MIN_CAPACITY)?;
        Ok(Self {
            reader: Reader::new(ring, Consumed::Zeroed),
        })
    }

    /// What anybody may see of the ring.
    pub fn ring(&self) -> &Ring {
        &self.reader.ring
    }

    /// Hands up to `limit` messages to `handler` as (type id, message); returns how many. Stops at the ring's physical
    /// end, so a second call may find more. Type ids are as the producer wrote them: any but −1.
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

    /// Turns the claim that stands at the head into padding, if its producer got stuck; returns whether.
    ///
    /// To be called when the consumer position has not moved for longer than a client may take, though something is
    /// claimed. A claim whose length was never written is given up once anything after it was.
    pub fn unblock(&mut self) -> bool {
        let ring = self.ring();
        let head = ring.head.load_acquire();
        let tail = ring.tail.load_acquire();
        if tail == head {
            return false;
        }
        let index = ring.index(head);
        let length = ring.region.load_acquire32(index + LENGTH_OFFSET);
        if length < 0 {
            // The length is another process's word, so it may be i32::MIN or beyond the ring.
            let len = length.unsigned_abs() as usize;
            self.pad(index, len.min(ring.capacity - index));
            return true;
        }
        if length > 0 {
            return false;
        }
        let Some(end) = self.first_written(index, ring.index(tail)) else {
            return false;
        };
        self.pad(index, end - index);
        true
    }

    /// Where the zeros that begin at `index` end, if a claim after them was written to.
    fn first_written(&self, index: usize, tail_index: usize) -> Option<usize> {
        let wrapped = tail_index <= index;
        let capacity = self.ring().capacity;
        let limit = if wrapped { capacity } else { tail_index };
        let found = (index + RECORD_ALIGNMENT..limit)
            .step_by(RECORD_ALIGNMENT)
            .find(|at| self.is_written(*at));
        let end = match found {
            Some(end) => end,
            // The stuck claim reaches the physical end: the next one stands at index 0. (Aeron stays blocked here.)
            None if wrapped && tail_index > 0 && self.is_written(0) => capacity,
            None => return None,
        };
        // A producer writes its negative length before any byte of its message, so if what was found is the message of
        // a claim at `index` or later, the length of that claim is seen now.
        let still_zero = (index..end)
            .step_by(RECORD_ALIGNMENT)
            .rev()
            .all(|at| !self.is_written(at));
        still_zero.then_some(end)
    }

    fn is_written(&self, at: usize) -> bool {
        // SYNC ring-claimed: pairs with the fence in `Claim::begin`.
        self.ring().region.load_acquire32(at + LENGTH_OFFSET) != 0
    }

    fn pad(&self, index: usize, len: usize) {
        let region = &self.ring().region;
        region.store_relaxed32(index + TYPE_OFFSET, PADDING_TYPE);
        // Its reader is this consumer; release all the same, for a tool that looks on.
        region.store_release32(index + LENGTH_OFFSET, len.max(HEADER_LEN) as i32);
    }
}
