//! The bytes of the terms: every raw access to a frame is in this file.
//!
//! Four kinds of access, and no two of different size ever meet (see the module's page on soundness):
//! the *frame word* (32 bits at every multiple of 32, only ever an atomic), the other header words (atomics of fixed
//! widths), payload as a slice, and the striped copies of inserting and cleaning, which leave out no frame word's atomicity.

#![expect(
    clippy::disallowed_types,
    reason = "frame words lie at computed offsets; a checked handle per frame would count references on the data path"
)]

use std::{
    marker::PhantomData,
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, fence},
};

use taranis_runtime::mem::{OutOfRegion, Region, Span};

use super::{
    frame::{FRAME_ALIGNMENT, HEADER_LENGTH, HeaderWords, frame_length, reserved_value},
    shape::{PARTITIONS, Partition, Shape},
};

const STRIPE: usize = FRAME_ALIGNMENT as usize;
const WORD: usize = size_of::<u32>();
const KIND_AT: usize = 4;
const OFFSET_SESSION_AT: usize = 8;
const STREAM_TERM_AT: usize = 16;
const RESERVED_AT: usize = 24;

/// The three terms of a log.
///
/// # Soundness
/// `base` points to at least three terms of `shape.term_length()` bytes, aligned to 8, which `region` keeps alive.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    base: NonNull<u8>,
    shape: Shape,
    region: Region,
}

impl Terms {
    /// The terms at the start of a log's region.
    pub(super) fn new(region: &Region, shape: Shape) -> Result<Self, OutOfRegion> {
        let terms = region.part(0, PARTITIONS * shape.term_length() as usize)?;
        let base = NonNull::new(terms.as_ptr()).expect("a region's address is never 0");
        Ok(Self {
            base,
            shape,
            region: terms,
        })
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// One partition's bytes.
    #[inline]
    pub(super) fn term(&self, partition: Partition) -> Term<'_> {
        // SAFETY: a partition's index is below 3 by construction, so this is one of the three terms `base` points to.
        let base = unsafe { self.base.add(self.shape.partition_start(partition)) };
        Term {
            base,
            length: self.shape.term_length(),
            terms: PhantomData,
        }
    }

    /// Bytes of the log by name, for the kernel; empty when they would not lie inside the terms.
    pub(super) fn span(&self, position: i64, length: i32) -> Option<Span> {
        let place = self.shape.place(position);
        let length = length.clamp(0, self.shape.term_length() - place.offset);
        self.region
            .span(self.shape.file_offset(place), length as usize)
            .ok()
    }
}

// SAFETY: the pointer leads into the region, which may itself be sent and shared; all access goes through `Term`.
unsafe impl Send for Terms {}
// SAFETY: as above.
unsafe impl Sync for Terms {}

/// One term's bytes.
///
/// # Soundness
/// `base` points to `length` bytes (a power of two, at least 64 KiB), aligned to 8, valid for `'a`. Every offset is masked to
/// a multiple of 32 inside the term, so a frame always has its 32 header bytes inside, whatever was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term<'a> {
    base: NonNull<u8>,
    length: i32,
    terms: PhantomData<&'a Terms>,
}

impl<'a> Term<'a> {
    /// The frame word: 0 nothing there, negative claimed, positive committed. Acquire: whoever sees a positive length sees
    /// the frame.
    #[inline]
    pub(super) fn frame_word(self, offset: i32) -> i32 {
        // SYNC frame-committed: pairs with `publish`.
        self.word(offset).load(Ordering::Acquire)
    }

    /// Length of the committed frame at `offset`, clamped once: at least a header, at most up to the term's end. `None`
    /// where nothing is committed.
    #[inline]
    pub(super) fn committed(self, offset: i32) -> Option<i32> {
        let length = self.frame_word(offset);
        (length > 0).then(|| self.clamp(offset, length))
    }

    /// A frame length from outside, made to fit at `offset`.
    #[inline]
    pub(super) fn clamp(self, offset: i32, length: i32) -> i32 {
        length.clamp(HEADER_LENGTH, self.length - self.masked(offset))
    }

