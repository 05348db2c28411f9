//! Mark files: who uses a directory, whether it lives, and where its error log is (spec 01 §7).
//!
//! The owner holds a [`MarkFile`], anybody else a [`MarkFileReader`]. What stands in the variable data is the business of
//! the component; the header's words and rules are here. Times are epoch ms and passed in.

pub mod layout;
mod owner;
mod reader;

pub use layout::Kind;
pub use owner::{Activation, MarkFile, MarkFileError};
pub use reader::{MarkFileReader, Readiness};

use super::region::{OutOfRegion, Region};
use layout::{Field32, Field64, SBE_HEADER_LEN, TEMPLATE_ID};

/// The words of a mark file, wherever its block begins.
#[derive(Clone, Debug)]
struct Words {
    region: Region,
    kind: Kind,
    block: usize,
}

impl Words {
    fn open(region: Region, kind: Kind) -> Result<Self, OutOfRegion> {
        // The least a file must have: its activity timestamp.
        region.word64(SBE_HEADER_LEN + layout::ACTIVITY_TIMESTAMP.0)?;
        let mut header = [0; SBE_HEADER_LEN];
        region.read_words(0, &mut header);
        let word = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let is_current = word(2) == TEMPLATE_ID && word(4) == kind.schema_id();
        Ok(Self {
            region,
            kind,
            block: if is_current { SBE_HEADER_LEN } else { 0 },
        })
    }

    fn load32(&self, field: Field32) -> Option<i32> {
        let word = self.region.word32(self.block + field.0).ok()?;
        Some(word.load_acquire())
    }

    fn load64(&self, field: Field64) -> Option<i64> {
        let word = self.region.word64(self.block + field.0).ok()?;
        Some(word.load_acquire())
    }

    /// The part of the file that the error log fills.
    fn error_log(&self) -> Option<Region> {
        let begin = usize::try_from(self.load32(self.kind.header_length())?).ok()?;
        let len = usize::try_from(self.load32(self.kind.error_buffer_length())?).ok()?;
        self.region.part(begin, len).ok()
    }
}
