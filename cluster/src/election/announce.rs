//! What a leader tells its members: its term, and how far it is committed (spec 09 §11.4, §11.6, §19.4 G 2 and 3).

use super::effect::Effect;
use super::message::{CommitPosition, Message, NewLeadershipTerm};
use super::state::Leading;
use super::turn::{Turn, passed};
use crate::quorum::{Question, Quorum, quorum};
use crate::rules::Rules;
use crate::term_ladder::Next;

impl Turn<'_> {
    /// A new leader of `term`: its log publication starts where its log ends.
    pub(crate) fn lead(&mut self, term: i64) -> Leading {
        let base = self.append().position();
        self.common.leadership_term_id = term;
        let opening = self.common.next_ticket();
        self.out.push(Effect::OpenLog {
            ticket: opening,
            position: base,
        });
        Leading {
            term,
            base,
            log_session_id: None,
            gate_open: false,
            opening,
            is_startup: false,
            announced_ns: None,
            committed_ns: None,
            told: 0,
        }
    }

    /// The members' evidence as it stands.
    pub(crate) fn count(&self, leading: &Leading) -> Quorum {
        quorum(&Question {
            rules: self.rules(),
            members: &self.common.seen,
            own: self.common.own,
            append: self.append(),
            own_term: self.common.ladder.proof(leading.term),
            term: leading.term,
            base: leading.base,
            gate_was_open: leading.gate_open,
            now_ns: self.now(),
            timeout_ns: self.facts.settings.leader_heartbeat_timeout_ns,
        })
    }

    /// NewLeadershipTerm by interval, and the commit position when it has grown or by interval.
    pub(crate) fn announce(&mut self, leading: &mut Leading, count: &Quorum) {
        let interval_ns = self.facts.settings.leader_heartbeat_interval_ns;
        if passed(&mut leading.announced_ns, self.now(), interval_ns) {
            for member in self.common.others() {
                let log_term = self.common.ladder.last_term();
                let commit = self.commit_for(leading, member, count);
                if let Some(message) = self.new_leadership_term(leading, log_term, commit, false) {
                    self.send_to(member, Message::NewLeadershipTerm(message));
                }
            }
        }
        self.announce_commit(leading, count);
    }

    /// CommitPosition to all; before the gate to each member what rule G 2 lets it have.
    pub(crate) fn announce_commit(&mut self, leading: &mut Leading, count: &Quorum) {
        let interval_ns = self.facts.settings.leader_heartbeat_interval_ns;
        let is_shut = self.rules().ours() && !leading.gate_open;
        let position = if is_shut {
            leading.told
        } else {
            count.position
        };
        let grew = position > leading.told;
        if grew {
            leading.committed_ns = None;
        }
        if position < leading.told && self.rules() == Rules::Aeron
            || !passed(&mut leading.committed_ns, self.now(), interval_ns)
        {
            return;
        }
        leading.told = position.max(leading.told);
        for member in self.common.others() {
            let log_position = if is_shut {
                self.commit_for(leading, member, count)
            } else {
                leading.told
            };
            let message = CommitPosition {
                leadership_term_id: leading.term,
                log_position,
                leader_member_id: self.own_id(),
            };
            self.send_to(member, Message::CommitPosition(message));
        }
    }

    /// What is committed becomes so here.
    pub(crate) fn commit(&mut self, count: &Quorum) {
        if let Some(committed) = count.committed()
            && committed.position() > self.common.commit
        {
            self.common.commit = committed.position();
            self.out.push(Effect::Commit(committed));
        }
    }

    /// G 2: before the gate a member at or above the base, or of unknown position, is told 0, one further back the floor.
    pub(crate) fn commit_for(&self, leading: &Leading, member: usize, count: &Quorum) -> i64 {
        match self.rules() {
            Rules::Aeron => count.position,
            Rules::Strict if leading.gate_open => self.common.commit,
            Rules::Strict => match self.common.seen[member].evidence {
                Some(evidence) if evidence.position < leading.base => self.common.floor(),
                Some(_) | None => 0,
            },
        }
    }

    /// Answers one member by its own last term.
    pub(crate) fn answer(&mut self, leading: &Leading, member: usize, log_term: i64) {
        let count = self.count(leading);
        let commit = self.commit_for(leading, member, &count);
        if let Some(message) = self.new_leadership_term(leading, log_term, commit, false) {
            self.send_to(member, Message::NewLeadershipTerm(message));
        }
    }

    /// As an established leader answers a canvass.
    pub(crate) fn answer_established(&mut self, leading: &Leading, member: usize, log_term: i64) {
        if let Some(message) = self.new_leadership_term(leading, log_term, self.common.commit, true)
        {
            self.send_to(member, Message::NewLeadershipTerm(message));
        }
    }

    /// None while there is no log publication, and where the ladder has a hole (§19.4 R).
    fn new_leadership_term(
        &mut self,
        leading: &Leading,
        log_term: i64,
        commit: i64,
        is_established: bool,
    ) -> Option<NewLeadershipTerm> {
        let log_session_id = leading.log_session_id?;
        let append = self.append().position();
        let has_no_next = log_term >= leading.term && (self.rules().ours() || is_established);
        let (next_term, next_base, next_end) = if has_no_next {
            (-1, -1, -1)
        } else {
            match self.common.ladder.next_after(log_term) {
                Next::Entry(entry) => (
                    entry.term,
                    entry.base,
                    entry
                        .end
                        .unwrap_or(if is_established { -1 } else { append }),
                ),
                Next::Hole if self.rules().ours() => {
                    if self.common.hole_reported != Some(log_term) {
                        self.common.hole_reported = Some(log_term);
                        self.out.push(Effect::ReportHole { term: log_term });
                    }
                    return None;
                }
                Next::Hole | Next::End => (leading.term, leading.base, -1),
            }
        };
        Some(NewLeadershipTerm {
            log_leadership_term_id: log_term,
            next_leadership_term_id: next_term,
            next_term_base_log_position: next_base,
            next_log_position: next_end,
            leadership_term_id: leading.term,
            term_base_log_position: leading.base,
            log_position: append,
            leader_recording_id: self.common.recording_id.unwrap_or(-1),
            timestamp: self.facts.timestamp,
            leader_member_id: self.own_id(),
            log_session_id,
            app_version: self.facts.settings.app_version,
            is_startup: leading.is_startup,
            commit_position: commit,
        })
    }
}
