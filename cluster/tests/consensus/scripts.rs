//! Scripts: commands above `----`, the outcome below. `TARANIS_REWRITE=1` writes what the outcome is now; the diff is the review.

use std::fs;
use std::path::{Path, PathBuf};

fn scripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/scripts")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's switch, read nowhere else"
)]
fn rewrites() -> bool {
    std::env::var("TARANIS_REWRITE").is_ok()
}

fn check(folder: &str, play: impl Fn(&Path, &str) -> String) {
    let mut wrong = Vec::new();
    for path in scripts(folder) {
        let text = fs::read_to_string(&path).unwrap();
        let (commands, expected) = text.split_once("----\n").unwrap_or((&text, ""));
        assert!(
            commands.starts_with("# 09 "),
            "{}: the first line cites the rule's section",
            path.display()
        );
        let outcome = play(&path, commands);
        let lines = commands.lines().count() + outcome.lines().count() + 1;
        assert!(
            lines < 60,
            "{}: {lines} lines, a script is read whole",
            path.display()
        );
        if rewrites() {
            fs::write(&path, format!("{commands}----\n{outcome}")).unwrap();
        } else if outcome != expected {
            wrong.push(format!(
                "{}\n--- expected\n{expected}--- got\n{outcome}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_makes_the_transitions_of_its_scripts_09_11() {
    check("election", |path, commands| {
        taranis_cluster::walk::play_core(commands)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
}

#[test]
fn the_rules_keep_what_aeron_loses_09_19_5() {
    check("rules", |path, commands| {
        taranis_cluster::walk::play(commands)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
}
