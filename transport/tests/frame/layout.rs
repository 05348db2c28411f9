//! Frames to the byte, written out by hand from the tables of 03 §1.

use crate::samples::{
    HEARTBEAT, NAK, RESPONSE, RTTM, SETUP, STATUS, datagram, error, resolution, written,
};
use taranis_transport::frame::{GroupTag, Heartbeat, StatusMessage, StreamState};

const MINUS_SEVEN: [u8; 4] = [0xF9, 0xFF, 0xFF, 0xFF];
const STREAM_1001: [u8; 4] = [0xE9, 0x03, 0, 0];
const RECEIVER_MINUS_3: [u8; 8] = [0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// 03 §1.4
#[test]
fn a_setup_has_forty_bytes_in_this_order() {
    let expected = joined(&[
        &[40, 0, 0, 0, 0, 0x40, 5, 0],
        &[96, 0, 0, 0],
        &MINUS_SEVEN,
        &STREAM_1001,
        &[0xFF, 0xFF, 0xFF, 0x7F],
        &[0, 0, 0, 0x80],
        &[0, 0, 1, 0],
        &[0x80, 5, 0, 0],
        &[4, 0, 0, 0],
    ]);
    assert_eq!(written(64, |out| SETUP.encode(out).unwrap()), expected);
}

/// 03 §1.5
#[test]
fn a_status_message_has_an_unaligned_receiver_id_and_maybe_a_group_tag() {
    let body = joined(&[
        &MINUS_SEVEN,
        &STREAM_1001,
        &[5, 0, 0, 0],
        &[64, 0, 0, 0],
        &[0, 0x80, 0, 0],
        &RECEIVER_MINUS_3,
    ]);
    let untagged = joined(&[&[36, 0, 0, 0, 0, 0x40, 3, 0], &body]);
    assert_eq!(written(64, |out| STATUS.encode(out).unwrap()), untagged);
    let tagged = joined(&[
        &[44, 0, 0, 0, 0, 0x40, 3, 0],
        &body,
        &[77, 0, 0, 0, 0, 0, 0, 0],
    ]);
    let message = StatusMessage {
        group_tag: GroupTag::Present(77),
        ..STATUS
    };
    assert_eq!(written(64, |out| message.encode(out).unwrap()), tagged);
}

/// 03 §1.6
#[test]
fn a_nak_has_twenty_eight_bytes() {
    let expected = joined(&[
        &[28, 0, 0, 0, 0, 0, 2, 0],
        &MINUS_SEVEN,
        &STREAM_1001,
        &[5, 0, 0, 0],
        &[64, 0, 0, 0],
        &[0, 16, 0, 0],
    ]);
    assert_eq!(written(64, |out| NAK.encode(out).unwrap()), expected);
}

/// 03 §1.7
#[test]
fn an_error_frame_is_as_long_as_its_text() {
    let expected = joined(&[
        &[43, 0, 0, 0, 0, 0x08, 4, 0],
        &MINUS_SEVEN,
        &STREAM_1001,
        &RECEIVER_MINUS_3,
        &[77, 0, 0, 0, 0, 0, 0, 0],
        &[13, 0, 0, 0],
        &[3, 0, 0, 0],
        b"bad",
    ]);
    assert_eq!(
        written(64, |out| error(b"bad", Some(77)).encode(out).unwrap()),
        expected
    );
}

/// 03 §1.8
#[test]
fn a_round_trip_measurement_has_forty_bytes() {
    let expected = joined(&[
        &[40, 0, 0, 0, 0, 0x80, 6, 0],
        &MINUS_SEVEN,
        &STREAM_1001,
        &[0x15, 0xCD, 0x5B, 0x07, 0, 0, 0, 0],
        &[42, 0, 0, 0, 0, 0, 0, 0],
        &RECEIVER_MINUS_3,
    ]);
    assert_eq!(written(64, |out| RTTM.encode(out).unwrap()), expected);
    let answer = RTTM.answer();
    assert!(RTTM.wants_answer() && !answer.wants_answer());
    assert_eq!(
        (answer.echo_timestamp_ns, answer.reception_delta_ns),
        (RTTM.echo_timestamp_ns, 0)
    );
}

/// 03 §1.9
#[test]
fn a_response_setup_has_twenty_bytes() {
    let expected = joined(&[
        &[20, 0, 0, 0, 0, 0, 0x0B, 0],
        &MINUS_SEVEN,
        &STREAM_1001,
        &[9, 0, 0, 0],
    ]);
    assert_eq!(written(64, |out| RESPONSE.encode(out).unwrap()), expected);
}

/// 03 §1.3
#[test]
fn a_heartbeat_is_a_data_header_of_length_zero() {
    for (state, flags) in [
        (StreamState::Open, 0xC0),
        (StreamState::Ended, 0xE0),
        (StreamState::Revoked, 0xF0),
    ] {
        let expected = joined(&[
            &[0, 0, 0, 0, 0, flags, 1, 0],
            &[64, 0, 0, 0],
            &MINUS_SEVEN,
            &STREAM_1001,
            &[5, 0, 0, 0],
            &[0; 8],
        ]);
        assert_eq!(
            written(32, |out| Heartbeat { state, ..HEARTBEAT }
                .encode(out)
                .unwrap()),
            expected
        );
    }
}

/// 03 §1.3
#[test]
fn data_and_padding_share_a_header() {
    let expected = joined(&[
        &[34, 0, 0, 0, 0, 0xC0, 1, 0],
        &[64, 0, 0, 0],
        &MINUS_SEVEN,
        &STREAM_1001,
        &[5, 0, 0, 0],
        &[8, 7, 6, 5, 4, 3, 2, 1],
        &[0xAB; 32],
        &[96, 0, 0, 0, 0, 0xC0, 0, 0],
        &[0x80, 0, 0, 0],
        &MINUS_SEVEN,
        &STREAM_1001,
        &[5, 0, 0, 0],
        &[8, 7, 6, 5, 4, 3, 2, 1],
    ]);
    assert_eq!(datagram(64, &[(34, false), (96, true)]), expected);
}

/// 03 §1.10: entries are padded to eight bytes; the port is little-endian, the address in network order.
#[test]
fn resolution_entries_are_padded_to_eight_bytes() {
    let expected = joined(&[
        &[64, 0, 0, 0, 0, 0, 7, 0],
        &[1, 0x80, 0x72, 0x1F, 0, 0, 0, 0, 127, 0, 0, 1, 6, 0],
        b"node-a",
        &[0; 4],
        &[2, 0, 0x73, 0x1F, 250, 0, 0, 0],
        &[0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[1, 0],
        b"b",
        &[0; 5],
    ]);
    assert_eq!(resolution(), expected);
}
