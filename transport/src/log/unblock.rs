//! Going past what a dead publisher left behind (02 §5.4, 03 §2.9).

use super::{
    frame::{FRAME_ALIGNMENT, HeaderWords, Source, TYPE_PAD},
    shape::Place,
    tail::Tails,
    term::Terms,
};

/// The driver's handle on a publication whose consumers don't get on.
///
/// When to use it is the caller's to judge: the consumers' position has not moved for the unblock timeout although
/// [`Unblocker::is_possibly_blocked`]. A publisher that is only slow, and wakes up after that, writes into what has become
/// padding.
#[derive(Debug)]
pub struct Unblocker {
    terms: Terms,
    tails: Tails,
    source: Source,
}

impl Unblocker {
    pub(super) fn new(terms: Terms, tails: Tails, source: Source) -> Self {
        Self {
            terms,
            tails,
            source,
        }
    }

    /// Whether consumers at `position` may be waiting for somebody: there is a claim behind it, or a rotation to come.
    pub fn is_possibly_blocked(&self, position: i64) -> bool {
        let term_count = self.terms.shape().place(position).term_count;
        self.tails.active_term_count() != term_count || self.tails.producer_position() > position
    }

    /// Makes padding of what blocks consumers at `position`, or rotates where a publisher died between filling a term and
    /// beginning the next. Returns whether it did either.
    pub fn unblock(&self, position: i64) -> bool {
        let shape = self.terms.shape();
        if !shape.is_position(position) {
            return false;
        }
        let blocked = shape.place(position);
        let active = self.tails.active_term_count();
        if active == blocked.term_count.wrapping_sub(1) && blocked.offset == 0 {
            self.tails.rotate(active, shape.term_id(active));
            return true;
        }
        let tail = self.tails.raw(blocked.partition);
        let tail_offset = tail.offset(shape);
        // Nothing is claimed there, or the partition holds another term by now.
        if tail.term_id() != blocked.term_id || tail_offset <= blocked.offset {
            return false;
        }
        let term = self.terms.term(blocked.partition);
        let frame_word = term.frame_word(blocked.offset);
        if frame_word < 0 {
            let length = frame_word.checked_neg().unwrap_or(i32::MAX);
            self.pad(blocked, term.clamp(blocked.offset, length));
            return true;
        }
        frame_word == 0 && self.unblock_unwritten(blocked, tail_offset)
    }

    /// The claim's header was never written, so its size is unknown: it ends where the next frame begins, or, when none does
    /// and the term was tripped, with the term.
    fn unblock_unwritten(&self, blocked: Place, tail_offset: i32) -> bool {
        let term = self.terms.term(blocked.partition);
        let mut end = blocked.offset + FRAME_ALIGNMENT;
        while end < tail_offset && term.frame_word(end) == 0 {
            end += FRAME_ALIGNMENT;
        }
        let is_to_end = end == self.terms.shape().term_length();
        if end >= tail_offset && !is_to_end {
            return false;
        }
        // The publisher may have come back meanwhile.
        if !self.is_still_unwritten(blocked, end) {
            return false;
        }
        self.pad(blocked, end - blocked.offset);
        if is_to_end {
            self.tails.rotate(blocked.term_count, blocked.term_id);
        }
        true
    }

    fn is_still_unwritten(&self, blocked: Place, end: i32) -> bool {
        let term = self.terms.term(blocked.partition);
        let mut offset = end - FRAME_ALIGNMENT;
        while offset >= blocked.offset {
            if term.frame_word(offset) != 0 {
                return false;
            }
            offset -= FRAME_ALIGNMENT;
        }
        true
    }

    fn pad(&self, at: Place, frame_length: i32) {
        let words = HeaderWords::new(TYPE_PAD, at.offset, at.term_id, self.source);
        self.terms
            .term(at.partition)
            .publish_header(at.offset, frame_length, words);
    }
}

#[cfg(test)]
mod tests {
    use taranis_runtime::mem::Region;

    use crate::log::{Constants, LogBuffer, layout::LOG_LENGTH_MIN};

    /// 02 §5.4: scanning back finds a publisher that came back while the scan went forward
    #[test]
    fn an_unwritten_claim_is_looked_at_again() {
        let region = Region::heap(LOG_LENGTH_MIN);
        let log = LogBuffer::create(region, Constants::default(), 0).unwrap();
        let unblocker = log.unblocker().unwrap();
        let blocked = log.shape().place(0);
        assert!(unblocker.is_still_unwritten(blocked, 128));
        for offset in [96, 32, 0] {
            let term = unblocker.terms.term(blocked.partition);
            term.publish(offset, -64);
            assert!(!unblocker.is_still_unwritten(blocked, 128), "{offset}");
            term.publish(offset, 0);
        }
        unblocker.terms.term(blocked.partition).publish(128, 32);
        assert!(unblocker.is_still_unwritten(blocked, 128));
    }
}
