//! DATA, PAD and heartbeat (03 §1.3), and the walk over the frames of a datagram (03 §1.11.2 rule 2).
//!
//! ```text
//!  +---------------------------------------------------------------+
//!  |                base header (type 0x01, PAD 0x00)              |  0
//!  +---------------------------------------------------------------+
//!  |                         term_offset i32                       |  8
//!  +---------------------------------------------------------------+
//!  |                         session_id i32                        | 12
//!  +---------------------------------------------------------------+
//!  |                          stream_id i32                        | 16
//!  +---------------------------------------------------------------+
//!  |                           term_id i32                         | 20
//!  +---------------------------------------------------------------+
//!  |                       reserved_value i64                      | 24
//!  |                                                               |
//!  +---------------------------------------------------------------+
//!  |                            payload                           ... 32
//! ```
//!
//! A datagram holds one or more frames, each at a multiple of 32, as they lie in the term; the gap after a frame up to the next
//! multiple of 32 travels too. A padding travels as its header alone, so it is last, and stands for more bytes than it brings.
//! A heartbeat is 32 bytes with frame length 0.

use super::fields::{i32_at, i64_at, put_i32, put_i64};
use super::header::{BaseHeader, FrameType, Invalid, TOO_SMALL_TO_ENCODE};
use super::limits::{DATA_HEADER_LENGTH, FRAME_ALIGNMENT, TERM_MAX_LENGTH, is_frame_offset};

const TERM_OFFSET: usize = 8;
const SESSION_ID: usize = 12;
const STREAM_ID: usize = 16;
const TERM_ID: usize = 20;
const RESERVED_VALUE: usize = 24;

const _: () = assert!(RESERVED_VALUE + 8 == DataHeader::LENGTH);

/// The header of a data or padding frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataHeader {
    /// Header and payload, not aligned; of a padding the whole padding; 0 in a heartbeat.
    pub frame_length: i32,
    /// See the flags of this type.
    pub flags: u8,
    /// Is this a padding?
    pub is_padding: bool,
    /// Where the frame lies in its term.
    pub term_offset: i32,
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// Term of the frame.
    pub term_id: i32,
    /// The application's own value, 0 unless it supplies one.
    pub reserved_value: i64,
}

impl DataHeader {
    /// Bytes of the header.
    pub const LENGTH: usize = DATA_HEADER_LENGTH;
    /// First fragment of a message.
    pub const FLAG_BEGIN: u8 = 0x80;
    /// Last fragment of a message.
    pub const FLAG_END: u8 = 0x40;
    /// Heartbeat: nothing follows.
    pub const FLAG_EOS: u8 = 0x20;
    /// Heartbeat: the publication was revoked.
    pub const FLAG_REVOKED: u8 = 0x10;
    /// A message in one fragment.
    pub const FLAGS_UNFRAGMENTED: u8 = Self::FLAG_BEGIN | Self::FLAG_END;

    /// Reads the header at the start of `frame`.
    ///
    /// # Errors
    /// Neither data nor padding, or shorter than 32 bytes.
    #[inline]
    pub fn decode(frame: &[u8]) -> Result<Self, Invalid> {
        let base = BaseHeader::decode(frame)?;
        let is_padding = match base.frame_type {
            FrameType::Pad => true,
            FrameType::Data => false,
            FrameType::Nak
            | FrameType::StatusMessage
            | FrameType::Error
            | FrameType::Setup
            | FrameType::Rttm
            | FrameType::Resolution
            | FrameType::ResponseSetup => {
                return Err(Invalid::because(
                    "a data datagram holds data and padding frames only",
                ));
            }
        };
        let Some(header) = frame.first_chunk::<{ Self::LENGTH }>() else {
            return Err(Invalid::because("a data frame has at least 32 bytes"));
        };
        Ok(Self {
            frame_length: base.frame_length,
            flags: base.flags,
            is_padding,
            term_offset: i32_at::<TERM_OFFSET, _>(header),
            session_id: i32_at::<SESSION_ID, _>(header),
            stream_id: i32_at::<STREAM_ID, _>(header),
            term_id: i32_at::<TERM_ID, _>(header),
            reserved_value: i64_at::<RESERVED_VALUE, _>(header),
        })
    }

