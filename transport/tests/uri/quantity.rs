//! Sizes, durations and numbers (04 §1.2, 05 §5.5).

use taranis_transport::uri::quantity::{
    NumberFault, format_duration_ns, format_size, parse_duration_ns, parse_integer, parse_size,
};

#[test]
fn sizes_are_binary_and_end_with_their_suffix() {
    for (text, size) in [
        ("0", Some(0)),
        ("1408", Some(1408)),
        ("64k", Some(65_536)),
        ("8K", Some(8192)),
        ("16m", Some(16 << 20)),
        ("1G", Some(1 << 30)),
        ("9007199254740991k", Some(9_007_199_254_740_991 << 10)),
        ("9007199254740992k", None),
        ("8796093022207m", Some(8_796_093_022_207 << 20)),
        ("8796093022208m", None),
        ("8589934591g", Some(8_589_934_591 << 30)),
        ("8589934592g", None),
        ("9223372036854775808", None),
        ("", None),
        ("k", None),
        ("64kb", None),
        ("-1", None),
        ("+1", None),
        ("6 4", None),
        ("64t", None),
        ("1.5k", None),
    ] {
        assert_eq!(parse_size(text), size, "{text}");
    }
}

#[test]
fn bare_durations_are_nanoseconds_and_large_ones_saturate() {
    for (text, duration_ns) in [
        ("5", Some(5)),
        ("5ns", Some(5)),
        ("5us", Some(5_000)),
        ("5MS", Some(5_000_000)),
        ("5S", Some(5_000_000_000)),
        ("9223372036s", Some(9_223_372_036_000_000_000)),
        ("9223372037s", Some(i64::MAX)),
        ("99999999999999999999999", Some(i64::MAX)),
        ("", None),
        ("s", None),
        ("5m", None),
        ("5sec", None),
        ("5 s", None),
        ("-5s", None),
        ("5é", None),
    ] {
        assert_eq!(parse_duration_ns(text), duration_ns, "{text}");
    }
}

#[test]
fn quantities_are_written_in_the_largest_exact_unit() {
    for (bytes, text) in [
        (65_536, "64k"),
        (1 << 30, "1g"),
        (1408, "1408"),
        (3 << 20, "3m"),
        (0, "0"),
    ] {
        assert_eq!(format_size(bytes), text);
        assert_eq!(parse_size(text), Some(bytes));
    }
    for (duration_ns, text) in [
        (7_200_000_000_000, "7200s"),
        (250_000_000, "250ms"),
        (321_000, "321us"),
        (15, "15ns"),
        (0, "0ns"),
    ] {
        assert_eq!(format_duration_ns(duration_ns), text);
        assert_eq!(parse_duration_ns(text), Some(duration_ns));
    }
}

#[test]
fn numbers_are_decimal_hexadecimal_or_octal_from_end_to_end() {
    for (text, number) in [
        ("0", Ok(0)),
        ("-0", Ok(0)),
        ("+7", Ok(7)),
        ("0x1F", Ok(31)),
        ("-0X10", Ok(-16)),
        ("010", Ok(8)),
        ("9223372036854775807", Ok(i64::MAX)),
        ("-9223372036854775808", Ok(i64::MIN)),
        ("9223372036854775808", Err(NumberFault::OutOfRange)),
        (
            "999999999999999999999999999999999999999999999",
            Err(NumberFault::OutOfRange),
        ),
        ("08", Err(NumberFault::Invalid)),
        ("0x", Err(NumberFault::Invalid)),
        ("--1", Err(NumberFault::Invalid)),
        ("", Err(NumberFault::Invalid)),
        ("7x", Err(NumberFault::Invalid)),
        (" 7", Err(NumberFault::Invalid)),
    ] {
        assert_eq!(parse_integer(text), number, "{text}");
    }
}
