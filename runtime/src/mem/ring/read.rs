//! Reading records: the same for both rings, up to clearing what was read.

use super::{
    Ring,
    layout::{self, HEADER_LEN, LENGTH_OFFSET, PADDING_TYPE, TYPE_OFFSET},
};

/// What becomes of a message after its handler saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Leave it in the ring and stop: the next read begins with it.
    Abort,
    /// It is consumed; stop.
    Break,
    /// It is consumed, and producers get its space at once; go on.
    Commit,
    /// It is consumed; go on.
    Continue,
}

/// What happens to records before their space is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consumed {
    /// Zeroed: with many producers a length that is not zero means a claim.
    Zeroed,
    /// Left: the one producer zeroes the next header itself.
    Left,
}

/// The consumer's end of a ring, with the scratch its messages are copied to: another process may change them any time.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) ring: Ring,
    scratch: Box<[u8]>,
    consumed: Consumed,
}

impl Reader {
    pub(super) fn new(ring: Ring, consumed: Consumed) -> Self {
        Self {
            scratch: vec![0; ring.max_message_len].into(),
            ring,
            consumed,
        }
    }

    /// Hands up to `limit` messages to `handler`, up to the ring's physical end; returns how many it took.
    pub(super) fn read(
        &mut self,
        limit: usize,
        mut handler: impl FnMut(i32, &[u8]) -> Action,
    ) -> Result<usize, CorruptRecord> {
        let ring = &self.ring;
        let mut batch = Batch::new(ring, self.consumed);
        let mut taken = 0;
        while batch.room() > 0 && taken < limit {
            let at = batch.end();
            // SYNC ring-committed: pairs with the stores in `claim.rs`; type and message are whole from here on.
            let length = ring.region.load_acquire32(at + LENGTH_OFFSET);
            if length <= 0 {
                break;
            }
            let type_id = ring.region.load_relaxed32(at + TYPE_OFFSET);
            let Some(message_len) = message_len(type_id, length, batch.room(), self.scratch.len())
            else {
                if taken > 0 {
                    break;
                }
                return Err(batch.skip_corrupt(length));
            };
            batch.len += layout::aligned(HEADER_LEN + message_len);
            if type_id == PADDING_TYPE {
                continue;
            }
            let message = &mut self.scratch[..message_len];
            ring.region.read_words(at + HEADER_LEN, message);
            match handler(type_id, message) {
                Action::Abort => {
                    batch.len -= layout::aligned(HEADER_LEN + message_len);
                    break;
                }
                Action::Break => {
                    taken += 1;
                    break;
                }
                Action::Commit => {
                    taken += 1;
                    batch.publish();
                }
                Action::Continue => taken += 1,
            }
        }
        Ok(taken)
    }
}

/// Length of the message in a record, if the record can be one.
fn message_len(type_id: i32, length: i32, room: usize, max: usize) -> Option<usize> {
    let length = usize::try_from(length).ok().filter(|len| *len <= room)?;
    let message_len = length.checked_sub(HEADER_LEN)?;
    (type_id == PADDING_TYPE || message_len <= max).then_some(message_len)
}

/// Records read and not yet given back; given back when dropped, so that a handler that panics consumes its message too.
struct Batch<'a> {
    ring: &'a Ring,
    consumed: Consumed,
    head: i64,
    index: usize,
    len: usize,
}

impl<'a> Batch<'a> {
    fn new(ring: &'a Ring, consumed: Consumed) -> Self {
        // Relaxed: the consumer is this word's only writer.
        let head = ring.head.load_relaxed();
        Self {
            ring,
            consumed,
            head,
            index: ring.index(head),
            len: 0,
        }
    }

    fn end(&self) -> usize {
        self.index + self.len
    }

    /// Bytes up to the physical end: one read never crosses it.
    fn room(&self) -> usize {
        self.ring.capacity - self.end()
    }

    fn publish(&mut self) {
        if self.len == 0 {
            return;
        }
        if self.consumed == Consumed::Zeroed {
            self.ring.region.zero_words(self.index, self.len);
        }
        self.head = self.head.wrapping_add(self.len as i64);
        // SYNC ring-consumed: pairs with the producers' loads of head; the zeros are there before they may claim.
        self.ring.head.store_release(self.head);
        self.index += self.len;
        self.len = 0;
    }

    /// Skips what can't be a record. Where the next one begins is unknown, so everything claimed up to here goes.
    fn skip_corrupt(&mut self, length: i32) -> CorruptRecord {
        let position = self.head.wrapping_add(self.len as i64);
        let claimed = self.ring.used(self.ring.tail.load_acquire(), position);
        let skipped = layout::aligned(claimed.max(HEADER_LEN)).min(self.room());
        self.len += skipped;
        CorruptRecord {
            position,
            length,
            skipped,
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.publish();
    }
}

/// A record whose length can't be: some process wrote where it may not. What was claimed up to then was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the ring record at position {position} has length {length}, which is no record's; {skipped} bytes were skipped"
)]
pub struct CorruptRecord {
    /// Position of the record.
    pub position: i64,
    /// The length found.
    pub length: i32,
    /// Bytes that were skipped.
    pub skipped: usize,
}
