//! Reading and writing the fields of a message: little-endian, packed, strings as an i32 length and their bytes.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

/// A message too short for its fixed part or for a length it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} does not fit: a message of {len} bytes, read up to {at}")]
pub struct Malformed {
    /// The field that could not be read.
    pub field: &'static str,
    /// Where it begins.
    pub at: usize,
    /// Length of the message in bytes.
    pub len: usize,
}

/// A buffer too short for the message to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {need} bytes does not fit into a buffer of {len}")]
pub struct BufferTooShort {
    /// Length of the message in bytes.
    pub need: usize,
    /// Length of the buffer in bytes.
    pub len: usize,
}

/// Reads the fields of one message in order. What follows the last field read is ignored, as Aeron does.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn i64(&mut self, field: &'static str) -> Result<i64, Malformed> {
        Ok(i64::from_le_bytes(self.array(field)?))
    }

    pub(super) fn i32(&mut self, field: &'static str) -> Result<i32, Malformed> {
        Ok(i32::from_le_bytes(self.array(field)?))
    }

    pub(super) fn i16(&mut self, field: &'static str) -> Result<i16, Malformed> {
        Ok(i16::from_le_bytes(self.array(field)?))
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], Malformed> {
        let (array, _) = self
            .rest()
            .split_first_chunk::<N>()
            .ok_or_else(|| self.malformed(field))?;
        self.at = self.at.saturating_add(N);
        Ok(*array)
    }

    /// An i32 length and that many bytes.
    pub(super) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], Malformed> {
        let malformed = self.malformed(field);
        let len = usize::try_from(self.i32(field)?).map_err(|_| malformed)?;
        let (bytes, _) = self.rest().split_at_checked(len).ok_or(malformed)?;
        self.at = self.at.saturating_add(len);
        Ok(bytes)
    }

    /// As [`Self::bytes`], and the bytes are UTF-8 (Aeron's are ASCII).
    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, Malformed> {
        let malformed = self.malformed(field);
        std::str::from_utf8(self.bytes(field)?).map_err(|_| malformed)
    }

    /// Steps to the next multiple of 4; what is missing there shows when the next field is read.
    pub(super) fn align4(&mut self) {
        self.at = self.at.next_multiple_of(4);
    }

    /// Whether every byte was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn malformed(&self, field: &'static str) -> Malformed {
        Malformed {
            field,
            at: self.at,
            len: self.bytes.len(),
        }
    }
}

/// Writes the fields of one message in order, into a buffer known to be long enough (see [`Writer::new`]).
pub(super) struct Writer<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    /// Starts a message of `need` bytes in `bytes`; those it leaves out (alignment, padding) are 0.
    pub(super) fn new(bytes: &'a mut [u8], need: usize) -> Result<Self, BufferTooShort> {
        let len = bytes.len();
        let bytes = bytes.get_mut(..need).ok_or(BufferTooShort { need, len })?;
        bytes.fill(0);
        Ok(Self { bytes, at: 0 })
    }

    pub(super) fn i64(mut self, value: i64) -> Self {
        self.put(&value.to_le_bytes());
        self
    }

    pub(super) fn i32(mut self, value: i32) -> Self {
        self.put(&value.to_le_bytes());
        self
    }

    pub(super) fn i16(mut self, value: i16) -> Self {
        self.put(&value.to_le_bytes());
        self
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.put(&value.to_le_bytes());
        self
    }

    pub(super) fn raw(mut self, value: &[u8]) -> Self {
        self.put(value);
        self
    }

    /// An i32 length and the bytes. Longer ones than an i32 can say don't fit any ring.
    pub(super) fn bytes(self, value: &[u8]) -> Self {
        let len = i32::try_from(value.len()).unwrap_or(i32::MAX);
        self.i32(len).raw(value)
    }

    pub(super) fn align4(mut self) -> Self {
        self.at = self.at.next_multiple_of(4);
        self
    }

    fn put(&mut self, value: &[u8]) {
        let end = self.at.saturating_add(value.len());
        debug_assert!(end <= self.bytes.len(), "encoded_len counts every field");
        if let Some(to) = self.bytes.get_mut(self.at..end) {
            to.copy_from_slice(value);
        }
        self.at = end;
    }
}

/// `len` rounded up to the next multiple of 4.
pub(super) const fn aligned4(len: usize) -> usize {
    len.next_multiple_of(4)
}
