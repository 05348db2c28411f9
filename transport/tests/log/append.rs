//! Producing: offers, claims, term ends and refusals, for both kinds of publication.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use taranis_transport::log::{
    Kind, LogBuffer, Refused, Shape,
    frame::{FLAG_BEGIN, FLAG_END, FLAGS_UNFRAGMENTED, TYPE_DATA, TYPE_PAD},
};

use crate::harness::{
    INITIAL_TERM_ID, MAX_PAYLOAD, PUBLICATIONS, Producer, SESSION, STREAM, TERM, TERM_LENGTH,
    cases, drain, frame_bytes, frame_word, log, log_at, reader_at,
};

/// 02 §4.1, §4.4
#[test]
fn a_message_is_one_frame_with_every_header_field() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        assert_eq!(producer.offer(b"tar", 1), Ok(64));
        assert_eq!(producer.offer(b"anis", 65), Ok(128));
        let frame = frame_bytes(&log, 64, 64);
        assert_eq!(&frame[..4], &36_i32.to_le_bytes());
        assert_eq!(&frame[4..8], &[0, 0xC0, 1, 0]);
        assert_eq!(&frame[8..12], &64_i32.to_le_bytes());
        assert_eq!(&frame[12..16], &SESSION.to_le_bytes());
        assert_eq!(&frame[16..20], &STREAM.to_le_bytes());
        assert_eq!(&frame[20..24], &INITIAL_TERM_ID.to_le_bytes());
        assert_eq!(&frame[24..32], &[0; 8]);
        assert_eq!(&frame[32..36], b"anis");
        assert_eq!(&frame[36..], &[0; 28]);
    }
}

/// 02 §4.4: an empty message is legal
#[test]
fn an_empty_message_is_a_header() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        assert_eq!(producer.offer(b"", 1), Ok(32));
        assert_eq!(producer.offer_parts(&[b"", b""], 33, None), Ok(64));
        assert_eq!(
            drain(&mut reader_at(&log, 0)),
            [(0xC0, vec![]), (0xC0, vec![])]
        );
    }
}

/// 02 §4.1, §4.9
#[test]
fn a_long_message_is_cut_at_max_payload() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        let message: Vec<u8> = (0..2 * MAX_PAYLOAD + 1).map(|i| i as u8).collect();
        assert_eq!(producer.offer(&message, 1), Ok(2 * 1408 + 64));
        let fragments = drain(&mut reader_at(&log, 0));
        let flags: Vec<u8> = fragments.iter().map(|(flags, _)| *flags).collect();
        assert_eq!(flags, [FLAG_BEGIN, 0, FLAG_END]);
        let payload: Vec<u8> = fragments.into_iter().flat_map(|(_, part)| part).collect();
        assert_eq!(payload, message);
        // An exact multiple has no empty last fragment.
        let end = producer.must_offer(&message[..2 * MAX_PAYLOAD]);
        assert_eq!(end, 2 * (2 * 1408) + 64);
    }
}

/// 02 §4.4: each frame's own place, once its payload is there (C passes the first's for all)
#[test]
fn the_supplier_sees_every_fragment_in_place() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        let message = vec![7; MAX_PAYLOAD + 10];
        let mut seen = Vec::new();
        let mut supplier = |frame: taranis_transport::log::PendingFrame<'_>| {
            assert!(frame.payload.iter().all(|byte| *byte == 7));
            assert_eq!(frame.term_id, INITIAL_TERM_ID);
            seen.push((frame.term_offset, frame.flags, frame.payload.len()));
            i64::from(frame.term_offset) - 5
        };
        let parts: [&[u8]; 3] = [&message[..100], &[], &message[100..]];
        producer
            .offer_parts(&parts, 1, Some(&mut supplier))
            .unwrap();
        assert_eq!(seen, [(0, FLAG_BEGIN, MAX_PAYLOAD), (1408, FLAG_END, 10)]);
        let reader = reader_at(&log, 0);
        let reserved: Vec<i64> = reader
            .frames()
            .map(|fragment| fragment.header.reserved_value)
            .collect();
        assert_eq!(reserved, [-5, 1403]);
    }
}

