//! The TERM entries of a recording log, as far as they are on disk: the *ladder* (spec 09 §16, §19.4 F and R).
//!
//! Read [`Ladder`] first. It changes by completed writes only, and is the maker of [`TermOnDisk`].

mod repair;

pub use repair::TermEvent;

/// A TERM entry that is on disk: whoever says a term has it in writing (spec 09 §19.4 F).
///
/// ```compile_fail
/// let forged = taranis_cluster::term_ladder::TermOnDisk { term: 3, base: 0 };
/// ```
/// ```compile_fail
/// let forged = taranis_cluster::term_ladder::Ladder::read(vec![]).proof(3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermOnDisk {
    term: i64,
    base: i64,
}

impl TermOnDisk {
    /// The term.
    #[must_use]
    pub const fn term(self) -> i64 {
        self.term
    }

    /// The term's first byte in the log.
    #[must_use]
    pub const fn base(self) -> i64 {
        self.base
    }
}

/// One TERM entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermEntry {
    /// leadershipTermId.
    pub term: i64,
    /// termBaseLogPosition.
    pub base: i64,
    /// logPosition: where the next term starts; none while open.
    pub end: Option<i64>,
    /// The frame at `base` is known to be the term's NewLeadershipTermEvent (the frame decides, not the ladder: §19.4 G).
    pub event_in_log: bool,
}

/// One write to the TERM entries, forced as far as the sync level asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// `ensureCoherent` as §19.4 F has it: the last end first becomes `base`, whatever it was; terms between are empty at `base`; then the open entry.
    Term {
        /// The term to open.
        term: i64,
        /// Its first byte.
        base: i64,
    },
    /// Aeron's `ensureCoherent` (§16.4): the end already written wins over the base given.
    AeronTerm {
        /// The term to open.
        term: i64,
        /// Its first byte, unless the last entry ends elsewhere.
        base: i64,
        /// The end, when known.
        end: Option<i64>,
    },
    /// The end of a term's entry.
    End {
        /// The term.
        term: i64,
        /// Where the next one starts.
        end: i64,
    },
    /// §19.4 R (c): entries with a greater base get base = end = `to`, any other greater end becomes `to`.
    Clamp {
        /// The position truncated to.
        to: i64,
    },
    /// Entries whose base lies above the recorded bytes are marked invalid (§19.4 D, D 1 holds before).
    Invalidate {
        /// The append position.
        above: i64,
    },
}

/// A change that has been written; the ladder takes nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LadderWritten(Change);

impl LadderWritten {
    /// For the writer of `recording.log`, when its write and force have completed.
    pub(crate) const fn completed(change: Change) -> Self {
        Self(change)
    }
}

/// The TERM entries on disk, ascending by term.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    entries: Vec<TermEntry>,
}

/// What follows a member's last term on this node's ladder (spec 09 §11.6, the `next*` fields).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The entry of the next term.
    Entry(TermEntry),
    /// This node's ladder ends at or below the member's term.
    End,
    /// The ladder has a later term but not the next one: no answer is a true one (§19.4 R).
    Hole,
}

impl Ladder {
    /// A ladder as a test finds it on disk.
    #[cfg(test)]
    pub(crate) fn read(mut entries: Vec<TermEntry>) -> Self {
        entries.sort_by_key(|entry| entry.term);
        Self { entries }
    }

    /// The entries, ascending by term.
    #[must_use]
    pub fn entries(&self) -> &[TermEntry] {
        &self.entries
    }

    /// The last entry.
    #[must_use]
    pub fn last(&self) -> Option<&TermEntry> {
        self.entries.last()
    }

    /// The highest term on disk, -1 without one.
    #[must_use]
    pub fn last_term(&self) -> i64 {
        self.last().map_or(-1, |entry| entry.term)
    }

    /// The entry of `term`.
    #[must_use]
    pub fn entry(&self, term: i64) -> Option<&TermEntry> {
        let index = self
            .entries
            .binary_search_by_key(&term, |entry| entry.term)
            .ok()?;
        self.entries.get(index)
    }

    /// The proof that `term` is on disk.
    #[must_use]
    pub fn proof(&self, term: i64) -> Option<TermOnDisk> {
        self.entry(term).map(|entry| TermOnDisk {
            term,
            base: entry.base,
        })
    }

    /// What a member whose last term is `term` needs next.
    #[must_use]
    pub fn next_after(&self, term: i64) -> Next {
        match self.entry(term.saturating_add(1)) {
            Some(entry) => Next::Entry(*entry),
            None if self.last_term() > term => Next::Hole,
            None => Next::End,
        }
    }

    /// Base of the newest term from `strict_from` on whose first frame is in the log: a quorum had that TERM at that base (§19.4 G, the floor's third term).
    #[must_use]
    pub fn proven_base(&self, strict_from: i64) -> Option<i64> {
        let newest = self.entries.iter().rev().find(|entry| entry.event_in_log)?;
        (newest.term >= strict_from).then_some(newest.base)
    }

