//! Segment files: their names, and where a position lies in them (06 §3.2).
//!
//! A recording is cut into files of one length. Segments are counted from the first *term* of the recording's start, not
//! from zero:
//!
//! ```text
//!          term begin of start                                  a power of two, at least a term
//!   ───────┬───────────────────────────────┬───────────────────────────────┬─────────
//!          │ zeros │ frames …              │ frames …                      │ frames …
//!          └───────┴───────────────────────┴───────────────────────────────┴─────────
//!          7-131072.rec                    7-262144.rec                    7-393216.rec
//!                  ▲ start
//! ```

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use taranis_runtime::io::{Chore, Entry, FileAccess, Opening};
use taranis_transport::log::{Shape, shape::BadTermLength};

/// Shortest segment file: 64 KiB.
pub const SEGMENT_LENGTH_MIN: u32 = 64 * 1024;
/// Longest segment file: 1 GiB.
pub const SEGMENT_LENGTH_MAX: u32 = 1024 * 1024 * 1024;

/// The shape of a recording: of its stream's terms, and of its segment files. Owns the arithmetic between positions and
/// segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    shape: Shape,
    segment_length: i32,
}

/// Where a position lies in a recording's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPlace {
    /// Position of the file's first byte.
    pub base: i64,
    /// Byte of the file.
    pub offset: u64,
}

/// Lengths that no recording can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadGeometry {
    /// Of its terms.
    #[error(transparent)]
    Term(#[from] BadTermLength),
    /// Of its segment files.
    #[error(
        "segment file length {segment_length}: with terms of {term_length} a segment file length is a power of two from {} to {SEGMENT_LENGTH_MAX}",
        (*term_length).max(SEGMENT_LENGTH_MIN.cast_signed())
    )]
    Segment {
        /// What it was.
        segment_length: i32,
        /// The recording's term length.
        term_length: i32,
    },
}

impl Geometry {
    /// The geometry of a recording whose segment files have `segment_length` bytes.
    ///
    /// # Errors
    /// [`BadGeometry`] for lengths that are not powers of two in their ranges, or a segment shorter than a term.
    pub fn new(shape: Shape, segment_length: i32) -> Result<Self, BadGeometry> {
        let term_length = shape.term_length();
        let min = term_length.max(SEGMENT_LENGTH_MIN.cast_signed());
        let max = SEGMENT_LENGTH_MAX.cast_signed();
        let in_range = (min..=max).contains(&segment_length);
        if !in_range || !segment_length.cast_unsigned().is_power_of_two() {
            return Err(BadGeometry::Segment {
                segment_length,
                term_length,
            });
        }
        Ok(Self {
            shape,
            segment_length,
        })
    }

    /// The geometry of a new recording: its segment files have the configured length, or a term's if that is longer.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_new_recording(shape: Shape, configured: i32) -> Result<Self, BadGeometry> {
        Self::new(shape, configured.max(shape.term_length()))
    }

    /// The shape of the terms.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Length of a segment file in bytes.
    pub fn segment_length(&self) -> i32 {
        self.segment_length
    }

    /// Where a position lies, in a recording that starts at `start`. A position on a border belongs to the later segment.
    pub fn place(&self, start: i64, position: i64) -> SegmentPlace {
        let first = self.shape.term_begin(start);
        let within = position.wrapping_sub(first);
        let offset = within & i64::from(self.segment_length - 1);
        SegmentPlace {
            base: first.wrapping_add(within - offset),
            // Masked with a positive number.
            offset: offset.cast_unsigned(),
        }
    }

    /// Position of the first byte of the segment that `position` lies in (Aeron's segment file base position).
    pub fn base(&self, start: i64, position: i64) -> i64 {
        self.place(start, position).base
    }

    /// Base of the segment behind the one with that base.
    pub fn next_base(&self, base: i64) -> i64 {
        base.saturating_add(self.segment_length.into())
    }

    /// Bytes from `position` to the end of its segment: at least 1.
    pub fn left_in_segment(&self, start: i64, position: i64) -> i64 {
        self.next_base(self.base(start, position)) - position
    }

    /// The bases of all segments that hold, or held, bytes from `from` to `to`, in ascending order. The segment that would
    /// begin at `to` is not among them.
    pub fn bases(&self, start: i64, from: i64, to: i64) -> impl Iterator<Item = i64> {
        let step = i64::from(self.segment_length);
        let mut base = self.base(start, from);
        std::iter::from_fn(move || {
            let this = base;
            base = base.saturating_add(step);
            (this < to).then_some(this)
        })
    }
}