/// A supplier is the application's code: what it leaves behind by panicking must not block the stream.
#[test]
fn a_supplier_that_panics_leaves_padding() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        let message = vec![7; 3 * MAX_PAYLOAD];
        let mut calls = 0;
        let mut supplier = |_: taranis_transport::log::PendingFrame<'_>| {
            calls += 1;
            assert!(calls < 2, "planted");
            0
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            producer.offer_parts(&[&message], 1, Some(&mut supplier))
        }));
        assert!(outcome.is_err());
        assert_eq!(frame_word(&log, 1408), 2 * 1408);
        producer.offer(b"next", i64::MAX).unwrap();
        let fragments = drain(&mut reader_at(&log, 0));
        assert_eq!(fragments.len(), 2);
        assert_eq!(fragments[1], (FLAGS_UNFRAGMENTED, b"next".to_vec()));
    }
}

/// 02 §4.5, §4.8, check 13
#[test]
fn a_term_ends_with_one_padding_frame_and_admin_action() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        let message = [1; 1000];
        let mut count = 0;
        while producer.position() + 1056 <= TERM {
            producer.offer(&message, i64::MAX).unwrap();
            count += 1;
        }
        let left = (TERM - count * 1056) as i32;
        assert!(left > 0);
        assert_eq!(
            producer.offer(&message, i64::MAX),
            Err(Refused::AdminAction)
        );
        assert_eq!(frame_word(&log, count * 1056), left);
        assert_eq!(log.tails().unwrap().active_term_count(), 1);
        assert_eq!(producer.offer(&message, i64::MAX), Ok(TERM + 1056));
        let frame = frame_bytes(&log, TERM, 32);
        assert_eq!(&frame[20..24], &(INITIAL_TERM_ID + 1).to_le_bytes());
        assert_eq!(drain(&mut reader_at(&log, 0)).len() as i64, count + 1);
    }
}

/// Check 13
#[test]
fn an_exact_fit_leaves_no_padding() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        for n in 1..=TERM / 1024 {
            assert_eq!(producer.offer(&[9; 1024 - 32], i64::MAX), Ok(n * 1024));
        }
        assert_eq!(producer.position(), TERM);
        assert_eq!(producer.offer(b"x", i64::MAX), Err(Refused::AdminAction));
        assert_eq!(producer.offer(b"x", i64::MAX), Ok(TERM + 64));
        assert_eq!(frame_word(&log, TERM - 1024), 1024);
    }
}

/// 02 §3.4, check 11: three rotations over the wrap of the term id, from any partition on
#[test]
fn terms_rotate_over_the_wrap_of_their_ids() {
    for kind in PUBLICATIONS {
        for start in 0..4 {
            let position = start * TERM + 96;
            let mut log = log_at(kind, position);
            let mut producer = Producer::of(&mut log);
            assert_eq!(producer.position(), position);
            let mut end = position;
            for term in 0..3 {
                while end < (start + term + 1) * TERM {
                    end = match producer.offer(&[3; 8000], i64::MAX) {
                        Ok(position) => position,
                        Err(_) => break,
                    };
                }
                end = producer.must_offer(b"new term");
                let header = frame_bytes(&log, end - 64, 32);
                let id = INITIAL_TERM_ID.wrapping_add((start + term + 1) as i32);
                assert_eq!(&header[20..24], &id.to_le_bytes());
            }
            assert_eq!(log.tails().unwrap().active_term_count(), (start + 3) as i32);
        }
    }
}

