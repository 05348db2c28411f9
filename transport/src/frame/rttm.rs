//! RTTM: round-trip measurement, question and answer (03 §1.8).
//!
//! ```text
//!  +---------------------------------------------------------------+
//!  |                     base header (type 0x06)                   |  0
//!  +---------------------------------------------------------------+
//!  |                         session_id i32                        |  8
//!  +---------------------------------------------------------------+
//!  |                          stream_id i32                        | 12
//!  +---------------------------------------------------------------+
//!  |                      echo_timestamp_ns i64                    | 16
//!  |                                                               |
//!  +---------------------------------------------------------------+
//!  |                     reception_delta_ns i64                    | 24
//!  |                                                               |
//!  +---------------------------------------------------------------+
//!  |                         receiver_id i64                       | 32
//!  |                                                               |
//!  +---------------------------------------------------------------+ 40
//! ```

use super::fields::{i32_at, i64_at, put_i32, put_i64};
use super::header::{BaseHeader, FrameType, Invalid, TOO_SMALL_TO_ENCODE};

const SESSION_ID: usize = 8;
const STREAM_ID: usize = 12;
const ECHO_TIMESTAMP: usize = 16;
const RECEPTION_DELTA: usize = 24;
const RECEIVER_ID: usize = 32;

const _: () = assert!(RECEIVER_ID + 8 == Rttm::LENGTH);

/// A round-trip measurement frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rttm {
    /// See [`Rttm::FLAG_REPLY`].
    pub flags: u8,
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// The asking side's clock when it asked, given back unchanged in the answer.
    pub echo_timestamp_ns: i64,
    /// Time the answering side took.
    pub reception_delta_ns: i64,
    /// The receiver that measures or is measured.
    pub receiver_id: i64,
}

impl Rttm {
    /// Bytes of the frame.
    pub const LENGTH: usize = 40;
    /// "Please answer": set on the question, not on the answer, whatever the name suggests.
    pub const FLAG_REPLY: u8 = 0x80;

    /// Does the sender of this frame want an answer?
    #[must_use]
    pub const fn wants_answer(&self) -> bool {
        self.flags & Self::FLAG_REPLY != 0
    }

    /// The answer to this question: the same stream, echo and receiver, no flags, no delay.
    #[must_use]
    pub const fn answer(&self) -> Self {
        Self {
            flags: 0,
            reception_delta_ns: 0,
            ..*self
        }
    }

    /// Reads the frame.
    ///
    /// # Errors
    /// Not this type, shorter than 40 bytes, or claiming more bytes than the packet has.
    pub fn decode(packet: &[u8]) -> Result<Self, Invalid> {
        Self::from_packet(BaseHeader::decode_as(packet, FrameType::Rttm)?, packet)
    }

    pub(super) fn from_packet(base: BaseHeader, packet: &[u8]) -> Result<Self, Invalid> {
        let Some(frame) = packet.first_chunk::<{ Self::LENGTH }>() else {
            return Err(Invalid::because(
                "a round-trip measurement has at least 40 bytes",
            ));
        };
        base.within(packet)?;
        Ok(Self {
            flags: base.flags,
            session_id: i32_at::<SESSION_ID, _>(frame),
            stream_id: i32_at::<STREAM_ID, _>(frame),
            echo_timestamp_ns: i64_at::<ECHO_TIMESTAMP, _>(frame),
            reception_delta_ns: i64_at::<RECEPTION_DELTA, _>(frame),
            receiver_id: i64_at::<RECEIVER_ID, _>(frame),
        })
    }

    /// Writes the frame at the start of `out` and says how many bytes it has.
    ///
    /// # Errors
    /// `out` is too short.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, Invalid> {
        let frame = out
            .first_chunk_mut::<{ Self::LENGTH }>()
            .ok_or(TOO_SMALL_TO_ENCODE)?;
        BaseHeader {
            frame_length: 40,
            flags: self.flags,
            frame_type: FrameType::Rttm,
        }
        .put(frame);
        put_i32::<SESSION_ID, _>(frame, self.session_id);
        put_i32::<STREAM_ID, _>(frame, self.stream_id);
        put_i64::<ECHO_TIMESTAMP, _>(frame, self.echo_timestamp_ns);
        put_i64::<RECEPTION_DELTA, _>(frame, self.reception_delta_ns);
        put_i64::<RECEIVER_ID, _>(frame, self.receiver_id);
        Ok(Self::LENGTH)
    }
}