/// The name of a segment file: `<recording id>-<base position>.rec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentName {
    /// Whose segment it is.
    pub recording_id: i64,
    /// Position of its first byte.
    pub base: i64,
}

/// A name that ends as those of segment files but is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: the name of a segment file is <recording id>-<position from 0 on>.rec")]
pub struct BadSegmentName {
    /// The name.
    pub name: String,
}

/// How names of segment files end.
const SUFFIX: &str = ".rec";
/// How names of segment files ended that older archives were about to delete.
const SUFFIX_DELETED: &str = ".rec.del";

impl SegmentName {
    /// Reads a file's name. `None` for the name of something else.
    ///
    /// # Errors
    /// [`BadSegmentName`] for one that ends in `.rec` and has a `-` behind its first character, but is not of this form.
    pub fn parse(name: &str) -> Result<Option<Self>, BadSegmentName> {
        name.strip_suffix(SUFFIX)
            .map_or(Ok(None), |stem| Self::of_stem(name, stem))
    }

    /// Reads the name of a file that an older archive was about to delete. `None` for any other name.
    pub fn parse_deleted(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(SUFFIX_DELETED)?;
        Self::of_stem(name, stem).ok().flatten()
    }

    fn of_stem(name: &str, stem: &str) -> Result<Option<Self>, BadSegmentName> {
        let Some((id, base)) = stem.split_once('-').filter(|(id, _)| !id.is_empty()) else {
            return Ok(None);
        };
        let bad = || BadSegmentName {
            name: name.to_owned(),
        };
        let recording_id = id.parse().map_err(|_| bad())?;
        let base = base.parse().map_err(|_| bad())?;
        if base < 0 {
            return Err(bad());
        }
        Ok(Some(Self { recording_id, base }))
    }

    /// Its file in `directory`.
    pub fn path_in(self, directory: &Path) -> PathBuf {
        directory.join(self.to_string())
    }

    /// The chore that opens this segment in `directory`: a new one at its full length, all blocks allocated; it is an error
    /// if there is one of that name.
    pub fn create_in(self, directory: &Path, geometry: &Geometry, access: FileAccess) -> Chore {
        Chore::OpenFile {
            path: self.path_in(directory),
            access,
            opening: Opening::New {
                // A segment length is positive.
                len: geometry.segment_length.unsigned_abs().into(),
            },
        }
    }

    /// The chore that opens this segment in `directory`, where it is there already.
    pub fn open_in(self, directory: &Path, access: FileAccess) -> Chore {
        Chore::OpenFile {
            path: self.path_in(directory),
            access,
            opening: Opening::Existing,
        }
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}{SUFFIX}", self.recording_id, self.base)
    }
}

/// The segment files of a directory: per recording, base position and length of each file, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentFiles {
    files: BTreeMap<SegmentName, u64>,
}

impl SegmentFiles {
    /// Picks the segment files out of a directory's entries.
    ///
    /// # Errors
    /// [`BadSegmentName`] for the first name that is none but ends as one.
    pub fn among(entries: &[Entry]) -> Result<Self, BadSegmentName> {
        let mut files = BTreeMap::new();
        for entry in entries {
            if let Some(name) = SegmentName::parse(&entry.name)? {
                files.insert(name, entry.len);
            }
        }
        Ok(Self { files })
    }

