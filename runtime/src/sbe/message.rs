//! Messages: their header, how they are encoded and decoded, and the table of them.

use std::fmt;

use super::{Field, Malformed, Reader, TooSmall, Writer};

/// A schema: what the messages of one stream or file have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The id in every message header.
    pub id: u16,
    /// The version written into message headers.
    pub version: u16,
}

/// The header before every message: 8 bytes (06 §1, 08 §1.1).
///
/// ```text
///  0       2            4          6         8
///  | block | template id | schema id | version | block …
///  | length|             |           |         |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageHeader {
    /// Length in bytes of the block of fixed fields that follows.
    pub block_length: u16,
    /// Which message of the schema follows.
    pub template_id: u16,
    /// Which schema it is from.
    pub schema_id: u16,
    /// The sender's version of the schema.
    pub version: u16,
}

impl MessageHeader {
    /// Length in bytes.
    pub const LENGTH: usize = 8;

    /// Splits a message into its header and its body.
    pub fn decode(message: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut input = Reader::new(message);
        let header = Self {
            block_length: u16::read(&mut input, "blockLength")?,
            template_id: u16::read(&mut input, "templateId")?,
            schema_id: u16::read(&mut input, "schemaId")?,
            version: u16::read(&mut input, "version")?,
        };
        Ok((header, input.rest()))
    }

    /// The header as bytes.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let [a, b] = self.block_length.to_le_bytes();
        let [c, d] = self.template_id.to_le_bytes();
        let [e, f] = self.schema_id.to_le_bytes();
        let [g, h] = self.version.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// What a decoder of the body has to know.
    pub const fn acting(self) -> Acting {
        Acting {
            block_length: self.block_length,
            version: self.version,
        }
    }

    /// Refuses a message of another schema.
    pub const fn expect_schema(self, expected: Schema) -> Result<Self, Malformed> {
        if self.schema_id == expected.id {
            Ok(self)
        } else {
            Err(Malformed::Schema {
                expected: expected.id,
                actual: self.schema_id,
            })
        }
    }
}

/// The block length and schema version that the *sender* had, by which its bytes have to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acting {
    /// Length in bytes of the block; variable parts begin after it.
    pub block_length: u16,
    /// Parts added in a later version are absent.
    pub version: u16,
}

/// A block of fixed fields with the variable parts that follow it: the body of a message, or an entry of a group.
pub trait Encode {
    /// Length in bytes of the block that is written.
    const BLOCK_LENGTH: u16;

    /// Length in bytes of the whole body.
    fn body_len(&self) -> usize;

    /// Writes the body.
    fn write_body(&self, out: &mut Writer<'_>) -> Result<(), TooSmall>;

    /// Writes the body alone to the start of `buffer`, as files hold it that have no message headers; returns its length.
    fn encode_body(&self, buffer: &mut [u8]) -> Result<usize, TooSmall> {
        let length = self.body_len();
        self.write_body(&mut Writer::new(buffer, length)?)?;
        Ok(length)
    }
}

/// The other direction of [`Encode`]. Strings, bytes and groups borrow from what is decoded.
pub trait Decode<'a>: Sized {
    /// Reads the body, leaving `input` after its last byte.
    fn read_body(acting: Acting, input: &mut Reader<'a>) -> Result<Self, Malformed>;

    /// Reads a body without its message header. Bytes after its end are ignored.
    fn decode_body(acting: Acting, body: &'a [u8]) -> Result<Self, Malformed> {
        Self::read_body(acting, &mut Reader::new(body))
    }

    /// Reads a message, which must be this one. Bytes after its end are ignored.
    fn decode(message: &'a [u8]) -> Result<Self, Malformed>
    where
        Self: Message,
    {
        let (header, body) = MessageHeader::decode(message)?;
        let header = header.expect_schema(Self::SCHEMA)?;
        if header.template_id != Self::TEMPLATE_ID {
            return Err(Malformed::Template {
                expected: Self::TEMPLATE_ID,
                name: Self::NAME,
                actual: header.template_id,
            });
        }
        Self::decode_body(header.acting(), body)
    }
}

/// A message of a schema.
pub trait Message: Encode {
    /// The schema it belongs to.
    const SCHEMA: Schema;
    /// Its id in the schema.
    const TEMPLATE_ID: u16;
    /// The version written into its header.
    const VERSION: u16;
    /// Its name in the schema, with a capital first letter.
    const NAME: &'static str;
    /// The header written before it.
    const HEADER: MessageHeader = MessageHeader {
        block_length: Self::BLOCK_LENGTH,
        template_id: Self::TEMPLATE_ID,
        schema_id: Self::SCHEMA.id,
        version: Self::VERSION,
    };

    /// Length in bytes, message header included: what to claim.
    fn encoded_len(&self) -> usize {
        self.body_len().saturating_add(MessageHeader::LENGTH)
    }

    /// Writes header and body to the start of `buffer`, and returns [`encoded_len`](Self::encoded_len).
    fn encode(&self, buffer: &mut [u8]) -> Result<usize, TooSmall> {
        let length = self.encoded_len();
        let mut out = Writer::new(buffer, length)?;
        out.put(&Self::HEADER.to_bytes())?;
        self.write_body(&mut out)?;
        Ok(length)
    }

    /// Header and body in a vector of their own: for what is sent now and then. Empty when a variable part is longer than its
    /// length field can say.
    fn to_vec(&self) -> Vec<u8> {
        let mut buffer = vec![0; self.encoded_len()];
        let length = self.encode(&mut buffer).unwrap_or(0);
        buffer.truncate(length);
        buffer
    }
}

/// What encoding a message gave: its length, or that the buffer was too small.
pub type Encoded = Result<usize, TooSmall>;

/// A row of the table of messages: what [`messages!`](super::messages) lists of each message in its constant `MESSAGES`, for
/// whoever treats all messages alike: tests, fuzz targets, tools that print.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The message's name in the schema, with a capital first letter.
    pub name: &'static str,
    /// The header that is written before it.
    pub header: MessageHeader,
    /// Decodes a message and encodes it again, as this version writes it; returns the length.
    pub recode: fn(&[u8], &mut [u8]) -> Result<Encoded, Malformed>,
    /// Decodes a message and prints it.
    pub print: fn(&[u8], &mut dyn fmt::Write) -> Result<fmt::Result, Malformed>,
}
