//! Publishers, readers, cleaners and receivers on threads of their own, over many terms.

use std::thread;

use taranis_runtime::mem::{Region, Word64};
use taranis_transport::log::{
    Available, Cleaner, ImageAssembler, Inserted, Kind, Latch, Refused, Unblocker,
};

use crate::harness::{MTU, TERM, counter, frame_bytes, log};

const WINDOW: i64 = TERM / 2;

/// What the driver's conductor does for an IPC publication: cleans behind the slowest reader, then moves the limit.
struct Conductor {
    cleaner: Cleaner,
    limit: Word64,
    readers: Vec<Word64>,
    unblocker: Option<Unblocker>,
}

impl Conductor {
    fn turn(&mut self) {
        let slowest = self.readers.iter().map(Word64::load_acquire).min();
        let slowest = slowest.unwrap_or(i64::MAX);
        while self.cleaner.clean(slowest) > 0 {}
        self.limit.propose_max_release(slowest + WINDOW);
        if let Some(unblocker) = &self.unblocker {
            unblocker.is_possibly_blocked(slowest);
        }
    }
}

/// Idle turns of one thread. A test ends, instead of hanging, when another thread failed or must have stopped.
struct Patience<'a> {
    failed: &'a Latch,
    left: u64,
}

impl<'a> Patience<'a> {
    fn new(failed: &'a Latch) -> Self {
        Self {
            failed,
            left: 5_000_000,
        }
    }

    fn wait(&mut self, for_what: &str) {
        self.left -= 1;
        assert!(self.left > 0, "waited for {for_what} for too long");
        assert!(!self.failed.is_closed(), "another thread failed");
        thread::yield_now();
    }

    /// Offers until taken.
    fn persistently(&mut self, mut offer: impl FnMut() -> Result<i64, Refused>) -> i64 {
        loop {
            match offer() {
                Ok(position) => return position,
                Err(Refused::AdminAction) => {}
                Err(Refused::NotConnected | Refused::BackPressured) => self.wait("room"),
                Err(refused) => panic!("{refused}"),
            }
        }
    }
}

impl Drop for Patience<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.failed.close();
        }
    }
}

/// A message whose every byte follows from publisher and number.
fn message(publisher: u8, number: u32) -> Vec<u8> {
    let length = 5 + (number as usize * 37 + usize::from(publisher) * 101) % 3000;
    let mut bytes = vec![publisher];
    bytes.extend(number.to_le_bytes());
    bytes.resize(length.max(5), publisher.wrapping_add(number as u8));
    bytes
}

/// Fills the stream with big messages first, so that under Miri too a few messages cross term ends.
fn counts() -> (u32, usize) {
    if cfg!(miri) { (30, 600) } else { (6_000, 0) }
}

/// Check 12: every message once, whole, in per-publisher order, over many rotations
#[test]
fn concurrent_publishers_and_a_reader_over_many_terms() {
    const PUBLISHERS: u8 = 3;
    let (count, pad) = counts();
    let mut log = log(Kind::Concurrent);
    let limit = counter(WINDOW);
    let position = counter(0);
    let finished = Latch::new();
    let failed = Latch::new();
    let mut conductor = Conductor {
        cleaner: log.take_cleaner(0).unwrap(),
        limit: limit.clone(),
        readers: vec![position.clone()],
        unblocker: log.unblocker().ok(),
    };
    let appender = log.concurrent_appender().unwrap();
    let mut reader = log.reader(position, Latch::new());
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let (appender, limit, failed) = (&appender, &limit, &failed);
            scope.spawn(move || {
                let mut patience = Patience::new(failed);
                for number in 0..count {
                    let mut message = message(publisher, number);
                    message.resize(message.len() + pad, 0xEE);
                    // Both ways of appending, where the message fits into a frame.
                    if number % 2 == 0 && message.len() <= appender.max_payload_length() {
                        patience.persistently(|| {
                            let mut claim =
                                appender.try_claim(message.len(), limit.load_acquire())?;
                            claim.payload().copy_from_slice(&message);
                            Ok(claim.commit())
                        });
                    } else {
                        patience.persistently(|| appender.offer(&message, limit.load_acquire()));
                    }
                }
            });
        }
        scope.spawn(|| {
            while !finished.is_closed() && !failed.is_closed() {
                conductor.turn();
                thread::yield_now();
            }
        });
        let mut next = [0; PUBLISHERS as usize];
        let mut assembler = ImageAssembler::default();
        let mut patience = Patience::new(&failed);
        while next.iter().sum::<u32>() < count * u32::from(PUBLISHERS) {
            let read = reader.poll(10, |fragment| {
                assembler.on_fragment(fragment, |found| {
                    let publisher = found.payload[0];
                    let number = &mut next[usize::from(publisher)];
                    let mut expected = message(publisher, *number);
                    expected.resize(expected.len() + pad, 0xEE);
                    assert!(found.payload == expected, "{publisher}: {number}");
                    *number += 1;
                });
            });
            if read == 0 {
                patience.wait("messages");
            }
        }
        finished.close();
    });
    assert!(reader.position() > TERM, "the terms were rotated");
}

