//! A durable file: what processes see of it, and what a power cut would leave.

use std::{collections::BTreeSet, fmt, sync::Arc};

use fastrand::Rng;

use super::content::{Content, PAGE_BYTES, SECTOR_BYTES, parts};
use crate::sim::one_thread::OneThread;

/// A file, whatever its name: held by names, tokens, open files and operations under way.
#[derive(Clone)]
pub(crate) struct SimFile {
    inode: Arc<OneThread<Inode>>,
}

impl SimFile {
    pub(in crate::sim) fn new(inode: Inode) -> Self {
        Self {
            inode: Arc::new(OneThread::new(inode)),
        }
    }

    pub(in crate::sim) fn with<R>(&self, use_it: impl FnOnce(&mut Inode) -> R) -> R {
        self.inode.with(use_it)
    }

    pub(in crate::sim) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inode, &other.inode)
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimFile")
    }
}

/// The bytes of a file, twice: as processes see them (page cache), and as the device has them for certain.
#[derive(Debug, Default)]
pub(in crate::sim) struct Inode {
    seen: Content,
    synced: Content,
    /// Pages in which the two may differ.
    dirty: BTreeSet<u64>,
}

impl Inode {
    /// A file of `len` zeros whose blocks and length are on the device.
    pub(in crate::sim) fn allocated(len: u64) -> Self {
        let mut inode = Self::default();
        inode.seen.len = len;
        inode.synced.len = len;
        inode
    }

    pub(in crate::sim) fn len(&self) -> u64 {
        self.seen.len
    }

    /// Reads what there is from `at`; returns how much.
    pub(in crate::sim) fn read(&self, at: u64, into: &mut [u8]) -> usize {
        self.seen.read(at, into)
    }

    /// A write that a power cut may undo or tear until it is synced.
    pub(in crate::sim) fn write(&mut self, at: u64, bytes: &[u8]) {
        self.seen.write(at, bytes);
        self.dirty
            .extend(parts(at, bytes.len()).map(|(page, _, _)| page));
    }

    /// A write that survives a power cut.
    pub(in crate::sim) fn write_through(&mut self, at: u64, bytes: &[u8]) {
        self.seen.write(at, bytes);
        self.synced.write(at, bytes);
    }

    /// The pages that a sync which begins now makes safe.
    pub(in crate::sim) fn dirty(&self) -> Vec<u64> {
        self.dirty.iter().copied().collect()
    }

    /// A sync that began when `pages` were dirty, and the length was `len`, took place.
    pub(in crate::sim) fn synced(&mut self, pages: &[u64], len: u64) {
        for page in pages {
            if let Some(bytes) = self.seen.page(*page) {
                self.synced.set_page(*page, bytes.clone());
            }
            self.dirty.remove(page);
        }
        self.synced.len = self.synced.len.max(len);
    }

    /// The power fails: of each sector that was not synced, the old or the new bytes are there, by seed; the same for the
    /// length.
    pub(in crate::sim) fn lose_power(&mut self, rng: &mut Rng) {
        for page in std::mem::take(&mut self.dirty) {
            let Some(new) = self.seen.page(page).cloned() else {
                continue;
            };
            let old = self.synced.page_mut(page);
            for at in (0..PAGE_BYTES).step_by(SECTOR_BYTES) {
                if rng.bool() {
                    old[at..at + SECTOR_BYTES].copy_from_slice(&new[at..at + SECTOR_BYTES]);
                }
            }
        }
        if self.seen.len != self.synced.len && rng.bool() {
            self.synced.len = self.seen.len;
        }
        self.seen = self.synced.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(inode: &Inode) -> Vec<u8> {
        let mut bytes = vec![0; inode.len() as usize];
        assert_eq!(inode.read(0, &mut bytes), bytes.len());
        bytes
    }

    #[test]
    fn a_power_cut_keeps_what_was_synced_and_tears_the_rest_by_sector() {
        let (mut kept, mut lost) = (0, 0);
        for seed in 0..50 {
            let mut inode = Inode::allocated(3 * 4096);
            inode.write(0, &[1; 4096]);
            let pages = inode.dirty();
            inode.synced(&pages, inode.len());
            inode.write(4096, &[2; 4096]);
            inode.write_through(8192, &[3; 4096]);
            inode.lose_power(&mut Rng::with_seed(seed));
            let bytes = bytes_of(&inode);
            assert_eq!(bytes[..4096], [1; 4096]);
            assert_eq!(bytes[8192..], [3; 4096]);
            for sector in bytes[4096..8192].chunks(512) {
                assert!(sector.iter().all(|byte| *byte == sector[0]));
                match sector[0] {
                    2 => kept += 1,
                    0 => lost += 1,
                    other => panic!("a byte {other} that nobody wrote"),
                }
            }
        }
        assert!(kept > 100 && lost > 100, "{kept} kept, {lost} lost");
    }

    #[test]
    fn a_sync_covers_what_was_written_before_it_began() {
        let mut inode = Inode::default();
        inode.write(0, &[1; 512]);
        let (pages, len) = (inode.dirty(), inode.len());
        inode.write(4096, &[2; 512]);
        inode.synced(&pages, len);
        assert_eq!(inode.dirty(), [1]);
    }

    #[test]
    fn the_length_is_old_or_new_after_a_power_cut() {
        let mut lengths = BTreeSet::new();
        for seed in 0..20 {
            let mut inode = Inode::default();
            inode.write(0, &[1; 100]);
            inode.lose_power(&mut Rng::with_seed(seed));
            lengths.insert(inode.len());
        }
        assert_eq!(lengths, BTreeSet::from([0, 100]));
    }
}
