//! Reassembly (C023): aborts, losses, term ends.

use proptest::prelude::*;
use taranis_transport::log::{
    Action, Assembler, Available, Fragment, Header, ImageAssembler, Inserted, Kind,
    frame::{FLAG_BEGIN, FLAG_END, FLAGS_UNFRAGMENTED, TYPE_DATA},
};

use crate::harness::{
    INITIAL_TERM_ID, MAX_PAYLOAD, MTU, SESSION, STREAM, TERM, cases, frame_bytes, log, reader_at,
};

/// A fragment out of nowhere, beginning at `begin`.
fn part(session_id: i32, flags: u8, begin: i64, payload: &[u8]) -> Fragment<'_> {
    let frame_length = 32 + payload.len() as i32;
    Fragment {
        header: Header {
            frame_length,
            flags,
            frame_type: TYPE_DATA,
            term_offset: (begin % TERM) as i32,
            session_id,
            stream_id: STREAM,
            term_id: INITIAL_TERM_ID,
            reserved_value: begin + 1,
            position: begin + i64::from((frame_length + 31) & !31),
        },
        payload,
    }
}

/// Everything an assembler delivered, as (begin of the first frame, payload).
fn deliver(assembler: &mut Assembler, parts: &[Fragment<'_>]) -> Vec<(i64, Vec<u8>)> {
    let mut delivered = Vec::new();
    for fragment in parts {
        assembler.on_fragment(*fragment, |message| {
            delivered.push((message.header.reserved_value - 1, message.payload.to_vec()));
        });
    }
    delivered
}

/// 02 §5.3, 05 §4.4, §4.5
#[test]
fn the_header_is_that_of_the_first_with_the_end_of_the_last() {
    let mut assembler = ImageAssembler::default();
    let parts = [
        part(1, FLAG_BEGIN, 64, &[1; 96]),
        part(1, 0, 192, &[2; 96]),
        part(1, FLAG_END, 320, &[3; 5]),
    ];
    let mut delivered = None;
    for fragment in parts {
        assembler.on_fragment(fragment, |message| {
            delivered = Some((message.header, message.payload.to_vec()));
        });
    }
    let (header, payload) = delivered.unwrap();
    assert_eq!(payload, [[1; 96].as_slice(), &[2; 96], &[3; 5]].concat());
    assert_eq!(header.frame_length, 32 + 197);
    assert_eq!(header.flags, FLAGS_UNFRAGMENTED);
    assert_eq!(header.term_offset, 64);
    assert_eq!(header.reserved_value, 65);
    assert_eq!(header.position, 384);
}

/// 05 §4.5: its table
#[test]
fn fragments_that_do_not_follow_are_dropped() {
    let mut assembler = Assembler::default();
    let first = part(1, FLAG_BEGIN, 0, &[1; 32]);
    let middle = part(1, 0, 64, &[2; 32]);
    let last = part(1, FLAG_END, 128, &[3; 32]);
    let whole = part(1, FLAGS_UNFRAGMENTED, 640, &[9; 32]);
    assert_eq!(deliver(&mut assembler, &[middle, last]), []);
    assert_eq!(deliver(&mut assembler, &[first, last]), []);
    // The mismatch dropped what was begun.
    assert_eq!(deliver(&mut assembler, &[middle, last]), []);
    let message = [[1_u8; 32], [2; 32], [3; 32]].concat();
    assert_eq!(
        deliver(&mut assembler, &[first, first, middle, last]),
        [(0, message.clone())]
    );
    // A whole message leaves the one begun as it is; another session has nothing to do with it.
    let other = part(2, FLAG_END, 64, &[7; 32]);
    assert_eq!(
        deliver(&mut assembler, &[first, whole, other, middle, last]),
        [(640, vec![9; 32]), (0, message)]
    );
    deliver(&mut assembler, &[first]);
    assert!(assembler.free_session_buffer(1));
    assert!(!assembler.free_session_buffer(1));
    assert_eq!(deliver(&mut assembler, &[middle, last]), []);
}

/// C023: a fragment at the same offset of a later term is not the next one
#[test]
fn the_same_offset_a_term_later_does_not_follow() {
    let mut assembler = Assembler::default();
    let first = part(1, FLAG_BEGIN, 0, &[1; 32]);
    let stranger = part(1, FLAG_END, TERM + 64, &[2; 32]);
    assert_eq!(deliver(&mut assembler, &[first, stranger]), []);
}

/// 05 §4.5, C023 (fix of 1.51.0)
#[test]
fn an_aborted_message_comes_again_whole() {
    let mut assembler = ImageAssembler::with_capacity(16);
    let first = part(1, FLAG_BEGIN, 0, &[1; 32]);
    let last = part(1, FLAG_END, 64, &[2; 32]);
    let mut seen = Vec::new();
    let mut poll = |fragment, action| {
        assembler.on_controlled_fragment(fragment, |message| {
            seen.push(message.payload.to_vec());
            action
        })
    };
    assert_eq!(poll(first, Action::Break), Action::Continue);
    assert_eq!(poll(last, Action::Abort), Action::Abort);
    assert_eq!(poll(last, Action::Abort), Action::Abort);
    assert_eq!(poll(last, Action::Commit), Action::Commit);
    assert_eq!(poll(last, Action::Continue), Action::Continue);
    assert_eq!(seen, vec![[[1_u8; 32], [2; 32]].concat(); 3]);
}

/// A message that says which it is, in every byte.
fn numbered(number: u32, length: usize) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend((0..length).map(|at| (number as u8).wrapping_mul(31).wrapping_add(at as u8)));
    bytes
}

