//! The checker: its own record of what was answered and applied, of who led, and the rules that must hold. It knows nothing of how the core decides.

use std::collections::BTreeMap;

use super::disk::{Block, Log};

/// A rule that a walk has broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Other bytes than those answered or applied before.
    #[error(
        "member {member} commits other bytes than were answered or applied, below position {position}"
    )]
    Diverged {
        /// Whose log.
        member: i32,
        /// End of the first frame that differs.
        position: i64,
    },
    /// A leader starts its term without bytes answered in an earlier one.
    #[error("leader {member} of term {term} lacks answered bytes: has {has}, answered {answered}")]
    Lost {
        /// The leader.
        member: i32,
        /// Its term.
        term: i64,
        /// Where its log stops agreeing.
        has: i64,
        /// What was answered before.
        answered: i64,
    },
    /// Two leaders in one term.
    #[error("members {first} and {second} were both elected in term {term}")]
    TwoLeaders {
        /// The term.
        term: i64,
        /// The first.
        first: i32,
        /// The second.
        second: i32,
    },
    /// A node refused to go on although nothing was lost on its disk.
    #[error("member {member} stopped")]
    Stopped {
        /// Which.
        member: i32,
    },
    /// The calm phase did not end in one term that all members share.
    #[error("not live {rounds} rounds after the last fault")]
    NotLive {
        /// How long it had.
        rounds: u64,
    },
}

/// A committed block and the term it was first known to be committed in.
#[derive(Clone, Copy, Debug)]
struct Answered {
    block: Block,
    term: i64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    answered: Vec<Answered>,
    leaders: BTreeMap<i64, i32>,
    pub(crate) violation: Option<Violation>,
}

impl History {
    fn broken(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    /// `member` answers or applies its log up to `position` in `term`; `checked` is how many of its blocks were compared before.
    pub(crate) fn committed(
        &mut self,
        member: i32,
        log: &Log,
        position: i64,
        term: i64,
        checked: &mut usize,
    ) {
        while let Some(block) = log
            .blocks
            .get(*checked)
            .filter(|block| block.end <= position)
        {
            match self.answered.get_mut(*checked) {
                Some(known) if known.block == *block => known.term = known.term.min(term),
                Some(known) => {
                    let position = known.block.end;
                    self.broken(Violation::Diverged { member, position });
                    return;
                }
                None => self.answered.push(Answered {
                    block: *block,
                    term,
                }),
            }
            *checked += 1;
        }
    }

    pub(crate) fn elected(&mut self, member: i32, term: i64) {
        let first = *self.leaders.entry(term).or_insert(member);
        if first != member {
            self.broken(Violation::TwoLeaders {
                term,
                first,
                second: member,
            });
        }
    }

    /// A leader starts its term: all that was answered in earlier ones is in its log.
    pub(crate) fn leads(&mut self, member: i32, term: i64, log: &Log) {
        let earlier = self
            .answered
            .iter()
            .filter(|answered| answered.term < term)
            .count();
        let agreeing = self
            .answered
            .iter()
            .zip(&log.blocks)
            .take_while(|(answered, block)| answered.block == **block)
            .count();
        if agreeing < earlier {
            let answered = self.answered[earlier - 1].block.end;
            let has = agreeing
                .checked_sub(1)
                .map_or(0, |last| log.blocks[last].end);
            self.broken(Violation::Lost {
                member,
                term,
                has,
                answered,
            });
        }
    }

    pub(crate) fn not_live(&mut self, rounds: u64) {
        self.broken(Violation::NotLive { rounds });
    }

    /// Terms that had a leader.
    pub(crate) fn terms(&self) -> u64 {
        self.leaders.len() as u64
    }

    pub(crate) fn stopped(&mut self, member: i32) {
        self.broken(Violation::Stopped { member });
    }

    /// Bytes answered or applied so far.
    pub(crate) fn position(&self) -> i64 {
        self.answered
            .last()
            .map_or(0, |answered| answered.block.end)
    }
}
