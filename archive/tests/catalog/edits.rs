//! The catalog's file, byte by byte, against the catalog in memory (06 §3.1, 07 §6).

use taranis_archive::{
    catalog::{
        Catalog, Changes, Extension, NewRecording, RefusedEdit, Replacement, Stop,
        layout::{self, BadCatalog},
    },
    checksum::Checksum,
    codecs::{RecordingState, catalog::RecordingDescriptor},
};
use taranis_runtime::sbe::Decode as _;

use super::stream::new_recording;

/// A catalog and its file.
pub(crate) struct Twin {
    pub(crate) catalog: Catalog,
    pub(crate) file: Vec<u8>,
}

impl Twin {
    pub(crate) fn new(capacity: u64, checksum: Option<Checksum>) -> Self {
        let catalog = Catalog::new(capacity, checksum);
        let file = catalog.image();
        Self { catalog, file }
    }

    pub(crate) fn add(&mut self, new: NewRecording) -> i64 {
        let (id, changes) = self.catalog.added(new).unwrap();
        self.write(&changes);
        id
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Catalog) -> Result<Changes, RefusedEdit>) {
        let changes = edit(&mut self.catalog).unwrap();
        self.write(&changes);
    }

    fn write(&mut self, changes: &Changes) {
        changes.apply_to(&mut self.file);
        assert!(self.file == self.catalog.image(), "file and memory differ");
        let read = Catalog::decode(&self.file, None).unwrap();
        let ids = |catalog: &Catalog| catalog.from(0).cloned().collect::<Vec<_>>();
        assert_eq!(ids(&read), ids(&self.catalog));
        assert_eq!(read.next_recording_id(), self.catalog.next_recording_id());
    }
}

fn named(channel: &str, session_id: i32) -> NewRecording {
    NewRecording {
        original_channel: channel.to_owned(),
        stripped_channel: channel.to_owned(),
        ..new_recording(0, 65_536, session_id)
    }
}

const STOP: Stop = Stop {
    position: 4096,
    timestamp_ms: 1_700_000_009_999,
};

/// 06 §3.1: offsets of header and entry.
#[test]
fn a_new_catalog_and_its_first_entry_are_as_the_format_says() {
    let mut twin = Twin::new(1 << 20, None);
    assert_eq!(twin.file.len(), 1 << 20);
    assert_eq!(twin.file[..4], [0, 1, 3, 0]);
    assert_eq!(twin.file[4..8], 32_i32.to_le_bytes());
    assert_eq!(twin.file[16..20], 64_i32.to_le_bytes());
    twin.add(new_recording(96, 65_536, -7));
    assert_eq!(twin.file[8..16], 1_i64.to_le_bytes());
    let frame = &twin.file[32..];
    let strings = "aeron:ipc".len() + "aeron:ipc?alias=test".len() + "aeron:ipc".len();
    let length = (32 + 80 + 12 + strings).next_multiple_of(64);
    assert_eq!(frame[..4], (length as i32 - 32).to_le_bytes());
    assert_eq!(frame[4..8], 1_i32.to_le_bytes());
    assert_eq!(frame[8..32], [0; 24]);
    assert_eq!(frame[32..48], [0; 16], "control session and correlation");
    assert_eq!(frame[64..72], (-1_i64).to_le_bytes(), "stop timestamp");
    assert_eq!(frame[72..80], 96_i64.to_le_bytes(), "start position");
    assert_eq!(frame[80..88], (-1_i64).to_le_bytes(), "stop position");
    assert_eq!(frame[104..108], (-7_i32).to_le_bytes(), "session id");
    assert_eq!(frame[112..116], 9_i32.to_le_bytes());
    assert!(frame[length..].iter().all(|byte| *byte == 0));
}

/// 06 §3.1, the table of mutable fields.
#[test]
fn every_edit_leaves_file_and_memory_the_same() {
    for checksum in [None, Some(Checksum::Crc32), Some(Checksum::Crc32c)] {
        let mut twin = Twin::new(1 << 16, checksum);
        for session in 0..5 {
            twin.add(named("aeron:udp?endpoint=localhost:4444", session));
        }
        twin.edit(|catalog| catalog.stopped(1, STOP));
        twin.edit(|catalog| catalog.stop_moved(1, 2048));
        twin.edit(|catalog| catalog.start_moved(1, 1024));
        let stop = twin.catalog.get(1).unwrap().stop.unwrap();
        assert_eq!(
            (stop.position, stop.timestamp_ms),
            (2048, STOP.timestamp_ms)
        );
        let by = Extension {
            control_session_id: 5,
            correlation_id: 6,
            session_id: 77,
        };
        twin.edit(|catalog| catalog.extended(1, by));
        let extended = twin.catalog.get(1).unwrap();
        assert_eq!((extended.stop, extended.session_id), (None, 77));
        twin.edit(|catalog| catalog.purged(2));
        twin.edit(|catalog| catalog.marked_invalid(3));
        twin.edit(|catalog| catalog.marked_invalid(3));
        assert_eq!(twin.catalog.len(), 3);
        assert_eq!(twin.catalog.get(3), None);
        twin.edit(|catalog| catalog.marked_valid(3));
        assert!(twin.catalog.get(3).is_some());
        for id in [0, 1, 3, 4] {
            let intact = twin.catalog.is_intact(id);
            assert_eq!(intact, checksum.map(|_| true), "{id}");
        }
        let read = Catalog::decode(&twin.file, checksum).unwrap();
        assert_eq!(read.state(2), Some(RecordingState::Deleted));
        assert_eq!(read.is_intact(1), checksum.map(|_| true));
    }
}

