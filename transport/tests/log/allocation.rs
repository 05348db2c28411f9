//! The data path allocates nothing once it is warm (05 §8.1).

use taranis_runtime::testing::allocations;
use taranis_transport::log::{Action, Assembler, Available, Kind, Refused};

use crate::harness::{MTU, TERM, frame_bytes, log, reader_at};

/// Publish in every way, read in every way, scan, clean, reassemble: three terms, then three more that are counted.
#[test]
fn publishing_and_reading_allocate_nothing() {
    let mut log = log(Kind::Exclusive);
    let mut appender = log.take_appender().unwrap();
    let mut cleaner = log.take_cleaner(0).unwrap();
    let mut reader = reader_at(&log, 0);
    let scanner = log.scanner();
    let mut assembler = Assembler::default();
    let message = vec![7; 8000];
    let mut turn = |end: i64| {
        while appender.position() < end {
            let _ = appender.offer(&message, i64::MAX);
            let _ = appender.offer_parts(
                &[&message[..10], &message[..2000]],
                i64::MAX,
                Some(&mut |frame| frame.payload.len() as i64),
            );
            match appender.try_claim(100, i64::MAX) {
                Ok(mut claim) => {
                    claim.payload().fill(1);
                    claim.commit();
                }
                Err(refused) => assert_eq!(refused, Refused::AdminAction),
            }
            assert_ne!(scanner.scan(reader.position(), MTU), Available::Nothing);
            reader.poll(3, |fragment| {
                assembler.on_fragment(fragment, |message| assert!(!message.payload.is_empty()));
            });
            reader.controlled_poll(3, |fragment| {
                assembler.on_controlled_fragment(fragment, |_| Action::Commit)
            });
            while reader.block_poll(4096, |block| assert!(!block.bytes().is_empty())) > 0 {}
            cleaner.clean(reader.position());
        }
    };
    turn(3 * TERM);
    assert_eq!(allocations(|| turn(6 * TERM)).here, 0);
}

/// Receive, rebuild, fill.
#[test]
fn receiving_allocates_nothing() {
    let mut source = log(Kind::Exclusive);
    let mut from = source.take_appender().unwrap();
    from.offer(&[1; 1000], i64::MAX).unwrap();
    let packet = frame_bytes(&source, 0, 1056);
    let mut log = log(Kind::Image);
    let mut inserter = log.take_inserter().unwrap();
    let gaps = log.gap_scanner();
    let counted = allocations(|| {
        inserter.insert(2048, &packet);
        let gap = gaps.scan(0, 4096).gap.unwrap();
        assert!(inserter.fill_gap(gap));
        assert_eq!(gaps.scan(0, 4096).position, 2048 + 1056);
    });
    assert_eq!(counted.here, 0);
}
