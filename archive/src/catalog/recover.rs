//! Where a recording stops that was being recorded when its archive died: the rule (07 §9; `docs/deviations.md`).
//!
//! Bytes of a frame that were never written read as zeros, and so do bytes of a frame that are zeros. Aeron's archive can't
//! tell, and doubts a last frame with zeros in it; ours leaves evidence behind while it records, and needs no doubt:
//!
//! | evidence | holds after | verdict |
//! |---|---|---|
//! | the recorded position, in shared memory ([`Progress`](crate::recorder::Progress)) | the end of the process | [`Verdict::Exactly`] there: everything before was written, nothing behind was acknowledged |
//! | none, as in recordings of Aeron's archive | | [`Verdict::Walk`]: Aeron's rule |
//!
//! Evidence counts for the run that left it alone ([`run_tag`]), and only where it agrees with the files: a recorder makes
//! the next file when it has written the one before whole.

use super::recording::Recording;
use crate::segment::{Geometry, SegmentPlace};

/// What is known of a recording that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Shape of its terms and files.
    pub geometry: Geometry,
    /// Position of its first byte.
    pub start: i64,
    /// Base of its last segment file.
    pub last_base: Option<i64>,
    /// What its recorder said that it had written, if that still holds.
    pub recorded: Option<i64>,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing: it stops where it starts.
    Empty,
    /// It stops at that position.
    Exactly {
        /// The position.
        stop: i64,
    },
    /// Nobody knows: the frames of the last segment have to be walked, from here on.
    Walk {
        /// Where the first of them begins.
        from: SegmentPlace,
    },
}

/// Judges.
///
/// ```text
///   last file                recorded position                                     verdict
///   none, or before start    any                                                   Empty
///   there                    none                                                  Walk
///   there                    before start, or no frame's                           Walk
///   there                    in the last file, or right behind it                  Exactly
///   there                    in another file                                       Walk
/// ```
pub fn judge(facts: &Facts) -> Verdict {
    let Facts {
        geometry,
        start,
        last_base,
        recorded,
    } = *facts;
    let first_base = geometry.base(start, start);
    let Some(last_base) = last_base.filter(|base| *base >= first_base) else {
        return Verdict::Empty;
    };
    let from = SegmentPlace {
        base: last_base,
        offset: if last_base == first_base {
            geometry.place(start, start).offset
        } else {
            0
        },
    };
    match recorded {
        Some(stop) if is_possible(facts, last_base, stop) => Verdict::Exactly { stop },
        Some(_) | None => Verdict::Walk { from },
    }
}

fn is_possible(facts: &Facts, last_base: i64, stop: i64) -> bool {
    let geometry = &facts.geometry;
    stop >= facts.start
        && geometry.shape().is_frame_position(stop)
        && (last_base..=geometry.next_base(last_base)).contains(&stop)
}

/// Names one run of a recording: its start, or an extension. Evidence of another run is none.
pub fn run_tag(recording: &Recording) -> i64 {
    let parts = [
        recording.control_session_id,
        recording.correlation_id,
        recording.start_timestamp_ms,
        recording.start_position,
    ];
    let bytes = parts.map(i64::to_le_bytes).concat();
    let [a, b, c, d] = crc32c::crc32c(&bytes).to_le_bytes();
    let [e, f, g, h] = recording.session_id.to_le_bytes();
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use taranis_transport::log::Shape;

    use super::*;

    const TERM: i64 = 65_536;

    fn facts(last_base: Option<i64>, recorded: Option<i64>) -> Facts {
        let shape = Shape::new(65_536, 0).unwrap();
        Facts {
            geometry: Geometry::new(shape, 2 * 65_536).unwrap(),
            start: TERM + 96,
            last_base,
            recorded,
        }
    }

    /// Every place of the last file against every kind of recorded position: there is a verdict, and the right one.
    #[test]
    fn the_table_has_a_verdict_for_everything() {
        let (first, second, third) = (TERM, 3 * TERM, 5 * TERM);
        let files = [None, Some(0), Some(first), Some(second), Some(third)];
        let words = [
            None,
            Some(i64::MIN),
            Some(-32),
            Some(0),
            Some(TERM + 64),
            Some(TERM + 96),
            Some(TERM + 100),
            Some(second - 32),
            Some(second),
            Some(second + 32),
            Some(third),
            Some(third + 2 * TERM),
            Some(third + 2 * TERM + 32),
            Some(i64::MAX & !31),
        ];
        for last in files {
            for word in words {
                let verdict = judge(&facts(last, word));
                let Some(base) = last.filter(|base| *base >= first) else {
                    assert_eq!(verdict, Verdict::Empty, "{last:?} {word:?}");
                    continue;
                };
                let offset = if base == first { 96 } else { 0 };
                let walk = Verdict::Walk {
                    from: SegmentPlace { base, offset },
                };
                let agrees = word.filter(|word| {
                    *word >= TERM + 96 && word % 32 == 0 && (base..=base + 2 * TERM).contains(word)
                });
                let expected = agrees.map_or(walk, |stop| Verdict::Exactly { stop });
                assert_eq!(verdict, expected, "{last:?} {word:?}");
            }
        }
    }
}
