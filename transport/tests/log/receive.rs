//! The receiver's side: inserting, finding gaps, filling them; what a sender scans.

use proptest::prelude::*;
use taranis_transport::log::{
    Available, Gap, Inserted, Inserter, Kind, LogBuffer, Rebuilt,
    frame::{FLAGS_UNFRAGMENTED, TYPE_DATA, TYPE_PAD},
};

use crate::harness::{
    INITIAL_TERM_ID, MTU, SESSION, STREAM, TERM, TERM_LENGTH, cases, drain, frame_bytes,
    frame_word, log, reader_at,
};

/// A frame as it comes in a datagram, in whole 32s.
fn frame(offset: i32, frame_type: u16, payload: &[u8], frame_length: i32) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(frame_length.to_le_bytes());
    bytes.extend([0, FLAGS_UNFRAGMENTED]);
    bytes.extend(frame_type.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend(SESSION.to_le_bytes());
    bytes.extend(STREAM.to_le_bytes());
    bytes.extend(INITIAL_TERM_ID.to_le_bytes());
    bytes.extend(9_i64.to_le_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes
}

fn data(offset: i32, payload: &[u8]) -> Vec<u8> {
    frame(offset, TYPE_DATA, payload, 32 + payload.len() as i32)
}

fn image() -> (LogBuffer, Inserter) {
    let mut log = log(Kind::Image);
    let inserter = log.take_inserter().unwrap();
    (log, inserter)
}

/// What happened to a stream between two drivers, one datagram at a time, as the sender scans it.
fn datagrams(from: &LogBuffer, end: i64) -> Vec<(i64, Vec<u8>, i32)> {
    let scanner = from.scanner();
    let mut found = Vec::new();
    let mut position = 0;
    while position < end {
        let Available::Bytes { length, padding } = scanner.scan(position, MTU) else {
            panic!("everything is committed up to {end}, not at {position}");
        };
        let span = scanner.span(position, length);
        assert_eq!(span.len() as i32, length);
        found.push((
            position,
            frame_bytes(from, position, length as usize),
            padding,
        ));
        position += i64::from(length + padding);
    }
    found
}

/// 03 §4.6
#[test]
fn a_packet_of_several_frames_is_visible_at_once() {
    let (log, mut inserter) = image();
    let mut packet = data(0, b"first");
    packet.extend(data(64, b"second"));
    packet.extend(frame(128, TYPE_PAD, &[], 32));
    assert_eq!(inserter.insert(0, &packet), Inserted::Copied);
    assert_eq!(frame_bytes(&log, 0, 160), packet);
    let reader = reader_at(&log, 0);
    let first = reader.frames().next().unwrap();
    assert_eq!(first.header.reserved_value, 9);
    assert_eq!(first.header.session_id, SESSION);
    assert_eq!(first.header.stream_id, STREAM);
    let payloads: Vec<&[u8]> = reader.frames().map(|fragment| fragment.payload).collect();
    assert_eq!(payloads, [&b"first"[..], b"second"]);
    assert_eq!(inserter.insert(0, &data(0, b"again")), Inserted::Duplicate);
    assert_eq!(
        inserter.insert(64, &data(64, b"again")),
        Inserted::Duplicate
    );
}

/// 03 §1.11.2: memory bounds hold whatever the packet
#[test]
fn a_packet_that_does_not_fit_leaves_the_log_alone() {
    let (log, mut inserter) = image();
    let packet = data(0, b"x");
    let mut heartbeat = packet.clone();
    heartbeat[..4].copy_from_slice(&0_i32.to_le_bytes());
    let mut negative = packet.clone();
    negative[..4].copy_from_slice(&i32::MIN.to_le_bytes());
    for (position, bytes) in [
        (0, &[][..]),
        (0, &packet[..31]),
        (0, &packet[..33]),
        (0, &heartbeat[..]),
        (0, &negative[..]),
        (8, &packet[..]),
        (TERM - 32, &packet[..]),
    ] {
        assert_eq!(inserter.insert(position, bytes), Inserted::DoesNotFit);
    }
    for position in (0..TERM).step_by(32) {
        assert_eq!(frame_word(&log, position), 0);
    }
    let last = data(TERM_LENGTH - 64, b"x");
    assert_eq!(inserter.insert(TERM - 64, &last), Inserted::Copied);
}

/// 02 §5.4: a length that reaches beyond the term is cut there for every reader
#[test]
fn an_over_long_frame_length_ends_with_the_term() {
    let (log, mut inserter) = image();
    let at = TERM - 128;
    let liar = frame(at as i32, TYPE_DATA, b"x", i32::MAX);
    assert_eq!(inserter.insert(at, &liar), Inserted::Copied);
    let mut reader = reader_at(&log, at);
    assert_eq!(reader.poll(10, |f| assert_eq!(f.payload.len(), 96)), 1);
    assert_eq!(reader.position(), TERM);
    let reader = reader_at(&log, at);
    assert_eq!(reader.block(at, usize::MAX).unwrap().len(), 128);
    assert_eq!(
        log.gap_scanner().scan(at, 2 * TERM),
        Rebuilt {
            position: TERM,
            gap: None
        }
    );
    assert_eq!(
        log.scanner().scan(at, MTU),
        Available::Bytes {
            length: 128,
            padding: 0
        }
    );
}

/// C014: the last data frame, the term's padding, the next term's first frame, and all three
#[test]
fn losses_around_a_terms_end_are_found_and_repaired() {
    let mut source = log(Kind::Exclusive);
    let mut appender = source.take_appender().unwrap();
    while source.tails().unwrap().active_term_count() == 0 {
        let _ = appender.offer(&[4; 1300], i64::MAX);
    }
    appender.offer(b"next term", i64::MAX).unwrap();
    let end = appender.position();
    let sent = datagrams(&source, end);
    let padding = sent
        .iter()
        .position(|(_, _, padding)| *padding > 0)
        .unwrap();
    for lost in [
        &[padding - 1][..],
        &[padding],
        &[padding + 1],
        &[padding - 1, padding, padding + 1],
    ] {
        let (image, mut inserter) = image();
        for (index, (position, packet, _)) in sent.iter().enumerate() {
            if !lost.contains(&index) {
                assert_eq!(inserter.insert(*position, packet), Inserted::Copied);
            }
        }
        let mut naks = 0;
        let mut position = 0;
        while position < end {
            let rebuilt = image.gap_scanner().scan(position, end);
            assert!(rebuilt.position > position || rebuilt.gap.is_some());
            position = rebuilt.position;
            let Some(gap) = rebuilt.gap else { continue };
            naks += 1;
            let from = image
                .shape()
                .checked_position(gap.term_id, gap.term_offset)
                .unwrap();
            assert!(gap.term_offset + gap.length <= TERM_LENGTH);
            for (at, packet, _) in &sent {
                if (from..from + i64::from(gap.length)).contains(at) {
                    inserter.insert(*at, packet);
                }
            }
        }
        assert!(naks <= 3, "{naks} gaps for {lost:?}");
        assert_eq!(
            drain(&mut reader_at(&image, 0)),
            drain(&mut reader_at(&source, 0))
        );
    }
}

/// 02 §5.4, 03 §4.8
#[test]
fn a_gap_is_filled_unless_something_came_meanwhile() {
    let (log, mut inserter) = image();
    inserter.insert(256, &data(256, b"after"));
    let gap = log.gap_scanner().scan(0, 320).gap.unwrap();
    assert_eq!(
        gap,
        Gap {
            term_id: INITIAL_TERM_ID,
            term_offset: 0,
            length: 256
        }
    );
    inserter.insert(192, &data(192, b"late"));
    assert!(!inserter.fill_gap(gap));
    let gap = log.gap_scanner().scan(0, 320).gap.unwrap();
    assert_eq!(gap.length, 192);
    assert!(inserter.fill_gap(gap));
    let filler = frame_bytes(&log, 0, 32);
    assert_eq!(&filler[..8], &[192, 0, 0, 0, 0, 0xC0, 0, 0]);
    assert_eq!(&filler[12..16], &SESSION.to_le_bytes());
    assert_eq!(&filler[20..24], &INITIAL_TERM_ID.to_le_bytes());
    let payloads: Vec<_> = drain(&mut reader_at(&log, 0));
    assert_eq!(payloads.len(), 2);
    // A late packet for a filled gap is a duplicate; a gap that is none is refused.
    assert_eq!(inserter.insert(0, &data(0, b"late")), Inserted::Duplicate);
    for (term_id, term_offset, length) in [
        (INITIAL_TERM_ID - 1, 0, 32),
        (INITIAL_TERM_ID, -32, 32),
        (INITIAL_TERM_ID, 1024, 0),
        (INITIAL_TERM_ID, 1024, 33),
        (INITIAL_TERM_ID, 1024, i32::MAX & !31),
        (INITIAL_TERM_ID, TERM_LENGTH - 32, 64),
    ] {
        let gap = Gap {
            term_id,
            term_offset,
            length,
        };
        assert!(!inserter.fill_gap(gap), "{gap:?}");
    }
}

/// 02 §5.4: padding sends its header alone; one of exactly a header does not end the scan
#[test]
fn a_sender_scans_whole_frames_up_to_its_limit() {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    let scanner = log.scanner();
    assert_eq!(scanner.scan(0, MTU), Available::Nothing);
    appender.offer(&[1; 32], i64::MAX).unwrap();
    appender.append_padding(0, i64::MAX).unwrap();
    appender.offer(&[2; 32], i64::MAX).unwrap();
    appender.append_padding(1000, i64::MAX).unwrap();
    appender.offer(&[3; 32], i64::MAX).unwrap();
    let bytes = |length, padding| Available::Bytes { length, padding };
    assert_eq!(scanner.scan(0, MTU), bytes(192, 1024));
    assert_eq!(scanner.scan(0, 192), bytes(192, 1024));
    assert_eq!(scanner.scan(0, 191), bytes(160, 0));
    assert_eq!(scanner.scan(0, 64), bytes(64, 0));
    assert_eq!(scanner.scan(0, 63), Available::TooLong { length: 64 });
    assert_eq!(scanner.scan(0, -1), Available::TooLong { length: 64 });
    assert_eq!(scanner.scan(160, 31), Available::TooLong { length: 32 });
    assert_eq!(scanner.scan(160 + 1056, MTU), bytes(64, 0));
    assert_eq!(scanner.scan(appender.position(), MTU), Available::Nothing);
}

/// Aligned frame lengths in the order they lie in a term, the holes between them, and which are padding.
#[derive(Clone, Debug)]
enum Piece {
    Data(i32),
    Pad(i32),
    Hole(i32),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        5 => (0_i32..200).prop_map(Piece::Data),
        1 => (0_i32..40).prop_map(Piece::Pad),
        2 => (1_i32..8).prop_map(Piece::Hole),
    ];
    prop::collection::vec(piece, 1..40)
}