proptest! {
    #![proptest_config(cases(60, 1))]

    /// C023: over term ends, with aborts, breaks and commits at random, every message once, whole and in order
    #[test]
    fn every_message_arrives_once_whatever_the_handler_answers(
        lengths in prop::collection::vec(0_usize..8188, 1..60),
        mut dice in any::<u64>(),
    ) {
        let lengths = if cfg!(miri) { &lengths[..lengths.len().min(4)] } else { &lengths[..] };
        let mut log = log(Kind::Exclusive);
        let mut appender = log.take_appender().unwrap();
        let mut cleaner = log.take_cleaner(0).unwrap();
        let mut reader = reader_at(&log, 0);
        let mut assembler = Assembler::default();
        let mut received = 0;
        for (number, length) in lengths.iter().enumerate() {
            let message = numbered(number as u32, *length);
            while appender.offer(&message, i64::MAX).is_err() {}
            loop {
                let before = reader.position();
                let mut aborted = false;
                reader.controlled_poll(3, |fragment| {
                    assembler.on_controlled_fragment(fragment, |message| {
                        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let length = lengths[received as usize];
                        assert_eq!(message.payload, numbered(received, length));
                        let action = match dice >> 60 {
                            0..=2 => Action::Abort,
                            3..=5 => Action::Break,
                            6..=8 => Action::Commit,
                            _ => Action::Continue,
                        };
                        aborted = action == Action::Abort;
                        received += u32::from(!aborted);
                        action
                    })
                });
                if reader.position() == before && !aborted {
                    break;
                }
                cleaner.clean(reader.position());
            }
        }
        prop_assert_eq!(received as usize, lengths.len());
    }

    /// C023, 03 §4.8: with gaps filled instead of repaired, only whole messages come, each as it was sent
    #[test]
    fn an_unreliable_stream_delivers_whole_messages_only(
        lengths in prop::collection::vec(0_usize..6000, 1..30),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut source = log(Kind::Exclusive);
        let mut appender = source.take_appender().unwrap();
        let mut sent_whole = Vec::new();
        for (number, length) in lengths.iter().enumerate() {
            let message = numbered(number as u32, *length);
            let end = loop {
                if let Ok(end) = appender.offer(&message, i64::MAX) {
                    break end;
                }
            };
            let room = if message.len() <= MAX_PAYLOAD {
                (message.len() as i64 + 32 + 31) & !31
            } else {
                taranis_transport::log::frame::framed_length(message.len(), MAX_PAYLOAD) as i64
            };
            sent_whole.push((end - room, end, message));
            if end > 2 * TERM {
                break;
            }
        }
        let end = appender.position();
        let scanner = source.scanner();
        let mut sent = Vec::new();
        let mut at = 0;
        while let Available::Bytes { length, padding } = scanner.scan(at, MTU) {
            sent.push((at, frame_bytes(&source, at, length as usize), length + padding));
            at += i64::from(length + padding);
        }
        prop_assert_eq!(at, end);
        let lost: Vec<usize> = lost.iter().map(|index| index.index(sent.len())).collect();
        let mut image = log(Kind::Image);
        let mut inserter = image.take_inserter().unwrap();
        let mut holes = Vec::new();
        for (index, (position, packet, room)) in sent.iter().enumerate() {
            if lost.contains(&index) {
                holes.push((*position, position + i64::from(*room)));
            } else {
                prop_assert_eq!(inserter.insert(*position, packet), Inserted::Copied);
            }
        }
        let mut position = 0;
        while position < end {
            let rebuilt = image.gap_scanner().scan(position, end);
            prop_assert!(rebuilt.position > position || rebuilt.gap.is_some());
            position = rebuilt.position;
            if let Some(gap) = rebuilt.gap {
                prop_assert!(inserter.fill_gap(gap));
            }
        }
        let mut reader = reader_at(&image, 0);
        let mut assembler = ImageAssembler::default();
        let mut received = Vec::new();
        while reader.position() < end {
            reader.poll(100, |fragment| {
                assert_eq!(fragment.header.session_id, SESSION);
                assembler.on_fragment(fragment, |message| received.push(message.payload.to_vec()));
            });
        }
        let expected: Vec<Vec<u8>> = sent_whole
            .into_iter()
            .filter(|(begin, end, _)| !holes.iter().any(|(from, to)| begin < to && from < end))
            .map(|(_, _, message)| message)
            .collect();
        prop_assert_eq!(received, expected);
    }
}
