//! Several words that are read together: one writer publishes them, a reader takes a consistent set or none.

use super::atomic::{Ordering, fence};

use super::{OutOfRegion, Region, Word64};

/// Bytes of a [`SeqWriter`]'s area for `N` words: two change counters and the words.
pub const fn seqlock_bytes(words: usize) -> usize {
    8 * (words + 2)
}

/// The writing end. There is one.
#[derive(Debug)]
pub struct SeqWriter<const N: usize> {
    begin: Word64,
    end: Word64,
    words: [Word64; N],
}

/// A reading end, which remembers what it has seen.
#[derive(Clone, Debug)]
pub struct SeqReader<const N: usize> {
    begin: Word64,
    end: Word64,
    words: [Word64; N],
    seen: i64,
}

/// Both ends of `N` words at `offset`; the area is all zero when nothing was published yet.
///
/// # Errors
/// [`OutOfRegion`] when the area does not lie inside the region.
pub fn seqlock<const N: usize>(
    region: &Region,
    offset: usize,
) -> Result<(SeqWriter<N>, SeqReader<N>), OutOfRegion> {
    let area = region.part(offset, seqlock_bytes(N))?;
    let (begin, end) = (area.word64(0)?, area.word64(8)?);
    let mut words = Vec::with_capacity(N);
    for at in 0..N {
        words.push(area.word64(16 + 8 * at)?);
    }
    let words: [Word64; N] = words.try_into().expect("N words were pushed");
    let writer = SeqWriter {
        begin: begin.clone(),
        end: end.clone(),
        words: words.clone(),
    };
    Ok((
        writer,
        SeqReader {
            begin,
            end,
            words,
            seen: 0,
        },
    ))
}

impl<const N: usize> SeqWriter<N> {
    /// Publishes a set in place of the one before.
    pub fn publish(&mut self, values: [i64; N]) {
        let change = self.begin.load_relaxed().wrapping_add(1);
        self.begin.store_release(change);
        // Keeps the words behind the beginning: a reader that sees one of them sees the change begun.
        fence(Ordering::Release);
        for (word, value) in self.words.iter().zip(values) {
            word.store_relaxed(value);
        }
        // SYNC seqlock-set: the words before the end.
        self.end.store_release(change);
    }
}

impl<const N: usize> SeqReader<N> {
    /// The newest set, if it is complete and was not taken before.
    pub fn take(&mut self) -> Option<[i64; N]> {
        // SYNC seqlock-set: the words after the end.
        let change = self.end.load_acquire();
        if change == self.seen {
            return None;
        }
        let values = self.read(change)?;
        self.seen = change;
        Some(values)
    }

    /// The newest set, if it is complete, whether taken before or not; `None` also when nothing was published yet.
    pub fn get(&self) -> Option<[i64; N]> {
        let change = self.end.load_acquire();
        if change == 0 { None } else { self.read(change) }
    }

    fn read(&self, change: i64) -> Option<[i64; N]> {
        let values = std::array::from_fn(|at| self.words[at].load_relaxed());
        // Keeps the words before the second look: had one been newer, the beginning would be, too.
        fence(Ordering::Acquire);
        (self.begin.load_relaxed() == change).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_set_is_taken_once_and_can_be_read_again() {
        let region = Region::heap(seqlock_bytes(2));
        let (mut writer, mut reader) = seqlock::<2>(&region, 0).unwrap();
        assert_eq!((reader.get(), reader.take()), (None, None));
        writer.publish([1, -1]);
        writer.publish([2, -2]);
        assert_eq!(reader.take(), Some([2, -2]));
        assert_eq!(reader.take(), None);
        assert_eq!(reader.get(), Some([2, -2]));
    }

    #[test]
    fn sets_are_never_mixed() {
        let rounds = if cfg!(miri) { 200 } else { 100_000 };
        let region = Region::heap(seqlock_bytes(3));
        let (mut writer, mut reader) = seqlock::<3>(&region, 0).unwrap();
        let writing = thread::Builder::new()
            .spawn(move || {
                (1..=rounds).for_each(|round| writer.publish([round, 2 * round, 3 * round]))
            })
            .unwrap();
        let mut last = 0;
        while last < rounds {
            if let Some([one, two, three]) = reader.take() {
                assert_eq!((two, three), (2 * one, 3 * one));
                assert!(one > last);
                last = one;
            }
            thread::yield_now();
        }
        writing.join().unwrap();
    }
}
