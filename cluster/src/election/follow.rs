//! What a node makes of a leader's messages (spec 09 §11.5, §19.4 P and F). [`decide`] is the table; the rest acts on it.

use super::edges::Code;
use super::effect::{Fatal, Truncation};
use super::init;
use super::message::{CommitPosition, NewLeadershipTerm};
use super::reason::Reason;
use super::state::{
    Canvass, Closed, Copying, FollowerLogReplication, FollowerReplay, Following, State,
};
use super::turn::Turn;
use crate::evidence::Rank;
use crate::rules::Rules;
use crate::term_ladder::{Change, TermEvent};

/// What a NewLeadershipTerm asks of a node whose log ends at its rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It was built for another last term: canvass, so that the leader learns the right one.
    OtherLogTerm,
    /// The leader's next term starts below this log's end.
    Truncate(Truncation),
    /// Copy to the end of the current term.
    CopyRest {
        /// Its end.
        stop: i64,
    },
    /// Copy the next term.
    CopyNext {
        /// The term.
        term: i64,
        /// Its base, which is this log's end.
        base: i64,
        /// Its end.
        stop: i64,
    },
    /// The leader's term starts at this log's end, or this log is already in it.
    Adopt,
    /// The next term is still open at the leader: wait for a later message.
    Stay,
    /// The message contradicts itself.
    Invalid,
}

/// The table of §11.5, in its order.
pub(crate) fn decide(own: Rank, message: &NewLeadershipTerm, rules: Rules) -> Decision {
    let next_base = message.next_term_base_log_position;
    if message.log_leadership_term_id != own.term {
        return Decision::OtherLogTerm;
    }
    if next_base != -1 && next_base < own.position {
        return Decision::Truncate(Truncation {
            to: next_base,
            term: own.term,
        });
    }
    if own.position >= message.term_base_log_position {
        let adopts = own.position == message.term_base_log_position
            || own.term == message.leadership_term_id;
        return if adopts || !rules.ours() {
            Decision::Adopt
        } else {
            Decision::OtherLogTerm
        };
    }
    if message.next_leadership_term_id == -1 {
        return Decision::Invalid;
    }
    if own.position < next_base {
        return Decision::CopyRest { stop: next_base };
    }
    if own.position == next_base && message.next_log_position != -1 {
        return Decision::CopyNext {
            term: message.next_leadership_term_id,
            base: next_base,
            stop: message.next_log_position,
        };
    }
    Decision::Stay
}

pub(crate) fn new_leadership_term(
    state: State,
    turn: &mut Turn<'_>,
    leader: usize,
    message: &NewLeadershipTerm,
) -> State {
    if turn.common.gracefully_closed_leader == Some(leader) {
        turn.common.gracefully_closed_leader = None;
    }
    let term = message.leadership_term_id;
    let code = state.code();
    if code == Code::Init {
        return state;
    }
    if is_below_promise(turn, term) {
        return drop_deposed(state, turn);
    }
    if term >= turn.common.leadership_term_id {
        turn.common.leader_update_ns = Some(turn.now());
    }
    match state {
        State::Canvass(_) => consider(state, turn, leader, message),
        State::FollowerBallot | State::CandidateBallot(_) if term == turn.common.candidate_term => {
            consider(state, turn, leader, message)
        }
        State::LeaderLogReplication(_)
        | State::LeaderReplay(_)
        | State::LeaderInit(_)
        | State::LeaderReady(_) => {
            let is_newer = state.leading().is_some_and(|leading| term > leading.term);
            if is_newer && turn.rules().ours() {
                turn.depose(code, term)
            } else {
                state
            }
        }
        State::Closed(Closed::Leader(ref leading)) if term > leading.term => leave_term(turn, term),
        State::Closed(Closed::Follower(ref following)) if term > following.term => {
            leave_term(turn, term)
        }
        State::Nominate(_)
        | State::FollowerBallot
        | State::CandidateBallot(_)
        | State::Closed(Closed::Leader(_) | Closed::Stopped(_))
        | State::Init(_) => state,
        State::FollowerLogReplication(_)
        | State::FollowerReplay(_)
        | State::FollowerCatchupInit(_)
        | State::FollowerCatchupAwait(_)
        | State::FollowerCatchup(_)
        | State::FollowerLogInit(_)
        | State::FollowerLogAwait(_)
        | State::FollowerReady(_)
        | State::Closed(Closed::Follower(_)) => {
            told(state, turn, leader, term, message.commit_position)
        }
    }
}

const fn is_below_promise(turn: &Turn<'_>, term: i64) -> bool {
    turn.rules().ours() && term < turn.common.promise
}

