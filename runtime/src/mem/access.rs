//! What the algorithms of this folder do with a region besides its resolved words: words at computed offsets, and byte
//! strings copied in words of 32 bits.
//!
//! A scan may read a word while its owner is still writing the bytes around it (unblocking a ring, a label being
//! replaced), and racing accesses of different size have no defined outcome. So byte strings are always accessed as whole
//! 32-bit words here, their ends too.

use super::{
    atomic::{AtomicI32, Ordering},
    region::Region,
};

impl Region {
    pub(super) fn load_acquire32(&self, offset: usize) -> i32 {
        self.slot32(offset).load(Ordering::Acquire)
    }

    pub(super) fn load_relaxed32(&self, offset: usize) -> i32 {
        self.slot32(offset).load(Ordering::Relaxed)
    }

    pub(super) fn store_release32(&self, offset: usize, value: i32) {
        self.slot32(offset).store(value, Ordering::Release);
    }

    pub(super) fn store_relaxed32(&self, offset: usize, value: i32) {
        self.slot32(offset).store(value, Ordering::Relaxed);
    }

    pub(super) fn load_acquire64(&self, offset: usize) -> i64 {
        self.slot64(offset).load(Ordering::Acquire)
    }

    pub(super) fn load_relaxed64(&self, offset: usize) -> i64 {
        self.slot64(offset).load(Ordering::Relaxed)
    }

    pub(super) fn store_release64(&self, offset: usize, value: i64) {
        self.slot64(offset).store(value, Ordering::Release);
    }

    pub(super) fn store_relaxed64(&self, offset: usize, value: i64) {
        self.slot64(offset).store(value, Ordering::Relaxed);
    }

    /// Copies out bytes that begin at a multiple of 4. May be torn by a concurrent writer: validate afterwards.
    pub(super) fn read_words(&self, offset: usize, into: &mut [u8]) {
        let slots = self.slots32(offset, into.len().div_ceil(4));
        for (bytes, slot) in into.chunks_mut(4).zip(slots) {
            let word = slot.load(Ordering::Relaxed).to_ne_bytes();
            bytes.copy_from_slice(&word[..bytes.len()]);
        }
    }

    /// Copies in bytes from a multiple of 4 on. The rest of the last word becomes zero.
    pub(super) fn write_words(&self, offset: usize, from: &[u8]) {
        let slots = self.slots32(offset, from.len().div_ceil(4));
        for (bytes, slot) in from.chunks(4).zip(slots) {
            let mut word = [0; 4];
            word[..bytes.len()].copy_from_slice(bytes);
            slot.store(i32::from_ne_bytes(word), Ordering::Relaxed);
        }
    }

    /// Copies in bytes at any offset; the words at both ends keep their other bytes. For the only writer of those words.
    pub(super) fn patch_words(&self, offset: usize, from: &[u8]) {
        let within = offset % 4;
        let (head, rest) = from.split_at(((4 - within) % 4).min(from.len()));
        if !head.is_empty() {
            self.patch_word(offset - within, within, head);
        }
        let whole = rest.len() & !3;
        let at = offset + head.len();
        self.write_words_if_any(at, &rest[..whole]);
        if whole < rest.len() {
            self.patch_word(at + whole, 0, &rest[whole..]);
        }
    }

    /// Stores zeros; both `offset` and `len` are multiples of 4.
    pub(super) fn zero_words(&self, offset: usize, len: usize) {
        debug_assert!(len.is_multiple_of(4), "whole words, not {len} bytes");
        for slot in self.slots32(offset, len / 4) {
            slot.store(0, Ordering::Relaxed);
        }
    }

    fn write_words_if_any(&self, offset: usize, from: &[u8]) {
        if !from.is_empty() {
            self.write_words(offset, from);
        }
    }

    fn patch_word(&self, offset: usize, within: usize, bytes: &[u8]) {
        let slot = self.slot32(offset);
        let mut word = slot.load(Ordering::Relaxed).to_ne_bytes();
        word[within..within + bytes.len()].copy_from_slice(bytes);
        slot.store(i32::from_ne_bytes(word), Ordering::Relaxed);
    }

    fn slot32(&self, offset: usize) -> &AtomicI32 {
        &self.slots32(offset, 1)[0]
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn patches_at_every_alignment_and_keeps_the_neighbours() {
        let source: Vec<u8> = (1..=40).collect();
        for offset in 0..9 {
            for len in 0..=17 {
                let region = Region::heap(64);
                region.write(0, &[0xEE; 64]).unwrap();
                region.patch_words(offset, &source[..len]);
                let mut all = [0; 64];
                region.read_words(0, &mut all);
                assert_eq!(all[offset..offset + len], source[..len]);
                assert!(all[..offset].iter().all(|byte| *byte == 0xEE));
                assert!(all[offset + len..].iter().all(|byte| *byte == 0xEE));
            }
        }
    }
}
