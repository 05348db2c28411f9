//! What a sender may put into the next datagram (02 §5.4, 03 §2.5).

use taranis_runtime::mem::Span;

use super::{
    frame::{self, HEADER_LENGTH, TYPE_PAD, aligned},
    shape::Shape,
    term::Terms,
};

/// Scans a publication's log for committed frames, and names their bytes.
#[derive(Clone, Debug)]
pub struct Scanner {
    terms: Terms,
}

/// What a scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Available {
    /// Nothing is committed there.
    Nothing,
    /// Whole frames of one term.
    Bytes {
        /// Bytes to send; of a padding frame, which then is the last, only the header.
        length: i32,
        /// Bytes of padding behind them, which the stream moves on by but which are not sent.
        padding: i32,
    },
    /// The first frame needs more than the limit.
    TooLong {
        /// Bytes it needs.
        length: i32,
    },
}

impl Scanner {
    pub(super) fn new(terms: Terms) -> Self {
        Self { terms }
    }

    /// The log's arithmetic.
    pub fn shape(&self) -> &Shape {
        self.terms.shape()
    }

    /// Sums whole frames from `position` on, up to `limit` bytes (the smaller of MTU and window) and the term's end.
    #[inline]
    pub fn scan(&self, position: i64, limit: i32) -> Available {
        let place = self.shape().place(position);
        let term = self.terms.term(place.partition);
        let limit = limit.min(self.shape().term_length() - place.offset);
        let mut length = 0;
        while length == 0 || length < limit {
            let offset = place.offset + length;
            let Some(frame_length) = term.committed(offset) else {
                break;
            };
            let is_padding = frame::type_of(term.kind(offset)) == TYPE_PAD;
            let room = aligned(frame_length);
            let to_send = if is_padding { HEADER_LENGTH } else { room };
            if length + to_send > limit {
                if length == 0 {
                    return Available::TooLong { length: to_send };
                }
                break;
            }
            length += to_send;
            // Padding of exactly a header leaves nothing out, so the scan goes on behind it.
            if room > to_send {
                let padding = room - to_send;
                return Available::Bytes { length, padding };
            }
        }
        if length == 0 {
            Available::Nothing
        } else {
            Available::Bytes { length, padding: 0 }
        }
    }

    /// The bytes to send by name, cut at the term's end.
    pub fn span(&self, position: i64, length: i32) -> Span {
        self.terms
            .span(position, length)
            .expect("the bytes are cut at the end of their term")
    }
}