    /// Writes the header at the start of `out` and says how many bytes it has.
    ///
    /// # Errors
    /// `out` is too short, the frame length is neither 0 nor from 32 to the longest term, or no term has a frame at this offset.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, Invalid> {
        if self.frame_length != 0
            && !(FRAME_ALIGNMENT..=TERM_MAX_LENGTH).contains(&self.frame_length)
        {
            return Err(Invalid::because(
                "a data frame's length is 0 or from 32 to 1073741824",
            ));
        }
        if !is_frame_offset(self.term_offset, TERM_MAX_LENGTH) {
            return Err(Invalid::because(
                "a data frame starts at a multiple of 32 inside the term",
            ));
        }
        let header = out
            .first_chunk_mut::<{ Self::LENGTH }>()
            .ok_or(TOO_SMALL_TO_ENCODE)?;
        let frame_type = if self.is_padding {
            FrameType::Pad
        } else {
            FrameType::Data
        };
        BaseHeader {
            frame_length: self.frame_length,
            flags: self.flags,
            frame_type,
        }
        .put(header);
        put_i32::<TERM_OFFSET, _>(header, self.term_offset);
        put_i32::<SESSION_ID, _>(header, self.session_id);
        put_i32::<STREAM_ID, _>(header, self.stream_id);
        put_i32::<TERM_ID, _>(header, self.term_id);
        put_i64::<RESERVED_VALUE, _>(header, self.reserved_value);
        Ok(Self::LENGTH)
    }
}

/// What a heartbeat says about its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamState {
    /// More may follow.
    Open,
    /// The sender's position is the end of the stream.
    Ended,
    /// The publication was revoked, which also ends the stream.
    Revoked,
}

/// A sign of life of an idle sender, at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Session of the stream.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// Term of the sender's position.
    pub term_id: i32,
    /// Offset of the sender's position.
    pub term_offset: i32,
    /// Whether anything follows.
    pub state: StreamState,
}

impl Heartbeat {
    /// Bytes of the datagram.
    pub const LENGTH: usize = DATA_HEADER_LENGTH;

    /// Writes the datagram at the start of `out` and says how many bytes it has.
    ///
    /// # Errors
    /// `out` is too short, or no term has a frame at this offset.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, Invalid> {
        let end = match self.state {
            StreamState::Open => 0,
            StreamState::Ended => DataHeader::FLAG_EOS,
            StreamState::Revoked => DataHeader::FLAG_EOS | DataHeader::FLAG_REVOKED,
        };
        let header = DataHeader {
            frame_length: 0,
            flags: DataHeader::FLAGS_UNFRAGMENTED | end,
            is_padding: false,
            term_offset: self.term_offset,
            session_id: self.session_id,
            stream_id: self.stream_id,
            term_id: self.term_id,
            reserved_value: 0,
        };
        header.encode(out)
    }
}

/// The part of a term a datagram stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermSpan {
    /// Where the datagram's first byte goes in the term; a multiple of 32.
    pub term_offset: i32,
    /// Bytes of the term it stands for, padding included: the proposed position is the packet's plus this. 0 for a heartbeat.
    pub length: i32,
    /// Bytes to copy into the term: the datagram's, or none for a heartbeat. `term_offset + copied` is inside the term.
    pub copied: usize,
}

/// A datagram of at least 32 bytes, a multiple of 32, that starts with a data or padding frame.
///
/// Whether its frames fit the term is known after [`walk`](Self::walk).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataDatagram<'a> {
    header: DataHeader,
    bytes: &'a [u8],
}

impl<'a> DataDatagram<'a> {
    /// Reads a data datagram.
    ///
    /// # Errors
    /// Its first frame is neither data nor padding, or its length is no multiple of 32, or less than 32.
    #[inline]
    pub fn decode(packet: &'a [u8]) -> Result<Self, Invalid> {
        Self::from_packet(packet)
    }

    #[inline]
    pub(super) fn from_packet(packet: &'a [u8]) -> Result<Self, Invalid> {
        let header = DataHeader::decode(packet)?;
        if !packet.len().is_multiple_of(DATA_HEADER_LENGTH) {
            return Err(Invalid::because(
                "a data datagram's length is a multiple of 32",
            ));
        }
        Ok(Self {
            header,
            bytes: packet,
        })
    }

    /// The first frame's header: the stream, term and offset of the datagram.
    #[must_use]
    pub const fn header(&self) -> &DataHeader {
        &self.header
    }

    /// The whole datagram.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Is this a heartbeat: exactly 32 bytes, frame length 0?
    #[must_use]
    pub const fn is_heartbeat(&self) -> bool {
        self.header.frame_length == 0 && self.bytes.len() == DATA_HEADER_LENGTH
    }

