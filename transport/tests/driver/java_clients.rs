//! Java's clients on our driver, every byte checked on the other side (P2; 03, 04).

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test with real processes lives in real time; its rows are printed"
)]

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    content::Content,
    harness::{OurDriver, answer, java_client, messages, row, until},
};

const SEED: u64 = 20_111;
const IPC: &str = "aeron:ipc?term-length=1m";
const UDP: &str = "aeron:udp?endpoint=127.0.0.1:0|term-length=1m";
const DEADLINE: Duration = Duration::from_secs(150);

#[test]
fn java_to_ours_over_ipc_on_our_driver() {
    java_to_ours("ipc", IPC);
}

#[test]
fn java_to_ours_over_udp_on_our_driver() {
    java_to_ours("udp", UDP);
}

#[test]
fn ours_to_java_over_ipc_on_our_driver() {
    ours_to_java("ipc", IPC);
}

#[test]
fn ours_to_java_over_udp_on_our_driver() {
    ours_to_java("udp", UDP);
}

#[test]
fn java_to_java_over_udp_on_our_driver() {
    let _row = row();
    let driver = OurDriver::start("java-to-java");
    let Some(mut subscriber) = java_client(&driver.dir) else {
        return;
    };
    let mut publisher = java_client(&driver.dir).unwrap();
    let (begun, count) = (Instant::now(), messages());
    subscriber
        .send(&format!("subscribe {UDP} 1001 {count} {SEED}"))
        .unwrap();
    let channel = answer(&mut subscriber, "SUBSCRIBED");
    publisher
        .send(&format!("publish {channel} 1001 {count} {SEED}"))
        .unwrap();
    let published = answer(&mut publisher, "PUBLISHED");
    assert_eq!(answer(&mut subscriber, "RECEIVED"), published);
    report(
        "java-to-java",
        "udp",
        count,
        published.split(' ').next_back().unwrap(),
        begun,
    );
}

fn java_to_ours(transport: &str, channel: &str) {
    let _row = row();
    let driver = OurDriver::start("java-to-ours");
    let Some(mut java) = java_client(&driver.dir) else {
        return;
    };
    let mut client = driver.client();
    let mut subscription = client.add_subscription(channel, 1001).unwrap();
    let channel = until("the channel is active", || {
        subscription.try_resolve_channel_endpoint_port()
    });
    let (begun, count) = (Instant::now(), messages());
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
        pause(fragments, begun, number);
    }
    assert_eq!(answer(&mut java, "PUBLISHED"), format!("{count} {bytes}"));
    report("java-to-ours", transport, number, &bytes.to_string(), begun);
}

fn ours_to_java(transport: &str, channel: &str) {
    let _row = row();
    let driver = OurDriver::start("ours-to-java");
    let Some(mut java) = java_client(&driver.dir) else {
        return;
    };
    let mut client = driver.client();
    let count = messages();
    java.send(&format!("subscribe {channel} 1001 {count} {SEED}"))
        .unwrap();
    let channel = answer(&mut java, "SUBSCRIBED");
    let publication = client.add_publication(&channel, 1001).unwrap();
    let begun = Instant::now();
    let mut content = Content::new(SEED);
    let mut bytes = 0;
    for number in 0..count {
        let message = content.message(number);
        bytes += message.len() as u64;
        while let Err(refused) = publication.offer(message) {
            assert!(refused.is_temporary(), "message {number}: {refused}");
            pause(0, begun, number);
        }
    }
    assert_eq!(answer(&mut java, "RECEIVED"), format!("{count} {bytes}"));
    report("ours-to-java", transport, count, &bytes.to_string(), begun);
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

fn report(direction: &str, transport: &str, messages: u32, bytes: &str, begun: Instant) {
    println!(
        "peer-row: peer=java-client-on-our-driver direction={direction} transport={transport} messages={messages} bytes={bytes} seconds={:.1}",
        begun.elapsed().as_secs_f64()
    );
}
