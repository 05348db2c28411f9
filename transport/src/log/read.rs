//! Reading a log: polling fragments, and looking at blocks ahead of committing them (02 §5.1, §5.2; 05 §4.3).

use taranis_runtime::mem::Word64;

use super::{
    block::Block,
    frame::{self, Fragment, Header, TYPE_PAD, aligned, halves},
    latch::Latch,
    shape::Shape,
    term::{Term, Terms},
};

/// What a controlled handler wants done after a fragment (values in C: 02 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Stop, and give this fragment again next time.
    Abort,
    /// Stop; this fragment is consumed.
    Break,
    /// Store the position now, this fragment included, and go on.
    Commit,
    /// Go on; the position is stored when the poll ends.
    Continue,
}

/// One consumer of a log: a subscriber's image, a recorder, a spy.
///
/// It owns the stored value of its position counter, through which the driver knows what it may reuse: bytes stay as they
/// are until the position is moved past them. That is why looking ([`Reader::frames`], [`Reader::block`]) borrows the
/// reader, and moving the position ([`Reader::commit`]) needs it exclusively: a slice can't outlive its window. (What is
/// lent to the kernel by name, a `Span`, is the caller's to account for: commit after the completion.)
///
/// One call never reads past a term's end; the next goes on in the next term.
#[derive(Debug)]
pub struct Reader {
    terms: Terms,
    counter: Word64,
    closed: Latch,
}

impl Reader {
    pub(super) fn new(terms: Terms, counter: Word64, closed: Latch) -> Self {
        Self {
            terms,
            counter,
            closed,
        }
    }

    /// Everything before this position is consumed.
    #[inline]
    pub fn position(&self) -> i64 {
        // Relaxed: this reader is the counter's only writer.
        self.counter.load_relaxed()
    }

    /// The log's arithmetic.
    pub fn shape(&self) -> &Shape {
        self.terms.shape()
    }

    /// Whether the reader was closed: it finds nothing more and stores no position.
    pub fn is_closed(&self) -> bool {
        self.closed.is_closed()
    }