    /// Base and length of each of a recording's files, in ascending order of their bases.
    pub fn of(&self, recording_id: i64) -> impl DoubleEndedIterator<Item = (i64, u64)> {
        let from = SegmentName {
            recording_id,
            base: i64::MIN,
        };
        let to = SegmentName {
            recording_id,
            base: i64::MAX,
        };
        self.files
            .range(from..=to)
            .map(|(name, len)| (name.base, *len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(term_length: i32, segment_length: i32) -> Geometry {
        Geometry::new(Shape::new(term_length, 7).unwrap(), segment_length).unwrap()
    }

    /// 06 §3.2, its three steps written as divisions.
    fn slow_place(start: i64, position: i64, term: i64, segment: i64) -> (i64, i64) {
        let start_term_base = start / term * term;
        let n = position - start_term_base;
        let base = start_term_base + n / segment * segment;
        (base, position - base)
    }

    /// 06 §3.2
    #[test]
    fn places_agree_with_division() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let term = 1 << rng.i32(16..=20);
            let segment = term << rng.i32(0..=4);
            let start = rng.i64(0..1 << 40) & !31;
            let position = start + (rng.i64(0..1 << 30) & !31);
            let geometry = geometry(term, segment);
            let place = geometry.place(start, position);
            let (base, offset) = slow_place(start, position, term.into(), segment.into());
            assert_eq!((place.base, place.offset.cast_signed()), (base, offset));
            let left = geometry.left_in_segment(start, position);
            assert_eq!(position + left, geometry.next_base(base));
            let bases: Vec<i64> = geometry.bases(start, start, position).collect();
            let expected =
                (0..).map(|n| start / i64::from(term) * i64::from(term) + n * i64::from(segment));
            let expected: Vec<i64> = expected.take_while(|base| *base < position).collect();
            assert_eq!(bases, expected);
        }
    }

    /// 06 §3.1: names without a `-`, or that begin with it, are somebody else's; others must be right.
    #[test]
    fn names_go_there_and_back() {
        let name = SegmentName {
            recording_id: 12,
            base: 131_072,
        };
        assert_eq!(name.to_string(), "12-131072.rec");
        assert_eq!(SegmentName::parse("12-131072.rec"), Ok(Some(name)));
        assert_eq!(SegmentName::parse_deleted("12-131072.rec.del"), Some(name));
        for other in [
            "archive.catalog",
            "12.rec",
            "-5-0.rec",
            "12-131072.rec.del",
            ".rec",
        ] {
            assert_eq!(SegmentName::parse(other), Ok(None), "{other}");
        }
        for bad in ["a-0.rec", "1-.rec", "1--64.rec", "1-x.rec"] {
            assert!(SegmentName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_directory_gives_each_recordings_files_in_order() {
        let entry = |name: &str, len| Entry {
            name: name.to_owned(),
            len,
        };
        let entries = [
            entry("archive.catalog", 5),
            entry("1-131072.rec", 2),
            entry("1-65536.rec", 1),
            entry("11-0.rec", 3),
        ];
        let files = SegmentFiles::among(&entries).unwrap();
        assert_eq!(files.of(1).collect::<Vec<_>>(), [(65_536, 1), (131_072, 2)]);
        assert_eq!(files.of(11).collect::<Vec<_>>(), [(0, 3)]);
        assert_eq!(files.of(2).count(), 0);
        let bad = SegmentFiles::among(&[entry("x-1.rec", 0)]).unwrap_err();
        assert_eq!(
            bad.to_string(),
            "x-1.rec: the name of a segment file is <recording id>-<position from 0 on>.rec"
        );
    }

    #[test]
    fn refuses_lengths_no_segment_has() {
        let shape = Shape::new(1 << 20, 0).unwrap();
        for bad in [0, -1, 65_536, (1 << 20) - 1, 3 << 20, i32::MIN] {
            assert!(Geometry::new(shape, bad).is_err(), "{bad}");
        }
        let text = Geometry::new(shape, 65_536).unwrap_err().to_string();
        assert!(text.contains("from 1048576 to 1073741824"), "{text}");
        let raised = Geometry::of_new_recording(shape, 65_536).unwrap();
        assert_eq!(raised.segment_length(), 1 << 20);
    }
}
