//! ERR: a receiver tells a sender that it rejected the image (03 §1.7).
//!
//! ```text
//!  +---------------------------------------------------------------+
//!  |                     base header (type 0x04)                   |  0
//!  +---------------------------------------------------------------+
//!  |                         session_id i32                        |  8
//!  +---------------------------------------------------------------+
//!  |                          stream_id i32                        | 12
//!  +---------------------------------------------------------------+
//!  |                         receiver_id i64                       | 16
//!  |                                                               |
//!  +---------------------------------------------------------------+
//!  |                          group_tag i64                        | 24  (only with HAS_GROUP_TAG)
//!  |                                                               |
//!  +---------------------------------------------------------------+
//!  |                         error_code i32                        | 32
//!  +---------------------------------------------------------------+
//!  |                        error_length i32                       | 36
//!  +---------------------------------------------------------------+
//!  |                    error text (no NUL, no alignment)         ...  40
//! ```

use super::fields::{i32_at, i64_at, put_i32, put_i64};
use super::header::{BaseHeader, FrameType, Invalid, TOO_SMALL_TO_ENCODE};
use super::limits::MAX_ERROR_TEXT_LENGTH;

const SESSION_ID: usize = 8;
const STREAM_ID: usize = 12;
const RECEIVER_ID: usize = 16;
const GROUP_TAG: usize = 24;
const ERROR_CODE: usize = 32;
const ERROR_LENGTH: usize = 36;

const FLAG_HAS_GROUP_TAG: u8 = 0x08;

const _: () = assert!(ERROR_LENGTH + 4 == ErrorFrame::HEADER_LENGTH);

/// A receiver's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorFrame<'a> {
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// Identity of the receiver.
    pub receiver_id: i64,
    /// Group tag of the receive endpoint, if it has one.
    pub group_tag: Option<i64>,
    /// Aeron's error code; drivers send IMAGE_REJECTED (13) alone.
    pub error_code: i32,
    /// The reason, at most 1023 bytes. Not known to be UTF-8.
    pub text: &'a [u8],
}

impl<'a> ErrorFrame<'a> {
    /// Bytes before the text.
    pub const HEADER_LENGTH: usize = 40;

    /// Reads the frame.
    ///
    /// # Errors
    /// Not an error frame, shorter than 40 bytes, claiming more bytes than the packet has, or a text that is longer than 1023
    /// bytes or does not fit the frame (03 §1.11.2 rule 6).
    pub fn decode(packet: &'a [u8]) -> Result<Self, Invalid> {
        Self::from_packet(BaseHeader::decode_as(packet, FrameType::Error)?, packet)
    }

    pub(super) fn from_packet(base: BaseHeader, packet: &'a [u8]) -> Result<Self, Invalid> {
        let Some((header, rest)) = packet.split_first_chunk::<{ ErrorFrame::HEADER_LENGTH }>()
        else {
            return Err(Invalid::because("an error frame has at least 40 bytes"));
        };
        base.within(packet)?;
        let text = usize::try_from(i32_at::<ERROR_LENGTH, _>(header))
            .ok()
            .filter(|&length| length <= MAX_ERROR_TEXT_LENGTH)
            .and_then(|length| rest.get(..length))
            .ok_or(Invalid::because(
                "an error text has 0 to 1023 bytes, all of them in the packet",
            ))?;
        let needed = Self::HEADER_LENGTH.saturating_add(text.len());
        if usize::try_from(base.frame_length).is_ok_and(|length| length < needed) {
            return Err(Invalid::because("an error text ends inside its frame"));
        }
        Ok(Self {
            session_id: i32_at::<SESSION_ID, _>(header),
            stream_id: i32_at::<STREAM_ID, _>(header),
            receiver_id: i64_at::<RECEIVER_ID, _>(header),
            group_tag: (base.flags & FLAG_HAS_GROUP_TAG != 0)
                .then(|| i64_at::<GROUP_TAG, _>(header)),
            error_code: i32_at::<ERROR_CODE, _>(header),
            text,
        })
    }

    /// Writes the frame at the start of `out` and says how many bytes it has: 40 and the text.
    ///
    /// # Errors
    /// `out` is too short, or the text is longer than 1023 bytes.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, Invalid> {
        if self.text.len() > MAX_ERROR_TEXT_LENGTH {
            return Err(Invalid::because("an error text has at most 1023 bytes"));
        }
        let length = Self::HEADER_LENGTH.saturating_add(self.text.len());
        let (Ok(frame_length), Ok(error_length)) =
            (i32::try_from(length), i32::try_from(self.text.len()))
        else {
            return Err(Invalid::because("an error text has at most 1023 bytes"));
        };
        let (header, rest) = out
            .split_first_chunk_mut::<{ ErrorFrame::HEADER_LENGTH }>()
            .ok_or(TOO_SMALL_TO_ENCODE)?;
        rest.get_mut(..self.text.len())
            .ok_or(TOO_SMALL_TO_ENCODE)?
            .copy_from_slice(self.text);
        let flags = if self.group_tag.is_some() {
            FLAG_HAS_GROUP_TAG
        } else {
            0
        };
        BaseHeader {
            frame_length,
            flags,
            frame_type: FrameType::Error,
        }
        .put(header);
        put_i32::<SESSION_ID, _>(header, self.session_id);
        put_i32::<STREAM_ID, _>(header, self.stream_id);
        put_i64::<RECEIVER_ID, _>(header, self.receiver_id);
        put_i64::<GROUP_TAG, _>(header, self.group_tag.unwrap_or(0));
        put_i32::<ERROR_CODE, _>(header, self.error_code);
        put_i32::<ERROR_LENGTH, _>(header, error_length);
        Ok(length)
    }
}
