//! Aeron's own catalog and archive tool on our files, and ours on theirs (06 checks 12, 16, 17; 07 checks 20, 26).

use std::{fs, path::Path, time::Duration};

use taranis_archive::{
    catalog::{
        self, Extension, NewRecording, Stop,
        layout::FILE_NAME,
        recover::run_tag,
        repair::{Rules, repair},
    },
    checksum::Checksum,
    context::{TornTail, WriteMode},
    recorder::{Evidence, Progress, progress},
};
use taranis_runtime::{
    io::{Disk, OsDisk},
    mem::FileNames,
    testing::{
        dir::FreshDir,
        peer::{Java, Peer},
    },
};

use super::{
    plain::{Plan, record},
    stream::{Scene, new_recording, recording, settings},
};

const SOON: Duration = Duration::from_secs(60);
const CHECKSUMS: [Option<Checksum>; 3] = [None, Some(Checksum::Crc32), Some(Checksum::Crc32c)];

struct Aeron {
    peer: Peer,
}

impl Aeron {
    fn start() -> Option<Self> {
        let program = Java::new("tests/peers/Catalogs.java");
        // Aeron's checksums reach into the JDK.
        let opened = "--add-opens=java.base/java.util.zip=ALL-UNNAMED";
        let mut peer = program.option(opened).start()?;
        peer.ready(SOON).unwrap();
        Some(Self { peer })
    }

    fn ask(&mut self, command: &str) -> String {
        self.peer.send(command).unwrap();
        self.peer.line(SOON).unwrap()
    }

    fn verify(&mut self, directory: &Path, checksum: Option<Checksum>) -> String {
        self.ask(&format!(
            "verify {} {}",
            directory.display(),
            class(checksum)
        ))
    }
}

fn class(checksum: Option<Checksum>) -> &'static str {
    match checksum {
        None => "none",
        Some(Checksum::Crc32) => "io.aeron.archive.checksum.Crc32",
        Some(Checksum::Crc32c) => "io.aeron.archive.checksum.Crc32c",
    }
}

/// What `Catalogs.java` writes.
fn sample(session: i32) -> NewRecording {
    let channel = "s".repeat(50 * session as usize);
    NewRecording {
        original_channel: format!("aeron:ipc?alias={channel}"),
        ..new_recording(4096 * i64::from(session), 65_536, session)
    }
}

/// 06 §3.1, check 12: identical bytes for the same inputs, with and without a checksum.
#[test]
fn the_same_recordings_make_the_same_file() {
    let Some(mut aeron) = Aeron::start() else {
        return;
    };
    for checksum in CHECKSUMS {
        let directory = FreshDir::on_disk("same");
        let root = directory.path();
        let command = format!("write {} {} 4096", root.display(), class(checksum));
        assert_eq!(aeron.ask(&command), "DONE");
        let theirs = fs::read(directory.join(FILE_NAME)).unwrap();

        let mut ours = catalog::Catalog::new(4096, checksum);
        let mut file = ours.image();
        let stop = |position| Stop {
            position,
            timestamp_ms: 1_700_000_001_000,
        };
        let by = Extension {
            control_session_id: 5,
            correlation_id: 6,
            session_id: 77,
        };
        for session in 0..3 {
            ours.added(sample(session)).unwrap().1.apply_to(&mut file);
        }
        ours.stopped(0, stop(0)).unwrap().apply_to(&mut file);
        ours.stopped(1, stop(4096)).unwrap().apply_to(&mut file);
        ours.extended(1, by).unwrap().apply_to(&mut file);
        let differs = (0..file.len()).find(|at| file[*at] != theirs[*at]);
        assert_eq!(differs, None, "{checksum:?}");
        assert_eq!(file.len(), theirs.len());

        let read = catalog::open(&mut OsDisk, root, 4096, checksum).unwrap();
        let recordings: Vec<_> = read.from(0).cloned().collect();
        assert_eq!(recordings, ours.from(0).cloned().collect::<Vec<_>>());
    }
}

