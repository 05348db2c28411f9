//! The cluster's messages against Aeron's own codecs (08 §1, §2).
//!
//! `aeron.txt` is what the archive's `peers/SbeCodecs.java` prints with Aeron 1.51.0; `TARANIS_REWRITE=1` writes it anew.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod peer;
mod streams;
mod versions;

use taranis_cluster::codecs::node_state::{self, EntryHeader};
use taranis_cluster::codecs::{
    NODE_STATE, backup, consensus, egress, ingress, log, mark, service, session, snapshot,
};
use taranis_runtime::sbe::{Decode as _, MessageHeader, Row};
use taranis_runtime::testing::messages::{self, Vector};

/// The one message of version 17, which Aeron 1.51.0 does not have: [`versions`] has its tests.
const NEWER: &str = "ServiceTerminationPosition";

fn table() -> Vec<Row> {
    let mut table = [
        backup::MESSAGES,
        consensus::MESSAGES,
        egress::MESSAGES,
        ingress::MESSAGES,
        log::MESSAGES,
        mark::MESSAGES,
        node_state::MESSAGES,
        service::MESSAGES,
        session::MESSAGES,
        snapshot::MESSAGES,
    ]
    .concat();
    table.retain(|row| row.name != NEWER);
    table
}

fn vectors() -> Vec<Vector> {
    comparable(messages::vectors(include_str!("aeron.txt")))
}

/// Leaves out the message of version 17, and gives entries of `node-state.dat` the message header of the streams.
fn comparable(mut vectors: Vec<Vector>) -> Vec<Vector> {
    vectors.retain(|vector| vector.name != NEWER);
    for vector in vectors.iter_mut().filter(|it| is_node_state(it)) {
        vector.bytes.drain(8..EntryHeader::LENGTH);
    }
    vectors
}

fn is_node_state(vector: &Vector) -> bool {
    MessageHeader::decode(&vector.bytes).is_ok_and(|(header, _)| header.schema_id == NODE_STATE.id)
}

/// 08 §1, §2: there is no message of Aeron's schemas that is not declared, and none declared that Aeron does not have.
#[test]
fn every_message_of_the_schemas_is_declared() {
    messages::check_complete(&table(), &vectors());
}

/// 08 §1: offsets, block lengths, order of groups and variable data.
#[test]
fn every_message_reads_and_writes_as_aeron_writes_it() {
    messages::check_both_ways(&table(), &vectors());
}

#[test]
fn every_message_that_is_cut_off_is_refused() {
    messages::check_cut_off(&table(), &vectors());
}

/// 08 §1.1: the header's block length counts; older and newer versions are accepted as such.
#[test]
fn every_message_of_a_newer_sender_is_read() {
    messages::check_newer_sender(&table(), &vectors());
    messages::check_older_version(&table(), &vectors());
}

#[test]
fn no_damage_panics_or_makes_a_message_that_cannot_be_written() {
    messages::check_bit_flips(&table(), &vectors());
    messages::check_noise(&table());
}

/// 08 §2.4: entries stand behind a header of 16 bytes.
#[test]
fn aerons_node_state_entries_have_headers_as_ours() {
    for vector in messages::vectors(include_str!("aeron.txt")) {
        if is_node_state(&vector) {
            let header = EntryHeader::decode_body(EntryHeader::ACTING, &vector.bytes).unwrap();
            let row = messages::row(&table(), &vector.bytes).copied().unwrap();
            assert_eq!(header.template_id, row.header.template_id);
            assert_eq!(header.acting(), row.header.acting());
        }
    }
}
