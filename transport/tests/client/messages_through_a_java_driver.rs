//! What may not be lost, doubled or mixed on the way through a real driver.

#![expect(
    clippy::disallowed_methods,
    reason = "threads and a driver live in real time"
)]

use std::{thread, time::Duration};

use taranis_transport::client::{Action, Client, Context, Handlers, Refused};

use crate::{
    content::Content,
    harness::{JavaDriver, until, wait_for},
};

/// Offers until it is accepted.
fn insist(mut offer: impl FnMut() -> Result<i64, Refused>) {
    loop {
        match offer() {
            Ok(_) => return,
            Err(refused) => assert!(refused.is_temporary(), "{refused}"),
        }
        thread::yield_now();
    }
}

/// Case: reassembly at term ends, aborts and loss. Messages of 1 to 8,192 bytes in terms of 64 KiB; handlers abort, break and
/// commit at random.
#[test]
fn aborted_messages_come_again_whole_and_once() {
    const COUNT: u64 = 50_000;
    let Some(driver) = JavaDriver::start("aborts") else {
        return;
    };
    let mut client = driver.client();
    let channel = "aeron:ipc?term-length=64k|mtu=1408";
    let mut subscription = client.add_subscription(channel, 1).unwrap();
    let mut publication = client.add_exclusive_publication(channel, 1).unwrap();
    let length =
        |number: u64| 8 + usize::try_from(number.wrapping_mul(0x9E37_79B9) >> 7).unwrap() % 8_185;
    let publisher = thread::spawn(move || {
        let mut message = vec![0; 8_192];
        for number in 0..COUNT {
            let length = length(number);
            message[..length].fill(number as u8);
            message[..8].copy_from_slice(&number.to_le_bytes());
            insist(|| publication.offer(&message[..length]));
        }
    });
    let mut random = fastrand::Rng::with_seed(23);
    let (mut next, mut aborts) = (0, 0);
    wait_for("all messages arrived", || {
        subscription.controlled_poll(50, |message| {
            let number = u64::from_le_bytes(message.payload[..8].try_into().unwrap());
            assert_eq!(number, next, "after {aborts} aborts");
            assert_eq!(message.payload.len(), length(number));
            assert!(
                message.payload[8..]
                    .iter()
                    .all(|byte| *byte == number as u8)
            );
            match random.u8(0..100) {
                0..5 => {
                    aborts += 1;
                    return Action::Abort;
                }
                5..10 => {
                    next += 1;
                    return Action::Break;
                }
                10..15 => {
                    next += 1;
                    return Action::Commit;
                }
                _ => {}
            }
            next += 1;
            Action::Continue
        });
        next == COUNT
    });
    publisher.join().unwrap();
    assert!(aborts > 1_000, "{aborts}");
    assert_eq!(subscription.poll(10, |_| panic!("one too many")), 0);
}

/// Case: last messages lost when the sender closes.
#[test]
fn what_was_offered_before_closing_arrives() {
    const COUNT: u32 = 10_000;
    let Some(driver) = JavaDriver::start("closing") else {
        return;
    };
    for channel in [
        "aeron:ipc?term-length=1m",
        "aeron:udp?endpoint=127.0.0.1:0|term-length=1m",
    ] {
        let mut client = driver.client();
        let mut subscription = client.add_subscription(channel, 1).unwrap();
        let channel = until("the channel is active", || {
            subscription.try_resolve_channel_endpoint_port()
        });
        let mut publisher = driver.client_with(Handlers::default());
        let mut publication = publisher.add_exclusive_publication(&channel, 1).unwrap();
        let sender = thread::spawn(move || {
            for number in 0..COUNT {
                insist(|| publication.offer(&number.to_le_bytes()));
            }
            // Nothing lingers and nobody waits: the client is gone at once.
            let end = publication.position();
            drop((publication, publisher));
            end
        });
        let mut next = 0_u32;
        let mut image = None;
        wait_for("all messages arrived", || {
            image = subscription
                .images()
                .first()
                .map(|image| image.info().clone())
                .or_else(|| image.take());
            subscription.poll(50, |message| {
                assert_eq!(message.payload, next.to_le_bytes());
                next += 1;
            });
            next == COUNT
        });
        let (end, image) = (sender.join().unwrap(), image.unwrap());
        wait_for("the stream has ended", || image.is_end_of_stream());
        assert_eq!(
            (image.position(), image.end_of_stream_position()),
            (end, end),
            "{channel}"
        );
    }
}

/// Several threads here and one in another process, one stream, terms of 64 KiB: each one's messages in its order.
#[test]
fn producers_of_two_processes_share_a_stream() {
    const COUNT: u32 = 20_000;
    const JAVA_COUNT: u32 = 2_000;
    let Some(mut driver) = JavaDriver::start("producers") else {
        return;
    };
    let touching = Context {
        pre_touch_mapped_memory: true,
        ..driver.context()
    };
    let mut client = Client::launch(touching, Handlers::default()).unwrap();
    let channel = "aeron:ipc?term-length=1m";
    let mut subscription = client.add_subscription(channel, 1).unwrap();
    let publication = client.add_publication(channel, 1).unwrap();
    driver
        .peer
        .send(&format!("publish {channel} 1 {JAVA_COUNT} 5"))
        .unwrap();
    let threads: Vec<_> = (0..3_u8)
        .map(|id| {
            let publication = publication.clone();
            thread::spawn(move || {
                for number in 0..COUNT {
                    let mut message = [id; 25];
                    message[..4].copy_from_slice(&number.to_le_bytes());
                    insist(|| publication.offer(&message));
                }
            })
        })
        .collect();
    let mut java = Content::new(5);
    let (mut next, mut java_next) = ([0; 3], 0);
    wait_for("all messages of all arrived", || {
        subscription.poll(50, |message| {
            // Java's have 32 bytes and more.
            if message.payload.len() == 25 {
                let next = &mut next[usize::from(message.payload[24])];
                assert_eq!(message.payload[..4], u32::to_le_bytes(*next));
                *next += 1;
            } else {
                assert_eq!(message.payload, java.message(java_next));
                java_next += 1;
            }
        });
        next == [COUNT; 3] && java_next == JAVA_COUNT
    });
    for thread in threads {
        thread.join().unwrap();
    }
    driver.answer("PUBLISHED");
}

/// Closing under a thread that offers or polls in a tight loop: it sees that it is closed, and nothing worse.
#[test]
fn a_client_closes_while_other_threads_use_what_it_gave_out() {
    let Some(driver) = JavaDriver::start("racing") else {
        return;
    };
    for _ in 0..20 {
        let mut client: Client = driver.client();
        let mut subscription = client
            .add_subscription("aeron:ipc?term-length=64k", 1)
            .unwrap();
        let publication = client
            .add_publication("aeron:ipc?term-length=64k", 1)
            .unwrap();
        wait_for("it is connected", || publication.is_connected());
        let offering = {
            let publication = publication.clone();
            thread::spawn(move || while publication.offer(&[3; 2_000]) != Err(Refused::Closed) {})
        };
        let polling = thread::spawn(move || {
            while !subscription.is_closed() {
                subscription.poll(10, |message| assert_eq!(message.payload, [3; 2_000]));
            }
        });
        thread::sleep(Duration::from_millis(2));
        client.close();
        offering.join().unwrap();
        polling.join().unwrap();
    }
}
