//! SM: a receiver's status message (03 §1.5).
//!
//! ```text
//!  +---------------------------------------------------------------+
//!  |                     base header (type 0x03)                   |  0
//!  +---------------------------------------------------------------+
//!  |                         session_id i32                        |  8
//!  +---------------------------------------------------------------+
//!  |                          stream_id i32                        | 12
//!  +---------------------------------------------------------------+
//!  |                     consumption_term_id i32                   | 16
//!  +---------------------------------------------------------------+
//!  |                   consumption_term_offset i32                 | 20
//!  +---------------------------------------------------------------+
//!  |                       receiver_window i32                     | 24
//!  +---------------------------------------------------------------+
//!  |                         receiver_id i64                       | 28  (not aligned)
//!  |                                                               |
//!  +---------------------------------------------------------------+ 36
//!  |                          group_tag i64                        | 36  (only if frame_length is 44)
//!  |                                                               |
//!  +---------------------------------------------------------------+ 44
//! ```

use super::fields::{i32_at, i64_at, put_i32, put_i64};
use super::header::{BaseHeader, FrameType, Invalid, TOO_SMALL_TO_ENCODE};
use super::limits::{TERM_MAX_LENGTH, is_frame_offset};

const SESSION_ID: usize = 8;
const STREAM_ID: usize = 12;
const CONSUMPTION_TERM_ID: usize = 16;
const CONSUMPTION_TERM_OFFSET: usize = 20;
const RECEIVER_WINDOW: usize = 24;
const RECEIVER_ID: usize = 28;
const GROUP_TAG: usize = 36;

const FRAME_LENGTH_UNTAGGED: i32 = 36;
const FRAME_LENGTH_TAGGED: i32 = 44;

const _: () = assert!(RECEIVER_ID + 8 == StatusMessage::LENGTH);
const _: () = assert!(GROUP_TAG + 8 == StatusMessage::LENGTH_WITH_GROUP_TAG);

/// What the end of a status message says about the receiver's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupTag {
    /// 36 bytes: the receive endpoint has no group tag.
    Absent,
    /// 44 bytes: its group tag.
    Present(i64),
    /// Neither 36 nor 44 bytes: counts as untagged, and tagged flow control logs it. Such a message is never written.
    OddLength,
}

/// How far a receiver has read, and how much it is ready to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusMessage {
    /// See [`StatusMessage::FLAG_SEND_SETUP`] and [`StatusMessage::FLAG_EOS`].
    pub flags: u8,
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// Term of the receiver's position.
    pub consumption_term_id: i32,
    /// Offset of the receiver's position in that term.
    pub consumption_term_offset: i32,
    /// Bytes the receiver takes beyond its position.
    pub receiver_window: i32,
    /// Identity of the receiver.
    pub receiver_id: i64,
    /// Group of the receiver.
    pub group_tag: GroupTag,
}

impl StatusMessage {
    /// Bytes of the frame without a group tag.
    pub const LENGTH: usize = 36;
    /// Bytes of the frame with a group tag.
    pub const LENGTH_WITH_GROUP_TAG: usize = 44;
    /// Asks the sender for a SETUP; term id, offset and window are 0.
    pub const FLAG_SEND_SETUP: u8 = 0x80;
    /// The receiver is leaving the image.
    pub const FLAG_EOS: u8 = 0x40;

    /// Does the receiver ask for a SETUP?
    #[must_use]
    pub const fn asks_for_setup(&self) -> bool {
        self.flags & Self::FLAG_SEND_SETUP != 0
    }

    /// Is the receiver leaving the image?
    #[must_use]
    pub const fn is_end_of_stream(&self) -> bool {
        self.flags & Self::FLAG_EOS != 0
    }

    /// Reads a status message. Offset and window are judged by [`check`](Self::check) against the publication it names.
    ///
    /// # Errors
    /// Not a status message, shorter than 36 bytes, or claiming more bytes than the packet has.
    pub fn decode(packet: &[u8]) -> Result<Self, Invalid> {
        Self::from_packet(
            BaseHeader::decode_as(packet, FrameType::StatusMessage)?,
            packet,
        )
    }

