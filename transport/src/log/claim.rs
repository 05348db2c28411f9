//! A claimed frame, and why one may be refused (02 §4.2, §4.7).

use super::{
    frame::{self, HEADER_LENGTH, TYPE_PAD},
    term::Term,
};

/// Room for one frame in a term, to be written in place: the only `&mut [u8]` into a term.
///
/// Dropping it without [`Claim::commit`] aborts it: readers skip it as padding, also when a panic unwinds. A claim that is
/// leaked blocks the stream for its readers until the driver unblocks it (15 s by default); so does one held that long, and
/// its late commit then goes into padding.
#[derive(Debug)]
#[must_use = "dropping a claim aborts it"]
pub struct Claim<'a> {
    term: Term<'a>,
    offset: i32,
    frame_length: i32,
    end_position: i64,
}

impl<'a> Claim<'a> {
    /// A claim of the frame at `offset`, whose header is written already.
    ///
    /// # Safety
    /// The frame is the caller's alone, and not committed.
    pub(super) unsafe fn new(
        term: Term<'a>,
        offset: i32,
        frame_length: i32,
        end_position: i64,
    ) -> Self {
        Self {
            term,
            offset,
            frame_length,
            end_position,
        }
    }

    /// The payload to fill. What was there before is not promised: usually zeros.
    #[inline]
    pub fn payload(&mut self) -> &mut [u8] {
        // SAFETY: the maker's promise: claimed for us and not committed while the claim lives; `&mut self` lends it once.
        unsafe { self.term.payload_mut(self.offset, self.frame_length) }
    }

    /// Length of the payload in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        (self.frame_length - HEADER_LENGTH) as usize
    }

    /// Whether there is no payload.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.frame_length == HEADER_LENGTH
    }

    /// Offset of the frame in its term.
    pub fn term_offset(&self) -> i32 {
        self.offset
    }

    /// Position behind the frame: what [`Claim::commit`] will return.
    pub fn position(&self) -> i64 {
        self.end_position
    }

    /// The frame's flags: unfragmented unless set otherwise.
    pub fn flags(&self) -> u8 {
        frame::flags_of(self.term.kind(self.offset))
    }

    /// Sets the frame's flags.
    pub fn set_flags(&mut self, flags: u8) {
        let frame_type = self.frame_type();
        self.term
            .set_kind(self.offset, frame::kind(flags, frame_type));
    }

    /// The frame's type: data unless set otherwise.
    pub fn frame_type(&self) -> u16 {
        frame::type_of(self.term.kind(self.offset))
    }

    /// Sets the frame's type; with [`TYPE_PAD`] readers skip it.
    pub fn set_frame_type(&mut self, frame_type: u16) {
        let flags = self.flags();
        self.term
            .set_kind(self.offset, frame::kind(flags, frame_type));
    }

    /// The application's 64 bits: 0 unless set.
    pub fn reserved_value(&self) -> i64 {
        self.term.reserved(self.offset)
    }

    /// Sets the application's 64 bits.
    pub fn set_reserved_value(&mut self, value: i64) {
        self.term.set_reserved(self.offset, value);
    }

    /// Makes the frame visible to readers. Returns the position behind it.
    #[inline]
    pub fn commit(self) -> i64 {
        let position = self.end_position;
        self.term.publish(self.offset, self.frame_length);
        std::mem::forget(self);
        position
    }

    /// Gives the room up: readers skip it.
    pub fn abort(self) {
        drop(self);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.set_frame_type(TYPE_PAD);
        self.term.publish(self.offset, self.frame_length);
    }
}

/// Why nothing was appended. Plain values, so that refusing costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// At the position limit, and nobody subscribes.
    #[error("not connected: at the position limit, and nobody subscribes")]
    NotConnected,
    /// At the position limit: the subscribers have to catch up.
    #[error("back pressured: at the position limit")]
    BackPressured,
    /// The term has just been, or is being, rotated: try again at once.
    #[error("admin action: the term was rotated, try again")]
    AdminAction,
    /// The publication or its client was closed.
    #[error("the publication is closed")]
    Closed,
    /// The stream is used up: close the publication and add another, with longer terms if that came too soon.
    #[error("max position exceeded: the stream is used up")]
    MaxPositionExceeded,
    /// The message, claim or padding is longer than this publication allows.
    #[error("{length} bytes: at most {max} can be appended at once")]
    MessageTooLong {
        /// Length asked for.
        length: usize,
        /// Longest length.
        max: usize,
    },
    /// A block does not fit into the rest of the term, or is not made of whole frames.
    #[error(
        "block of {length} bytes: a block is whole frames, at most {left} bytes up to the term's end"
    )]
    BlockLength {
        /// Length of the block.
        length: usize,
        /// Room left in the term.
        left: usize,
    },
    /// The first frame of a block is not the one that belongs at this place of this stream.
    #[error(
        "improperly formatted block: its first frame has another type, term offset, session, stream or term id"
    )]
    ImproperBlock,
}

impl Refused {
    /// Aeron's return code (02 §4.2).
    pub fn code(self) -> i64 {
        match self {
            Self::NotConnected => -1,
            Self::BackPressured => -2,
            Self::AdminAction => -3,
            Self::Closed => -4,
            Self::MaxPositionExceeded => -5,
            Self::MessageTooLong { .. } | Self::BlockLength { .. } | Self::ImproperBlock => -6,
        }
    }

    /// Whether the same call may succeed later: everything but closing, the end of the stream and bad arguments.
    pub fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::NotConnected | Self::BackPressured | Self::AdminAction
        )
    }
}
