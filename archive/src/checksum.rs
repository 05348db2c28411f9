//! The checksums of recorded frames and of catalog entries (06 §3.2, §3.1).

use taranis_runtime::config::Setting;

/// A checksum that Aeron's archive knows, with the start value and the finish of `java.util.zip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The polynomial of zlib.
    Crc32,
    /// Castagnoli's polynomial, which processors have an instruction for.
    Crc32c,
}

impl Checksum {
    /// The checksum of bytes, as the signed number that Aeron stores.
    pub fn of(self, bytes: &[u8]) -> i32 {
        match self {
            Self::Crc32 => crc32fast::hash(bytes).cast_signed(),
            Self::Crc32c => crc32c::crc32c(bytes).cast_signed(),
        }
    }
}

/// The names that Aeron's tools accept: `CRC-32`, `CRC-32C`, and the names of its classes (07 §10).
impl Setting for Checksum {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "CRC-32" | "io.aeron.archive.checksum.Crc32" | "org.agrona.checksum.Crc32" => {
                Some(Self::Crc32)
            }
            "CRC-32C" | "io.aeron.archive.checksum.Crc32c" | "org.agrona.checksum.Crc32c" => {
                Some(Self::Crc32c)
            }
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Crc32 => "CRC-32",
            Self::Crc32c => "CRC-32C",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRC algorithms.
    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(
            Checksum::Crc32.of(b"123456789"),
            0xCBF4_3926_u32.cast_signed()
        );
        assert_eq!(
            Checksum::Crc32c.of(b"123456789"),
            0xE306_9283_u32.cast_signed()
        );
        for checksum in [Checksum::Crc32, Checksum::Crc32c] {
            assert_eq!(Checksum::parse(&checksum.show()), Some(checksum));
        }
        assert_eq!(Checksum::parse("crc"), None);
    }
}
