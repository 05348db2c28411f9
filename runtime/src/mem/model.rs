//! A region made of loom's atomics, in the place of `region.rs` while a model is checked (`--cfg loom`).
//!
//! It offers what `region.rs` does, as far as the algorithms of this folder use it; what needs an address panics. Loom's
//! atomics have their own size, so there is one per 32-bit word and another per 64-bit word, and each word must always be
//! accessed with the same size (as the memory model wants it, too). Bytes are accessed as whole words.

use std::{fmt, io, sync::Arc};

use memmap2::MmapRaw;

use super::atomic::{AtomicI32, AtomicI64};
pub use super::span::{OutOfRegion, Span};

/// Alignment of a heap region, in name.
pub const REGION_ALIGNMENT: usize = 4096;

/// A modelled region; clones share its words.
#[derive(Clone)]
pub struct Region {
    words: Arc<Words>,
    base: usize,
    len: usize,
}

struct Words {
    narrow: Vec<AtomicI32>,
    wide: Vec<AtomicI64>,
}

/// A word of a modelled region, by its place.
#[derive(Clone)]
pub(super) struct Pinned32(Region, usize);
/// As [`Pinned32`], for 64 bits.
#[derive(Clone)]
pub(super) struct Pinned64(Region, usize);

impl Pinned32 {
    pub(super) fn get(&self) -> &AtomicI32 {
        &self.0.slots32(self.1, 1)[0]
    }
}

impl Pinned64 {
    pub(super) fn get(&self) -> &AtomicI64 {
        self.0.slot64(self.1)
    }
}

impl Region {
    /// Zeroed words.
    pub fn heap(len: usize) -> Self {
        let words = Words {
            narrow: (0..len / 4).map(|_| AtomicI32::new(0)).collect(),
            wide: (0..len / 8).map(|_| AtomicI64::new(0)).collect(),
        };
        Self {
            words: Arc::new(words),
            base: 0,
            len,
        }
    }

    pub(crate) fn mapped(_map: MmapRaw) -> Self {
        panic!("a model has no mappings")
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never true.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// A part of this region.
    ///
    /// # Errors
    /// As the region proper.
    pub fn part(&self, offset: usize, len: usize) -> Result<Self, OutOfRegion> {
        OutOfRegion::check(offset, len, 8, self.len)?;
        Ok(Self {
            words: Arc::clone(&self.words),
            base: self.base + offset,
            len,
        })
    }

    /// Names a part of the region.
    ///
    /// # Errors
    /// As the region proper.
    pub fn span(&self, offset: usize, len: usize) -> Result<Span, OutOfRegion> {
        OutOfRegion::check(offset, len, 1, self.len)?;
        Ok(Span {
            region: self.clone(),
            offset,
            len,
        })
    }

    /// Copies bytes out, from a multiple of 4 on.
    ///
    /// # Errors
    /// As the region proper.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfRegion> {
        OutOfRegion::check(offset, into.len(), 1, self.len)?;
        self.read_words(offset, into);
        Ok(())
    }

    /// Copies bytes in.
    ///
    /// # Errors
    /// As the region proper.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfRegion> {
        OutOfRegion::check(offset, from.len(), 1, self.len)?;
        self.patch_words(offset, from);
        Ok(())
    }

    /// Stores zeros in whole words.
    ///
    /// # Errors
    /// As the region proper.
    pub fn zero(&self, offset: usize, len: usize) -> Result<(), OutOfRegion> {
        OutOfRegion::check(offset, len, 1, self.len)?;
        self.zero_words(offset, len);
        Ok(())
    }

    /// Nothing to do.
    ///
    /// # Errors
    /// None.
    pub fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Panics: a model has no addresses.
    pub fn as_ptr(&self) -> *mut u8 {
        panic!("a model has no addresses")
    }

    /// Whether both name the same words.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.words, &other.words) && self.base == other.base && self.len == other.len
    }

    pub(super) fn pin32(&self, offset: usize) -> Result<Pinned32, OutOfRegion> {
        OutOfRegion::check(offset, 4, 4, self.len)?;
        Ok(Pinned32(self.clone(), offset))
    }

    pub(super) fn pin64(&self, offset: usize) -> Result<Pinned64, OutOfRegion> {
        OutOfRegion::check(offset, 8, 8, self.len)?;
        Ok(Pinned64(self.clone(), offset))
    }

    pub(super) fn slots32(&self, offset: usize, count: usize) -> &[AtomicI32] {
        assert!(offset.is_multiple_of(4) && offset + count * 4 <= self.len);
        let first = (self.base + offset) / 4;
        &self.words.narrow[first..first + count]
    }

    pub(super) fn slot64(&self, offset: usize) -> &AtomicI64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.len);
        &self.words.wide[(self.base + offset) / 8]
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region(model, {} bytes)", self.len)
    }
}
