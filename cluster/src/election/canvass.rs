//! CANVASS and NOMINATE (spec 09 §11.3): learn where the others' logs end, then stand or wait for one who does.

use super::ballot;
use super::common::Startup;
use super::edges::Code;
use super::effect::{Ticket, To};
use super::message::{Draft, RequestVote};
use super::reason::Reason;
use super::state::{CandidateBallot, Canvass, Nominate, State};
use super::step::Outcome;
use super::turn::Turn;
use crate::rules::{PROTOCOL_JAVA, PROTOCOL_TARANIS, Rules};

pub(crate) fn tick(canvass: Canvass, turn: &mut Turn<'_>) -> State {
    if !turn.common.writes.is_empty() {
        // Nothing is said of a rank that is about to change.
        return State::Canvass(canvass);
    }
    if let Some(request) = turn.common.kept_vote.take()
        && let Some(member) = turn.common.index_of(request.candidate_member_id)
    {
        return ballot::request_vote(State::Canvass(canvass), turn, member, &request);
    }
    send_positions(turn);
    match may_nominate(&canvass, turn) {
        Some(reason) => {
            let deadline_ns = turn.now() + nomination_delay(turn);
            turn.enter(
                Code::Canvass,
                State::Nominate(Nominate {
                    deadline_ns,
                    proposing: None,
                }),
                reason,
            )
        }
        None => State::Canvass(canvass),
    }
}

fn send_positions(turn: &mut Turn<'_>) {
    if !turn.interval_passed(turn.facts.settings.election_status_interval_ns) {
        return;
    }
    let message = turn.canvass_position();
    if turn.common.impaired.is_none() {
        turn.send(To::All, message);
        return;
    }
    for member in turn.common.others() {
        if turn.may_canvass(member) {
            turn.send_to(member, message);
        }
    }
}

fn may_nominate(canvass: &Canvass, turn: &Turn<'_>) -> Option<Reason> {
    let settings = turn.facts.settings;
    if settings
        .appointed_leader
        .is_some_and(|id| id != settings.member_id)
        || !turn.may_elect(turn.common.own, turn.rank())
    {
        return None;
    }
    let own = turn.rank();
    let not_better = |member: usize| {
        turn.common.seen[member]
            .evidence
            .is_some_and(|evidence| evidence.rank() <= own)
    };
    let count = 1 + turn
        .common
        .others()
        .filter(|&member| not_better(member))
        .count();
    let unanimous = turn
        .common
        .others()
        .all(|member| not_better(member) || turn.common.gracefully_closed_leader == Some(member));
    if unanimous && count >= turn.needed() {
        return Some(Reason::UnanimousCanvass);
    }
    let deadline_ns = if turn.common.startup == Startup::Canvassing {
        turn.common.since_ns + settings.startup_canvass_timeout_ns
    } else {
        turn.common
            .leader_update_ns
            .map_or(i64::MIN, |at| at + settings.leader_heartbeat_timeout_ns)
    };
    if turn.now() >= deadline_ns && count >= turn.needed() {
        return Some(Reason::QuorumCanvass);
    }
    let deposed_for = canvass
        .deposed_since_ns
        .map_or(0, |since| turn.now() - since);
    (turn.rules().ours() && deposed_for >= settings.leader_heartbeat_timeout_ns)
        .then_some(Reason::OnlyDeposedLeaders)
}

/// Uniform in [0, electionTimeout / 2); under rule M the best log heard draws from the first tenth of it, the others from the rest.
fn nomination_delay(turn: &Turn<'_>) -> i64 {
    let half = turn.facts.settings.election_timeout_ns / 2;
    let first = turn.facts.settings.election_timeout_ns / 20;
    if !turn.majority_wins() {
        return uniform(turn.facts.random, 0, half);
    }
    let own = (turn.rank(), std::cmp::Reverse(turn.own_id()));
    let better = turn.common.others().any(|member| {
        let id = turn.common.members[member].id;
        turn.common.seen[member]
            .evidence
            .is_some_and(|evidence| (evidence.rank(), std::cmp::Reverse(id)) > own)
    });
    if better {
        uniform(turn.facts.random, first, half)
    } else {
        uniform(turn.facts.random, 0, first)
    }
}

fn uniform(random: u64, from: i64, to: i64) -> i64 {
    let width = u64::try_from(to - from).unwrap_or(0).max(1);
    from + i64::try_from(random % width).unwrap_or(0)
}

pub(crate) fn nominate_tick(mut nominate: Nominate, turn: &mut Turn<'_>) -> State {
    if nominate.proposing.is_some() {
        return State::Nominate(nominate);
    }
    if turn.now() < nominate.deadline_ns {
        send_positions(turn);
        return State::Nominate(nominate);
    }
    let ours = turn.rules().ours();
    let common = &mut *turn.common;
    // Promises travel in CANVASS: a candidacy at or below one of them is refused before it is asked.
    let heard = common
        .seen
        .iter()
        .filter_map(|seen| seen.evidence)
        .map(|evidence| evidence.promise)
        .filter(|_| ours)
        .max();
    common.candidate_term = common
        .candidate_term
        .max(common.promise)
        .max(heard.unwrap_or(-1))
        + 1;
    common.promise = common.candidate_term;
    let request = request(turn);
    nominate.proposing = Some(turn.persist(Some((To::All, Draft::RequestVote(request)))));
    State::Nominate(nominate)
}

fn request(turn: &Turn<'_>) -> RequestVote {
    let rank = turn.rank();
    RequestVote {
        log_leadership_term_id: rank.term,
        log_position: rank.position,
        candidate_term_id: turn.common.candidate_term,
        candidate_member_id: turn.own_id(),
        protocol_version: match turn.rules() {
            Rules::Aeron => PROTOCOL_JAVA,
            Rules::Strict => PROTOCOL_TARANIS,
        },
    }
}

pub(crate) fn nominate_done(
    nominate: Nominate,
    turn: &mut Turn<'_>,
    ticket: Ticket,
    outcome: &Outcome,
) -> State {
    if nominate.proposing != Some(ticket) {
        return State::Nominate(nominate);
    }
    match outcome {
        Outcome::Proposed(_) => {
            let term = turn.common.candidate_term;
            let own = turn.common.own;
            turn.common.members[own].vote = Some((term, true));
            turn.enter(
                Code::Nominate,
                State::CandidateBallot(CandidateBallot { term }),
                Reason::Standing,
            )
        }
        Outcome::Done
        | Outcome::Failed
        | Outcome::Written(_)
        | Outcome::LadderWritten(_)
        | Outcome::LadderChecked(_)
        | Outcome::Published { .. }
        | Outcome::Joined { .. }
        | Outcome::Replicated => turn.enter_init(Code::Nominate, Reason::Failed),
    }
}
