//! What another process may do to the memory: nothing it writes panics, or leads outside.

use proptest::prelude::*;
use taranis_runtime::mem::Region;
use taranis_transport::log::{
    Action, Available, Constants, Gap, Kind, LogBuffer, LogError, Reader,
    layout::{LOG_LENGTH_MIN, METADATA_LENGTH, log_length},
};

use crate::harness::{TERM, TERM_LENGTH, cases, constants, log, reader_at};

fn attach(constants: &Constants) -> Region {
    let length = log_length(constants.term_length, constants.page_size);
    let region = Region::heap(length);
    LogBuffer::create(region.clone(), constants.clone(), 0).unwrap();
    region
}

/// 02 §3.2, §3.3, check 10: every field comes back, from where the format says
#[test]
fn constants_are_written_and_read_field_by_field() {
    let constants = Constants {
        kind: Kind::Image,
        registration_id: -3,
        session_id: i32::MIN,
        stream_id: 5,
        initial_term_id: -9,
        mtu: 8192,
        term_length: 1 << 17,
        page_size: 1 << 13,
        publication_window: 7,
        receiver_window: 8,
        socket_sndbuf: [9, 10, 11],
        socket_rcvbuf: [12, 13, 14],
        max_resend: 15,
        entity_tag: 16,
        response_correlation_id: -2,
        linger_timeout_ns: 17,
        untethered_window_limit_timeout_ns: 18,
        untethered_resting_timeout_ns: 19,
        untethered_linger_timeout_ns: 20,
        group: true,
        is_response: false,
        rejoin: true,
        reliable: false,
        sparse: true,
        signal_eos: false,
        spies_simulate_connection: true,
        tether: true,
    };
    let region = attach(&constants);
    assert_eq!(region.len(), 401_408);
    let log = LogBuffer::attach(region.clone()).unwrap();
    assert_eq!(*log.constants(), constants);
    let mut section = [0; METADATA_LENGTH];
    let start = region.len() - METADATA_LENGTH + 256;
    region.read(start, &mut section[256..512]).unwrap();
    let i32_at = |at: usize| i32::from_le_bytes(section[at..at + 4].try_into().unwrap());
    let i64_at = |at: usize| i64::from_le_bytes(section[at..at + 8].try_into().unwrap());
    assert_eq!(i64_at(256), -3);
    let words = [264, 268, 272, 276, 280, 284, 288].map(i32_at);
    assert_eq!(words, [-9, 32, 8192, 1 << 17, 1 << 13, 7, 8]);
    let words = [292, 296, 300, 304, 308, 312, 316].map(i32_at);
    assert_eq!(words, [9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(&section[320..332], &[0, 0, 0, 0, 0, 0xC0, 1, 0, 0, 0, 0, 0]);
    assert_eq!([332, 336, 340].map(i32_at), [i32::MIN, 5, -9]);
    assert_eq!([344, 448, 456, 464].map(i64_at), [0, 16, -2, 17]);
    assert_eq!([472, 480, 500].map(i64_at), [18, 19, 20]);
    assert_eq!(&section[488..500], &[1, 0, 1, 0, 1, 0, 1, 1, 0, 2, 0, 0]);
    assert_eq!(log.status().end_of_stream_position(), i64::MAX);
}

/// 02 §5.5
#[test]
fn the_drivers_words_reach_every_attachment() {
    let mut constants = constants(Kind::Exclusive);
    constants.tether = true;
    let region = attach(&constants);
    let driver = LogBuffer::attach(region.clone()).unwrap();
    let client = LogBuffer::attach(region.clone()).unwrap();
    let status = client.status();
    assert!(!status.is_connected() && !status.is_publication_revoked());
    let writer = driver.status_writer();
    writer.set_connected(true);
    writer.set_end_of_stream_position(64);
    writer.set_active_transport_count(2);
    writer.set_publication_revoked();
    assert!(status.is_connected() && status.is_publication_revoked());
    assert_eq!(status.end_of_stream_position(), 64);
    assert_eq!(status.active_transport_count(), 2);
    writer.set_connected(false);
    assert!(!status.is_connected());
    // The kind shares the revoked flag's word.
    let again = LogBuffer::attach(region).unwrap();
    assert_eq!(*again.constants(), constants);
}

/// 02 §3.1, 05 «Changes»: refused with the value and the limit
#[test]
fn metadata_that_no_log_has_is_refused() {
    let refused = |at: usize, value: i32| {
        let region = attach(&constants(Kind::Concurrent));
        let start = region.len() - METADATA_LENGTH;
        region.write(start + at, &value.to_le_bytes()).unwrap();
        LogBuffer::attach(region).unwrap_err().to_string()
    };
    assert_eq!(
        refused(276, 65_537),
        "term length 65537: a term length is a power of two from 65536 to 1073741824"
    );
    assert_eq!(
        refused(276, 1 << 30),
        "log of 200704 bytes: a log with these terms has at least 3221229568"
    );
    assert_eq!(
        refused(280, 1000),
        "page size 1000 in log metadata: a page size is a power of two from 4096 to 1073741824"
    );
    for mtu in [-32, 0, 32, 1400, 65_536] {
        assert_eq!(
            refused(272, mtu),
            format!("MTU {mtu} in log metadata: an MTU is a multiple of 32 from 64 to 65504")
        );
    }
    assert_eq!(
        refused(268, 24),
        "header length 24 in log metadata: it is 32"
    );
    assert!(refused(496, 3 << 8).starts_with("log kind 3 in log metadata"));
    assert_eq!(
        LogBuffer::attach(Region::heap(LOG_LENGTH_MIN - 1)).unwrap_err(),
        LogError::Length {
            length: 200_703,
            min: LOG_LENGTH_MIN
        }
    );
    // Nobody wrote anything yet.
    assert!(LogBuffer::attach(Region::heap(LOG_LENGTH_MIN)).is_err());
}

/// 02 §3.1: with large pages the metadata is not behind the terms
#[test]
fn large_pages_put_the_metadata_at_the_files_end() {
    let constants = Constants {
        page_size: 1 << 18,
        ..constants(Kind::Concurrent)
    };
    let region = attach(&constants);
    assert_eq!(region.len(), 1 << 18);
    let log = LogBuffer::attach(region).unwrap();
    let appender = log.concurrent_appender().unwrap();
    assert_eq!(appender.offer(b"x", 1), Ok(64));
    assert!(LogBuffer::create(Region::heap(1 << 17), constants, 0).is_err());
}

/// 02 §4.8: an exclusive producer whose tail contradicts itself is refused
#[test]
fn a_tail_that_contradicts_itself_is_refused() {
    for (count, tail) in [(1, 0_i64), (0, 33), (-1, 0), (0, TERM + 32)] {
        let mut log = log(Kind::Exclusive);
        let metadata = log.region().len() - METADATA_LENGTH;
        let active = log.region().word32(metadata + 24).unwrap();
        active.store_relaxed(count);
        let index = if count < 0 { 0 } else { count as usize % 3 };
        let raw = log.region().word64(metadata + 8 * index).unwrap();
        let term_id = i64::from(log.shape().term_id(0));
        raw.store_relaxed((term_id << 32) + tail);
        let error = log.take_appender().unwrap_err();
        assert!(matches!(error, LogError::Tail { .. }), "{error}");
    }
}

/// Everything a reader, a driver and a publisher do, on whatever the memory says.
fn use_everything(log: &mut LogBuffer, position: i64, other: i64) {
    let mut reader: Reader = reader_at(log, position);
    let mut bytes = 0;
    reader.poll(50, |fragment| bytes += fragment.payload.len());
    reader.controlled_poll(50, |_| Action::Commit);
    reader.bounded_poll(other, 50, |fragment| bytes += fragment.payload.len());
    if let Some(block) = reader.block(other, usize::MAX) {
        bytes += block.bytes().len() + block.span().len();
        assert!(block.next_position() >= block.position());
    }
    reader.block_poll(usize::MAX, |block| bytes += block.bytes().len());
    assert!(bytes <= 10 * TERM_LENGTH as usize);
    if let Available::Bytes { length, padding } = log.scanner().scan(position, 65_504) {
        let left = log.shape().left_in_term(position);
        assert!(length + padding <= left);
        assert!(log.scanner().span(position, length).len() as i32 == length);
    }
    let _ = log.scanner().span(other, i32::MAX);
    let _ = log.gap_scanner().scan(position, other);
    match log.constants().kind {
        Kind::Concurrent => {
            let appender = log.concurrent_appender().unwrap();
            for _ in 0..3 {
                let _ = appender.offer(&[1; 5000], other);
                if let Ok(mut claim) = appender.try_claim(1000, i64::MAX) {
                    claim.payload().fill(2);
                    claim.commit();
                }
            }
            let unblocker = log.unblocker().unwrap();
            unblocker.is_possibly_blocked(position);
            unblocker.unblock(position);
            unblocker.unblock(other);
        }
        Kind::Exclusive => {
            if let Ok(mut appender) = log.take_appender() {
                for _ in 0..3 {
                    let _ = appender.offer(&[1; 5000], other);
                }
            }
        }
        Kind::Image => {
            let mut inserter = log.take_inserter().unwrap();
            inserter.insert(position, &[7; 1408]);
            inserter.insert(other, &[7; 96]);
            inserter.fill_gap(Gap {
                term_id: position as i32,
                term_offset: other as i32,
                length: (other >> 20) as i32,
            });
        }
    }
}

fn positions() -> impl Strategy<Value = i64> {
    prop_oneof![
        0..4 * TERM,
        (0..4 * TERM / 32).prop_map(|frame| frame * 32),
        any::<i64>(),
        Just(i64::MAX),
        Just(i64::MIN),
        Just((TERM << 31) - 32),
    ]
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Concurrent),
        Just(Kind::Exclusive),
        Just(Kind::Image)
    ]
}