    /// Announces a frame before anything else of it is written (02 §4.4): negative length, Release, then the header. An
    /// unblocker that finds the negative length knows the size of the claim.
    #[inline]
    pub(super) fn begin(self, offset: i32, length: i32, words: HeaderWords) {
        self.word(offset).store(-length, Ordering::Release);
        // The stores below must not become visible before the one above; pairs with the Acquire of the frame word.
        fence(Ordering::Release);
        self.store_words(offset, words);
    }

    /// Commits the frame at `offset`: everything written to it before is visible to whoever sees the length.
    #[inline]
    pub(super) fn publish(self, offset: i32, length: i32) {
        // SYNC frame-committed: pairs with `frame_word`.
        self.word(offset).store(length, Ordering::Release);
    }

    /// Writes a whole header over whatever stands there, and commits it.
    pub(super) fn publish_header(self, offset: i32, length: i32, words: HeaderWords) {
        self.store_words(offset, words);
        self.set_reserved(offset, 0);
        self.publish(offset, length);
    }

    /// Version, flags and type. Relaxed: the frame word's Acquire came before, or the caller is the frame's writer.
    #[inline]
    pub(super) fn kind(self, offset: i32) -> u32 {
        self.field32(offset, KIND_AT).load(Ordering::Relaxed)
    }

    /// Stores version, flags and type. Relaxed: the frame's commit publishes it.
    #[inline]
    pub(super) fn set_kind(self, offset: i32, kind: u32) {
        self.field32(offset, KIND_AT).store(kind, Ordering::Relaxed);
    }

    /// The reserved value. Relaxed, as [`Term::kind`].
    #[inline]
    pub(super) fn reserved(self, offset: i32) -> i64 {
        self.field64(offset, RESERVED_AT)
            .load(Ordering::Relaxed)
            .cast_signed()
    }

    /// Stores the reserved value. Relaxed, as [`Term::set_kind`].
    #[inline]
    pub(super) fn set_reserved(self, offset: i32, value: i64) {
        self.field64(offset, RESERVED_AT)
            .store(value.cast_unsigned(), Ordering::Relaxed);
    }

    /// All header words but the reserved value. Relaxed, as [`Term::kind`].
    #[inline]
    pub(super) fn words(self, offset: i32) -> HeaderWords {
        HeaderWords {
            kind: self.kind(offset),
            offset_session: self
                .field64(offset, OFFSET_SESSION_AT)
                .load(Ordering::Relaxed),
            stream_term: self.field64(offset, STREAM_TERM_AT).load(Ordering::Relaxed),
        }
    }

    #[inline]
    fn store_words(self, offset: i32, words: HeaderWords) {
        // Relaxed: the frame's commit publishes them.
        self.set_kind(offset, words.kind);
        self.field64(offset, OFFSET_SESSION_AT)
            .store(words.offset_session, Ordering::Relaxed);
        self.field64(offset, STREAM_TERM_AT)
            .store(words.stream_term, Ordering::Relaxed);
    }

