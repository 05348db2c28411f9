//! Appending to a concurrent publication: any number of producers, in any number of processes (02 §4.3, §4.5).

use super::{
    append::{Producer, ReservedValueSupplier, Room, total_length},
    claim::{Claim, Refused},
    metadata::Constants,
    shape::{Partition, RawTail, Shape},
    status::Status,
    tail::Tails,
    term::Terms,
};

/// A producer among others. Clones and references may be used from any thread.
///
/// The position limit is passed in with each call: the value of the publisher-limit counter, loaded with Acquire, *before*
/// the call: it is what says that the room ahead was zeroed.
#[derive(Clone, Debug)]
pub struct ConcurrentAppender {
    producer: Producer,
}

impl ConcurrentAppender {
    pub(super) fn new(terms: Terms, tails: Tails, constants: &Constants, status: Status) -> Self {
        Self {
            producer: Producer::new(terms, tails, constants, status),
        }
    }

    /// Appends a message, in fragments where it is longer than a frame. Returns the position behind it.
    ///
    /// # Errors
    /// [`Refused`]; too long a message is only refused as such while there is room (05 §3.2).
    #[inline]
    pub fn offer(&self, message: &[u8], limit: i64) -> Result<i64, Refused> {
        self.append(&[message], message.len(), limit, None)
    }

    /// As [`ConcurrentAppender::offer`]; the supplier gives each frame its reserved value.
    ///
    /// # Errors
    /// As [`ConcurrentAppender::offer`].
    pub fn offer_with(
        &self,
        message: &[u8],
        limit: i64,
        supplier: ReservedValueSupplier<'_>,
    ) -> Result<i64, Refused> {
        self.append(&[message], message.len(), limit, Some(supplier))
    }

    /// Appends several parts as one message (02 §4.9).
    ///
    /// # Errors
    /// As [`ConcurrentAppender::offer`], but too long a message always is.
    pub fn offer_parts(
        &self,
        parts: &[&[u8]],
        limit: i64,
        supplier: Option<ReservedValueSupplier<'_>>,
    ) -> Result<i64, Refused> {
        let length = total_length(parts, self.max_message_length())?;
        self.append(parts, length, limit, supplier)
    }

    /// Claims room for a frame with a payload of `length` bytes, to be written in place.
    ///
    /// # Errors
    /// As [`ConcurrentAppender::offer`], but too long a claim always is, and it must fit into one frame.
    #[inline]
    pub fn try_claim(&self, length: usize, limit: i64) -> Result<Claim<'_>, Refused> {
        let room = self.producer.claim_room(length)?;
        let room = self.reserve(length, Ok(room), limit)?;
        // SAFETY: the get-and-add gave the room to this call alone.
        Ok(unsafe { self.producer.claim(room, length) })
    }

    /// Position behind everything claimed so far.
    pub fn position(&self) -> i64 {
        self.producer.tails.producer_position()
    }

    /// Longest payload of one frame.
    pub fn max_payload_length(&self) -> usize {
        self.producer.max_payload()
    }

    /// Longest message.
    pub fn max_message_length(&self) -> usize {
        self.producer.shape().max_message_length()
    }

    #[inline]
    fn append(
        &self,
        parts: &[&[u8]],
        length: usize,
        limit: i64,
        supplier: Option<ReservedValueSupplier<'_>>,
    ) -> Result<i64, Refused> {
        let room = self.reserve(length, self.producer.message_room(length), limit)?;
        // SAFETY: the get-and-add gave the room to this call alone.
        Ok(unsafe { self.producer.write(room, parts, length, supplier) })
    }

    /// The claim by get-and-add. Between the test of the limit and the addition others may add too, so the limit can be
    /// overshot by one message per thread; the terms' window leaves room for that.
    #[inline]
    fn reserve(
        &self,
        length: usize,
        room: Result<i32, Refused>,
        limit: i64,
    ) -> Result<Room, Refused> {
        let tails = &self.producer.tails;
        let term_count = tails.active_term_count();
        let partition = Partition::of(term_count);
        let seen = tails.raw(partition);
        if self.shape().term_count(seen.term_id()) != term_count {
            // A rotation in progress: its two steps are not one (02 §3.5).
            return Err(Refused::AdminAction);
        }
        let position = self.position_of(seen);
        if position >= limit.min(self.shape().max_position()) {
            return Err(self.producer.at_limit(position, length));
        }
        let room = room?;
        let before = tails.claim(partition, room);
        let offset = before.offset(self.shape());
        if offset + room > self.shape().term_length() {
            return Err(self.trip(partition, before, room));
        }
        Ok(Room {
            partition,
            term_id: before.term_id(),
            offset,
            length: room,
            end_position: self.position_of(before) + i64::from(room),
        })
    }

    /// The term is full (02 §4.5): the one whose claim began inside it writes the padding, all try to rotate.
    #[cold]
    fn trip(&self, partition: Partition, before: RawTail, room: i32) -> Refused {
        let term_id = before.term_id();
        self.producer
            .pad_to_end(partition, term_id, before.offset(self.shape()));
        if self.position_of(before) + i64::from(room) >= self.shape().max_position() {
            return Refused::MaxPositionExceeded;
        }
        let term_count = self.shape().term_count(term_id);
        self.producer.tails.rotate(term_count, term_id);
        Refused::AdminAction
    }

    #[inline]
    fn position_of(&self, raw: RawTail) -> i64 {
        self.shape()
            .position(raw.term_id(), raw.offset(self.shape()))
    }

    #[inline]
    fn shape(&self) -> &Shape {
        self.producer.shape()
    }
}
