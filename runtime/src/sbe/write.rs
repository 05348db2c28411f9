//! Writing forwards into a claimed buffer.

use super::TooSmall;

/// A cursor over a buffer that a message is written into.
///
/// Every byte up to the end of the message gets written, padding too: a claimed buffer may hold an older message.
#[derive(Debug)]
pub struct Writer<'b> {
    rest: &'b mut [u8],
    length: usize,
    refusal: TooSmall,
}

impl<'b> Writer<'b> {
    /// A writer of `needed` bytes at the start of `buffer`, or the refusal if they don't fit.
    pub fn new(buffer: &'b mut [u8], needed: usize) -> Result<Self, TooSmall> {
        let refusal = TooSmall {
            needed,
            available: buffer.len(),
        };
        let rest = buffer.get_mut(..needed).ok_or(refusal)?;
        Ok(Self {
            length: rest.len(),
            rest,
            refusal,
        })
    }

    /// Writes `bytes`.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), TooSmall> {
        self.advance(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes `text` with each byte outside US-ASCII replaced by `?`, as Aeron's writers do with each such character
    /// (06 §1 rule 3).
    pub fn put_ascii(&mut self, text: &str) -> Result<(), TooSmall> {
        let target = self.advance(text.len())?;
        target.copy_from_slice(text.as_bytes());
        if !text.is_ascii() {
            for byte in target.iter_mut().filter(|byte| !byte.is_ascii()) {
                *byte = b'?';
            }
        }
        Ok(())
    }

    /// Writes the length word of variable data.
    pub fn put_length(&mut self, length: usize) -> Result<(), TooSmall> {
        let length = u32::try_from(length).map_err(|_| self.refusal)?;
        self.put(&length.to_le_bytes())
    }

    /// Writes zeroes up to `offset` bytes from where this writer began.
    pub fn zero_to(&mut self, offset: usize) -> Result<(), TooSmall> {
        let written = self.length.saturating_sub(self.rest.len());
        self.advance(offset.saturating_sub(written))?.fill(0);
        Ok(())
    }

    /// Writes zeroes to the end.
    pub fn zero_rest(&mut self) {
        self.rest.fill(0);
        self.rest = &mut [];
    }

    /// Takes the next `length` bytes as a block, with a writer of its own.
    pub fn block(&mut self, length: u16) -> Result<Self, TooSmall> {
        let refusal = self.refusal;
        let block = self.advance(usize::from(length))?;
        Ok(Self {
            length: block.len(),
            rest: block,
            refusal,
        })
    }

    fn advance(&mut self, length: usize) -> Result<&'b mut [u8], TooSmall> {
        let rest = std::mem::take(&mut self.rest);
        let (next, rest) = rest.split_at_mut_checked(length).ok_or(self.refusal)?;
        self.rest = rest;
        Ok(next)
    }
}
