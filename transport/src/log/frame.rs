//! The data frame: its 32-byte header, its flags and the room it takes (02 §4.1).

/// Length of a data frame's header in bytes.
pub const HEADER_LENGTH: i32 = 32;

/// Frames begin at multiples of this many bytes.
pub const FRAME_ALIGNMENT: i32 = 32;

/// Longest frame on a wire: what an UDP datagram holds, in whole frames.
pub const MTU_MAX: i32 = 65_504;

/// Flag of a message's first fragment.
pub const FLAG_BEGIN: u8 = 0x80;

/// Flag of a message's last fragment.
pub const FLAG_END: u8 = 0x40;

/// Flags of a message in one frame.
pub const FLAGS_UNFRAGMENTED: u8 = FLAG_BEGIN | FLAG_END;

/// Type of a frame that only fills space.
pub const TYPE_PAD: u16 = 0;

/// Type of a frame with a message, or a part of one.
pub const TYPE_DATA: u16 = 1;

/// Room that a frame of `length` bytes takes in a term.
#[inline]
pub const fn aligned(length: i32) -> i32 {
    // Lengths are clamped to a term before, so the sum stays in range; wrapping keeps made-up ones from panicking.
    length.wrapping_add(FRAME_ALIGNMENT - 1) & !(FRAME_ALIGNMENT - 1)
}

/// Room that a message of `length` bytes takes, cut into fragments of at most `max_payload` bytes (02 §4.1).
///
/// # Panics
/// When `max_payload` is 0: an MTU is validated before.
#[inline]
pub const fn framed_length(length: usize, max_payload: usize) -> usize {
    let header = HEADER_LENGTH as usize;
    let rest = length % max_payload;
    let last = if rest > 0 {
        (rest + header).next_multiple_of(FRAME_ALIGNMENT as usize)
    } else {
        0
    };
    (length / max_payload) * (max_payload + header) + last
}

/// What a frame's header says, by value.
///
/// `term_id`, `term_offset` and `position` come from where the frame was read, not from its bytes; the others are the
/// writer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length with the header, in bytes; for a reassembled message 32 + the whole payload.
    pub frame_length: i32,
    /// [`FLAG_BEGIN`], [`FLAG_END`]; of a reassembled message those of first and last fragment together.
    pub flags: u8,
    /// [`TYPE_DATA`] or what else a writer gave its claim; never [`TYPE_PAD`] in a handler.
    pub frame_type: u16,
    /// Offset of the (first) frame in its term.
    pub term_offset: i32,
    /// Session of the publication.
    pub session_id: i32,
    /// Stream of the publication.
    pub stream_id: i32,
    /// Id of the term.
    pub term_id: i32,
    /// The application's 64 bits, of the first frame; 0 unless set.
    pub reserved_value: i64,
    /// Stream position *behind* the (last) frame: what the reader's position is once the message is consumed.
    pub position: i64,
}

impl Header {
    /// Whether this is a message's first frame.
    pub fn is_begin(&self) -> bool {
        self.flags & FLAG_BEGIN != 0
    }

    /// Whether this is a message's last frame.
    pub fn is_end(&self) -> bool {
        self.flags & FLAG_END != 0
    }
}

/// A frame with data, or a whole reassembled message, as handlers get it.
///
/// Borrowed from the term buffer (from the assembler for a reassembled message) until the handler returns, or as long as
/// the reader's position stays put.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// The header's values.
    pub header: Header,
    /// The payload, without header and alignment.
    pub payload: &'a [u8],
}

/// A frame about to be committed, as a reserved-value supplier sees it (02 §4.4).
#[derive(Clone, Copy, Debug)]
pub struct PendingFrame<'a> {
    /// Id of the term it is written to.
    pub term_id: i32,
    /// Offset of the frame in the term.
    pub term_offset: i32,
    /// The frame's flags.
    pub flags: u8,
    /// The payload, in place.
    pub payload: &'a [u8],
}

