//! Finding what is missing in an image (02 §5.4, 03 §4.7, §4.8).

use super::{
    frame::{FRAME_ALIGNMENT, aligned},
    shape::Shape,
    term::Terms,
};

/// Follows the frames that arrived, up to the first that did not. Pure over the log: delays and reports are the caller's.
#[derive(Clone, Debug)]
pub struct GapScanner {
    terms: Terms,
}

/// How far an image is rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Everything before is there.
    pub position: i64,
    /// What is missing there, if anything before the high-water mark is.
    pub gap: Option<Gap>,
}

/// Bytes of one term that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Id of the term.
    pub term_id: i32,
    /// Where they begin in it.
    pub term_offset: i32,
    /// How many, in whole 32s.
    pub length: i32,
}

impl GapScanner {
    pub(super) fn new(terms: Terms) -> Self {
        Self { terms }
    }

    /// The log's arithmetic.
    pub fn shape(&self) -> &Shape {
        self.terms.shape()
    }

    /// Scans from `rebuild_position` (everything before is there) to `hwm_position`, the highest one heard of, but no further
    /// than the term's end. At most the first gap is reported.
    pub fn scan(&self, rebuild_position: i64, hwm_position: i64) -> Rebuilt {
        if rebuild_position >= hwm_position {
            return Rebuilt {
                position: rebuild_position,
                gap: None,
            };
        }
        let shape = self.shape();
        let place = shape.place(rebuild_position);
        let limit = if shape.same_term(rebuild_position, hwm_position) {
            shape.place(hwm_position).offset
        } else {
            shape.term_length()
        };
        let term = self.terms.term(place.partition);
        let mut begin = place.offset;
        // The first frame is looked at even where the limit is reached: it may have arrived since the mark was read.
        while begin < shape.term_length() {
            let Some(frame_length) = term.committed(begin) else {
                break;
            };
            begin += aligned(frame_length);
            if begin >= limit {
                break;
            }
        }
        let mut end = begin;
        while end < limit && (end == begin || term.frame_word(end) == 0) {
            end += FRAME_ALIGNMENT;
        }
        Rebuilt {
            position: shape.term_begin(rebuild_position) + i64::from(begin),
            gap: (end > begin).then_some(Gap {
                term_id: place.term_id,
                term_offset: begin,
                length: end - begin,
            }),
        }
    }
}
