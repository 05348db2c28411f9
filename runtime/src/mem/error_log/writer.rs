//! Recording errors (spec 01 §6.2), with the C driver's idea of "the same error".

use super::layout::{COUNT_OFFSET, FIRST_OFFSET, LAST_OFFSET, LENGTH_OFFSET, TEXT_OFFSET, aligned};
use crate::mem::region::{OutOfRegion, Region};

/// The log's one owner. Times are epoch ms and passed in.
///
/// It remembers what it recorded, so no other process can confuse it.
#[derive(Debug)]
pub struct DistinctErrorLog {
    region: Region,
    next: usize,
    /// The oldest first.
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    code: i32,
    at: usize,
    text: Box<str>,
}

impl DistinctErrorLog {
    /// Begins an empty log over the whole region; what was in it is forgotten.
    ///
    /// # Errors
    /// [`OutOfRegion`] when the region has not even room for one header.
    pub fn new(region: Region) -> Result<Self, OutOfRegion> {
        region.word64(FIRST_OFFSET)?;
        region.store_release32(LENGTH_OFFSET, 0);
        Ok(Self {
            region,
            next: 0,
            known: Vec::new(),
        })
    }

    /// Records an error. It is the same as one recorded before if that has the same code and this text begins with that
    /// one's: "bind failed" and then "bind failed: 10.0.0.1" is one error, seen twice.
    ///
    /// # Errors
    /// [`ErrorLogFull`] when an error seen for the first time does not fit.
    pub fn record(&mut self, now_ms: i64, code: i32, text: &str) -> Result<Recorded, ErrorLogFull> {
        let same = |known: &&Known| known.code == code && text.starts_with(&*known.text);
        if let Some(at) = self.known.iter().rev().find(same).map(|known| known.at) {
            self.count(at);
            self.region.store_release64(at + LAST_OFFSET, now_ms);
            return Ok(Recorded::Again);
        }
        self.append(now_ms, text)?;
        self.known.push(Known {
            code,
            at: self.next,
            text: text.into(),
        });
        self.next += aligned(TEXT_OFFSET + text.len());
        Ok(Recorded::First)
    }

    /// Number of distinct errors.
    pub fn distinct_count(&self) -> usize {
        self.known.len()
    }

    fn append(&self, now_ms: i64, text: &str) -> Result<(), ErrorLogFull> {
        let (region, at) = (&self.region, self.next);
        let record_len = TEXT_OFFSET + text.len();
        let full = ErrorLogFull {
            needed: record_len,
            free: region.len().saturating_sub(at),
        };
        let length = i32::try_from(record_len).map_err(|_| full)?;
        // To the multiple of 4 that the text is stored in.
        if record_len.next_multiple_of(4) > full.free {
            return Err(full);
        }
        region.write_words(at + TEXT_OFFSET, text.as_bytes());
        region.store_relaxed64(at + FIRST_OFFSET, now_ms);
        // Before the length, unlike Aeron, whose readers may find a count of 0.
        region.store_relaxed64(at + LAST_OFFSET, now_ms);
        region.store_relaxed32(at + COUNT_OFFSET, 1);
        let next = at + aligned(record_len);
        if next + 4 <= region.len() {
            // Whatever the region held before: the log ends here.
            region.store_relaxed32(next + LENGTH_OFFSET, 0);
        }
        // SYNC error-record: pairs with `ErrorLogReader::read`.
        region.store_release32(at + LENGTH_OFFSET, length);
        Ok(())
    }

    fn count(&self, at: usize) {
        // This owner is the only writer; no read-modify-write is needed.
        let count = self.region.load_relaxed32(at + COUNT_OFFSET);
        self.region
            .store_relaxed32(at + COUNT_OFFSET, count.wrapping_add(1));
    }
}

/// What became of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It has a new record.
    First,
    /// It was counted in the record it had.
    Again,
}

/// No room for a distinct error's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "error log is full, consider increasing length of error buffer: a record of {needed} bytes, {free} are free"
)]
pub struct ErrorLogFull {
    /// Length of the record.
    pub needed: usize,
    /// Bytes that are left.
    pub free: usize,
}
