//! Recovery without evidence: Aeron's rule, on made-up files (07 §9, C028).

use std::path::{Path, PathBuf};

use taranis_archive::{
    catalog::{
        Catalog, Stop,
        repair::{Repair, RepairError, Rules, repair},
    },
    checksum::Checksum,
    context::TornTail,
    recorder::Evidence,
};
use taranis_runtime::io::{Disk, MemoryDisk};

use super::stream::{INITIAL_TERM_ID, TERM, new_recording};

const ROOT: &str = "/archive";
const SEGMENT: usize = 2 * TERM as usize;

/// A directory with one recording that was cut off.
struct Case {
    disk: MemoryDisk,
    catalog: Catalog,
}

impl Case {
    fn new(start: i64) -> Self {
        let mut catalog = Catalog::new(4096, None);
        let _ = catalog
            .added(new_recording(start, SEGMENT as i32, 7))
            .unwrap();
        let mut disk = MemoryDisk::default();
        disk.create_directory(Path::new(ROOT)).unwrap();
        disk.create(&path("archive.catalog"), &catalog.image(), 0)
            .unwrap();
        Self { disk, catalog }
    }

    fn segment(&mut self, base: i64, bytes: &[u8]) -> PathBuf {
        let path = path(&format!("0-{base}.rec"));
        self.disk.create(&path, bytes, SEGMENT as u64).unwrap();
        path
    }

    fn repair(&mut self, torn_tail: TornTail) -> Result<Repair, RepairError> {
        self.repair_with(torn_tail, None)
    }

