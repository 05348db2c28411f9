//! What a member keeps across a kill: `node-state.dat`, the TERM entries and the log recording.

use crate::election::{NodeStateEntry, Recovered};
use crate::proposed::TermProposed;
use crate::recorded::Recorded;
use crate::term_ladder::{Change, Ladder, LadderWritten, TermEvent};

/// A run of log bytes that is written, copied and compared as one: a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Position after it.
    pub(crate) end: i64,
    /// Unique for every append; equal ids are equal bytes.
    pub(crate) id: u64,
    /// Set if it is the first frame of a term.
    pub(crate) event: Option<TermEvent>,
}

/// Length of a NewLeadershipTermEvent frame in bytes.
pub(crate) const TERM_EVENT_LENGTH: i64 = 96;
/// Marks frames that were there before the walk.
const EARLIER: u64 = 1 << 62;
/// A frame cut in two is no frame.
const TORN: u64 = u64::MAX;

/// The log recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) blocks: Vec<Block>,
}

impl Log {
    pub(crate) fn end(&self) -> i64 {
        self.blocks.last().map_or(0, |block| block.end)
    }

    /// Index of the block that starts at `position`; the number of blocks at the end; none inside a block.
    pub(crate) fn index_at(&self, position: i64) -> Option<usize> {
        if position == 0 {
            return Some(0);
        }
        let index = self
            .blocks
            .binary_search_by_key(&position, |block| block.end)
            .ok()?;
        Some(index + 1)
    }

    pub(crate) fn event_at(&self, position: i64) -> Option<TermEvent> {
        self.blocks.get(self.index_at(position)?)?.event
    }

    pub(crate) fn truncate(&mut self, to: i64) {
        while let Some(&last) = self.blocks.last() {
            if last.end <= to {
                return;
            }
            self.blocks.pop();
            if self.end() < to {
                self.blocks.push(Block {
                    end: to,
                    id: TORN,
                    event: None,
                });
            }
        }
    }

    /// Appends the next block of `source`, as far as `limit`; false if there is none or this log ends inside a frame of it.
    pub(crate) fn pull(&mut self, source: &Self, limit: i64) -> Pull {
        let Some(index) = source.index_at(self.end()) else {
            return Pull::Misaligned;
        };
        let Some(&next) = source.blocks.get(index).filter(|_| self.end() < limit) else {
            return Pull::Nothing;
        };
        let block = if next.end > limit {
            Block {
                end: limit,
                id: TORN,
                event: None,
            }
        } else {
            next
        };
        self.blocks.push(block);
        Pull::Copied
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    Copied,
    Nothing,
    Misaligned,
}

/// All files of a member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) candidate: Option<TermProposed>,
    pub(crate) entry: Option<NodeStateEntry>,
    pub(crate) ladder: Ladder,
    pub(crate) log: Log,
    pub(crate) has_recording: bool,
}

impl Disk {
    pub(crate) fn propose(&mut self, candidate_term: i64) -> TermProposed {
        let before = self.candidate.map_or(-1, TermProposed::candidate_term);
        let proposed = TermProposed::completed(before.max(candidate_term));
        self.candidate = Some(proposed);
        proposed
    }

    pub(crate) fn write_ladder(&mut self, change: Change) -> LadderWritten {
        let written = LadderWritten::completed(change);
        self.ladder.complete(written);
        written
    }

    /// §19.4 R, "At start": compare, and rebuild from a scan where they differ.
    pub(crate) fn check_ladder(&mut self) -> Ladder {
        let append = self.log.end();
        let log = &self.log;
        if let Err(from) = self
            .ladder
            .check(0, append, |position| log.event_at(position))
        {
            let scanned: Vec<TermEvent> = log
                .blocks
                .iter()
                .filter_map(|block| block.event)
                .filter(|event| event.base >= from)
                .collect();
            self.ladder = self.ladder.rebuilt(from, append, &scanned);
        }
        self.ladder.clone()
    }

    pub(crate) fn recorded(&self) -> Recorded {
        Recorded::completed(self.log.end())
    }

    /// A process starts on these files. A recording that no TERM entry names is an orphan.
    pub(crate) fn recover(&mut self) -> Recovered {
        if self.ladder.last().is_none() {
            self.log = Log::default();
            self.has_recording = false;
        }
        if self.candidate.is_none() && self.entry.is_some() {
            self.candidate = Some(TermProposed::completed(-1));
        }
        let node_state = self
            .candidate
            .map(|proposed| (proposed, self.entry.unwrap_or(NodeStateEntry::ABSENT)));
        Recovered {
            node_state,
            ladder: self.ladder.clone(),
            recording_id: self.has_recording.then_some(0),
            log_start: 0,
            append: self.recorded(),
            snapshot: 0,
            snapshot_term: -1,
        }
    }

    /// Files of a whole node with these terms and that many bytes.
    pub(crate) fn of_earlier_life(terms: &[(i64, i64)], append: i64) -> Self {
        let mut disk = Self::default();
        for &(term, base) in terms {
            let previous = disk.ladder.last_term();
            disk.extend(previous, base);
            disk.write_ladder(Change::Term { term, base });
        }
        let last = disk.ladder.last_term();
        disk.extend(last, append);
        // A power cut may have taken bytes that a TERM entry counts on.
        disk.log.truncate(append);
        disk.has_recording = !terms.is_empty();
        disk.propose(last);
        disk.entry = Some(NodeStateEntry {
            strict_from: 0,
            ..NodeStateEntry::ABSENT
        });
        disk
    }

    /// Records frames of `term` up to `to`: a term event at the term's base, then one each hundred bytes. Equal terms and positions are equal bytes.
    pub(crate) fn extend(&mut self, term: i64, to: i64) {
        while self.log.end() < to {
            let start = self.log.end();
            let is_event = self
                .ladder
                .entry(term)
                .is_some_and(|entry| entry.base == start);
            let grid = (start / 100 + 1) * 100;
            let end = if is_event {
                start + TERM_EVENT_LENGTH
            } else {
                grid
            }
            .min(to);
            let id = EARLIER
                | u64::try_from(term + 1).unwrap_or(0) << 40
                | u64::try_from(start).unwrap_or(0);
            self.log.blocks.push(Block {
                end,
                id,
                event: is_event.then_some(TermEvent { term, base: start }),
            });
        }
    }
}
