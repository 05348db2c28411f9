//! Our driver and a Java driver, one at each end of a UDP stream (P2; 03).

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test with real processes lives in real time; its rows are printed"
)]

use std::{
    thread,
    time::{Duration, Instant},
};

use taranis_runtime::testing::{FreshDir, peer::Peer};

use crate::{
    content::Content,
    harness::{OurDriver, PATIENCE, answer, messages, row, until},
};

const SEED: u64 = 20_111;
const UDP: &str = "aeron:udp?endpoint=127.0.0.1:0|term-length=1m";

/// A Java driver in a directory of its own, with Java's client on it.
fn java_driver(fresh: &FreshDir) -> Option<Peer> {
    let dir = fresh.join("driver");
    let mut peer = Peer::java("tests/peers/DriverPeer.java", &[dir.to_str().unwrap()])?;
    peer.ready(PATIENCE).unwrap();
    Some(peer)
}

#[test]
fn our_driver_sends_and_a_java_driver_receives_every_byte() {
    let _row = row();
    let fresh = FreshDir::in_shm("java-receives");
    let Some(mut java) = java_driver(&fresh) else {
        return;
    };
    let driver = OurDriver::start("ours-sends");
    let mut client = driver.client();
    let count = messages();
    java.send(&format!("subscribe {UDP} 1001 {count} {SEED}"))
        .unwrap();
    let channel = answer(&mut java, "SUBSCRIBED");
    let mut publication = client.add_exclusive_publication(&channel, 1001).unwrap();
    let begun = Instant::now();
    let mut content = Content::new(SEED);
    let mut bytes = 0_u64;
    for number in 0..count {
        let message = content.message(number);
        bytes += message.len() as u64;
        while let Err(refused) = publication.offer(message) {
            assert!(refused.is_temporary(), "message {number}: {refused}");
            thread::sleep(Duration::from_micros(50));
            assert!(
                begun.elapsed() < PATIENCE * 3,
                "no progress at message {number}"
            );
        }
    }
    assert_eq!(answer(&mut java, "RECEIVED"), format!("{count} {bytes}"));
    report("our-driver-to-java-driver", count, bytes, begun);
}

#[test]
fn a_java_driver_sends_and_our_driver_receives_every_byte() {
    let _row = row();
    let fresh = FreshDir::in_shm("java-sends");
    let Some(mut java) = java_driver(&fresh) else {
        return;
    };
    let driver = OurDriver::start("ours-receives");
    let mut client = driver.client();
    let count = messages();
    let mut subscription = client.add_subscription(UDP, 1001).unwrap();
    let channel = until("the channel is active", || {
        subscription.try_resolve_channel_endpoint_port()
    });
    let begun = Instant::now();
    java.send(&format!("publish {channel} 1001 {count} {SEED}"))
        .unwrap();
    let mut content = Content::new(SEED);
    let (mut number, mut bytes) = (0, 0_u64);
    while number < count {
        let fragments = subscription.poll(64, |message| {
            assert_eq!(message.payload, content.message(number), "message {number}");
            bytes += message.payload.len() as u64;
            number += 1;
        });
        if fragments == 0 {
            assert!(
                begun.elapsed() < PATIENCE * 3,
                "no progress at message {number}"
            );
            thread::sleep(Duration::from_micros(50));
        }
    }
    assert_eq!(answer(&mut java, "PUBLISHED"), format!("{count} {bytes}"));
    report("java-driver-to-our-driver", number, bytes, begun);
}

fn report(direction: &str, messages: u32, bytes: u64, begun: Instant) {
    println!(
        "peer-row: peer=java-driver direction={direction} transport=udp messages={messages} bytes={bytes} seconds={:.1}",
        begun.elapsed().as_secs_f64()
    );
}
