//! Consuming: polls, blocks, and when the position moves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use taranis_transport::log::{Action, Appender, Kind, Latch, LogBuffer};

use crate::harness::{TERM, counter, drain, log, reader_at};

/// Four messages of 64 bytes each in the log, "0" to "3".
fn four() -> (LogBuffer, Appender) {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    for n in b'0'..=b'3' {
        appender.offer(&[n], i64::MAX).unwrap();
    }
    (log, appender)
}

/// 02 §5.2
#[test]
fn a_poll_stores_its_position_once_at_the_end() {
    let (log, _) = four();
    let position = counter(0);
    let mut reader = log.reader(position.clone(), Latch::new());
    let mut seen = Vec::new();
    let count = reader.poll(3, |fragment| {
        assert_eq!(position.load_acquire(), 0);
        seen.push((fragment.payload[0], fragment.header.position));
    });
    assert_eq!(count, 3);
    assert_eq!(seen, [(b'0', 64), (b'1', 128), (b'2', 192)]);
    assert_eq!(position.load_acquire(), 192);
    assert_eq!(reader.poll(3, |_| {}), 1);
    assert_eq!(reader.poll(3, |_| {}), 0);
    assert_eq!(reader.poll(0, |_| {}), 0);
    assert_eq!(position.load_acquire(), 256);
}

/// 02 §5.2, 05 §4.3: the fragment a handler failed on is consumed
#[test]
fn a_panicking_handler_consumes_its_fragment() {
    let (log, _) = four();
    let mut reader = reader_at(&log, 0);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        reader.poll(10, |fragment| assert_ne!(fragment.payload, b"1", "planted"))
    }));
    assert!(outcome.is_err());
    assert_eq!(reader.position(), 128);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        reader.controlled_poll(10, |_| panic!("planted"))
    }));
    assert!(outcome.is_err());
    assert_eq!(reader.position(), 192);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        reader.block_poll(1024, |_| panic!("planted"))
    }));
    assert!(outcome.is_err());
    assert_eq!(reader.position(), 256);
}

/// 02 §5.2, check 18
#[test]
fn a_controlled_handler_decides_about_its_fragment() {
    let (log, _) = four();
    let position = counter(0);
    let mut reader = log.reader(position.clone(), Latch::new());
    let mut poll = |action: fn(u8) -> Action| {
        let mut seen = Vec::new();
        let count = reader.controlled_poll(10, |fragment| {
            seen.push((fragment.payload[0], position.load_acquire()));
            action(fragment.payload[0])
        });
        (count, seen, position.load_acquire())
    };
    assert_eq!(poll(|_| Action::Abort), (0, vec![(b'0', 0)], 0));
    assert_eq!(poll(|_| Action::Break), (1, vec![(b'0', 0)], 64));
    let (count, seen, at) = poll(|byte| match byte {
        b'1' => Action::Commit,
        b'2' => Action::Continue,
        _ => Action::Abort,
    });
    assert_eq!(count, 2);
    assert_eq!(seen, [(b'1', 64), (b'2', 128), (b'3', 128)]);
    assert_eq!(at, 192);
    assert_eq!(poll(|_| Action::Continue).2, 256);
}

/// 02 §5.2: padding before an aborted fragment stays passed over, and costs no fragment
#[test]
fn an_abort_takes_back_the_fragment_alone() {
    let (log, mut appender) = four();
    appender.append_padding(100, i64::MAX).unwrap();
    appender.offer(b"4", i64::MAX).unwrap();
    let mut reader = reader_at(&log, 256);
    assert_eq!(reader.controlled_poll(1, |_| Action::Abort), 0);
    assert_eq!(reader.position(), 256 + 160);
}

/// 02 §5.2, check 18
#[test]
fn a_bounded_poll_delivers_what_begins_before_the_bound() {
    let (log, _) = four();
    let mut reader = reader_at(&log, 0);
    assert_eq!(reader.bounded_poll(0, 10, |_| {}), 0);
    assert_eq!(reader.bounded_poll(65, 10, |_| {}), 2);
    assert_eq!(reader.position(), 128);
    assert_eq!(reader.bounded_poll(128, 10, |_| {}), 0);
    assert_eq!(reader.bounded_poll(i64::MIN, 10, |_| {}), 0);
    let bounded = reader.bounded_controlled_poll(129, 10, |_| Action::Continue);
    assert_eq!(bounded, 1);
    assert_eq!(reader.position(), 192);
}