/// 02 §4.2, §4.6; C024: each reason has its own result, in this order
#[test]
fn refusals_are_told_apart() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        let max = log.shape().max_message_length();
        assert_eq!(producer.offer(b"x", 0), Err(Refused::NotConnected));
        log.status_writer().set_connected(true);
        assert_eq!(producer.offer(b"x", 0), Err(Refused::BackPressured));
        let long = vec![0; max + 1];
        let too_long = Refused::MessageTooLong {
            length: max + 1,
            max,
        };
        assert_eq!(producer.offer(&long, 0), Err(Refused::BackPressured));
        assert_eq!(producer.offer(&long, 1), Err(too_long));
        assert_eq!(producer.offer_parts(&[&long], 0, None), Err(too_long));
        assert_eq!(
            producer.try_claim(MAX_PAYLOAD + 1, 0).unwrap_err(),
            Refused::MessageTooLong {
                length: MAX_PAYLOAD + 1,
                max: MAX_PAYLOAD
            }
        );
        assert_eq!(
            too_long.to_string(),
            "8193 bytes: at most 8192 can be appended at once"
        );
        // One before the limit is enough room for any message.
        assert!(producer.offer(&long[1..], 1).is_ok());
    }
}

/// 02 §3.4, §4.5, check 14
#[test]
fn the_last_term_ends_the_stream() {
    for kind in PUBLICATIONS {
        let max = Shape::new(TERM_LENGTH, 0).unwrap().max_position();
        let mut log = log_at(kind, max - TERM);
        let mut producer = Producer::of(&mut log);
        let before = log.tails().unwrap().active_term_count();
        let mut sent = 0;
        let refused = loop {
            match producer.offer(&[5; 3000], i64::MAX) {
                Ok(_) => sent += 1,
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused, Refused::MaxPositionExceeded);
        assert_eq!(producer.position(), max);
        for _ in 0..3 {
            assert_eq!(
                producer.offer(b"x", i64::MAX),
                Err(Refused::MaxPositionExceeded)
            );
        }
        assert_eq!(log.tails().unwrap().active_term_count(), before);
        let mut reader = reader_at(&log, max - TERM);
        assert_eq!(drain(&mut reader).len(), 3 * sent);
        assert_eq!(reader.position(), max);
    }
}

/// 02 §4.7, check 15
#[test]
fn a_claim_is_seen_when_it_is_committed_and_never_when_it_is_not() {
    for kind in PUBLICATIONS {
        let mut log = log(kind);
        let mut producer = Producer::of(&mut log);
        let mut reader = reader_at(&log, 0);
        let mut claim = producer.try_claim(5, 1).unwrap();
        claim.payload().copy_from_slice(b"claim");
        claim.set_reserved_value(42);
        assert_eq!(claim.len(), 5);
        assert_eq!(claim.frame_type(), TYPE_DATA);
        assert_eq!(reader.poll(1, |_| panic!("not committed")), 0);
        assert_eq!(claim.commit(), 64);
        let seen = reader.frames().next().unwrap();
        assert_eq!(seen.payload, b"claim");
        assert_eq!(seen.header.reserved_value, 42);
        assert_eq!(seen.header.flags, FLAGS_UNFRAGMENTED);

        producer.try_claim(5, i64::MAX).unwrap().abort();
        drop(producer.try_claim(700, i64::MAX).unwrap());
        let mut padding = producer.try_claim(0, i64::MAX).unwrap();
        padding.set_flags(0);
        padding.set_frame_type(TYPE_PAD);
        assert!(padding.is_empty());
        padding.commit();
        producer.offer(b"after", i64::MAX).unwrap();
        let payloads: Vec<_> = drain(&mut reader).into_iter().map(|(_, p)| p).collect();
        assert_eq!(payloads, [b"claim".to_vec(), b"after".to_vec()]);
    }
}

/// 02 §4.8: an exclusive publication goes on from its tail; only one producer exists
#[test]
fn an_exclusive_producer_continues_from_the_tail() {
    let mut first = log(Kind::Exclusive);
    let mut appender = first.take_appender().unwrap();
    assert!(first.take_appender().is_err());
    for _ in 0..20 {
        let _ = appender.offer(&[0; 8000], i64::MAX);
    }
    let mut second = LogBuffer::attach(first.region().clone()).unwrap();
    let mut again = second.take_appender().unwrap();
    assert_eq!(again.position(), appender.position());
    assert_eq!(again.term_id(), appender.term_id());
    assert_eq!(again.term_offset(), appender.term_offset());
    let end = again.offer(b"x", i64::MAX).unwrap();
    assert_eq!(second.tails().unwrap().producer_position(), end);
}

/// 02 §4.8
#[test]
fn appended_padding_is_passed_over() {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    assert_eq!(appender.append_padding(10, 1), Ok(64));
    assert_eq!(appender.append_padding(8192, i64::MAX), Ok(64 + 8224));
    let max = 5 * 1408 + 1344;
    assert_eq!(
        appender.append_padding(max + 1, 0),
        Err(Refused::MessageTooLong {
            length: max + 1,
            max
        })
    );
    appender.offer(b"x", i64::MAX).unwrap();
    assert_eq!(drain(&mut reader_at(&log, 0)), [(0xC0, b"x".to_vec())]);
}

/// 02 §4.8, check 17
#[test]
fn a_block_goes_in_whole_or_is_refused() {
    let mut source = log(Kind::Exclusive);
    let mut from = source.take_appender().unwrap();
    let mut target = log(Kind::Exclusive);
    let mut to = target.take_appender().unwrap();
    for n in 0..TERM / 2048 {
        from.offer(&[n as u8; 992], i64::MAX).unwrap();
        from.offer(&[n as u8; 960], i64::MAX).unwrap();
        from.append_padding(0, i64::MAX).unwrap();
    }
    let blocks = |at: i64, length: usize| frame_bytes(&source, at, length);
    assert_eq!(
        to.offer_block(&blocks(0, 2048), 0),
        Err(Refused::NotConnected)
    );
    assert_eq!(to.offer_block(&blocks(0, 2048), 1), Ok(2048));
    assert_eq!(
        to.offer_block(&blocks(0, 2048), i64::MAX),
        Err(Refused::ImproperBlock)
    );
    assert_eq!(
        to.offer_block(&blocks(2048, 2047), i64::MAX),
        Err(Refused::BlockLength {
            length: 2047,
            left: 63_488
        })
    );
    let rest = blocks(2048, 63_488);
    assert_eq!(to.offer_block(&rest, i64::MAX), Ok(TERM));
    assert_eq!(
        drain(&mut reader_at(&target, 0)),
        drain(&mut reader_at(&source, 0))
    );
    // At exactly the end of a term the next block rotates by itself.
    assert_eq!(from.offer(&[1; 992], i64::MAX), Err(Refused::AdminAction));
    from.offer(&[1; 992], i64::MAX).unwrap();
    let next = frame_bytes(&source, TERM, 1024);
    assert_eq!(to.offer_block(&next, i64::MAX), Ok(TERM + 1024));
}

proptest! {
    #![proptest_config(cases(64, 2))]

    /// 02 §4.9: cut anywhere, the parts are one message; and both kinds of publication write the same bytes.
    #[test]
    fn parts_make_the_same_frames_as_the_whole(
        messages in prop::collection::vec((0_usize..8192, any::<u8>(), any::<[u16; 3]>()), 1..30),
    ) {
        let mut whole = log(Kind::Concurrent);
        let mut parts = log(Kind::Exclusive);
        let mut to_whole = Producer::of(&mut whole);
        let mut to_parts = Producer::of(&mut parts);
        for (length, seed, cuts) in messages {
            let message: Vec<u8> = (0..length).map(|i| (i as u8) ^ seed).collect();
            let mut cuts = cuts.map(|cut| usize::from(cut) % (length + 1));
            cuts.sort_unstable();
            let cut = [
                &message[..cuts[0]],
                &message[cuts[0]..cuts[1]],
                &message[cuts[1]..cuts[2]],
                &message[cuts[2]..],
            ];
            loop {
                let one = to_whole.offer(&message, i64::MAX);
                prop_assert_eq!(one, to_parts.offer_parts(&cut, i64::MAX, None));
                if one.is_ok() {
                    break;
                }
                prop_assert_eq!(one, Err(Refused::AdminAction));
            }
            if to_whole.position() > 2 * TERM {
                break;
            }
        }
        let length = to_whole.position() as usize;
        prop_assert!(frame_bytes(&whole, 0, length) == frame_bytes(&parts, 0, length));
    }
}
