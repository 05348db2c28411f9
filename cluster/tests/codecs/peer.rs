//! Real Aeron as the other side: its codecs encode for us, and decode what we encode.

use std::fs;
use std::time::Duration;

use taranis_cluster::codecs::service::ServiceTerminationPosition;
use taranis_runtime::sbe::Message as _;
use taranis_runtime::testing::messages;
use taranis_runtime::testing::peer::Peer;

use super::{comparable, is_node_state, table, vectors};

const SOON: Duration = Duration::from_secs(60);

fn aeron() -> Option<Peer> {
    let schemas = [
        "cluster/aeron-cluster-codecs.xml",
        "cluster/aeron-cluster-mark-codecs.xml",
        "cluster/aeron-cluster-node-state-codecs.xml",
    ];
    let mut peer = Peer::java("../archive/tests/peers/SbeCodecs.java", &schemas)?;
    peer.ready(SOON).unwrap();
    Some(peer)
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "TARANIS_REWRITE asks a test to write its expectations anew"
)]
fn aeron_still_encodes_what_the_tests_take_for_its_encoding() {
    let Some(mut aeron) = aeron() else { return };
    let now = messages::samples(&mut aeron, 0).unwrap();
    if std::env::var("TARANIS_REWRITE").is_ok() {
        fs::write("tests/codecs/aeron.txt", messages::lines(&now)).unwrap();
    }
    assert_eq!(comparable(now), vectors());

    let empty = comparable(messages::samples(&mut aeron, 1).unwrap());
    messages::check_complete(&table(), &empty);
    messages::check_both_ways(&table(), &empty);
    assert!(aeron.finish(SOON).unwrap().success());
}

#[test]
fn aeron_reads_what_we_write_as_we_mean_it() {
    let Some(mut aeron) = aeron() else { return };
    let mut on_streams = vectors();
    on_streams.retain(|vector| !is_node_state(vector));
    messages::check_against(&mut aeron, &table(), &on_streams).unwrap();
}

/// 08, changes: a reader before version 17 takes the block length from the header and ignores the new field.
#[test]
fn aeron_before_version_17_reads_our_termination_position() {
    let Some(mut aeron) = aeron() else { return };
    let ours = ServiceTerminationPosition {
        log_position: 4096,
        ack_required: true,
    };
    let mut bytes = vec![0; ours.encoded_len()];
    ours.encode(&mut bytes).unwrap();
    aeron
        .send(&format!("decode {}", messages::hex(&bytes)))
        .unwrap();
    let theirs = messages::vector(&aeron.line(SOON).unwrap());
    assert_eq!(
        theirs.text,
        "ServiceTerminationPosition { log_position: 4096 }"
    );
}
