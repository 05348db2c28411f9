//! Bytes of a file: pages, of which only those that were written take room.

use std::{collections::BTreeMap, rc::Rc};

/// Bytes of a page.
pub(super) const PAGE_BYTES: usize = 4096;
/// Bytes that a device writes whole or not at all.
pub(super) const SECTOR_BYTES: usize = 512;

pub(super) type Page = [u8; PAGE_BYTES];

/// Pages shared copy-on-write, so that the synced content costs no second copy.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pages: BTreeMap<u64, Rc<Page>>,
    pub(super) len: u64,
}

impl Content {
    /// Writes bytes, and makes the content longer if they reach beyond its end.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) {
        for (page, within, part) in parts(at, bytes.len()) {
            let there = self.pages.entry(page);
            let there = Rc::make_mut(there.or_insert_with(|| Rc::new([0; PAGE_BYTES])));
            let source = &bytes[part];
            there[within..within + source.len()].copy_from_slice(source);
        }
        self.len = self.len.max(at + bytes.len() as u64);
    }

    /// Reads what there is from `at`; returns how much.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> usize {
        let there = self.len.saturating_sub(at).min(into.len() as u64) as usize;
        for (page, within, part) in parts(at, there) {
            let target = &mut into[part];
            match self.pages.get(&page) {
                Some(bytes) => target.copy_from_slice(&bytes[within..within + target.len()]),
                None => target.fill(0),
            }
        }
        there
    }

    pub(super) fn page(&self, page: u64) -> Option<&Rc<Page>> {
        self.pages.get(&page)
    }

    pub(super) fn set_page(&mut self, page: u64, bytes: Rc<Page>) {
        self.pages.insert(page, bytes);
    }

    /// A page that may be written.
    pub(super) fn page_mut(&mut self, page: u64) -> &mut Page {
        let there = self.pages.entry(page);
        Rc::make_mut(there.or_insert_with(|| Rc::new([0; PAGE_BYTES])))
    }
}

/// The pages that a range touches: page, offset in it, range of the bytes.
pub(super) fn parts(
    at: u64,
    len: usize,
) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let here = at + done as u64;
        let within = (here % PAGE_BYTES as u64) as usize;
        let part = done..len.min(done + PAGE_BYTES - within);
        done = part.end;
        Some((here / PAGE_BYTES as u64, within, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_was_written_across_pages_and_zeros_elsewhere() {
        let mut content = Content::default();
        let bytes: Vec<u8> = (0..10_000).map(|at| (at % 251) as u8 + 1).collect();
        content.write(5_000, &bytes);
        assert_eq!(content.len, 15_000);
        let mut all = vec![9; 20_000];
        assert_eq!(content.read(0, &mut all), 15_000);
        assert!(all[..5_000].iter().all(|byte| *byte == 0));
        assert_eq!(all[5_000..15_000], bytes);
        assert_eq!(content.read(14_999, &mut all), 1);
        assert_eq!(content.read(15_000, &mut all), 0);
    }
}
