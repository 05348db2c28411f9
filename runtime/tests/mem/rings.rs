//! Rings (spec 01 §3, 02 §2.5).

use proptest::prelude::*;
use taranis_runtime::mem::{
    Region,
    ring::{Action, BadRing, ClaimLost, CorruptRecord, Refused, Ring, TRAILER_LEN, mpsc, spsc},
};

const TAIL: usize = 128;
const HEAD: usize = 384;

fn region(capacity: usize) -> Region {
    Region::heap(capacity + TRAILER_LEN)
}

fn many(capacity: usize) -> (Region, mpsc::Producer, mpsc::Consumer) {
    let region = region(capacity);
    let producer = mpsc::Producer::open(region.clone()).unwrap();
    let consumer = mpsc::Consumer::open(region.clone()).unwrap();
    (region, producer, consumer)
}

fn one(capacity: usize) -> (Region, spsc::Producer, spsc::Consumer) {
    let region = region(capacity);
    let producer = spsc::Producer::open(region.clone()).unwrap();
    let consumer = spsc::Consumer::open(region.clone()).unwrap();
    (region, producer, consumer)
}

/// Reads until nothing is left; a read that met only padding moves on without a message.
fn read_all(consumer: &mut mpsc::Consumer) -> Vec<(i32, Vec<u8>)> {
    let mut seen = Vec::new();
    loop {
        let before = consumer.ring().consumer_position();
        consumer
            .read(100, |type_id, message| {
                seen.push((type_id, message.to_vec()))
            })
            .unwrap();
        if consumer.ring().consumer_position() == before {
            return seen;
        }
    }
}

fn i32_at(region: &Region, offset: usize) -> i32 {
    region.word32(offset).unwrap().load_acquire()
}

fn bytes(region: &Region, offset: usize, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    region.read(offset, &mut bytes).unwrap();
    bytes
}

#[test]
fn a_record_has_its_length_type_and_message_at_their_offsets() {
    // 01 §3.1: the length counts the header, not the fill.
    let (region, producer, _) = many(1024);
    producer.write(7, b"hello").unwrap();
    assert_eq!(i32_at(&region, 0), 13);
    assert_eq!(i32_at(&region, 4), 7);
    assert_eq!(bytes(&region, 8, 8), b"hello\0\0\0");
    assert_eq!(
        region.word64(1024 + TAIL).unwrap().load_acquire(),
        16,
        "13 bytes, aligned to 8"
    );
}

#[test]
fn the_trailer_words_stand_where_aeron_has_them() {
    // 01 §3.1
    let (region, producer, mut consumer) = many(64);
    producer.write(1, b"").unwrap();
    read_all(&mut consumer);
    consumer.set_heartbeat_ms(99);
    producer.ring().next_correlation_id();
    let word = |offset| region.word64(64 + offset).unwrap().load_acquire();
    assert_eq!(
        (word(TAIL), word(HEAD), word(512), word(640)),
        (8, 8, 1, 99)
    );
    assert_eq!(
        bytes(&region, 64, 128),
        [0; 128],
        "begin padding stays zero"
    );
    assert_eq!(producer.ring().consumer_heartbeat_ms(), 99);
}

#[test]
fn capacities_that_are_no_power_of_two_or_too_small_are_refused() {
    // 01 §3.1
    for (len, fits) in [
        (TRAILER_LEN + 8, true),
        (TRAILER_LEN + 16, true),
        (TRAILER_LEN + 24, false),
        (TRAILER_LEN, false),
        (TRAILER_LEN + 4, false),
        (8, false),
    ] {
        assert_eq!(Ring::open(Region::heap(len)).is_ok(), fits, "{len}");
    }
    assert_eq!(
        spsc::Producer::open(region(8)).unwrap_err(),
        BadRing::Length {
            region_len: TRAILER_LEN + 8,
            min_capacity: 16
        }
    );
}

