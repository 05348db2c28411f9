//! A region: memory that may have a path, other threads and other processes as readers and writers.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    fmt, io,
    ptr::NonNull,
    slice,
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicI64, AtomicU8, AtomicU32, Ordering},
    },
};

use memmap2::MmapRaw;

pub use super::span::{OutOfRegion, Span};

/// Alignment of a heap region: a page, so that its spans may be written with `O_DIRECT`.
pub const REGION_ALIGNMENT: usize = 4096;

/// Shared memory: a mapping of a file, or a zeroed heap block (tests, Miri, the simulator).
///
/// Cloning is cheap and shares the memory, which lives until the last clone, [`Span`] or word handle is gone; replacing or
/// unlinking the name it was opened by does not touch it.
///
/// # Soundness
/// The base is aligned to 4,096 bytes and valid for `len` bytes while the keeper lives. No reference to the bytes is ever
/// made by this type: they are read and written through atomics only (relaxed at least), because another process may
/// change any of them at any time. Who needs plain slices (a term's frames, a claim) makes them in `unsafe` code with a
/// protocol that excludes writers, and says which.
#[derive(Clone)]
pub struct Region {
    base: NonNull<u8>,
    len: usize,
    keeper: Arc<Keeper>,
}

impl Region {
    /// A zeroed heap block of `len` bytes, page aligned.
    ///
    /// # Panics
    /// When `len` is 0 or larger than `isize::MAX` less a page: lengths are ours or validated at the border before.
    pub fn heap(len: usize) -> Self {
        assert!(len > 0, "a region's length is at least 1");
        let layout = Layout::from_size_align(len, REGION_ALIGNMENT)
            .expect("a region's length fits the address space");
        // SAFETY: the layout's size is not zero, by the assertion above.
        let block = unsafe { alloc_zeroed(layout) };
        let Some(base) = NonNull::new(block) else {
            handle_alloc_error(layout)
        };
        Self {
            base,
            len,
            keeper: Arc::new(Keeper::Heap { base, layout }),
        }
    }

    /// Takes over a mapping; it is unmapped when the last handle on the region goes.
    pub(crate) fn mapped(map: MmapRaw) -> Self {
        let base = NonNull::new(map.as_mut_ptr()).expect("a mapping is never at address 0");
        Self {
            base,
            len: map.len(),
            keeper: Arc::new(Keeper::Mapped { map }),
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never true: a region has at least one byte.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// A part of this region, sharing its memory.
    ///
    /// # Errors
    /// [`OutOfRegion`] when the part is empty, begins off an 8-byte boundary, or does not lie inside.
    pub fn part(&self, offset: usize, len: usize) -> Result<Self, OutOfRegion> {
        self.check(offset, len, 8)?;
        Ok(Self {
            base: self.at(offset),
            len,
            keeper: Arc::clone(&self.keeper),
        })
    }

    /// Names `len` bytes at `offset` for an operation of the kernel or of another agent.
    ///
    /// # Errors
    /// [`OutOfRegion`] when they do not lie inside.
    pub fn span(&self, offset: usize, len: usize) -> Result<Span, OutOfRegion> {
        self.check(offset, len, 1)?;
        Ok(Span {
            region: self.clone(),
            offset,
            len,
        })
    }

    /// Copies bytes out of the region. Safe against concurrent writers (relaxed atomics, 32 bits at a time): what comes
    /// out may then be torn, so validate it afterwards.
    ///
    /// # Errors
    /// [`OutOfRegion`] when they do not lie inside.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutOfRegion> {
        self.check(offset, into.len(), 1)?;
        let mut at = offset;
        let (head, rest) = into.split_at_mut(head_len(offset).min(into.len()));
        for byte in head {
            *byte = self.byte(at).load(Ordering::Relaxed);
            at += 1;
        }
        let mut words = rest.chunks_exact_mut(4);
        for word in &mut words {
            word.copy_from_slice(&self.quad(at).load(Ordering::Relaxed).to_ne_bytes());
            at += 4;
        }
        for byte in words.into_remainder() {
            *byte = self.byte(at).load(Ordering::Relaxed);
            at += 1;
        }
        Ok(())
    }

    /// Copies bytes into the region with relaxed atomic stores; publish them with a release store of a word.
    ///
    /// # Errors
    /// [`OutOfRegion`] when they do not lie inside.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutOfRegion> {
        self.check(offset, from.len(), 1)?;
        let mut at = offset;
        let (head, rest) = from.split_at(head_len(offset).min(from.len()));
        for byte in head {
            self.byte(at).store(*byte, Ordering::Relaxed);
            at += 1;
        }
        let mut words = rest.chunks_exact(4);
        for word in &mut words {
            let mut quad = [0; 4];
            quad.copy_from_slice(word);
            self.quad(at)
                .store(u32::from_ne_bytes(quad), Ordering::Relaxed);
            at += 4;
        }
        for byte in words.remainder() {
            self.byte(at).store(*byte, Ordering::Relaxed);
            at += 1;
        }
        Ok(())
    }

