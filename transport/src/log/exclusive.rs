//! Appending to an exclusive publication: one producer, which knows its own tail (02 §4.8).

use super::{
    append::{Producer, ReservedValueSupplier, Room, total_length},
    claim::{Claim, Refused},
    frame::{FRAME_ALIGNMENT, HEADER_LENGTH, HeaderWords, TYPE_DATA, frame_length, type_of},
    metadata::{Constants, LogError},
    shape::{Partition, RawTail, Shape},
    status::Status,
    tail::Tails,
    term::Terms,
};

/// The only producer of its log.
///
/// The position limit is passed in with each call: the value of the publisher-limit counter, loaded with Acquire, *before*
/// the call: it is what says that the room ahead was zeroed.
#[derive(Debug)]
pub struct Appender {
    producer: Producer,
    partition: Partition,
    term_id: i32,
    term_count: i32,
    term_begin: i64,
    offset: i32,
}

impl Appender {
    /// Continues where the tail stands.
    pub(super) fn new(
        terms: Terms,
        tails: Tails,
        constants: &Constants,
        status: Status,
    ) -> Result<Self, LogError> {
        let shape = *terms.shape();
        let term_count = tails.active_term_count();
        let partition = Partition::of(term_count);
        let raw = tails.raw(partition);
        let term_id = shape.term_id(term_count);
        let offset = raw.offset(&shape);
        if term_count < 0 || raw != RawTail::pack(term_id, offset) {
            return Err(LogError::Tail {
                raw_tail: raw.0,
                active_term_count: term_count,
                term_id,
            });
        }
        Ok(Self {
            producer: Producer::new(terms, tails, constants, status),
            partition,
            term_id,
            term_count,
            term_begin: shape.position(term_id, 0),
            offset,
        })
    }

    /// Appends a message, in fragments where it is longer than a frame. Returns the position behind it.
    ///
    /// # Errors
    /// [`Refused`]; too long a message is only refused as such while there is room (05 §3.2).
    #[inline]
    pub fn offer(&mut self, message: &[u8], limit: i64) -> Result<i64, Refused> {
        self.append(&[message], message.len(), limit, None)
    }

    /// As [`Appender::offer`]; the supplier gives each frame its reserved value.
    ///
    /// # Errors
    /// As [`Appender::offer`].
    pub fn offer_with(
        &mut self,
        message: &[u8],
        limit: i64,
        supplier: ReservedValueSupplier<'_>,
    ) -> Result<i64, Refused> {
        self.append(&[message], message.len(), limit, Some(supplier))
    }

    /// Appends several parts as one message (02 §4.9).
    ///
    /// # Errors
    /// As [`Appender::offer`], but too long a message always is.
    pub fn offer_parts(
        &mut self,
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
    /// As [`Appender::offer`], but too long a claim always is, and it must fit into one frame.
    #[inline]
    pub fn try_claim(&mut self, length: usize, limit: i64) -> Result<Claim<'_>, Refused> {
        let room = self.producer.claim_room(length)?;
        let room = self.reserve(length, Ok(room), limit)?;
        // SAFETY: the only producer has just moved its tail past the room.
        Ok(unsafe { self.producer.claim(room, length) })
    }

    /// Appends one padding frame with `length` bytes behind its header, which readers skip.
    ///
    /// # Errors
    /// As [`Appender::offer`], but a padding longer than any framed message always is refused.
    pub fn append_padding(&mut self, length: usize, limit: i64) -> Result<i64, Refused> {
        let room = self
            .producer
            .one_frame_room(length, self.producer.max_framed())?;
        let room = self.reserve(length, Ok(room), limit)?;
        self.producer.pad(
            room.partition,
            room.term_id,
            room.offset,
            HEADER_LENGTH + length as i32,
        );
        Ok(room.end_position)
    }

