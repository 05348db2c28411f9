//! The distinct error log (spec 01 §6, 02 §8.2).

use proptest::prelude::*;
use taranis_runtime::mem::{
    Region,
    error_log::{DistinctErrorLog, ErrorLogFull, ErrorLogReader, Recorded},
};

fn log(len: usize) -> (Region, DistinctErrorLog) {
    let region = Region::heap(len);
    (region.clone(), DistinctErrorLog::new(region).unwrap())
}

fn read(region: &Region, since_ms: i64) -> Vec<(i32, i64, i64, String)> {
    let mut all = Vec::new();
    let count = ErrorLogReader::new(region.clone()).read(since_ms, |error| {
        all.push((
            error.count,
            error.first_ms,
            error.last_ms,
            error.lossy_text(),
        ));
    });
    assert_eq!(count, all.len());
    all
}

#[test]
fn a_record_has_its_fields_where_aeron_has_them() {
    // 01 §6.1
    let (region, mut log) = log(256);
    assert!(!ErrorLogReader::new(region.clone()).has_errors());
    log.record(5, 7, "first").unwrap();
    log.record(9, 7, "first").unwrap();
    log.record(11, 8, "second").unwrap();
    assert!(ErrorLogReader::new(region.clone()).has_errors());
    let word = |offset: usize| region.word32(offset).unwrap().load_acquire();
    let wide = |offset: usize| region.word64(offset).unwrap().load_acquire();
    assert_eq!((word(0), word(4), wide(8), wide(16)), (29, 2, 9, 5));
    let mut text = [1; 8];
    region.read(24, &mut text).unwrap();
    assert_eq!(&text, b"first\0\0\0");
    assert_eq!((word(32), word(36), wide(40), wide(48)), (30, 1, 11, 11));
}

#[test]
fn an_error_whose_text_extends_a_known_one_of_the_same_code_is_the_same() {
    // 01 §6.2, check 14
    let (region, mut log) = log(1024);
    assert_eq!(log.record(1, 98, "bind failed"), Ok(Recorded::First));
    assert_eq!(
        log.record(2, 98, "bind failed: 10.0.0.1"),
        Ok(Recorded::Again)
    );
    assert_eq!(
        log.record(3, 99, "bind failed: 10.0.0.1"),
        Ok(Recorded::First)
    );
    assert_eq!(log.record(4, 98, "bind"), Ok(Recorded::First));
    assert_eq!(log.record(5, 98, "bind failed"), Ok(Recorded::Again));
    assert_eq!(log.distinct_count(), 3);
    assert_eq!(
        read(&region, 0),
        [
            (2, 1, 2, "bind failed".to_owned()),
            (1, 3, 3, "bind failed: 10.0.0.1".to_owned()),
            // Searched newest first, so "bind" has taken the last one.
            (2, 4, 5, "bind".to_owned()),
        ]
    );
}

#[test]
fn errors_are_read_from_a_time_on() {
    // 01 §6.3
    let (region, mut log) = log(1024);
    log.record(1, 1, "a").unwrap();
    log.record(2, 2, "b").unwrap();
    log.record(9, 1, "a").unwrap();
    assert_eq!(read(&region, 3), [(2, 1, 9, "a".to_owned())]);
    assert_eq!(read(&region, 10), []);
}

#[test]
fn a_full_log_still_counts_what_it_knows() {
    // 01 §6.2, check 15
    let (region, mut log) = log(64);
    log.record(1, 1, "twelve bytes").unwrap();
    assert_eq!(
        log.record(2, 2, "x"),
        Err(ErrorLogFull {
            needed: 25,
            free: 24
        })
    );
    assert_eq!(log.record(3, 1, "twelve bytes"), Ok(Recorded::Again));
    assert_eq!(log.record(4, 3, ""), Ok(Recorded::First));
    assert_eq!(
        read(&region, 0),
        [
            (2, 1, 3, "twelve bytes".to_owned()),
            (1, 4, 4, String::new())
        ]
    );
}

#[test]
fn a_new_log_ends_where_it_ends_over_an_old_one() {
    let (region, mut old) = log(1024);
    for n in 0..10 {
        old.record(1, n, "an error of the last run").unwrap();
    }
    let mut new = DistinctErrorLog::new(region.clone()).unwrap();
    assert_eq!(read(&region, 0), []);
    new.record(2, 1, "of this one").unwrap();
    assert_eq!(read(&region, 0), [(1, 2, 2, "of this one".to_owned())]);
}

#[test]
fn regions_without_room_for_a_header_are_refused_and_read_as_empty() {
    for len in 1..24 {
        assert!(DistinctErrorLog::new(Region::heap(len)).is_err());
        assert!(!ErrorLogReader::new(Region::heap(len)).has_errors());
    }
    assert!(DistinctErrorLog::new(Region::heap(24)).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic_or_read_for_ever(
        words in prop::collection::vec(prop_oneof![any::<i32>(), 0..60_i32], 32),
        len in 1..129_usize,
    ) {
        let region = Region::heap(len);
        for (at, word) in words.iter().enumerate().take(len / 4) {
            region.word32(at * 4).unwrap().store_release(*word);
        }
        let mut bytes = 0;
        let count = ErrorLogReader::new(region).read(i64::MIN, |error| bytes += error.text.len());
        prop_assert!(bytes + count * 24 <= 128 + 24 * 16);
    }

    #[test]
    fn every_error_is_found_again(texts in prop::collection::vec("[ab]{0,4}", 1..40)) {
        let (region, mut log) = log(4096);
        for (at, text) in texts.iter().enumerate() {
            log.record(at as i64 + 1, 1, text).unwrap();
        }
        let seen = read(&region, 0);
        prop_assert_eq!(seen.iter().map(|error| error.0 as usize).sum::<usize>(), texts.len());
        for text in texts {
            prop_assert!(seen.iter().any(|error| text.starts_with(&error.3)));
        }
    }
}
