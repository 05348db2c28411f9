//! RES: name-resolution gossip between drivers (03 §1.10, §8.3).
//!
//! ```text
//!  +---------------------------------------------------------------+
//!  |                     base header (type 0x07)                   |  0
//!  +---------------------------------------------------------------+  8: entries, each padded to a multiple of 8
//!
//!  an entry (IPv4; with IPv6 the address has 16 bytes)
//!  +---------------+---------------+-------------------------------+
//!  |   type 1 | 2  |   flags u8    |         udp_port u16          |  0
//!  +---------------+---------------+-------------------------------+
//!  |                          age_in_ms i32                        |  4
//!  +---------------------------------------------------------------+
//!  |                    address (network order)                    |  8
//!  +-------------------------------+-------------------------------+
//!  |        name_length i16        |       name (no NUL)          ... 12, 14   (IPv6: 24, 26)
//! ```
//!
//! The port is little-endian like every other field; the address alone is in network order.

use super::fields::{i8_at, i16_at, i32_at, put_i16, put_i32, put_u8, put_u16, u8_at, u16_at};
use super::header::{BaseHeader, FrameType, Invalid, TOO_SMALL_TO_ENCODE};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const RES_TYPE: usize = 0;
const RES_FLAGS: usize = 1;
const UDP_PORT: usize = 2;
const AGE_IN_MS: usize = 4;
const ADDRESS: usize = 8;
const NAME_LENGTH_V4: usize = 12;
const NAME_LENGTH_V6: usize = 24;

const ENTRY_HEADER_V4: usize = 14;
const ENTRY_HEADER_V6: usize = 26;
const ENTRY_ALIGNMENT: usize = 8;

const TYPE_NAME_TO_IP4: i8 = 1;
const TYPE_NAME_TO_IP6: i8 = 2;

const _: () = assert!(ADDRESS + 4 == NAME_LENGTH_V4 && NAME_LENGTH_V4 + 2 == ENTRY_HEADER_V4);
const _: () = assert!(ADDRESS + 16 == NAME_LENGTH_V6 && NAME_LENGTH_V6 + 2 == ENTRY_HEADER_V6);

/// The longest name Java takes, and so the longest that is written.
const MAX_NAME_LENGTH: usize = 512;

/// A resolution frame; its entries are checked as they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolution<'a> {
    entries: &'a [u8],
}

impl<'a> Resolution<'a> {
    /// Bytes before the entries.
    pub const HEADER_LENGTH: usize = BaseHeader::LENGTH;
    /// The shortest frame: a header and an IPv4 entry without a name.
    pub const MIN_LENGTH: usize = 22;

    /// Reads the frame.
    ///
    /// # Errors
    /// Not a resolution frame, shorter than 22 bytes, or claiming more bytes than the packet has.
    pub fn decode(packet: &'a [u8]) -> Result<Self, Invalid> {
        Self::from_packet(
            BaseHeader::decode_as(packet, FrameType::Resolution)?,
            packet,
        )
    }

    pub(super) fn from_packet(base: BaseHeader, packet: &'a [u8]) -> Result<Self, Invalid> {
        if packet.len() < Self::MIN_LENGTH {
            return Err(Invalid::because("a resolution frame has at least 22 bytes"));
        }
        base.within(packet)?;
        let end = usize::try_from(base.frame_length).unwrap_or(0);
        match packet.get(Self::HEADER_LENGTH..end) {
            Some(entries) => Ok(Self { entries }),
            None => Err(Invalid::because(
                "a resolution frame's length covers its header",
            )),
        }
    }

    /// The entries, until the first that is broken.
    #[must_use]
    pub const fn entries(&self) -> Entries<'a> {
        Entries { rest: self.entries }
    }
}

/// One name and its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolutionEntry<'a> {
    /// Is this the sending driver's own name?
    pub is_self: bool,
    /// Port of the driver's resolver.
    pub udp_port: u16,
    /// Time since the sending driver last heard of this name.
    pub age_in_ms: i32,
    /// Its address.
    pub address: IpAddr,
    /// The name. Not known to be UTF-8.
    pub name: &'a [u8],
}

