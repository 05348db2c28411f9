//! Contiguous runs of whole frames (02 §5.4, the block scanner).

use taranis_runtime::mem::Span;

use super::{
    frame::{self, HEADER_LENGTH, TYPE_PAD, aligned, halves},
    latch::Latch,
    term::Terms,
};

/// A run of committed frames of one term: data frames, or one padding frame alone.
#[derive(Debug)]
pub struct Block<'a> {
    terms: &'a Terms,
    position: i64,
    length: i32,
    session_id: i32,
    is_padding: bool,
}

impl<'a> Block<'a> {
    /// Scans from `position` for at most `limit` bytes; a padding frame may be longer than that.
    #[inline]
    pub(super) fn scan(
        terms: &'a Terms,
        closed: &Latch,
        position: i64,
        limit: usize,
    ) -> Option<Self> {
        if closed.is_closed() {
            return None;
        }
        let shape = terms.shape();
        let place = shape.place(position);
        let term = terms.term(place.partition);
        let left = shape.term_length() - place.offset;
        let end = place.offset + i32::try_from(limit).unwrap_or(i32::MAX).min(left);
        let mut offset = place.offset;
        let mut is_padding = false;
        while offset < end {
            let Some(frame_length) = term.committed(offset) else {
                break;
            };
            let next = offset + aligned(frame_length);
            if frame::type_of(term.kind(offset)) == TYPE_PAD {
                if offset == place.offset {
                    is_padding = true;
                    offset = next;
                }
                break;
            }
            if next > end {
                break;
            }
            offset = next;
        }
        let (_, session_id) = halves(term.words(place.offset).offset_session);
        (offset > place.offset).then_some(Self {
            terms,
            position: position & !i64::from(frame::FRAME_ALIGNMENT - 1),
            length: offset - place.offset,
            session_id,
            is_padding,
        })
    }

    /// Position of the first frame.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Position behind the last frame.
    pub fn next_position(&self) -> i64 {
        self.position.saturating_add(i64::from(self.length))
    }

    /// Bytes of the stream that the block covers.
    pub fn len(&self) -> usize {
        self.length as usize
    }

    /// Never: a block has at least one frame.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Whether it is one padding frame, of which only the header has a meaning.
    pub fn is_padding(&self) -> bool {
        self.is_padding
    }

    /// Id of the term.
    pub fn term_id(&self) -> i32 {
        self.terms.shape().place(self.position).term_id
    }

    /// Offset of the first frame in its term.
    pub fn term_offset(&self) -> i32 {
        self.terms.shape().place(self.position).offset
    }

    /// Session of the first frame.
    pub fn session_id(&self) -> i32 {
        self.session_id
    }

    /// The bytes that have a meaning: all frames with their headers, of padding the header alone.
    pub fn bytes(&self) -> &'a [u8] {
        let place = self.terms.shape().place(self.position);
        let term = self.terms.term(place.partition);
        // SAFETY: seen as committed by `scan`, and `'a` borrows the reader, whose position moves past them only later.
        unsafe { term.bytes(place.offset, self.meaningful()) }
    }

    /// The bytes of [`Block::bytes`] by name, for the kernel. Whoever asks must not commit the reader past them before the
    /// kernel is done.
    pub fn span(&self) -> Span {
        self.terms
            .span(self.position, self.meaningful())
            .expect("a block lies inside its term")
    }

    fn meaningful(&self) -> i32 {
        if self.is_padding {
            HEADER_LENGTH
        } else {
            self.length
        }
    }
}
