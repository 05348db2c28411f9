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

/// Records all messages; returns recording id, position in the middle, where it ends.
fn record(archive: &mut Archive<'_>, application: &mut Client) -> (i64, i64, i64) {
    let subscription_id = archive
        .start_recording(CHANNEL, STREAM, SourceLocation::Local)
        .unwrap();
    let mut publication = application
        .add_exclusive_publication(CHANNEL, STREAM)
        .unwrap();
    let middle = publish(&mut publication, 0..MESSAGES / 2);
    let end = publish(&mut publication, MESSAGES / 2..MESSAGES);
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
    (recording_id, middle, end)
}

fn replay(archive: &mut Archive<'_>, recording_id: i64, end: i64, messages: usize) {
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
        (number == messages).then_some(())
    });
}

#[test]
fn both_ours_a_recording_is_replayed_also_after_a_restart() {
    let mut node = OurNode::start("archive-own");
    let (mut application, mut client) = (node.client(), node.client());
    let mut archive = Archive::connect(&mut client, node.context()).unwrap();
    let (recording_id, _, end) = record(&mut archive, &mut application);
    replay(&mut archive, recording_id, end, MESSAGES);
    archive.close();

    node.stop_archive();
    node.start_archive();
    let mut client = node.client();
    let mut archive = Archive::connect(&mut client, node.context()).unwrap();
    let recordings = archive.list_recordings(0, 10).unwrap();
    assert_eq!(recordings.len(), 1);
    assert_eq!(recordings[0].stop_position, end);
    replay(&mut archive, recording_id, end, MESSAGES);
    archive.close();
}

/// 07 §5.2
#[test]
fn both_ours_a_truncation_inside_a_term_cuts_between_frames_and_nowhere_else() {
    let mut node = OurNode::start("archive-truncation");
    let (mut application, mut client) = (node.client(), node.client());
    let mut archive = Archive::connect(&mut client, node.context()).unwrap();
    let (recording_id, middle, end) = record(&mut archive, &mut application);
    assert_ne!(middle % (64 << 10), 0, "inside a term");

    let refused = archive.truncate_recording(recording_id, middle + 32);
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("not aligned to a data header"),
        "{refused}"
    );
    assert_eq!(archive.stop_position(recording_id).unwrap(), Some(end));

    archive.truncate_recording(recording_id, middle).unwrap();
    assert_eq!(archive.stop_position(recording_id).unwrap(), Some(middle));
    replay(&mut archive, recording_id, middle, MESSAGES / 2);
    archive.close();

    node.stop_archive();
    node.start_archive();
    let mut client = node.client();
    let mut archive = Archive::connect(&mut client, node.context()).unwrap();
    assert_eq!(archive.stop_position(recording_id).unwrap(), Some(middle));
    replay(&mut archive, recording_id, middle, MESSAGES / 2);
    archive.close();
}
