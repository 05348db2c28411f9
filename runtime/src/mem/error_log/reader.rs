//! Reading errors (spec 01 §6.3): of any process, bounded, whatever the bytes are.

use super::layout::{COUNT_OFFSET, FIRST_OFFSET, LAST_OFFSET, LENGTH_OFFSET, TEXT_OFFSET, aligned};
use crate::mem::region::Region;

/// A view on a distinct error log.
#[derive(Clone, Debug)]
pub struct ErrorLogReader {
    region: Region,
}

impl ErrorLogReader {
    /// A reader of the log that fills the region.
    pub fn new(region: Region) -> Self {
        Self { region }
    }

    /// Whether the log has an error.
    pub fn has_errors(&self) -> bool {
        self.length_at(0).is_some()
    }

    /// Hands each error seen since `since_ms` (0 for all) to `visit`, the oldest record first; returns how many.
    ///
    /// Allocates for the texts: for tools and start-up.
    pub fn read(&self, since_ms: i64, mut visit: impl FnMut(Observation<'_>)) -> usize {
        let mut text = Vec::new();
        let (mut at, mut visited) = (0, 0);
        while let Some(length) = self.length_at(at) {
            let last_ms = self.region.load_acquire64(at + LAST_OFFSET);
            if last_ms >= since_ms {
                text.resize(length.saturating_sub(TEXT_OFFSET), 0);
                self.region.read_words(at + TEXT_OFFSET, &mut text);
                visit(Observation {
                    count: self.region.load_relaxed32(at + COUNT_OFFSET),
                    first_ms: self.region.load_relaxed64(at + FIRST_OFFSET),
                    last_ms,
                    text: &text,
                });
                visited += 1;
            }
            at += aligned(length);
        }
        visited
    }

    /// Length of the record at `at`, as far as it lies in the log.
    fn length_at(&self, at: usize) -> Option<usize> {
        // Whole words are read, so a region that ends within one ends before it here.
        let len = self.region.len() & !3;
        if at + TEXT_OFFSET > len {
            return None;
        }
        // SYNC error-record: pairs with `DistinctErrorLog::append`.
        let length = self.region.load_acquire32(at + LENGTH_OFFSET);
        let length = usize::try_from(length).ok().filter(|length| *length > 0)?;
        Some(length.min(len - at))
    }
}

/// One distinct error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation<'a> {
    /// How often it was seen.
    pub count: i32,
    /// When it was seen first, epoch ms.
    pub first_ms: i64,
    /// When it was seen last, epoch ms.
    pub last_ms: i64,
    /// What it was: ASCII or UTF-8, in other processes' logs any bytes.
    pub text: &'a [u8],
}

impl Observation<'_> {
    /// The text; bytes that are not UTF-8 become U+FFFD.
    pub fn lossy_text(&self) -> String {
        String::from_utf8_lossy(self.text).into_owned()
    }
}
