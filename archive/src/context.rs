//! Settings of the archive (07 §2, §12).

use std::path::PathBuf;

use taranis_runtime::{
    config::{Bytes, ConfigError, Setting},
    io::{Durability, FileAccess},
    settings,
};

use crate::{
    catalog::layout::{CAPACITY_MAX, CAPACITY_MIN},
    checksum::Checksum,
    segment::{SEGMENT_LENGTH_MAX, SEGMENT_LENGTH_MIN},
};

settings! {
    /// What an archive may choose for what it keeps on disk.
    pub struct Context {
        /// Directory of the catalog, the segment files and, unless it has one of its own, the mark file.
        pub dir: PathBuf = "aeron-archive", env "AERON_ARCHIVE_DIR", allowed "a path";
        /// Length of the segment files of new recordings; one with longer terms has files of a term's length.
        pub segment_file_length: Bytes = "128m", env "AERON_ARCHIVE_SEGMENT_FILE_LENGTH",
            allowed "a power of two from 64k to 1g" if |v: &Bytes| v.0.is_power_of_two()
                && (SEGMENT_LENGTH_MIN.into()..=SEGMENT_LENGTH_MAX.into()).contains(&v.0);
        /// Most bytes of one buffered write, and of one read of a replay.
        pub file_io_max_length: Bytes = "1m", env "AERON_ARCHIVE_FILE_IO_MAX_LENGTH",
            allowed "a power of two from 64k to 1g" if |v: &Bytes| v.0.is_power_of_two()
                && (65_536..=1 << 30).contains(&v.0);
        /// When recorded bytes count as recorded: 0 when the system has taken them, 1 and 2 when they survive a power cut.
        pub file_sync_level: u32 = "0", env "AERON_ARCHIVE_FILE_SYNC_LEVEL",
            allowed "0, 1 or 2" if |v: &u32| *v <= 2;
        /// The same for entries of the catalog.
        pub catalog_file_sync_level: u32 = "0", env "AERON_ARCHIVE_CATALOG_FILE_SYNC_LEVEL",
            allowed "0, 1 or 2, at least file_sync_level" if |v: &u32| *v <= 2;
        /// Length of a new catalog; it grows by itself.
        pub catalog_capacity: Bytes = "1m", env "AERON_ARCHIVE_CATALOG_CAPACITY",
            allowed "32 to 2147483647" if |v: &Bytes| (CAPACITY_MIN..=CAPACITY_MAX).contains(&v.0);
        /// Checksum that replaces the session id of recorded frames and covers catalog entries.
        pub record_checksum: Option<Checksum> = "", env "AERON_ARCHIVE_RECORD_CHECKSUM",
            allowed "CRC-32, CRC-32C, or nothing for none";
        /// How recorded bytes travel: through the page cache, or past it into allocated segment files.
        pub write_mode: WriteMode = "buffered", env "TARANIS_ARCHIVE_WRITE_MODE",
            allowed "buffered or direct";
        /// What to do at start with a last frame that may be torn and that nothing proves whole.
        pub torn_tail: TornTail = "refuse", env "TARANIS_ARCHIVE_TORN_TAIL",
            allowed "refuse (do not start, as Aeron's archive) or cut (off that frame)";
    }
}

/// How recorded bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// Through the page cache.
    Buffered,
    /// `O_DIRECT`, from the pages of the term buffer where they are whole.
    Direct,
}

/// What becomes of a last frame that may be torn (07 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TornTail {
    /// The archive does not start: somebody has to look at it.
    Refuse,
    /// It is cut off.
    Cut,
}

impl Setting for WriteMode {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "buffered" => Some(Self::Buffered),
            "direct" => Some(Self::Direct),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Buffered => "buffered",
            Self::Direct => "direct",
        }
        .to_owned()
    }
}

impl Setting for TornTail {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "refuse" => Some(Self::Refuse),
            "cut" => Some(Self::Cut),
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Refuse => "refuse",
            Self::Cut => "cut",
        }
        .to_owned()
    }
}

impl WriteMode {
    /// How the files are opened.
    pub fn access(self) -> FileAccess {
        match self {
            Self::Buffered => FileAccess::Buffered,
            Self::Direct => FileAccess::Direct,
        }
    }
}

impl Context {
    /// All contradictions between settings; none where it is empty.
    pub fn check(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        if self.catalog_file_sync_level < self.file_sync_level {
            errors.push(ConfigError::Contradiction(format!(
                "catalog_file_sync_level={} is refused; allowed is file_sync_level={} or more",
                self.catalog_file_sync_level, self.file_sync_level
            )));
        }
        errors
    }

    /// When a write of recorded bytes is complete.
    pub fn durability(&self) -> Durability {
        durability(self.file_sync_level)
    }

    /// When a write of a catalog entry is complete.
    pub fn catalog_durability(&self) -> Durability {
        durability(self.catalog_file_sync_level)
    }
}

fn durability(sync_level: u32) -> Durability {
    match sync_level {
        0 => Durability::Taken,
        _ => Durability::OnDisk,
    }
}

#[cfg(test)]
mod tests {
    use taranis_runtime::config::{Settings, apply_env};

    use super::*;

    /// 07 §12
    #[test]
    fn defaults_are_aerons_and_can_be_read_back() {
        let mut context = Context::default();
        for row in Context::rows() {
            assert_eq!(context.get(row.key).as_deref(), Some(row.default));
            context.set(row.key, row.default).unwrap();
        }
        assert_eq!(context, Context::default());
        assert_eq!(context.check(), []);
        assert_eq!(context.durability(), Durability::Taken);
    }

    /// 07 §2 step 1
    #[test]
    fn a_catalog_less_safe_than_its_segments_is_refused() {
        let mut context = Context::default();
        let names = [
            ("AERON_ARCHIVE_FILE_SYNC_LEVEL", "1"),
            ("AERON_ARCHIVE_RECORD_CHECKSUM", "CRC-32C"),
        ];
        let lookup = |name: &str| {
            let row = names.iter().find(|(known, _)| *known == name)?;
            Some(row.1.to_owned())
        };
        assert_eq!(apply_env(&mut context, lookup), []);
        assert_eq!(context.record_checksum, Some(Checksum::Crc32c));
        let text = context.check()[0].to_string();
        assert_eq!(
            text,
            "catalog_file_sync_level=0 is refused; allowed is file_sync_level=1 or more"
        );
        context.catalog_file_sync_level = 1;
        assert_eq!(context.check(), []);
    }

    #[test]
    fn segment_lengths_are_powers_of_two_in_range() {
        let mut context = Context::default();
        for bad in ["32k", "100000", "2g", "0"] {
            assert!(context.set("segment_file_length", bad).is_err(), "{bad}");
        }
        assert!(context.set("segment_file_length", "64k").is_ok());
    }
}