    pub(super) fn from_packet(base: BaseHeader, packet: &[u8]) -> Result<Self, Invalid> {
        let Some(frame) = packet.first_chunk::<{ Self::LENGTH }>() else {
            return Err(Invalid::because("a status message has at least 36 bytes"));
        };
        base.within(packet)?;
        let group_tag = match (
            base.frame_length,
            packet.first_chunk::<{ Self::LENGTH_WITH_GROUP_TAG }>(),
        ) {
            (FRAME_LENGTH_UNTAGGED, _) => GroupTag::Absent,
            (FRAME_LENGTH_TAGGED, Some(tagged)) => {
                GroupTag::Present(i64_at::<GROUP_TAG, _>(tagged))
            }
            _ => GroupTag::OddLength,
        };
        Ok(Self {
            flags: base.flags,
            session_id: i32_at::<SESSION_ID, _>(frame),
            stream_id: i32_at::<STREAM_ID, _>(frame),
            consumption_term_id: i32_at::<CONSUMPTION_TERM_ID, _>(frame),
            consumption_term_offset: i32_at::<CONSUMPTION_TERM_OFFSET, _>(frame),
            receiver_window: i32_at::<RECEIVER_WINDOW, _>(frame),
            receiver_id: i64_at::<RECEIVER_ID, _>(frame),
            group_tag,
        })
    }

    /// Judges position and window against the term length of the publication, or against the largest term there is when the
    /// publication is not known (03 §1.11.2 rule 5).
    ///
    /// # Errors
    /// An offset outside the term or not on a frame boundary, a window that is negative or larger than half the term.
    pub fn check(&self, term_length: Option<i32>) -> Result<(), Invalid> {
        let term_length = term_length.unwrap_or(TERM_MAX_LENGTH);
        if !is_frame_offset(self.consumption_term_offset, term_length) {
            return Err(Invalid::because(
                "a status message's offset is a multiple of 32 inside the term",
            ));
        }
        if self.receiver_window < 0 || self.receiver_window > term_length / 2 {
            return Err(Invalid::because(
                "a status message's window is from 0 to half the term length",
            ));
        }
        Ok(())
    }

    /// Writes the frame at the start of `out` and says how many bytes it has: 36, or 44 with a group tag.
    ///
    /// # Errors
    /// `out` is too short, the position or window fit no term, or the group tag is [`GroupTag::OddLength`].
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, Invalid> {
        self.check(None)?;
        match self.group_tag {
            GroupTag::Absent => {
                let frame = out
                    .first_chunk_mut::<{ Self::LENGTH }>()
                    .ok_or(TOO_SMALL_TO_ENCODE)?;
                self.put(frame, FRAME_LENGTH_UNTAGGED);
                Ok(Self::LENGTH)
            }
            GroupTag::Present(tag) => {
                let frame = out
                    .first_chunk_mut::<{ Self::LENGTH_WITH_GROUP_TAG }>()
                    .ok_or(TOO_SMALL_TO_ENCODE)?;
                self.put(frame, FRAME_LENGTH_TAGGED);
                put_i64::<GROUP_TAG, _>(frame, tag);
                Ok(Self::LENGTH_WITH_GROUP_TAG)
            }
            GroupTag::OddLength => Err(Invalid::because(
                "a status message is written with 36 or 44 bytes",
            )),
        }
    }

    fn put<const N: usize>(&self, frame: &mut [u8; N], frame_length: i32) {
        BaseHeader {
            frame_length,
            flags: self.flags,
            frame_type: FrameType::StatusMessage,
        }
        .put(frame);
        put_i32::<SESSION_ID, N>(frame, self.session_id);
        put_i32::<STREAM_ID, N>(frame, self.stream_id);
        put_i32::<CONSUMPTION_TERM_ID, N>(frame, self.consumption_term_id);
        put_i32::<CONSUMPTION_TERM_OFFSET, N>(frame, self.consumption_term_offset);
        put_i32::<RECEIVER_WINDOW, N>(frame, self.receiver_window);
        put_i64::<RECEIVER_ID, N>(frame, self.receiver_id);
    }
}
