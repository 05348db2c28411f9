//! Reading forwards over received bytes. Nothing here can panic, whatever the bytes are.

use super::Malformed;

/// A cursor over the bytes of a message or of one of its blocks.
///
/// Every read names the field it is for, so that an error says where the bytes ended.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the first of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            length: bytes.len(),
        }
    }

    /// Takes the next `length` bytes.
    pub const fn take(
        &mut self,
        length: usize,
        field: &'static str,
    ) -> Result<&'a [u8], Malformed> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(Malformed::Truncated {
                field,
                needed: length,
                left: self.rest.len(),
            });
        };
        self.rest = rest;
        Ok(taken)
    }

    /// Takes the next `N` bytes as an array.
    pub const fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], Malformed> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(Malformed::Truncated {
                field,
                needed: N,
                left: self.rest.len(),
            });
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// Skips padding, up to `offset` bytes from where this reader began.
    pub const fn skip_to(&mut self, offset: usize, field: &'static str) -> Result<(), Malformed> {
        match self.take(offset.saturating_sub(self.consumed()), field) {
            Ok(_) => Ok(()),
            Err(malformed) => Err(malformed),
        }
    }

    /// Takes the next `length` bytes as a block of fixed fields, with a reader of its own: fields past the end of the block
    /// are missing even where more bytes follow, and bytes of the block that nobody reads are skipped.
    pub fn block(&mut self, length: u16) -> Result<Self, Malformed> {
        Ok(Self::new(self.take(usize::from(length), "block")?))
    }

    /// Takes variable data: a `u32` length, then that many bytes.
    pub fn data(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let length = u32::from_le_bytes(self.array(field)?);
        // On a 16-bit machine the length might not fit; then it is certainly more than is left.
        self.take(usize::try_from(length).unwrap_or(usize::MAX), field)
    }

    /// How many bytes have been taken.
    pub const fn consumed(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    /// The bytes not yet taken.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}
