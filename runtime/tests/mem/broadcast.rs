//! Broadcast (spec 01 §4, 02 §2.6).

use proptest::prelude::*;
use taranis_runtime::mem::{
    Region,
    broadcast::{ReceiveError, Receiver, Refused, TRAILER_LEN, Transmitter},
};

fn pair(capacity: usize) -> (Region, Transmitter, Receiver) {
    let region = Region::heap(capacity + TRAILER_LEN);
    let transmitter = Transmitter::open(region.clone()).unwrap();
    let receiver = Receiver::open(region.clone()).unwrap();
    (region, transmitter, receiver)
}

fn next(receiver: &mut Receiver) -> Result<Option<(i32, Vec<u8>)>, ReceiveError> {
    let mut seen = None;
    receiver.receive(|type_id, message| seen = Some((type_id, message.to_vec())))?;
    Ok(seen)
}

fn i32_at(region: &Region, offset: usize) -> i32 {
    region.word32(offset).unwrap().load_acquire()
}

/// Tail intent, tail and latest.
fn trailer(region: &Region) -> [i64; 3] {
    let at = region.len() - TRAILER_LEN;
    [0, 8, 16].map(|offset| region.word64(at + offset).unwrap().load_acquire())
}

#[test]
fn records_and_trailer_stand_where_aeron_has_them() {
    // 01 §4.1
    let (region, mut transmitter, _) = pair(1024);
    transmitter.transmit(7, b"hello").unwrap();
    assert_eq!((i32_at(&region, 0), i32_at(&region, 4)), (13, 7));
    assert_eq!(trailer(&region), [16, 16, 0]);
    transmitter.transmit(8, b"").unwrap();
    assert_eq!((i32_at(&region, 16), i32_at(&region, 20)), (8, 8));
    assert_eq!(trailer(&region), [24, 24, 16]);
}

#[test]
fn an_exact_fit_is_not_padded_and_8_bytes_more_are() {
    // 01 §4.2
    let (region, mut transmitter, mut receiver) = pair(128);
    for _ in 0..7 {
        transmitter.transmit(1, &[1; 8]).unwrap();
        next(&mut receiver).unwrap();
    }
    transmitter.transmit(2, &[2; 8]).unwrap();
    assert_eq!((i32_at(&region, 112), i32_at(&region, 116)), (16, 2));
    assert_eq!(trailer(&region), [128, 128, 112]);
    assert_eq!(next(&mut receiver), Ok(Some((2, vec![2; 8]))));

    for _ in 0..7 {
        transmitter.transmit(1, &[1; 8]).unwrap();
        next(&mut receiver).unwrap();
    }
    transmitter.transmit(3, &[3; 16]).unwrap();
    assert_eq!((i32_at(&region, 112), i32_at(&region, 116)), (16, -1));
    assert_eq!((i32_at(&region, 0), i32_at(&region, 4)), (24, 3));
    assert_eq!(trailer(&region), [280, 280, 256]);
    assert_eq!(next(&mut receiver), Ok(Some((3, vec![3; 16]))));
    assert_eq!(next(&mut receiver), Ok(None));
}

#[test]
fn refuses_types_below_1_and_messages_longer_than_an_eighth() {
    // 01 §4.2
    let (region, mut transmitter, _) = pair(1024);
    assert_eq!(transmitter.max_message_len(), 128);
    assert_eq!(
        transmitter.transmit(1, &[0; 129]),
        Err(Refused::TooLong { len: 129, max: 128 })
    );
    assert_eq!(
        transmitter.transmit(0, b""),
        Err(Refused::TypeId { type_id: 0 })
    );
    assert_eq!(trailer(&region), [0; 3]);
}

#[test]
fn a_new_receiver_begins_with_the_last_message_sent() {
    // 01 §4.3
    let (region, mut transmitter, mut early) = pair(1024);
    for n in 1..=3 {
        transmitter.transmit(n, b"event").unwrap();
    }
    let mut late = Receiver::open(region).unwrap();
    assert_eq!(next(&mut late), Ok(Some((3, b"event".to_vec()))));
    assert_eq!(next(&mut late), Ok(None));
    assert_eq!(next(&mut early), Ok(Some((1, b"event".to_vec()))));
}

