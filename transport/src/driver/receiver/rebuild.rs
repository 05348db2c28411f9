//! Following what arrived, cleaning behind the readers, and promising the space (spec 03 §4.7). Pure but for the log: the
//! conductor runs it, once per cycle and image.

use crate::{
    driver::image_state::Promise,
    log::{Cleaner, GapScanner, Rebuilt},
};

/// What an image starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RebuildSettings {
    pub(crate) join_position: i64,
    pub(crate) window: i32,
    pub(crate) term_length: i32,
}

/// The conductor's side of an image's flow.
#[derive(Debug)]
pub(crate) struct Rebuild {
    scanner: GapScanner,
    cleaner: Cleaner,
    promised: Promise,
    term_length: i64,
    is_first: bool,
}

impl Rebuild {
    pub(crate) fn new(scanner: GapScanner, cleaner: Cleaner, settings: RebuildSettings) -> Self {
        let promised = Promise {
            position: settings.join_position,
            window: settings.window,
        };
        Self {
            scanner,
            cleaner,
            promised,
            term_length: settings.term_length.into(),
            is_first: true,
        }
    }

    /// How far the stream is complete, and the first gap behind.
    pub(crate) fn scan(&self, from: i64, high_water_mark: i64) -> Rebuilt {
        self.scanner.scan(from, high_water_mark)
    }

    /// What to promise now that the slowest reader is at `slowest`: cleaned first, so that it is true when it is said.
    pub(crate) fn promise(&mut self, slowest: i64) -> Option<Promise> {
        let step = i64::from(self.promised.window / 4);
        if !self.is_first && slowest <= self.promised.position + step {
            return None;
        }
        self.is_first = false;
        self.clean_to(slowest - self.term_length);
        self.promised.position = self.promised.position.max(slowest);
        Some(self.promised)
    }

    /// The window in force, in bytes.
    pub(crate) fn window(&self) -> i32 {
        self.promised.window
    }

    /// One call of the cleaner ends at a term's end; readers that jumped far are followed term by term.
    fn clean_to(&mut self, position: i64) {
        while self.cleaner.position() < position && self.cleaner.clean(position) > 0 {}
    }
}
