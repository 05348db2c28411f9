//! The writes of a recording, completed by hand (07 §4.2).

use taranis_archive::{
    checksum::Checksum,
    context::WriteMode,
    error::ErrorCode,
    recorder::{Piece, WriterSettings},
};
use taranis_runtime::{
    io::{Completion, FileAccess, IoFailure, Outcome},
    testing::{allocations, held::HeldOp},
};

use super::stream::{Scene, TERM, recording, settings};

const MODES: [WriteMode; 2] = [WriteMode::Buffered, WriteMode::Direct];

fn scene(mode: WriteMode, start: i64) -> Scene {
    let mut scene = Scene::new(settings(mode), &recording(start, 65_536, 7), 1408);
    scene.turn();
    scene
}

/// design.md, What the kernel holds: a position moves on completion, never on submission.
#[test]
fn a_position_keeps_still_while_completions_are_withheld() {
    for mode in MODES {
        let mut scene = scene(mode, 0);
        for _ in 0..20 {
            scene.stream.offer(&[1; 1000]);
            scene.turn();
        }
        assert!(!scene.pending.is_empty());
        assert_eq!(scene.recorded(), 0);
        assert_eq!(scene.stream.reader.position(), 0);
        scene.complete(0);
        assert!(scene.recorded() > 0, "{mode:?}");
        scene.settle();
        scene.check_recorded(&recording(0, 65_536, 7), 20 * 1056);
    }
}

/// The recorded position is the end of the contiguous part, whatever the order of completions.
#[test]
fn a_write_that_completes_early_waits_for_those_before_it() {
    for mode in MODES {
        let mut scene = scene(mode, 0);
        while scene.pending.len() < 3 {
            // More than a page, so that each turn has whole pages to write.
            for _ in 0..5 {
                scene.stream.offer(&[2; 1376]);
            }
            scene.turn();
        }
        let last = scene.pending.len() - 1;
        scene.complete(last);
        assert_eq!(scene.recorded(), 0, "{mode:?}");
        scene.complete(0);
        let first = scene.recorded();
        assert!(first < scene.writer.next_position());
        scene.complete_all();
        assert!(scene.recorded() > first);
    }
}

/// design.md, Archive writes: the last partial page goes through a page zeroed beyond the position, one write per page.
#[test]
fn direct_writes_are_whole_pages_zero_beyond_the_position() {
    let start = 5 * 1024;
    let mut scene = scene(WriteMode::Direct, start);
    scene.stream.offer(&[3; 100]);
    scene.turn();
    let [write] = &scene.pending[..] else {
        panic!("one page, one write");
    };
    assert_eq!((write.at, write.span.len()), (4096, 4096));
    assert!(write.is_aligned(FileAccess::Direct));
    let mut page = [9; 4096];
    write.span.read(&mut page);
    assert!(
        page[..1024].iter().all(|byte| *byte == 0),
        "before the start"
    );
    assert_eq!(page[1024..1028], 132_i32.to_le_bytes());
    assert!(page[1024 + 160..].iter().all(|byte| *byte == 0), "beyond");

    scene.stream.offer(&[4; 100]);
    scene.turn();
    assert_eq!(scene.pending.len(), 1, "the page's write is under way");
    scene.complete(0);
    assert_eq!(scene.recorded(), start + 160);
    scene.turn();
    assert_eq!(scene.pending[0].at, 4096);
    scene.settle();
    scene.check_recorded(&recording(start, 65_536, 7), start + 320);
}

/// 07 §4.2 step 5: the next file is made when the one before is full, and written, and not before.
#[test]
fn a_segment_follows_when_the_one_before_is_written_whole() {
    for mode in MODES {
        let mut scene = scene(mode, 0);
        // 46 frames of 1,408 bytes; the 47th does not fit, so the term ends with padding.
        for _ in 0..42 {
            scene.stream.offer(&[5; 1376]);
            scene.settle();
        }
        for _ in 0..6 {
            scene.stream.offer(&[5; 1376]);
        }
        scene.turn();
        assert_eq!(scene.writer.next_position(), TERM);
        let files = |scene: &Scene| {
            let listed = taranis_runtime::io::Disk::list(&scene.disk, &scene.directory);
            listed
                .unwrap()
                .into_iter()
                .map(|entry| entry.name)
                .collect::<Vec<_>>()
        };
        scene.turn();
        assert_eq!(files(&scene), ["0-0.rec"], "{mode:?}");
        scene.complete_all();
        assert_eq!(scene.recorded(), TERM);
        scene.turn();
        assert_eq!(files(&scene), ["0-0.rec", "0-65536.rec"], "{mode:?}");
        scene.settle();
        scene.check_recorded(&recording(0, 65_536, 7), scene.recorded());
    }
}

/// 07 §4.2: of a padding frame only the header is written, and the position passes over all of it.
#[test]
fn padding_is_a_header_and_zeros() {
    for mode in MODES {
        for lengths in [[64, 100], [5000, 0], [4064, 9000]] {
            let mut scene = scene(mode, 0);
            for length in lengths {
                scene.stream.offer(&[6; 333]);
                scene.stream.pad(length);
                scene.stream.offer(&[7; 333]);
            }
            scene.settle();
            let end = *scene.truth.frame_ends.last().unwrap();
            assert_eq!(scene.recorded(), end, "{mode:?} {lengths:?}");
            scene.check_recorded(&recording(0, 65_536, 7), end);
        }
    }
}

