//! Sizes, durations and numbers as channels write them (04 §1.2, 05 §5.5).
//!
//! Sizes and durations are those of settings, which `runtime` reads. Bare durations are nanoseconds and size suffixes are
//! binary, which surprises everybody once.

use taranis_runtime::config::{Bytes, Nanos, parse_bytes};

pub use taranis_runtime::config::parse_duration as parse_duration_ns;

/// The bytes of a size: digits with an optional `k`, `m` or `g` of either case. At most `i64::MAX`, as in Aeron.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    parse_bytes(text).filter(|&size| i64::try_from(size).is_ok())
}

/// A size in the largest unit that divides it: `64k`, `1g`, `1408`.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    Bytes(bytes).to_string()
}

/// A duration in the largest unit that divides it: `5s`, `250ms`, `321us`, `15ns`.
#[must_use]
pub fn format_duration_ns(duration_ns: i64) -> String {
    Nanos(duration_ns).to_string()
}

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberFault {
    /// Not digits from end to end.
    #[error("Invalid argument")]
    Invalid,
    /// Digits, but too many.
    #[error("Numerical result out of range")]
    OutOfRange,
}

/// An integer with an optional sign, decimal, hexadecimal (`0x`) or octal (a leading `0`), as C's base 0.
///
/// # Errors
/// Other characters, or a value beyond 64 bits.
pub fn parse_integer(text: &str) -> Result<i64, NumberFault> {
    let (negative, magnitude) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    let hexadecimal = magnitude
        .strip_prefix("0x")
        .or_else(|| magnitude.strip_prefix("0X"));
    let (digits, radix) = match (hexadecimal, magnitude.strip_prefix('0')) {
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (magnitude, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(NumberFault::Invalid);
    }
    let value = i128::from_str_radix(digits, radix).map_err(|_| NumberFault::OutOfRange)?;
    let signed = if negative {
        value.saturating_neg()
    } else {
        value
    };
    i64::try_from(signed).map_err(|_| NumberFault::OutOfRange)
}
