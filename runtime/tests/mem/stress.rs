//! Many threads on one ring, one broadcast buffer, one set of counters. Short here; `TARANIS_STRESS=1000000 cargo test
//! --release -p taranis-runtime --test mem stress` for long.
#![expect(
    clippy::disallowed_methods,
    reason = "a test harness: it reads its settings and starts threads itself"
)]

use std::{env, thread};

use taranis_runtime::mem::{
    Region,
    broadcast::{self, ReceiveError},
    counters::CountersManager,
    ring::{self, mpsc, spsc},
};

fn rounds() -> u64 {
    let default = if cfg!(miri) { 50 } else { 20_000 };
    env::var("TARANIS_STRESS").map_or(default, |text| text.parse().expect("a number of messages"))
}

/// A message that names itself: its number, and as many bytes of it as its length says.
fn message(number: u64, max: usize, into: &mut [u8; 512]) -> usize {
    let len = 8 + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize % (max - 7);
    into[..len].fill(number as u8 | 1);
    into[..8].copy_from_slice(&number.to_ne_bytes());
    len
}

fn check(bytes: &[u8], max: usize) -> u64 {
    let number = u64::from_ne_bytes(bytes[..8].try_into().unwrap());
    let mut expected = [0; 512];
    let len = message(number, max, &mut expected);
    assert_eq!(bytes, &expected[..len], "message {number} is damaged");
    number
}

#[test]
fn many_producers_lose_and_damage_nothing() {
    const PRODUCERS: u64 = 3;
    let rounds = rounds();
    let region = Region::heap(4096 + ring::TRAILER_LEN);
    let mut consumer = mpsc::Consumer::open(region.clone()).unwrap();
    thread::scope(|scope| {
        for producer_id in 0..PRODUCERS {
            let producer = mpsc::Producer::open(region.clone()).unwrap();
            scope.spawn(move || {
                let mut buffer = [0; 512];
                for number in 0..rounds {
                    let len = message(number, 512, &mut buffer);
                    // Every seventh is claimed first, and given up.
                    if number % 7 == 0
                        && let Ok(claim) = producer.try_claim(9, len)
                    {
                        drop(claim);
                    }
                    while producer
                        .write(producer_id as i32 + 1, &buffer[..len])
                        .is_err()
                    {
                        thread::yield_now();
                    }
                }
            });
        }
        let mut next = [0; PRODUCERS as usize];
        while next.iter().sum::<u64>() < rounds * PRODUCERS {
            let taken = consumer.read(64, |type_id, bytes| {
                let expected = &mut next[type_id as usize - 1];
                assert_eq!(check(bytes, 512), *expected);
                *expected += 1;
            });
            if taken.unwrap() == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(consumer.ring().size(), 0);
    });
}

#[test]
fn one_producer_loses_and_damages_nothing() {
    let rounds = rounds();
    let region = Region::heap(2048 + ring::TRAILER_LEN);
    let mut producer = spsc::Producer::open(region.clone()).unwrap();
    let mut consumer = spsc::Consumer::open(region).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut buffer = [0; 512];
            for number in 0..rounds {
                let len = message(number, 256, &mut buffer);
                while producer.write(1, &buffer[..len]).is_err() {
                    thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < rounds {
            let taken = consumer.read(64, |_, bytes| {
                assert_eq!(check(bytes, 256), next);
                next += 1;
            });
            if taken.unwrap() == 0 {
                thread::yield_now();
            }
        }
    });
}

#[test]
fn receivers_get_whole_messages_in_order_or_are_told() {
    let rounds = rounds();
    let region = Region::heap(4096 + broadcast::TRAILER_LEN);
    let mut transmitter = broadcast::Transmitter::open(region.clone()).unwrap();
    let done = Region::heap(8).word64(0).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            let mut receiver = broadcast::Receiver::open(region.clone()).unwrap();
            let done = done.clone();
            scope.spawn(move || {
                let mut next = 0;
                let mut told = false;
                loop {
                    // Asked before the receive: what was sent before the end is then received.
                    let ended = done.load_acquire() == 1;
                    let outcome = receiver.receive(|_, bytes| {
                        let number = check(bytes, 512);
                        assert!(number >= next, "{number} after {next}");
                        assert!(number == next || told, "{next} is lost without a word");
                        next = number + 1;
                        told = false;
                    });
                    match outcome {
                        Ok(true) => {}
                        Ok(false) if ended => break,
                        Ok(false) => thread::yield_now(),
                        Err(ReceiveError::Lapped) => told = true,
                        Err(error) => panic!("{error}"),
                    }
                }
                assert!(
                    next == rounds || told,
                    "the last message seen is {next} of {rounds}"
                );
            });
        }
        let mut buffer = [0; 512];
        for number in 0..rounds {
            let len = message(number, 512, &mut buffer);
            transmitter.transmit(1, &buffer[..len]).unwrap();
            if number % 16 == 0 {
                thread::yield_now();
            }
        }
        done.store_release(1);
    });
}

#[test]
fn a_reused_counter_never_shows_its_last_registration() {
    let rounds = rounds() as i64;
    let mut manager =
        CountersManager::new(Region::heap(128 * 2), Region::heap(512 * 2), 0).unwrap();
    let reader = manager.reader();
    let done = Region::heap(8).word64(0).unwrap();
    thread::scope(|scope| {
        let ended = done.clone();
        scope.spawn(move || {
            for registration_id in 1..rounds {
                let id = manager.allocate(0, 7, b"key", "label").unwrap();
                let value = manager.owned(id).unwrap();
                manager.set_registration_id(id, registration_id).unwrap();
                value.set(registration_id * 10);
                manager.free(0, id).unwrap();
            }
            ended.store_release(1);
        });
        while done.load_acquire() == 0 {
            let Some(readable) = reader.readable(0) else {
                continue;
            };
            // 0 while it was not registered; then every value is its own.
            if readable.registration_id() != 0
                && let Some(value) = readable.get_if_alive()
            {
                assert!(
                    value == 0 || value == readable.registration_id() * 10,
                    "{value} of {}",
                    readable.registration_id()
                );
            }
        }
    });
}
