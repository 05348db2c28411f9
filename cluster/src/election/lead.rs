//! The leader's way from its election to its first byte (spec 09 §11.4, §19.4 G), and what it hears in every leading state.

use super::common::Startup;
use super::edges::Code;
use super::effect::{Effect, Ticket};
use super::message::{
    APPEND_POSITION_FLAG_CATCHUP, AppendPosition, CanvassPosition, CatchupPosition, Message,
    StopCatchup,
};
use super::reason::Reason;
use super::state::{
    Closed, LeaderInit, LeaderLogReplication, LeaderReady, LeaderReplay, Leading, State,
};
use super::step::Outcome;
use super::turn::{Opening, Turn};
use crate::evidence::{Kind, Rank};
use crate::quorum::Quorum;
use crate::rules::Rules;
use crate::term_ladder::Change;

pub(crate) fn replication_tick(mut state: LeaderLogReplication, turn: &mut Turn<'_>) -> State {
    if let Some(reason) = turn.must_step_down(&state.leading) {
        return turn.enter_init(Code::LeaderLogReplication, reason);
    }
    if state.leading.log_session_id.is_none() {
        return State::LeaderLogReplication(state);
    }
    let count = turn.count(&state.leading);
    match turn.rules() {
        Rules::Aeron => {
            turn.announce(&mut state.leading, &count);
            if count.position >= turn.append().position() {
                return to_replay(state.leading, turn, Reason::GateOpen);
            }
        }
        Rules::Strict if state.leading.base == 0 => {
            turn.announce(&mut state.leading, &count);
            return to_replay(state.leading, turn, Reason::EmptyLog);
        }
        Rules::Strict => {
            state.leading.gate_open |= count.gate;
            turn.announce(&mut state.leading, &count);
            if state.leading.gate_open {
                turn.commit(&count);
                return to_replay(state.leading, turn, Reason::GateOpen);
            }
            // The own TERM entry comes last: a leader that fails alone leaves no rank behind.
            let is_on_disk = turn.common.ladder.proof(state.leading.term).is_some();
            if !is_on_disk && state.writing.is_none() && count.adopted + 1 >= turn.needed() {
                state.writing = Some(turn.open_term(Change::Term {
                    term: state.leading.term,
                    base: state.leading.base,
                }));
            }
        }
    }
    State::LeaderLogReplication(state)
}

pub(crate) fn replication_done(
    mut state: LeaderLogReplication,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if published(&mut state.leading, ticket, outcome) {
        return State::LeaderLogReplication(state);
    }
    let Some(writing) = state.writing else {
        return failed_opening(State::LeaderLogReplication(state), turn, ticket);
    };
    match writing.done(ticket, outcome, turn) {
        Opening::NotMine => {
            return failed_opening(State::LeaderLogReplication(state), turn, ticket);
        }
        Opening::Continues(writing) => state.writing = Some(writing),
        Opening::Opened => state.writing = None,
        Opening::Failed => return turn.enter_init(Code::LeaderLogReplication, Reason::Failed),
    }
    State::LeaderLogReplication(state)
}

fn published(leading: &mut Leading, ticket: Ticket, outcome: &Outcome) -> bool {
    if ticket != leading.opening {
        return false;
    }
    let Outcome::Published { log_session_id } = outcome else {
        return false;
    };
    leading.log_session_id = Some(*log_session_id);
    true
}

/// The log publication could not be created: there is nothing to lead with.
fn failed_opening(state: State, turn: &mut Turn<'_>, ticket: Ticket) -> State {
    let is_opening = state
        .leading()
        .is_some_and(|leading| leading.opening == ticket);
    if is_opening {
        turn.enter_init(state.code(), Reason::Failed)
    } else {
        state
    }
}

fn to_replay(mut leading: Leading, turn: &mut Turn<'_>, reason: Reason) -> State {
    leading.is_startup = turn.common.startup != Startup::Over;
    turn.enter(
        Code::LeaderLogReplication,
        State::LeaderReplay(LeaderReplay {
            leading,
            replay: None,
        }),
        reason,
    )
}

pub(crate) fn replay_tick(mut state: LeaderReplay, turn: &mut Turn<'_>) -> State {
    if let Some(reason) = turn.watch(&mut state.leading) {
        return turn.enter_init(Code::LeaderReplay, reason);
    }
    if turn.facts.applied < state.leading.base {
        if state.replay.is_none() {
            let ticket = turn.common.next_ticket();
            turn.out.push(Effect::Replay {
                ticket,
                from: turn.facts.applied,
                to: state.leading.base,
            });
            state.replay = Some(ticket);
        }
        return State::LeaderReplay(state);
    }
    let joining = turn.common.next_ticket();
    let leading = state.leading;
    turn.out.push(Effect::JoinAsLeader {
        ticket: joining,
        leadership_term_id: leading.term,
        position: leading.base,
        is_startup: leading.is_startup,
    });
    turn.enter(
        Code::LeaderReplay,
        State::LeaderInit(LeaderInit {
            leading,
            joining,
            writing: None,
        }),
        Reason::Replayed,
    )
}