/// P 1: dropped, but P 5 counts how long nothing better is heard.
fn drop_deposed(state: State, turn: &Turn<'_>) -> State {
    let State::Canvass(canvass) = state else {
        return state;
    };
    let deposed_since_ns = Some(canvass.deposed_since_ns.unwrap_or_else(|| turn.now()));
    State::Canvass(Canvass { deposed_since_ns })
}

fn leave_term(turn: &mut Turn<'_>, term: i64) -> State {
    if turn.rules().ours() {
        turn.common.candidate_term = turn.common.candidate_term.max(term);
    }
    turn.enter_init(Code::Closed, Reason::NewLeader)
}

/// The known leader's commit position, and a sign of life.
fn told(mut state: State, turn: &mut Turn<'_>, leader: usize, term: i64, commit: i64) -> State {
    let now = turn.now();
    let extension_ns = turn.facts.settings.leader_heartbeat_timeout_ns;
    let rules = turn.rules();
    let Some(following) = state.following_mut() else {
        return state;
    };
    // Aeron compares no terms here, for the sake of older leaders.
    if following.leader != leader || (rules.ours() && following.term != term) {
        return state;
    }
    following.heard_ns = now;
    following.told = following.told.max(Some(commit));
    turn.common.notified = turn.common.notified.max(commit);
    if let State::FollowerLogReplication(copy) = &mut state {
        copy.deadline_ns = now + extension_ns;
    }
    state
}

pub(crate) fn commit_position(
    state: State,
    turn: &mut Turn<'_>,
    leader: usize,
    message: &CommitPosition,
) -> State {
    let term = message.leadership_term_id;
    let code = state.code();
    if code == Code::Init {
        return state;
    }
    if is_below_promise(turn, term) {
        return drop_deposed(state, turn);
    }
    if term >= turn.common.leadership_term_id {
        turn.common.leader_update_ns = Some(turn.now());
    }
    if let Some(leading) = state.leading() {
        if term <= leading.term {
            return state;
        }
        return match (turn.rules(), code) {
            (Rules::Strict, _) => turn.depose(code, term),
            (Rules::Aeron, Code::Closed) => leave_term(turn, term),
            (Rules::Aeron, _) if code == Code::LeaderReady => {
                turn.enter_init(code, Reason::NewLeader)
            }
            (Rules::Aeron, _) => state,
        };
    }
    if let State::Closed(Closed::Follower(following)) = &state
        && term > following.term
    {
        return leave_term(turn, term);
    }
    told(state, turn, leader, term, message.log_position)
}

fn consider(
    state: State,
    turn: &mut Turn<'_>,
    leader: usize,
    message: &NewLeadershipTerm,
) -> State {
    let code = state.code();
    if !turn.common.writes.is_empty() || !turn.may_follow(leader, message.leadership_term_id) {
        return state;
    }
    match decide(turn.rank(), message, turn.rules()) {
        Decision::OtherLogTerm => {
            if code == Code::Canvass {
                state
            } else {
                turn.enter_canvass(code, Reason::OtherLogTerm)
            }
        }
        Decision::Truncate(cut) => {
            if let Some(fatal) = init::refuses_truncation(turn, cut.to) {
                return turn.stop(code, fatal);
            }
            turn.enter(code, init::truncating(cut), Reason::Truncating)
        }
        Decision::CopyRest { stop } => {
            let following = adopt(turn, leader, message);
            let term = turn.common.ladder.last_term();
            copy_term(code, turn, following, (term, None, stop))
        }
        Decision::CopyNext { term, base, stop } => {
            let following = adopt(turn, leader, message);
            copy_term(code, turn, following, (term, Some(base), stop))
        }
        Decision::Adopt => {
            let following = adopt(turn, leader, message);
            let state = FollowerReplay {
                following,
                writing: None,
                replay: None,
                replayed: false,
            };
            turn.enter(code, State::FollowerReplay(state), Reason::AtTerm)
        }
        Decision::Stay => {
            adopt(turn, leader, message);
            state
        }
        Decision::Invalid => turn.enter_init(code, Reason::InvalidMessage),
    }
}

fn copy_term(
    code: Code,
    turn: &mut Turn<'_>,
    following: Following,
    (term, base, stop): (i64, Option<i64>, i64),
) -> State {
    let deadline_ns = turn.now() + turn.facts.settings.leader_heartbeat_timeout_ns;
    let state = FollowerLogReplication {
        following,
        term,
        base,
        stop,
        deadline_ns,
        opening: None,
        copy: Copying::No,
    };
    turn.enter(
        code,
        State::FollowerLogReplication(state),
        Reason::BehindTerm,
    )
}

