//! CLOSED: the term runs (spec 09 §5, §19.4 C and G 5).

use super::edges::Code;
use super::effect::Effect;
use super::reason::Reason;
use super::state::{Closed, Following, Leading, State};
use super::turn::{Turn, passed};

/// A commit position is stored at most this often, for rule X after a restart.
const STORE_INTERVAL_NS: i64 = 1_000_000_000;

/// FOLLOWER_READY: the leader hears the position, the election is over. A report that is not sent is sent again in CLOSED.
pub(crate) fn ready_tick(mut following: Following, turn: &mut Turn<'_>) -> State {
    following.reported_ns = None;
    turn.report(&mut following, 0);
    following.heard_ns = turn.now();
    turn.common.commit = turn.common.commit.max(turn.facts.applied);
    turn.completed(following.leader, following.term, turn.facts.applied);
    turn.enter(
        Code::FollowerReady,
        State::Closed(Closed::Follower(following)),
        Reason::Ready,
    )
}

pub(crate) fn follower_tick(mut following: Following, turn: &mut Turn<'_>) -> State {
    turn.report(&mut following, 0);
    turn.consume();
    if let Some(told) = following.told {
        turn.heal(following.term, told);
    }
    store_commit(turn);
    let readable = turn.append().position().min(turn.common.notified);
    if let Some(image) = turn
        .facts
        .image
        .filter(|image| image.closed && turn.facts.applied >= readable)
    {
        turn.common.gracefully_closed_leader = image.end_of_stream.then_some(following.leader);
        return turn.enter_init(Code::Closed, Reason::LogEnded);
    }
    if turn.now() >= following.heard_ns + turn.facts.settings.leader_heartbeat_timeout_ns {
        return turn.enter_init(Code::Closed, Reason::LeaderSilent);
    }
    State::Closed(Closed::Follower(following))
}

pub(crate) fn leader_tick(mut leading: Leading, turn: &mut Turn<'_>) -> State {
    if let Some(reason) = turn.must_step_down(&leading) {
        return turn.enter_init(Code::Closed, reason);
    }
    let count = turn.count(&leading);
    if count.active < turn.needed() {
        return turn.enter_init(Code::Closed, Reason::InactiveQuorum);
    }
    leading.gate_open |= count.gate && turn.rules().ours();
    turn.commit(&count);
    turn.announce_commit(&mut leading, &count);
    turn.heal(leading.term, turn.common.commit);
    store_commit(turn);
    State::Closed(Closed::Leader(leading))
}

fn store_commit(turn: &mut Turn<'_>) {
    let commit = turn.common.commit;
    if !turn.rules().ours() || commit <= turn.common.entry.commit {
        return;
    }
    let mut stored = Some(turn.common.entry_stored_ns);
    if passed(&mut stored, turn.now(), STORE_INTERVAL_NS) {
        turn.common.entry_stored_ns = turn.now();
        turn.common.entry.commit = commit;
        turn.out.push(Effect::StoreNodeState(turn.common.entry));
    }
}