    /// Takes over a completed write; the proof of the term it opened.
    pub fn complete(&mut self, written: LadderWritten) -> Option<TermOnDisk> {
        match written.0 {
            Change::Term { term, base } => {
                self.open(term, base);
                self.proof(term)
            }
            Change::AeronTerm { term, base, end } => {
                let from = self.last().and_then(|last| last.end).unwrap_or(base);
                if self.last_term() < term {
                    self.open(term, from);
                }
                if let Some(end) = end {
                    self.set_end(term, end);
                }
                self.proof(term)
            }
            Change::End { term, end } => {
                self.set_end(term, end);
                None
            }
            Change::Clamp { to } => {
                self.clamp(to);
                None
            }
            Change::Invalidate { above } => {
                self.entries.retain(|entry| entry.base <= above);
                None
            }
        }
    }

    /// The frame at the base of `term` has been appended or read.
    pub(crate) fn event_seen(&mut self, term: i64) {
        if let Ok(index) = self.entries.binary_search_by_key(&term, |entry| entry.term) {
            self.entries[index].event_in_log = true;
        }
    }

    fn open(&mut self, term: i64, base: i64) {
        if self.last_term() >= term {
            return;
        }
        // A log that starts above 0 (seeded from a snapshot) has no earlier terms to name.
        let first = match self.entries.last_mut() {
            Some(last) => {
                last.end = Some(base);
                last.term + 1
            }
            None if base == 0 => 0,
            None => term,
        };
        let empty = |term| TermEntry {
            term,
            base,
            end: Some(base),
            event_in_log: false,
        };
        self.entries.extend((first..term).map(empty));
        self.entries.push(TermEntry {
            end: None,
            ..empty(term)
        });
    }

    fn set_end(&mut self, term: i64, end: i64) {
        if let Ok(index) = self.entries.binary_search_by_key(&term, |entry| entry.term) {
            self.entries[index].end = Some(end);
        }
    }

    fn clamp(&mut self, to: i64) {
        for entry in &mut self.entries {
            if entry.base > to {
                entry.base = to;
                entry.end = Some(to);
            } else if entry.end.is_some_and(|end| end > to) {
                entry.end = Some(to);
            }
            entry.event_in_log &= entry.base < to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(bases: &[(i64, i64)]) -> Ladder {
        let mut ladder = Ladder::default();
        for &(term, base) in bases {
            ladder.complete(LadderWritten::completed(Change::Term { term, base }));
        }
        ladder
    }

    fn shown(ladder: &Ladder) -> Vec<(i64, i64, Option<i64>)> {
        ladder
            .entries
            .iter()
            .map(|entry| (entry.term, entry.base, entry.end))
            .collect()
    }

    #[test]
    fn a_term_closes_the_last_one_and_fills_the_gap_09_19_4_f() {
        let mut ladder = ladder(&[(0, 0), (1, 100)]);
        ladder.complete(LadderWritten::completed(Change::End { term: 1, end: 700 }));
        let proof = ladder.complete(LadderWritten::completed(Change::Term {
            term: 4,
            base: 500,
        }));
        assert_eq!(proof, Some(TermOnDisk { term: 4, base: 500 }));
        let expected = [
            (0, 0, Some(100)),
            (1, 100, Some(500)),
            (2, 500, Some(500)),
            (3, 500, Some(500)),
            (4, 500, None),
        ];
        assert_eq!(shown(&ladder), expected);
    }

    #[test]
    fn aeron_lets_the_written_end_win_over_the_base_09_16_4() {
        let mut ladder = ladder(&[(0, 0), (1, 100)]);
        ladder.complete(LadderWritten::completed(Change::End { term: 1, end: 700 }));
        ladder.complete(LadderWritten::completed(Change::AeronTerm {
            term: 2,
            base: 500,
            end: None,
        }));
        assert_eq!(
            shown(&ladder),
            [(0, 0, Some(100)), (1, 100, Some(700)), (2, 700, None)]
        );
    }

    #[test]
    fn truncation_clamps_every_later_entry_and_removes_none_09_19_4_r() {
        let mut ladder = ladder(&[(3, 1000), (4, 3000)]);
        ladder.complete(LadderWritten::completed(Change::Clamp { to: 2000 }));
        assert_eq!(
            shown(&ladder),
            [(3, 1000, Some(2000)), (4, 2000, Some(2000))]
        );
        ladder.complete(LadderWritten::completed(Change::Term {
            term: 5,
            base: 2000,
        }));
        assert_eq!(
            shown(&ladder),
            [
                (3, 1000, Some(2000)),
                (4, 2000, Some(2000)),
                (5, 2000, None)
            ]
        );
    }

    #[test]
    fn a_hole_is_not_answered_with_a_guess_09_19_4_r() {
        let ladder = Ladder::read(vec![
            TermEntry {
                term: 2,
                base: 0,
                end: Some(96),
                event_in_log: true,
            },
            TermEntry {
                term: 5,
                base: 96,
                end: None,
                event_in_log: true,
            },
        ]);
        assert_eq!(ladder.next_after(2), Next::Hole);
        assert_eq!(ladder.next_after(5), Next::End);
        assert!(matches!(
            ladder.next_after(4),
            Next::Entry(TermEntry { term: 5, .. })
        ));
    }
}
