//! Random walks: faults at will with the rules checked all the while, then a calm phase in which the cluster must come to rest.
//!
//! Each seed also draws which faults exist, so that a walk without one of them is as likely as one with all.

use std::collections::BTreeSet;

use super::disk::Disk;
use super::drama;
use super::history::Violation;
use super::world::{Edge, World};
use crate::election::Code;
use crate::rules::Rules;

/// What kind of walks.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Members of the cluster.
    pub members: usize,
    /// Their rules.
    pub rules: Rules,
    /// Disks may be wiped, one member's at a time.
    pub wipes: bool,
    /// Rounds with faults.
    pub rounds: u64,
    /// Rounds the calm phase may take; 0 to leave it out.
    pub calm_rounds: u64,
}

impl Plan {
    /// Three or five members, faults for a hundred heartbeat timeouts or so, and time to come to rest.
    #[must_use]
    pub const fn new(members: usize, rules: Rules) -> Self {
        Self {
            members,
            rules,
            wipes: false,
            rounds: 500,
            calm_rounds: 1500,
        }
    }
}

/// What walks came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Walks done.
    pub walks: u64,
    /// Rounds done.
    pub rounds: u64,
    /// Bytes answered or applied.
    pub answered: i64,
    /// Elections completed, by leaders.
    pub terms: u64,
    /// Broken walks by seed.
    pub broken: Vec<(u64, Violation)>,
    /// Longest calm phase, in rounds.
    pub longest_calm: u64,
    /// Changes of state seen.
    pub edges: BTreeSet<(Code, Code)>,
}

impl Report {
    /// Broken walks that lost, mixed or doubled something; a walk that is not live has not.
    #[must_use]
    pub fn unsafe_walks(&self) -> usize {
        self.broken
            .iter()
            .filter(|(_, violation)| !matches!(violation, Violation::NotLive { .. }))
            .count()
    }
}

/// Walks the seeds `first..first + walks`.
#[must_use]
pub fn run(plan: &Plan, first: u64, walks: u64) -> Report {
    let mut report = Report::default();
    for seed in first..first + walks {
        walk(plan, seed, &mut report, None);
    }
    report
}

/// One walk again, told event by event.
#[must_use]
pub fn replay(plan: &Plan, seed: u64) -> (Report, Vec<String>) {
    let mut report = Report::default();
    let trace = walk(plan, seed, &mut report, Some(Vec::new()));
    (report, trace.unwrap_or_default())
}

fn walk(
    plan: &Plan,
    seed: u64,
    report: &mut Report,
    trace: Option<Vec<String>>,
) -> Option<Vec<String>> {
    let mut world = World::new(plan.members, plan.rules, seed);
    world.trace = trace;
    let faults = Faults::draw(plan, &mut world);
    if world.rng.one_in(2) {
        earlier_life(&mut world);
    }
    for index in 0..plan.members {
        world.start(index);
    }
    let mut drama = None;
    for _ in 0..plan.rounds {
        if world.history.violation.is_some() {
            break;
        }
        faults.strike(&mut world);
        drama::play(&mut drama, faults.drama, plan.wipes, &mut world);
        world.run_round();
    }
    if world.history.violation.is_none() && plan.calm_rounds > 0 {
        let calm = come_to_rest(plan, &mut world);
        report.longest_calm = report.longest_calm.max(calm);
    }
    report.walks += 1;
    report.rounds += world.round;
    report.answered += world.history.position();
    report.terms += world.history.terms();
    report
        .edges
        .extend(world.edges.iter().copied().collect::<BTreeSet<Edge>>());
    if let Some(violation) = world.history.violation {
        report.broken.push((seed, violation));
    }
    world.trace
}

/// The faults of one walk: one in so many rounds; 0 for never.
#[derive(Clone, Copy, Debug)]
struct Faults {
    kill: u64,
    restart: u64,
    cut: u64,
    heal: u64,
    sleep: u64,
    wipe: u64,
    /// A member is killed or cut off just as it enters a state.
    ambush: u64,
    /// A leader is muted and another elected beside it.
    drama: u64,
}

impl Faults {
    fn draw(plan: &Plan, world: &mut World) -> Self {
        let mut draw = |choices: [u64; 4]| choices[world.rng.index(4)];
        let faults = Self {
            kill: draw([0, 150, 80, 40]),
            restart: draw([5, 10, 20, 40]),
            cut: draw([0, 60, 30, 15]),
            heal: draw([8, 15, 30, 60]),
            sleep: draw([0, 0, 100, 40]),
            wipe: if plan.wipes {
                draw([100, 100, 60, 40])
            } else {
                0
            },
            ambush: draw([0, 40, 20, 10]),
            drama: draw([0, 0, 40, 10]),
        };
        world.network.loss = draw([0, 100, 30, 10]);
        world.network.delay = draw([1, 1, 2, 4]);
        world.chore_delay = draw([1, 1, 2, 4]);
        world.append_one_in = draw([2, 3, 6, 20]);
        faults
    }