/// 06 §3.1, its trap: every following entry moves, whatever its state.
#[test]
fn a_longer_replacement_moves_all_entries_behind_it() {
    for checksum in [None, Some(Checksum::Crc32c)] {
        let mut twin = Twin::new(1 << 16, checksum);
        for session in 0..4 {
            twin.add(named("aeron:ipc", session));
        }
        twin.edit(|catalog| catalog.purged(2));
        twin.edit(|catalog| catalog.marked_invalid(3));
        let long = format!("aeron:ipc?alias={}", "x".repeat(300));
        twin.edit(|catalog| catalog.channel_updated(1, long.clone(), "aeron:ipc".to_owned()));
        assert_eq!(twin.catalog.get(1).unwrap().original_channel, long);
        let by = Replacement {
            content: named("short", 9),
            stop: Some(STOP),
        };
        twin.edit(|catalog| catalog.replaced(1, by));
        assert_eq!(twin.catalog.get(1).unwrap().session_id, 9);
        twin.edit(|catalog| catalog.marked_valid(3));
        assert_eq!(twin.catalog.is_intact(1), checksum.map(|_| true));
        assert_eq!(twin.add(named("aeron:ipc", 4)), 4);
    }
}

/// 06 check 13, and its rule of growth.
#[test]
fn a_full_catalog_grows_by_half() {
    let mut twin = Twin::new(1024, None);
    for session in 0..4 {
        twin.add(named("aeron:ipc", session));
    }
    assert_eq!(twin.file.len(), 1024);
    for session in 4..9 {
        twin.add(named("aeron:ipc", session));
    }
    assert_eq!(twin.file.len(), 1536 + 768);
    let mut smallest = Twin::new(32, None);
    smallest.add(named("aeron:ipc", 1));
    assert_eq!(smallest.catalog.len(), 1);
}

/// 06 §3.1
#[test]
fn edits_of_what_is_not_there_change_nothing() {
    let mut twin = Twin::new(1 << 16, None);
    twin.add(named("aeron:ipc", 1));
    twin.edit(|catalog| catalog.purged(0));
    let catalog = &mut twin.catalog;
    let text = catalog.stopped(0, STOP).unwrap_err().to_string();
    assert_eq!(text, "unknown recording id: 0");
    assert_eq!(catalog.purged(5), Err(RefusedEdit::Unknown(5)));
    let text = catalog.marked_invalid(0).unwrap_err().to_string();
    assert_eq!(
        text,
        "(recordingId=0) state transition Deleted -> Invalid is not allowed"
    );
    assert!(twin.file == twin.catalog.image());
    // Ids never come back.
    assert_eq!(twin.add(named("aeron:ipc", 2)), 1);
}

/// 07 §6, C035: pages by id are complete and ordered while recordings are purged in between.
#[test]
fn lists_and_lookups_go_by_id() {
    let mut twin = Twin::new(1 << 20, None);
    for session in 0..300 {
        let channel = format!("aeron:udp?endpoint=host:{}", 4000 + session % 3);
        let _ = twin.catalog.added(named(&channel, session % 10)).unwrap();
    }
    let mut seen = Vec::new();
    let mut next = -5;
    loop {
        let page: Vec<i64> = twin.catalog.from(next).take(64).map(|it| it.id).collect();
        let Some(last) = page.last() else { break };
        next = last + 1;
        for id in &page {
            if id % 7 == 0 {
                let _ = twin.catalog.purged(*id).unwrap();
            }
        }
        seen.extend(page);
    }
    assert_eq!(seen, (0..300).collect::<Vec<_>>());
    let left: Vec<i64> = twin.catalog.from(0).map(|it| it.id).collect();
    assert!(left.iter().all(|id| id % 7 != 0) && left.len() == 257);
    let of_host =
        |recording: &&taranis_archive::catalog::Recording| recording.is_of(1001, b"host:4001");
    assert!(
        twin.catalog
            .from(0)
            .filter(of_host)
            .all(|it| it.id % 3 == 1)
    );

    let last = |min, session, stream, fragment: &[u8]| {
        twin.catalog
            .last_matching(min, session, stream, fragment)
            .map(|it| it.id)
    };
    assert_eq!(last(0, 3, 1001, b""), Some(293));
    assert_eq!(last(0, 3, 1001, b"host:4001"), Some(283));
    assert_eq!(last(284, 3, 1001, b"host:4001"), None);
    assert_eq!(last(0, 3, 1002, b""), None);
    assert_eq!(last(0, 3, 1001, b"host:5"), None);
}

