//! Naming a part of a region, and what is said when there is no such part.

use super::region::Region;

/// Some bytes of a region, by name: what is handed to the kernel instead of a borrowed buffer. Keeps the region alive.
#[derive(Clone, Debug)]
pub struct Span {
    pub(super) region: Region,
    pub(super) offset: usize,
    pub(super) len: usize,
}

impl Span {
    /// The region the bytes lie in.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// First byte, from the region's start.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Length in bytes; may be 0.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the span names no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of the first byte, for the kernel.
    pub fn as_ptr(&self) -> *mut u8 {
        // SAFETY: offset + len <= region.len() since construction; one past the end is allowed for an empty span.
        unsafe { self.region.as_ptr().add(self.offset) }
    }

    /// Copies the bytes out (see [`Region::read`]).
    ///
    /// # Panics
    /// When `into` is longer than the span.
    pub fn read(&self, into: &mut [u8]) {
        assert!(
            into.len() <= self.len,
            "read of {} bytes from a span of {}",
            into.len(),
            self.len
        );
        self.region
            .read(self.offset, into)
            .expect("a span lies inside its region");
    }

    /// Copies bytes in (see [`Region::write`]).
    ///
    /// # Panics
    /// When `from` is longer than the span.
    pub fn write(&self, from: &[u8]) {
        assert!(
            from.len() <= self.len,
            "write of {} bytes into a span of {}",
            from.len(),
            self.len
        );
        self.region
            .write(self.offset, from)
            .expect("a span lies inside its region");
    }
}

/// An access that does not lie inside its region, or off its alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{len} bytes at offset {offset} (aligned to {alignment}) do not lie inside a region of {region_len} bytes"
)]
pub struct OutOfRegion {
    /// First byte asked for.
    pub offset: usize,
    /// Number of bytes asked for.
    pub len: usize,
    /// Alignment the offset must have.
    pub alignment: usize,
    /// Length of the region.
    pub region_len: usize,
}

impl OutOfRegion {
    /// Whether `len` bytes at `offset` lie inside a region of `region_len` bytes, on the alignment.
    ///
    /// A region's base is page aligned or a part's 8-byte boundary, so an aligned offset is an aligned address. Only an
    /// access without alignment may be empty.
    pub(super) fn check(
        offset: usize,
        len: usize,
        alignment: usize,
        region_len: usize,
    ) -> Result<(), Self> {
        let inside = offset.checked_add(len).is_some_and(|end| end <= region_len);
        if inside && offset.is_multiple_of(alignment) && (len > 0 || alignment == 1) {
            return Ok(());
        }
        Err(Self {
            offset,
            len,
            alignment,
            region_len,
        })
    }
}
