//! What a recorder leaves behind: how far each recording was written, in memory that outlives the process.
//!
//! ```text
//!   0                 64              64 + 64 n
//!   ├─────────────────┼──────┬──────┬────────────────────────────┐
//!   │ header          │ slot │ slot │ … 1,024 of them            │
//!   └─────────────────┴──────┴──────┴────────────────────────────┘
//!   header   0 version   8 boot id, low half   16 boot id, high half
//!   slot     0 recording id + 1, 0 for a free one   8 run tag   16 position
//! ```
//!
//! | word | only writer | ordering | readers |
//! |---|---|---|---|
//! | position | the recorder, behind each completed write, *before* the rec-pos counter | Release | the next start |
//! | run tag, id | the recorder: position and tag first, then the id; the id back to 0 at the end | Release | the next start |
//!
//! The file is mapped and never synced. A process that is killed leaves every store it has made in the page cache, as it
//! leaves every completed write; so after a kill the position is at least what was acknowledged, and every byte before it
//! was written. After a power cut neither need hold, which the boot id tells.

use std::{collections::BTreeMap, io, path::Path};

use taranis_runtime::mem::{NameSource, OutOfRegion, Pages, Region, Word64};

use super::Recorded;

/// Name of the file in the archive's directory.
pub const FILE_NAME: &str = "archive-recorded.dat";
/// Recordings that have a slot at one time. Those beyond are recovered by Aeron's rule.
pub const SLOTS: usize = 1024;

const VERSION: i64 = 1;
const HEADER_LENGTH: usize = 64;
const BOOT_ID_AT: usize = 8;
/// Slots have cache lines of their own: recorders on several threads may write to them.
const SLOT_LENGTH: usize = 64;
const TAG_AT: usize = 8;
const POSITION_AT: usize = 16;
const LENGTH: usize = HEADER_LENGTH + SLOTS * SLOT_LENGTH;

/// The slots of the recordings that are being recorded.
///
/// # Threading
/// Claiming belongs to one agent; a claimed slot to the recorder that writes the recording.
#[derive(Debug)]
pub struct Progress {
    slots: Vec<Words>,
}

/// The slot of one recording. Freed by [`Progress::free`].
#[derive(Debug)]
pub struct ProgressSlot {
    index: usize,
    position: Word64,
}

#[derive(Debug)]
struct Words {
    id: Word64,
    tag: Word64,
    position: Word64,
    taken: bool,
}

impl Progress {
    /// Makes the file anew, in place of the one that recovery has read. Without a boot id it will say nothing to anybody.
    ///
    /// # Errors
    /// As the system reports it.
    pub fn create(names: &dyn NameSource, path: &Path, boot_id: Option<u128>) -> io::Result<Self> {
        let region = names.create(path, LENGTH, Pages::Populated)?;
        Self::over(&region, boot_id).map_err(io::Error::other)
    }

    fn over(region: &Region, boot_id: Option<u128>) -> Result<Self, OutOfRegion> {
        let slots = (0..SLOTS).map(|index| Words::of(region, index));
        let slots = slots.collect::<Result<_, _>>()?;
        if let Some(boot_id) = boot_id {
            let (low, high) = halves(boot_id);
            region.word64(BOOT_ID_AT)?.store_relaxed(low);
            region.word64(BOOT_ID_AT + 8)?.store_relaxed(high);
            region.word64(0)?.store_release(VERSION);
        }
        Ok(Self { slots })
    }

    /// A slot for one run of a recording, written up to `position` already. `None` when all are taken.
    pub fn claim(&mut self, recording_id: i64, tag: i64, position: i64) -> Option<ProgressSlot> {
        let index = self.slots.iter().position(|words| !words.taken)?;
        let words = &mut self.slots[index];
        words.taken = true;
        words.position.store_relaxed(position);
        words.tag.store_relaxed(tag);
        words.id.store_release(recording_id.wrapping_add(1));
        Some(ProgressSlot {
            index,
            position: words.position.clone(),
        })
    }

    /// The recording's stop position is in the catalog, for certain: nothing is left to recover.
    pub fn free(&mut self, slot: &ProgressSlot) {
        let words = &mut self.slots[slot.index];
        words.id.store_release(0);
        words.taken = false;
    }
}

