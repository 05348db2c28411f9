//! A directory's owner (design: a kernel lock, which dies with its process).
#![expect(
    clippy::disallowed_methods,
    reason = "a test harness: the second process is this binary, told by its environment what to do"
)]

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use taranis_runtime::mem::dir_lock::{DirectoryLock, LOCK_FILE_NAME, LockError, Owner};
use taranis_runtime::testing::FreshDir;

const OWNER: Owner = Owner {
    pid: 41,
    start_ms: 1_700_000_000_000,
};

#[test]
#[cfg_attr(miri, ignore = "locks files")]
fn a_second_owner_is_refused_by_name_until_the_first_lets_go() {
    let directory = FreshDir::on_disk("lock");
    let lock = DirectoryLock::acquire(directory.path(), OWNER).unwrap();
    assert_eq!(lock.previous(), None);
    assert_eq!(lock.path(), directory.join(LOCK_FILE_NAME));
    let second = Owner {
        pid: 42,
        start_ms: OWNER.start_ms + 1,
    };
    let error = DirectoryLock::acquire(directory.path(), second).unwrap_err();
    assert!(matches!(
        error,
        LockError::Held {
            holder: Some(OWNER),
            ..
        }
    ));
    let text = error.to_string();
    assert!(text.ends_with("taranis.lock is locked by pid 41"), "{text}");
    drop(lock);
    let lock = DirectoryLock::acquire(directory.path(), second).unwrap();
    assert_eq!(lock.previous(), Some(OWNER));
}

#[test]
#[cfg_attr(miri, ignore = "locks files")]
fn a_deleted_lock_file_is_not_taken_for_the_new_one() {
    let directory = FreshDir::in_shm("lock-deleted");
    let old = DirectoryLock::acquire(directory.path(), OWNER).unwrap();
    fs::remove_file(old.path()).unwrap();
    let new = DirectoryLock::acquire(directory.path(), OWNER).unwrap();
    assert_eq!(new.previous(), None);
    drop(old);
    assert!(DirectoryLock::acquire(directory.path(), OWNER).is_err());
}

#[test]
#[cfg_attr(miri, ignore = "locks files")]
fn whatever_the_file_holds_the_lock_is_what_counts() {
    for content in [&b""[..], b"garbage", b"pid=1 start_ms=", &[0xFF; 200]] {
        let directory = FreshDir::on_disk("lock-garbage");
        fs::write(directory.join(LOCK_FILE_NAME), content).unwrap();
        let lock = DirectoryLock::acquire(directory.path(), OWNER).unwrap();
        assert_eq!(lock.previous(), None);
    }
    let directory = FreshDir::on_disk("lock-absent");
    let absent = directory.join("absent");
    assert!(matches!(
        DirectoryLock::acquire(&absent, OWNER),
        Err(LockError::Io { .. })
    ));
}

const HOLD: &str = "TARANIS_TEST_HOLD_LOCK";

/// Not a test of its own: what the second process runs.
#[test]
#[ignore = "run by dies_with_its_process, in a process of its own"]
fn holds_a_lock_until_killed() {
    let directory = env::var(HOLD).unwrap();
    let _lock = DirectoryLock::acquire(directory.as_ref(), OWNER).unwrap();
    println!("\nlocked");
    loop {
        std::thread::park();
    }
}

struct KilledAtEnd(Child);

impl Drop for KilledAtEnd {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg_attr(miri, ignore = "locks files")]
fn dies_with_its_process() {
    let directory = FreshDir::on_disk("lock-killed");
    let child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "dir_lock::holds_a_lock_until_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(HOLD, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = KilledAtEnd(child);
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap() == "locked"),
        "it never locked"
    );
    let next = Owner {
        pid: 42,
        start_ms: OWNER.start_ms + 1,
    };
    assert!(matches!(
        DirectoryLock::acquire(directory.path(), next),
        Err(LockError::Held {
            holder: Some(OWNER),
            ..
        })
    ));
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    let lock = DirectoryLock::acquire(directory.path(), next).unwrap();
    assert_eq!(lock.previous(), Some(OWNER));
}
