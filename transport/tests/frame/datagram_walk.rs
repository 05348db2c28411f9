//! The walk over a datagram's frames (03 §1.11.2 rule 2; hostile frames as in the field).

use crate::samples::{HEARTBEAT, TERM_LENGTH, datagram, written};
use taranis_transport::frame::{DataDatagram, Frame, Heartbeat, Invalid, StreamState, TermSpan};

fn walk(bytes: &[u8]) -> Result<TermSpan, Invalid> {
    DataDatagram::decode(bytes)?.walk(TERM_LENGTH)
}

fn set(bytes: &mut [u8], at: usize, value: i32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn a_batch_of_frames_is_one_span_of_the_term() {
    let bytes = datagram(64, &[(100, false), (32, false), (33, false)]);
    assert_eq!(
        walk(&bytes).unwrap(),
        TermSpan {
            term_offset: 64,
            length: 128 + 32 + 64,
            copied: 224
        }
    );
}

#[test]
fn a_padding_counts_whole_though_only_its_header_travels() {
    let bytes = datagram(TERM_LENGTH - 1024, &[(96, false), (928, true)]);
    assert_eq!(
        walk(&bytes).unwrap(),
        TermSpan {
            term_offset: TERM_LENGTH - 1024,
            length: 1024,
            copied: 128
        }
    );
    let alone = datagram(TERM_LENGTH - 32, &[(32, true)]);
    assert_eq!(
        walk(&alone).unwrap(),
        TermSpan {
            term_offset: TERM_LENGTH - 32,
            length: 32,
            copied: 32
        }
    );
}

#[test]
fn a_heartbeat_proposes_its_own_position() {
    let bytes = written(32, |out| HEARTBEAT.encode(out).unwrap());
    assert_eq!(
        walk(&bytes).unwrap(),
        TermSpan {
            term_offset: 64,
            length: 0,
            copied: 0
        }
    );
    let mut longer = bytes;
    longer.extend_from_slice(&[0; 32]);
    assert_eq!(
        walk(&longer).unwrap_err().rule(),
        "a data frame's length is at least 32"
    );
}

#[test]
fn only_a_heartbeat_ends_a_stream() {
    for state in [StreamState::Open, StreamState::Ended, StreamState::Revoked] {
        let bytes = written(32, |out| {
            Heartbeat { state, ..HEARTBEAT }.encode(out).unwrap()
        });
        let datagram = DataDatagram::decode(&bytes).unwrap();
        assert_eq!(datagram.stream_state(), Some(state));
        assert_eq!(datagram.frames().count(), 0);
    }
    let mut data = datagram(64, &[(100, false)]);
    data[5] = 0xE0;
    assert_eq!(DataDatagram::decode(&data).unwrap().stream_state(), None);
}

#[test]
fn the_first_frame_starts_on_a_boundary_inside_the_term() {
    for term_offset in [-32, 16, TERM_LENGTH, i32::MAX - 31] {
        let mut bytes = datagram(0, &[(64, false)]);
        set(&mut bytes, 8, term_offset);
        assert!(walk(&bytes).is_err(), "{term_offset}");
    }
    let mut heartbeat = written(32, |out| HEARTBEAT.encode(out).unwrap());
    set(&mut heartbeat, 8, TERM_LENGTH);
    assert!(walk(&heartbeat).is_err());
}

#[test]
fn a_frame_with_a_hostile_length_is_refused() {
    for frame_length in [0, 1, 16, 31, -1, i32::MIN, i32::MAX, TERM_LENGTH + 1] {
        let mut bytes = datagram(0, &[(64, false)]);
        set(&mut bytes, 0, frame_length);
        assert!(walk(&bytes).is_err(), "{frame_length}");
    }
}

#[test]
fn a_bad_second_frame_condemns_the_good_first_one() {
    let good = datagram(0, &[(64, false), (64, false)]);
    assert!(walk(&good).is_ok());
    for (what, at, value) in [
        ("short", 64, 16),
        ("negative", 64, -1),
        ("huge", 64, i32::MAX),
        ("cut", 64, 96),
        ("elsewhere", 72, 96),
        ("earlier", 72, 0),
    ] {
        let mut bytes = good.clone();
        set(&mut bytes, at, value);
        assert!(walk(&bytes).is_err(), "{what}");
    }
    for frame_type in [2, 3, 5, 9, 0x7F] {
        let mut bytes = good.clone();
        bytes[70] = frame_type;
        assert!(walk(&bytes).is_err(), "type {frame_type}");
    }
}

#[test]
fn nothing_reaches_beyond_the_term() {
    assert!(walk(&datagram(TERM_LENGTH - 64, &[(64, false)])).is_ok());
    assert!(walk(&datagram(TERM_LENGTH - 64, &[(65, false)])).is_err());
    assert!(walk(&datagram(TERM_LENGTH - 64, &[(64, false), (32, false)])).is_err());
    assert!(walk(&datagram(TERM_LENGTH - 64, &[(96, true)])).is_err());
}

#[test]
fn the_length_of_a_data_datagram_is_a_multiple_of_thirty_two() {
    let bytes = datagram(0, &[(64, false), (64, false)]);
    for length in 0..=bytes.len() {
        let taken = walk(&bytes[..length]).is_ok();
        assert_eq!(taken, length == 64 || length == 128, "{length}");
    }
}

#[test]
fn frames_that_lie_whole_in_the_datagram_are_listed() {
    let bytes = datagram(TERM_LENGTH - 256, &[(33, false), (64, false), (128, true)]);
    let frames: Vec<_> = DataDatagram::decode(&bytes)
        .unwrap()
        .frames()
        .map(|(at, header, payload)| (at, header.frame_length, payload.len()))
        .collect();
    assert_eq!(frames, [(0, 33, 1), (64, 64, 32)]);
}

/// The walk against an obvious one that marks every byte of a small term.
#[test]
fn the_walk_agrees_with_a_slow_one() {
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut frames: Vec<(i32, bool)> = (0..rng.usize(1..4))
            .map(|_| (rng.i32(32..200), false))
            .collect();
        if rng.u8(0..4) == 0 {
            frames.push((rng.i32(32..300), true));
        }
        let mut bytes = datagram(TERM_LENGTH - 32 * rng.i32(1..30), &frames);
        if rng.bool() {
            let word = 4 * rng.usize(0..bytes.len() / 4);
            set(&mut bytes, word, rng.i32(-40..300));
        }
        let expected = slow_walk(&bytes);
        let found = walk(&bytes).ok().map(|span| (span.length, span.copied));
        assert_eq!(found, expected, "{bytes:?}");
        if let Some((length, copied)) = expected {
            let start = DataDatagram::decode(&bytes).unwrap().header().term_offset;
            assert!(start + length <= TERM_LENGTH);
            assert!(
                usize::try_from(start).unwrap() + copied <= usize::try_from(TERM_LENGTH).unwrap()
            );
            taken += 1;
        } else {
            refused += 1;
        }
    }
    assert!(
        taken > 2_000 && refused > 2_000,
        "{taken} taken, {refused} refused"
    );
}

