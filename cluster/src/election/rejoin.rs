//! The follower's way from adoption to the live log (spec 09 §11.5, §13.6, §19.4 F).

use super::edges::Code;
use super::effect::{Effect, Source, Ticket};
use super::message::{APPEND_POSITION_FLAG_CATCHUP, CatchupPosition, Message, StopCatchup};
use super::reason::Reason;
use super::state::{
    FollowerCatchup, FollowerLogInit, FollowerReplay, Following, Joining, State, Subscribing,
};
use super::step::Outcome;
use super::turn::{Opening, Turn, passed};
use crate::rules::Rules;
use crate::term_ladder::Change;

pub(crate) fn replay_tick(mut state: FollowerReplay, turn: &mut Turn<'_>) -> State {
    if state.writing.is_some() {
        return State::FollowerReplay(state);
    }
    match turn.rules() {
        Rules::Aeron => aeron_replay_tick(state, turn),
        Rules::Strict => {
            let has_log = turn.common.recording_id.is_some();
            if has_log && turn.common.ladder.last_term() < state.following.term {
                state.writing = Some(turn.open_term(Change::Term {
                    term: state.following.term,
                    base: state.following.base,
                }));
                return State::FollowerReplay(state);
            }
            turn.report(&mut state.following, 0);
            let (applied, append) = (turn.facts.applied, turn.append().position());
            if state.replay.is_some() {
                return State::FollowerReplay(state);
            }
            if applied == append {
                return to_log(state.following, turn);
            }
            let limit = append.min(turn.common.notified);
            if applied < limit {
                state.replay = Some(replay(turn, applied, limit));
            } else if turn.now()
                >= state.following.heard_ns + turn.facts.settings.leader_heartbeat_timeout_ns
            {
                return turn.enter_canvass(Code::FollowerReplay, Reason::LeaderSilent);
            }
            State::FollowerReplay(state)
        }
    }
}

fn aeron_replay_tick(mut state: FollowerReplay, turn: &mut Turn<'_>) -> State {
    let (applied, append) = (turn.facts.applied, turn.append().position());
    if state.replay.is_some() {
        return State::FollowerReplay(state);
    }
    if applied >= append {
        return to_log(state.following, turn);
    }
    if state.replayed {
        return turn.enter_canvass(Code::FollowerReplay, Reason::ReplayRejected);
    }
    if turn.common.notified == 0 {
        turn.report(&mut state.following, 0);
    } else if applied >= turn.common.notified {
        return turn.enter_canvass(Code::FollowerReplay, Reason::ReplayRejected);
    } else {
        let limit = append.min(turn.common.notified);
        state.replay = Some(replay(turn, applied, limit));
    }
    State::FollowerReplay(state)
}

fn replay(turn: &mut Turn<'_>, from: i64, to: i64) -> Ticket {
    turn.consume();
    let ticket = turn.common.next_ticket();
    turn.out.push(Effect::Replay { ticket, from, to });
    ticket
}

fn to_log(following: Following, turn: &mut Turn<'_>) -> State {
    if following.join.is_none() {
        let state = FollowerLogInit {
            following,
            subscribed: false,
            subscribing: None,
        };
        return turn.enter(
            Code::FollowerReplay,
            State::FollowerLogInit(state),
            Reason::JoinsLive,
        );
    }
    let ticket = turn.common.next_ticket();
    turn.out.push(Effect::SubscribeLog {
        ticket,
        source: Source::Catchup,
        log_session_id: following.log_session_id,
    });
    turn.enter(
        Code::FollowerReplay,
        State::FollowerCatchupInit(Subscribing { following, ticket }),
        Reason::NeedsCatchup,
    )
}

pub(crate) fn replay_done(
    mut state: FollowerReplay,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if let Some(writing) = state.writing {
        match writing.done(ticket, outcome, turn) {
            Opening::NotMine => {}
            Opening::Continues(writing) => state.writing = Some(writing),
            Opening::Opened => state.writing = None,
            Opening::Failed => return turn.enter_init(Code::FollowerReplay, Reason::Failed),
        }
    }
    if state.replay == Some(ticket) {
        if *outcome == Outcome::Failed {
            return turn.enter_init(Code::FollowerReplay, Reason::Failed);
        }
        state.replay = None;
        state.replayed = true;
    }
    State::FollowerReplay(state)
}