#[test]
fn messages_longer_than_an_eighth_and_types_below_1_are_refused() {
    // 01 §3.1
    let (_, producer, _) = many(1024);
    assert_eq!(producer.ring().max_message_len(), 128);
    assert_eq!(producer.write(1, &[0; 128]), Ok(()));
    assert_eq!(
        producer.write(1, &[0; 129]),
        Err(Refused::TooLong { len: 129, max: 128 })
    );
    for type_id in [0, -1, i32::MIN] {
        assert_eq!(
            producer.write(type_id, b""),
            Err(Refused::TypeId { type_id })
        );
    }
}

#[test]
fn a_full_ring_refuses_until_the_consumer_has_read() {
    // 01 §3.2
    let (_, producer, mut consumer) = many(64);
    for _ in 0..4 {
        producer.write(1, &[1; 8]).unwrap();
    }
    assert_eq!(producer.write(1, &[1; 8]), Err(Refused::Full));
    assert_eq!(producer.ring().size(), 64);
    assert_eq!(consumer.read(1, |_, _| ()), Ok(1));
    producer.write(2, &[2; 8]).unwrap();
    assert_eq!(producer.write(1, &[1; 8]), Err(Refused::Full));
}

#[test]
fn a_record_that_would_cross_the_end_begins_at_0_behind_padding() {
    // 01 §3.2: at any point a consumer meets padding; it is not counted.
    let (region, producer, mut consumer) = many(128);
    for _ in 0..7 {
        producer.write(1, &[1; 8]).unwrap();
    }
    assert_eq!(consumer.read(10, |_, _| ()), Ok(7));
    producer.write(2, &[2; 16]).unwrap();
    assert_eq!((i32_at(&region, 112), i32_at(&region, 116)), (16, -1));
    assert_eq!((i32_at(&region, 0), i32_at(&region, 4)), (24, 2));
    assert_eq!(
        consumer.read(10, |_, _| ()),
        Ok(0),
        "one read never crosses the end"
    );
    assert_eq!(read_all(&mut consumer), [(2, vec![2; 16])]);
}

#[test]
fn an_exact_fit_at_the_end_needs_no_padding() {
    // 01 §3.2
    let (region, producer, mut consumer) = many(128);
    for _ in 0..7 {
        producer.write(1, &[1; 8]).unwrap();
    }
    assert_eq!(consumer.read(10, |_, _| ()), Ok(7));
    producer.write(2, &[2; 8]).unwrap();
    assert_eq!((i32_at(&region, 112), i32_at(&region, 116)), (16, 2));
    assert_eq!(producer.ring().producer_position(), 128);
}

#[test]
fn the_smallest_rings_move_on() {
    // 01 §3.2: without room at the start the end is padded, so that an empty ring always takes a message.
    for capacity in [16, 32, 64] {
        let (_, producer, mut consumer) = many(capacity);
        producer.write(1, b"").unwrap();
        read_all(&mut consumer);
        let message = vec![9; producer.ring().max_message_len()];
        for _ in 0..20 {
            let mut tries = 0;
            while producer.write(2, &message).is_err() {
                tries += 1;
                assert!(tries < 3, "capacity {capacity} is stuck");
                read_all(&mut consumer);
            }
        }
    }
}

#[test]
fn what_was_read_is_zero_and_only_that() {
    // 01 §3.3
    let (region, producer, mut consumer) = many(1024);
    for n in 0..4 {
        producer.write(n + 1, &[0xFF; 20]).unwrap();
    }
    consumer.read(2, |_, _| ()).unwrap();
    assert_eq!(bytes(&region, 0, 64), [0; 64]);
    assert_eq!(i32_at(&region, 64), 28);
    assert_eq!(consumer.ring().consumer_position(), 64);
}

