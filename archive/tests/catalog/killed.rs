//! A recorder killed in the middle of its writes (07 §9, C028, C036; deviation D-20).

use std::path::PathBuf;

use taranis_archive::{
    catalog::{
        Catalog, Extension, Recording,
        recover::run_tag,
        repair::{Rules, repair},
    },
    checksum::Checksum,
    context::{TornTail, WriteMode},
    recorder::{Evidence, Progress, ProgressSlot, Writer, WriterSettings, progress},
};
use taranis_runtime::{
    io::{Disk, MemoryDisk},
    mem::FileNames,
    testing::dir::FreshDir,
};

use super::stream::{Scene, Stream, Truth, new_recording, settings};

const BOOT: Option<u128> = Some(77);

/// One life of a recording: some steps of publishing, writing and completing, then a kill.
struct Life {
    scene: Scene,
    slot: ProgressSlot,
    /// What was acknowledged: the rec-pos counter.
    acknowledged: i64,
}

impl Life {
    fn step(&mut self, rng: &mut fastrand::Rng) {
        for _ in 0..rng.usize(0..6) {
            publish(&mut self.scene.stream, rng);
        }
        self.scene.turn();
        while !self.scene.pending.is_empty() && rng.u8(0..3) > 0 {
            let index = rng.usize(0..self.scene.pending.len());
            self.scene.complete(index);
            // Now and then the process dies between the two stores.
            self.slot.advance(self.scene.writer.recorded());
            self.acknowledged = self.scene.recorded();
        }
    }

    /// The process dies: of each write under way some sectors are there.
    fn kill(mut self, rng: &mut fastrand::Rng) -> (MemoryDisk, Truth, i64, i64) {
        let whole_prefix = rng.bool();
        for write in &self.scene.pending {
            let sectors = write.span.len() / 512 + 2;
            let until = rng.usize(0..=sectors);
            let disk = &mut self.scene.disk;
            write.land(disk, |sector| {
                if whole_prefix {
                    sector < until
                } else {
                    rng.bool()
                }
            });
        }
        let taken = self.scene.writer.next_position();
        (self.scene.disk, self.scene.truth, self.acknowledged, taken)
    }
}

/// Messages that are zeros, begin or end with zeros, or are not; and padding.
fn publish(stream: &mut Stream, rng: &mut fastrand::Rng) {
    let length = rng.usize(0..9_000);
    let mut message = vec![0; length];
    match rng.u8(0..6) {
        0 => rng.fill(&mut message),
        1 => rng.fill(&mut message[..length / 2]),
        2 => rng.fill(&mut message[length / 2..]),
        3 => return stream.pad(length.min(8_000)),
        _ => {}
    }
    stream.offer(&message);
}

/// What follows from a kill, for one seed.
struct Outcome {
    /// Where Aeron's rule would have ended the same files, and whether everything before was written.
    aeron: i64,
    aeron_is_whole: bool,
    stop: i64,
    taken: i64,
}

fn live_and_die(seed: u64) -> Vec<Outcome> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let directory = FreshDir::in_shm("killed");
    let words = directory.join(progress::FILE_NAME);
    let mode = if rng.bool() {
        WriteMode::Buffered
    } else {
        WriteMode::Direct
    };
    let settings = settings(mode);
    let mtu = if rng.bool() { 1408 } else { 16 * 1024 };
    let start = rng.i64(0..5_000) * 32;
    let segment = 65_536 << rng.u32(0..2);
    let mut catalog = Catalog::new(1 << 16, None);
    let (id, _) = catalog.added(new_recording(start, segment, 7)).unwrap();
    let mut outcomes = Vec::new();
    let recording = catalog.get(id).unwrap().clone();
    let mut scene = Scene::new(settings.clone(), &recording, mtu);
    write_catalog(&mut scene.disk, &catalog);
    for session in 8..11 {
        let recording = catalog.get(id).unwrap().clone();
        let mut progress = Progress::create(&FileNames, &words, BOOT).unwrap();
        let acknowledged = scene.recorded();
        let tag = run_tag(&recording);
        let slot = progress.claim(id, tag, acknowledged).unwrap();
        let mut life = Life {
            scene,
            slot,
            acknowledged,
        };
        for _ in 0..rng.usize(1..40) {
            life.step(&mut rng);
        }
        let (mut disk, mut truth, acknowledged, taken) = life.kill(&mut rng);
        let (aeron, cut_by_aeron) = by_aerons_rule(&disk, &catalog);
        let aeron_is_whole = truth.agrees(&cut_by_aeron, &recording, aeron);

        let evidence = Evidence::read(&FileNames, &words, BOOT).unwrap();
        let rules = rules(TornTail::Refuse);
        let root = PathBuf::from("/archive");
        let done = repair(&mut disk, &root, &mut catalog, &evidence, rules).unwrap();
        assert_eq!(done.len(), 1);
        let stop = catalog.get(id).unwrap().stop.unwrap();
        assert_eq!(stop.timestamp_ms, 99);
        let stop = stop.position;
        assert_eq!(
            stop, acknowledged,
            "seed {seed}: no acknowledged byte is cut"
        );
        truth.cut(stop);
        truth.check(&disk, &root, &recording, stop);
        check_nothing_behind(&disk, &recording, stop);
        check_catalog(&disk, &catalog);
        outcomes.push(Outcome {
            aeron,
            aeron_is_whole,
            stop,
            taken,
        });

        let by = Extension {
            control_session_id: 1,
            correlation_id: session.into(),
            session_id: session,
        };
        let _ = catalog.extended(id, by).unwrap();
        write_catalog(&mut disk, &catalog);
        let recording = catalog.get(id).unwrap();
        let writer = Writer::extending(settings.clone(), recording, stop);
        let stream = Stream::new(stop, session, mtu);
        scene = Scene::over(root, disk, writer, stream, truth);
    }
    outcomes
}

