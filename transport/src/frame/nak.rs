//! NAK: one range of one term that a receiver misses (03 §1.6).
//!
//! ```text
//!  +---------------------------------------------------------------+
//!  |                     base header (type 0x02)                   |  0
//!  +---------------------------------------------------------------+
//!  |                         session_id i32                        |  8
//!  +---------------------------------------------------------------+
//!  |                          stream_id i32                        | 12
//!  +---------------------------------------------------------------+
//!  |                           term_id i32                         | 16
//!  +---------------------------------------------------------------+
//!  |                         term_offset i32                       | 20
//!  +---------------------------------------------------------------+
//!  |                           length i32                          | 24
//!  +---------------------------------------------------------------+ 28
//! ```

use super::fields::{i32_at, put_i32};
use super::header::{BaseHeader, FrameType, Invalid, TOO_SMALL_TO_ENCODE};
use super::limits::{TERM_MAX_LENGTH, is_frame_offset};

const SESSION_ID: usize = 8;
const STREAM_ID: usize = 12;
const TERM_ID: usize = 16;
const TERM_OFFSET: usize = 20;
const RANGE_LENGTH: usize = 24;

const _: () = assert!(RANGE_LENGTH + 4 == Nak::LENGTH);

/// A gap: `length` bytes from `term_offset` of term `term_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nak {
    /// Session of the publication.
    pub session_id: i32,
    /// Stream of the publication.
    pub stream_id: i32,
    /// Term of the gap.
    pub term_id: i32,
    /// Where in the term the gap starts.
    pub term_offset: i32,
    /// Bytes of the gap; 0 asks for nothing.
    pub length: i32,
}

impl Nak {
    /// Bytes of the frame.
    pub const LENGTH: usize = 28;

    /// Reads a NAK. Offset and length are judged by [`check`](Self::check) against the publication it names.
    ///
    /// # Errors
    /// Not a NAK, shorter than 28 bytes, or claiming more bytes than the packet has.
    pub fn decode(packet: &[u8]) -> Result<Self, Invalid> {
        Self::from_packet(BaseHeader::decode_as(packet, FrameType::Nak)?, packet)
    }

    pub(super) fn from_packet(base: BaseHeader, packet: &[u8]) -> Result<Self, Invalid> {
        let Some(frame) = packet.first_chunk::<{ Self::LENGTH }>() else {
            return Err(Invalid::because("a NAK has at least 28 bytes"));
        };
        base.within(packet)?;
        Ok(Self {
            session_id: i32_at::<SESSION_ID, _>(frame),
            stream_id: i32_at::<STREAM_ID, _>(frame),
            term_id: i32_at::<TERM_ID, _>(frame),
            term_offset: i32_at::<TERM_OFFSET, _>(frame),
            length: i32_at::<RANGE_LENGTH, _>(frame),
        })
    }

    /// Judges the range against the term length of the publication the NAK is for (03 §1.11.2 rule 4).
    ///
    /// # Errors
    /// An offset outside the term or not on a frame boundary, a negative length, a range that reaches beyond the term.
    pub fn check(&self, term_length: i32) -> Result<(), Invalid> {
        if !is_frame_offset(self.term_offset, term_length) {
            return Err(Invalid::because(
                "a NAK starts at a multiple of 32 inside the term",
            ));
        }
        if self.length < 0 {
            return Err(Invalid::because("a NAK's length is not negative"));
        }
        match self.term_offset.checked_add(self.length) {
            Some(end) if end <= term_length => Ok(()),
            _ => Err(Invalid::because("a NAK does not reach beyond the term")),
        }
    }

    /// Writes the frame at the start of `out` and says how many bytes it has.
    ///
    /// # Errors
    /// `out` is too short, or no term length allows this range.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, Invalid> {
        self.check(TERM_MAX_LENGTH)?;
        let frame = out
            .first_chunk_mut::<{ Self::LENGTH }>()
            .ok_or(TOO_SMALL_TO_ENCODE)?;
        BaseHeader {
            frame_length: 28,
            flags: 0,
            frame_type: FrameType::Nak,
        }
        .put(frame);
        put_i32::<SESSION_ID, _>(frame, self.session_id);
        put_i32::<STREAM_ID, _>(frame, self.stream_id);
        put_i32::<TERM_ID, _>(frame, self.term_id);
        put_i32::<TERM_OFFSET, _>(frame, self.term_offset);
        put_i32::<RANGE_LENGTH, _>(frame, self.length);
        Ok(Self::LENGTH)
    }
}