/// Three readers of one exclusive publication at their own pace, the cleaner behind the slowest; one peeks blocks ahead.
#[test]
fn an_exclusive_publisher_and_readers_of_three_kinds() {
    let (count, pad) = counts();
    let mut log = log(Kind::Exclusive);
    let limit = counter(WINDOW);
    let positions = [counter(0), counter(0), counter(0)];
    let finished = Latch::new();
    let failed = Latch::new();
    let mut conductor = Conductor {
        cleaner: log.take_cleaner(0).unwrap(),
        limit: limit.clone(),
        readers: positions.to_vec(),
        unblocker: None,
    };
    let mut appender = log.take_appender().unwrap();
    let [mut polling, mut blocks, mut peeking] =
        positions.map(|position| log.reader(position, Latch::new()));
    let end = thread::scope(|scope| {
        let (limit, failed) = (&limit, &failed);
        let publisher = scope.spawn(move || {
            let mut end = 0;
            let mut patience = Patience::new(failed);
            for number in 0..count {
                let mut message = message(1, number);
                message.resize(message.len() + pad, 0xEE);
                end = patience.persistently(|| appender.offer(&message, limit.load_acquire()));
            }
            patience.persistently(|| appender.offer(b"end", limit.load_acquire()));
            end
        });
        let conducting = scope.spawn(|| {
            while !finished.is_closed() && !failed.is_closed() {
                conductor.turn();
                thread::yield_now();
            }
        });
        let by_fragment = scope.spawn(move || {
            let mut sum = 0_u64;
            let mut is_over = false;
            let mut patience = Patience::new(failed);
            while !is_over {
                polling.poll(7, |fragment| {
                    is_over = fragment.payload == b"end";
                    sum += fragment
                        .payload
                        .iter()
                        .map(|byte| u64::from(*byte))
                        .sum::<u64>();
                });
                patience.wait("the end");
            }
            sum
        });
        let by_block = scope.spawn(move || {
            let mut sum = 0_u64;
            let mut is_over = false;
            let mut patience = Patience::new(failed);
            while !is_over {
                blocks.block_poll(4096, |block| {
                    if !block.is_padding() {
                        let (found, over) = sum_of_frames(block.bytes());
                        sum += found;
                        is_over = over;
                    }
                });
                patience.wait("the end");
            }
            sum
        });
        let by_peek = scope.spawn(move || {
            let mut sum = 0_u64;
            let mut is_over = false;
            let mut patience = Patience::new(failed);
            let mut at = 0;
            while !is_over {
                // Two blocks in flight, then both are done with.
                for _ in 0..2 {
                    if let Some(block) = peeking.block(at, 4096) {
                        at = block.next_position();
                        if !block.is_padding() {
                            let (found, over) = sum_of_frames(block.bytes());
                            sum += found;
                            is_over = over;
                        }
                    }
                }
                peeking.commit(at);
                patience.wait("the end");
            }
            sum
        });
        let sums = [by_fragment, by_block, by_peek].map(|reader| reader.join().unwrap());
        assert_eq!(sums[0], sums[1]);
        assert_eq!(sums[0], sums[2]);
        finished.close();
        conducting.join().unwrap();
        publisher.join().unwrap()
    });
    assert!(end > TERM / 2);
}

/// The bytes of all payloads of a block, summed, and whether the last says that it is.
fn sum_of_frames(bytes: &[u8]) -> (u64, bool) {
    let mut sum = 0;
    let mut at = 0;
    let mut is_over = false;
    while at < bytes.len() {
        let length = i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let payload = &bytes[at + 32..at + length];
        sum += payload.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        is_over = payload == b"end";
        at += length.next_multiple_of(32);
    }
    (sum, is_over)
}

