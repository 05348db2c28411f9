//! The archive's messages against Aeron's own codecs (06 §1 to §3).
//!
//! `aeron.txt` is what `peers/SbeCodecs.java` prints with Aeron 1.51.0; `TARANIS_REWRITE=1` writes it anew.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod peer;
mod versions;

use taranis_archive::codecs::{
    ControlReply, ControlRequest, RecordingEvent, catalog, control, mark, records, response,
};
use taranis_runtime::sbe::Row;
use taranis_runtime::testing::messages::{self, Vector};

fn table() -> Vec<Row> {
    [
        catalog::MESSAGES,
        control::MESSAGES,
        mark::MESSAGES,
        records::MESSAGES,
        response::MESSAGES,
    ]
    .concat()
}

fn vectors() -> Vec<Vector> {
    messages::vectors(include_str!("aeron.txt"))
}

/// 06 §2, §3.3: there is no message of Aeron's schemas that is not declared, and none declared that Aeron does not have.
#[test]
fn every_message_of_the_schemas_is_declared() {
    messages::check_complete(&table(), &vectors());
}

/// 06 §2: offsets, block lengths, order of variable data.
#[test]
fn every_message_reads_and_writes_as_aeron_writes_it() {
    messages::check_both_ways(&table(), &vectors());
}

#[test]
fn every_message_that_is_cut_off_is_refused() {
    messages::check_cut_off(&table(), &vectors());
}

/// 06 §1 rule 2, §2.4: the header's block length counts, and trailing bytes are tolerated.
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

/// 06 §2.1, §2.2, §2.5: which stream carries what.
#[test]
fn each_stream_knows_its_messages_and_no_others() {
    for Vector { name, bytes, .. } in vectors() {
        let known = [
            !matches!(
                ControlRequest::decode(&bytes),
                Ok(ControlRequest::Unknown(_)) | Err(_)
            ),
            !matches!(
                ControlReply::decode(&bytes),
                Ok(ControlReply::Unknown(_)) | Err(_)
            ),
            !matches!(
                RecordingEvent::decode(&bytes),
                Ok(RecordingEvent::Unknown(_)) | Err(_)
            ),
        ];
        let expected = match name.as_str() {
            "CatalogHeader" | "RecordingDescriptorHeader" | "MarkFileHeader" => {
                [false, false, false]
            }
            "RecordingStarted" | "RecordingProgress" | "RecordingStopped" => [false, false, true],
            "ControlResponse"
            | "RecordingDescriptor"
            | "RecordingSubscriptionDescriptor"
            | "RecordingSignalEvent"
            | "Challenge"
            | "Ping" => [false, true, false],
            _ => [true, false, false],
        };
        assert_eq!(known, expected, "{name}");
    }
}