/// The four header words around the frame length. Readers and writers in this process use the same widths, so that no two
/// of them ever touch a word with accesses of different size at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderWords {
    /// Bytes 4 to 7: version, flags, type.
    pub(super) kind: u32,
    /// Bytes 8 to 15: term offset, session id.
    pub(super) offset_session: u64,
    /// Bytes 16 to 23: stream id, term id.
    pub(super) stream_term: u64,
}

impl HeaderWords {
    /// The words of a frame of version 0.
    #[inline]
    pub(super) fn new(frame_type: u16, term_offset: i32, term_id: i32, source: Source) -> Self {
        Self {
            kind: kind(FLAGS_UNFRAGMENTED, frame_type),
            offset_session: join(term_offset, source.session_id),
            stream_term: join(source.stream_id, term_id),
        }
    }

    /// The words of a header that lies in plain memory; `None` when there are fewer than its 32 bytes.
    pub(super) fn read(header: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_LENGTH as usize] = header.first_chunk()?;
        let [_, _, _, _, k0, k1, k2, k3, ..] = *header;
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&header[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        Some(Self {
            kind: u32::from_le_bytes([k0, k1, k2, k3]),
            offset_session: word(8),
            stream_term: word(16),
        })
    }
}

/// The frame length in a header that lies in plain memory; 0 when there are fewer than four bytes.
pub(super) fn frame_length(header: &[u8]) -> i32 {
    header
        .first_chunk()
        .map_or(0, |bytes| i32::from_le_bytes(*bytes))
}

/// The reserved value in a header that lies in plain memory; 0 when there are fewer than its 32 bytes.
pub(super) fn reserved_value(header: &[u8]) -> i64 {
    header
        .get(24..32)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

/// Whose frames a log holds: the constant part of every header in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) session_id: i32,
    pub(super) stream_id: i32,
}

/// Bytes 4 to 7 of a header of version 0.
#[inline]
pub(super) const fn kind(flags: u8, frame_type: u16) -> u32 {
    ((flags as u32) << 8) | ((frame_type as u32) << 16)
}

/// The flags in bytes 4 to 7.
#[inline]
pub(super) const fn flags_of(kind: u32) -> u8 {
    (kind >> 8) as u8
}

/// The type in bytes 4 to 7.
#[inline]
pub(super) const fn type_of(kind: u32) -> u16 {
    (kind >> 16) as u16
}

/// Two neighbouring 32-bit fields as one word.
#[inline]
const fn join(low: i32, high: i32) -> u64 {
    (low.cast_unsigned() as u64) | ((high.cast_unsigned() as u64) << 32)
}

/// The two 32-bit fields of a word.
#[inline]
pub(super) const fn halves(word: u64) -> (i32, i32) {
    (word as i32, (word >> 32) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 02 §4.1
    #[test]
    fn messages_take_the_room_of_their_fragments() {
        assert_eq!(framed_length(0, 1376), 0);
        assert_eq!(framed_length(1, 1376), 64);
        assert_eq!(framed_length(1376, 1376), 1408);
        assert_eq!(framed_length(1377, 1376), 1408 + 64);
        assert_eq!(framed_length(3 * 1376, 1376), 3 * 1408);
        assert_eq!(aligned(32), 32);
        assert_eq!(aligned(33), 64);
    }

    /// 02 §4.1, 03 §1.3
    #[test]
    fn header_words_lie_where_the_format_says() {
        let source = Source {
            session_id: -2,
            stream_id: 7,
        };
        let words = HeaderWords::new(TYPE_DATA, 0x40, i32::MIN, source);
        assert_eq!(words.kind.to_le_bytes(), [0, 0xC0, 1, 0]);
        assert_eq!(
            words.offset_session.to_le_bytes(),
            [0x40, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF]
        );
        assert_eq!(words.stream_term.to_le_bytes(), [7, 0, 0, 0, 0, 0, 0, 0x80]);
        assert_eq!(halves(words.offset_session), (0x40, -2));
        assert_eq!(flags_of(words.kind), 0xC0);
        assert_eq!(type_of(words.kind), TYPE_DATA);
    }
}
