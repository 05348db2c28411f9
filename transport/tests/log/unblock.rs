//! What a dead publisher leaves, and cleaning behind consumers.

use std::mem::forget;

use taranis_transport::log::{
    ConcurrentAppender, Kind, LogBuffer, LogError, Refused, Unblocker, layout::METADATA_LENGTH,
};

use crate::harness::{TERM, TERM_LENGTH, drain, frame_bytes, frame_word, log, log_at, reader_at};

fn concurrent() -> (LogBuffer, ConcurrentAppender, Unblocker) {
    let log = log(Kind::Concurrent);
    let appender = log.concurrent_appender().unwrap();
    let unblocker = log.unblocker().unwrap();
    (log, appender, unblocker)
}

/// Moves a raw tail as a publisher does that dies right after: claimed, nothing written.
fn claim_and_die(log: &LogBuffer, partition: usize, length: i64) {
    let metadata = log.region().len() - METADATA_LENGTH;
    let tail = log.region().word64(metadata + 8 * partition).unwrap();
    tail.fetch_add(length);
}

/// 02 §5.4, check 16: the negative length says how much was claimed
#[test]
fn a_claim_never_committed_becomes_padding_of_its_size() {
    let (log, appender, unblocker) = concurrent();
    appender.offer(b"before", i64::MAX).unwrap();
    forget(appender.try_claim(100, i64::MAX).unwrap());
    appender.offer(b"after", i64::MAX).unwrap();
    let mut reader = reader_at(&log, 0);
    assert_eq!(drain(&mut reader).len(), 1);
    assert_eq!(frame_word(&log, 64), -132);
    assert!(unblocker.is_possibly_blocked(64));
    assert!(unblocker.unblock(64));
    let header = frame_bytes(&log, 64, 32);
    assert_eq!(&header[..12], &[132, 0, 0, 0, 0, 0xC0, 0, 0, 64, 0, 0, 0]);
    assert_eq!(drain(&mut reader), [(0xC0, b"after".to_vec())]);
    assert!(!unblocker.is_possibly_blocked(reader.position()));
    assert!(!unblocker.unblock(reader.position()));
}

/// 02 §5.4, check 16: no length at all; the next frame shows where the claim ends
#[test]
fn a_claim_without_a_header_ends_at_the_next_frame() {
    let (log, appender, unblocker) = concurrent();
    claim_and_die(&log, 0, 320);
    // Nothing behind it yet: its size can't be known.
    assert!(unblocker.is_possibly_blocked(0));
    assert!(!unblocker.unblock(0));
    appender.offer(b"after", i64::MAX).unwrap();
    assert!(unblocker.unblock(0));
    assert_eq!(frame_word(&log, 0), 320);
    let mut reader = reader_at(&log, 0);
    assert_eq!(drain(&mut reader), [(0xC0, b"after".to_vec())]);
}

/// 02 §5.4: a claim behind it, not committed yet, also ends it
#[test]
fn an_open_claim_also_shows_where_a_dead_one_ends() {
    let (log, appender, unblocker) = concurrent();
    claim_and_die(&log, 0, 64);
    let claim = appender.try_claim(1, i64::MAX).unwrap();
    assert!(unblocker.unblock(0));
    assert_eq!(frame_word(&log, 0), 64);
    assert!(!unblocker.unblock(0));
    claim.commit();
    assert_eq!(drain(&mut reader_at(&log, 0)).len(), 1);
}

/// 02 §5.4: the publisher that tripped the term died before the padding, and the others came too late to write it
#[test]
fn a_tripped_term_without_padding_is_padded_and_rotated() {
    let (log, appender, unblocker) = concurrent();
    appender.offer(&[1; 1000], i64::MAX).unwrap();
    claim_and_die(&log, 0, TERM);
    assert!(unblocker.unblock(1056));
    assert_eq!(frame_word(&log, 1056), TERM_LENGTH - 1056);
    assert_eq!(log.tails().unwrap().active_term_count(), 1);
    assert_eq!(appender.offer(b"next", i64::MAX), Ok(TERM + 64));
    assert_eq!(drain(&mut reader_at(&log, 0)).len(), 2);
}

/// 02 §5.4: the very last slot of a term
#[test]
fn a_dead_claim_in_the_last_slot_is_padded_and_rotated() {
    let (log, appender, unblocker) = concurrent();
    for _ in 0..63 {
        appender.offer(&[1; 992], i64::MAX).unwrap();
    }
    appender.offer(&[1; 960], i64::MAX).unwrap();
    let last = TERM - 32;
    // Not claimed: there is nothing to unblock.
    assert!(!unblocker.unblock(last));
    claim_and_die(&log, 0, 32);
    assert!(unblocker.unblock(last));
    assert_eq!(frame_word(&log, last), 32);
    assert_eq!(log.tails().unwrap().active_term_count(), 1);
}

