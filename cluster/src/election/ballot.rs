//! Votes (spec 09 §11.3, §19.4 P, M and D).

use super::edges::Code;
use super::effect::To;
use super::message::{Draft, Message, Proven, RequestVote, Vote};
use super::reason::Reason;
use super::state::{CandidateBallot, Closed, LeaderLogReplication, State};
use super::turn::Turn;
use crate::evidence::{Kind, Rank};

pub(crate) fn request_vote(
    state: State,
    turn: &mut Turn<'_>,
    member: usize,
    request: &RequestVote,
) -> State {
    let code = state.code();
    let keep = turn.rules().ours() && request.candidate_term_id > turn.common.candidate_term;
    match code {
        Code::Init => {
            if keep {
                turn.common.kept_vote = Some(*request);
            }
            return state;
        }
        Code::Closed => return request_in_term(state, turn, request, keep),
        Code::Canvass if !turn.common.writes.is_empty() => {
            turn.common.kept_vote = Some(*request);
            return state;
        }
        Code::Canvass
        | Code::Nominate
        | Code::CandidateBallot
        | Code::FollowerBallot
        | Code::LeaderLogReplication
        | Code::LeaderReplay
        | Code::LeaderInit
        | Code::LeaderReady
        | Code::FollowerLogReplication
        | Code::FollowerReplay
        | Code::FollowerCatchupInit
        | Code::FollowerCatchupAwait
        | Code::FollowerCatchup
        | Code::FollowerLogInit
        | Code::FollowerLogAwait
        | Code::FollowerReady => {}
    }
    let candidate = Rank {
        term: request.log_leadership_term_id,
        position: request.log_position,
    };
    let is_higher = request.candidate_term_id > turn.common.candidate_term;
    if turn.common.impaired.is_some()
        && !(is_higher && may_vote(code) && turn.may_elect(member, candidate))
    {
        // A refusal would veto a candidacy under Aeron's ballot: this node has no say.
        turn.common.raise_promise(request.candidate_term_id);
        return state;
    }
    if !is_higher {
        let refusal = Proven::refusal(vote_for(turn, request, false));
        turn.send_to(member, Message::Vote(refusal));
        return state;
    }
    if turn.rank() > candidate {
        turn.common.candidate_term = request.candidate_term_id;
        persist_vote(turn, request, false);
        if let Some(leading) = state.leading().cloned() {
            turn.answer(&leading, member, candidate.term);
        }
        return state;
    }
    if !may_vote(code) {
        return state;
    }
    turn.common.raise_promise(request.candidate_term_id);
    turn.common.voted_term = Some(request.candidate_term_id);
    persist_vote(turn, request, true);
    turn.enter(code, State::FollowerBallot, Reason::Voted)
}

const fn may_vote(code: Code) -> bool {
    matches!(
        code,
        Code::Canvass | Code::Nominate | Code::CandidateBallot | Code::FollowerBallot
    )
}

/// §5.4: a greater term ends the term that runs; the request is answered on entering CANVASS (P 6).
fn request_in_term(state: State, turn: &mut Turn<'_>, request: &RequestVote, keep: bool) -> State {
    let ends = match turn.rules() {
        crate::rules::Rules::Aeron => request.candidate_term_id > turn.common.leadership_term_id,
        crate::rules::Rules::Strict => keep,
    };
    if !ends || matches!(state, State::Closed(Closed::Stopped(_))) {
        return state;
    }
    if keep {
        turn.common.kept_vote = Some(*request);
    }
    turn.enter_init(Code::Closed, Reason::VoteRequest)
}

fn vote_for(turn: &Turn<'_>, request: &RequestVote, vote: bool) -> Vote {
    let rank = turn.rank();
    Vote {
        candidate_term_id: request.candidate_term_id,
        log_leadership_term_id: rank.term,
        log_position: rank.position,
        candidate_member_id: request.candidate_member_id,
        follower_member_id: turn.own_id(),
        vote,
    }
}

fn persist_vote(turn: &mut Turn<'_>, request: &RequestVote, granted: bool) {
    let vote = vote_for(turn, request, granted);
    turn.persist(Some((
        To::Member(request.candidate_member_id),
        Draft::Vote(vote),
    )));
}

pub(crate) fn vote(state: State, turn: &mut Turn<'_>, member: usize, vote: &Vote) -> State {
    let State::CandidateBallot(ballot) = state else {
        return state;
    };
    if vote.candidate_term_id == ballot.term && vote.candidate_member_id == turn.own_id() {
        turn.common.members[member].vote = Some((vote.candidate_term_id, vote.vote));
        let rank = Rank {
            term: vote.log_leadership_term_id,
            position: vote.log_position,
        };
        turn.report_of(member, Kind::Vote, rank, vote.candidate_term_id);
    }
    State::CandidateBallot(ballot)
}

pub(crate) fn candidate_tick(ballot: CandidateBallot, turn: &mut Turn<'_>) -> State {
    let cast = |granted| {
        turn.common
            .members
            .iter()
            .filter(|member| member.vote == Some((ballot.term, granted)))
            .count()
    };
    let (granted, refused) = (cast(true), cast(false));
    let closed = turn.common.gracefully_closed_leader;
    let missing = turn.common.others().any(|member| {
        Some(member) != closed && turn.common.members[member].vote != Some((ballot.term, true))
    });
    let has_quorum = granted >= turn.needed();
    if !missing && has_quorum {
        return elected(ballot, turn, Reason::UnanimousLeader);
    }
    if turn.majority_wins() {
        if has_quorum {
            return elected(ballot, turn, Reason::QuorumLeader);
        }
        if refused > turn.common.members.len() - turn.needed() {
            return turn.enter_canvass(Code::CandidateBallot, Reason::Refused);
        }
    }
    if turn.since_state_change() < turn.facts.settings.election_timeout_ns {
        return State::CandidateBallot(ballot);
    }
    if has_quorum && refused == 0 {
        return elected(ballot, turn, Reason::QuorumLeader);
    }
    turn.enter_canvass(
        Code::CandidateBallot,
        if refused > 0 {
            Reason::Refused
        } else {
            Reason::BallotTimeout
        },
    )
}

fn elected(ballot: CandidateBallot, turn: &mut Turn<'_>, reason: Reason) -> State {
    let leading = turn.lead(ballot.term);
    turn.enter(
        Code::CandidateBallot,
        State::LeaderLogReplication(LeaderLogReplication {
            leading,
            writing: None,
        }),
        reason,
    )
}

pub(crate) fn follower_tick(turn: &mut Turn<'_>) -> State {
    if turn.since_state_change() < turn.facts.settings.election_timeout_ns {
        return State::FollowerBallot;
    }
    turn.enter_canvass(Code::FollowerBallot, Reason::BallotTimeout)
}
