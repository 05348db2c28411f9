//! Pages of the recorder's own: what is not a whole page of the term buffer goes to the disk from here.

use taranis_runtime::mem::{Region, Span};

use super::flight::WRITES_MAX;

/// What direct writes are made of.
pub(super) const PAGE: usize = 4096;
/// One page per write, and the one that is being filled.
const PAGES: usize = WRITES_MAX + 1;

/// The page that the position lies in, while it is being filled: zero beyond the position.
#[derive(Debug)]
pub(super) struct OpenPages {
    region: Region,
    in_use: [bool; PAGES],
    /// The page being filled.
    open: usize,
    /// Bytes of it that are filled: 0 to 4,095.
    filled: usize,
    /// Whether some of them were never staged.
    dirty: bool,
}

impl OpenPages {
    pub(super) fn new() -> Self {
        let mut in_use = [false; PAGES];
        in_use[0] = true;
        Self {
            region: Region::heap(PAGES * PAGE),
            in_use,
            open: 0,
            filled: 0,
            dirty: false,
        }
    }

    /// Bytes filled of the page that the position lies in.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Begins a page in which `filled` bytes are zeros, or written already.
    pub(super) fn begin(&mut self, filled: usize) {
        self.filled = filled;
        self.dirty = false;
        self.zero();
    }

    /// Appends bytes; no more than there is room for.
    pub(super) fn append(&mut self, bytes: &Span) {
        let mut copy = [0; PAGE];
        let copy = &mut copy[..bytes.len()];
        bytes.read(copy);
        self.region
            .write(self.open * PAGE + self.filled, copy)
            .expect("the caller appends no more than the page has room for");
        self.filled += bytes.len();
        self.dirty = true;
    }

    /// Leaves bytes zero.
    pub(super) fn skip(&mut self, count: usize) {
        self.filled += count;
    }

    /// The page as it is, to be written while it stays open.
    pub(super) fn write_open(&mut self) -> Span {
        self.dirty = false;
        self.span(self.open)
    }

    /// The page that is full now, and a new one in its place.
    pub(super) fn write_full(&mut self) -> (usize, Span) {
        let full = self.open;
        self.open = self
            .in_use
            .iter()
            .position(|in_use| !in_use)
            .expect("there are more pages than writes");
        self.in_use[self.open] = true;
        self.begin(0);
        (full, self.span(full))
    }

    /// A full page is written.
    pub(super) fn give_back(&mut self, page: usize) {
        self.in_use[page] = false;
    }

    fn zero(&self) {
        self.region
            .zero(self.open * PAGE, PAGE)
            .expect("every page lies inside the region");
    }

    fn span(&self, page: usize) -> Span {
        self.region
            .span(page * PAGE, PAGE)
            .expect("every page lies inside the region")
    }
}