/// Builds an image from the pieces. Returns the end.
fn build(inserter: &mut Inserter, pieces: &[Piece]) -> i64 {
    let mut at = 0;
    for piece in pieces {
        let (bytes, room) = match *piece {
            Piece::Data(length) => {
                let bytes = data(at, &vec![6; length as usize]);
                let room = bytes.len() as i32;
                (bytes, room)
            }
            Piece::Pad(slots) => {
                let room = 32 + 32 * slots;
                (frame(at, TYPE_PAD, &[], room), room)
            }
            Piece::Hole(slots) => (Vec::new(), 32 * slots),
        };
        if !bytes.is_empty() {
            assert_eq!(inserter.insert(i64::from(at), &bytes), Inserted::Copied);
        }
        at += room;
    }
    i64::from(at)
}

/// The obvious gap scan: over a list of pieces, in bytes.
fn slow_gap(pieces: &[Piece], from: i64, limit: i64) -> (i64, Option<(i64, i64)>) {
    let mut at = 0_i64;
    let mut spans = Vec::new();
    for piece in pieces {
        let (room, there) = match *piece {
            Piece::Data(length) => ((63 + i64::from(length)) / 32 * 32, true),
            Piece::Pad(slots) => (32 + 32 * i64::from(slots), true),
            Piece::Hole(slots) => (32 * i64::from(slots), false),
        };
        spans.push((at, at + room, there));
        at += room;
    }
    let mut position = from;
    // One frame is looked at even at the limit.
    loop {
        let next = spans
            .iter()
            .find(|(begin, _, there)| *begin == position && *there);
        let Some((_, end, _)) = next else { break };
        position = *end;
        if position >= limit {
            break;
        }
    }
    let end = spans
        .iter()
        .find(|(begin, _, there)| *begin > position && *there)
        .map_or(limit, |(begin, _, _)| (*begin).min(limit));
    (position, (position < limit).then_some((position, end)))
}