pub(crate) fn catchup_init_tick(state: Subscribing, turn: &mut Turn<'_>) -> State {
    if turn.since_state_change() >= turn.facts.settings.leader_heartbeat_timeout_ns {
        return turn.enter_init(Code::FollowerCatchupInit, Reason::Timeout);
    }
    State::FollowerCatchupInit(state)
}

pub(crate) fn catchup_init_done(
    state: Subscribing,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if state.ticket != ticket {
        return State::FollowerCatchupInit(state);
    }
    if *outcome != Outcome::Done {
        return turn.enter_init(Code::FollowerCatchupInit, Reason::Failed);
    }
    let following = state.following;
    let position = turn.append().position();
    let message = CatchupPosition {
        leadership_term_id: following.term,
        log_position: position,
        follower_member_id: turn.own_id(),
    };
    turn.send_to(following.leader, Message::CatchupPosition(message));
    let joining = join(following, turn);
    turn.enter(
        Code::FollowerCatchupInit,
        State::FollowerCatchupAwait(joining),
        Reason::Subscribed,
    )
}

fn join(following: Following, turn: &mut Turn<'_>) -> Joining {
    let ticket = turn.common.next_ticket();
    turn.out.push(Effect::JoinLog {
        ticket,
        position: turn.append().position(),
        is_startup: following.is_startup,
    });
    Joining {
        following,
        ticket,
        writing: None,
    }
}

pub(crate) fn await_tick(code: Code, state: Joining, turn: &mut Turn<'_>) -> State {
    if state.writing.is_none()
        && turn.since_state_change() >= turn.facts.settings.leader_heartbeat_timeout_ns
    {
        return turn.enter_init(code, Reason::Timeout);
    }
    again(code, state)
}

fn again(code: Code, state: Joining) -> State {
    if code == Code::FollowerCatchupAwait {
        State::FollowerCatchupAwait(state)
    } else {
        State::FollowerLogAwait(state)
    }
}

pub(crate) fn await_done(
    code: Code,
    mut state: Joining,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if let Some(writing) = state.writing {
        return match writing.done(ticket, outcome, turn) {
            Opening::NotMine => again(code, state),
            Opening::Continues(writing) => {
                state.writing = Some(writing);
                again(code, state)
            }
            Opening::Opened => joined(code, state.following, turn),
            Opening::Failed => turn.enter_init(code, Reason::Failed),
        };
    }
    if state.ticket != ticket {
        return again(code, state);
    }
    if !matches!(outcome, Outcome::Joined { .. }) {
        return turn.enter_init(code, Reason::Failed);
    }
    let (term, base) = (state.following.term, state.following.base);
    let missing = turn.common.ladder.proof(term).is_none();
    match turn.rules() {
        Rules::Strict if missing => {
            state.writing = Some(turn.open_term(Change::Term { term, base }))
        }
        Rules::Aeron if missing && code == Code::FollowerLogAwait => {
            state.writing = Some(turn.open_term(Change::AeronTerm {
                term,
                base: turn.append().position(),
                end: None,
            }));
        }
        Rules::Strict | Rules::Aeron => return joined(code, state.following, turn),
    }
    again(code, state)
}

fn joined(code: Code, following: Following, turn: &mut Turn<'_>) -> State {
    if code != Code::FollowerCatchupAwait {
        return turn.enter(code, State::FollowerReady(following), Reason::Joined);
    }
    let progress = turn.append().position();
    let progress_ns = turn.now();
    let state = FollowerCatchup {
        following,
        live_added: false,
        catchup_removed: false,
        progress,
        progress_ns,
    };
    turn.enter(code, State::FollowerCatchup(state), Reason::Joined)
}

