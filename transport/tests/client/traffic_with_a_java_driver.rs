//! Messages between our client and Java's, through Java's driver, every byte checked on the other side (05 §3, §4).

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test with a real driver lives in real time; its rows take turns, and are printed"
)]

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use taranis_transport::client::{Client, Refused};

use crate::{
    content::Content,
    harness::{JavaDriver, until},
};

const SEED: u64 = 20_111;
/// Tests of several processes run side by side: the system chooses the port.
const ANY_PORT: &str = "aeron:udp?endpoint=127.0.0.1:0|term-length=1m";
const DEADLINE: Duration = Duration::from_secs(150);

/// A row takes both cores: one at a time.
static ROWS: Mutex<()> = Mutex::new(());

fn row() -> MutexGuard<'static, ()> {
    ROWS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn messages() -> u32 {
    let set = std::env::var("TARANIS_PEER_MESSAGES").ok();
    set.map_or(100_000, |count| count.parse().unwrap())
}

#[test]
fn java_publishes_over_ipc_and_we_receive_every_byte() {
    java_publishes("ipc", "aeron:ipc?term-length=1m");
}

#[test]
fn java_publishes_over_udp_and_we_receive_every_byte() {
    java_publishes("udp", ANY_PORT);
}

#[test]
fn we_publish_over_ipc_and_java_receives_every_byte() {
    we_publish("ipc", "aeron:ipc?term-length=1m");
}

#[test]
fn we_publish_over_udp_and_java_receives_every_byte() {
    we_publish("udp", ANY_PORT);
}

fn java_publishes(transport: &str, channel: &str) {
    let _row = row();
    let Some(mut driver) = JavaDriver::start("java-publishes") else {
        return;
    };
    let mut client = driver.client();
    let mut subscription = client.add_subscription(channel, 1001).unwrap();
    let channel = until("the channel is active", || {
        subscription.try_resolve_channel_endpoint_port()
    });
    let begun = Instant::now();
    let count = messages();
    driver
        .peer
        .send(&format!("publish {channel} 1001 {count} {SEED}"))
        .unwrap();

    let mut content = Content::new(SEED);
    let (mut number, mut bytes) = (0, 0_u64);
    while number < count {
        let fragments = subscription.poll(64, |message| {
            assert_eq!(message.payload, content.message(number), "message {number}");
            bytes += message.payload.len() as u64;
            number += 1;
        });
        pause(fragments, begun, number);
    }
    let published = driver.answer("PUBLISHED");
    assert_eq!(published, format!("{count} {bytes}"));
    report("java-to-ours", transport, number, bytes, begun, &mut client);
}

fn we_publish(transport: &str, channel: &str) {
    let _row = row();
    let Some(mut driver) = JavaDriver::start("we-publish") else {
        return;
    };
    let mut client = driver.client();
    let count = messages();
    let channel = &driver.ask(
        &format!("subscribe {channel} 1001 {count} {SEED}"),
        "SUBSCRIBED",
    );
    let begun = Instant::now();
    // Both kinds of publication, one after the other in the two transports.
    let (number, bytes) = if transport == "ipc" {
        let publication = client.add_publication(channel, 1001).unwrap();
        let published = publish(count, begun, |message| publication.offer(message));
        driver.answer("RECEIVED");
        published
    } else {
        let mut publication = client.add_exclusive_publication(channel, 1001).unwrap();
        let published = publish(count, begun, |message| publication.offer(message));
        let received = driver.answer("RECEIVED");
        assert_eq!(received, format!("{count} {}", published.1));
        published
    };
    report("ours-to-java", transport, number, bytes, begun, &mut client);
}

fn publish(
    count: u32,
    begun: Instant,
    mut offer: impl FnMut(&[u8]) -> Result<i64, Refused>,
) -> (u32, u64) {
    let mut content = Content::new(SEED);
    let mut bytes = 0;
    for number in 0..count {
        let message = content.message(number);
        bytes += message.len() as u64;
        while let Err(refused) = offer(message) {
            assert!(refused.is_temporary(), "message {number}: {refused}");
            pause(0, begun, number);
        }
    }
    (count, bytes)
}

fn pause(work: usize, begun: Instant, number: u32) {
    if work == 0 {
        assert!(
            begun.elapsed() < DEADLINE,
            "no progress at message {number}"
        );
        thread::sleep(Duration::from_micros(50));
    }
}

fn report(
    direction: &str,
    transport: &str,
    messages: u32,
    bytes: u64,
    begun: Instant,
    client: &mut Client,
) {
    assert!(!client.aeron().is_closed());
    println!(
        "peer-row: peer=java-driver direction={direction} transport={transport} messages={messages} bytes={bytes} seconds={:.1}",
        begun.elapsed().as_secs_f64()
    );
}