    /// Gives at most `limit` fragments to the handler. Returns how many.
    ///
    /// The position is stored once, at the end; also when the handler panics: the fragment it failed on counts as consumed.
    #[inline]
    pub fn poll(&mut self, limit: usize, handler: impl FnMut(Fragment<'_>)) -> usize {
        self.poll_until(i64::MAX, limit, handler)
    }

    /// As [`Reader::poll`], but only fragments that begin before `limit_position`; the last may end behind it.
    #[inline]
    pub fn bounded_poll(
        &mut self,
        limit_position: i64,
        limit: usize,
        handler: impl FnMut(Fragment<'_>),
    ) -> usize {
        self.poll_until(limit_position, limit, handler)
    }

    /// As [`Reader::poll`]; the handler says how to go on.
    #[inline]
    pub fn controlled_poll(
        &mut self,
        limit: usize,
        handler: impl FnMut(Fragment<'_>) -> Action,
    ) -> usize {
        self.bounded_controlled_poll(i64::MAX, limit, handler)
    }

    /// As [`Reader::controlled_poll`] and [`Reader::bounded_poll`] together.
    #[inline]
    pub fn bounded_controlled_poll(
        &mut self,
        limit_position: i64,
        limit: usize,
        mut handler: impl FnMut(Fragment<'_>) -> Action,
    ) -> usize {
        let mut progress = Progress::new(self, limit_position);
        let mut count = 0;
        while count < limit {
            let Some(fragment) = progress.frames.next() else {
                break;
            };
            let begin = fragment.header.term_offset;
            count += 1;
            match handler(fragment) {
                Action::Continue => {}
                Action::Commit => progress.store(),
                Action::Break => break,
                Action::Abort => {
                    progress.frames.offset = begin;
                    count -= 1;
                    break;
                }
            }
        }
        count
    }

    /// Gives one block of whole frames, at most `limit` bytes, to the handler (see [`Reader::block`]), then moves past it,
    /// also when the handler panics. Returns its length.
    #[inline]
    pub fn block_poll(&mut self, limit: usize, handler: impl FnOnce(&Block<'_>)) -> usize {
        let mut progress = Progress::new(self, i64::MAX);
        let position = progress.begin;
        let Some(block) = Block::scan(&self.terms, &self.closed, position, limit) else {
            return 0;
        };
        progress.frames.offset += block.len() as i32;
        handler(&block);
        block.len()
    }

    /// The fragments from the position on, up to the term's end; nothing is consumed. Padding is passed over.
    #[inline]
    pub fn frames(&self) -> Frames<'_> {
        Frames::new(&self.terms, &self.closed, self.position(), i64::MAX)
    }

    /// A block of whole frames from `position` on, at most `limit` bytes of one term; nothing is consumed, so several blocks
    /// can be in flight, each from where the one before ended. Data and padding are never in one block (02 §5.4).
    ///
    /// `None` when nothing is committed there, the first frame is longer than `limit`, or `position` is not one this reader
    /// holds: before its own, or too far ahead of it.
    #[inline]
    pub fn block(&self, position: i64, limit: usize) -> Option<Block<'_>> {
        let shape = self.shape();
        let own = self.position();
        let terms_ahead = shape
            .term_begin(position)
            .checked_sub(shape.term_begin(own))?;
        // The term after the next shares a partition with the one before, which may be cleaned at any time.
        let is_held = position >= own && terms_ahead <= i64::from(shape.term_length());
        if !is_held || !shape.is_frame_position(position) {
            return None;
        }
        Block::scan(&self.terms, &self.closed, position, limit)
    }

    /// Moves the position up to `position`: what lies before may be overwritten from now on. Moving back, or when closed, does
    /// nothing.
    #[inline]
    pub fn commit(&mut self, position: i64) {
        if position > self.position() && !self.closed.is_closed() {
            // SYNC position-consumed: pairs with the Acquire of the counter by whoever cleans.
            self.counter.store_release(position);
        }
    }

    #[inline]
    fn poll_until(
        &mut self,
        limit_position: i64,
        limit: usize,
        mut handler: impl FnMut(Fragment<'_>),
    ) -> usize {
        let mut progress = Progress::new(self, limit_position);
        let mut count = 0;
        while count < limit {
            let Some(fragment) = progress.frames.next() else {
                break;
            };
            count += 1;
            handler(fragment);
        }
        count
    }
}

/// A poll under way: stores the position it came to when it ends, however it ends.
struct Progress<'a> {
    counter: &'a Word64,
    begin: i64,
    frames: Frames<'a>,
}

impl<'a> Progress<'a> {
    #[inline]
    fn new(reader: &'a Reader, limit_position: i64) -> Self {
        let begin = reader.position();
        Self {
            counter: &reader.counter,
            begin,
            frames: Frames::new(&reader.terms, &reader.closed, begin, limit_position),
        }
    }

    /// Stores the position if it moved; the handler has given its slices back.
    #[inline]
    fn store(&mut self) {
        let position = self.frames.position();
        // Right before the store: a closed reader's counter may belong to somebody else.
        if position > self.begin && !self.frames.closed.is_closed() {
            // SYNC position-consumed: pairs with the Acquire of the counter by whoever cleans.
            self.counter.store_release(position);
            self.begin = position;
        }
    }
}

impl Drop for Progress<'_> {
    #[inline]
    fn drop(&mut self) {
        self.store();
    }
}

/// The committed fragments of one term, in order, without padding.
#[derive(Debug)]
pub struct Frames<'a> {
    term: Term<'a>,
    closed: &'a Latch,
    term_begin: i64,
    term_id: i32,
    offset: i32,
    end: i32,
}

impl<'a> Frames<'a> {
    #[inline]
    fn new(terms: &'a Terms, closed: &'a Latch, position: i64, limit_position: i64) -> Self {
        let shape = terms.shape();
        let place = shape.place(position);
        let term_begin = shape.term_begin(position);
        let end = limit_position
            .saturating_sub(term_begin)
            .clamp(0, i64::from(shape.term_length())) as i32;
        Self {
            term: terms.term(place.partition),
            closed,
            term_begin,
            term_id: place.term_id,
            offset: place.offset,
            end,
        }
    }

    /// Position behind the last fragment given out, and the padding passed over.
    #[inline]
    pub fn position(&self) -> i64 {
        self.term_begin.wrapping_add(i64::from(self.offset))
    }

    #[inline]
    fn committed(&self) -> Option<(i32, u32)> {
        if self.offset >= self.end || self.closed.is_closed() {
            return None;
        }
        let frame_length = self.term.committed(self.offset)?;
        Some((frame_length, self.term.kind(self.offset)))
    }

    #[inline]
    fn fragment(&self, offset: i32, frame_length: i32, kind: u32) -> Fragment<'a> {
        let words = self.term.words(offset);
        let (_, session_id) = halves(words.offset_session);
        let (stream_id, _) = halves(words.stream_term);
        let end = offset + aligned(frame_length);
        Fragment {
            header: Header {
                frame_length,
                flags: frame::flags_of(kind),
                frame_type: frame::type_of(kind),
                term_offset: offset,
                session_id,
                stream_id,
                term_id: self.term_id,
                reserved_value: self.term.reserved(offset),
                position: self.term_begin.wrapping_add(i64::from(end)),
            },
            // SAFETY: seen as committed, and `'a` borrows the reader, whose position moves past the frame only later.
            payload: unsafe { self.term.payload(offset, frame_length) },
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Fragment<'a>;

    #[inline]
    fn next(&mut self) -> Option<Fragment<'a>> {
        loop {
            let (frame_length, kind) = self.committed()?;
            let offset = self.offset;
            self.offset += aligned(frame_length);
            if frame::type_of(kind) != TYPE_PAD {
                return Some(self.fragment(offset, frame_length, kind));
            }
        }
    }
}