fn frame_words() -> impl Strategy<Value = i32> {
    prop_oneof![
        any::<i32>(),
        -2000..2000,
        Just(i32::MAX),
        Just(i32::MIN),
        Just(TERM_LENGTH)
    ]
}

proptest! {
    #![proptest_config(cases(300, 4))]

    /// The words another process writes: frame lengths, types, tails, counts.
    #[test]
    fn scribbled_words_lead_nowhere(
        kind in kinds(),
        frames in prop::collection::vec((0..3 * TERM / 32, frame_words(), any::<i32>()), 0..200),
        tails in any::<[i64; 3]>(),
        plausible in 0..4 * TERM,
        count in prop_oneof![any::<i32>(), 0..4],
        position in positions(),
        other in positions(),
    ) {
        let mut log = log(kind);
        let region = log.region().clone();
        for (frame, length, kind) in frames {
            let at = 32 * frame as usize;
            region.word32(at).unwrap().store_relaxed(length);
            region.word32(at + 4).unwrap().store_relaxed(kind);
        }
        // The words at a term's very start decide most.
        region.word32(0).unwrap().store_relaxed(position as i32);
        let metadata = region.len() - METADATA_LENGTH;
        for (index, tail) in tails.into_iter().enumerate() {
            let own = i64::from(log.shape().term_id(count)) << 32 | plausible;
            let tail = if tail % 2 == 0 { own } else { tail };
            region.word64(metadata + 8 * index).unwrap().store_relaxed(tail);
        }
        region.word32(metadata + 24).unwrap().store_relaxed(count);
        use_everything(&mut log, position, other);
    }
}

proptest! {
    #![proptest_config(cases(300, 0))]

    /// Any metadata section at all is refused or gives a log whose use stays inside.
    #[test]
    fn scribbled_constants_are_refused_or_harmless(
        kind in kinds(),
        flips in prop::collection::vec((0_usize..512, any::<u8>()), 1..6),
        position in positions(),
        other in positions(),
    ) {
        let region = attach(&constants(kind));
        let start = region.len() - METADATA_LENGTH;
        for (at, byte) in flips {
            region.write(start + at, &[byte]).unwrap();
        }
        if let Ok(mut log) = LogBuffer::attach(region) {
            use_everything(&mut log, position, other);
        }
    }
}
