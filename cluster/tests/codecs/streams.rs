//! Which stream carries what (08 §1.3 to §1.9).

use taranis_cluster::codecs::ingress::SessionKeepAlive;
use taranis_cluster::codecs::{
    CLUSTER, ConsensusMessage, EgressMessage, IngressMessage, LogEvent, ModuleControl,
    ServiceControl, SessionMessage, SessionMessageHeader, SnapshotRecord,
};
use taranis_runtime::sbe::{Decode as _, Malformed, Message as _, MessageHeader};
use taranis_runtime::testing::messages;

use super::vectors;

/// The names of the streams that know the message.
fn streams(bytes: &[u8]) -> Vec<&'static str> {
    let mut streams = Vec::new();
    macro_rules! ask {
        ($($stream:ident)+) => {$(
            if !matches!($stream::decode(bytes), Ok($stream::Unknown(_)) | Err(_)) {
                streams.push(stringify!($stream));
            }
        )+};
    }
    ask!(IngressMessage EgressMessage LogEvent ModuleControl ServiceControl ConsensusMessage SnapshotRecord);
    streams
}

#[test]
fn each_message_is_known_on_its_streams_alone() {
    let mut carried = 0;
    for vector in vectors() {
        let (header, _) = MessageHeader::decode(&vector.bytes).unwrap();
        let expected: &[&str] = match header.template_id {
            _ if header.schema_id != CLUSTER.id => &[],
            1 => &[
                "IngressMessage",
                "EgressMessage",
                "LogEvent",
                "ModuleControl",
                "SnapshotRecord",
            ],
            3..=5 | 26 => &["IngressMessage"],
            8 => &["IngressMessage", "ConsensusMessage"],
            2 | 6 | 7 | 27 => &["EgressMessage"],
            20..=25 => &["LogEvent"],
            30..=35 => &["ModuleControl"],
            40..=43 | 108 => &["ServiceControl"],
            50..=81 => &["ConsensusMessage"],
            100..=107 => &["SnapshotRecord"],
            other => panic!("template {other} is on no stream"),
        };
        assert_eq!(streams(&vector.bytes), expected, "{}", vector.name);
        carried += expected.len();
    }
    assert!(carried > 50);
}

/// 08 §1.1, §1.9: an unknown template is ignored, another schema is the caller's affair.
#[test]
fn unknown_templates_are_told_from_other_schemas() {
    let mut bytes = messages::bytes("100005006f0010000100000000000000");
    bytes.extend([2, 0, 0, 0, 0, 0, 0, 0]);
    let keep_alive = SessionKeepAlive {
        leadership_term_id: 1,
        cluster_session_id: 2,
    };
    assert_eq!(
        IngressMessage::decode(&bytes),
        Ok(IngressMessage::SessionKeepAlive(keep_alive))
    );
    bytes[2] = 200;
    let header = MessageHeader {
        template_id: 200,
        ..SessionKeepAlive::HEADER
    };
    assert_eq!(
        IngressMessage::decode(&bytes),
        Ok(IngressMessage::Unknown(header))
    );
    bytes[4] = 7;
    let other = Malformed::Schema {
        expected: 111,
        actual: 7,
    };
    assert_eq!(IngressMessage::decode(&bytes), Err(other));
}

/// 08 §1.1 (last trap), §1.3: the payload begins 32 bytes after the start and runs to the end.
#[test]
fn an_application_message_stands_right_behind_its_header() {
    let message = SessionMessage {
        header: SessionMessageHeader {
            leadership_term_id: 1,
            cluster_session_id: 2,
            timestamp: 3,
        },
        payload: b"bid 7",
    };
    let mut bytes = vec![0; message.encoded_len()];
    message.encode(&mut bytes).unwrap();
    assert_eq!(bytes.len(), SessionMessageHeader::LENGTH + 5);
    assert_eq!(&bytes[32..], b"bid 7");
    assert_eq!(
        LogEvent::decode(&bytes),
        Ok(LogEvent::SessionMessage(message))
    );

    bytes[0] = 28;
    assert_eq!(
        SessionMessage::decode(&bytes),
        Ok(message),
        "by the static block length"
    );
    assert!(
        SessionMessage::decode(&bytes[..31]).is_err(),
        "cut off in the header"
    );
}
