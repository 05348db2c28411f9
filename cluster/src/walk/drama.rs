//! A fault with a plot: a leader is muted, another is elected beside it and cut off, the first one comes back (spec 09 §19.3 A8, §19.5 scripts 6, 17 and 18).
//! Pure chance finds these orders once in thousands of walks.

use super::random::{isolate, start, wipe};
use super::world::World;
use crate::election::Code;

/// Rounds that an act may last without its cue.
const PATIENCE: u64 = 80;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Drama {
    /// The old leader is heard by nobody; the rival is to reach a state.
    Muted {
        old: usize,
        rival: usize,
        cue: Code,
        lingers: u64,
        until: u64,
    },
    /// The rival is cut off, everybody else is connected again.
    Back { until: u64 },
}

/// One round of it; begins one in so many rounds.
pub(crate) fn play(drama: &mut Option<Drama>, one_in: u64, wipes: bool, world: &mut World) {
    *drama = match *drama {
        None => {
            // The plot needs a voter beside the two.
            if !world.rng.one_in(one_in) || world.members.len() < 3 {
                return;
            }
            begin(world)
        }
        Some(Drama::Muted { until, .. }) if world.round >= until => {
            world.network.join_all();
            None
        }
        Some(Drama::Muted {
            old,
            rival,
            cue,
            lingers,
            until,
        }) => match (is_at(world, rival, cue), lingers) {
            (false, _) => Some(Drama::Muted {
                old,
                rival,
                cue,
                lingers,
                until,
            }),
            (true, 0) => Some(come_back(old, rival, wipes, world)),
            (true, lingers) => Some(Drama::Muted {
                old,
                rival,
                cue,
                lingers: lingers - 1,
                until,
            }),
        },
        Some(Drama::Back { until }) if world.round >= until => {
            world.network.join_all();
            None
        }
        Some(Drama::Back { until }) => Some(Drama::Back { until }),
    };
}

fn is_at(world: &World, member: usize, cue: Code) -> bool {
    world.members[member]
        .process
        .as_ref()
        .is_some_and(|process| {
            let (code, leads) = (process.state.code(), process.state.leading().is_some());
            if cue == Code::Closed {
                code == cue && leads
            } else {
                code == cue || leads
            }
        })
}

fn begin(world: &mut World) -> Option<Drama> {
    if world.members.len() < 2 {
        return None;
    }
    let leads = |index: &usize| {
        world.members[*index]
            .process
            .as_ref()
            .is_some_and(|process| process.state.leading().is_some())
    };
    let old = (0..world.members.len()).find(leads)?;
    let rival = (old + 1 + world.rng.index(world.members.len() - 1)) % world.members.len();
    world.note(old, "muted");
    world.network.join_all();
    for other in (0..world.members.len()).filter(|&other| other != old) {
        world.network.cut(old, other, true);
    }
    world.network.cut(rival, old, true);
    if world.rng.one_in(3) {
        // Not longer than an impaired node waits (the residual of §19.4 D).
        world.members[old].asleep_until = world.round + 1 + world.rng.below(28);
    }
    let cue = [
        Code::CandidateBallot,
        Code::LeaderLogReplication,
        Code::Closed,
    ][world.rng.index(3)];
    Some(Drama::Muted {
        old,
        rival,
        cue,
        lingers: world.rng.below(8),
        until: world.round + PATIENCE,
    })
}

fn come_back(old: usize, rival: usize, wipes: bool, world: &mut World) -> Drama {
    world.network.join_all();
    isolate(world, rival);
    if wipes && world.rng.one_in(2) {
        let others: Vec<usize> = (0..world.members.len())
            .filter(|&other| other != old && other != rival)
            .collect();
        let voter = others[world.rng.index(others.len())];
        wipe(world, voter);
        start(world, voter);
    }
    Drama::Back {
        until: world.round + 5 + world.rng.below(60),
    }
}