/// 02 §5.4, check 16: the padding is there, the rotation is not
#[test]
fn a_publisher_that_died_before_the_rotation_is_helped() {
    let (log, appender, unblocker) = concurrent();
    for _ in 0..64 {
        appender.offer(&[1; 992], i64::MAX).unwrap();
    }
    let mut reader = reader_at(&log, 0);
    drain(&mut reader);
    assert_eq!(reader.position(), TERM);
    assert!(unblocker.is_possibly_blocked(TERM));
    assert!(unblocker.unblock(TERM));
    assert!(!unblocker.unblock(TERM));
    assert_eq!(log.tails().unwrap().active_term_count(), 1);
    assert_eq!(appender.offer(b"next", i64::MAX), Ok(TERM + 64));
}

/// A position that is none of the stream's, or whose partition holds another term, moves nothing.
#[test]
fn nothing_is_unblocked_in_the_wrong_term() {
    let (log, appender, unblocker) = concurrent();
    forget(appender.try_claim(100, i64::MAX).unwrap());
    for position in [2 * TERM, 3 * TERM, 3 * TERM + 64, -64, i64::MIN, i64::MAX] {
        assert!(!unblocker.unblock(position), "{position}");
    }
    assert_eq!(frame_word(&log, 0), -132);
    assert_eq!(log.tails().unwrap().active_term_count(), 0);
}

/// 02 §3.6: zeros behind the consumers, one term at most per step
#[test]
fn cleaning_zeroes_up_to_the_position_step_by_step() {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    let mut cleaner = log.take_cleaner(0).unwrap();
    for _ in 0..70 {
        let _ = appender.offer_with(&[0xFF; 992], i64::MAX, &mut |_| -1);
    }
    assert_eq!(cleaner.clean(0), 0);
    assert_eq!(cleaner.clean(-1), 0);
    assert_eq!(cleaner.clean(3 * 1024 + 31), 3 * 1024);
    assert_eq!(frame_word(&log, 2048), 0);
    assert_eq!(frame_word(&log, 3 * 1024), 1024);
    assert_eq!(cleaner.clean(TERM + 1024), TERM_LENGTH - 3 * 1024);
    assert_eq!(cleaner.clean(TERM + 1024), 1024);
    assert_eq!(cleaner.clean(TERM + 1024), 0);
    assert_eq!(cleaner.position(), TERM + 1024);
    assert_eq!(frame_word(&log, TERM + 1024), 1024);
    for at in (0..TERM).step_by(32) {
        assert_eq!(frame_word(&log, at), 0);
    }
}

/// 02 §3.6, check 22: terms used again show nothing of what was there
#[test]
fn a_reused_term_shows_nothing_stale() {
    let start = 2 * TERM;
    let mut log = log_at(Kind::Exclusive, start);
    let mut appender = log.take_appender().unwrap();
    let mut cleaner = log.take_cleaner(start).unwrap();
    let mut reader = reader_at(&log, start);
    let terms = if cfg!(miri) { 4 } else { 9 };
    while reader.position() < start + terms * TERM {
        match appender.offer_with(&[0xFF; 500], i64::MAX, &mut |_| -1) {
            Ok(_) | Err(Refused::AdminAction) => {}
            Err(refused) => panic!("{refused}"),
        }
        reader.poll(10, |fragment| assert_eq!(fragment.payload, [0xFF; 500]));
        cleaner.clean(reader.position());
    }
    let before = appender.position();
    let end = appender.offer(&[], i64::MAX);
    if let Ok(end) = end {
        assert_eq!(end, before + 32);
        let frame = reader.frames().next().unwrap();
        assert_eq!(frame.header.reserved_value, 0);
    }
    let ahead = (before + 4096) & !31;
    assert_eq!(frame_word(&log, ahead), 0);
}

/// Each exclusive capability exists once, and only where it belongs.
#[test]
fn handles_are_given_out_once_and_to_their_kind_of_log() {
    let mut publication = log(Kind::Concurrent);
    assert!(matches!(
        publication.take_appender(),
        Err(LogError::WrongKind { .. })
    ));
    assert!(matches!(
        publication.take_inserter(),
        Err(LogError::WrongKind { .. })
    ));
    let mut image = log(Kind::Image);
    assert!(image.take_inserter().is_ok());
    assert_eq!(
        image.take_inserter().unwrap_err(),
        LogError::HandedOut("inserter")
    );
    assert!(image.take_cleaner(64).is_ok());
    assert!(image.take_cleaner(64).is_err());
    assert_eq!(
        log(Kind::Image).take_cleaner(65).unwrap_err().to_string(),
        format!(
            "position 65: a position is a multiple of 32 from 0 to {}",
            TERM << 31
        )
    );
    assert!(image.unblocker().is_err());
    assert!(image.tails().is_err());
    assert_eq!(
        image.concurrent_appender().unwrap_err().to_string(),
        "concurrent appender of a log of kind Image"
    );
}
