//! One test for all messages: real Aeron's bytes against the table that [`messages!`](crate::sbe::messages) makes.
//!
//! A [`Vector`] is a message as Aeron's own codecs encode it, with its fields in the words of Rust's derived `Debug`. The checks
//! walk all of them: read and written again, cut off at every length, from a newer sender, with each bit flipped.
//!
//! # Panics
//! Every function here panics when what it checks does not hold: it is called by tests.

use std::time::Duration;

use super::peer::{Peer, PeerError};
use crate::sbe::{MessageHeader, Row};

/// How long an answer of Aeron's codecs may take.
const ANSWER: Duration = Duration::from_secs(60);

/// A message as Aeron encodes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// The message's name, with a capital first letter.
    pub name: String,
    /// Header and body.
    pub bytes: Vec<u8>,
    /// Its fields and their values.
    pub text: String,
}

/// Reads a line `name hex text`.
pub fn vector(line: &str) -> Vector {
    let mut words = line.splitn(3, ' ');
    let (Some(name), Some(hex), Some(text)) = (words.next(), words.next(), words.next()) else {
        panic!("expected `name hex text`, got {line:?}");
    };
    Vector {
        name: name.to_owned(),
        bytes: bytes(hex),
        text: text.to_owned(),
    }
}

/// Reads a file of vectors.
pub fn vectors(lines: &str) -> Vec<Vector> {
    lines.lines().map(vector).collect()
}

/// The file that [`vectors`] reads.
pub fn lines(vectors: &[Vector]) -> String {
    vectors
        .iter()
        .map(|it| format!("{} {} {}\n", it.name, hex(&it.bytes), it.text))
        .collect()
}

/// Reads hexadecimal digits.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    hex.as_bytes()
        .chunks(2)
        .map(|pair| {
            let value = pair
                .iter()
                .try_fold(0, |value, byte| Some(value * 16 + digit(byte)?));
            match value.map(u8::try_from) {
                Some(Ok(byte)) => byte,
                _ => panic!("{hex:?} is not a row of hexadecimal bytes"),
            }
        })
        .collect()
}

/// Writes hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The row of the message that `bytes` begin with.
pub fn row<'r>(table: &'r [Row], bytes: &[u8]) -> Option<&'r Row> {
    let (header, _) = MessageHeader::decode(bytes).ok()?;
    table.iter().find(|row| {
        (row.header.schema_id, row.header.template_id) == (header.schema_id, header.template_id)
    })
}

/// The message's fields and values as vectors have them: `Debug` without `Some(…)` and without the names of groups' entries.
/// `None` if the bytes are malformed.
pub fn text(row: &Row, bytes: &[u8]) -> Option<String> {
    let mut debug = String::new();
    assert!((row.print)(bytes, &mut debug).ok()?.is_ok());
    let mut text = debug.replace("Some(", "").replace(')', "");
    while let Some((start, end)) = entry_name(&text) {
        text.replace_range(start..end, "");
    }
    Some(text)
}

/// Where the first name of a group's entry stands, with the space after it.
fn entry_name(text: &str) -> Option<(usize, usize)> {
    text.match_indices(" {").skip(1).find_map(|(brace, _)| {
        let before = &text[..brace];
        let start = before.rfind([' ', '['])? + 1;
        let named = text[start..brace]
            .bytes()
            .all(|it| it.is_ascii_alphanumeric());
        (start < brace && named).then_some((start, brace + 1))
    })
}

/// Decodes and encodes again. `None` if the bytes are malformed.
pub fn recode(row: &Row, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = vec![0xEE; bytes.len() + 1024];
    let length = match (row.recode)(bytes, &mut buffer).ok()? {
        Ok(length) => length,
        Err(too_small) => panic!("{}: {too_small}", row.name),
    };
    buffer.truncate(length);
    Some(buffer)
}

/// Every message has a vector and every vector a message.
pub fn check_complete(table: &[Row], vectors: &[Vector]) {
    for row in table {
        let known = vectors.iter().any(|vector| {
            MessageHeader::decode(&vector.bytes).is_ok_and(|(header, _)| header == row.header)
        });
        assert!(
            known,
            "Aeron has no {} with header {:?}",
            row.name, row.header
        );
    }
    for vector in vectors {
        let row = row(table, &vector.bytes);
        assert!(
            row.is_some_and(|row| row.name == vector.name),
            "{} is not declared",
            vector.name
        );
    }
}

/// What Aeron wrote reads as it was meant, and is written as Aeron writes it.
pub fn check_both_ways(table: &[Row], vectors: &[Vector]) {
    for_each(table, vectors, |row, vector| {
        assert_eq!(text(row, &vector.bytes).as_ref(), Some(&vector.text));
        let again = recode(row, &vector.bytes).map(|bytes| hex(&bytes));
        assert_eq!(again, Some(hex(&vector.bytes)), "{}", vector.name);
    });
}

