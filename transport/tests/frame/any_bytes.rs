//! Truncate, extend, flip: every decoder at every length of every valid frame, and with any bytes at all.

use crate::samples::{TERM_LENGTH, control_frames, data_datagrams};
use taranis_transport::frame::{Frame, ResolutionWriter};

/// Reads a datagram to its end, as an endpoint would; whatever passes must be written back as the same value.
fn exercise(bytes: &[u8]) -> bool {
    let Ok(frame) = Frame::decode(bytes) else {
        return false;
    };
    let mut out = vec![0; bytes.len() + 64];
    let written = match frame {
        Frame::Data(data) => {
            let _ = data
                .frames()
                .map(|(at, _, payload)| at + payload.len())
                .max();
            let _ = data.stream_state();
            return data.walk(TERM_LENGTH).is_ok();
        }
        Frame::Resolution(resolution) => {
            let mut writer = ResolutionWriter::new(&mut out);
            for entry in resolution.entries().map_while(Result::ok) {
                assert!(writer.add(&entry).is_err() || entry.name.len() <= 512);
            }
            let _ = writer.finish();
            return resolution.entries().all(|entry| entry.is_ok());
        }
        Frame::Nak(nak) => nak.encode(&mut out),
        Frame::StatusMessage(message) => message.encode(&mut out),
        Frame::Error(error) => error.encode(&mut out),
        Frame::Setup(setup) => setup.encode(&mut out),
        Frame::Rttm(measurement) => measurement.encode(&mut out),
        Frame::ResponseSetup(response) => response.encode(&mut out),
        _ => unreachable!("every type of frame is exercised"),
    };
    if let Ok(length) = written {
        assert_eq!(Frame::decode(&out[..length]), Ok(frame));
    }
    true
}

#[test]
fn every_valid_frame_comes_back_whole() {
    for (name, bytes) in control_frames().into_iter().chain(data_datagrams()) {
        assert!(exercise(&bytes), "{name}");
    }
}

#[test]
fn no_control_frame_is_taken_from_less_than_its_bytes() {
    for (name, bytes) in control_frames() {
        for length in 0..bytes.len() {
            assert!(!exercise(&bytes[..length]), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn bytes_after_a_control_frame_change_nothing() {
    for (name, bytes) in control_frames() {
        let plain = Frame::decode(&bytes).unwrap();
        for extra in 1..64 {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + extra, 0xEE);
            assert_eq!(
                Frame::decode(&longer),
                Ok(plain),
                "{name} with {extra} bytes more"
            );
        }
    }
}

/// A cut data datagram is taken only where it ends with a frame, and nothing may follow the last frame.
#[test]
fn a_data_datagram_ends_with_a_frame() {
    for (name, bytes) in data_datagrams() {
        let ends: &[usize] = match name {
            "batch" => &[32, 96, 192],
            "data and padding" => &[96, 128],
            "data" => &[128],
            _ => &[32],
        };
        for length in 0..=bytes.len() {
            assert_eq!(
                exercise(&bytes[..length]),
                ends.contains(&length),
                "{name} cut to {length}"
            );
        }
        for extra in 1..=64 {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + extra, 0);
            // What lies behind a padding's header is padding, as far as the padding reaches.
            let inside_padding = name.contains("padding") && extra % 32 == 0;
            assert_eq!(
                exercise(&longer),
                inside_padding,
                "{name} with {extra} bytes more"
            );
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_or_read_as_it_stands() {
    for (_, bytes) in control_frames().into_iter().chain(data_datagrams()) {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            exercise(&flipped);
        }
    }
}

#[test]
fn any_bytes_are_refused_or_read_without_panic() {
    let mut rng = fastrand::Rng::with_seed(42);
    let samples: Vec<_> = control_frames()
        .into_iter()
        .chain(data_datagrams())
        .map(|(_, bytes)| bytes)
        .collect();
    let mut taken = 0;
    for round in 0..100_000 {
        let mut bytes = samples[round % samples.len()].clone();
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(0..bytes.len());
            bytes[at] = if rng.bool() {
                rng.u8(..)
            } else {
                *rng.choice(&[0, 1, 0x7F, 0x80, 0xFF]).unwrap()
            };
        }
        bytes.truncate(rng.usize(0..=bytes.len() * 2));
        taken += usize::from(exercise(&bytes));
    }
    assert!(
        taken > 1_000,
        "{taken} taken: the mutations are too wild to reach the inner rules"
    );
}
