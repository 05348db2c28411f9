//! Random walks over the core's own step (09 §19.4, cases C076, C078, C084).
//!
//! A plain `cargo test` walks a hundredth of what an optimised profile does; for more: `TARANIS_WALKS=1000000 cargo test --profile sim --test consensus walks`.

use std::collections::BTreeSet;

use taranis_cluster::election::Code;
use taranis_cluster::rules::Rules;
use taranis_cluster::walk::random::{Plan, Report, replay, run};

#[expect(
    clippy::disallowed_methods,
    reason = "a test's switch, read nowhere else"
)]
fn walks() -> u64 {
    let asked = std::env::var("TARANIS_WALKS")
        .ok()
        .and_then(|walks| walks.parse().ok());
    asked.unwrap_or_else(|| if is_optimised() { 20_000 } else { 200 })
}

/// The `sim` profile keeps debug assertions and `release` does not; only the optimised ones define this away.
fn is_optimised() -> bool {
    let profile = std::env::current_exe().unwrap();
    !profile.components().any(|part| part.as_os_str() == "debug")
}

fn walk(plan: &Plan) -> Report {
    let report = run(plan, 0, walks());
    println!(
        "{} members, {:?}{}: {} walks, {} rounds, {} leaders, {} bytes answered, longest calm {} of {} rounds, {} broken",
        plan.members,
        plan.rules,
        if plan.wipes { ", disks wiped" } else { "" },
        report.walks,
        report.rounds,
        report.terms,
        report.answered,
        report.longest_calm,
        plan.calm_rounds,
        report.broken.len(),
    );
    report
}

fn assert_kept(plan: &Plan) {
    let report = walk(plan);
    if let Some((seed, violation)) = report.broken.first() {
        let (_, trace) = replay(plan, *seed);
        let from = trace.len().saturating_sub(120);
        panic!("seed {seed}: {violation}\n{}", trace[from..].join("\n"));
    }
    assert!(
        report.terms > report.walks && report.answered > 0,
        "walks in which nothing happens show nothing: {report:?}"
    );
}

#[test]
fn three_members_lose_nothing_and_come_to_rest_09_19_4() {
    assert_kept(&Plan::new(3, Rules::Strict));
}

#[test]
fn five_members_lose_nothing_and_come_to_rest_09_19_4() {
    assert_kept(&Plan::new(5, Rules::Strict));
}

#[test]
fn three_members_survive_the_loss_of_one_disk_at_a_time_09_19_4_d() {
    assert_kept(&Plan {
        wipes: true,
        ..Plan::new(3, Rules::Strict)
    });
}

#[test]
fn five_members_survive_the_loss_of_one_disk_at_a_time_09_19_4_d() {
    assert_kept(&Plan {
        wipes: true,
        ..Plan::new(5, Rules::Strict)
    });
}

#[test]
fn the_same_walks_find_the_losses_of_aeron_rules_09_19_3() {
    for members in [3, 5] {
        let report = walk(&Plan {
            calm_rounds: 0,
            ..Plan::new(members, Rules::Aeron)
        });
        assert!(
            report.unsafe_walks() > 0,
            "a checker that never fails is not known to work"
        );
    }
}

#[test]
fn the_same_seed_is_the_same_walk() {
    let plan = Plan::new(3, Rules::Strict);
    assert_eq!(replay(&plan, 7).1, replay(&plan, 7).1);
    assert_ne!(replay(&plan, 7).1, replay(&plan, 8).1);
}

/// Legal edges that no walk takes: the model world closes no member in the middle of these, and never sees these failures.
const UNWALKED: [&str; 11] = [
    "INIT -> CLOSED",
    "CANVASS -> CLOSED",
    "NOMINATE -> INIT",
    "CANDIDATE_BALLOT -> CLOSED",
    "FOLLOWER_BALLOT -> INIT",
    "FOLLOWER_BALLOT -> CLOSED",
    "FOLLOWER_REPLAY -> CLOSED",
    "FOLLOWER_CATCHUP -> CLOSED",
    "FOLLOWER_LOG_INIT -> INIT",
    "FOLLOWER_READY -> INIT",
    "CLOSED -> CLOSED",
];

/// Every other edge of the table is taken by some walk; a step asserts that it takes none outside the table.
#[test]
fn every_legal_edge_but_a_known_few_is_taken_and_no_other_09_11_1() {
    let mut taken = BTreeSet::new();
    let plans = [
        Plan {
            wipes: true,
            ..Plan::new(3, Rules::Strict)
        },
        Plan {
            wipes: true,
            ..Plan::new(3, Rules::Aeron)
        },
        Plan::new(1, Rules::Strict),
    ];
    for plan in plans {
        taken.extend(
            run(
                &Plan {
                    calm_rounds: 300,
                    ..plan
                },
                0,
                300,
            )
            .edges,
        );
    }
    let legal: BTreeSet<(Code, Code)> = Code::ALL
        .iter()
        .flat_map(|&from| from.successors().iter().map(move |&to| (from, to)))
        .collect();
    assert!(taken.is_subset(&legal));
    let missing: Vec<String> = legal
        .difference(&taken)
        .map(|(from, to)| format!("{} -> {}", from.name(), to.name()))
        .collect();
    assert_eq!(missing, UNWALKED);
}