/// A message that lost its end is refused, at every length.
pub fn check_cut_off(table: &[Row], vectors: &[Vector]) {
    for_each(table, vectors, |row, vector| {
        for end in 0..vector.bytes.len() {
            let cut = text(row, &vector.bytes[..end]);
            assert_eq!(cut, None, "{} cut off at {end}", vector.name);
        }
    });
}

/// A newer sender's longer block and further variable parts do no harm.
pub fn check_newer_sender(table: &[Row], vectors: &[Vector]) {
    for_each(table, vectors, |row, vector| {
        let mut newer = vector.bytes.clone();
        let block_end = MessageHeader::LENGTH + usize::from(row.header.block_length);
        newer.splice(block_end..block_end, *b"new field");
        newer.extend(*b"\x03\x00\x00\x00new");
        let header = MessageHeader {
            block_length: row.header.block_length + 9,
            version: row.header.version + 1,
            ..row.header
        };
        newer[..MessageHeader::LENGTH].copy_from_slice(&header.to_bytes());
        assert_eq!(text(row, &newer).as_ref(), Some(&vector.text));
    });
}

/// An older sender's version number alone never makes a decoder fail or read past the message.
pub fn check_older_version(table: &[Row], vectors: &[Vector]) {
    for_each(table, vectors, |row, vector| {
        for version in 0..row.header.version {
            let mut older = vector.bytes.clone();
            older[6..8].copy_from_slice(&version.to_le_bytes());
            assert!(text(row, &older).is_some(), "{} v{version}", vector.name);
        }
    });
}

/// Whatever bit is flipped: the message is refused, or it is one that can be written and read again.
pub fn check_bit_flips(table: &[Row], vectors: &[Vector]) {
    for_each(table, vectors, |_, vector| {
        for bit in 0..vector.bytes.len() * 8 {
            let mut flipped = vector.bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            check_any(table, &flipped);
        }
    });
}

/// Whatever follows a header that is right: the same.
pub fn check_noise(table: &[Row]) {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for row in table {
        for length in 0..300 {
            let mut noise = row.header.to_bytes().to_vec();
            for _ in 0..length {
                // A xorshift generator: every run has the same noise. Half of it is zeroes, so that lengths are often short.
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let [byte, coin, ..] = random.to_le_bytes();
                noise.push(if coin < 128 { 0 } else { byte });
            }
            check_any(table, &noise);
        }
    }
}

/// The same for bytes of any kind; also the body of a fuzz target.
pub fn check_any(table: &[Row], bytes: &[u8]) {
    let Some(row) = row(table, bytes) else { return };
    let Some(read) = text(row, bytes) else { return };
    let Some(again) = recode(row, bytes) else {
        panic!("{} can be printed but not recoded", row.name);
    };
    assert_eq!(text(row, &again), Some(read));
}

/// Asks `SbeCodecs.java` for Aeron's encoding of every message: variant 0 has something in every field, in variant 1 all that
/// is variable is empty.
pub fn samples(aeron: &mut Peer, variant: u32) -> Result<Vec<Vector>, PeerError> {
    aeron.send(&format!("samples {variant}"))?;
    let mut samples = Vec::new();
    loop {
        let line = aeron.line(ANSWER)?;
        if line == "END" {
            return Ok(samples);
        }
        samples.push(vector(&line));
    }
}

/// Changes bytes of each block in turn: Aeron reads from what we write the values that we do, or refuses it as we do.
pub fn check_against(aeron: &mut Peer, table: &[Row], vectors: &[Vector]) -> Result<(), PeerError> {
    for vector in vectors {
        let Some(row) = row(table, &vector.bytes) else {
            panic!("{} is not declared", vector.name);
        };
        let block = usize::from(row.header.block_length);
        // Steps of 3 reach every field, and within enums the bytes that make them meaningless.
        for at in (MessageHeader::LENGTH..).step_by(3).take(block.div_ceil(3)) {
            let mut changed = vector.bytes.clone();
            changed[at] ^= 0x5A;
            let ours = text(row, &changed);
            let sent = recode(row, &changed).unwrap_or(changed);
            aeron.send(&format!("decode {}", hex(&sent)))?;
            let answer = aeron.line(ANSWER)?;
            let Some(text) = ours else {
                let name = &vector.name;
                assert!(answer.starts_with("ERROR"), "{name} at {at}: {answer}");
                continue;
            };
            let theirs = self::vector(&answer);
            assert_eq!(theirs.text, text, "changed at {at}");
            assert_eq!(hex(&theirs.bytes), hex(&sent), "changed at {at}");
        }
    }
    Ok(())
}

fn for_each(table: &[Row], vectors: &[Vector], check: impl Fn(&Row, &Vector)) {
    assert!(!vectors.is_empty(), "there is nothing to check");
    for vector in vectors {
        match row(table, &vector.bytes) {
            Some(row) => check(row, vector),
            None => panic!("{} is not declared", vector.name),
        }
    }
}
