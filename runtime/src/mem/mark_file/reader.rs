//! Looking at another's mark file (spec 01 §7.1).

use super::{
    Kind, Words,
    layout::{ACTIVITY_TIMESTAMP, Field32, Field64, VERSION},
};
use crate::mem::region::{OutOfRegion, Region};

/// A view on a mark file, for tools and for whoever waits for its owner. Never waits itself: ask again later.
#[derive(Clone, Debug)]
pub struct MarkFileReader {
    words: Words,
}

impl MarkFileReader {
    /// A view on the file in `region`. A file whose form was not written yet counts as the old form, so open it anew as
    /// long as it is not ready.
    ///
    /// # Errors
    /// [`OutOfRegion`] when the file is too short to have an activity timestamp.
    pub fn open(region: Region, kind: Kind) -> Result<Self, OutOfRegion> {
        Ok(Self {
            words: Words::open(region, kind)?,
        })
    }

    /// How far the owner has come.
    pub fn readiness(&self) -> Readiness {
        // SYNC mark-ready: pairs with `MarkFile::signal_ready`.
        let version = self.words.load32(VERSION).unwrap_or(0);
        let activity_ms = self.words.load64(ACTIVITY_TIMESTAMP).unwrap_or(0);
        match (version, activity_ms) {
            (0, _) => Readiness::NotInitialised,
            (_, 0) => Readiness::NoTimestamp,
            (version, activity_ms) => Readiness::Ready {
                version,
                activity_ms,
            },
        }
    }

    /// Whether the owner was active within the last `timeout_ms`.
    pub fn is_active(&self, now_ms: i64, timeout_ms: i64) -> bool {
        match self.readiness() {
            Readiness::Ready { activity_ms, .. } => now_ms.wrapping_sub(activity_ms) <= timeout_ms,
            Readiness::NotInitialised | Readiness::NoTimestamp => false,
        }
    }

    /// A field of the header, if the file is long enough.
    pub fn get32(&self, field: Field32) -> Option<i32> {
        self.words.load32(field)
    }

    /// A field of the header, if the file is long enough.
    pub fn get64(&self, field: Field64) -> Option<i64> {
        self.words.load64(field)
    }

    /// The region: for the variable data (see [`super::MarkFile::region`]).
    pub fn region(&self) -> &Region {
        &self.words.region
    }

    /// Whether the file is of the old form, without an SBE header.
    pub fn is_legacy(&self) -> bool {
        self.words.block == 0
    }

    /// The part of the file that the error log fills, if the header names one inside the file.
    pub fn error_log(&self) -> Option<Region> {
        self.words.error_log()
    }
}

/// How far a mark file's owner has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The version is 0.
    NotInitialised,
    /// There is a version but no activity timestamp.
    NoTimestamp,
    /// All is there.
    Ready {
        /// Packed version; −1 for a cluster component that could not start.
        version: i32,
        /// When the owner was last active, epoch ms; −1 terminated, `i64::MAX` being activated.
        activity_ms: i64,
    },
}
