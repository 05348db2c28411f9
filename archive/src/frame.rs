//! The header of a recorded frame, as the bytes of a file or of a copy (02 §4.1). Read as it is: who reads says what fits.

use taranis_transport::log::frame::{HEADER_LENGTH, TYPE_PAD};

/// Length of the header in bytes.
pub(crate) const HEADER: usize = HEADER_LENGTH as usize;

const LENGTH: usize = 0;
const TYPE: usize = 6;
const TERM_OFFSET: usize = 8;
const SESSION_ID: usize = 12;
const STREAM_ID: usize = 16;
const TERM_ID: usize = 20;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// With the header, not aligned; 0 or less where there is no frame.
    pub(crate) length: i32,
    pub(crate) is_padding: bool,
    pub(crate) term_offset: i32,
    pub(crate) session_id: i32,
    pub(crate) stream_id: i32,
    pub(crate) term_id: i32,
}

impl FrameHeader {
    /// The header at the start of `frame`; `None` where that is shorter than one.
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let header = frame.first_chunk::<HEADER>()?;
        let int = |at: usize| {
            i32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        Some(Self {
            length: int(LENGTH),
            is_padding: u16::from_le_bytes([header[TYPE], header[TYPE + 1]]) == TYPE_PAD,
            term_offset: int(TERM_OFFSET),
            session_id: int(SESSION_ID),
            stream_id: int(STREAM_ID),
            term_id: int(TERM_ID),
        })
    }
}

/// Writes the session id of a frame whose header is whole.
pub(crate) fn put_session_id(frame: &mut [u8], session_id: i32) {
    frame[SESSION_ID..SESSION_ID + 4].copy_from_slice(&session_id.to_le_bytes());
}

/// Writes the stream id of a frame whose header is whole.
pub(crate) fn put_stream_id(frame: &mut [u8], stream_id: i32) {
    frame[STREAM_ID..STREAM_ID + 4].copy_from_slice(&stream_id.to_le_bytes());
}
