//! Zeroing behind the consumers (02 §3.6, 03 §2.9).

use super::{frame::FRAME_ALIGNMENT, term::Terms};

/// The driver's handle for making used room fit for new frames: whoever appends or inserts relies on zeros there.
///
/// The caller says how far, from consumer positions it loaded with Acquire, and only afterwards lets publishers or senders go
/// on, with a Release of the limit or status message.
#[derive(Debug)]
pub struct Cleaner {
    terms: Terms,
    position: i64,
}

impl Cleaner {
    pub(super) fn new(terms: Terms, position: i64) -> Self {
        Self { terms, position }
    }

    /// Everything before is zeroed, or was taken over since.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// One step towards `position`, to the end of the current term at most. Returns the number of bytes zeroed.
    ///
    /// `position` must lie behind every consumer of these bytes: the lowest consumer position (IPC), or that less a term
    /// (network publications and images, which may still retransmit or be asked again).
    pub fn clean(&mut self, position: i64) -> i32 {
        let shape = self.terms.shape();
        let left = shape.left_in_term(self.position);
        let length = position
            .saturating_sub(self.position)
            .clamp(0, i64::from(left)) as i32
            & !(FRAME_ALIGNMENT - 1);
        let place = shape.place(self.position);
        // SAFETY: the consumers have left these bytes (caller, see the module's page), and no producer may claim them before
        // they are zero.
        unsafe { self.terms.term(place.partition).zero(place.offset, length) };
        self.position += i64::from(length);
        length
    }
}