impl ResolutionEntry<'_> {
    /// The entry describes the driver that sends it.
    pub const FLAG_SELF: u8 = 0x80;

    /// Bytes of the entry in a frame, padding included.
    #[must_use]
    pub const fn encoded_length(&self) -> usize {
        let header = match self.address {
            IpAddr::V4(_) => ENTRY_HEADER_V4,
            IpAddr::V6(_) => ENTRY_HEADER_V6,
        };
        header
            .saturating_add(self.name.len())
            .next_multiple_of(ENTRY_ALIGNMENT)
    }

    /// Writes the entry over the whole of `out`, which has [`encoded_length`](Self::encoded_length) bytes.
    fn put(&self, out: &mut [u8]) -> Result<(), Invalid> {
        if self.name.len() > MAX_NAME_LENGTH {
            return Err(Invalid::because(
                "a resolution entry's name has at most 512 bytes",
            ));
        }
        let name_length = i16::try_from(self.name.len()).unwrap_or(i16::MAX);
        out.fill(0);
        let name = match self.address {
            IpAddr::V4(address) => {
                let (header, rest) = out
                    .split_first_chunk_mut::<ENTRY_HEADER_V4>()
                    .ok_or(TOO_SMALL_TO_ENCODE)?;
                self.put_fixed(header, TYPE_NAME_TO_IP4.unsigned_abs());
                put_bytes::<ADDRESS, 4, _>(header, address.octets());
                put_i16::<NAME_LENGTH_V4, _>(header, name_length);
                rest
            }
            IpAddr::V6(address) => {
                let (header, rest) = out
                    .split_first_chunk_mut::<ENTRY_HEADER_V6>()
                    .ok_or(TOO_SMALL_TO_ENCODE)?;
                self.put_fixed(header, TYPE_NAME_TO_IP6.unsigned_abs());
                put_bytes::<ADDRESS, 16, _>(header, address.octets());
                put_i16::<NAME_LENGTH_V6, _>(header, name_length);
                rest
            }
        };
        name.get_mut(..self.name.len())
            .ok_or(TOO_SMALL_TO_ENCODE)?
            .copy_from_slice(self.name);
        Ok(())
    }

    fn put_fixed<const N: usize>(&self, header: &mut [u8; N], res_type: u8) {
        put_u8::<RES_TYPE, N>(header, res_type);
        put_u8::<RES_FLAGS, N>(header, if self.is_self { Self::FLAG_SELF } else { 0 });
        put_u16::<UDP_PORT, N>(header, self.udp_port);
        put_i32::<AGE_IN_MS, N>(header, self.age_in_ms);
    }
}

/// Why the rest of a resolution frame is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The entry does not fit: counted in "Invalid packets".
    #[error(transparent)]
    Invalid(Invalid),
    /// Another type of address: logged.
    #[error("Invalid res type on entry: {res_type}; types are 1 (IPv4) and 2 (IPv6)")]
    UnknownType {
        /// The type found.
        res_type: i8,
    },
}

