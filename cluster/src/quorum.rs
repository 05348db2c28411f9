//! Quorum over member evidence (spec 09 §5.1, §19.4 C), and the proof [`Committed`] that hangs on it.
#![deny(clippy::wildcard_enum_match_arm, clippy::float_arithmetic)]

use crate::evidence::{Evidence, Kind, Seen};
use crate::recorded::Recorded;
use crate::rules::Rules;
use crate::term_ladder::TermOnDisk;

/// A position up to which the log can't be lost: a quorum has recorded it.
///
/// Made by [`quorum`] on a leader whose gate is open, and on a follower as the smaller of its leader's commit position and its own recorded bytes.
///
/// ```compile_fail
/// let forged = taranis_cluster::quorum::Committed(4096);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Committed(i64);

impl Committed {
    /// A follower's: what its leader told, as far as it is recorded here.
    pub(crate) fn told(by_leader: i64, recorded: Recorded) -> Self {
        Self(by_leader.min(recorded.position()))
    }

    /// The position in bytes.
    #[must_use]
    pub const fn position(self) -> i64 {
        self.0
    }
}

/// Members needed of `members`.
#[must_use]
pub const fn threshold(members: usize) -> usize {
    (members >> 1) + 1
}

/// What a leader asks of its members' evidence.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Whose rules count.
    pub rules: Rules,
    /// The members; the entry at `own` is not looked at.
    pub members: &'a [Seen],
    /// Index of this member.
    pub own: usize,
    /// This member's recorded bytes.
    pub append: Recorded,
    /// The leader's TERM entry, once on disk; the own slot counts from then on.
    pub own_term: Option<TermOnDisk>,
    /// The leader's term.
    pub term: i64,
    /// Base of the term.
    pub base: i64,
    /// The gate was open in this term before.
    pub gate_was_open: bool,
    /// Monotonic time.
    pub now_ns: i64,
    /// leaderHeartbeatTimeout.
    pub timeout_ns: i64,
}

/// What the evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The position a quorum has recorded, at most the leader's own.
    pub position: i64,
    /// Members, self included, that are active, have adopted the term and reached its base.
    pub adopted: usize,
    /// Members, self included, heard of within the timeout.
    pub active: usize,
    /// The leader may publish, apply and answer above its floor (§19.4 G).
    pub gate: bool,
    base: i64,
    rules: Rules,
}

impl Quorum {
    /// The proof, if the gate is open and the position is one of this term.
    #[must_use]
    pub fn committed(&self) -> Option<Committed> {
        let counts = !self.rules.ours() || (self.gate && self.position >= self.base);
        counts.then_some(Committed(self.position))
    }
}

/// Counts the evidence. No allocation; quadratic in the members, of which there are a handful.
#[must_use]
pub fn quorum(question: &Question<'_>) -> Quorum {
    let needed = threshold(question.members.len());
    let positions = |index: usize| position_of(question, index);
    let reached_by = |position: i64| {
        (0..question.members.len())
            .filter(|&index| positions(index) >= position)
            .count()
    };
    let position = (0..question.members.len())
        .map(positions)
        .filter(|&position| reached_by(position) >= needed)
        .max()
        .unwrap_or(0);
    let adopted = (0..question.members.len())
        .filter(|&index| has_adopted(question, index))
        .count();
    let active = (0..question.members.len())
        .filter(|&index| index == question.own || active_evidence(question, index).is_some())
        .count();
    let gate = match question.rules {
        Rules::Aeron => adopted >= needed,
        Rules::Strict => {
            question.gate_was_open || (adopted >= needed && question.own_term.is_some())
        }
    };
    Quorum {
        position: position.min(question.append.position()),
        adopted,
        active,
        gate,
        base: question.base,
        rules: question.rules,
    }
}

fn active_evidence<'a>(question: &Question<'a>, index: usize) -> Option<&'a Evidence> {
    let evidence = question.members.get(index)?.evidence.as_ref()?;
    (evidence.at_ns.saturating_add(question.timeout_ns) > question.now_ns).then_some(evidence)
}

/// The position a member counts with: `pos(m)` of the spec.
fn position_of(question: &Question<'_>, index: usize) -> i64 {
    if index == question.own {
        return match (question.rules, question.own_term) {
            (Rules::Aeron, _) | (Rules::Strict, Some(_)) => question.append.position(),
            (Rules::Strict, None) => 0,
        };
    }
    let Some(evidence) = active_evidence(question, index) else {
        return 0;
    };
    if question.rules == Rules::Aeron {
        return evidence.position.max(0);
    }
    let replaying = question.members[index].replaying;
    let counts = match evidence.kind {
        Kind::Vote => false,
        Kind::Canvass | Kind::Append => adopts(question, evidence),
        Kind::AppendCatchup => {
            adopts(question, evidence) || (evidence.term < question.term && replaying)
        }
    };
    if counts { evidence.position } else { 0 }
}

fn adopts(question: &Question<'_>, evidence: &Evidence) -> bool {
    evidence.term == question.term && evidence.promise <= question.term
}

