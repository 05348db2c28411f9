//! Simple Binary Encoding: the messages of archive and cluster, from a macro.
//!
//! A message is a header of 8 bytes ([`MessageHeader`]), a *block* of fixed fields, then variable parts: strings, bytes,
//! groups. Everything is little-endian and packed (06 §1, 08 §1.1). A schema is declared as what its messages hold, in the
//! order of the wire:
//!
//! ```
//! use taranis_runtime::sbe::{self, Decode as _, Message as _};
//!
//! const MUSIC: sbe::Schema = sbe::Schema { id: 7, version: 3 };
//!
//! sbe::messages! {
//!     schema MUSIC;
//!
//!     /// Asks for a song.
//!     PlayRequest<'a> = 1, block 16 {
//!         correlation_id: i64,
//!         volume: i32 = since 2 or 100,
//!         repeat: Option<bool> = since 3 or None,
//!         ;
//!         title: &'a str,
//!     }
//! }
//!
//! let request = PlayRequest { correlation_id: 5, volume: 11, repeat: None, title: "Taranis" };
//! let mut claim = [0; 64];
//! let length = request.encode(&mut claim)?;
//! assert_eq!(length, request.encoded_len());
//! assert_eq!(PlayRequest::decode(&claim)?, request);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * `= 1` is the template id; `= 1 version 4` writes another version than the schema's into the header.
//! * `block 16` is the block length, which must be the sum of the fields; `block 128 padded` may be more.
//! * `@8 field: i64` puts a field at an offset, after padding.
//! * `since 2 or 100`: a sender whose version is lower does not have the field; it then reads as 100, and so does the SBE null
//!   value. A field that is `Option` is `None` where it holds the SBE null value.
//! * After `;` come the variable parts: `&'a str` (US-ASCII), `&'a [u8]`, or `Group<'a, Entry>`, where the entry is declared with
//!   [`entries!`]. `since 2` makes one empty for older senders.
//!
//! Decoding reads by the *sender's* block length and version, so older and newer peers are understood; bytes after the end
//! are ignored. It allocates nothing and can't panic. [`enums!`] declares the enums that fields use, [`dispatch!`] an enum over
//! the messages of one stream, and every `messages!` a table `MESSAGES` of its messages ([`Row`]).
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

mod field;
mod message;
mod read;
mod schema;
mod tail;
mod write;

#[doc(inline)]
pub use crate::{
    __sbe_dispatch as dispatch, __sbe_entries as entries, __sbe_enums as enums,
    __sbe_messages as messages,
};
#[doc(hidden)]
pub use field::read_enum;
pub use field::{Field, Nullable};
pub use message::{Acting, Decode, Encode, Encoded, Message, MessageHeader, Row, Schema};
pub use read::Reader;
pub use tail::{Group, GroupIter, Tail, VAR_DATA_LENGTH_MAX};
pub use write::Writer;

/// Why bytes are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A message of another schema.
    #[error("expected schemaId={expected}, actual={actual}")]
    Schema {
        /// The id of the schema that was to be read.
        expected: u16,
        /// The id in the header.
        actual: u16,
    },
    /// Another message of the schema.
    #[error("expected templateId={expected} ({name}), actual={actual}")]
    Template {
        /// The id of the message that was to be read.
        expected: u16,
        /// Its name.
        name: &'static str,
        /// The id in the header.
        actual: u16,
    },
    /// The bytes, or the block, end too early.
    #[error("{field} needs {needed} bytes, {left} are left")]
    Truncated {
        /// The field that was to be read.
        field: &'static str,
        /// How many bytes it has.
        needed: usize,
        /// How many there are.
        left: usize,
    },
    /// An enum or a boolean holds a value without a meaning.
    #[error("{field}={value} is not one of its enum's values")]
    EnumValue {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: i32,
    },
    /// An enum or a boolean that must have a value holds the null value.
    #[error("{field} is null, but must have a value")]
    Null {
        /// The field.
        field: &'static str,
    },
    /// A string has bytes outside US-ASCII.
    #[error("{field} is not US-ASCII")]
    NotAscii {
        /// The field.
        field: &'static str,
    },
}

/// The buffer is too small for the message. Nothing useful has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {needed} bytes does not fit into a buffer of {available}")]
pub struct TooSmall {
    /// Length of the message in bytes.
    pub needed: usize,
    /// Length of the buffer in bytes.
    pub available: usize,
}