/// The obvious sender scan: frames one by one, then as many as fit.
fn slow_scan(pieces: &[Piece], limit: i32) -> Available {
    let mut length = 0;
    for piece in pieces {
        let (room, sent) = match *piece {
            Piece::Data(length) => {
                let room = (63 + length) / 32 * 32;
                (room, room)
            }
            Piece::Pad(slots) => (32 + 32 * slots, 32),
            Piece::Hole(_) => break,
        };
        if length + sent > limit {
            if length == 0 {
                return Available::TooLong { length: sent };
            }
            break;
        }
        length += sent;
        if room > sent {
            let padding = room - sent;
            return Available::Bytes { length, padding };
        }
        if length >= limit {
            break;
        }
    }
    if length == 0 {
        return Available::Nothing;
    }
    Available::Bytes { length, padding: 0 }
}

proptest! {
    #![proptest_config(cases(400, 3))]

    /// 02 §5.4, 03 §4.8, against the slow twin
    #[test]
    fn the_gap_scan_agrees_with_its_slow_twin(pieces in pieces(), beyond in 0_i64..20) {
        let (log, mut inserter) = image();
        let end = build(&mut inserter, &pieces);
        for limit in [end + 32 * beyond, (end / 64 * 32).max(32), end.max(32)] {
            let mut position = 0;
            for _ in 0..pieces.len() {
                let (expected, gap) = slow_gap(&pieces, position, limit);
                let rebuilt = log.gap_scanner().scan(position, limit);
                prop_assert_eq!(rebuilt.position, expected);
                let found = rebuilt.gap.map(|gap| {
                    let begin = i64::from(gap.term_offset);
                    (begin, begin + i64::from(gap.length))
                });
                prop_assert_eq!(found, gap);
                // As if the gap had been repaired.
                position = gap.map_or(expected, |(_, end)| end);
                if position >= limit {
                    break;
                }
            }
        }
    }

    /// 02 §5.4, 03 §2.5, against the slow twin
    #[test]
    fn the_sender_scan_agrees_with_its_slow_twin(pieces in pieces(), limit in 0_i32..2000) {
        let (log, mut inserter) = image();
        build(&mut inserter, &pieces);
        for limit in [limit, limit & !31, MTU] {
            prop_assert_eq!(log.scanner().scan(0, limit), slow_scan(&pieces, limit));
        }
    }

    /// 03 §4.6, §4.7: in any order, with duplicates, an image becomes the publication
    #[test]
    fn an_image_is_rebuilt_from_datagrams_in_any_order(
        lengths in prop::collection::vec(0_usize..4000, 1..40),
        order in any::<u64>(),
    ) {
        let mut source = log(Kind::Exclusive);
        let mut appender = source.take_appender().unwrap();
        for length in lengths {
            while appender.offer(&vec![length as u8; length], i64::MAX).is_err() {}
        }
        let end = appender.position();
        let mut sent = datagrams(&source, end);
        let mut state = order;
        for index in (1..sent.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            sent.swap(index, (state >> 33) as usize % (index + 1));
        }
        let (image, mut inserter) = image();
        for (position, packet, _) in &sent {
            prop_assert_eq!(inserter.insert(*position, packet), Inserted::Copied);
            prop_assert_eq!(inserter.insert(*position, packet), Inserted::Duplicate);
        }
        let mut position = 0;
        while position < end {
            let rebuilt = image.gap_scanner().scan(position, end);
            prop_assert_eq!(rebuilt.gap, None);
            prop_assert!(rebuilt.position > position);
            position = rebuilt.position;
        }
        prop_assert_eq!(drain(&mut reader_at(&image, 0)), drain(&mut reader_at(&source, 0)));
    }
}
