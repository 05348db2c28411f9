//! The step: one input, one state, the next state and what to do.

use super::common::Common;
use super::edges::Code;
use super::effect::{Effects, NodeStateEntry, Ticket};
use super::facts::Facts;
use super::message::{
    AppendPosition, CanvassPosition, CatchupPosition, CommitPosition, NewLeadershipTerm,
    RequestVote, StopCatchup, Vote,
};
use super::reason::Reason;
use super::state::{Closed, State};
use super::turn::Turn;
use super::{ballot, canvass, copy, established, follow, init, lead, rejoin};
use crate::evidence::{Kind, Rank};
use crate::proposed::TermProposed;
use crate::term_ladder::{Ladder, LadderWritten, TermEvent};

/// What happened. Messages are those of other members, decoded; the executor has checked an appVersion before.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A duty cycle.
    Tick,
    /// 50.
    CanvassPosition(&'a CanvassPosition),
    /// 51.
    RequestVote(&'a RequestVote),
    /// 52.
    Vote(&'a Vote),
    /// 53.
    NewLeadershipTerm(&'a NewLeadershipTerm),
    /// 54.
    AppendPosition(&'a AppendPosition),
    /// 55.
    CommitPosition(&'a CommitPosition),
    /// 56.
    CatchupPosition(&'a CatchupPosition),
    /// 57.
    StopCatchup(&'a StopCatchup),
    /// The consensus module has consumed a NewLeadershipTermEvent of the log (replay, catch-up or live).
    TermEvent(TermEvent),
    /// What became of an effect.
    Done(Ticket, Outcome),
}

/// What became of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; nothing more to say.
    Done,
    /// It could not be done.
    Failed,
    /// The candidate term is on disk.
    Proposed(TermProposed),
    /// The node-state entry is on disk.
    Written(NodeStateEntry),
    /// The TERM entries are on disk.
    LadderWritten(LadderWritten),
    /// The ladder agrees with the log now: as it is on disk.
    LadderChecked(Ladder),
    /// The log publication exists.
    Published {
        /// Its session.
        log_session_id: i32,
    },
    /// The log is recorded here, under this id.
    Joined {
        /// The recording.
        recording_id: i64,
    },
    /// The replication has ended and its recording stopped.
    Replicated,
}

/// Takes one input. No I/O, no clock; allocates only when the ladder grows.
pub fn step(
    state: State,
    common: &mut Common,
    facts: &Facts<'_>,
    input: Input<'_>,
    out: &mut Effects,
) -> State {
    let mut turn = Turn { common, facts, out };
    let turn = &mut turn;
    match input {
        Input::Tick => tick(state, turn),
        Input::CanvassPosition(message) => heard(
            state,
            turn,
            message.follower_member_id,
            |state, turn, member| {
                turn.note_protocol(member, message.protocol_version);
                turn.common.members[member].leads = None;
                turn.note_term(
                    member,
                    message
                        .log_leadership_term_id
                        .max(message.leadership_term_id),
                );
                canvass_position(state, turn, member, message)
            },
        ),
        Input::RequestVote(message) => heard(
            state,
            turn,
            message.candidate_member_id,
            |state, turn, member| {
                turn.note_protocol(member, message.protocol_version);
                turn.common.members[member].leads = None;
                turn.note_told(member);
                ballot::request_vote(state, turn, member, message)
            },
        ),
        Input::Vote(message) => heard(
            state,
            turn,
            message.follower_member_id,
            |state, turn, member| {
                turn.note_term(member, message.candidate_term_id);
                ballot::vote(state, turn, member, message)
            },
        ),
        Input::NewLeadershipTerm(message) => heard(
            state,
            turn,
            message.leader_member_id,
            |state, turn, member| {
                turn.note_leader(member, message.leadership_term_id);
                follow::new_leadership_term(state, turn, member, message)
            },
        ),
        Input::AppendPosition(message) => heard(
            state,
            turn,
            message.follower_member_id,
            |state, turn, member| {
                turn.note_term(member, message.leadership_term_id);
                append_position(state, turn, member, message)
            },
        ),
        Input::CommitPosition(message) => heard(
            state,
            turn,
            message.leader_member_id,
            |state, turn, member| {
                turn.note_leader(member, message.leadership_term_id);
                follow::commit_position(state, turn, member, message)
            },
        ),
        Input::CatchupPosition(message) => heard(
            state,
            turn,
            message.follower_member_id,
            |state, turn, member| {
                turn.note_term(member, message.leadership_term_id);
                lead::catchup_position(&state, turn, member, message);
                state
            },
        ),
        Input::StopCatchup(message) => rejoin::stop_catchup(state, turn, message),
        Input::TermEvent(event) => follow::term_event(state, turn, event),
        Input::Done(ticket, outcome) => done(state, turn, ticket, outcome),
    }
}

/// Messages of unknown members, of this one, and whatever comes in INIT or after a stop, are dropped (§11.2).
fn heard<'a>(
    state: State,
    turn: &mut Turn<'a>,
    id: i32,
    handle: impl FnOnce(State, &mut Turn<'a>, usize) -> State,
) -> State {
    let Some(member) = turn
        .common
        .index_of(id)
        .filter(|&member| member != turn.common.own)
    else {
        return state;
    };
    if matches!(state, State::Closed(Closed::Stopped(_))) {
        return state;
    }
    turn.common.members[member].heard_ns = Some(turn.now());
    handle(state, turn, member)
}

fn tick(state: State, turn: &mut Turn<'_>) -> State {
    let mut state = state;
    let code = state.code();
    // An impaired node's promise may rise under it: it no longer reports to this leader (§19.4 P 1).
    if let Some(following) = state.following_mut()
        && turn.rules().ours()
        && following.term < turn.common.promise
    {
        return turn.enter_init(code, Reason::Deposed);
    }
    match state {
        State::Init(state) => init::tick(state, turn),
        State::Canvass(state) => canvass::tick(state, turn),
        State::Nominate(state) => canvass::nominate_tick(state, turn),
        State::CandidateBallot(state) => ballot::candidate_tick(state, turn),
        State::FollowerBallot => ballot::follower_tick(turn),
        State::LeaderLogReplication(state) => lead::replication_tick(state, turn),
        State::LeaderReplay(state) => lead::replay_tick(state, turn),
        State::LeaderInit(state) => lead::init_tick(state, turn),
        State::LeaderReady(state) => lead::ready_tick(state, turn),
        State::FollowerLogReplication(state) => copy::tick(state, turn),
        State::FollowerReplay(state) => rejoin::replay_tick(state, turn),
        State::FollowerCatchupInit(state) => rejoin::catchup_init_tick(state, turn),
        State::FollowerCatchupAwait(state) => {
            rejoin::await_tick(Code::FollowerCatchupAwait, state, turn)
        }
        State::FollowerCatchup(state) => rejoin::catchup_tick(state, turn),
        State::FollowerLogInit(state) => rejoin::log_init_tick(state, turn),
        State::FollowerLogAwait(state) => rejoin::await_tick(Code::FollowerLogAwait, state, turn),
        State::FollowerReady(following) => established::ready_tick(following, turn),
        State::Closed(Closed::Leader(leading)) => established::leader_tick(leading, turn),
        State::Closed(Closed::Follower(following)) => established::follower_tick(following, turn),
        state @ State::Closed(Closed::Stopped(_)) => state,
    }
}

fn canvass_position(
    state: State,
    turn: &mut Turn<'_>,
    member: usize,
    message: &CanvassPosition,
) -> State {
    if turn.common.gracefully_closed_leader == Some(member) {
        turn.common.gracefully_closed_leader = None;
    }
    if state.leading().is_some() {
        return lead::canvass_position(state, turn, member, message);
    }
    if matches!(state.code(), Code::Init | Code::Closed) {
        return state;
    }
    let rank = Rank {
        term: message.log_leadership_term_id,
        position: message.log_position,
    };
    turn.report_of(member, Kind::Canvass, rank, message.leadership_term_id);
    state
}

fn append_position(
    state: State,
    turn: &mut Turn<'_>,
    member: usize,
    message: &AppendPosition,
) -> State {
    if state.leading().is_some() {
        return lead::append_position(state, turn, member, message);
    }
    if matches!(state.code(), Code::Init | Code::Closed) {
        return state;
    }
    if message.leadership_term_id <= turn.common.leadership_term_id {
        let rank = Rank {
            term: message.leadership_term_id,
            position: message.log_position,
        };
        turn.report_of(member, Kind::Append, rank, message.leadership_term_id);
    }
    state
}

fn done(state: State, turn: &mut Turn<'_>, ticket: Ticket, outcome: Outcome) -> State {
    // What a write left on disk is true whatever the state has become.
    turn.common.writes.retain(|&write| write != ticket);
    match outcome {
        Outcome::Proposed(proposed) => {
            turn.common.proposed = turn.common.proposed.max(Some(proposed))
        }
        Outcome::Written(entry) => turn.common.entry_on_disk = Some(entry),
        Outcome::LadderWritten(written) => _ = turn.common.ladder.complete(written),
        Outcome::Joined { recording_id } => turn.common.recording_id = Some(recording_id),
        Outcome::Done
        | Outcome::Failed
        | Outcome::LadderChecked(_)
        | Outcome::Published { .. }
        | Outcome::Replicated => {}
    }
    super::impaired::written(turn, ticket, &outcome);
    match state {
        State::Init(state) => init::done(state, turn, ticket, outcome),
        State::Nominate(state) => canvass::nominate_done(state, turn, ticket, &outcome),
        State::LeaderLogReplication(state) => lead::replication_done(state, turn, ticket, &outcome),
        State::LeaderReplay(state) => lead::replay_done(state, turn, ticket, &outcome),
        State::LeaderInit(state) => lead::init_done(state, turn, ticket, &outcome),
        State::LeaderReady(state) => lead::ready_done(state, turn, ticket, &outcome),
        State::FollowerLogReplication(state) => copy::done(state, turn, ticket, outcome),
        State::FollowerReplay(state) => rejoin::replay_done(state, turn, ticket, &outcome),
        State::FollowerCatchupInit(state) => {
            rejoin::catchup_init_done(state, turn, ticket, &outcome)
        }
        State::FollowerCatchupAwait(state) => {
            rejoin::await_done(Code::FollowerCatchupAwait, state, turn, ticket, &outcome)
        }
        State::FollowerLogInit(state) => rejoin::log_init_done(state, turn, ticket, &outcome),
        State::FollowerLogAwait(state) => {
            rejoin::await_done(Code::FollowerLogAwait, state, turn, ticket, &outcome)
        }
        state @ (State::Canvass(_)
        | State::CandidateBallot(_)
        | State::FollowerBallot
        | State::FollowerCatchup(_)
        | State::FollowerReady(_)
        | State::Closed(_)) => state,
    }
}
