//! One step at work: the shared state, the facts and the effects, and what every state does with them.

use super::common::{Common, Startup};
use super::edges::Code;
use super::effect::{Effect, Effects, Role, Ticket, To};
use super::facts::Facts;
use super::message::{AppendPosition, CanvassPosition, Message, Proven};
use super::reason::Reason;
use super::state::{Canvass, Init, Stage, State, TermWrite};
use super::{Fatal, Outcome};
use crate::evidence::{Evidence, Kind, Rank};
use crate::recorded::Recorded;
use crate::rules::{PROTOCOL_TARANIS, Rules};
use crate::term_ladder::Change;

pub(crate) struct Turn<'a> {
    pub(crate) common: &'a mut Common,
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) out: &'a mut Effects,
}

impl Turn<'_> {
    pub(crate) const fn now(&self) -> i64 {
        self.facts.now_ns
    }

    pub(crate) const fn rules(&self) -> Rules {
        self.facts.settings.rules
    }

    pub(crate) const fn append(&self) -> Recorded {
        self.facts.recorded
    }

    pub(crate) fn rank(&self) -> Rank {
        self.common.rank(self.facts.recorded)
    }

    pub(crate) const fn own_id(&self) -> i32 {
        self.facts.settings.member_id
    }

    pub(crate) const fn needed(&self) -> usize {
        crate::quorum::threshold(self.facts.settings.members.len())
    }

    /// Rule M holds: Strict, and no Java member has been seen.
    pub(crate) const fn majority_wins(&self) -> bool {
        self.rules().ours() && !self.common.java_seen
    }

    pub(crate) fn send(&mut self, to: To, message: Message) {
        let now = self.now();
        match to {
            To::All => self
                .common
                .members
                .iter_mut()
                .for_each(|member| member.sent_ns = Some(now)),
            To::Member(id) => {
                if let Some(index) = self.common.index_of(id) {
                    self.common.members[index].sent_ns = Some(now);
                }
            }
        }
        self.out.push(Effect::Send { to, message });
    }

    pub(crate) fn send_to(&mut self, member: usize, message: Message) {
        self.send(To::Member(self.common.members[member].id), message);
    }

    /// Whether the state's periodic send is due; starts the next interval if so.
    pub(crate) fn interval_passed(&mut self, interval_ns: i64) -> bool {
        passed(&mut self.common.sent_ns, self.facts.now_ns, interval_ns)
    }

    pub(crate) fn since_state_change(&self) -> i64 {
        self.now() - self.common.since_ns
    }

    /// The one door into a state: the edge is legal, counter, clocks and log line are set, the state's entry actions done.
    ///
    /// # Panics
    /// On an edge that is not in the table: a fault of ours, never of a peer's.
    pub(crate) fn enter(&mut self, from: Code, to: State, reason: Reason) -> State {
        let code = to.code();
        if from == code {
            return to;
        }
        assert!(
            from.leads_to(code),
            "illegal election edge {} -> {}",
            from.name(),
            code.name()
        );
        self.common.since_ns = self.now();
        self.common.sent_ns = None;
        if from == Code::Canvass && self.common.startup == Startup::Canvassing {
            self.common.startup = Startup::Electing;
        }
        self.out.push(Effect::Enter {
            from,
            to: code,
            reason,
        });
        match code {
            Code::Canvass => {
                self.forget_members();
                self.out.push(Effect::SetRole(Role::Follower));
            }
            Code::CandidateBallot => self.out.push(Effect::SetRole(Role::Candidate)),
            Code::LeaderLogReplication => self.out.push(Effect::SetRole(Role::Leader)),
            Code::FollowerLogReplication | Code::FollowerReplay => {
                self.out.push(Effect::SetRole(Role::Follower))
            }
            Code::Init
            | Code::Nominate
            | Code::FollowerBallot
            | Code::LeaderReplay
            | Code::LeaderInit
            | Code::LeaderReady
            | Code::FollowerCatchupInit
            | Code::FollowerCatchupAwait
            | Code::FollowerCatchup
            | Code::FollowerLogInit
            | Code::FollowerLogAwait
            | Code::FollowerReady
            | Code::Closed => {}
        }
        to
    }

    pub(crate) fn enter_canvass(&mut self, from: Code, reason: Reason) -> State {
        self.enter(from, State::Canvass(Canvass::default()), reason)
    }

    /// Back to INIT: everything of the last attempt is closed there.
    pub(crate) fn enter_init(&mut self, from: Code, reason: Reason) -> State {
        self.enter(
            from,
            State::Init(Init {
                stage: Stage::Prepare,
                waiting: None,
                cut: None,
            }),
            reason,
        )
    }

    pub(crate) fn stop(&mut self, from: Code, fatal: Fatal) -> State {
        self.out.push(Effect::Stop(fatal));
        self.enter(
            from,
            State::Closed(super::Closed::Stopped(fatal)),
            Reason::Stopped,
        )
    }

    /// Evidence starts anew with each canvass; that a member was heard is kept.
    fn forget_members(&mut self) {
        for (member, seen) in self.common.members.iter_mut().zip(&mut self.common.seen) {
            member.vote = None;
            member.fenced_since_ns = None;
            seen.evidence = None;
            seen.replaying = false;
        }
    }

    pub(crate) fn report_of(&mut self, member: usize, kind: Kind, rank: Rank, promise: i64) {
        let protocol_version = self.common.members[member].protocol_version;
        let at_ns = self.now();
        self.common.seen[member].evidence = Some(Evidence {
            kind,
            term: rank.term,
            position: rank.position,
            at_ns,
            promise,
            protocol_version,
        });
    }

    pub(crate) fn canvass_position(&self) -> Message {
        let rank = self.rank();
        let (promise, protocol_version) = match self.rules() {
            Rules::Aeron => (self.common.leadership_term_id, crate::rules::PROTOCOL_JAVA),
            Rules::Strict => (self.common.promise, PROTOCOL_TARANIS),
        };
        Message::CanvassPosition(CanvassPosition {
            log_leadership_term_id: rank.term,
            log_position: rank.position,
            leadership_term_id: promise,
            follower_member_id: self.own_id(),
            protocol_version,
        })
    }

    /// The report of this follower in `term`, if it may be made: its TERM entry is on disk, or Aeron's rules don't ask.
    pub(crate) fn append_position(&self, term: i64, flags: u8) -> Option<Proven<AppendPosition>> {
        if let Some(licence) = self.rules().from_memory() {
            return Some(Proven::from_memory(
                licence,
                term,
                self.append(),
                self.own_id(),
                flags,
            ));
        }
        let proof = self.common.ladder.proof(term)?;
        Some(Proven::append_position(
            proof,
            self.append(),
            self.own_id(),
            flags,
        ))
    }

    pub(crate) fn write_ladder(&mut self, change: Change) -> Ticket {
        let ticket = self.common.next_ticket();
        self.common.writes.push(ticket);
        self.out.push(Effect::WriteLadder { ticket, change });
        ticket
    }

    pub(crate) fn persist(&mut self, then: Option<(To, super::Draft)>) -> Ticket {
        let ticket = self.common.next_ticket();
        self.out.push(Effect::PersistThenSend {
            ticket,
            candidate_term: self.common.candidate_term,
            then,
        });
        ticket
    }

    /// Starts to write a TERM entry; an impaired node's promise goes to disk first (§19.4 D 1).
    pub(crate) fn open_term(&mut self, change: Change) -> TermWrite {
        let promised = self
            .common
            .proposed
            .is_some_and(|proposed| proposed.candidate_term() >= self.common.promise);
        if self.common.impaired.is_some() && !promised {
            return TermWrite::Promise(self.persist(None), change);
        }
        TermWrite::Entry(self.write_ladder(change))
    }
}

/// What a completion means for a TERM entry under way.
pub(crate) enum Opening {
    /// Some other effect's.
    NotMine,
    /// The promise is on disk, the entry is not yet.
    Continues(TermWrite),
    /// On disk.
    Opened,
    /// Refused by the disk.
    Failed,
}

impl TermWrite {
    pub(crate) fn done(self, ticket: Ticket, outcome: &Outcome, turn: &mut Turn<'_>) -> Opening {
        match (self, outcome) {
            (Self::Promise(own, _) | Self::Entry(own), _) if own != ticket => Opening::NotMine,
            (Self::Promise(_, change), Outcome::Proposed(_)) => {
                Opening::Continues(turn.open_term(change))
            }
            (Self::Entry(_), Outcome::LadderWritten(_)) => Opening::Opened,
            (Self::Promise(..) | Self::Entry(_), _) => Opening::Failed,
        }
    }
}

/// Whether `interval_ns` has passed since the last time it had; the first time is at once.
pub(crate) fn passed(last: &mut Option<i64>, now_ns: i64, interval_ns: i64) -> bool {
    let due = last.is_none_or(|last| now_ns >= last + interval_ns);
    if due {
        *last = Some(now_ns);
    }
    due
}