/// 06 §3.2: with a record checksum each data frame's session id is its checksum.
#[test]
fn checksums_take_the_session_ids_place_in_the_file_alone() {
    for mode in MODES {
        let settings = WriterSettings {
            checksum: Some(Checksum::Crc32c),
            ..settings(mode)
        };
        let mut scene = Scene::new(settings, &recording(96, 65_536, 7), 1408);
        scene.turn();
        for step in 0..30 {
            scene.stream.offer(&vec![step; 50 * usize::from(step)]);
        }
        scene.settle();
        let file = taranis_runtime::io::Disk::read(&scene.disk, &scene.directory.join("0-0.rec"));
        let file = file.unwrap();
        let mut at = 96;
        let mut frames = 0;
        while at < scene.recorded() as usize {
            let length = i32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
            let end = at + length.next_multiple_of(32);
            let checksum = Checksum::Crc32c.of(&file[at + 32..end]);
            assert_eq!(file[at + 12..at + 16], checksum.to_le_bytes(), "{mode:?}");
            let truth = &scene.truth.bytes[at..end];
            assert_eq!(truth[12..16], 7_i32.to_le_bytes());
            assert_eq!(
                (&truth[..12], &truth[16..]),
                (&file[at..at + 12], &file[at + 16..end])
            );
            at = end;
            frames += 1;
        }
        // Two messages are longer than a frame.
        assert_eq!(frames, 32);
    }
}

/// A short write goes on where it stopped: in direct mode at the begin of the page.
#[test]
fn a_short_write_goes_on_with_its_rest() {
    for (mode, moved, rest) in [
        (WriteMode::Buffered, 5000, 5000),
        (WriteMode::Direct, 5000, 4096),
    ] {
        let mut scene = scene(mode, 0);
        for _ in 0..6 {
            scene.stream.offer(&[8; 1376]);
        }
        scene.turn();
        let write = scene.pending.remove(0);
        write.land(&mut scene.disk, |_| true);
        let length = write.span.len();
        scene.tell(write.ticket, Outcome::Moved(moved));
        assert_eq!(scene.recorded(), 0);
        scene.turn();
        let again = scene.pending.iter().find(|it| it.at == rest).unwrap();
        assert_eq!(again.span.len() as u64, length as u64 - rest, "{mode:?}");
        scene.settle();
        scene.check_recorded(&recording(0, 65_536, 7), 6 * 1408);
    }
}

/// 07 §4.2, C030: a full disk ends the recording at the last whole frame, with STORAGE_SPACE.
#[test]
fn a_failed_write_ends_the_recording_at_what_is_recorded() {
    for mode in MODES {
        let mut scene = scene(mode, 0);
        while scene.pending.len() < 3 {
            for _ in 0..5 {
                scene.stream.offer(&[9; 1376]);
            }
            scene.turn();
        }
        scene.complete(0);
        let recorded = scene.recorded();
        let failing = scene.pending.remove(0);
        let full = Outcome::Failed(IoFailure { errno: 28 });
        scene.tell(failing.ticket, full);
        assert!(
            !scene.writer.is_settled(),
            "a write is still with the system"
        );
        scene.complete_all();
        assert!(scene.writer.is_settled());
        let failed = scene.writer.failed().unwrap();
        assert_eq!(failed.code(), ErrorCode::StorageSpace);
        assert_eq!(scene.recorded(), recorded, "{mode:?}");
        assert_eq!(scene.writer.limit(), None);
        scene.turn();
        assert!(scene.pending.is_empty(), "nothing is tried again");
        scene.check_recorded(&recording(0, 65_536, 7), recorded);
    }
}

/// design.md, Archive writes: two to four writes in flight, at most 128 KiB per turn.
#[test]
fn writes_are_bounded() {
    for mode in MODES {
        let mut scene = scene(mode, 0);
        for _ in 0..100 {
            scene.stream.offer(&[1; 1376]);
            scene.turn();
            assert!(scene.pending.len() <= 4);
            assert!(
                scene
                    .pending
                    .iter()
                    .all(|write| write.is_aligned(mode.access()))
            );
        }
    }
}

/// design.md, Rules that keep it true: the data path allocates nothing.
#[test]
fn taking_writing_and_completing_allocate_nothing() {
    for checksum in [None, Some(Checksum::Crc32c)] {
        for mode in MODES {
            let settings = WriterSettings {
                checksum,
                ..settings(mode)
            };
            let mut scene = Scene::new(settings, &recording(0, 65_536, 7), 1408);
            scene.turn();
            for _ in 0..20 {
                scene.stream.offer(&[1; 1000]);
                let Scene {
                    writer,
                    stream,
                    desk,
                    ..
                } = &mut scene;
                let taken = allocations(|| {
                    writer.begin_turn();
                    while let Some(limit) = writer.limit() {
                        let position = writer.next_position();
                        let Some(block) = stream.reader.block(position, limit) else {
                            break;
                        };
                        writer.take(&Piece::of(&block), &mut desk.files);
                    }
                    writer.work(&mut desk.files, &mut desk.chores);
                });
                assert_eq!(taken.here, 0, "{mode:?} {checksum:?}");
                for op in desk.take_file_ops() {
                    let HeldOp::Write { ticket, span, .. } = op else {
                        panic!("{op:?}");
                    };
                    let outcome = Outcome::Moved(span.len());
                    let completion = Completion { ticket, outcome };
                    let ended = allocations(|| {
                        assert!(writer.ended(completion, &mut desk.files).is_none());
                    });
                    assert_eq!(ended.here, 0, "{mode:?} {checksum:?}");
                }
                let recorded = writer.recorded().position();
                stream.commit(recorded);
            }
            assert!(scene.recorded() > 0);
        }
    }
}