/// 02 §5.2: a poll that only passes over padding still moves, or the stream stalls
#[test]
fn padding_alone_moves_the_position() {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    appender.append_padding(500, i64::MAX).unwrap();
    let mut reader = reader_at(&log, 0);
    assert_eq!(reader.poll(10, |_| panic!("padding")), 0);
    assert_eq!(reader.position(), 544);
}

/// 02 §5.2: one call never crosses a term end
#[test]
fn a_poll_stops_at_the_terms_end() {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    for _ in 0..70 {
        let _ = appender.offer(&[1; 992], i64::MAX);
    }
    let mut reader = reader_at(&log, 0);
    assert_eq!(reader.poll(1000, |_| {}), 64);
    assert_eq!(reader.position(), TERM);
    assert_eq!(reader.poll(1000, |_| {}), 5);
}

/// 02 §5.2, 05 §9.2: a closed reader reads nothing and leaves its counter alone
#[test]
fn a_closed_reader_stores_no_position() {
    let (log, _) = four();
    let position = counter(0);
    let closed = Latch::new();
    let mut reader = log.reader(position.clone(), closed.clone());
    let count = reader.poll(10, |fragment| {
        if fragment.payload == b"1" {
            closed.close();
        }
    });
    assert_eq!(count, 2);
    assert_eq!(position.load_acquire(), 0);
    assert!(reader.is_closed());
    reader.commit(64);
    assert_eq!(reader.poll(10, |_| {}), 0);
    assert!(reader.block(0, 64).is_none());
    assert_eq!(reader.block_poll(64, |_| {}), 0);
    assert_eq!(position.load_acquire(), 0);
}

/// 02 §5.4, check 19
#[test]
fn a_block_is_whole_frames_or_one_padding() {
    let (log, mut appender) = four();
    appender.append_padding(1000, i64::MAX).unwrap();
    appender.offer(b"4", i64::MAX).unwrap();
    let mut reader = reader_at(&log, 0);
    assert_eq!(reader.block_poll(63, |_| {}), 0);
    let length = reader.block_poll(191, |block| {
        assert_eq!((block.position(), block.next_position()), (0, 128));
        assert_eq!(block.bytes().len(), 128);
        assert_eq!(block.span().len(), 128);
        assert_eq!(block.bytes()[32], b'0');
        assert!(!block.is_padding());
    });
    assert_eq!(length, 128);
    assert_eq!(reader.block_poll(usize::MAX, |_| {}), 128);
    let length = reader.block_poll(64, |block| {
        assert!(block.is_padding());
        assert_eq!(block.bytes().len(), 32);
        assert_eq!(block.term_offset(), 256);
    });
    assert_eq!(length, 1056);
    assert_eq!(reader.block_poll(1 << 40, |_| {}), 64);
    assert_eq!(reader.position(), 256 + 1056 + 64);
}

/// Several blocks in flight: each from where the last ended, over a term's end; the position moves on commit alone.
#[test]
fn blocks_are_peeked_ahead_of_the_position() {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    for n in 0..66_u8 {
        while appender.offer(&[n; 992], i64::MAX).is_err() {}
    }
    let mut reader = reader_at(&log, TERM - 2048);
    let mut spans = Vec::new();
    let mut at = reader.position();
    while let Some(block) = reader.block(at, 1024) {
        spans.push(block.span());
        at = block.next_position();
    }
    assert_eq!(at, TERM + 2048);
    assert_eq!(reader.position(), TERM - 2048);
    let firsts: Vec<u8> = spans
        .iter()
        .map(|span| {
            let mut frame = [0; 33];
            span.read(&mut frame);
            frame[32]
        })
        .collect();
    assert_eq!(firsts, [62, 63, 64, 65]);
    reader.commit(TERM);
    assert_eq!(reader.position(), TERM);
    // Not back, not before its own, not off a frame, not where the previous term may be.
    reader.commit(0);
    assert_eq!(reader.position(), TERM);
    assert!(reader.block(TERM - 1024, 1024).is_none());
    assert!(reader.block(TERM + 8, 1024).is_none());
    assert!(reader.block(3 * TERM, 1024).is_none());
    assert!(reader.block(i64::MIN, 1024).is_none());
    assert_eq!(drain(&mut reader).len(), 2);
}