fn slow_walk(bytes: &[u8]) -> Option<(i32, usize)> {
    let word = |at: usize| i64::from(i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()));
    let kind = |at: usize| i16::from_le_bytes([bytes[at + 6], bytes[at + 7]]);
    let term = i64::from(TERM_LENGTH);
    let start = word(8);
    if bytes[4] != 0 || !(0..2).contains(&kind(0)) || start < 0 || start >= term || start % 32 != 0
    {
        return None;
    }
    if bytes.len() == 32 && word(0) == 0 {
        return Some((0, 0));
    }
    let (mut at, mut place, mut padding) = (0_i64, start, false);
    while at + 32 <= i64::try_from(bytes.len()).unwrap() {
        let here = usize::try_from(at).unwrap();
        let aligned = (word(here) + 31) / 32 * 32;
        if bytes[here + 4] != 0
            || word(here) < 32
            || word(here + 8) != place
            || place + aligned > term
        {
            return None;
        }
        padding = match kind(here) {
            0 => true,
            1 => false,
            _ => return None,
        };
        (at, place) = (at + aligned, place + aligned);
    }
    let ends_well = at == i64::try_from(bytes.len()).unwrap() || padding;
    ends_well.then(|| (i32::try_from(place - start).unwrap(), bytes.len()))
}

#[test]
fn the_dispatcher_gives_the_same_datagram() {
    let bytes = datagram(64, &[(100, false)]);
    let Ok(Frame::Data(found)) = Frame::decode(&bytes) else {
        unreachable!("a data datagram")
    };
    assert_eq!(found, DataDatagram::decode(&bytes).unwrap());
    assert_eq!(found.bytes(), bytes);
}