pub(crate) fn catchup_tick(mut state: FollowerCatchup, turn: &mut Turn<'_>) -> State {
    let append = turn.append().position();
    if append > state.progress {
        state.progress = append;
        state.progress_ns = turn.now();
    }
    let is_stuck =
        turn.now() >= state.progress_ns + turn.facts.settings.leader_heartbeat_timeout_ns;
    if is_stuck {
        return turn.enter_init(Code::FollowerCatchup, Reason::Timeout);
    }
    let Some(image) = turn.facts.image.filter(|image| !image.closed) else {
        return turn.enter_init(Code::FollowerCatchup, Reason::LogEnded);
    };
    turn.report(&mut state.following, APPEND_POSITION_FLAG_CATCHUP);
    turn.consume();
    let target = state.following.join.unwrap_or(0).max(turn.common.notified);
    if !state.live_added && image.position >= target - turn.facts.settings.live_join_window {
        turn.out.push(Effect::AddLiveDestination);
        state.live_added = true;
    }
    let has_arrived =
        turn.facts.applied >= target && state.catchup_removed && turn.common.writes.is_empty();
    if !has_arrived {
        return State::FollowerCatchup(state);
    }
    let next = FollowerLogInit {
        following: state.following,
        subscribed: true,
        subscribing: None,
    };
    turn.enter(
        Code::FollowerCatchup,
        State::FollowerLogInit(next),
        Reason::CaughtUp,
    )
}

/// The leader has ended its replay. Accepted with the term last reported (§19.4 F; Java: the module's own).
pub(crate) fn stop_catchup(state: State, turn: &mut Turn<'_>, message: &StopCatchup) -> State {
    let State::FollowerCatchup(mut catchup) = state else {
        return state;
    };
    let reported = turn.report_term(&catchup.following, APPEND_POSITION_FLAG_CATCHUP);
    let is_mine =
        message.follower_member_id == turn.own_id() && message.leadership_term_id == reported;
    if is_mine && !catchup.catchup_removed {
        if !catchup.live_added {
            turn.out.push(Effect::AddLiveDestination);
            catchup.live_added = true;
        }
        turn.out.push(Effect::RemoveCatchupDestination);
        catchup.catchup_removed = true;
    }
    State::FollowerCatchup(catchup)
}

pub(crate) fn log_init_tick(mut state: FollowerLogInit, turn: &mut Turn<'_>) -> State {
    if state.subscribed {
        return turn.enter(
            Code::FollowerLogInit,
            State::FollowerReady(state.following),
            Reason::Ready,
        );
    }
    if state.subscribing.is_none() {
        let ticket = turn.common.next_ticket();
        turn.out.push(Effect::SubscribeLog {
            ticket,
            source: Source::Live,
            log_session_id: state.following.log_session_id,
        });
        state.subscribing = Some(ticket);
    }
    State::FollowerLogInit(state)
}

pub(crate) fn log_init_done(
    state: FollowerLogInit,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if state.subscribing != Some(ticket) {
        return State::FollowerLogInit(state);
    }
    if *outcome != Outcome::Done {
        return turn.enter_init(Code::FollowerLogInit, Reason::Failed);
    }
    let joining = join(state.following, turn);
    turn.enter(
        Code::FollowerLogInit,
        State::FollowerLogAwait(joining),
        Reason::Subscribed,
    )
}

impl Turn<'_> {
    /// The term a follower says: in catch-up Java's is that of the log consumed (§5.3).
    pub(crate) const fn report_term(&self, following: &Following, flags: u8) -> i64 {
        match self.rules() {
            Rules::Aeron if flags == APPEND_POSITION_FLAG_CATCHUP => self.common.consumed_term,
            Rules::Aeron | Rules::Strict => following.term,
        }
    }

    /// AppendPosition to the leader when it has grown, or by interval (§5.3); a follower without TERM on disk says nothing.
    pub(crate) fn report(&mut self, following: &mut Following, flags: u8) {
        let position = self.append().position();
        if position > following.reported {
            following.reported_ns = None;
        }
        let Some(message) = self.append_position(self.report_term(following, flags), flags) else {
            return;
        };
        if passed(
            &mut following.reported_ns,
            self.now(),
            self.facts.settings.leader_heartbeat_interval_ns,
        ) {
            following.reported = following.reported.max(position);
            self.send_to(following.leader, Message::AppendPosition(message));
        }
    }

    /// The follower's log may be consumed as far as it is told and recorded.
    pub(crate) fn consume(&mut self) {
        let committed = crate::quorum::Committed::told(self.common.notified, self.append());
        if committed.position() > self.common.commit {
            self.common.commit = committed.position();
            self.out.push(Effect::Commit(committed));
        }
    }
}
