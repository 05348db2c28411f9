//! Inserting received frames into an image, and filling what will never come (02 §5.4, 03 §4.6, §4.8).

use super::{
    frame::{FRAME_ALIGNMENT, HEADER_LENGTH, HeaderWords, Source, TYPE_PAD, frame_length},
    gap::Gap,
    shape::Shape,
    term::Terms,
};

/// The receiver's handle: the only writer of an image's terms, but for cleaning.
///
/// Over-run and under-run are the caller's to test: it must not insert before what subscribers may be reading, nor beyond what
/// was cleaned. Memory bounds are kept here.
#[derive(Debug)]
pub struct Inserter {
    terms: Terms,
    source: Source,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the log, and visible.
    Copied,
    /// A frame begins there already.
    Duplicate,
    /// It is not made of whole frames, or reaches beyond its term.
    DoesNotFit,
}

impl Inserter {
    pub(super) fn new(terms: Terms, source: Source) -> Self {
        Self { terms, source }
    }

    /// The log's arithmetic.
    pub fn shape(&self) -> &Shape {
        self.terms.shape()
    }

    /// Copies a datagram's frames to `position`, unless a frame is there already. All become visible at once, with the first
    /// one's length. Padding at the end may be its header alone.
    pub fn insert(&mut self, position: i64, packet: &[u8]) -> Inserted {
        let place = self.shape().place(position);
        let room = (self.shape().term_length() - place.offset) as usize;
        let fits = !packet.is_empty()
            && packet.len() <= room
            && packet.len().is_multiple_of(FRAME_ALIGNMENT as usize)
            && frame_length(packet) >= HEADER_LENGTH
            && self.shape().is_frame_position(position);
        if !fits {
            return Inserted::DoesNotFit;
        }
        let term = self.terms.term(place.partition);
        if term.frame_word(place.offset) != 0 {
            return Inserted::Duplicate;
        }
        // SAFETY: the only inserter of this image, and nothing was committed there; see the module's page for a sender whose
        // frames overlap.
        unsafe { term.insert(place.offset, packet) };
        Inserted::Copied
    }

    /// Makes one padding frame of a gap in a stream that does not ask for losses again, unless something has arrived there
    /// since. Returns whether it did.
    pub fn fill_gap(&mut self, gap: Gap) -> bool {
        let end = gap.term_offset.saturating_add(gap.length);
        let Some(position) = self
            .shape()
            .checked_position(gap.term_id, gap.term_offset)
            .filter(|_| gap.length >= FRAME_ALIGNMENT && gap.length % FRAME_ALIGNMENT == 0)
            .filter(|_| end <= self.shape().term_length())
        else {
            return false;
        };
        let place = self.shape().place(position);
        let term = self.terms.term(place.partition);
        let mut offset = end - FRAME_ALIGNMENT;
        while offset >= place.offset {
            if term.frame_word(offset) != 0 {
                return false;
            }
            offset -= FRAME_ALIGNMENT;
        }
        let words = HeaderWords::new(TYPE_PAD, place.offset, place.term_id, self.source);
        term.publish_header(place.offset, gap.length, words);
        true
    }
}