/// Receiver, conductor and subscriber of an image: gaps are looked for while packets are inserted out of order.
#[test]
fn an_image_is_rebuilt_while_it_is_scanned_and_read() {
    let (count, pad) = counts();
    let count = count / 4;
    // Several datagrams a message, so that there is something to swap.
    let pad = pad + 2000;
    let mut image = log(Kind::Image);
    let mut inserter = image.take_inserter().unwrap();
    let mut cleaner = image.take_cleaner(0).unwrap();
    let gaps = image.gap_scanner();
    let position = counter(0);
    let window_begin = counter(0);
    let high = counter(0);
    let scans = counter(0);
    let finished = Latch::new();
    let failed = Latch::new();
    let mut reader = image.reader(position.clone(), Latch::new());
    thread::scope(|scope| {
        let (window_begin, high, scans) = (&window_begin, &high, &scans);
        let (finished, failed) = (&finished, &failed);
        // The receiver: takes frames from a log next door, every pair in swapped order.
        scope.spawn(move || {
            let mut source = log(Kind::Exclusive);
            let mut appender = source.take_appender().unwrap();
            let mut source_cleaner = source.take_cleaner(0).unwrap();
            let scanner = source.scanner();
            let mut at = 0;
            let mut patience = Patience::new(failed);
            for number in 0..count {
                let mut message = message(1, number);
                message.resize(message.len() + pad, 0xEE);
                while appender.offer(&message, i64::MAX).is_err() {}
                let mut held: Option<(i64, Vec<u8>)> = None;
                while let Available::Bytes { length, padding } = scanner.scan(at, MTU) {
                    let packet = frame_bytes(&source, at, length as usize);
                    while at + TERM / 4 > window_begin.load_acquire() + WINDOW {
                        patience.wait("the window");
                    }
                    if let Some((position, earlier)) = held.take() {
                        assert_eq!(inserter.insert(at, &packet), Inserted::Copied);
                        high.propose_max_release(at + i64::from(length + padding));
                        // Two whole scans see the gap before it is closed. Relaxed: they are not to be ordered.
                        let before = scans.load_relaxed();
                        while scans.load_relaxed() < before + 2 {
                            patience.wait("a scan");
                        }
                        assert_eq!(inserter.insert(position, &earlier), Inserted::Copied);
                    } else {
                        held = Some((at, packet));
                    }
                    at += i64::from(length + padding);
                }
                if let Some((position, packet)) = held {
                    assert_eq!(inserter.insert(position, &packet), Inserted::Copied);
                }
                high.propose_max_release(at);
                source_cleaner.clean(at);
            }
        });
        // The conductor: rebuilds, cleans a term behind the subscriber, then opens the window.
        scope.spawn(move || {
            let mut rebuilt = 0;
            let _patience = Patience::new(failed);
            while !finished.is_closed() && !failed.is_closed() {
                let found = gaps.scan(rebuilt, high.load_acquire());
                assert!(found.position >= rebuilt);
                rebuilt = found.position;
                scans.store_relaxed(scans.load_relaxed() + 1);
                let consumed = position.load_acquire();
                while cleaner.clean(consumed - TERM) > 0 {}
                window_begin.propose_max_release(consumed);
                thread::yield_now();
            }
        });
        let mut assembler = ImageAssembler::default();
        let mut patience = Patience::new(failed);
        let mut number = 0;
        while number < count {
            let read = reader.poll(10, |fragment| {
                assembler.on_fragment(fragment, |found| {
                    let mut expected = message(1, number);
                    expected.resize(expected.len() + pad, 0xEE);
                    assert!(found.payload == expected, "{number}");
                    number += 1;
                });
            });
            if read == 0 {
                patience.wait("messages");
            }
        }
        finished.close();
    });
}

/// A late reader of the region's memory finds it alive although everything else is gone.
#[test]
fn handles_outlive_the_log_buffer() {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    let mut reader = log.reader(counter(0), Latch::new());
    let region: Region = log.region().clone();
    drop(log);
    drop(region);
    appender.offer(b"still here", 1).unwrap();
    assert_eq!(reader.poll(1, |f| assert_eq!(f.payload, b"still here")), 1);
}
