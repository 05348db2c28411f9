//! Real Aeron as the other side: its codecs encode for us, and decode what we encode (06 check 1).

use std::fs;
use std::time::Duration;

use taranis_runtime::testing::messages;
use taranis_runtime::testing::peer::Peer;

use super::{table, vectors};

const SOON: Duration = Duration::from_secs(60);

fn aeron() -> Option<Peer> {
    let schemas = [
        "archive/aeron-archive-codecs.xml",
        "archive/aeron-archive-mark-codecs.xml",
    ];
    let mut peer = Peer::java("tests/peers/SbeCodecs.java", &schemas)?;
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
    assert_eq!(now, vectors());

    let empty = messages::samples(&mut aeron, 1).unwrap();
    messages::check_complete(&table(), &empty);
    messages::check_both_ways(&table(), &empty);
    assert!(aeron.finish(SOON).unwrap().success());
}

#[test]
fn aeron_reads_what_we_write_as_we_mean_it() {
    let Some(mut aeron) = aeron() else { return };
    messages::check_against(&mut aeron, &table(), &vectors()).unwrap();
}
