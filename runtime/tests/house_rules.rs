//! The rules of the house, as far as a program can check them.
//!
//! Each rule is tried on a made-up offender first: a check that can't fail is none.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

const CRATES: [&str; 5] = ["runtime", "transport", "archive", "cluster", "bench"];
/// Async runtimes and what brings them in.
const ASYNC: [&str; 5] = [
    "tokio",
    "async-std",
    "smol",
    "futures-executor",
    "async-executor",
];
/// Where `unsafe` may stand.
const UNSAFE_ROOMS: [&str; 2] = ["runtime/", "transport/src/log/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(crate_name: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "examples"] {
        collect(&root().join(crate_name).join(folder), &mut found);
    }
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn async_packages(lock: &str) -> Vec<&str> {
    let names = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    names.filter(|name| ASYNC.contains(name)).collect()
}

#[test]
fn no_async_runtime_in_the_dependency_tree() {
    assert_eq!(
        async_packages("name = \"serde\"\nname = \"tokio\"\n"),
        ["tokio"]
    );
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(async_packages(&lock), [""; 0]);
}

fn uses_unsafe(text: &str) -> bool {
    let code = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""));
    let beginnings = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
    code.into_iter()
        .any(|line| beginnings.iter().any(|beginning| line.contains(beginning)))
}

#[test]
fn unsafe_stands_only_where_it_is_allowed() {
    assert!(uses_unsafe("let x = unsafe { y };"));
    assert!(!uses_unsafe("// unsafe { y }"));
    for crate_name in CRATES {
        for (name, text) in sources(crate_name) {
            let allowed = UNSAFE_ROOMS.iter().any(|room| name.starts_with(room));
            // This file holds the offenders above as text.
            assert!(allowed || !uses_unsafe(&text), "{name} holds unsafe code");
        }
    }
}

#[test]
fn three_crates_forbid_unsafe_code_and_every_crate_has_its_page() {
    for crate_name in CRATES {
        let text = fs::read_to_string(root().join(crate_name).join("src/lib.rs")).unwrap();
        assert!(
            text.starts_with("//! "),
            "{crate_name}/src/lib.rs opens with its page"
        );
        if ["archive", "cluster", "bench"].contains(&crate_name) {
            assert!(
                text.contains("#![forbid(unsafe_code)]"),
                "{crate_name} forbids unsafe code"
            );
        }
    }
}

/// Labels of `SYNC name` remarks that stand once: a release without its acquire, or the other way round.
fn lonely_labels(texts: &[(String, String)]) -> Vec<String> {
    let mut labels = std::collections::BTreeMap::<String, usize>::new();
    for (_, text) in texts {
        for line in text.lines() {
            let Some((_, label)) = line.split_once("// SYNC ") else {
                continue;
            };
            let end = label
                .find(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
                .unwrap_or(label.len());
            *labels.entry(label[..end].to_owned()).or_default() += 1;
        }
    }
    labels
        .into_iter()
        .filter(|(_, count)| *count < 2)
        .map(|(label, _)| label)
        .collect()
}

#[test]
fn both_ends_of_every_ordering_are_labelled() {
    let offender = (
        "a.rs".to_owned(),
        "store(); // SYNC frame-visible, pairs with x\n// SYNC twice\n// SYNC twice: y".to_owned(),
    );
    assert_eq!(lonely_labels(&[offender]), ["frame-visible"]);
    let texts: Vec<_> = CRATES
        .iter()
        .flat_map(|crate_name| sources(crate_name))
        .collect();
    let texts: Vec<_> = texts
        .into_iter()
        .filter(|(name, _)| !name.ends_with("house_rules.rs"))
        .collect();
    assert_eq!(lonely_labels(&texts), [""; 0]);
}

#[test]
fn sources_name_no_hidden_places_and_leave_nothing_undone() {
    for crate_name in CRATES {
        for (name, text) in sources(crate_name)
            .into_iter()
            .filter(|(name, _)| !name.ends_with("house_rules.rs"))
        {
            for word in ["todo!(", "unimplemented!(", "FIXME", "XXX"] {
                assert!(!text.contains(word), "{name} contains {word}");
            }
        }
    }
}