/// 06 §2.4: the entry's padding is part of the message.
#[test]
fn a_descriptor_message_has_the_entrys_length_and_the_asking_sessions_ids() {
    let mut twin = Twin::new(1 << 16, None);
    twin.add(named("aeron:ipc", 1));
    let length = twin.catalog.message_length(0).unwrap();
    let entry = i32::from_le_bytes(twin.file[32..36].try_into().unwrap());
    assert_eq!(length as i32, 8 + entry);
    let mut buffer = vec![0xEE; 512];
    let written = twin.catalog.encode_message(0, 21, 22, &mut buffer).unwrap();
    assert_eq!(written, Some(length));
    let message = RecordingDescriptor::decode(&buffer[..length]).unwrap();
    assert_eq!(
        (message.control_session_id, message.correlation_id),
        (21, 22)
    );
    assert_eq!(
        buffer[8 + 16..length],
        twin.file[32 + 32 + 16..32 + 32 + entry as usize]
    );
    assert_eq!(twin.catalog.encode_message(9, 1, 1, &mut buffer), Ok(None));
    assert!(
        twin.catalog
            .encode_message(0, 1, 1, &mut buffer[..9])
            .is_err()
    );
}

/// A bad file is refused with the offset and what was expected; no bytes make the reader panic.
#[test]
fn damaged_files_are_refused() {
    let mut twin = Twin::new(2048, Some(Checksum::Crc32));
    for session in 0..3 {
        twin.add(named("aeron:ipc", session));
    }
    let read = |file: &[u8]| {
        Catalog::decode(file, None)
            .map(|_| ())
            .map_err(|bad| bad.to_string())
    };
    for length in 0..32 {
        assert!(read(&twin.file[..length]).is_err());
    }
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = twin.file.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        read(&file)
    };
    let old = Err("incompatible catalog file version 2.0.0, archive software is 3.1.0".to_owned());
    assert_eq!(changed(0, &[0, 0, 2, 0]), old);
    let ids =
        Err("invalid nextRecordingId: expected value greater or equal to 3, was 2".to_owned());
    assert_eq!(changed(8, &2_i64.to_le_bytes()), ids);
    assert_eq!(changed(8, &0_i64.to_le_bytes()), Ok(()));
    let beyond = changed(32, &4000_i32.to_le_bytes()).unwrap_err();
    assert_eq!(
        beyond,
        "entry at offset 32: length=4000, but the file has 2016 bytes from there on"
    );
    let term = changed(32 + 32 + 64, &1000_i32.to_le_bytes()).unwrap_err();
    assert!(
        term.starts_with("entry at offset 32: recordingId=0: term length 1000"),
        "{term}"
    );
    for at in 0..800 {
        for bit in 0..8 {
            let mut file = twin.file.clone();
            file[at] ^= 1 << bit;
            // Refused or read; never a panic.
            let _: Result<Catalog, BadCatalog> = Catalog::decode(&file, None);
        }
    }
    assert!(layout::decode_header(&[]).is_err());
}

/// An add that was cut short is invisible, and harms nothing that follows (deviation D-21).
#[test]
fn an_add_cut_short_after_any_write_leaves_a_catalog() {
    let mut twin = Twin::new(4096, None);
    twin.add(named("aeron:ipc", 0));
    let before = twin.file.clone();
    let long = named(&"aeron:ipc?alias=".repeat(20), 1);
    let mut catalog = twin.catalog.clone();
    let (id, changes) = catalog.added(long).unwrap();
    for count in 0..=changes.len() {
        let mut file = before.clone();
        changes.clone().truncated(count).apply_to(&mut file);
        let mut restarted = Catalog::decode(&file, None).unwrap();
        assert_eq!(restarted.get(id).is_some(), count == changes.len());
        let (next, more) = restarted.added(named("aeron:ipc", 2)).unwrap();
        more.apply_to(&mut file);
        assert!(next >= id);
        let again = Catalog::decode(&file, None).unwrap();
        assert_eq!(again.len(), restarted.len(), "cut short after {count}");
    }
}
