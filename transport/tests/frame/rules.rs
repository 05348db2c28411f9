//! Which frames are refused (03 §1.11.2), and that nothing is written that a peer would refuse.

use crate::samples::{NAK, SETUP, STATUS, TERM_LENGTH, error, written};
use taranis_transport::frame::limits::{is_term_length, max_message_length};
use taranis_transport::frame::{ErrorFrame, Frame, GroupTag, Nak, Setup, StatusMessage};

fn patched(bytes: &[u8], at: usize, value: &[u8]) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    copy[at..at + value.len()].copy_from_slice(value);
    copy
}

/// 03 §1.11.2 rule 1
#[test]
fn any_packet_has_eight_bytes_version_zero_a_known_type_and_no_negative_length() {
    let nak = written(28, |out| NAK.encode(out).unwrap());
    assert!(Frame::decode(&nak).is_ok());
    assert_eq!(
        Frame::decode(&nak[..7]).unwrap_err().rule(),
        "a packet has at least 8 bytes"
    );
    assert_eq!(
        Frame::decode(&patched(&nak, 4, &[1])).unwrap_err().rule(),
        "the frame version is 0"
    );
    let negative = Frame::decode(&patched(&nak, 0, &[0xFF; 4])).unwrap_err();
    assert_eq!(negative.to_string(), "a frame length is not negative");
    for reserved in [0x08_i16, 0x09, 0x0A, 0x0C, -1] {
        assert!(
            Frame::decode(&patched(&nak, 6, &reserved.to_le_bytes())).is_err(),
            "type {reserved}"
        );
    }
}

/// 03 §1.11.2 rule 1: a frame may be shorter than its packet, not longer; a SETUP's length is not looked at.
#[test]
fn a_control_frame_claims_no_more_than_its_packet() {
    for (name, bytes) in crate::samples::control_frames() {
        let longer = u32::try_from(bytes.len() + 1).unwrap();
        let refused = Frame::decode(&patched(&bytes, 0, &longer.to_le_bytes())).is_err();
        assert_eq!(refused, name != "SETUP", "{name}");
    }
}

/// 03 §1.11.2 rule 3
#[test]
fn a_setup_describes_a_stream_that_can_exist() {
    let good = [
        SETUP,
        Setup {
            mtu_length: 32,
            ..SETUP
        },
        Setup {
            mtu_length: 65_504,
            term_length: 1 << 30,
            ..SETUP
        },
        Setup {
            term_offset: TERM_LENGTH - 32,
            ..SETUP
        },
    ];
    for setup in good {
        let bytes = written(40, |out| setup.encode(out).unwrap());
        assert_eq!(Setup::decode(&bytes).unwrap(), setup);
    }
    let bad = [
        Setup {
            term_length: 3,
            ..SETUP
        },
        Setup {
            term_length: 0,
            ..SETUP
        },
        Setup {
            term_length: 32 * 1024,
            ..SETUP
        },
        Setup {
            term_length: i32::MIN,
            ..SETUP
        },
        Setup {
            term_length: TERM_LENGTH + 32,
            ..SETUP
        },
        Setup {
            term_offset: -32,
            ..SETUP
        },
        Setup {
            term_offset: TERM_LENGTH,
            ..SETUP
        },
        Setup {
            term_offset: 33,
            ..SETUP
        },
        Setup {
            mtu_length: 0,
            ..SETUP
        },
        Setup {
            mtu_length: -32,
            ..SETUP
        },
        Setup {
            mtu_length: 65_536,
            ..SETUP
        },
        Setup {
            mtu_length: 1400,
            ..SETUP
        },
    ];
    let mut bytes = written(40, |out| SETUP.encode(out).unwrap());
    for setup in bad {
        assert!(setup.encode(&mut [0; 40]).is_err(), "written: {setup:?}");
        bytes[8..12].copy_from_slice(&setup.term_offset.to_le_bytes());
        bytes[28..32].copy_from_slice(&setup.term_length.to_le_bytes());
        bytes[32..36].copy_from_slice(&setup.mtu_length.to_le_bytes());
        assert!(Frame::decode(&bytes).is_err(), "read: {setup:?}");
    }
}