/// The entries of a resolution frame; ends after the first fault.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    fn read(rest: &'a [u8]) -> Result<(ResolutionEntry<'a>, &'a [u8]), EntryFault> {
        const TRUNCATED: EntryFault =
            EntryFault::Invalid(Invalid::because("a resolution entry ends inside its frame"));
        let fixed = rest.first_chunk::<ENTRY_HEADER_V4>().ok_or(TRUNCATED)?;
        let (address, name_length, header_length) = match i8_at::<RES_TYPE, _>(fixed) {
            TYPE_NAME_TO_IP4 => {
                let address = Ipv4Addr::from(bytes_at::<ADDRESS, 4, _>(fixed));
                (
                    IpAddr::V4(address),
                    i16_at::<NAME_LENGTH_V4, _>(fixed),
                    ENTRY_HEADER_V4,
                )
            }
            TYPE_NAME_TO_IP6 => {
                let header = rest.first_chunk::<ENTRY_HEADER_V6>().ok_or(TRUNCATED)?;
                let address = Ipv6Addr::from(bytes_at::<ADDRESS, 16, _>(header));
                (
                    IpAddr::V6(address),
                    i16_at::<NAME_LENGTH_V6, _>(header),
                    ENTRY_HEADER_V6,
                )
            }
            res_type => return Err(EntryFault::UnknownType { res_type }),
        };
        let Ok(name_length) = usize::try_from(name_length) else {
            return Err(EntryFault::Invalid(Invalid::because(
                "a resolution entry's name length is not negative",
            )));
        };
        let name = rest
            .get(header_length..)
            .and_then(|tail| tail.get(..name_length))
            .ok_or(TRUNCATED)?;
        let entry = ResolutionEntry {
            is_self: u8_at::<RES_FLAGS, _>(fixed) & ResolutionEntry::FLAG_SELF != 0,
            udp_port: u16_at::<UDP_PORT, _>(fixed),
            age_in_ms: i32_at::<AGE_IN_MS, _>(fixed),
            address,
            name,
        };
        let after = rest.get(entry.encoded_length()..).ok_or(TRUNCATED)?;
        Ok((entry, after))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<ResolutionEntry<'a>, EntryFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match Self::read(self.rest) {
            Ok((entry, after)) => {
                self.rest = after;
                Some(Ok(entry))
            }
            Err(fault) => {
                self.rest = &[];
                Some(Err(fault))
            }
        }
    }
}

/// Packs entries into one resolution frame.
#[derive(Debug)]
pub struct ResolutionWriter<'a> {
    out: &'a mut [u8],
    length: usize,
}

impl<'a> ResolutionWriter<'a> {
    /// Starts a frame at the start of `out`, whose length (the MTU) is the limit of the frame.
    #[must_use]
    pub const fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            length: Resolution::HEADER_LENGTH,
        }
    }

    /// Adds an entry; `Ok(false)` says that it does not fit any more and belongs in the next frame.
    ///
    /// # Errors
    /// A name longer than 512 bytes.
    pub fn add(&mut self, entry: &ResolutionEntry<'_>) -> Result<bool, Invalid> {
        let end = self.length.saturating_add(entry.encoded_length());
        let Some(place) = self.out.get_mut(self.length..end) else {
            return Ok(false);
        };
        entry.put(place)?;
        self.length = end;
        Ok(true)
    }

    /// Writes the header and says how many bytes the frame has.
    ///
    /// # Errors
    /// No entry was added: an empty resolution frame is refused by every peer.
    pub fn finish(self) -> Result<usize, Invalid> {
        if self.length == Resolution::HEADER_LENGTH {
            return Err(Invalid::because(
                "a resolution frame has at least one entry",
            ));
        }
        let Ok(frame_length) = i32::try_from(self.length) else {
            return Err(Invalid::because("a resolution frame fits a datagram"));
        };
        let header = self
            .out
            .first_chunk_mut::<{ BaseHeader::LENGTH }>()
            .ok_or(TOO_SMALL_TO_ENCODE)?;
        BaseHeader {
            frame_length,
            flags: 0,
            frame_type: FrameType::Resolution,
        }
        .put(header);
        Ok(self.length)
    }
}

fn bytes_at<const AT: usize, const L: usize, const N: usize>(entry: &[u8; N]) -> [u8; L] {
    const { assert!(AT.saturating_add(L) <= N, "the field ends beyond its entry") };
    entry
        .get(AT..)
        .and_then(<[u8]>::first_chunk)
        .copied()
        .unwrap_or([0; L])
}

fn put_bytes<const AT: usize, const L: usize, const N: usize>(entry: &mut [u8; N], value: [u8; L]) {
    const { assert!(AT.saturating_add(L) <= N, "the field ends beyond its entry") };
    if let Some(bytes) = entry.get_mut(AT..).and_then(<[u8]>::first_chunk_mut) {
        *bytes = value;
    }
}
