//! The catalog's file: opened at start, written with tickets (06 §3.1).

use std::path::Path;

use taranis_archive::{
    catalog::{self, Catalog, CatalogFile, Changes, layout::FILE_NAME},
    checksum::Checksum,
};
use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    io::{
        Chore, Completion, Disk, Durability, FileAccess, IoFailure, MemoryDisk, Opening, OsDisk,
        Outcome, Ticket,
    },
    testing::{
        dir::FreshDir,
        held::{HeldDesk, HeldOp},
    },
};

use super::{plain::run, stream::new_recording};

const DIRECTORY: &str = "/archive";

/// 06 §3.1: created with its capacity, opened with at least that.
#[test]
fn a_catalog_is_created_once_and_opened_ever_after() {
    let mut disk = MemoryDisk::default();
    let directory = Path::new(DIRECTORY);
    let path = directory.join(FILE_NAME);
    let created = catalog::open(&mut disk, directory, 1 << 16, None).unwrap();
    assert_eq!(disk.read(&path).unwrap(), created.image());
    let grown = catalog::open(&mut disk, directory, 1 << 17, None).unwrap();
    assert_eq!(grown.capacity(), 1 << 17);
    assert_eq!(disk.read(&path).unwrap().len(), 1 << 17);
    let kept = catalog::open(&mut disk, directory, 1 << 10, None).unwrap();
    assert_eq!(kept.capacity(), 1 << 17);
}

/// A creation that was cut short left an empty file, or zeros: there is nothing in it to lose.
#[test]
fn a_creation_that_was_cut_short_is_made_good() {
    for left in [&b""[..], &[0; 4096]] {
        let mut disk = MemoryDisk::default();
        let directory = Path::new(DIRECTORY);
        disk.create_directory(directory).unwrap();
        disk.create(&directory.join(FILE_NAME), left, 0).unwrap();
        let opened = catalog::open(&mut disk, directory, 1 << 16, None).unwrap();
        assert_eq!(
            disk.read(&directory.join(FILE_NAME)).unwrap(),
            opened.image()
        );
    }
}

#[test]
fn a_damaged_catalog_is_refused_by_name_and_not_touched() {
    let mut disk = MemoryDisk::default();
    let directory = Path::new(DIRECTORY);
    disk.create_directory(directory).unwrap();
    let path = directory.join(FILE_NAME);
    disk.create(&path, &[1; 64], 0).unwrap();
    let text = catalog::open(&mut disk, directory, 1 << 16, None)
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "/archive/archive.catalog: incompatible catalog file version 1.1.1, archive software is 3.1.0"
    );
    assert_eq!(disk.read(&path).unwrap(), [1; 64]);
}

fn adopted() -> (CatalogFile, HeldDesk) {
    let mut desk = HeldDesk::new();
    let token = HeldDesk::token(FileAccess::Buffered, 0);
    let file = CatalogFile::adopt(DIRECTORY.into(), token, Durability::OnDisk, &mut desk.files);
    desk.take_file_ops();
    (file.unwrap(), desk)
}

fn written(desk: &mut HeldDesk) -> (Ticket, u64, Vec<u8>) {
    match &desk.take_file_ops()[..] {
        [
            HeldOp::Write {
                ticket,
                span,
                at,
                durability: Durability::OnDisk,
                ..
            },
        ] => {
            let mut bytes = vec![0; span.len()];
            span.read(&mut bytes);
            (*ticket, *at, bytes)
        }
        other => panic!("{other:?}"),
    }
}

fn tell(file: &mut CatalogFile, desk: &mut HeldDesk, ticket: Ticket, outcome: Outcome) {
    let completion = Completion { ticket, outcome };
    let HeldDesk { files, chores } = desk;
    assert!(file.take(completion, files, chores).is_none());
    file.work(files, chores).ok();
}

