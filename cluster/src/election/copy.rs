//! FOLLOWER_LOG_REPLICATION (spec 09 §11.5, §19.4 F): one earlier term is copied from the leader's archive.
//!
//! Ours writes TERM before the first byte of the term and its end after the last, then compares the ladder with the log; Aeron's writes both at the end.

use super::edges::Code;
use super::effect::{Effect, Ticket};
use super::message::Message;
use super::reason::Reason;
use super::state::{Copying, FollowerLogReplication, State};
use super::step::Outcome;
use super::turn::{Opening, Turn, passed};
use crate::rules::Rules;
use crate::term_ladder::Change;

pub(crate) fn tick(mut state: FollowerLogReplication, turn: &mut Turn<'_>) -> State {
    report(&mut state, turn);
    match state.copy {
        Copying::No => begin(state, turn),
        Copying::Running(_) if turn.now() >= state.deadline_ns => {
            turn.out.push(Effect::StopReplication);
            turn.enter_init(Code::FollowerLogReplication, Reason::ReplicationFailed)
        }
        Copying::Recorded => close(state, turn),
        Copying::Running(_) | Copying::Closing(_) | Copying::Checking(_) => {
            State::FollowerLogReplication(state)
        }
    }
}

fn report(state: &mut FollowerLogReplication, turn: &mut Turn<'_>) {
    let term = match turn.rules() {
        Rules::Aeron => state.following.term,
        Rules::Strict => turn.common.ladder.last_term(),
    };
    let position = turn.append().position();
    let grew = position > state.following.reported;
    let interval_ns = turn.facts.settings.leader_heartbeat_interval_ns;
    if grew {
        state.following.reported_ns = None;
    }
    if !matches!(state.copy, Copying::Running(_) | Copying::Recorded)
        || !passed(&mut state.following.reported_ns, turn.now(), interval_ns)
    {
        return;
    }
    if let Some(message) = turn.append_position(term, 0) {
        state.following.reported = position;
        turn.send_to(state.following.leader, Message::AppendPosition(message));
    }
}

fn begin(mut state: FollowerLogReplication, turn: &mut Turn<'_>) -> State {
    if state.opening.is_some() {
        return State::FollowerLogReplication(state);
    }
    let has_entry = state.base.is_none() || turn.common.ladder.proof(state.term).is_some();
    let has_recording = turn.common.recording_id.is_some();
    if turn.rules().ours() && has_recording && !has_entry {
        return open(state, turn);
    }
    // Without a recording the replication makes one, and its entry is written as soon as the id is known.
    if turn.append().position() < state.stop || (turn.rules().ours() && !has_recording) {
        let ticket = turn.common.next_ticket();
        let leader = turn.common.members[state.following.leader].id;
        turn.out.push(Effect::Replicate {
            ticket,
            leader,
            recording_id: state.following.recording_id,
            to: state.stop,
        });
        state.copy = Copying::Running(ticket);
    } else {
        state.copy = Copying::Recorded;
    }
    State::FollowerLogReplication(state)
}

fn open(mut state: FollowerLogReplication, turn: &mut Turn<'_>) -> State {
    if let Some(base) = state.base {
        state.opening = Some(turn.open_term(Change::Term {
            term: state.term,
            base,
        }));
    }
    State::FollowerLogReplication(state)
}

fn close(mut state: FollowerLogReplication, turn: &mut Turn<'_>) -> State {
    match turn.rules() {
        // Applying waits for the leader's commit; copying does not.
        Rules::Strict if state.opening.is_none() => {
            state.copy = Copying::Closing(turn.write_ladder(Change::End {
                term: state.term,
                end: state.stop,
            }));
        }
        Rules::Strict => {}
        Rules::Aeron
            if turn.common.notified >= turn.append().position()
                || turn.append().position() == 0 =>
        {
            let base = state.base.unwrap_or(0);
            state.copy = Copying::Closing(turn.write_ladder(Change::AeronTerm {
                term: state.term,
                base,
                end: Some(state.stop),
            }));
        }
        Rules::Aeron if turn.now() >= state.deadline_ns => {
            return turn.enter_init(Code::FollowerLogReplication, Reason::Timeout);
        }
        Rules::Aeron => {}
    }
    State::FollowerLogReplication(state)
}

pub(crate) fn done(
    mut state: FollowerLogReplication,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: Outcome,
) -> State {
    if let Some(opening) = state.opening {
        match opening.done(ticket, &outcome, turn) {
            Opening::NotMine => {}
            Opening::Continues(opening) => {
                state.opening = Some(opening);
                return State::FollowerLogReplication(state);
            }
            Opening::Opened => {
                state.opening = None;
                return State::FollowerLogReplication(state);
            }
            Opening::Failed => return fail(&state, turn),
        }
    }
    match (state.copy, outcome) {
        (Copying::Running(own), Outcome::Joined { .. })
            if own == ticket && turn.rules().ours() && state.opening.is_none() =>
        {
            open(state, turn)
        }
        (Copying::Running(own), Outcome::Joined { .. }) if own == ticket => {
            State::FollowerLogReplication(state)
        }
        (Copying::Running(own), Outcome::Replicated)
            if own == ticket && turn.append().position() >= state.stop =>
        {
            state.copy = Copying::Recorded;
            State::FollowerLogReplication(state)
        }
        (Copying::Closing(own), Outcome::LadderWritten(_)) if own == ticket => match turn.rules() {
            Rules::Aeron => turn.enter_canvass(Code::FollowerLogReplication, Reason::Copied),
            Rules::Strict => {
                let ticket = turn.common.next_ticket();
                turn.out.push(Effect::CheckLadder { ticket });
                state.copy = Copying::Checking(ticket);
                State::FollowerLogReplication(state)
            }
        },
        (Copying::Checking(own), Outcome::LadderChecked(ladder)) if own == ticket => {
            turn.common.ladder = ladder;
            turn.enter_canvass(Code::FollowerLogReplication, Reason::Copied)
        }
        (Copying::Running(own) | Copying::Closing(own) | Copying::Checking(own), _)
            if own == ticket =>
        {
            fail(&state, turn)
        }
        (
            Copying::No
            | Copying::Running(_)
            | Copying::Recorded
            | Copying::Closing(_)
            | Copying::Checking(_),
            _,
        ) => State::FollowerLogReplication(state),
    }
}

/// By INIT, which checks the ladder too.
fn fail(state: &FollowerLogReplication, turn: &mut Turn<'_>) -> State {
    if matches!(state.copy, Copying::Running(_)) {
        turn.out.push(Effect::StopReplication);
    }
    turn.enter_init(Code::FollowerLogReplication, Reason::ReplicationFailed)
}