#[test]
fn the_handler_decides_what_becomes_of_a_message() {
    // 01 §3.3
    let (region, producer, mut consumer) = many(1024);
    for n in 1..=5 {
        producer.write(n, b"message").unwrap();
    }
    let mut seen = Vec::new();
    let taken = consumer.controlled_read(10, |type_id, _| {
        seen.push(type_id);
        match type_id {
            1 => Action::Continue,
            2 => Action::Commit,
            _ => {
                let head = region.word64(1024 + HEAD).unwrap().load_acquire();
                assert_eq!(head, 32, "a commit is visible at once");
                Action::Abort
            }
        }
    });
    assert_eq!((taken, &seen[..]), (Ok(2), &[1, 2, 3][..]));
    let taken = consumer.controlled_read(10, |type_id, _| {
        seen.push(type_id);
        Action::Break
    });
    assert_eq!((taken, &seen[..]), (Ok(1), &[1, 2, 3, 3][..]));
    assert_eq!(
        read_all(&mut consumer)
            .iter()
            .map(|(type_id, _)| *type_id)
            .collect::<Vec<_>>(),
        [4, 5]
    );
}

#[test]
fn commits_up_to_the_physical_end_stop_there() {
    // 01 §3.3: after a commit the rest of the block bounds the read.
    let (_, producer, mut consumer) = many(64);
    for n in 1..=4 {
        producer.write(n, &[0xEE; 8]).unwrap();
    }
    assert_eq!(consumer.controlled_read(10, |_, _| Action::Commit), Ok(4));
    assert_eq!(consumer.controlled_read(10, |_, _| Action::Commit), Ok(0));
}

#[test]
fn a_handler_that_panics_has_consumed_its_message() {
    // 01 §3.3
    let (_, producer, mut consumer) = many(1024);
    producer.write(1, b"bad").unwrap();
    producer.write(2, b"good").unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        consumer.read(10, |_, _| panic!("a handler's bug"))
    }));
    assert!(outcome.is_err());
    assert_eq!(read_all(&mut consumer), [(2, b"good".to_vec())]);
}

#[test]
fn a_claim_is_seen_when_committed_and_skipped_when_dropped() {
    // 01 §3.2
    let (region, producer, mut consumer) = many(1024);
    let mut claim = producer.try_claim(5, 11).unwrap();
    assert_eq!((i32_at(&region, 0), i32_at(&region, 4)), (-19, 5));
    claim.write(4, b"llo");
    claim.write(0, b"he");
    claim.write(2, b"--");
    claim.write(7, b"!!");
    claim.write(9, b"??");
    assert!(read_all(&mut consumer).is_empty());
    claim.commit().unwrap();
    assert_eq!(read_all(&mut consumer), [(5, b"he--llo!!??".to_vec())]);

    drop(producer.try_claim(6, 3).unwrap());
    producer.try_claim(6, 3).unwrap().abort();
    assert_eq!((i32_at(&region, 24), i32_at(&region, 28)), (11, -1));
    producer.write(7, b"after").unwrap();
    assert_eq!(read_all(&mut consumer), [(7, b"after".to_vec())]);
}

#[test]
fn an_unblocked_claim_can_not_be_committed() {
    // 01 §3.5
    let (_, producer, mut consumer) = many(1024);
    let claim = producer.try_claim(5, 11).unwrap();
    assert!(consumer.unblock());
    assert_eq!(read_all(&mut consumer), []);
    assert_eq!(claim.commit(), Err(ClaimLost));
    let claim = producer.try_claim(5, 11).unwrap();
    assert!(consumer.unblock());
    drop(claim);
    producer.write(6, b"next").unwrap();
    assert_eq!(read_all(&mut consumer), [(6, b"next".to_vec())]);
}

/// Claims `len` bytes as a producer does that dies before it writes its header.
fn die_after_claiming(region: &Region, capacity: usize, len: i64) {
    region.word64(capacity + TAIL).unwrap().fetch_add(len);
}

