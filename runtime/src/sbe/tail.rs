//! What follows a block: strings, bytes, and groups of entries.

use std::fmt;

use super::{Acting, Decode, Encode, Malformed, Reader, TooSmall, Writer};

/// The longest variable data of Aeron's schemas, in bytes (06 §1).
pub const VAR_DATA_LENGTH_MAX: usize = 1_073_741_824;

const LENGTH_WORD: usize = size_of::<u32>();
const GROUP_HEADER_LENGTH: usize = 2 * size_of::<u16>();

/// The type of a variable part: `&str` (US-ASCII), `&[u8]`, or a [`Group`].
///
/// Decoding borrows from the message. A length of more than [`VAR_DATA_LENGTH_MAX`] bytes, or more than 65,534 entries, has
/// an `encoded_len` of `usize::MAX`: no buffer takes it.
pub trait Tail<'a>: Copy {
    /// What a part reads as that the sender's schema version does not have.
    const ABSENT: Self;

    /// Reads the part, as the sender's schema `version` has it.
    fn read(input: &mut Reader<'a>, version: u16, field: &'static str) -> Result<Self, Malformed>;

    /// Its length in a message, length word or group header included.
    fn encoded_len(&self) -> usize;

    /// Writes it.
    fn write(&self, out: &mut Writer<'_>) -> Result<(), TooSmall>;
}

impl<'a> Tail<'a> for &'a [u8] {
    const ABSENT: Self = &[];

    fn read(input: &mut Reader<'a>, _version: u16, field: &'static str) -> Result<Self, Malformed> {
        input.data(field)
    }

    fn encoded_len(&self) -> usize {
        data_length(self.len())
    }

    fn write(&self, out: &mut Writer<'_>) -> Result<(), TooSmall> {
        out.put_length(self.len())?;
        out.put(self)
    }
}

impl<'a> Tail<'a> for &'a str {
    const ABSENT: Self = "";

    fn read(input: &mut Reader<'a>, _version: u16, field: &'static str) -> Result<Self, Malformed> {
        let bytes = input.data(field)?;
        match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => Ok(text),
            _ => Err(Malformed::NotAscii { field }),
        }
    }

    fn encoded_len(&self) -> usize {
        data_length(self.len())
    }

    fn write(&self, out: &mut Writer<'_>) -> Result<(), TooSmall> {
        out.put_length(self.len())?;
        out.put_ascii(self)
    }
}

const fn data_length(length: usize) -> usize {
    if length > VAR_DATA_LENGTH_MAX {
        usize::MAX
    } else {
        length.saturating_add(LENGTH_WORD)
    }
}

/// A repeated part of a message: entries to be sent, or entries of a received message, which are decoded as they are
/// iterated over.
///
/// A received group has been checked to its end, so that iterating can't fail.
#[derive(Clone, Copy)]
pub struct Group<'a, E> {
    source: Source<'a, E>,
}

#[derive(Clone, Copy)]
enum Source<'a, E> {
    Entries(&'a [E]),
    Received(Received<'a>),
}

#[derive(Clone, Copy)]
struct Received<'a> {
    entries: Reader<'a>,
    acting: Acting,
    left: u16,
}

impl<'a, E> From<&'a [E]> for Group<'a, E> {
    fn from(entries: &'a [E]) -> Self {
        Self {
            source: Source::Entries(entries),
        }
    }
}

impl<'a, E> Group<'a, E> {
    /// The number of entries.
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Entries(entries) => entries.len(),
            Source::Received(received) => usize::from(received.left),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries in their order, by value.
    pub const fn iter(&self) -> GroupIter<'a, E>
    where
        E: Decode<'a> + Copy,
    {
        GroupIter { group: *self }
    }
}

impl<'a, E: Decode<'a> + Copy> IntoIterator for Group<'a, E> {
    type Item = E;
    type IntoIter = GroupIter<'a, E>;

    fn into_iter(self) -> GroupIter<'a, E> {
        self.iter()
    }
}

impl<'a, E: Decode<'a> + Copy> IntoIterator for &Group<'a, E> {
    type Item = E;
    type IntoIter = GroupIter<'a, E>;

    fn into_iter(self) -> GroupIter<'a, E> {
        self.iter()
    }
}

impl<'a, E: Decode<'a> + Copy + PartialEq> PartialEq for Group<'a, E> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<'a, E: Decode<'a> + Copy + Eq> Eq for Group<'a, E> {}

impl<'a, E: Decode<'a> + Copy + fmt::Debug> fmt::Debug for Group<'a, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, E: Encode + Decode<'a> + Copy> Tail<'a> for Group<'a, E> {
    const ABSENT: Self = Self {
        source: Source::Entries(&[]),
    };

    fn read(input: &mut Reader<'a>, version: u16, field: &'static str) -> Result<Self, Malformed> {
        let block_length = u16::from_le_bytes(input.array(field)?);
        let left = u16::from_le_bytes(input.array(field)?);
        let acting = Acting {
            block_length,
            version,
        };
        let entries = Reader::new(input.rest());
        for _ in 0..left {
            E::read_body(acting, input)?;
        }
        let received = Received {
            entries,
            acting,
            left,
        };
        Ok(Self {
            source: Source::Received(received),
        })
    }

    fn encoded_len(&self) -> usize {
        // 65,535 is the SBE null of the count.
        if self.len() >= usize::from(u16::MAX) {
            return usize::MAX;
        }
        self.iter()
            .map(|entry| entry.body_len())
            .fold(GROUP_HEADER_LENGTH, usize::saturating_add)
    }

    fn write(&self, out: &mut Writer<'_>) -> Result<(), TooSmall> {
        out.put(&E::BLOCK_LENGTH.to_le_bytes())?;
        // The count fits: `encoded_len` has made `encode` refuse a longer group.
        let count = u16::try_from(self.len()).unwrap_or(u16::MAX);
        out.put(&count.to_le_bytes())?;
        self.iter().try_for_each(|entry| entry.write_body(out))
    }
}

/// The entries of a [`Group`].
#[derive(Clone)]
pub struct GroupIter<'a, E> {
    group: Group<'a, E>,
}

impl<E> fmt::Debug for GroupIter<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupIter({} left)", self.group.len())
    }
}

impl<'a, E: Decode<'a> + Copy> Iterator for GroupIter<'a, E> {
    type Item = E;

    fn next(&mut self) -> Option<E> {
        match &mut self.group.source {
            Source::Entries(entries) => {
                let (first, rest) = entries.split_first()?;
                *entries = rest;
                Some(*first)
            }
            Source::Received(received) => {
                received.left = received.left.checked_sub(1)?;
                E::read_body(received.acting, &mut received.entries).ok()
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.group.len(), Some(self.group.len()))
    }
}

impl<'a, E: Decode<'a> + Copy> ExactSizeIterator for GroupIter<'a, E> {}