/// The leader becomes this node's; its term this node's promise.
fn adopt(turn: &mut Turn<'_>, leader: usize, message: &NewLeadershipTerm) -> Following {
    let term = message.leadership_term_id;
    turn.common.leadership_term_id = term;
    if turn.rules().ours() {
        turn.common.raise_promise(term);
    } else {
        turn.common.candidate_term = turn.common.candidate_term.max(term);
    }
    turn.common.notified = turn.common.notified.max(message.commit_position);
    Following {
        term,
        base: message.term_base_log_position,
        log_session_id: message.log_session_id,
        leader,
        recording_id: message.leader_recording_id,
        join: (turn.append().position() < message.log_position).then_some(message.log_position),
        is_startup: message.is_startup,
        heard_ns: turn.now(),
        reported: -1,
        reported_ns: None,
        told: Some(message.commit_position),
    }
}

/// Java writes a term's entry when it consumes its event; ours finds it there (§13.6, §19.4 F).
pub(crate) fn term_event(state: State, turn: &mut Turn<'_>, event: TermEvent) -> State {
    turn.common.consumed_term = event.term;
    match turn.rules() {
        Rules::Aeron => {
            if turn.common.ladder.last_term() < event.term {
                turn.write_ladder(Change::AeronTerm {
                    term: event.term,
                    base: event.base,
                    end: None,
                });
            }
        }
        Rules::Strict => {
            let is_there = turn
                .common
                .ladder
                .entry(event.term)
                .is_some_and(|entry| entry.base == event.base);
            if !is_there && event.base >= turn.common.log_start {
                return turn.stop(
                    state.code(),
                    Fatal::TermNotOnLadder {
                        term: event.term,
                        base: event.base,
                    },
                );
            }
            turn.common.ladder.event_seen(event.term);
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(log_term: i64, next: (i64, i64, i64), term: (i64, i64)) -> NewLeadershipTerm {
        NewLeadershipTerm {
            log_leadership_term_id: log_term,
            next_leadership_term_id: next.0,
            next_term_base_log_position: next.1,
            next_log_position: next.2,
            leadership_term_id: term.0,
            term_base_log_position: term.1,
            log_position: term.1,
            leader_recording_id: 0,
            timestamp: 0,
            leader_member_id: 0,
            log_session_id: 1,
            app_version: 1,
            is_startup: false,
            commit_position: 0,
        }
    }

    /// The table said in another way: each outcome has its own condition, and exactly one holds for every input.
    #[test]
    fn exactly_one_row_of_the_table_holds_for_every_input_09_11_5() {
        for rules in [Rules::Aeron, Rules::Strict] {
            for own_term in [2, 3, 5] {
                for position in [400, 500, 600, 900, 1000] {
                    for next in [(-1, -1, -1), (3, 500, 900), (3, 500, -1), (5, 900, -1)] {
                        let own = Rank {
                            term: own_term,
                            position,
                        };
                        let m = message(2, next, (5, 900));
                        let fits = own_term == 2;
                        let cut = next.1 != -1 && next.1 < position;
                        let behind = position < 900;
                        let expected = [
                            (!fits, Decision::OtherLogTerm),
                            (
                                fits && cut,
                                Decision::Truncate(Truncation {
                                    to: next.1,
                                    term: 2,
                                }),
                            ),
                            (fits && !cut && behind && next.0 == -1, Decision::Invalid),
                            (
                                fits && !cut && behind && position < next.1,
                                Decision::CopyRest { stop: next.1 },
                            ),
                            (
                                fits && !cut && behind && position == next.1 && next.2 != -1,
                                Decision::CopyNext {
                                    term: next.0,
                                    base: next.1,
                                    stop: next.2,
                                },
                            ),
                            (
                                fits && !cut
                                    && behind
                                    && position == next.1
                                    && next.2 == -1
                                    && next.0 != -1,
                                Decision::Stay,
                            ),
                            (
                                fits && !cut && !behind && (position == 900 || !rules.ours()),
                                Decision::Adopt,
                            ),
                            (
                                fits && !cut && !behind && position > 900 && rules.ours(),
                                Decision::OtherLogTerm,
                            ),
                        ];
                        let holding: Vec<_> = expected
                            .iter()
                            .filter(|(holds, _)| *holds)
                            .map(|(_, decision)| *decision)
                            .collect();
                        assert_eq!(holding, [decide(own, &m, rules)], "{own:?} {m:?}");
                    }
                }
            }
        }
    }
}