pub(crate) fn replay_done(
    mut state: LeaderReplay,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if state.replay == Some(ticket) {
        state.replay = None;
        if *outcome == Outcome::Failed {
            return turn.enter_init(Code::LeaderReplay, Reason::Failed);
        }
    }
    State::LeaderReplay(state)
}

pub(crate) fn init_tick(mut state: LeaderInit, turn: &mut Turn<'_>) -> State {
    if let Some(reason) = turn.watch(&mut state.leading) {
        return turn.enter_init(Code::LeaderInit, reason);
    }
    State::LeaderInit(state)
}

pub(crate) fn init_done(
    mut state: LeaderInit,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if let Some(writing) = state.writing {
        return match writing.done(ticket, outcome, turn) {
            Opening::NotMine => State::LeaderInit(state),
            Opening::Continues(writing) => {
                state.writing = Some(writing);
                State::LeaderInit(state)
            }
            Opening::Opened => to_ready(state.leading, turn),
            Opening::Failed => turn.enter_init(Code::LeaderInit, Reason::Failed),
        };
    }
    if state.joining != ticket {
        return State::LeaderInit(state);
    }
    if !matches!(outcome, Outcome::Joined { .. }) {
        return turn.enter_init(Code::LeaderInit, Reason::Failed);
    }
    let (term, base) = (state.leading.term, state.leading.base);
    if turn.common.ladder.proof(term).is_some() {
        return to_ready(state.leading, turn);
    }
    state.writing = Some(turn.open_term(match turn.rules() {
        Rules::Aeron => Change::AeronTerm {
            term,
            base,
            end: None,
        },
        Rules::Strict => Change::Term { term, base },
    }));
    State::LeaderInit(state)
}

fn to_ready(leading: Leading, turn: &mut Turn<'_>) -> State {
    turn.common.consumed_term = leading.term;
    turn.enter(
        Code::LeaderInit,
        State::LeaderReady(LeaderReady {
            leading,
            appending: None,
        }),
        Reason::Joined,
    )
}

pub(crate) fn ready_tick(mut state: LeaderReady, turn: &mut Turn<'_>) -> State {
    if let Some(reason) = turn.watch(&mut state.leading) {
        return turn.enter_init(Code::LeaderReady, reason);
    }
    let count = turn.count(&state.leading);
    let may_start = state.leading.gate_open || turn.rules() == Rules::Aeron;
    if may_start && count.adopted >= turn.needed() && state.appending.is_none() {
        let ticket = turn.common.next_ticket();
        turn.out.push(Effect::AppendTermEvent {
            ticket,
            leadership_term_id: state.leading.term,
            base: state.leading.base,
        });
        state.appending = Some(ticket);
    }
    State::LeaderReady(state)
}

pub(crate) fn ready_done(
    mut state: LeaderReady,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if state.appending != Some(ticket) {
        return State::LeaderReady(state);
    }
    if *outcome != Outcome::Done {
        state.appending = None;
        return State::LeaderReady(state);
    }
    let mut leading = state.leading;
    leading.committed_ns = None;
    turn.common.ladder.event_seen(leading.term);
    turn.completed(turn.common.own, leading.term, leading.base);
    turn.enter(
        Code::LeaderReady,
        State::Closed(Closed::Leader(leading)),
        Reason::TermStarted,
    )
}

impl Turn<'_> {
    /// After the gate of LEADER_LOG_REPLICATION: step down if one must, else count, commit and tell.
    fn watch(&mut self, leading: &mut Leading) -> Option<Reason> {
        if let Some(reason) = self.must_step_down(leading) {
            return Some(reason);
        }
        let count = self.count(leading);
        if self.rules().ours() {
            leading.gate_open |= count.gate;
        }
        self.announce(leading, &count);
        if leading.gate_open {
            self.commit(&count);
        }
        None
    }

    /// G 5: a leader that its members have left.
    pub(crate) fn must_step_down(&self, leading: &Leading) -> Option<Reason> {
        if !self.rules().ours() {
            return None;
        }
        let limit_ns = 2 * self.facts.settings.leader_heartbeat_timeout_ns;
        let fresh = |member: usize| {
            self.common.members[member]
                .heard_ns
                .is_some_and(|at| at + limit_ns > self.now())
        };
        let heard = self.common.others().filter(|&member| fresh(member)).count();
        if heard + 1 < self.needed() {
            return Some(Reason::InactiveQuorum);
        }
        (leading.term < self.common.promise).then_some(Reason::Deposed)
    }

    /// P 4 for a greater term in a message of a leader or follower: at once.
    pub(crate) fn depose(&mut self, code: Code, term: i64) -> State {
        self.common.raise_promise(term);
        self.enter_init(code, Reason::Deposed)
    }

    pub(crate) fn completed(&mut self, leader: usize, leadership_term_id: i64, log_position: i64) {
        self.common.startup = Startup::Over;
        self.common.leadership_term_id = leadership_term_id;
        self.common.gracefully_closed_leader = None;
        self.out.push(Effect::Complete {
            leader: self.common.members[leader].id,
            leadership_term_id,
            log_position,
        });
    }

    /// The replay to a member is over, or the member starts anew.
    fn end_catchup(&mut self, member: usize) {
        if self.common.seen[member].replaying {
            self.common.seen[member].replaying = false;
            self.out.push(Effect::StopCatchup {
                member: self.common.members[member].id,
            });
        }
    }
}