#[test]
fn unblocks_a_claim_whose_header_was_never_written_once_a_later_one_is_seen() {
    // 01 §3.5, also at index 0
    for before in [0, 1] {
        let (region, producer, mut consumer) = many(1024);
        for _ in 0..before {
            producer.write(1, b"before").unwrap();
        }
        read_all(&mut consumer);
        assert!(!consumer.unblock(), "nothing is claimed");
        die_after_claiming(&region, 1024, 48);
        assert!(!consumer.unblock(), "nothing is seen after it");
        producer.write(2, b"after").unwrap();
        assert!(read_all(&mut consumer).is_empty());
        assert!(consumer.unblock());
        assert_eq!(read_all(&mut consumer), [(2, b"after".to_vec())]);
        assert!(!consumer.unblock());
    }
}

#[test]
fn unblocks_a_claim_that_reaches_the_physical_end() {
    // 01 §3.5; Aeron's own stays blocked here for ever.
    let (region, producer, mut consumer) = many(64);
    producer.write(1, &[1; 8]).unwrap();
    producer.write(1, &[1; 8]).unwrap();
    read_all(&mut consumer);
    die_after_claiming(&region, 64, 32);
    assert!(!consumer.unblock());
    producer.write(2, &[2; 8]).unwrap();
    assert!(read_all(&mut consumer).is_empty());
    assert!(consumer.unblock());
    assert_eq!(read_all(&mut consumer), [(2, vec![2; 8])]);
}

#[test]
fn does_not_unblock_what_is_committed() {
    let (_, producer, mut consumer) = many(1024);
    producer.write(1, b"message").unwrap();
    assert!(!consumer.unblock());
}

#[test]
fn a_corrupt_record_is_an_error_and_reading_goes_on() {
    for length in [1, 7, 2000, i32::MAX, 8 + 129] {
        let (region, producer, mut consumer) = many(1024);
        producer.write(1, b"bad").unwrap();
        region.word32(0).unwrap().store_release(length);
        let error = consumer.read(10, |_, _| panic!("no message")).unwrap_err();
        assert_eq!(
            error,
            CorruptRecord {
                position: 0,
                length,
                skipped: 16
            }
        );
        producer.write(2, b"good").unwrap();
        assert_eq!(read_all(&mut consumer), [(2, b"good".to_vec())]);
    }
}

#[test]
fn one_producer_keeps_the_next_header_zero() {
    // 01 §3.4: the consumer clears nothing and reads no tail.
    let (region, mut producer, mut consumer) = one(128);
    for round in 0..40 {
        let message = vec![0xFF; round % 16];
        if producer.write(round as i32 + 1, &message).is_err() {
            // The second begins behind padding at the end.
            consumer.read(100, |_, _| ()).unwrap();
            consumer.read(100, |_, _| ()).unwrap();
            producer.write(round as i32 + 1, &message).unwrap();
        }
        let next = producer.ring().producer_position() as usize & 127;
        assert_eq!(i32_at(&region, next), 0, "round {round}");
    }
}

#[test]
fn one_producer_leaves_room_for_one_header() {
    // 01 §3.4
    let (_, mut producer, mut consumer) = one(64);
    for _ in 0..3 {
        producer.write(1, &[1; 8]).unwrap();
    }
    assert_eq!(producer.write(1, &[1; 8]), Err(Refused::Full));
    assert_eq!(producer.write(1, b""), Ok(()));
    assert_eq!(consumer.read(10, |_, _| ()), Ok(4));
    assert_eq!(producer.write(2, &[1; 8]), Ok(()));
    assert_eq!(consumer.read(10, |_, _| ()), Ok(0), "padding");
    assert_eq!(consumer.read(10, |_, _| ()), Ok(1));
}

#[test]
fn one_producer_that_finds_no_room_at_the_start_pads_the_end() {
    // 01 §3.4: refused, but the tail has moved; the same message fits later.
    let (_, mut producer, mut consumer) = one(128);
    for _ in 0..7 {
        producer.write(1, &[1; 8]).unwrap();
    }
    assert_eq!(consumer.read(1, |_, _| ()), Ok(1));
    assert_eq!(producer.write(2, &[2; 16]), Err(Refused::Full));
    assert_eq!(producer.ring().producer_position(), 128);
    assert_eq!(consumer.read(1, |_, _| ()), Ok(1));
    assert_eq!(producer.write(2, &[2; 16]), Ok(()));
    assert_eq!(consumer.read(10, |_, _| ()), Ok(5));
    assert_eq!(consumer.read(10, |_, _| ()), Ok(1));
    assert_eq!(producer.ring().size(), 0);
}