impl ProgressSlot {
    /// Says how far the recording was written. Before the rec-pos counter says so.
    #[inline]
    pub fn advance(&self, recorded: Recorded) {
        self.position.store_release(recorded.position());
    }
}

impl Words {
    fn of(region: &Region, index: usize) -> Result<Self, OutOfRegion> {
        let at = HEADER_LENGTH + index * SLOT_LENGTH;
        Ok(Self {
            id: region.word64(at)?,
            tag: region.word64(at + TAG_AT)?,
            position: region.word64(at + POSITION_AT)?,
            taken: false,
        })
    }
}

/// What the recorders of an archive that is gone left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    recorded: BTreeMap<(i64, i64), i64>,
}

impl Evidence {
    /// Reads the file, at start, before [`Progress::create`] replaces it. There is none where the file is missing, of
    /// another version or of another start of the machine.
    ///
    /// # Errors
    /// As the system reports it.
    pub fn read(names: &dyn NameSource, path: &Path, boot_id: Option<u128>) -> io::Result<Self> {
        match names.open(path) {
            Ok(region) => Ok(Self::of(&region, boot_id).unwrap_or_default()),
            // Missing, or cut short when it was made.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::InvalidData
                ) =>
            {
                Ok(Self::default())
            }
            Err(error) => Err(error),
        }
    }

    fn of(region: &Region, boot_id: Option<u128>) -> Option<Self> {
        let word = |at| Some(region.word64(at).ok()?.load_acquire());
        let boot = (word(BOOT_ID_AT)?, word(BOOT_ID_AT + 8)?);
        if word(0)? != VERSION || boot != halves(boot_id?) {
            return None;
        }
        let mut recorded = BTreeMap::new();
        for index in 0..SLOTS {
            let slot = Words::of(region, index).ok()?;
            let id = slot.id.load_acquire();
            if id != 0 {
                let run = (id.wrapping_sub(1), slot.tag.load_acquire());
                recorded.insert(run, slot.position.load_acquire());
            }
        }
        Some(Self { recorded })
    }

    /// How far a run of a recording was written.
    pub fn recorded(&self, recording_id: i64, tag: i64) -> Option<i64> {
        self.recorded.get(&(recording_id, tag)).copied()
    }
}

fn halves(boot_id: u128) -> (i64, i64) {
    let [low, high] = [boot_id, boot_id >> 64].map(|half| {
        let bytes = half.to_le_bytes();
        bytes
            .first_chunk()
            .map_or(0, |half| i64::from_le_bytes(*half))
    });
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 07 §9, and the deviation: evidence is of one start of the machine, one recording and one run.
    #[test]
    fn the_next_start_finds_what_was_left_behind() {
        let region = Region::heap(LENGTH);
        let boot = Some(7 << 64 | 9);
        let mut progress = Progress::over(&region, boot).unwrap();
        let first = progress.claim(0, 11, 64).unwrap();
        let second = progress.claim(5, 12, 0).unwrap();
        first.advance(Recorded::completed(4096));
        second.advance(Recorded::completed(96));
        progress.free(&second);

        let evidence = Evidence::of(&region, boot).unwrap();
        assert_eq!(evidence.recorded(0, 11), Some(4096));
        assert_eq!(evidence.recorded(0, 12), None, "another run");
        assert_eq!(evidence.recorded(5, 12), None, "freed");
        assert_eq!(Evidence::of(&region, Some(9)), None, "another boot");
        assert_eq!(Evidence::of(&region, None), None);
        assert_eq!(Evidence::of(&Region::heap(LENGTH), Some(0)), None);
        assert_eq!(Evidence::of(&Region::heap(64), boot), None);
        let third = progress.claim(6, 13, 32).unwrap();
        assert_eq!(third.index, 1, "a freed slot is used again");
    }

    #[test]
    fn slots_are_bounded() {
        let mut progress = Progress::over(&Region::heap(LENGTH), Some(1)).unwrap();
        for id in 0..SLOTS as i64 {
            assert!(progress.claim(id, 0, 0).is_some());
        }
        assert!(progress.claim(-5, 0, 0).is_none());
    }
}