/// 06 check 16, 17; 07 check 26: the tool finds every frame of our segments right, and describes what we recorded.
#[test]
fn the_tool_verifies_what_we_recorded() {
    let Some(mut aeron) = Aeron::start() else {
        return;
    };
    for checksum in CHECKSUMS {
        for mode in [WriteMode::Buffered, WriteMode::Direct] {
            let directory = FreshDir::on_disk("verify");
            let mut plan = Plan::new(directory.path(), mode, 64 * 700);
            plan.settings.checksum = checksum;
            let (_, _, stop) = record(&plan);
            let (_, _, second) = record(&Plan {
                new: new_recording(0, 131_072, 7),
                ..plan
            });
            assert_eq!(
                aeron.verify(directory.path(), checksum),
                "true",
                "{mode:?} {checksum:?}"
            );
            for (id, stop) in [(0, stop), (1, second)] {
                let described = aeron.ask(&format!("describe {} {id}", directory.path().display()));
                assert!(
                    described.contains(&format!("stopPosition={stop}")),
                    "{described}"
                );
                assert!(
                    described.contains("originalChannel='aeron:ipc?alias=test'"),
                    "{described}"
                );
            }
            // A byte that is not what was recorded is noticed: so it does look.
            if checksum.is_some() {
                let mut file = fs::read(directory.join("1-0.rec")).unwrap();
                file[5000] ^= 1;
                fs::write(directory.join("1-0.rec"), file).unwrap();
                assert_eq!(aeron.verify(directory.path(), checksum), "false");
            }
        }
    }
}

/// 07 §9, checks 20 and 21: where Aeron's archive refuses to start on a killed recorder's files, ours starts; and then
/// Aeron's does.
#[test]
fn a_directory_that_we_repaired_is_one_that_aeron_starts_on() {
    let Some(mut aeron) = Aeron::start() else {
        return;
    };
    let directory = FreshDir::on_disk("repaired");
    let root = directory.path();
    let (settings, recording) = (settings(WriteMode::Direct), recording(0, 65_536, 7));
    let mut scene = Scene::new(settings, &recording, 1408);
    scene.turn();
    for _ in 0..3 {
        // The third lies across a page, and has nothing but zeros there.
        scene.stream.offer(&[0; 1376]);
        scene.settle();
    }
    let recorded = scene.recorded();
    scene.stream.offer(&[1; 1376]);
    scene.turn();

    let mut catalog = catalog::open(&mut OsDisk, root, 4096, None).unwrap();
    let _ = catalog.added(new_recording(0, 65_536, 7)).unwrap();
    fs::write(directory.join(FILE_NAME), catalog.image()).unwrap();
    let segment = scene.disk.read(&scene.directory.join("0-0.rec")).unwrap();
    fs::write(directory.join("0-0.rec"), segment).unwrap();
    let words = directory.join(progress::FILE_NAME);
    let mut progress = Progress::create(&FileNames, &words, OsDisk.boot_id()).unwrap();
    let claimed = progress.claim(0, run_tag(&recording), recorded);
    assert!(claimed.is_some());

    let refused = aeron.ask(&format!("start {} none", root.display()));
    let expected =
        "ERROR ERROR - Found potentially incomplete last fragment straddling page boundary";
    assert!(refused.starts_with(expected), "{refused}");

    let evidence = Evidence::read(&FileNames, &words, OsDisk.boot_id()).unwrap();
    let rules = Rules {
        torn_tail: TornTail::Refuse,
        checksum: None,
        now_ms: 1_700_000_002_000,
    };
    repair(&mut OsDisk, root, &mut catalog, &evidence, rules).unwrap();
    assert_eq!(catalog.get(0).unwrap().stop.unwrap().position, 3 * 1408);
    assert_eq!(aeron.ask(&format!("start {} none", root.display())), "DONE");
    let described = aeron.ask(&format!("describe {} 0", root.display()));
    assert!(described.contains("stopPosition=4224"), "{described}");
}

/// 07 §9: without evidence both rules come to the same stop, on files that Aeron accepts.
#[test]
fn without_evidence_we_recover_as_aeron_does() {
    let Some(mut aeron) = Aeron::start() else {
        return;
    };
    for (start, count) in [(0, 0), (0, 1), (96, 40), (4096, 60), (64 * 1000, 150)] {
        let directory = FreshDir::on_disk("recover");
        let root = directory.path();
        let mut plan = Plan::new(root, WriteMode::Buffered, start);
        plan.messages.truncate(count);
        let (mut catalog, _, stop) = record(&plan);
        let by = Extension {
            control_session_id: 1,
            correlation_id: 2,
            session_id: 9,
        };
        let _ = catalog.extended(0, by).unwrap();
        fs::write(directory.join(FILE_NAME), catalog.image()).unwrap();
        assert_eq!(aeron.ask(&format!("start {} none", root.display())), "DONE");
        let theirs = catalog::open(&mut OsDisk, root, 4096, None).unwrap();
        let rules = Rules {
            torn_tail: TornTail::Refuse,
            checksum: None,
            now_ms: 1_700_000_005_000,
        };
        fs::write(directory.join(FILE_NAME), catalog.image()).unwrap();
        repair(&mut OsDisk, root, &mut catalog, &Evidence::default(), rules).unwrap();
        assert_eq!(catalog.get(0).unwrap().stop.unwrap().position, stop);
        assert_eq!(theirs.get(0), catalog.get(0), "{start} {count}");
    }
}
