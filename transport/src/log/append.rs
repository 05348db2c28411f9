//! Writing frames into claimed room: what concurrent and exclusive publications share (02 §4.3–§4.5).

use super::{
    claim::{Claim, Refused},
    frame::{
        self, FLAG_BEGIN, FLAG_END, HEADER_LENGTH, HeaderWords, PendingFrame, Source, TYPE_DATA,
        TYPE_PAD, aligned, framed_length,
    },
    metadata::Constants,
    shape::{Partition, Shape},
    status::Status,
    tail::Tails,
    term::{Term, Terms},
};

/// Called for every frame once its payload is in place; returns the frame's reserved value.
pub type ReservedValueSupplier<'a> = &'a mut dyn FnMut(PendingFrame<'_>) -> i64;

/// A publication's log, seen from the producing side.
#[derive(Clone, Debug)]
pub(super) struct Producer {
    pub(super) terms: Terms,
    pub(super) tails: Tails,
    pub(super) status: Status,
    source: Source,
    max_payload: usize,
}

/// Room that was claimed for one message: `length` bytes, whole frames, inside one term.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) partition: Partition,
    pub(super) term_id: i32,
    pub(super) offset: i32,
    pub(super) length: i32,
    pub(super) end_position: i64,
}

impl Producer {
    pub(super) fn new(terms: Terms, tails: Tails, constants: &Constants, status: Status) -> Self {
        Self {
            terms,
            tails,
            status,
            source: constants.source(),
            max_payload: constants.max_payload_length(),
        }
    }

    #[inline]
    pub(super) fn shape(&self) -> &Shape {
        self.terms.shape()
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    pub(super) fn max_payload(&self) -> usize {
        self.max_payload
    }

    /// Longest room that one message takes.
    pub(super) fn max_framed(&self) -> usize {
        framed_length(self.shape().max_message_length(), self.max_payload)
    }

    /// Room for a message, cut into fragments where it must be.
    #[inline]
    pub(super) fn message_room(&self, length: usize) -> Result<i32, Refused> {
        if length <= self.max_payload {
            return Ok(frame_room(length));
        }
        let max = self.shape().max_message_length();
        if length > max {
            return Err(Refused::MessageTooLong { length, max });
        }
        Ok(framed_length(length, self.max_payload) as i32)
    }

    /// Room for one frame.
    #[inline]
    pub(super) fn claim_room(&self, length: usize) -> Result<i32, Refused> {
        self.one_frame_room(length, self.max_payload)
    }

    /// Room for one frame with a payload of at most `max` bytes.
    pub(super) fn one_frame_room(&self, length: usize, max: usize) -> Result<i32, Refused> {
        if length > max {
            return Err(Refused::MessageTooLong { length, max });
        }
        Ok(frame_room(length))
    }

    /// Why a producer at its limit goes no further (02 §4.6).
    #[cold]
    pub(super) fn at_limit(&self, position: i64, length: usize) -> Refused {
        let room = (length as i64).saturating_add(2 * i64::from(HEADER_LENGTH) - 1)
            & !i64::from(HEADER_LENGTH - 1);
        if position.saturating_add(room) >= self.shape().max_position() {
            Refused::MaxPositionExceeded
        } else if self.status.is_connected() {
            Refused::BackPressured
        } else {
            Refused::NotConnected
        }
    }

    /// Fills a term from `offset` to its end with padding; nothing to do when the last frame fitted exactly.
    pub(super) fn pad_to_end(&self, partition: Partition, term_id: i32, offset: i32) {
        let left = self.shape().term_length() - offset;
        if left > 0 {
            self.pad(partition, term_id, offset, left);
        }
    }

    /// Writes one committed padding frame over claimed room.
    pub(super) fn pad(&self, partition: Partition, term_id: i32, offset: i32, frame_length: i32) {
        let term = self.terms.term(partition);
        let words = HeaderWords::new(TYPE_PAD, offset, term_id, self.source);
        term.begin(offset, frame_length, words);
        term.publish(offset, frame_length);
    }

    /// Turns room for one frame into a claim.
    ///
    /// # Safety
    /// The room is the caller's alone.
    #[inline]
    pub(super) unsafe fn claim(&self, room: Room, length: usize) -> Claim<'_> {
        let term = self.terms.term(room.partition);
        let frame_length = HEADER_LENGTH + length as i32;
        let words = HeaderWords::new(TYPE_DATA, room.offset, room.term_id, self.source);
        term.begin(room.offset, frame_length, words);
        // SAFETY: the caller's promise.
        unsafe { Claim::new(term, room.offset, frame_length, room.end_position) }
    }

