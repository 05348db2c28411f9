//! Our clients on our driver: that both ends agree, no more.

use taranis_transport::client::Refused;

use crate::{
    content::Content,
    harness::{OurDriver, until},
};

const MESSAGES: u32 = 2_000;
const SEED: u64 = 7;

fn exchange(test: &str, channel: &str) {
    let driver = OurDriver::start(test);
    let mut client = driver.client();
    let mut subscription = client.add_subscription(channel, 1001).unwrap();
    let channel = until("the channel is active", || {
        subscription.try_resolve_channel_endpoint_port()
    });
    let mut publication = client.add_exclusive_publication(&channel, 1001).unwrap();
    let (mut sent, mut received) = (Content::new(SEED), Content::new(SEED));
    let (mut next, mut number) = (0, 0);
    until("all messages arrived", || {
        while next < MESSAGES {
            match publication.offer(sent.message(next)) {
                Ok(_) => next += 1,
                Err(refused) => {
                    assert!(refused.is_temporary(), "message {next}: {refused:?}");
                    break;
                }
            }
        }
        subscription.poll(64, |message| {
            assert_eq!(
                message.payload,
                received.message(number),
                "message {number}"
            );
            number += 1;
        });
        (number == MESSAGES).then_some(())
    });
    publication.close();
    assert!(matches!(publication.offer(&[1]), Err(Refused::Closed)));
    until("the image is gone", || {
        (!subscription.is_connected()).then_some(())
    });
    drop((publication, subscription, client));
    assert_eq!(driver.stop(), "done");
}

#[test]
fn own_clients_agree_over_ipc() {
    exchange("own-ipc", "aeron:ipc");
}

#[test]
fn own_clients_agree_over_udp() {
    exchange("own-udp", "aeron:udp?endpoint=127.0.0.1:0|linger=0");
}
