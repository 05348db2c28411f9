//! The owner's end of a mark file (spec 01 §7.1, §7.2).

use std::io;

use super::{
    Kind, Words,
    layout::{
        ACTIVATING, ACTIVITY_TIMESTAMP, FAILED_START, Field32, Field64, HEADER_LEN, PID,
        START_TIMESTAMP, TERMINATED, VERSION,
    },
};
use crate::mem::{
    dir_lock::Owner,
    region::{OutOfRegion, Region},
    word::{Word32, Word64},
};

/// A mark file in the hands of its owner. There is one; dropping it says nothing to others, so end with
/// [`Self::signal_terminated`].
#[derive(Debug)]
pub struct MarkFile {
    words: Words,
    version: Word32,
    activity: Word64,
}

/// What is needed to judge whether a mark file's last owner still lives.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    /// The new owner, whose start is taken for the time now.
    pub owner: Owner,
    /// Age from which an activity timestamp is stale, in ms; Aeron's is 10,000.
    pub timeout_ms: i64,
    /// Who held the directory's lock before the new owner got it. A file that was left by that one is taken over at once,
    /// however fresh its timestamp is: the lock died with its holder.
    pub previous: Option<Owner>,
}

impl MarkFile {
    /// A new file over a zeroed region: not ready until [`Self::signal_ready`].
    ///
    /// # Errors
    /// [`MarkFileError::TooShort`] when the region has not room for the header and the error log.
    pub fn create(
        region: Region,
        kind: Kind,
        owner: Owner,
        error_buffer_len: usize,
    ) -> Result<Self, MarkFileError> {
        let fits = |len: &i32| region.len() >= HEADER_LEN + *len as usize;
        let error_buffer_length = i32::try_from(error_buffer_len)
            .ok()
            .filter(fits)
            .ok_or_else(|| MarkFileError::TooShort {
                len: region.len(),
                min: HEADER_LEN.saturating_add(error_buffer_len),
            })?;
        region.write_words(0, &kind.sbe_header());
        let mark = Self::over(Words::open(region, kind)?)?;
        mark.set32(kind.header_length(), HEADER_LEN as i32)?;
        mark.set32(kind.error_buffer_length(), error_buffer_length)?;
        mark.sign(owner)?;
        Ok(mark)
    }

    /// Takes over a file that exists, unless its last owner lives. The version stays until [`Self::signal_ready`].
    ///
    /// # Errors
    /// [`MarkFileError`]: too short, of another major version, active, or being activated by someone else right now.
    pub fn activate(
        region: Region,
        kind: Kind,
        activation: Activation,
    ) -> Result<Self, MarkFileError> {
        let mark = Self::over(Words::open(region, kind)?)?;
        let version = mark.version.load_volatile();
        if !kind.takes_over(version) {
            return Err(MarkFileError::Version { version, kind });
        }
        let timestamp_ms = mark.activity.load_volatile();
        // Wraps as Java's does: the mark of an activation, i64::MAX, is younger than everything.
        let age_ms = activation.owner.start_ms.wrapping_sub(timestamp_ms);
        let pid = mark.get64(PID)?;
        if age_ms < activation.timeout_ms && !mark.was_left_by(activation.previous)? {
            return Err(MarkFileError::Active { pid, age_ms });
        }
        if !mark.activity.compare_and_set(timestamp_ms, ACTIVATING) {
            return Err(MarkFileError::ConcurrentActivation);
        }
        mark.sign(activation.owner)?;
        Ok(mark)
    }

    /// Says that the file is complete and its owner at work.
    pub fn signal_ready(&self, now_ms: i64) {
        self.activity.store_release(now_ms);
        // SYNC mark-ready: everything else in the file is there; pairs with `MarkFileReader::readiness`.
        self.version.store_release(self.words.kind.version());
    }

    /// Says that the owner lives: every second.
    pub fn set_activity_ms(&self, now_ms: i64) {
        self.activity.store_release(now_ms);
    }