    /// What a heartbeat says about the stream; `None` for data, whose end-of-stream flags mean nothing.
    #[must_use]
    pub const fn stream_state(&self) -> Option<StreamState> {
        if !self.is_heartbeat() {
            return None;
        }
        let flags = self.header.flags;
        Some(if flags & DataHeader::FLAG_REVOKED != 0 {
            StreamState::Revoked
        } else if flags & DataHeader::FLAG_EOS != 0 {
            StreamState::Ended
        } else {
            StreamState::Open
        })
    }

    /// Walks the datagram's frames and says which bytes of a term of `term_length` they are.
    ///
    /// Every frame is looked at, not only the first: each has to lie where the one before it ended, and to end inside the term.
    /// Session, stream and term of the second and later frames are not compared, as in Aeron.
    ///
    /// # Errors
    /// The first rule broken. Nothing of such a datagram may be used.
    pub fn walk(&self, term_length: i32) -> Result<TermSpan, Invalid> {
        let term_offset = self.header.term_offset;
        if !is_frame_offset(term_offset, term_length) {
            return Err(Invalid::because(
                "a data datagram starts at a multiple of 32 inside the term",
            ));
        }
        if self.is_heartbeat() {
            return Ok(TermSpan {
                term_offset,
                length: 0,
                copied: 0,
            });
        }
        let mut expected = term_offset;
        let mut at = 0_usize;
        let mut ends_in_padding = false;
        while let Some(frame) = self
            .bytes
            .get(at..)
            .filter(|rest| rest.len() >= DATA_HEADER_LENGTH)
        {
            let header = DataHeader::decode(frame)?;
            let (aligned, end) = place(&header, expected, term_length)?;
            expected = end;
            at = at.saturating_add(aligned);
            ends_in_padding = header.is_padding;
        }
        if at > self.bytes.len() && !ends_in_padding {
            return Err(Invalid::because(
                "the last data frame ends inside its datagram",
            ));
        }
        Ok(TermSpan {
            term_offset,
            length: expected.wrapping_sub(term_offset),
            copied: self.bytes.len(),
        })
    }

    /// The frames that lie whole in the datagram, each with its offset in it. Ends at the first that does not, or that breaks a
    /// rule; a heartbeat has none.
    #[must_use]
    pub const fn frames(&self) -> DataFrames<'a> {
        DataFrames {
            bytes: self.bytes,
            at: 0,
        }
    }
}

/// Checks a frame that has to start at `expected`, and gives the bytes it takes and the offset after it.
#[inline]
fn place(header: &DataHeader, expected: i32, term_length: i32) -> Result<(usize, i32), Invalid> {
    if header.frame_length < FRAME_ALIGNMENT {
        return Err(Invalid::because("a data frame's length is at least 32"));
    }
    if header.term_offset != expected {
        return Err(Invalid::because(
            "a data frame lies where the one before it ended",
        ));
    }
    let end = aligned(header.frame_length)
        .and_then(|length| Some((length, expected.checked_add(length)?)));
    match end {
        Some((length, end)) if end <= term_length => {
            Ok((usize::try_from(length).unwrap_or(usize::MAX), end))
        }
        _ => Err(Invalid::because("a data frame ends inside its term")),
    }
}

/// A length rounded up to a multiple of 32.
const fn aligned(length: i32) -> Option<i32> {
    match length.checked_add(FRAME_ALIGNMENT.wrapping_sub(1)) {
        Some(sum) => Some(sum & FRAME_ALIGNMENT.wrapping_neg()),
        None => None,
    }
}

/// The frames of a datagram; see [`DataDatagram::frames`].
#[derive(Debug, Clone)]
pub struct DataFrames<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for DataFrames<'a> {
    /// Offset in the datagram, header, payload.
    type Item = (usize, DataHeader, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..)?;
        let header = DataHeader::decode(rest)
            .ok()
            .filter(|header| header.frame_length >= FRAME_ALIGNMENT)?;
        let frame = rest.get(..usize::try_from(header.frame_length).ok()?)?;
        let payload = frame.get(DATA_HEADER_LENGTH..)?;
        let offset = self.at;
        self.at = self
            .at
            .checked_add(usize::try_from(aligned(header.frame_length)?).ok()?)?;
        Some((offset, header, payload))
    }
}
