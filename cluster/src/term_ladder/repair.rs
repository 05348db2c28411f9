//! The ladder against the log it describes (spec 09 §19.4 R, "At start").

use super::{Ladder, TermEntry};

/// A NewLeadershipTermEvent found in the log: the frame at the first byte of its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermEvent {
    /// leadershipTermId.
    pub term: i64,
    /// termBaseLogPosition, which is where the frame starts.
    pub base: i64,
}

impl Ladder {
    /// Compares each term that has bytes with the frame at its base: one read per term.
    ///
    /// `event_at` reads the frame at a position, if that is a NewLeadershipTermEvent. Marks what it finds; the error is where a scan has to start: the last
    /// good base.
    pub(crate) fn check(
        &mut self,
        log_start: i64,
        append: i64,
        mut event_at: impl FnMut(i64) -> Option<TermEvent>,
    ) -> Result<(), i64> {
        let mut good = log_start;
        let mut agrees = true;
        for index in 0..self.entries.len() {
            let entry = self.entries[index];
            let shares_base = self
                .entries
                .get(index + 1)
                .is_some_and(|next| next.base == entry.base);
            if entry.base < log_start {
                continue;
            }
            let has_bytes = entry.base < append && !shares_base;
            let found = has_bytes
                && event_at(entry.base)
                    == Some(TermEvent {
                        term: entry.term,
                        base: entry.base,
                    });
            self.entries[index].event_in_log = found;
            let consistent = found || !has_bytes;
            agrees &= consistent && entry.base <= append;
            if agrees && found {
                good = entry.base;
            }
        }
        if agrees { Ok(()) } else { Err(good) }
    }

    /// The ladder rebuilt from the `events` of the log from `scanned_from` on, ascending.
    ///
    /// Terms with bytes get their event's position; a term without gets the base of the next one that has some, else `append`. Nothing is added above the
    /// highest term and the highest never drops, so rank and promise stay.
    pub(crate) fn rebuilt(&self, scanned_from: i64, append: i64, events: &[TermEvent]) -> Self {
        let Some(highest) = self.entries.last().map(|last| last.term) else {
            return Self::default();
        };
        let kept = self
            .entries
            .iter()
            .take_while(|entry| entry.base < scanned_from)
            .copied();
        let mut entries: Vec<TermEntry> = kept.collect();
        let first = entries
            .last()
            .map_or_else(|| self.entries[0].term, |last| last.term + 1);
        let first = events
            .iter()
            .map(|event| event.term)
            .fold(first, i64::min)
            .max(entries.last().map_or(i64::MIN, |last| last.term + 1));
        for term in first..=highest {
            let own = events.iter().find(|event| event.term == term);
            let base = events
                .iter()
                .find(|event| event.term >= term && event.term <= highest)
                .map_or(append, |event| event.base);
            entries.push(TermEntry {
                term,
                base,
                end: None,
                event_in_log: own.is_some(),
            });
        }
        for index in 1..entries.len() {
            entries[index - 1].end = Some(entries[index].base);
        }
        if let Some(last) = entries.last_mut() {
            last.end = None;
        }
        Self { entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn entry(term: i64, base: i64) -> TermEntry {
        TermEntry {
            term,
            base,
            end: None,
            event_in_log: false,
        }
    }

    fn repaired(
        entries: Vec<TermEntry>,
        append: i64,
        events: &[TermEvent],
    ) -> Vec<(i64, i64, bool)> {
        let mut ladder = Ladder::read(entries);
        let at = |position| events.iter().find(|event| event.base == position).copied();
        if let Err(from) = ladder.check(0, append, at) {
            let scanned: Vec<TermEvent> = events
                .iter()
                .filter(|event| event.base >= from)
                .copied()
                .collect();
            ladder = ladder.rebuilt(from, append, &scanned);
            assert_eq!(
                ladder.check(0, append, at),
                Ok(()),
                "a rebuilt ladder agrees with its log"
            );
        }
        ladder
            .entries()
            .iter()
            .map(|entry| (entry.term, entry.base, entry.event_in_log))
            .collect()
    }

    #[test]
    fn older_bytes_under_a_byteless_last_term_move_it_up_script_20() {
        let ladder = repaired(
            vec![entry(1, 0), entry(2, 1000)],
            3000,
            &[TermEvent { term: 1, base: 0 }],
        );
        assert_eq!(ladder, [(1, 0, true), (2, 3000, false)]);
    }

    #[test]
    fn bytes_of_a_term_that_has_no_entry_raise_nothing_script_19() {
        let events = [
            TermEvent { term: 1, base: 0 },
            TermEvent {
                term: 4,
                base: 1000,
            },
        ];
        let ladder = repaired(vec![entry(1, 0)], 3000, &events);
        assert_eq!(ladder, [(1, 0, true)]);
    }

    #[test]
    fn missing_terms_below_the_highest_are_added_and_byteless_ones_take_the_next_base() {
        let events = [
            TermEvent { term: 0, base: 0 },
            TermEvent { term: 3, base: 512 },
        ];
        let ladder = repaired(
            vec![entry(0, 0), entry(1, 256), entry(5, 512)],
            1024,
            &events,
        );
        assert_eq!(
            ladder,
            [
                (0, 0, true),
                (1, 512, false),
                (2, 512, false),
                (3, 512, true),
                (4, 1024, false),
                (5, 1024, false)
            ]
        );
    }

    #[test]
    fn a_ladder_that_agrees_is_left_alone() {
        let events = [
            TermEvent { term: 0, base: 0 },
            TermEvent { term: 2, base: 512 },
        ];
        let ladder = repaired(
            vec![entry(0, 0), entry(1, 512), entry(2, 512), entry(3, 1024)],
            1024,
            &events,
        );
        assert_eq!(
            ladder,
            [
                (0, 0, true),
                (1, 512, false),
                (2, 512, true),
                (3, 1024, false)
            ]
        );
    }
}