    /// Says that the owner ended: the file may be taken over at once.
    pub fn signal_terminated(&self) {
        self.activity.store_release(TERMINATED);
    }

    /// Says that a cluster component could not start.
    pub fn signal_failed_start(&self) {
        self.activity.store_release(TERMINATED);
        self.version.store_release(FAILED_START);
    }

    /// Writes the file to its disk. May block for long: at start and end only.
    ///
    /// # Errors
    /// As the system reports it.
    pub fn flush(&self) -> io::Result<()> {
        self.words.region.flush()
    }

    /// Stores a field of the header.
    ///
    /// # Errors
    /// [`OutOfRegion`] when the file is too short for it.
    pub fn set32(&self, field: Field32, value: i32) -> Result<(), OutOfRegion> {
        let word = self.words.region.word32(self.words.block + field.0)?;
        word.store_release(value);
        Ok(())
    }

    /// As [`Self::set32`].
    ///
    /// # Errors
    /// As [`Self::set32`].
    pub fn set64(&self, field: Field64, value: i64) -> Result<(), OutOfRegion> {
        let word = self.words.region.word64(self.words.block + field.0)?;
        word.store_release(value);
        Ok(())
    }

    /// Loads a field of the header: what the last owner left there.
    ///
    /// # Errors
    /// As [`Self::set32`].
    pub fn get32(&self, field: Field32) -> Result<i32, OutOfRegion> {
        let word = self.words.region.word32(self.words.block + field.0)?;
        Ok(word.load_acquire())
    }

    /// As [`Self::get32`].
    ///
    /// # Errors
    /// As [`Self::set32`].
    pub fn get64(&self, field: Field64) -> Result<i64, OutOfRegion> {
        let word = self.words.region.word64(self.words.block + field.0)?;
        Ok(word.load_acquire())
    }

    /// The version the file has now.
    pub fn version(&self) -> i32 {
        self.version.load_acquire()
    }

    /// The region: for the variable data, which begin at [`super::layout::VARIABLE_DATA_OFFSET`] (8 bytes earlier in a
    /// file of the old form).
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

    fn over(words: Words) -> Result<Self, OutOfRegion> {
        Ok(Self {
            version: words.region.word32(words.block + VERSION.0)?,
            activity: words.region.word64(words.block + ACTIVITY_TIMESTAMP.0)?,
            words,
        })
    }

    fn was_left_by(&self, previous: Option<Owner>) -> Result<bool, OutOfRegion> {
        let Some(previous) = previous else {
            return Ok(false);
        };
        // Both, since in containers every process may have the same id.
        Ok(self.get64(PID)? == i64::from(previous.pid)
            && self.get64(START_TIMESTAMP)? == previous.start_ms)
    }

    fn sign(&self, owner: Owner) -> Result<(), OutOfRegion> {
        self.set64(START_TIMESTAMP, owner.start_ms)?;
        self.set64(PID, i64::from(owner.pid))
    }
}

/// Why a mark file can't be owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MarkFileError {
    /// Another process uses the directory.
    #[error("active mark file detected: pid {pid}, last active {age_ms} ms ago")]
    Active {
        /// The owner's process id, as it says.
        pid: i64,
        /// Age of its activity timestamp; far below 0 while it is being activated.
        age_ms: i64,
    },
    /// Another process takes it over at this moment.
    #[error("concurrent mark file activation")]
    ConcurrentActivation,
    /// Written by an incompatible release.
    #[error("mark file version {version} (packed major.minor.patch) is not compatible with {}", .kind.version())]
    Version {
        /// The version found.
        version: i32,
        /// What the file is of.
        kind: Kind,
    },
    /// The file has not even its header.
    #[error("a mark file of {len} bytes: needs at least {min}")]
    TooShort {
        /// Its length.
        len: usize,
        /// The least it could have.
        min: usize,
    },
    /// A word of the header does not lie in the file.
    #[error(transparent)]
    Region(#[from] OutOfRegion),
}