    fn repair_with(
        &mut self,
        torn_tail: TornTail,
        checksum: Option<Checksum>,
    ) -> Result<Repair, RepairError> {
        let rules = Rules {
            torn_tail,
            checksum,
            now_ms: 55,
        };
        let nothing = Evidence::default();
        let root = Path::new(ROOT);
        let done = repair(&mut self.disk, root, &mut self.catalog, &nothing, rules)?;
        let stop = self.catalog.get(0).unwrap().stop.unwrap();
        assert_eq!((done[0].stop, 55), (stop.position, stop.timestamp_ms));
        let written = self.disk.read(&path("archive.catalog")).unwrap();
        assert!(written == self.catalog.image());
        Ok(done[0])
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

/// A frame at a position of the stream.
fn frame(position: i64, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 32];
    frame[..4].copy_from_slice(&(32 + payload.len() as i32).to_le_bytes());
    frame[5] = 0xC0;
    frame[6] = 1;
    frame[8..12].copy_from_slice(&((position % TERM) as i32).to_le_bytes());
    frame[12..16].copy_from_slice(&7_i32.to_le_bytes());
    frame[16..20].copy_from_slice(&1001_i32.to_le_bytes());
    let term_id = INITIAL_TERM_ID.wrapping_add((position / TERM) as i32);
    frame[20..24].copy_from_slice(&term_id.to_le_bytes());
    frame.extend(payload);
    frame.resize(frame.len().next_multiple_of(32), 0);
    frame
}

/// Frames of 1,024 bytes up to `position`, from a segment's base on.
fn frames(base: i64, position: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while base + (bytes.len() as i64) < position {
        bytes.extend(frame(base + bytes.len() as i64, &[3; 992]));
    }
    bytes
}

/// 07 §9 steps 1, 2, 5
#[test]
fn a_recording_stops_behind_its_last_frame() {
    let mut none = Case::new(4096);
    assert_eq!(none.repair(TornTail::Refuse).unwrap().stop, 4096);

    let mut empty = Case::new(4096);
    empty.segment(0, &[]);
    assert_eq!(empty.repair(TornTail::Refuse).unwrap().stop, 4096);

    let mut first = Case::new(4096);
    first.segment(0, &[vec![0; 4096], frames(4096, 10_240)].concat());
    assert_eq!(first.repair(TornTail::Refuse).unwrap().stop, 10_240);

    let mut second = Case::new(4096);
    second.segment(0, &[]);
    second.segment(2 * TERM, &frames(2 * TERM, 2 * TERM + 5120));
    let done = second.repair(TornTail::Refuse).unwrap();
    assert_eq!(
        (done.stop, done.cut, done.added),
        (2 * TERM + 5120, None, None)
    );

    let mut follower = Case::new(0);
    follower.segment(0, &[]);
    follower.segment(2 * TERM, &[]);
    assert_eq!(follower.repair(TornTail::Refuse).unwrap().stop, 2 * TERM);
}

/// 07 §9 step 4, C028: a last frame with a page of zeros is refused by name, or cut off; nothing changes when refused.
#[test]
fn a_last_frame_that_may_be_torn_is_refused_or_cut_off() {
    let torn = || {
        let mut case = Case::new(0);
        let mut bytes = frames(0, 3072);
        bytes.extend(frame(3072, &[0; 3000]));
        let file = case.segment(0, &bytes);
        (case, file)
    };
    let (mut case, file) = torn();
    let before = case.disk.clone();
    let refused = case.repair(TornTail::Refuse).unwrap_err().to_string();
    let expected = format!(
        "Found potentially incomplete last fragment straddling page boundary in file: {}\n\
         Run `ArchiveTool verify` for corrective action! (The fragment begins at byte 3072; torn_tail=cut cuts it off.)",
        file.display()
    );
    assert_eq!(refused, expected);
    assert_eq!(case.catalog.get(0).unwrap().stop, None);
    for name in ["archive.catalog", "0-0.rec"] {
        let (was, is) = (before.read(&path(name)), case.disk.read(&path(name)));
        assert!(was.unwrap() == is.unwrap(), "{name}");
    }

    let done = case.repair(TornTail::Cut).unwrap();
    assert!(done.torn);
    assert_eq!(done.stop, 3072);
    let mut cut = frames(0, 3072);
    cut.resize(SEGMENT, 0);
    assert!(case.disk.read(&file).unwrap() == cut);
}

/// 07 §9 step 4 and its traps
#[test]
fn what_proves_a_last_frame_whole() {
    let last = |payload: &[u8], at: i64| {
        let mut case = Case::new(0);
        let mut bytes = frames(0, at);
        bytes.extend(frame(at, payload));
        case.segment(0, &bytes);
        case.repair(TornTail::Refuse).map(|done| done.stop).ok()
    };
    assert_eq!(last(&[0; 992], 3072), Some(4096), "it ends with its page");
    assert_eq!(last(&[0; 993], 3072), None);
    let mut payload = [0; 3000];
    payload[2999] = 1;
    assert_eq!(last(&payload, 3072), Some(3072 + 3040), "its last byte");
    // Three pages, of which the middle one is zeros.
    let mut payload = vec![0; 9000];
    payload[8999] = 1;
    assert_eq!(last(&payload, 3072), None);
    payload[3000] = 1;
    assert_eq!(last(&payload, 3072), Some(3072 + 9056));

    let mut padding = Case::new(0);
    let mut bytes = frames(0, 3072);
    let mut pad = frame(3072, &vec![0; TERM as usize - 3072 - 32]);
    pad[6] = 0;
    bytes.extend(&pad[..32]);
    padding.segment(0, &bytes);
    assert_eq!(padding.repair(TornTail::Refuse).unwrap().stop, TERM);
}

/// 07 §9 step 4: a matching checksum proves a frame of zeros whole.
#[test]
fn a_checksum_proves_a_frame_of_zeros_whole() {
    for checksum in [Checksum::Crc32, Checksum::Crc32c] {
        let mut case = Case::new(0);
        let mut bytes = frames(0, 3072);
        let mut last = frame(3072, &[0; 3000]);
        let value = checksum.of(&last[32..]);
        last[12..16].copy_from_slice(&value.to_le_bytes());
        bytes.extend(last);
        case.segment(0, &bytes);
        assert!(case.repair(TornTail::Refuse).is_err());
        let done = case.repair_with(TornTail::Refuse, Some(checksum)).unwrap();
        assert_eq!(done.stop, 3072 + 3040);
    }
}

/// 07 §9: bytes that are no frame of this position of the stream end the recording, whatever length they claim.
#[test]
fn bytes_that_are_no_frame_end_it() {
    for (at, value) in [(0, i32::MAX), (0, 31), (0, -5), (8, 4096), (20, 1)] {
        let mut case = Case::new(0);
        let mut bytes = frames(0, 4096);
        bytes[3072 + at..3076 + at].copy_from_slice(&value.to_le_bytes());
        case.segment(0, &bytes);
        assert_eq!(
            case.repair(TornTail::Refuse).unwrap().stop,
            3072,
            "{at} {value}"
        );
    }
}

/// 07 §9: entries that have a stop, or do not count, are left alone; and 500 are no trouble (C028).
#[test]
fn only_what_was_cut_off_is_repaired() {
    let mut case = Case::new(0);
    let mut catalog = Catalog::new(1 << 20, None);
    for session in 0..500 {
        let _ = catalog
            .added(new_recording(0, SEGMENT as i32, session))
            .unwrap();
    }
    let stop = Stop {
        position: 64,
        timestamp_ms: 1,
    };
    let _ = catalog.stopped(1, stop).unwrap();
    let _ = catalog.marked_invalid(2).unwrap();
    let _ = catalog.purged(3).unwrap();
    case.disk.remove(&path("archive.catalog")).unwrap();
    case.disk
        .create(&path("archive.catalog"), &catalog.image(), 0)
        .unwrap();
    case.catalog = catalog;
    let rules = Rules {
        torn_tail: TornTail::Refuse,
        checksum: None,
        now_ms: 55,
    };
    let nothing = Evidence::default();
    let root = Path::new(ROOT);
    let done = repair(&mut case.disk, root, &mut case.catalog, &nothing, rules).unwrap();
    assert_eq!(done.len(), 497);
    assert_eq!(case.catalog.get(1).unwrap().stop, Some(stop));
}

/// 06 §3.1: a name that can't be a segment's stops the start.
#[test]
fn a_misnamed_segment_stops_the_start() {
    let mut case = Case::new(0);
    case.disk.create(&path("x-0.rec"), &[], 0).unwrap();
    let refused = case.repair(TornTail::Refuse).unwrap_err().to_string();
    assert!(refused.starts_with("/archive: x-0.rec: "), "{refused}");
}
