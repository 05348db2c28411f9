//! INIT (spec 09 §11.2): the last attempt is closed, and what must be on disk before a canvass is put there, one write after the other.
//!
//! Truncation to β keeps the order of §19.4 R: intent forced, archive truncated, ladder clamped, intent cleared. A start finds an intent and does it again from
//! the archive on.

use super::edges::Code;
use super::effect::{Effect, Ticket};
use super::reason::Reason;
use super::state::{Init, LeaderLogReplication, Stage, State};
use super::step::Outcome;
use super::turn::Turn;
use crate::rules::Rules;
use crate::term_ladder::Change;

pub(crate) fn tick(mut init: Init, turn: &mut Turn<'_>) -> State {
    // Writes of the last attempt have to be over: what they leave is part of this node's rank.
    let is_writing = init.stage != Stage::Prepare && !turn.common.writes.is_empty();
    if init.waiting.is_some() || is_writing {
        return State::Init(init);
    }
    loop {
        if let Some(ticket) = begin(&init, turn) {
            init.waiting = Some(ticket);
            return State::Init(init);
        }
        match following(init.stage) {
            Some(stage) => init.stage = stage,
            None => return turn.enter_canvass(Code::Init, Reason::Cleaned),
        }
    }
}

const fn following(stage: Stage) -> Option<Stage> {
    match stage {
        Stage::Prepare => Some(Stage::Flag),
        Stage::Flag => Some(Stage::Invalidate),
        Stage::Invalidate => Some(Stage::Intent),
        Stage::Intent => Some(Stage::Truncate),
        Stage::Truncate => Some(Stage::Clamp),
        Stage::Clamp => Some(Stage::ClearIntent),
        Stage::ClearIntent => Some(Stage::Check),
        Stage::Check => Some(Stage::Propose),
        Stage::Propose => None,
    }
}

/// Asks for what the stage needs; none if it needs nothing.
fn begin(init: &Init, turn: &mut Turn<'_>) -> Option<Ticket> {
    let ours = turn.rules().ours();
    match init.stage {
        Stage::Prepare => {
            let ticket = turn.common.next_ticket();
            turn.out.push(Effect::Prepare {
                ticket,
                log_position: turn.facts.applied,
            });
            Some(ticket)
        }
        Stage::Flag => write_entry(turn),
        Stage::Invalidate => {
            let above = turn
                .common
                .impaired
                .is_some_and(|impaired| impaired.ladder_above_log);
            above.then(|| {
                turn.write_ladder(Change::Invalidate {
                    above: turn.append().position(),
                })
            })
        }
        Stage::Intent => {
            if !ours || init.cut.is_none() {
                return None;
            }
            turn.common.entry.truncation = init.cut;
            write_entry(turn)
        }
        Stage::Truncate => {
            let cut = init.cut?;
            let ticket = turn.common.next_ticket();
            turn.out.push(Effect::TruncateLog { ticket, to: cut.to });
            Some(ticket)
        }
        Stage::Clamp => {
            let cut = init.cut?;
            Some(turn.write_ladder(if ours {
                Change::Clamp { to: cut.to }
            } else {
                Change::End {
                    term: cut.term,
                    end: cut.to,
                }
            }))
        }
        Stage::ClearIntent => {
            turn.common.entry.truncation = None;
            write_entry(turn)
        }
        Stage::Check => {
            if !ours || turn.common.ladder.last().is_none() {
                return None;
            }
            let ticket = turn.common.next_ticket();
            turn.out.push(Effect::CheckLadder { ticket });
            Some(ticket)
        }
        Stage::Propose => propose(turn),
    }
}

/// Writes our node-state entry if the disk holds another; Aeron's rules have none.
fn write_entry(turn: &mut Turn<'_>) -> Option<Ticket> {
    if !turn.rules().ours() || turn.common.entry_on_disk == Some(turn.common.entry) {
        return None;
    }
    let ticket = turn.common.next_ticket();
    turn.out.push(Effect::WriteNodeState {
        ticket,
        entry: turn.common.entry,
    });
    Some(ticket)
}

/// The terms this election starts from; one member elects itself.
fn propose(turn: &mut Turn<'_>) -> Option<Ticket> {
    let ours = turn.rules().ours();
    let common = &mut *turn.common;
    common.notified = 0;
    common.candidate_term = common.candidate_term.max(common.leadership_term_id);
    if ours {
        common.raise_promise(common.ladder.last_term());
    }
    if turn.facts.settings.members.len() > 1 {
        return None;
    }
    turn.common.candidate_term += 1;
    turn.common.promise = turn.common.candidate_term;
    Some(turn.persist(None))
}

pub(crate) fn done(mut init: Init, turn: &mut Turn<'_>, ticket: Ticket, outcome: Outcome) -> State {
    if init.waiting != Some(ticket) {
        return State::Init(init);
    }
    init.waiting = None;
    match outcome {
        // Tried again at the next tick: nothing may be skipped here.
        Outcome::Failed => return State::Init(init),
        Outcome::LadderChecked(ladder) => turn.common.ladder = ladder,
        Outcome::Done
        | Outcome::Proposed(_)
        | Outcome::Written(_)
        | Outcome::LadderWritten(_)
        | Outcome::Published { .. }
        | Outcome::Joined { .. }
        | Outcome::Replicated => {}
    }
    if init.stage == Stage::Invalidate
        && let Some(impaired) = &mut turn.common.impaired
    {
        impaired.ladder_above_log = false;
    }
    match following(init.stage) {
        Some(stage) => {
            init.stage = stage;
            State::Init(init)
        }
        None => elect_self(turn),
    }
}

fn elect_self(turn: &mut Turn<'_>) -> State {
    let leading = turn.lead(turn.common.candidate_term);
    turn.enter(
        Code::Init,
        State::LeaderLogReplication(LeaderLogReplication {
            leading,
            writing: None,
        }),
        Reason::OnlyMember,
    )
}

/// Where INIT starts for a truncation: the attempt is closed first.
pub(crate) const fn truncating(cut: super::Truncation) -> State {
    State::Init(Init {
        stage: Stage::Prepare,
        waiting: None,
        cut: Some(cut),
    })
}

/// Under Aeron's rules nothing guards what is known to be committed (A4).
pub(crate) fn refuses_truncation(turn: &Turn<'_>, to: i64) -> Option<super::Fatal> {
    let committed = match turn.rules() {
        Rules::Aeron => return None,
        Rules::Strict => turn.common.protected(),
    };
    (to < committed).then_some(super::Fatal::TruncationBelowCommit { to, committed })
}
