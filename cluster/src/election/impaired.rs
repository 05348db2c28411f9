//! A member whose files are gone (spec 09 §19.4 D): it has forgotten votes and acknowledged bytes, and must not act as if it had none.

use super::common::Recovered;
use super::effect::{Effect, NodeStateEntry, Ticket};
use super::facts::Settings;
use super::step::Outcome;
use super::turn::Turn;
use crate::evidence::Rank;

/// Why a node may not be trusted with its own memory, and how far it is on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Impaired {
    start_ns: i64,
    /// TERM entries lie above the recorded bytes: they go, after the flag.
    pub(crate) ladder_above_log: bool,
    /// The leader and term for which silent members were given up.
    given_up: Option<(usize, i64)>,
    healing: Option<Ticket>,
}

impl Impaired {
    /// What the files say; none for a whole node.
    pub(crate) fn diagnose(
        settings: &Settings,
        recovered: &Recovered,
        now_ns: i64,
    ) -> Option<Self> {
        if !settings.rules.ours() || settings.bootstrap {
            return None;
        }
        let entry = recovered
            .node_state
            .map_or(NodeStateEntry::ABSENT, |(_, entry)| entry);
        let append = recovered.append.position();
        let has_cut = entry.truncation.is_some();
        let above = recovered
            .ladder
            .entries()
            .iter()
            .any(|entry| entry.base > append)
            && !has_cut;
        let forgot_files = recovered.node_state.is_none()
            || recovered.ladder.last().is_none()
            || recovered.recording_id.is_none();
        let lost_bytes = above || (entry.commit.max(recovered.snapshot) > append && !has_cut);
        let is_impaired = entry.impaired || forgot_files || lost_bytes;
        is_impaired.then_some(Self {
            start_ns: now_ns,
            ladder_above_log: above,
            given_up: None,
            healing: None,
        })
    }
}

impl Turn<'_> {
    /// D 1: may this node follow that leader yet?
    pub(crate) fn may_follow(&self, leader: usize, term: i64) -> bool {
        let Some(impaired) = self.common.impaired else {
            return true;
        };
        self.common.voted_term == Some(term)
            || self.all_have_told()
            || impaired.given_up == Some((leader, term))
    }

    /// D 1: a node that hears a leader sends it nothing until all have told or the silent ones are given up.
    pub(crate) fn may_canvass(&mut self, member: usize) -> bool {
        let Some(impaired) = self.common.impaired else {
            return true;
        };
        let Some(term) = self.common.members[member].leads else {
            return true;
        };
        // A leader below the promise is deposed by a canvass, not kept active.
        if term < self.common.promise
            || self.all_have_told()
            || impaired.given_up == Some((member, term))
        {
            return true;
        }
        let from = self.common.members[member]
            .sent_ns
            .unwrap_or(impaired.start_ns)
            .max(impaired.start_ns);
        let waited = self.now() >= from + self.facts.settings.silence_ns();
        if waited {
            self.common.impaired = Some(Impaired {
                given_up: Some((member, term)),
                ..impaired
            });
        }
        waited
    }

    /// D 2: may this node elect, itself or another? It has heard all since it entered CANVASS, and `rank` is the best of all.
    pub(crate) fn may_elect(&self, candidate: usize, rank: Rank) -> bool {
        if self.common.impaired.is_none() {
            return true;
        }
        let mut others = self.common.others().filter(|&member| member != candidate);
        let is_best = others.all(|member| {
            self.common.seen[member]
                .evidence
                .is_some_and(|evidence| evidence.rank() <= rank)
        });
        is_best && self.rank() <= rank
    }

    /// D 4: the term is on disk, and its bytes as far as its leader has told them committed: whole again. `told` is above the term's base, so it is no commit
    /// position of before the gate.
    pub(crate) fn heal(&mut self, term: i64, told: i64) {
        let Some(impaired) = self.common.impaired else {
            return;
        };
        let Some(proof) = self.common.ladder.proof(term) else {
            return;
        };
        if impaired.healing.is_some() || told <= proof.base() || self.append().position() < told {
            return;
        }
        let ticket = self.common.next_ticket();
        self.common.entry.impaired = false;
        self.common.impaired = Some(Impaired {
            healing: Some(ticket),
            ..impaired
        });
        self.out.push(Effect::WriteNodeState {
            ticket,
            entry: self.common.entry,
        });
    }

    fn all_have_told(&self) -> bool {
        self.common
            .others()
            .all(|member| self.common.members[member].told)
    }

    /// The member has told a term or promise; an impaired node takes the highest as its own.
    pub(crate) fn note_term(&mut self, member: usize, term: i64) {
        self.note_told(member);
        if self.common.impaired.is_some() {
            self.common.raise_promise(term);
        }
    }

    pub(crate) fn note_told(&mut self, member: usize) {
        self.common.members[member].told = true;
    }

    pub(crate) fn note_leader(&mut self, member: usize, term: i64) {
        self.note_term(member, term);
        self.common.members[member].leads = Some(term);
    }

    /// A Java member turns rule M off (§19.4 M).
    pub(crate) fn note_protocol(&mut self, member: usize, protocol_version: i32) {
        self.common.members[member].protocol_version = protocol_version;
        let is_java = protocol_version == crate::rules::PROTOCOL_JAVA;
        if is_java && self.rules().ours() && !self.common.java_seen {
            self.common.java_seen = true;
            self.out.push(Effect::ReportJava {
                member: self.common.members[member].id,
            });
        }
    }
}

/// The cleared flag is on disk: the node is whole. A write that failed is tried again.
pub(crate) fn written(turn: &mut Turn<'_>, ticket: Ticket, outcome: &Outcome) {
    let Some(impaired) = turn
        .common
        .impaired
        .filter(|impaired| impaired.healing == Some(ticket))
    else {
        return;
    };
    let is_written = matches!(outcome, Outcome::Written(_));
    turn.common.impaired = (!is_written).then_some(Impaired {
        healing: None,
        ..impaired
    });
    turn.common.entry.impaired = !is_written;
}