    /// `length` bytes from the frame at `offset` on, cut at the term's end.
    ///
    /// # Safety
    /// They belong to frames seen as committed, and the position that keeps the cleaner away stays put for `'a`.
    #[inline]
    pub(super) unsafe fn bytes(self, offset: i32, length: i32) -> &'a [u8] {
        let length = length.clamp(0, self.length - self.masked(offset));
        // SAFETY: inside the term by the clamp; nobody writes to committed frames before the cleaner does (caller).
        unsafe { slice::from_raw_parts(self.frame(offset), length as usize) }
    }

    /// Payload of the frame of `frame_length` bytes at `offset`.
    ///
    /// # Safety
    /// As [`Term::bytes`].
    #[inline]
    pub(super) unsafe fn payload(self, offset: i32, frame_length: i32) -> &'a [u8] {
        let length = self.clamp(offset, frame_length) - HEADER_LENGTH;
        // SAFETY: header and payload lie inside the term by the clamp; see `bytes` for the rest.
        unsafe {
            slice::from_raw_parts(
                self.frame(offset).add(HEADER_LENGTH as usize),
                length as usize,
            )
        }
    }

    /// Payload of the claimed frame of `frame_length` bytes at `offset`.
    ///
    /// # Safety
    /// The frame is the caller's: claimed by it and not committed for `'a`, and no other slice of it is alive.
    #[inline]
    pub(super) unsafe fn payload_mut(self, offset: i32, frame_length: i32) -> &'a mut [u8] {
        let length = self.clamp(offset, frame_length) - HEADER_LENGTH;
        // SAFETY: inside the term by the clamp; exclusive by the caller's claim.
        unsafe {
            slice::from_raw_parts_mut(
                self.frame(offset).add(HEADER_LENGTH as usize),
                length as usize,
            )
        }
    }

    /// Copies whole frames to `offset`: everything behind the first header, then that header backwards, its length last
    /// with Release. What lies beyond the term's end, or behind the last whole 32 bytes, is left out.
    ///
    /// # Safety
    /// The caller is the only writer of these bytes, and no slice of them is alive.
    pub(super) unsafe fn insert(self, offset: i32, frames: &[u8]) {
        let offset = self.masked(offset);
        let room = (self.length - offset) as usize;
        let mut stripes = frames[..frames.len().min(room)].chunks_exact(STRIPE);
        let Some(header) = stripes.next() else { return };
        let Some(words) = HeaderWords::read(header) else {
            return;
        };
        let mut at = offset;
        for stripe in stripes {
            at += FRAME_ALIGNMENT;
            let (word, rest) = stripe.split_at(WORD);
            // Relaxed: the first frame's word publishes them; gap scans may look at any time, so it is an atomic.
            self.word(at).store(frame_length(word), Ordering::Relaxed);
            // SAFETY: `at` is a frame inside the term, so 28 bytes follow its word; only frame words are looked at by
            // others before the commit, and these bytes are none.
            unsafe {
                ptr::copy_nonoverlapping(rest.as_ptr(), self.frame(at).add(WORD), STRIPE - WORD);
            }
        }
        self.set_reserved(offset, reserved_value(header));
        self.store_words(offset, words);
        self.publish(offset, frame_length(header));
    }

    /// Zeroes `length` bytes (whole 32s) from `offset` on, cut at the term's end; the first frame word last, with Release.
    ///
    /// # Safety
    /// No slice of these bytes is alive, and nobody else writes them.
    pub(super) unsafe fn zero(self, offset: i32, length: i32) {
        let offset = self.masked(offset);
        let end = offset + length.clamp(0, self.length - offset);
        let mut at = offset;
        while at < end {
            if at > offset {
                // Relaxed: the first word, stored last, publishes it.
                self.word(at).store(0, Ordering::Relaxed);
            }
            // SAFETY: `at` is a frame inside the term, so 28 bytes follow its word.
            unsafe { ptr::write_bytes(self.frame(at).add(WORD), 0, STRIPE - WORD) };
            at += FRAME_ALIGNMENT;
        }
        if end > offset {
            self.publish(offset, 0);
        }
    }

    #[inline]
    fn masked(self, offset: i32) -> i32 {
        debug_assert!(
            offset % FRAME_ALIGNMENT == 0 && (0..self.length).contains(&offset),
            "frame offset {offset} in a term of {} bytes",
            self.length
        );
        offset & (self.length - FRAME_ALIGNMENT)
    }

    #[inline]
    fn frame(self, offset: i32) -> *mut u8 {
        // SAFETY: masked to less than the term's length.
        unsafe { self.base.as_ptr().add(self.masked(offset) as usize) }
    }

    #[inline]
    fn word(self, offset: i32) -> &'a AtomicI32 {
        // SAFETY: a multiple of 32 from an 8-byte boundary, inside the term, and only ever accessed as this atomic.
        unsafe { AtomicI32::from_ptr(self.frame(offset).cast()) }
    }

    #[inline]
    fn field32(self, offset: i32, at: usize) -> &'a AtomicU32 {
        // SAFETY: as `word`; `at` is the constant 4.
        unsafe { AtomicU32::from_ptr(self.frame(offset).add(at).cast()) }
    }

    #[inline]
    fn field64(self, offset: i32, at: usize) -> &'a AtomicU64 {
        // SAFETY: as `word`; `at` is 8, 16 or 24.
        unsafe { AtomicU64::from_ptr(self.frame(offset).add(at).cast()) }
    }
}
