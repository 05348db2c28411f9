//! Rings: messages from many producers ([`mpsc`]) or one ([`spsc`]) to one consumer (spec 01 §3, 02 §2.5).
//!
//! Whoever may write holds a producer, the reader the consumer; what anybody may look at is a [`Ring`]. The bytes are
//! described in `layout.rs`. Both ends may sit in different processes, Java's or C's among them.
//!
//! ```
//! use taranis_runtime::mem::{Region, ring::{TRAILER_LEN, mpsc}};
//!
//! let region = Region::heap(1024 + TRAILER_LEN);
//! let producer = mpsc::Producer::open(region.clone())?;
//! let mut consumer = mpsc::Consumer::open(region)?;
//!
//! producer.write(7, b"one")?;
//! let mut claim = producer.try_claim(8, 3)?;
//! claim.write(0, b"two");
//! claim.commit()?;
//!
//! let mut seen = Vec::new();
//! consumer.read(10, |type_id, message| seen.push((type_id, message.to_vec())))?;
//! assert_eq!(seen, [(7, b"one".to_vec()), (8, b"two".to_vec())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod claim;
mod layout;
pub mod mpsc;
mod read;
pub mod spsc;

use super::{region::Region, word::Word64};

pub use claim::{Claim, ClaimLost, Refused};
pub use layout::{BadRing, TRAILER_LEN};
pub use read::{Action, CorruptRecord};

/// A ring as anybody may see it: its measures, positions, heartbeat and correlation counter.
#[derive(Clone, Debug)]
pub struct Ring {
    region: Region,
    capacity: usize,
    max_message_len: usize,
    tail: Word64,
    head_cache: Word64,
    head: Word64,
    correlation: Word64,
    heartbeat: Word64,
}

impl Ring {
    /// A ring in a region of `capacity` + [`TRAILER_LEN`] bytes.
    ///
    /// # Errors
    /// [`BadRing`] when the capacity is not a power of two or is out of range.
    pub fn open(region: Region) -> Result<Self, BadRing> {
        Self::with_min_capacity(region, mpsc::MIN_CAPACITY)
    }

    fn with_min_capacity(region: Region, min_capacity: usize) -> Result<Self, BadRing> {
        let capacity = layout::capacity_of(region.len(), min_capacity)?;
        Ok(Self {
            capacity,
            max_message_len: layout::max_message_len(capacity, min_capacity),
            tail: region.word64(capacity + layout::TAIL_OFFSET)?,
            head_cache: region.word64(capacity + layout::HEAD_CACHE_OFFSET)?,
            head: region.word64(capacity + layout::HEAD_OFFSET)?,
            correlation: region.word64(capacity + layout::CORRELATION_OFFSET)?,
            heartbeat: region.word64(capacity + layout::HEARTBEAT_OFFSET)?,
            region,
        })
    }

    /// Bytes for records.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The longest message, in bytes.
    pub fn max_message_len(&self) -> usize {
        self.max_message_len
    }

    /// Where the next claim will begin.
    pub fn producer_position(&self) -> i64 {
        self.tail.load_acquire()
    }

    /// Up to where records were consumed.
    pub fn consumer_position(&self) -> i64 {
        self.head.load_acquire()
    }

    /// Bytes claimed and not yet consumed.
    pub fn size(&self) -> usize {
        // A few tries for a pair from the same moment: a consumer that never rests is not waited for.
        let mut before = self.head.load_acquire();
        let mut size = 0;
        for _ in 0..8 {
            size = self.used(self.tail.load_acquire(), before);
            let after = self.head.load_acquire();
            if after == before {
                break;
            }
            before = after;
        }
        size
    }

    /// A number no other caller on this ring gets.
    pub fn next_correlation_id(&self) -> i64 {
        self.correlation.fetch_add(1)
    }

    /// When the consumer was last alive, epoch ms: 0 never, −1 closed.
    pub fn consumer_heartbeat_ms(&self) -> i64 {
        self.heartbeat.load_acquire()
    }

    /// Index of a position: masked and on a record boundary, whatever the shared word said.
    fn index(&self, position: i64) -> usize {
        position as usize & (self.capacity - 1) & !(layout::RECORD_ALIGNMENT - 1)
    }

    fn used(&self, tail: i64, head: i64) -> usize {
        // A head newer than the tail it is compared with makes this negative: nothing is used then.
        tail.wrapping_sub(head).clamp(0, self.capacity as i64) as usize
    }

    fn free(&self, tail: i64, head: i64) -> usize {
        self.capacity - self.used(tail, head)
    }
}
