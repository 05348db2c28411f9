//! RSP_SETUP: a receiver tells the session of the response publication it made for a stream (03 §1.9).
//!
//! ```text
//!  +---------------------------------------------------------------+
//!  |                     base header (type 0x0B)                   |  0
//!  +---------------------------------------------------------------+
//!  |                         session_id i32                        |  8
//!  +---------------------------------------------------------------+
//!  |                          stream_id i32                        | 12
//!  +---------------------------------------------------------------+
//!  |                     response_session_id i32                   | 16
//!  +---------------------------------------------------------------+ 20
//! ```

use super::fields::{i32_at, put_i32};
use super::header::{BaseHeader, FrameType, Invalid, TOO_SMALL_TO_ENCODE};

const SESSION_ID: usize = 8;
const STREAM_ID: usize = 12;
const RESPONSE_SESSION_ID: usize = 16;

const _: () = assert!(RESPONSE_SESSION_ID + 4 == ResponseSetup::LENGTH);

/// The session a response publication will use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseSetup {
    /// Session of the publication that asked for responses.
    pub session_id: i32,
    /// Stream of that publication.
    pub stream_id: i32,
    /// Session of the response publication.
    pub response_session_id: i32,
}

impl ResponseSetup {
    /// Bytes of the frame.
    pub const LENGTH: usize = 20;

    /// Reads the frame.
    ///
    /// # Errors
    /// Not this type, shorter than 20 bytes, or claiming more bytes than the packet has.
    pub fn decode(packet: &[u8]) -> Result<Self, Invalid> {
        Self::from_packet(
            BaseHeader::decode_as(packet, FrameType::ResponseSetup)?,
            packet,
        )
    }

    pub(super) fn from_packet(base: BaseHeader, packet: &[u8]) -> Result<Self, Invalid> {
        let Some(frame) = packet.first_chunk::<{ Self::LENGTH }>() else {
            return Err(Invalid::because("a response setup has at least 20 bytes"));
        };
        base.within(packet)?;
        Ok(Self {
            session_id: i32_at::<SESSION_ID, _>(frame),
            stream_id: i32_at::<STREAM_ID, _>(frame),
            response_session_id: i32_at::<RESPONSE_SESSION_ID, _>(frame),
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
            frame_length: 20,
            flags: 0,
            frame_type: FrameType::ResponseSetup,
        }
        .put(frame);
        put_i32::<SESSION_ID, _>(frame, self.session_id);
        put_i32::<STREAM_ID, _>(frame, self.stream_id);
        put_i32::<RESPONSE_SESSION_ID, _>(frame, self.response_session_id);
        Ok(Self::LENGTH)
    }
}
