//! Aeron's own archive client for Java against our archive.

use taranis_runtime::testing::peer::Peer;

use crate::harness::{OurNode, PATIENCE};

const MESSAGES: usize = 2_000;

#[test]
fn a_java_client_records_extends_replays_cuts_and_purges_on_our_archive() {
    let node = OurNode::start("archive-java-client");
    let (dir, messages) = (node.driver_dir.to_str().unwrap(), MESSAGES.to_string());
    let args = [dir, node.control_channel.as_str(), messages.as_str()];
    let Some(mut peer) = Peer::java("tests/peers/ArchiveClientPeer.java", &args) else {
        return;
    };
    loop {
        let line = peer.line(PATIENCE * 2).unwrap();
        if line == "DONE" {
            break;
        }
        assert!(line.starts_with("OK "), "{line}");
    }
    println!(
        "peer-row: peer=java-archive-client direction=java-to-ours transport=udp messages={MESSAGES}"
    );
}
