//! One valid frame of every form, as bytes.

use taranis_transport::frame::{
    DataHeader, ErrorFrame, GroupTag, Heartbeat, Nak, ResolutionEntry, ResolutionWriter,
    ResponseSetup, Rttm, Setup, StatusMessage, StreamState,
};

pub(crate) const TERM_LENGTH: i32 = 64 * 1024;

pub(crate) const SETUP: Setup = Setup {
    flags: Setup::FLAG_GROUP,
    term_offset: 96,
    session_id: -7,
    stream_id: 1001,
    initial_term_id: i32::MAX,
    active_term_id: i32::MIN,
    term_length: TERM_LENGTH,
    mtu_length: 1408,
    ttl: 4,
};

pub(crate) const STATUS: StatusMessage = StatusMessage {
    flags: StatusMessage::FLAG_EOS,
    session_id: -7,
    stream_id: 1001,
    consumption_term_id: 5,
    consumption_term_offset: 64,
    receiver_window: 32 * 1024,
    receiver_id: -3,
    group_tag: GroupTag::Absent,
};

pub(crate) const NAK: Nak = Nak {
    session_id: -7,
    stream_id: 1001,
    term_id: 5,
    term_offset: 64,
    length: 4096,
};

pub(crate) const RTTM: Rttm = Rttm {
    flags: Rttm::FLAG_REPLY,
    session_id: -7,
    stream_id: 1001,
    echo_timestamp_ns: 123_456_789,
    reception_delta_ns: 42,
    receiver_id: -3,
};

pub(crate) const RESPONSE: ResponseSetup = ResponseSetup {
    session_id: -7,
    stream_id: 1001,
    response_session_id: 9,
};

pub(crate) const HEARTBEAT: Heartbeat = Heartbeat {
    session_id: -7,
    stream_id: 1001,
    term_id: 5,
    term_offset: 64,
    state: StreamState::Ended,
};

pub(crate) fn error(text: &[u8], group_tag: Option<i64>) -> ErrorFrame<'_> {
    ErrorFrame {
        session_id: -7,
        stream_id: 1001,
        receiver_id: -3,
        group_tag,
        error_code: 13,
        text,
    }
}

pub(crate) fn written(length: usize, write: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut bytes = vec![0xEE; length];
    let used = write(&mut bytes);
    bytes.truncate(used);
    bytes
}

/// A datagram of frames as they lie in a term: `(frame_length, is_padding)` from `term_offset` on.
pub(crate) fn datagram(term_offset: i32, frames: &[(i32, bool)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = term_offset;
    for &(frame_length, is_padding) in frames {
        let aligned = (frame_length + 31) & !31;
        let header = DataHeader {
            frame_length,
            flags: DataHeader::FLAGS_UNFRAGMENTED,
            is_padding,
            term_offset: at,
            session_id: -7,
            stream_id: 1001,
            term_id: 5,
            reserved_value: 0x0102_0304_0506_0708,
        };
        let mut frame = vec![
            0xAB;
            if is_padding {
                32
            } else {
                usize::try_from(aligned).unwrap()
            }
        ];
        header.encode(&mut frame).unwrap();
        bytes.extend_from_slice(&frame);
        at += aligned;
    }
    bytes
}

pub(crate) fn resolution() -> Vec<u8> {
    written(256, |out| {
        let mut writer = ResolutionWriter::new(out);
        let entries = [
            ResolutionEntry {
                is_self: true,
                udp_port: 8050,
                age_in_ms: 0,
                address: [127, 0, 0, 1].into(),
                name: b"node-a",
            },
            ResolutionEntry {
                is_self: false,
                udp_port: 8051,
                age_in_ms: 250,
                address: "fe80::1".parse::<std::net::Ipv6Addr>().unwrap().into(),
                name: b"b",
            },
        ];
        for entry in &entries {
            assert!(writer.add(entry).unwrap());
        }
        writer.finish().unwrap()
    })
}

/// Every control frame with its name.
pub(crate) fn control_frames() -> Vec<(&'static str, Vec<u8>)> {
    let tagged = StatusMessage {
        group_tag: GroupTag::Present(77),
        ..STATUS
    };
    vec![
        ("SETUP", written(64, |out| SETUP.encode(out).unwrap())),
        ("SM", written(64, |out| STATUS.encode(out).unwrap())),
        ("tagged SM", written(64, |out| tagged.encode(out).unwrap())),
        ("NAK", written(64, |out| NAK.encode(out).unwrap())),
        ("RTTM", written(64, |out| RTTM.encode(out).unwrap())),
        (
            "RSP_SETUP",
            written(64, |out| RESPONSE.encode(out).unwrap()),
        ),
        (
            "ERR",
            written(64, |out| error(b"too slow", None).encode(out).unwrap()),
        ),
        (
            "tagged ERR",
            written(64, |out| error(b"", Some(77)).encode(out).unwrap()),
        ),
        ("RES", resolution()),
    ]
}

/// Every form of data datagram with its name.
pub(crate) fn data_datagrams() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "heartbeat",
            written(32, |out| HEARTBEAT.encode(out).unwrap()),
        ),
        ("data", datagram(64, &[(100, false)])),
        (
            "batch",
            datagram(0, &[(32, false), (33, false), (96, false)]),
        ),
        (
            "data and padding",
            datagram(TERM_LENGTH - 1024, &[(70, false), (928, true)]),
        ),
        ("padding", datagram(TERM_LENGTH - 4096, &[(4096, true)])),
    ]
}