/// 03 §1.11.2 rule 4
#[test]
fn a_nak_names_a_range_inside_one_term() {
    for (term_offset, length, good) in [
        (0, 0, true),
        (0, TERM_LENGTH, true),
        (TERM_LENGTH - 32, 32, true),
        (TERM_LENGTH - 32, 33, false),
        (TERM_LENGTH, 0, false),
        (-32, 64, false),
        (16, 32, false),
        (0, -1, false),
        (TERM_LENGTH - 32, i32::MAX, false),
    ] {
        let nak = Nak {
            term_offset,
            length,
            ..NAK
        };
        assert_eq!(
            nak.check(TERM_LENGTH).is_ok(),
            good,
            "{term_offset} {length}"
        );
    }
    assert!(Nak { length: -1, ..NAK }.encode(&mut [0; 28]).is_err());
}

/// 03 §1.11.2 rule 5
#[test]
fn a_status_message_lies_in_the_term_and_offers_at_most_half_of_it() {
    for (offset, window, good) in [
        (0, 0, true),
        (TERM_LENGTH - 32, TERM_LENGTH / 2, true),
        (0, TERM_LENGTH / 2 + 1, false),
        (0, -1, false),
        (TERM_LENGTH, 0, false),
        (-32, 0, false),
        (20, 0, false),
    ] {
        let message = StatusMessage {
            consumption_term_offset: offset,
            receiver_window: window,
            ..STATUS
        };
        assert_eq!(
            message.check(Some(TERM_LENGTH)).is_ok(),
            good,
            "{offset} {window}"
        );
    }
    let of_unknown_stream = StatusMessage {
        consumption_term_offset: TERM_LENGTH,
        receiver_window: 1 << 29,
        ..STATUS
    };
    assert!(of_unknown_stream.check(None).is_ok());
    assert!(
        StatusMessage {
            receiver_window: -1,
            ..STATUS
        }
        .encode(&mut [0; 44])
        .is_err()
    );
}

/// 03 §1.5: any other length counts as untagged and is reported, not refused.
#[test]
fn a_status_message_of_odd_length_is_untagged() {
    let mut bytes = written(36, |out| STATUS.encode(out).unwrap());
    bytes.extend_from_slice(&[1, 2, 3, 4]);
    bytes[0] = 40;
    assert_eq!(
        StatusMessage::decode(&bytes).unwrap().group_tag,
        GroupTag::OddLength
    );
    assert!(
        StatusMessage {
            group_tag: GroupTag::OddLength,
            ..STATUS
        }
        .encode(&mut [0; 64])
        .is_err()
    );
}

/// 03 §1.11.2 rule 6
#[test]
fn an_error_text_has_at_most_1023_bytes_and_ends_in_its_frame() {
    let long = [b'x'; 1024];
    assert!(error(&long, None).encode(&mut [0; 2048]).is_err());
    let bytes = written(1063, |out| error(&long[..1023], None).encode(out).unwrap());
    assert_eq!(ErrorFrame::decode(&bytes).unwrap().text.len(), 1023);

    let bytes = written(64, |out| error(b"reason", None).encode(out).unwrap());
    for length in [-1_i32, 7, 1024] {
        assert!(
            ErrorFrame::decode(&patched(&bytes, 36, &length.to_le_bytes())).is_err(),
            "{length}"
        );
    }
    let shorter_frame = patched(&bytes, 0, &45_i32.to_le_bytes());
    assert_eq!(
        ErrorFrame::decode(&shorter_frame).unwrap_err().rule(),
        "an error text ends inside its frame"
    );
    let inside = ErrorFrame::decode(&bytes).unwrap();
    assert_eq!((inside.text, inside.group_tag), (&b"reason"[..], None));
}

#[test]
fn a_frame_is_not_written_into_less_room_than_it_needs() {
    assert!(SETUP.encode(&mut [0; 39]).is_err());
    assert!(STATUS.encode(&mut [0; 35]).is_err());
    assert!(
        StatusMessage {
            group_tag: GroupTag::Present(1),
            ..STATUS
        }
        .encode(&mut [0; 43])
        .is_err()
    );
    assert!(NAK.encode(&mut [0; 27]).is_err());
    assert!(error(b"abc", None).encode(&mut [0; 42]).is_err());
}

/// 03 §0
#[test]
fn term_and_message_lengths_have_these_limits() {
    assert!(is_term_length(65_536) && is_term_length(1 << 30));
    assert!(
        !is_term_length(32_768)
            && !is_term_length(65_537)
            && !is_term_length(i32::MIN)
            && !is_term_length(0)
    );
    assert_eq!(max_message_length(65_536), 8_192);
    assert_eq!(max_message_length(1 << 30), 16 * 1024 * 1024);
}
