//! Watching words of shared memory: counter stores as events.
//!
//! A hook in the stores themselves would cost every product build an instruction per counter. Instead the words that were
//! named are compared with what they held before whenever an agent gets a turn on their host: whatever another agent can
//! see has then been seen here, and a store that is overwritten in the turn that made it can be seen by nobody.

use crate::mem::{OutOfRegion, Region, Word64};

/// Evenly spaced 64-bit words of a region, such as the values of its counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Offset of the first, a multiple of 8.
    pub first: usize,
    /// From one to the next, a multiple of 8.
    pub stride: usize,
    /// How many.
    pub count: usize,
}

/// One word and what it held when it was last looked at.
pub(super) struct Watched {
    words: Vec<(Word64, i64)>,
}

/// A word that holds something else than before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) index: u64,
    pub(super) value: i64,
}

impl Watched {
    pub(super) fn new(region: &Region, words: Words) -> Result<Self, OutOfRegion> {
        let mut watched = Vec::with_capacity(words.count);
        for index in 0..words.count {
            let word = region.word64(words.first + index * words.stride)?;
            let value = word.load_relaxed();
            watched.push((word, value));
        }
        Ok(Self { words: watched })
    }

    /// Gives every word that changed to `told`.
    pub(super) fn look(&mut self, mut told: impl FnMut(Stored)) {
        for (index, (word, before)) in self.words.iter_mut().enumerate() {
            // Relaxed: the whole world runs on this thread.
            let value = word.load_relaxed();
            if value != *before {
                *before = value;
                told(Stored {
                    index: index as u64,
                    value,
                });
            }
        }
    }
}