    /// Appends whole frames that were made elsewhere for exactly this place of this stream; only the first is checked.
    /// Begins the next term by itself when this one is full.
    ///
    /// # Errors
    /// [`Refused`], with [`Refused::BlockLength`] and [`Refused::ImproperBlock`] for what is no such block.
    pub fn offer_block(&mut self, block: &[u8], limit: i64) -> Result<i64, Refused> {
        if self.offset >= self.shape().term_length() {
            self.rotate()?;
        }
        let position = self.position();
        if position >= limit.min(self.shape().max_position()) {
            return Err(self.producer.at_limit(position, block.len()));
        }
        let left = (self.shape().term_length() - self.offset) as usize;
        let length = block.len();
        if length == 0 || length > left || !length.is_multiple_of(FRAME_ALIGNMENT as usize) {
            return Err(Refused::BlockLength { length, left });
        }
        if !self.belongs_here(block) {
            return Err(Refused::ImproperBlock);
        }
        let end = self.offset + length as i32;
        self.move_tail(end);
        // SAFETY: the only producer has just moved its tail past these bytes; the block fits into the term.
        unsafe {
            self.producer
                .terms
                .term(self.partition)
                .insert(self.offset, block)
        };
        self.offset = end;
        Ok(self.position())
    }

    /// Position behind everything appended so far.
    #[inline]
    pub fn position(&self) -> i64 {
        self.term_begin + i64::from(self.offset)
    }

    /// Id of the term being written.
    pub fn term_id(&self) -> i32 {
        self.term_id
    }

    /// Offset in the term being written; the term's length once it is full.
    pub fn term_offset(&self) -> i32 {
        self.offset
    }

    /// Longest payload of one frame.
    pub fn max_payload_length(&self) -> usize {
        self.producer.max_payload()
    }

    /// Longest message.
    pub fn max_message_length(&self) -> usize {
        self.shape().max_message_length()
    }

    #[inline]
    fn append(
        &mut self,
        parts: &[&[u8]],
        length: usize,
        limit: i64,
        supplier: Option<ReservedValueSupplier<'_>>,
    ) -> Result<i64, Refused> {
        let room = self.reserve(length, self.producer.message_room(length), limit)?;
        // SAFETY: the only producer has just moved its tail past the room.
        Ok(unsafe { self.producer.write(room, parts, length, supplier) })
    }

    #[inline]
    fn reserve(
        &mut self,
        length: usize,
        room: Result<i32, Refused>,
        limit: i64,
    ) -> Result<Room, Refused> {
        let position = self.position();
        if position >= limit.min(self.shape().max_position()) {
            return Err(self.producer.at_limit(position, length));
        }
        let room = room?;
        let offset = self.offset;
        let end = offset + room;
        // Before the frame is written, and also when it does not fit: the driver sees the tail clamped.
        self.move_tail(end);
        if end > self.shape().term_length() {
            return Err(self.trip());
        }
        self.offset = end;
        Ok(Room {
            partition: self.partition,
            term_id: self.term_id,
            offset,
            length: room,
            end_position: position + i64::from(room),
        })
    }

    #[cold]
    fn trip(&mut self) -> Refused {
        self.producer
            .pad_to_end(self.partition, self.term_id, self.offset);
        self.offset = self.shape().term_length();
        match self.rotate() {
            Ok(()) => Refused::AdminAction,
            Err(refused) => refused,
        }
    }

    /// Begins the next term, unless this was the stream's last.
    fn rotate(&mut self) -> Result<(), Refused> {
        let next_begin = self.term_begin + i64::from(self.shape().term_length());
        if next_begin >= self.shape().max_position() {
            return Err(Refused::MaxPositionExceeded);
        }
        self.term_begin = next_begin;
        self.term_count += 1;
        self.term_id = self.term_id.wrapping_add(1);
        self.partition = self.partition.next();
        self.offset = 0;
        self.producer
            .tails
            .rotate_exclusive(self.term_count, self.term_id);
        Ok(())
    }

    #[inline]
    fn move_tail(&self, end: i32) {
        self.producer
            .tails
            .advance_exclusive(self.partition, RawTail::pack(self.term_id, end));
    }

    /// Whether a block's first frame is data with this place and this stream in its header, and has a length at all: one
    /// without would block the stream. Version and flags are as its maker wanted them.
    fn belongs_here(&self, block: &[u8]) -> bool {
        let source = self.producer.source();
        let expected = HeaderWords::new(TYPE_DATA, self.offset, self.term_id, source);
        let Some(found) = HeaderWords::read(block) else {
            return false;
        };
        frame_length(block) >= HEADER_LENGTH
            && type_of(found.kind) == TYPE_DATA
            && HeaderWords {
                kind: expected.kind,
                ..found
            } == expected
    }

    #[inline]
    fn shape(&self) -> &Shape {
        self.producer.shape()
    }
}
