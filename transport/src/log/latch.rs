//! A flag that closes once.

use taranis_runtime::mem::{Region, Word32};

/// Set once, by whoever closes a publication or image; looked at by whoever uses it, on any thread.
///
/// A reader whose latch is closed no longer stores its position: the counter may belong to somebody else by then.
#[derive(Clone, Debug)]
pub struct Latch(Word32);

impl Latch {
    /// An open latch.
    pub fn new() -> Self {
        let word = Region::heap(size_of::<i32>())
            .word32(0)
            .expect("the first word of a region of four bytes lies inside");
        Self(word)
    }

    /// Closes it, for good.
    pub fn close(&self) {
        self.0.store_release(1);
    }

    /// Whether it was closed. What the closer wrote before is visible then.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.0.load_acquire() != 0
    }
}

impl Default for Latch {
    fn default() -> Self {
        Self::new()
    }
}