fn rules(torn_tail: TornTail) -> Rules {
    Rules {
        torn_tail,
        checksum: None,
        now_ms: 99,
    }
}

fn by_aerons_rule(disk: &MemoryDisk, catalog: &Catalog) -> (i64, MemoryDisk) {
    let (mut disk, mut catalog) = (disk.clone(), catalog.clone());
    let root = PathBuf::from("/archive");
    let nothing = Evidence::default();
    repair(
        &mut disk,
        &root,
        &mut catalog,
        &nothing,
        rules(TornTail::Cut),
    )
    .unwrap();
    (catalog.get(0).unwrap().stop.unwrap().position, disk)
}

fn write_catalog(disk: &mut MemoryDisk, catalog: &Catalog) {
    let path = PathBuf::from("/archive/archive.catalog");
    disk.remove(&path).unwrap();
    disk.create(&path, &catalog.image(), 0).unwrap();
}

fn check_catalog(disk: &MemoryDisk, catalog: &Catalog) {
    let file = disk
        .read(&PathBuf::from("/archive/archive.catalog"))
        .unwrap();
    assert!(
        file == catalog.image(),
        "the catalog's file and memory differ"
    );
}

/// What is extended from here on is never mixed with what was cut off.
fn check_nothing_behind(disk: &MemoryDisk, recording: &Recording, stop: i64) {
    let root = PathBuf::from("/archive");
    let mut last = i64::MIN;
    for entry in disk.list(&root).unwrap() {
        let Some(base) = entry
            .name
            .strip_prefix("0-")
            .and_then(|name| name.strip_suffix(".rec"))
        else {
            continue;
        };
        let base: i64 = base.parse().unwrap();
        last = last.max(base);
        let file = disk.read(&root.join(&entry.name)).unwrap();
        let from = (stop - base).clamp(0, file.len() as i64) as usize;
        assert!(
            file[from..].iter().all(|byte| *byte == 0),
            "{} from {from}",
            entry.name
        );
    }
    assert_eq!(
        last,
        recording.segment_base(stop),
        "the stop lies in the last file"
    );
}

/// 07 §9, C028, D-20: whatever the payloads, and whatever of the writes under way is there.
#[test]
fn no_acknowledged_byte_is_cut_and_no_torn_one_kept() {
    let outcomes: Vec<Outcome> = (0..60).flat_map(live_and_die).collect();
    let moved = outcomes.iter().filter(|it| it.stop > 0).count();
    let in_flight = outcomes.iter().filter(|it| it.taken > it.stop).count();
    assert!(moved > 100 && in_flight > 50, "{moved} {in_flight}");
    // Without the evidence the test would fail, and in both ways: so it tests something.
    let cut = outcomes.iter().filter(|it| it.aeron < it.stop).count();
    let kept = outcomes.iter().filter(|it| !it.aeron_is_whole).count();
    assert!(cut > 0 && kept > 0, "{cut} cut, {kept} kept");
}

/// The same under a power cut: the evidence is of another start of the machine, so Aeron's rule holds.
#[test]
fn evidence_of_another_boot_is_none() {
    let directory = FreshDir::in_shm("boot");
    let words = directory.join(progress::FILE_NAME);
    let mut progress = Progress::create(&FileNames, &words, BOOT).unwrap();
    progress.claim(3, 4, 640).unwrap();
    let read = |boot| Evidence::read(&FileNames, &words, boot).unwrap();
    assert_eq!(read(BOOT).recorded(3, 4), Some(640));
    assert_eq!(read(Some(78)), Evidence::default());
    assert_eq!(read(None), Evidence::default());
    std::fs::write(&words, b"short").unwrap();
    assert_eq!(read(BOOT), Evidence::default());
    std::fs::remove_file(&words).unwrap();
    assert_eq!(read(BOOT), Evidence::default());
}

/// The same with checksums in the frames: the position counts, not the content.
#[test]
fn a_killed_recorder_with_checksums_recovers_too() {
    let settings = WriterSettings {
        checksum: Some(Checksum::Crc32),
        ..settings(WriteMode::Direct)
    };
    let mut catalog = Catalog::new(1 << 16, None);
    let (id, _) = catalog.added(new_recording(0, 65_536, 7)).unwrap();
    let recording = catalog.get(id).unwrap().clone();
    let mut scene = Scene::new(settings, &recording, 1408);
    write_catalog(&mut scene.disk, &catalog);
    scene.turn();
    for _ in 0..5 {
        scene.stream.offer(&[0; 1376]);
    }
    scene.settle();
    let recorded = scene.recorded();
    scene.stream.offer(&[1; 1376]);
    scene.turn();
    scene.pending[0].land(&mut scene.disk, |sector| sector < 3);

    let directory = FreshDir::in_shm("checksums");
    let words = directory.join(progress::FILE_NAME);
    let mut progress = Progress::create(&FileNames, &words, BOOT).unwrap();
    progress.claim(id, run_tag(&recording), recorded).unwrap();
    let evidence = Evidence::read(&FileNames, &words, BOOT).unwrap();
    let rules = Rules {
        checksum: Some(Checksum::Crc32),
        ..rules(TornTail::Refuse)
    };
    let root = PathBuf::from("/archive");
    repair(&mut scene.disk, &root, &mut catalog, &evidence, rules).unwrap();
    assert_eq!(catalog.get(id).unwrap().stop.unwrap().position, recorded);
}