    fn strike(&self, world: &mut World) {
        let members = world.members.len();
        let any = world.rng.index(members);
        if world.rng.one_in(self.kill) {
            stop(world, any, "killed");
        }
        if world.rng.one_in(self.restart) {
            let index = world.rng.index(members);
            start(world, index);
        }
        if world.rng.one_in(self.cut) {
            cut(world);
        }
        if world.rng.one_in(self.heal) {
            let (from, to) = (world.rng.index(members), world.rng.index(members));
            let all = world.rng.one_in(3);
            if all {
                world.network.join_all();
            } else {
                world.network.cut(from, to, false);
                world.network.cut(to, from, false);
            }
        }
        if world.rng.one_in(self.sleep) {
            // A process stopped for longer than the heartbeat timeout, not longer than an impaired node's wait (the residual of §19.4 D).
            let until = world.round + 1 + world.rng.below(25);
            world.members[any].asleep_until = until;
        }
        if world.rng.one_in(self.wipe) {
            wipe(world, any);
        }
        self.ambush(world);
    }

    fn ambush(&self, world: &mut World) {
        let changed = std::mem::take(&mut world.changed);
        for &(index, _) in &changed {
            if !world.rng.one_in(self.ambush) {
                continue;
            }
            if world.rng.one_in(2) {
                stop(world, index, "killed in ambush");
            } else {
                isolate(world, index);
            }
        }
        world.changed = changed;
    }
}

/// A log from before, of which some members lack the end: nobody has answered it.
fn earlier_life(world: &mut World) {
    for index in 0..world.members.len() {
        let append = 100 + 100 * world.rng.below(6);
        world.members[index].disk =
            Disk::of_earlier_life(&[(0, 0)], i64::try_from(append).unwrap_or(100));
    }
}

pub(super) fn stop(world: &mut World, index: usize, how: &str) {
    if world.members[index].process.is_some() {
        world.note(index, how);
        world.kill(index, true);
    }
}

pub(super) fn start(world: &mut World, index: usize) {
    if world.members[index].process.is_none() {
        world.note(index, "starts");
        world.start(index);
    }
}

/// One direction, one link, or one member from all.
fn cut(world: &mut World) {
    let members = world.members.len();
    let (from, to) = (world.rng.index(members), world.rng.index(members));
    match world.rng.below(3) {
        0 => world.network.cut(from, to, true),
        1 => {
            world.network.cut(from, to, true);
            world.network.cut(to, from, true);
        }
        _ => {
            isolate(world, from);
            return;
        }
    }
    world.note(from, &format!("cut off from {}", to + 1));
}

pub(super) fn isolate(world: &mut World, index: usize) {
    world.note(index, "cut off from all");
    for other in (0..world.members.len()).filter(|&other| other != index) {
        world.network.cut(index, other, true);
        world.network.cut(other, index, true);
    }
}

/// A disk is lost only while every other member is whole: the rules promise nothing for two at once.
pub(super) fn wipe(world: &mut World, index: usize) {
    let whole = |member: &super::member::Member| {
        let is_marked = member.disk.entry.is_some_and(|entry| entry.impaired)
            || member.disk.candidate.is_none();
        !is_marked
            && member
                .process
                .as_ref()
                .is_none_or(|process| !process.common.is_impaired())
    };
    let others_are_whole = world
        .members
        .iter()
        .filter(|member| member.index != index)
        .all(whole);
    if others_are_whole {
        world.note(index, "wiped");
        world.wipe(index);
    }
}

/// All faults end. Rounds until every member is in one term, applied to the end, and whole.
fn come_to_rest(plan: &Plan, world: &mut World) -> u64 {
    world.note(0, "calm");
    world.network.heal();
    world.chore_delay = 2;
    world.append_one_in = 8;
    for index in 0..plan.members {
        world.members[index].asleep_until = 0;
        world.start(index);
    }
    let before = world.history.position();
    for calm in 1..=plan.calm_rounds {
        world.run_round();
        if world.history.violation.is_some() || is_at_rest(world, before) {
            return calm;
        }
    }
    world.history.not_live(plan.calm_rounds);
    plan.calm_rounds
}

fn is_at_rest(world: &World, before: i64) -> bool {
    let term = world.members[0].is_settled().map(|(term, _)| term);
    let same_term = term.is_some()
        && world
            .members
            .iter()
            .all(|member| member.is_settled().map(|(term, _)| term) == term);
    let applied = |member: &super::member::Member| {
        member.process.as_ref().map_or(0, |process| process.applied)
    };
    let is_whole = |member: &super::member::Member| {
        member
            .process
            .as_ref()
            .is_some_and(|process| !process.common.is_impaired())
    };
    same_term
        && world
            .members
            .iter()
            .all(|member| applied(member) > before && is_whole(member))
}
