//! The eight bytes every frame starts with (03 §1.1, §1.2), and why a datagram is refused.
//!
//! ```text
//!   0               1               2               3
//!   0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
//!  +---------------------------------------------------------------+
//!  |                         frame_length i32                      |  0
//!  +---------------+---------------+-------------------------------+
//!  |   version i8  |    flags u8   |            type i16           |  4
//!  +---------------+---------------+-------------------------------+  8
//! ```

use super::fields::{i8_at, i16_at, i32_at, put_i8, put_i16, put_i32, put_u8, u8_at};
use super::limits::FRAME_VERSION;

const FRAME_LENGTH: usize = 0;
const VERSION: usize = 4;
const FLAGS: usize = 5;
const TYPE: usize = 6;

const _: () = assert!(TYPE + 2 == BaseHeader::LENGTH);

/// A datagram or frame that breaks a rule, named by the rule it breaks.
///
/// Cheap to make and to drop: a flood of bad datagrams costs a counter increment each, no text is built for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct Invalid {
    rule: &'static str,
}

impl Invalid {
    pub(super) const fn because(rule: &'static str) -> Self {
        Self { rule }
    }

    /// The rule that was broken.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        self.rule
    }
}

pub(super) const TOO_SMALL_TO_ENCODE: Invalid =
    Invalid::because("the buffer is shorter than the frame to be written");

/// The frame types that exist on the wire. Reserved ids (8, 9, 10 and −1) are refused as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum FrameType {
    /// Padding to the end of a term.
    Pad = 0x00,
    /// Data, or a heartbeat.
    Data = 0x01,
    /// A receiver names a gap.
    Nak = 0x02,
    /// A receiver's status message.
    StatusMessage = 0x03,
    /// A receiver rejects an image.
    Error = 0x04,
    /// A sender announces its stream.
    Setup = 0x05,
    /// Round-trip measurement.
    Rttm = 0x06,
    /// Name-resolution gossip between drivers.
    Resolution = 0x07,
    /// A receiver tells the session of its response publication.
    ResponseSetup = 0x0B,
}

impl FrameType {
    const fn from_id(id: i16) -> Option<Self> {
        Some(match id {
            0x00 => Self::Pad,
            0x01 => Self::Data,
            0x02 => Self::Nak,
            0x03 => Self::StatusMessage,
            0x04 => Self::Error,
            0x05 => Self::Setup,
            0x06 => Self::Rttm,
            0x07 => Self::Resolution,
            0x0B => Self::ResponseSetup,
            _ => return None,
        })
    }

    const fn id(self) -> i16 {
        match self {
            Self::Pad => 0x00,
            Self::Data => 0x01,
            Self::Nak => 0x02,
            Self::StatusMessage => 0x03,
            Self::Error => 0x04,
            Self::Setup => 0x05,
            Self::Rttm => 0x06,
            Self::Resolution => 0x07,
            Self::ResponseSetup => 0x0B,
        }
    }
}

/// The base header, with a length that is not negative, version 0 and a known type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseHeader {
    /// Header and body in bytes, not aligned; 0 only in a heartbeat.
    pub frame_length: i32,
    /// Flags, whose meaning depends on the type.
    pub flags: u8,
    /// What the frame is.
    pub frame_type: FrameType,
}

impl BaseHeader {
    /// Bytes of the header.
    pub const LENGTH: usize = 8;

    /// Reads the header at the start of a packet (03 §1.11.2 rule 1, the part every packet has to pass).
    ///
    /// # Errors
    /// Shorter than eight bytes, another version, a negative length, an unknown type.
    #[inline]
    pub fn decode(packet: &[u8]) -> Result<Self, Invalid> {
        let Some(head) = packet.first_chunk::<{ Self::LENGTH }>() else {
            return Err(Invalid::because("a packet has at least 8 bytes"));
        };
        if i8_at::<VERSION, _>(head) != FRAME_VERSION {
            return Err(Invalid::because("the frame version is 0"));
        }
        let frame_length = i32_at::<FRAME_LENGTH, _>(head);
        if frame_length < 0 {
            return Err(Invalid::because("a frame length is not negative"));
        }
        let Some(frame_type) = FrameType::from_id(i16_at::<TYPE, _>(head)) else {
            return Err(Invalid::because("the frame type is none of those in use"));
        };
        Ok(Self {
            frame_length,
            flags: u8_at::<FLAGS, _>(head),
            frame_type,
        })
    }

    /// As [`decode`](Self::decode), for callers that take one type only.
    pub(super) fn decode_as(packet: &[u8], wanted: FrameType) -> Result<Self, Invalid> {
        let base = Self::decode(packet)?;
        if base.frame_type == wanted {
            Ok(base)
        } else {
            Err(Invalid::because("the frame is of another type"))
        }
    }

    /// Writes the header at the start of a frame that has room for it.
    #[inline]
    pub(super) fn put<const N: usize>(self, frame: &mut [u8; N]) {
        put_i32::<FRAME_LENGTH, N>(frame, self.frame_length);
        put_i8::<VERSION, N>(frame, FRAME_VERSION);
        put_u8::<FLAGS, N>(frame, self.flags);
        put_i16::<TYPE, N>(frame, self.frame_type.id());
    }

    /// A control frame must not claim more bytes than the packet has.
    #[inline]
    pub(super) fn within(self, packet: &[u8]) -> Result<(), Invalid> {
        match usize::try_from(self.frame_length) {
            Ok(length) if length <= packet.len() => Ok(()),
            _ => Err(Invalid::because(
                "a frame does not claim more bytes than its packet has",
            )),
        }
    }
}