/// Each write begins when the one before is complete, so a crash leaves the first of them.
#[test]
fn writes_are_in_order_and_short_ones_go_on() {
    let (mut file, mut desk) = adopted();
    let mut catalog = Catalog::new(1 << 16, Some(Checksum::Crc32));
    let mut image = catalog.image();
    let (_, changes) = catalog.added(new_recording(0, 65_536, 1)).unwrap();
    let count = changes.len();
    let mark = file.stage(changes);
    file.work(&mut desk.files, &mut desk.chores).unwrap();
    for step in 0..count {
        let (ticket, at, bytes) = written(&mut desk);
        assert!(!file.is_written(mark));
        let half = bytes.len() / 2;
        image[at as usize..at as usize + half].copy_from_slice(&bytes[..half]);
        tell(&mut file, &mut desk, ticket, Outcome::Moved(half));
        let (ticket, at, bytes) = written(&mut desk);
        image[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
        tell(&mut file, &mut desk, ticket, Outcome::Moved(bytes.len()));
        assert_eq!(file.is_written(mark), step + 1 == count);
    }
    assert!(image == catalog.image());
    assert!(file.is_idle());
}

#[test]
fn a_failed_write_is_said_and_nothing_more_is_written() {
    for outcome in [Outcome::Failed(IoFailure { errno: 28 }), Outcome::Moved(0)] {
        let (mut file, mut desk) = adopted();
        let mut catalog = Catalog::new(1 << 16, None);
        let (_, changes) = catalog.added(new_recording(0, 65_536, 1)).unwrap();
        let mark = file.stage(changes);
        file.work(&mut desk.files, &mut desk.chores).unwrap();
        let (ticket, ..) = written(&mut desk);
        tell(&mut file, &mut desk, ticket, outcome);
        let failed = file.work(&mut desk.files, &mut desk.chores).unwrap_err();
        assert!(
            failed
                .to_string()
                .starts_with("archive.catalog: writing failed: No space left")
        );
        assert!(desk.take_file_ops().is_empty());
        assert!(!file.is_written(mark));
    }
}

/// Stages changes in a real file, with others behind them, and ends when all are written.
struct Editor {
    directory: std::path::PathBuf,
    changes: Vec<Changes>,
    asked: Option<Ticket>,
    file: Option<CatalogFile>,
}

impl Agent for Editor {
    fn name(&self) -> &str {
        "editor"
    }

    fn on_start(&mut self, cycle: &mut Cycle<'_>) -> Result<(), Fault> {
        let chore = Chore::OpenFile {
            path: self.directory.join(FILE_NAME),
            access: FileAccess::Buffered,
            opening: Opening::Existing,
        };
        self.asked = Some(cycle.chores.ask(chore).map_err(Fault::stop)?);
        Ok(())
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        let completions: Vec<_> = cycle.mail.take_completions().collect();
        for completion in completions {
            match (&mut self.file, completion.outcome) {
                (None, Outcome::File(token)) => {
                    let directory = self.directory.clone();
                    let taken = Durability::Taken;
                    let mut file =
                        CatalogFile::adopt(directory, token, taken, cycle.files).unwrap();
                    for changes in self.changes.drain(..) {
                        file.stage(changes);
                    }
                    self.file = Some(file);
                }
                (Some(file), outcome) => {
                    let ticket = completion.ticket;
                    let completion = Completion { ticket, outcome };
                    file.take(completion, cycle.files, cycle.chores);
                }
                (None, other) => panic!("{other:?}"),
            }
        }
        let Some(file) = &mut self.file else {
            return Ok(Turn::Worked(0));
        };
        file.work(cycle.files, cycle.chores).map_err(Fault::stop)?;
        if file.is_idle() {
            return Ok(Turn::Finished);
        }
        Ok(Turn::Worked(1))
    }
}

/// 06 §3.1, replace: entries that move are written into a new file, which takes the old one's place whole.
#[test]
fn a_rewrite_replaces_the_file_and_later_writes_go_to_the_new_one() {
    let directory = FreshDir::on_disk("rewrite");
    let mut catalog = catalog::open(&mut OsDisk, directory.path(), 4096, None).unwrap();
    // What a rewrite that was cut short left behind.
    std::fs::write(directory.join("archive.catalog.updated"), b"old").unwrap();
    let mut changes = Vec::new();
    for session in 0..5 {
        changes.push(catalog.added(new_recording(0, 65_536, session)).unwrap().1);
    }
    let long = format!("aeron:ipc?alias={}", "y".repeat(200));
    changes.push(
        catalog
            .channel_updated(1, long, "aeron:ipc".to_owned())
            .unwrap(),
    );
    changes.push(catalog.purged(3).unwrap());
    changes.push(catalog.added(new_recording(0, 65_536, 6)).unwrap().1);
    run(Box::new(Editor {
        directory: directory.path().to_owned(),
        changes,
        asked: None,
        file: None,
    }));
    let file = OsDisk.read(&directory.join(FILE_NAME)).unwrap();
    assert!(file == catalog.image());
    let names: Vec<String> = OsDisk
        .list(directory.path())
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, [FILE_NAME]);
}
