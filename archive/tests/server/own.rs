//! Both ends ours: what these show is that they agree with each other.

use taranis_archive::{
    client::{Archive, Replay},
    codecs::SourceLocation,
};
use taranis_transport::client::{Client, ExclusivePublication};

use crate::harness::{OurNode, until};

const STREAM: i32 = 1001;
const CHANNEL: &str = "aeron:ipc?term-length=64k";
const MESSAGES: usize = 2_000;

fn message(number: usize) -> Vec<u8> {
    (0..64 + number % 1_300)
        .map(|at| (number * 31 + at) as u8)
        .collect()
}

fn publish(publication: &mut ExclusivePublication, numbers: std::ops::Range<usize>) -> i64 {
    for number in numbers {
        let message = message(number);
        until("the message is taken", || publication.offer(&message).ok());
    }
    publication.position()
}

/// Records all messages; returns recording id, where it ends.
fn record(archive: &mut Archive<'_>, application: &mut Client) -> (i64, i64) {
    let subscription_id = archive
        .start_recording(CHANNEL, STREAM, SourceLocation::Local)
        .unwrap();
    let mut publication = application
        .add_exclusive_publication(CHANNEL, STREAM)
        .unwrap();
    let end = publish(&mut publication, 0..MESSAGES);
    let session_id = publication.session_id();
    let recording_id = until("the recording is known", || {
        archive
            .find_last_matching_recording(0, "aeron:ipc", STREAM, session_id)
            .unwrap()
    });
    until("everything is recorded", || {
        archive
            .recording_position(recording_id)
            .unwrap()
            .filter(|at| *at == end)
    });
    archive.stop_recording(subscription_id).unwrap();
    until("the recording stops", || {
        archive
            .stop_position(recording_id)
            .unwrap()
            .filter(|at| *at == end)
    });
    (recording_id, end)
}

fn replay_all(archive: &mut Archive<'_>, recording_id: i64, end: i64) {
    let replay = Replay {
        recording_id,
        position: 0,
        length: end,
        channel: "aeron:ipc?term-length=64k",
        stream_id: 7,
        limit_counter_id: None,
    };
    let mut subscription = archive.replay(&replay).unwrap();
    let mut number = 0;
    until("all of it is replayed", || {
        subscription.poll(64, |replayed| {
            assert_eq!(replayed.payload, message(number), "message {number}");
            number += 1;
        });
        (number == MESSAGES).then_some(())
    });
}

#[test]
fn both_ours_a_recording_is_replayed_also_after_a_restart() {
    let mut node = OurNode::start("archive-own");
    let (mut application, mut client) = (node.client(), node.client());
    let mut archive = Archive::connect(&mut client, node.context()).unwrap();
    let (recording_id, end) = record(&mut archive, &mut application);
    replay_all(&mut archive, recording_id, end);
    archive.close();

    node.stop_archive();
    node.start_archive();
    let mut client = node.client();
    let mut archive = Archive::connect(&mut client, node.context()).unwrap();
    let recordings = archive.list_recordings(0, 10).unwrap();
    assert_eq!(recordings.len(), 1);
    assert_eq!(recordings[0].stop_position, end);
    replay_all(&mut archive, recording_id, end);
    archive.close();
}