pub(crate) fn canvass_position(
    state: State,
    turn: &mut Turn<'_>,
    member: usize,
    message: &CanvassPosition,
) -> State {
    let Some(leading) = state.leading().cloned() else {
        return state;
    };
    let code = state.code();
    let log_term = message.log_leadership_term_id;
    let rank = Rank {
        term: log_term,
        position: message.log_position,
    };
    let is_established = code == Code::Closed;
    match turn.rules() {
        Rules::Aeron => {
            if log_term > leading.term {
                let leaves = matches!(code, Code::LeaderLogReplication | Code::LeaderReady);
                return if leaves {
                    turn.enter_init(code, Reason::Deposed)
                } else {
                    state
                };
            }
            turn.report_of(member, Kind::Canvass, rank, message.leadership_term_id);
        }
        Rules::Strict => {
            turn.report_of(member, Kind::Canvass, rank, message.leadership_term_id);
            let promise = message.leadership_term_id.max(log_term);
            if promise > leading.term {
                return greater_promise(state, turn, member, &leading, promise);
            }
            turn.common.members[member].fenced_since_ns = None;
        }
    }
    turn.end_catchup(member);
    if is_established {
        turn.answer_established(&leading, member, log_term);
    } else if turn.rules().ours() || log_term < leading.term {
        turn.answer(&leading, member, log_term);
    }
    state
}

fn greater_promise(
    state: State,
    turn: &mut Turn<'_>,
    member: usize,
    leading: &Leading,
    promise: i64,
) -> State {
    let count: Quorum = turn.count(leading);
    let member_is_active = usize::from(turn.common.seen[member].evidence.is_some());
    let has_others = leading.gate_open && count.active - member_is_active >= turn.needed();
    // Raised only when it steps down, or its own term would fall below it at once.
    let since = turn.common.members[member]
        .fenced_since_ns
        .unwrap_or_else(|| turn.now());
    let waited = turn.now() >= since + turn.facts.settings.leader_heartbeat_timeout_ns;
    if has_others && !waited {
        turn.common.members[member].fenced_since_ns = Some(since);
        return state;
    }
    turn.depose(state.code(), promise)
}

pub(crate) fn append_position(
    state: State,
    turn: &mut Turn<'_>,
    member: usize,
    message: &AppendPosition,
) -> State {
    let Some(leading) = state.leading() else {
        return state;
    };
    let term = message.leadership_term_id;
    if term > leading.term {
        return match turn.rules() {
            Rules::Aeron => state,
            Rules::Strict => turn.depose(state.code(), term),
        };
    }
    let is_catchup = message.flags & APPEND_POSITION_FLAG_CATCHUP != 0;
    let kind = if is_catchup {
        Kind::AppendCatchup
    } else {
        Kind::Append
    };
    turn.report_of(
        member,
        kind,
        Rank {
            term,
            position: message.log_position,
        },
        term,
    );
    turn.common.members[member].fenced_since_ns = None;
    if (turn.common.seen[member].replaying || is_catchup)
        && message.log_position >= turn.append().position()
    {
        turn.end_catchup(member);
        let follower_member_id = turn.common.members[member].id;
        turn.send_to(
            member,
            Message::StopCatchup(StopCatchup {
                leadership_term_id: term,
                follower_member_id,
            }),
        );
    }
    state
}

pub(crate) fn catchup_position(
    state: &State,
    turn: &mut Turn<'_>,
    member: usize,
    message: &CatchupPosition,
) {
    let Some(leading) = state.leading() else {
        return;
    };
    if message.leadership_term_id <= leading.term && !turn.common.seen[member].replaying {
        turn.common.seen[member].replaying = true;
        turn.out.push(Effect::StartCatchup {
            member: turn.common.members[member].id,
            position: message.log_position,
        });
    }
}
