//! The archive client against Aeron's own archive (06 §5–§8).

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test with a real archive lives in real time"
)]

use std::{
    thread,
    time::{Duration, Instant},
};

use taranis_archive::{
    client::{Archive, ArchiveContext, ArchiveError, Replay},
    codecs::SourceLocation,
};
use taranis_runtime::testing::{FreshDir, peer::Peer};
use taranis_transport::client::{Client, Context, Handlers};

const PATIENCE: Duration = Duration::from_secs(60);
const STREAM: i32 = 1001;
const CHANNEL: &str = "aeron:ipc?term-length=64k";
const MESSAGES: usize = 2_000;

struct JavaArchive {
    _peer: Peer,
    control_channel: String,
    fresh: FreshDir,
}

impl JavaArchive {
    fn start(test: &str) -> Option<Self> {
        let fresh = FreshDir::on_disk(test);
        let mut peer = Peer::java(
            "tests/peers/ArchivePeer.java",
            &[fresh.path().to_str().unwrap()],
        )?;
        let control_channel = peer.ready(PATIENCE).unwrap();
        Some(Self {
            _peer: peer,
            control_channel,
            fresh,
        })
    }

    fn client(&self) -> Client {
        let context = Context::new(self.fresh.join("driver"));
        Client::launch(context, Handlers::default()).unwrap()
    }

    fn context(&self) -> ArchiveContext {
        ArchiveContext {
            control_channel: self.control_channel.clone(),
            control_response_channel: "aeron:udp?endpoint=127.0.0.1:0".to_owned(),
            ..ArchiveContext::default()
        }
    }
}

fn message(number: usize) -> Vec<u8> {
    (0..64 + number % 1_500)
        .map(|at| (number * 31 + at) as u8)
        .collect()
}

fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn records_lists_and_replays_with_a_java_archive() {
    let Some(java) = JavaArchive::start("archive-client") else {
        return;
    };
    let (mut application, mut client) = (java.client(), java.client());
    let mut archive = Archive::connect(&mut client, java.context()).unwrap();
    let subscription_id = archive
        .start_recording(CHANNEL, STREAM, SourceLocation::Local)
        .unwrap();

    let mut publication = application
        .add_exclusive_publication(CHANNEL, STREAM)
        .unwrap();
    let mut bytes = 0;
    for number in 0..MESSAGES {
        let message = message(number);
        bytes += message.len();
        until("the message is taken", || publication.offer(&message).ok());
    }
    let end = publication.position();
    let recording_id = until("the recording is known", || {
        archive
            .find_last_matching_recording(0, "aeron:ipc", STREAM, publication.session_id())
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

    let recordings = archive.list_recordings(0, 10).unwrap();
    assert_eq!(recordings.len(), 1);
    assert_eq!(
        (recordings[0].recording_id, recordings[0].stop_position),
        (recording_id, end)
    );
    assert_eq!(recordings[0].stream_id, STREAM);

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
    println!(
        "peer-row: peer=java-archive direction=ours-to-java transport=udp messages={MESSAGES} bytes={bytes}"
    );
    archive.close();
}

#[test]
fn refusals_carry_the_archives_code_and_words() {
    let Some(java) = JavaArchive::start("archive-refusals") else {
        return;
    };
    let mut client = java.client();
    let mut archive = Archive::connect(&mut client, java.context()).unwrap();
    let refused = archive.stop_position(4_711).unwrap_err();
    let ArchiveError::Refused { code, message, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(code, 5);
    assert!(message.contains("unknown recording id: 4711"), "{message}");
    let missing = archive
        .find_last_matching_recording(0, "aeron:ipc", 5, 6)
        .unwrap();
    assert_eq!(missing, None);
}