fn has_adopted(question: &Question<'_>, index: usize) -> bool {
    if index == question.own {
        return question.own_term.is_some() || question.rules == Rules::Aeron;
    }
    active_evidence(question, index).is_some_and(|evidence| {
        let adopts = match (question.rules, evidence.kind) {
            (Rules::Aeron, _) => evidence.term == question.term,
            (Rules::Strict, Kind::Vote) => false,
            (Rules::Strict, Kind::Canvass | Kind::Append | Kind::AppendCatchup) => {
                adopts(question, evidence)
            }
        };
        adopts && evidence.position >= question.base
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::term_ladder::{Change, Ladder, LadderWritten};

    const T: i64 = 5;
    const BASE: i64 = 1000;
    const NOW: i64 = 10_000;
    const TIMEOUT: i64 = 100;

    fn on_disk() -> TermOnDisk {
        Ladder::default()
            .complete(LadderWritten::completed(Change::Term {
                term: T,
                base: BASE,
            }))
            .unwrap()
    }

    /// Every report that can matter to a leader of term `T`.
    fn reports() -> Vec<Seen> {
        let mut all = vec![Seen::default()];
        for kind in [Kind::Canvass, Kind::Vote, Kind::Append, Kind::AppendCatchup] {
            for (term, promise) in [(T, T), (T, T + 1), (T - 1, T), (T - 1, T - 1)] {
                for position in [700, 1000, 1300] {
                    for at_ns in [NOW - TIMEOUT, NOW - TIMEOUT + 1] {
                        for replaying in [false, true] {
                            let evidence = Evidence {
                                kind,
                                term,
                                position,
                                at_ns,
                                promise,
                                protocol_version: 0,
                            };
                            all.push(Seen {
                                evidence: Some(evidence),
                                replaying,
                            });
                        }
                    }
                }
            }
        }
        all
    }

    /// The slow twin: the table of §19.4 C line by line, ranking by sorting.
    fn slowly(question: &Question<'_>) -> (i64, usize, bool) {
        let ours = question.rules.ours();
        let mut positions = Vec::new();
        let mut adopted = 0;
        for (index, member) in question.members.iter().enumerate() {
            if index == question.own {
                let counts = !ours || question.own_term.is_some();
                positions.push(if counts {
                    question.append.position()
                } else {
                    0
                });
                adopted += usize::from(counts);
                continue;
            }
            let active = member
                .evidence
                .filter(|evidence| evidence.at_ns + question.timeout_ns > question.now_ns);
            let Some(e) = active else {
                positions.push(0);
                continue;
            };
            let own_term =
                e.term == question.term && e.promise <= question.term && e.kind != Kind::Vote;
            let java_catching_up =
                e.kind == Kind::AppendCatchup && e.term < question.term && member.replaying;
            positions.push(if !ours || own_term || java_catching_up {
                e.position
            } else {
                0
            });
            let has_term = if ours {
                own_term
            } else {
                e.term == question.term
            };
            adopted += usize::from(has_term && e.position >= question.base);
        }
        positions.sort_unstable();
        positions.reverse();
        let needed = question.members.len() / 2 + 1;
        let position = positions[needed - 1].min(question.append.position());
        let gate = if ours {
            question.gate_was_open || (adopted >= needed && question.own_term.is_some())
        } else {
            adopted >= needed
        };
        (position, adopted, gate)
    }

    #[test]
    fn quorum_equals_its_slow_twin_for_every_pair_of_reports_09_19_4_c() {
        let reports = reports();
        for rules in [Rules::Aeron, Rules::Strict] {
            for own_term in [None, Some(on_disk())] {
                for first in &reports {
                    for second in &reports {
                        let members = [Seen::default(), *first, *second];
                        let question = Question {
                            rules,
                            members: &members,
                            own: 0,
                            append: Recorded::completed(1200),
                            own_term,
                            term: T,
                            base: BASE,
                            gate_was_open: false,
                            now_ns: NOW,
                            timeout_ns: TIMEOUT,
                        };
                        let fast = quorum(&question);
                        assert_eq!(
                            (fast.position, fast.adopted, fast.gate),
                            slowly(&question),
                            "{question:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn quorum_equals_its_slow_twin_for_drawn_clusters_of_any_size() {
        let reports = reports();
        let mut state = 1_u64;
        let mut draw = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..20_000 {
            let members: Vec<Seen> = (0..=draw(7))
                .map(|_| reports[draw(reports.len())])
                .collect();
            let question = Question {
                rules: [Rules::Aeron, Rules::Strict][draw(2)],
                members: &members,
                own: draw(members.len()),
                append: Recorded::completed(1200),
                own_term: [None, Some(on_disk())][draw(2)],
                term: T,
                base: BASE,
                gate_was_open: draw(2) == 1,
                now_ns: NOW,
                timeout_ns: TIMEOUT,
            };
            let fast = quorum(&question);
            assert_eq!(
                (fast.position, fast.adopted, fast.gate),
                slowly(&question),
                "{question:?}"
            );
        }
    }

    #[test]
    fn a_divergent_tail_counts_under_aeron_only_script_1() {
        let report = |kind, term, position| Seen {
            evidence: Some(Evidence {
                kind,
                term,
                position,
                at_ns: NOW,
                promise: term,
                protocol_version: 0,
            }),
            replaying: false,
        };
        let members = [
            Seen::default(),
            report(Kind::Append, T, 700),
            report(Kind::Canvass, 1, 1000),
        ];
        let mut question = Question {
            rules: Rules::Aeron,
            members: &members,
            own: 0,
            append: Recorded::completed(900),
            own_term: Some(on_disk()),
            term: T,
            base: 600,
            gate_was_open: true,
            now_ns: NOW,
            timeout_ns: TIMEOUT,
        };
        assert_eq!(
            quorum(&question).position,
            900,
            "Aeron commits 700..900 on the leader alone"
        );
        question.rules = Rules::Strict;
        assert_eq!(
            quorum(&question).committed().map(Committed::position),
            Some(700)
        );
    }
}