#[test]
fn a_slow_receiver_is_told_and_goes_on_with_what_comes() {
    // 01 §4.3
    let (_, mut transmitter, mut receiver) = pair(128);
    for n in 1..=9 {
        transmitter.transmit(n, &[n as u8; 8]).unwrap();
    }
    assert_eq!(next(&mut receiver), Err(ReceiveError::Lapped));
    assert_eq!(receiver.lapped_count(), 1);
    assert_eq!(next(&mut receiver), Ok(None));
    transmitter.transmit(10, b"new").unwrap();
    assert_eq!(next(&mut receiver), Ok(Some((10, b"new".to_vec()))));
}

#[test]
fn a_receiver_one_lap_behind_to_the_byte_is_not_lapped_until_the_next_intent() {
    // 01 §4.3: valid while cursor + capacity > tail intent, strictly. With capacity 128, the record at 0 is whole while the
    // intent is at most 127 bytes on.
    let (region, mut transmitter, mut receiver) = pair(128);
    for n in 1..=7 {
        transmitter.transmit(n, &[n as u8; 8]).unwrap();
    }
    assert_eq!(trailer(&region)[0], 112);
    let mut same = Receiver::open(region.clone()).unwrap();
    assert_eq!(next(&mut receiver), Ok(Some((1, vec![1; 8]))));
    transmitter.transmit(8, &[8; 8]).unwrap();
    transmitter.transmit(9, &[9; 8]).unwrap();
    assert_eq!(trailer(&region)[0], 144);
    assert_eq!(
        next(&mut receiver),
        Err(ReceiveError::Lapped),
        "16 + 128 is not above 144"
    );
    assert_eq!(next(&mut same), Ok(Some((7, vec![7; 8]))));
}

#[test]
fn an_intent_raised_while_copying_discards_the_copy() {
    // 01 §4.3: what was read while the transmitter had begun to overwrite it is never delivered.
    let (region, mut transmitter, mut receiver) = pair(128);
    transmitter.transmit(1, b"whole").unwrap();
    region.word64(128).unwrap().store_release(128 + 8);
    assert_eq!(next(&mut receiver), Err(ReceiveError::Lapped));
}

#[test]
fn long_messages_fit_up_to_the_limit_of_the_buffer() {
    let (_, mut transmitter, mut receiver) = pair(1 << 17);
    let message: Vec<u8> = (0..1 << 14).map(|n| n as u8).collect();
    transmitter.transmit(1, &message).unwrap();
    assert_eq!(next(&mut receiver), Ok(Some((1, message))));
}

#[test]
fn a_corrupt_record_is_an_error_and_receiving_goes_on() {
    for length in [0, 7, -13, i32::MAX, i32::MIN, 8 + 129] {
        let (region, mut transmitter, mut receiver) = pair(1024);
        transmitter.transmit(1, b"bad").unwrap();
        region.word32(0).unwrap().store_release(length);
        assert_eq!(
            next(&mut receiver),
            Err(ReceiveError::Corrupt {
                position: 0,
                length
            })
        );
        transmitter.transmit(2, b"good").unwrap();
        assert_eq!(next(&mut receiver), Ok(Some((2, b"good".to_vec()))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_keeps_up_gets_everything(sizes in prop::collection::vec(0_usize..33, 1..200)) {
        let (_, mut transmitter, mut receiver) = pair(256);
        for (number, size) in sizes.iter().enumerate() {
            let message: Vec<u8> = (0..*size).map(|n| (n + number) as u8).collect();
            let type_id = number as i32 + 1;
            transmitter.transmit(type_id, &message).unwrap();
            prop_assert_eq!(next(&mut receiver), Ok(Some((type_id, message))));
            prop_assert_eq!(next(&mut receiver), Ok(None));
        }
    }

    #[test]
    fn no_bytes_make_a_receiver_panic(
        words in prop::collection::vec(any::<i32>(), 16),
        positions in prop::array::uniform3(prop_oneof![any::<i64>(), 0..256_i64]),
        small in any::<bool>(),
    ) {
        let (region, _, mut early) = pair(64);
        for (at, word) in words.iter().enumerate() {
            let word = if small { word % 80 } else { *word };
            region.word32(at * 4).unwrap().store_release(word);
        }
        for (position, offset) in positions.iter().zip([0, 8, 16]) {
            region.word64(64 + offset).unwrap().store_release(*position);
        }
        let mut late = Receiver::open(region.clone()).unwrap();
        let mut transmitter = Transmitter::open(region).unwrap();
        for _ in 0..3 {
            // Anything may come of these, but they return.
            let _ = next(&mut early);
            let _ = next(&mut late);
            let _ = transmitter.transmit(1, &[1; 8]);
        }
    }
}
