//! A seed replays exactly, in this process and in another.

use std::process::Command;

use taranis_runtime::{io::Durability, sim::Act};

use crate::story::{Story, settings};

const SEEDS: u64 = 20;

/// A run with faults: keepers are killed at steps drawn by seed, and started again.
fn hash_of_run(seed: u64, flip: Option<u32>) -> u64 {
    let mut story = Story::new(settings(seed), Durability::Taken, flip);
    let mut rng = fastrand::Rng::with_seed(seed);
    for _ in 0..2 {
        let keeper = rng.usize(0..2);
        let process = story.keepers[keeper];
        story
            .simulation
            .act(Act::KillAfter(process, rng.u64(100..2_000)));
        story.simulation.run_for(rng.u64(1_000_000..6_000_000));
        story.simulation.act(Act::Kill(process));
        story.restart_keeper(keeper);
    }
    story.finish();
    story.simulation.hash()
}

fn hashes() -> Vec<String> {
    let lines = (0..SEEDS).map(|seed| format!("seed {seed} hash {:016x}", hash_of_run(seed, None)));
    lines.collect()
}

#[test]
#[ignore = "run by the test below, in a process of its own"]
fn prints_the_hashes_of_all_seeds() {
    for line in hashes() {
        println!("{line}");
    }
}

#[test]
fn twenty_seeds_have_the_same_hash_in_two_processes_and_all_differ() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "determinism::prints_the_hashes_of_all_seeds"])
        .args(["--ignored", "--nocapture"])
        .output()
        .unwrap();
    assert!(child.status.success());
    let printed = String::from_utf8(child.stdout).unwrap();
    let theirs: Vec<_> = printed
        .lines()
        .filter_map(|line| line.find("seed ").map(|at| &line[at..]))
        .collect();
    let ours = hashes();
    assert_eq!(theirs, ours);
    let mut distinct: Vec<_> = ours.iter().map(|line| line.rsplit(' ').next()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), ours.len(), "{ours:#?}");
}

#[test]
fn one_flipped_bit_of_a_payload_changes_the_hash() {
    let whole = hash_of_run(3, None);
    assert_eq!(hash_of_run(3, None), whole);
    assert_ne!(hash_of_run(3, Some(77)), whole);
    assert_ne!(hash_of_run(3, Some(78)), hash_of_run(3, Some(77)));
}

#[test]
fn a_store_to_a_watched_word_is_an_event() {
    let mut story = Story::new(settings(5), Durability::Taken, None);
    let (tell, told) = crossbeam_channel::unbounded();
    story.simulation.trace_to(Box::new(move |line| {
        let text = line.to_string();
        if text.contains(" store ") {
            tell.send(text).unwrap();
        }
    }));
    story.finish();
    let stores: Vec<String> = told.try_iter().collect();
    let last = stores
        .iter()
        .rfind(|line| line.contains("acknowledged1"))
        .unwrap();
    assert!(last.ends_with("/shm/acknowledged1[0] = 150"), "{last}");
    assert!(stores.len() > 20, "{stores:#?}");
}