    /// Writes a message of `length` bytes, the parts one after the other, into its room: frame by frame, each committed once
    /// it is whole. Returns the position behind it.
    ///
    /// # Safety
    /// The room is the caller's alone.
    #[inline]
    pub(super) unsafe fn write(
        &self,
        room: Room,
        parts: &[&[u8]],
        length: usize,
        mut supplier: Option<ReservedValueSupplier<'_>>,
    ) -> i64 {
        let mut message = Gather::new(parts);
        let mut rest = Rest::new(self, room);
        let mut left = length;
        let mut flags = FLAG_BEGIN;
        loop {
            let payload = left.min(self.max_payload);
            left -= payload;
            if left == 0 {
                flags |= FLAG_END;
            }
            // SAFETY: the frame lies in the room, which is the caller's alone, and is committed at the end of this call.
            unsafe { self.write_frame(&rest, flags, payload, &mut message, &mut supplier) };
            rest.offset += frame_room(payload);
            if left == 0 {
                return room.end_position;
            }
            flags = 0;
        }
    }

    /// # Safety
    /// As [`Producer::write`].
    #[inline]
    unsafe fn write_frame(
        &self,
        at: &Rest<'_>,
        flags: u8,
        length: usize,
        message: &mut Gather<'_>,
        supplier: &mut Option<ReservedValueSupplier<'_>>,
    ) {
        let (term, offset) = (at.term, at.offset);
        let frame_length = HEADER_LENGTH + length as i32;
        let words = HeaderWords {
            kind: frame::kind(flags, TYPE_DATA),
            ..HeaderWords::new(TYPE_DATA, offset, at.room.term_id, self.source)
        };
        term.begin(offset, frame_length, words);
        // SAFETY: claimed, not committed, and the only slice of it (caller).
        let payload = unsafe { term.payload_mut(offset, frame_length) };
        message.fill(payload);
        if let Some(supplier) = supplier {
            let frame = PendingFrame {
                term_id: at.room.term_id,
                term_offset: offset,
                flags,
                payload,
            };
            term.set_reserved(offset, supplier(frame));
        }
        term.publish(offset, frame_length);
    }
}

/// Room not yet written. Dropped early (a supplier panicked), it becomes padding, so that readers get past it.
struct Rest<'a> {
    producer: &'a Producer,
    term: Term<'a>,
    room: Room,
    offset: i32,
}

impl<'a> Rest<'a> {
    #[inline]
    fn new(producer: &'a Producer, room: Room) -> Self {
        Self {
            producer,
            term: producer.terms.term(room.partition),
            room,
            offset: room.offset,
        }
    }
}

impl Drop for Rest<'_> {
    #[inline]
    fn drop(&mut self) {
        let left = self.room.offset + self.room.length - self.offset;
        if left > 0 {
            self.producer
                .pad(self.room.partition, self.room.term_id, self.offset, left);
        }
    }
}

/// Room of a frame with a payload of `length` bytes.
#[inline]
fn frame_room(length: usize) -> i32 {
    aligned(HEADER_LENGTH + length as i32)
}

/// The parts of a message, read one after the other.
struct Gather<'a> {
    parts: &'a [&'a [u8]],
    current: &'a [u8],
}

impl<'a> Gather<'a> {
    #[inline]
    fn new(parts: &'a [&'a [u8]]) -> Self {
        Self {
            parts,
            current: &[],
        }
    }

    /// Copies the next bytes. `into` never asks for more than the parts hold.
    #[inline]
    fn fill(&mut self, mut into: &mut [u8]) {
        while !into.is_empty() {
            if self.current.is_empty() {
                let Some((first, rest)) = self.parts.split_first() else {
                    debug_assert!(false, "a message's parts are as long as their sum");
                    return;
                };
                (self.current, self.parts) = (first, rest);
            }
            let count = into.len().min(self.current.len());
            let (now, later) = into.split_at_mut(count);
            now.copy_from_slice(&self.current[..count]);
            self.current = &self.current[count..];
            into = later;
        }
    }
}

/// Length of all parts together, or why it is none of a message.
pub(super) fn total_length(parts: &[&[u8]], max: usize) -> Result<usize, Refused> {
    let length = parts
        .iter()
        .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    if length > max {
        return Err(Refused::MessageTooLong { length, max });
    }
    Ok(length)
}