/// What the two kinds have in common, for the twin test.
trait Pair {
    fn write(&mut self, type_id: i32, message: &[u8]) -> Result<(), Refused>;
    fn read(&mut self, limit: usize) -> Vec<(i32, Vec<u8>)>;
}

impl Pair for (Region, mpsc::Producer, mpsc::Consumer) {
    fn write(&mut self, type_id: i32, message: &[u8]) -> Result<(), Refused> {
        self.1.write(type_id, message)
    }

    fn read(&mut self, limit: usize) -> Vec<(i32, Vec<u8>)> {
        let mut seen = Vec::new();
        self.2
            .read(limit, |type_id, message| {
                seen.push((type_id, message.to_vec()))
            })
            .unwrap();
        seen
    }
}

impl Pair for (Region, spsc::Producer, spsc::Consumer) {
    fn write(&mut self, type_id: i32, message: &[u8]) -> Result<(), Refused> {
        self.1.write(type_id, message)
    }

    fn read(&mut self, limit: usize) -> Vec<(i32, Vec<u8>)> {
        let mut seen = Vec::new();
        self.2
            .read(limit, |type_id, message| {
                seen.push((type_id, message.to_vec()))
            })
            .unwrap();
        seen
    }
}

/// Everything accepted comes out, once, whole and in order.
fn is_a_queue(pair: &mut impl Pair, steps: &[(bool, usize)]) {
    let mut queue = std::collections::VecDeque::new();
    for (number, (writes, size)) in steps.iter().enumerate() {
        let type_id = number as i32 + 1;
        if *writes {
            let message: Vec<u8> = (0..*size).map(|n| (n + number) as u8 | 1).collect();
            if pair.write(type_id, &message).is_ok() {
                queue.push_back((type_id, message));
            }
        } else {
            for message in pair.read(*size) {
                assert_eq!(Some(message), queue.pop_front());
            }
        }
    }
    for _ in 0..3 {
        for message in pair.read(usize::MAX) {
            assert_eq!(Some(message), queue.pop_front());
        }
    }
    assert!(queue.is_empty(), "lost: {queue:?}");
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_ring_is_a_queue(
        steps in prop::collection::vec((any::<bool>(), 0_usize..33), 0..120),
        bits in 6..9_u32,
    ) {
        is_a_queue(&mut many(1 << bits), &steps);
        is_a_queue(&mut one(1 << bits), &steps);
    }

    #[test]
    fn no_bytes_make_a_ring_panic(
        words in prop::collection::vec(any::<i32>(), 16),
        positions in prop::array::uniform3(prop_oneof![any::<i64>(), 0..256_i64]),
        small in any::<bool>(),
    ) {
        let (region, producer, mut consumer) = many(64);
        for (at, word) in words.iter().enumerate() {
            let word = if small { word % 80 } else { *word };
            region.word32(at * 4).unwrap().store_release(word);
        }
        for (position, offset) in positions.iter().zip([TAIL, 256, HEAD]) {
            region.word64(64 + offset).unwrap().store_release(*position);
        }
        let mut single = spsc::Producer::open(region.clone()).unwrap();
        let mut other = spsc::Consumer::open(region).unwrap();
        for _ in 0..3 {
            // Anything may come of these, but they return.
            let _ = producer.write(1, &[1; 8]);
            let _ = single.write(1, &[1; 5]);
            let _ = producer.ring().size();
            let _ = consumer.unblock();
            let _ = other.read(1, |_, _| ());
            let _ = consumer.read(2, |_, _| ());
            let _ = consumer.controlled_read(2, |_, _| Action::Abort);
        }
    }
}