    /// Stores zeros with relaxed atomic stores.
    ///
    /// # Errors
    /// [`OutOfRegion`] when the bytes do not lie inside.
    pub fn zero(&self, offset: usize, len: usize) -> Result<(), OutOfRegion> {
        self.check(offset, len, 1)?;
        let end = offset + len;
        let mut at = offset;
        while at < end && !at.is_multiple_of(4) {
            self.byte(at).store(0, Ordering::Relaxed);
            at += 1;
        }
        while at + 4 <= end {
            self.quad(at).store(0, Ordering::Relaxed);
            at += 4;
        }
        while at < end {
            self.byte(at).store(0, Ordering::Relaxed);
            at += 1;
        }
        Ok(())
    }

    /// Writes a mapping's changed pages to its file and waits until they are there; nothing to do for a heap block.
    ///
    /// May block for long: for a chore or for start-up, never for a duty cycle. Other processes see every store without it.
    ///
    /// # Errors
    /// As the system reports it.
    pub fn flush(&self) -> io::Result<()> {
        match &*self.keeper {
            Keeper::Mapped { map } => map.flush(),
            Keeper::Heap { .. } => Ok(()),
        }
    }

    /// The address of the first byte, for `unsafe` code that upholds a protocol of its own, and for the kernel.
    pub fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Whether both name the same bytes of the same memory.
    pub fn is_same(&self, other: &Self) -> bool {
        self.base == other.base && self.len == other.len
    }

    pub(super) fn pin32(&self, offset: usize) -> Result<Pinned<AtomicI32>, OutOfRegion> {
        self.check(offset, 4, 4)?;
        Ok(Pinned {
            at: self.at(offset).cast(),
            _keep: self.clone(),
        })
    }

    pub(super) fn pin64(&self, offset: usize) -> Result<Pinned<AtomicI64>, OutOfRegion> {
        self.check(offset, 8, 8)?;
        Ok(Pinned {
            at: self.at(offset).cast(),
            _keep: self.clone(),
        })
    }

    /// `count` words of 32 bits, for the algorithms of `mem`, which make sure that they lie inside.
    pub(super) fn slots32(&self, offset: usize, count: usize) -> &[AtomicI32] {
        assert!(
            offset.is_multiple_of(4) && count <= self.len / 4 && offset <= self.len - count * 4,
            "{count} words at {offset} of a region of {} bytes",
            self.len
        );
        if count == 0 {
            return &[];
        }
        // SAFETY: inside the region and aligned (asserted; the base is 8-byte aligned), valid while `self` lives, and
        // only ever accessed atomically.
        unsafe { slice::from_raw_parts(self.at(offset).as_ptr().cast(), count) }
    }

    /// The word of 64 bits at `offset`, as [`Self::slots32`].
    pub(super) fn slot64(&self, offset: usize) -> &AtomicI64 {
        assert!(
            offset.is_multiple_of(8) && self.len >= 8 && offset <= self.len - 8,
            "8 bytes at {offset} of a region of {} bytes",
            self.len
        );
        // SAFETY: as in `slots32`.
        unsafe { AtomicI64::from_ptr(self.at(offset).as_ptr().cast()) }
    }

    fn check(&self, offset: usize, len: usize, alignment: usize) -> Result<(), OutOfRegion> {
        OutOfRegion::check(offset, len, alignment, self.len)
    }

    fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.len, "offset was checked by the caller");
        // SAFETY: every caller checked that `offset` lies inside the region.
        unsafe { self.base.add(offset) }
    }

    fn byte(&self, offset: usize) -> &AtomicU8 {
        // SAFETY: checked by the caller, valid while `self` lives, and only ever accessed atomically.
        unsafe { AtomicU8::from_ptr(self.at(offset).as_ptr()) }
    }

    fn quad(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: as `byte`; the callers step to a multiple of 4 first, and the base is 8-byte aligned.
        unsafe { AtomicU32::from_ptr(self.at(offset).as_ptr().cast()) }
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({:p}, {} bytes)", self.base, self.len)
    }
}

// SAFETY: the memory is only touched through atomics or by `unsafe` code with its own proof, and the keeper is freed by
// whichever thread drops the last handle (both `munmap` and `dealloc` allow that).
unsafe impl Send for Region {}
// SAFETY: as above; a shared `Region` gives out nothing but atomic access.
unsafe impl Sync for Region {}

/// A word's address, and what keeps its memory alive.
///
/// # Soundness
/// Made by [`Region::pin32`] and [`Region::pin64`] alone, which check that the word lies inside and is aligned.
pub(super) struct Pinned<A> {
    at: NonNull<A>,
    _keep: Region,
}

/// A pinned word of 32 bits.
pub(super) type Pinned32 = Pinned<AtomicI32>;
/// A pinned word of 64 bits.
pub(super) type Pinned64 = Pinned<AtomicI64>;

impl<A> Clone for Pinned<A> {
    fn clone(&self) -> Self {
        Self {
            at: self.at,
            _keep: self._keep.clone(),
        }
    }
}

impl<A> Pinned<A> {
    pub(super) fn get(&self) -> &A {
        // SAFETY: see the type's paragraph on soundness; the word is only ever accessed as this atomic.
        unsafe { self.at.as_ref() }
    }
}

// SAFETY: the address of an atomic in memory that the handle keeps alive.
unsafe impl<A: Sync> Send for Pinned<A> {}
// SAFETY: as above.
unsafe impl<A: Sync> Sync for Pinned<A> {}

enum Keeper {
    Mapped { map: MmapRaw },
    Heap { base: NonNull<u8>, layout: Layout },
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Self::Heap { base, layout } = self {
            // SAFETY: allocated with this very layout in `Region::heap`, and freed once, here.
            unsafe { dealloc(base.as_ptr(), *layout) }
        }
    }
}

// SAFETY: a keeper is only ever dropped; both ways of freeing may happen on any thread.
unsafe impl Send for Keeper {}
// SAFETY: as above; it has no methods.
unsafe impl Sync for Keeper {}

/// Bytes up to the next multiple of 4.
fn head_len(offset: usize) -> usize {
    offset.wrapping_neg() & 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_at_every_alignment() {
        let region = Region::heap(64);
        let source: Vec<u8> = (1..=40).collect();
        for offset in 0..9 {
            for len in 0..=23 {
                region.zero(0, 64).unwrap();
                region.write(offset, &source[..len]).unwrap();
                let mut all = [0; 64];
                region.read(0, &mut all).unwrap();
                assert_eq!(&all[offset..offset + len], &source[..len]);
                assert!(
                    all[..offset]
                        .iter()
                        .chain(&all[offset + len..])
                        .all(|byte| *byte == 0)
                );
                region.zero(offset, len).unwrap();
                region.read(0, &mut all).unwrap();
                assert!(all.iter().all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn refuses_what_lies_outside_or_off_alignment() {
        let region = Region::heap(64);
        assert!(region.word64(56).is_ok());
        assert_eq!(
            region.word64(60).unwrap_err(),
            OutOfRegion {
                offset: 60,
                len: 8,
                alignment: 8,
                region_len: 64
            }
        );
        assert!(region.word32(64).is_err());
        assert!(region.word32(2).is_err());
        assert!(region.part(8, 56).is_ok());
        assert!(region.part(4, 8).is_err());
        assert!(region.span(64, 0).is_ok());
        assert!(region.span(usize::MAX, 2).is_err());
        assert!(region.read(60, &mut [0; 5]).is_err());
    }

    #[test]
    fn a_word_outlives_every_other_handle() {
        let word = Region::heap(8).word64(0).unwrap();
        word.store_release(7);
        assert_eq!(word.load_acquire(), 7);
    }
}
