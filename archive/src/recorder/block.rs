//! What the recorder takes from a stream.

use taranis_runtime::mem::Span;
use taranis_transport::log::{Block, frame::HEADER_LENGTH};

/// A run of whole frames of one term, or one padding frame: a [`Block`] of an image, by name.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Position of its first frame.
    pub position: i64,
    /// Position behind its last frame.
    pub next_position: i64,
    /// The bytes that have a meaning: everything, or a padding frame's header.
    pub span: Span,
    /// Whether it is a padding frame.
    pub is_padding: bool,
}

impl Piece {
    /// The frames of a block. Its reader must not be moved past them before they are recorded.
    pub fn of(block: &Block<'_>) -> Self {
        Self {
            position: block.position(),
            next_position: block.next_position(),
            span: block.span(),
            is_padding: block.is_padding(),
        }
    }

    /// Whether the span has as many bytes as there are frames.
    pub(super) fn is_well_formed(&self) -> bool {
        let length = self.next_position.saturating_sub(self.position);
        let meaningful = if self.is_padding {
            HEADER_LENGTH.into()
        } else {
            length
        };
        length >= HEADER_LENGTH.into() && i64::try_from(self.span.len()) == Ok(meaningful)
    }
}
