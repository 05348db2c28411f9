//! A counter's label (spec 01 §5.3).

use super::layout::{Arrays, LABEL_LENGTH_OFFSET, LABEL_OFFSET, MAX_LABEL_LEN, Slot};
use crate::mem::region::Region;

/// The label of one counter: for its reader, and for its one writer at a time (the manager, or the client whose counter
/// it is).
///
/// A reader may see bytes of an old and a new label mixed while it is replaced; that is the format's.
#[derive(Clone, Debug)]
pub struct Label {
    metadata: Region,
    at: usize,
}

impl Label {
    pub(super) fn of(arrays: &Arrays, slot: Slot) -> Self {
        Self {
            metadata: arrays.metadata.clone(),
            at: slot.metadata,
        }
    }

    /// Replaces the text. What is longer than 380 bytes is cut off.
    pub fn set(&self, text: &str) {
        set(&self.metadata, self.at, text);
    }

    /// Appends to the text. What would make it longer than 380 bytes is cut off.
    pub fn append(&self, text: &str) {
        let len = length(&self.metadata, self.at);
        let bytes = clip(text, MAX_LABEL_LEN - len);
        self.metadata
            .patch_words(self.at + LABEL_OFFSET + len, bytes);
        publish(&self.metadata, self.at, len + bytes.len());
    }

    /// The text; bytes that are not UTF-8 become U+FFFD. Allocates: for tools.
    pub fn text(&self) -> String {
        text(&self.metadata, self.at)
    }
}

pub(super) fn set(metadata: &Region, at: usize, text: &str) {
    let bytes = clip(text, MAX_LABEL_LEN);
    metadata.write_words(at + LABEL_OFFSET, bytes);
    publish(metadata, at, bytes.len());
}

pub(super) fn text(metadata: &Region, at: usize) -> String {
    let mut bytes = [0; MAX_LABEL_LEN];
    let len = length(metadata, at);
    metadata.read_words(at + LABEL_OFFSET, &mut bytes[..len]);
    String::from_utf8_lossy(&bytes[..len]).into_owned()
}

fn publish(metadata: &Region, at: usize, len: usize) {
    // SYNC counter-label: pairs with `length`; the bytes up to here are there.
    metadata.store_release32(at + LABEL_LENGTH_OFFSET, len as i32);
}

fn length(metadata: &Region, at: usize) -> usize {
    // SYNC counter-label: pairs with `publish`.
    let len = metadata.load_acquire32(at + LABEL_LENGTH_OFFSET);
    usize::try_from(len).unwrap_or(0).min(MAX_LABEL_LEN)
}

fn clip(text: &str, max: usize) -> &[u8] {
    let bytes = text.as_bytes();
    &bytes[..bytes.len().min(max)]
}
