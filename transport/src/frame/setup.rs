//! SETUP: a sender announces its stream (03 §1.4).
//!
//! ```text
//!  +---------------------------------------------------------------+
//!  |                     base header (type 0x05)                   |  0
//!  +---------------------------------------------------------------+
//!  |                         term_offset i32                       |  8
//!  +---------------------------------------------------------------+
//!  |                         session_id i32                        | 12
//!  +---------------------------------------------------------------+
//!  |                          stream_id i32                        | 16
//!  +---------------------------------------------------------------+
//!  |                       initial_term_id i32                     | 20
//!  +---------------------------------------------------------------+
//!  |                        active_term_id i32                     | 24
//!  +---------------------------------------------------------------+
//!  |                         term_length i32                       | 28
//!  +---------------------------------------------------------------+
//!  |                             mtu i32                           | 32
//!  +---------------------------------------------------------------+
//!  |                             ttl i32                           | 36
//!  +---------------------------------------------------------------+ 40
//! ```

use super::fields::{i32_at, put_i32};
use super::header::{BaseHeader, FrameType, Invalid, TOO_SMALL_TO_ENCODE};
use super::limits::{
    FRAME_ALIGNMENT, MAX_UDP_PAYLOAD_LENGTH, MIN_SETUP_MTU_LENGTH, is_frame_offset, is_term_length,
};

const TERM_OFFSET: usize = 8;
const SESSION_ID: usize = 12;
const STREAM_ID: usize = 16;
const INITIAL_TERM_ID: usize = 20;
const ACTIVE_TERM_ID: usize = 24;
const TERM_LENGTH: usize = 28;
const MTU: usize = 32;
const TTL: usize = 36;

const _: () = assert!(TTL + 4 == Setup::LENGTH);

/// The shape of a stream and where its sender stands.
///
/// A decoded one keeps the rules of [`check`](Self::check), and only such a one can be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// See [`Setup::FLAG_SEND_RESPONSE`] and [`Setup::FLAG_GROUP`].
    pub flags: u8,
    /// Offset of the sender's position in the active term.
    pub term_offset: i32,
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// Term the stream began with.
    pub initial_term_id: i32,
    /// Term of the sender's position.
    pub active_term_id: i32,
    /// Bytes of a term.
    pub term_length: i32,
    /// The largest datagram the sender sends.
    pub mtu_length: i32,
    /// The `ttl` of the channel, 0 when it has none.
    pub ttl: i32,
}

impl Setup {
    /// Bytes of the frame.
    pub const LENGTH: usize = 40;
    /// The publication wants a response channel.
    pub const FLAG_SEND_RESPONSE: u8 = 0x80;
    /// The sender has group semantics: multicast, or several destinations.
    pub const FLAG_GROUP: u8 = 0x40;

    /// Does the publication want a response channel?
    #[must_use]
    pub const fn wants_response(&self) -> bool {
        self.flags & Self::FLAG_SEND_RESPONSE != 0
    }

    /// Does the sender have group semantics?
    #[must_use]
    pub const fn is_group(&self) -> bool {
        self.flags & Self::FLAG_GROUP != 0
    }

    /// Reads a SETUP and checks it whole.
    ///
    /// # Errors
    /// Not a SETUP, shorter than 40 bytes, or breaking a rule of [`check`](Self::check).
    pub fn decode(packet: &[u8]) -> Result<Self, Invalid> {
        Self::from_packet(BaseHeader::decode_as(packet, FrameType::Setup)?, packet)
    }

    /// The frame length is not compared with the packet: secure transports announce a larger one (03 §1.11.2 rule 1).
    pub(super) fn from_packet(base: BaseHeader, packet: &[u8]) -> Result<Self, Invalid> {
        let Some(frame) = packet.first_chunk::<{ Self::LENGTH }>() else {
            return Err(Invalid::because("a SETUP has at least 40 bytes"));
        };
        let setup = Self {
            flags: base.flags,
            term_offset: i32_at::<TERM_OFFSET, _>(frame),
            session_id: i32_at::<SESSION_ID, _>(frame),
            stream_id: i32_at::<STREAM_ID, _>(frame),
            initial_term_id: i32_at::<INITIAL_TERM_ID, _>(frame),
            active_term_id: i32_at::<ACTIVE_TERM_ID, _>(frame),
            term_length: i32_at::<TERM_LENGTH, _>(frame),
            mtu_length: i32_at::<MTU, _>(frame),
            ttl: i32_at::<TTL, _>(frame),
        };
        setup.check()?;
        Ok(setup)
    }

    /// Is this a stream that can exist (03 §1.11.2 rule 3)?
    ///
    /// # Errors
    /// A term length that is no power of two from 64 KiB to 1 GiB, an offset outside the term or not on a frame boundary, an
    /// MTU outside [32, 65504] or no multiple of 32.
    pub fn check(&self) -> Result<(), Invalid> {
        if !is_term_length(self.term_length) {
            return Err(Invalid::because(
                "a SETUP's term length is a power of two from 65536 to 1073741824",
            ));
        }
        if !is_frame_offset(self.term_offset, self.term_length) {
            return Err(Invalid::because(
                "a SETUP's term offset is a multiple of 32 inside the term",
            ));
        }
        let fits = (MIN_SETUP_MTU_LENGTH..=MAX_UDP_PAYLOAD_LENGTH).contains(&self.mtu_length);
        if !fits || self.mtu_length % FRAME_ALIGNMENT != 0 {
            return Err(Invalid::because(
                "a SETUP's MTU is a multiple of 32 from 32 to 65504",
            ));
        }
        Ok(())
    }

    /// Writes the frame at the start of `out` and says how many bytes it has.
    ///
    /// # Errors
    /// `out` is too short, or a field breaks a rule of [`check`](Self::check).
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, Invalid> {
        self.check()?;
        let frame = out
            .first_chunk_mut::<{ Self::LENGTH }>()
            .ok_or(TOO_SMALL_TO_ENCODE)?;
        BaseHeader {
            frame_length: 40,
            flags: self.flags,
            frame_type: FrameType::Setup,
        }
        .put(frame);
        put_i32::<TERM_OFFSET, _>(frame, self.term_offset);
        put_i32::<SESSION_ID, _>(frame, self.session_id);
        put_i32::<STREAM_ID, _>(frame, self.stream_id);
        put_i32::<INITIAL_TERM_ID, _>(frame, self.initial_term_id);
        put_i32::<ACTIVE_TERM_ID, _>(frame, self.active_term_id);
        put_i32::<TERM_LENGTH, _>(frame, self.term_length);
        put_i32::<MTU, _>(frame, self.mtu_length);
        put_i32::<TTL, _>(frame, self.ttl);
        Ok(Self::LENGTH)
    }
}
