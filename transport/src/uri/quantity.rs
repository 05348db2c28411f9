//! Sizes, durations and numbers as Aeron writes them in channels and settings (04 §1.2, 05 §5.5, 01 §14).
//!
//! Parsing is strict where Aeron's C reads on past a suffix: `64kb` and `5sec` are no quantities. Bare durations are
//! nanoseconds and size suffixes are binary, which surprises everybody once.

const SIZE_UNITS: [(u8, u64); 3] = [(b'g', 1 << 30), (b'm', 1 << 20), (b'k', 1 << 10)];
const DURATION_UNITS: [(&str, i64); 4] = [
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The bytes of a size: digits with an optional `k`, `m` or `g` of either case. At most `i64::MAX`.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'0'..=b'9' => (text, 1),
        last => {
            let (_, unit) = SIZE_UNITS.into_iter().find(|&(suffix, _)| suffix == last)?;
            (text.get(..text.len().checked_sub(1)?)?, unit)
        }
    };
    decimal(digits)?
        .checked_mul(unit)
        .filter(|&size| i64::try_from(size).is_ok())
}

/// The nanoseconds of a duration: digits with an optional `s`, `ms`, `us` or `ns` of either case. Saturates at `i64::MAX`.
#[must_use]
pub fn parse_duration_ns(text: &str) -> Option<i64> {
    let digits_end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, suffix) = text.split_at_checked(digits_end)?;
    let unit = if suffix.is_empty() {
        1
    } else {
        DURATION_UNITS
            .into_iter()
            .find(|(name, _)| suffix.eq_ignore_ascii_case(name))?
            .1
    };
    if digits.is_empty() {
        return None;
    }
    let value = decimal(digits)
        .and_then(|value| i64::try_from(value).ok())
        .unwrap_or(i64::MAX);
    Some(value.saturating_mul(unit))
}

/// A size in the largest unit that divides it: `64k`, `1g`, `1408`.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    for (suffix, unit) in SIZE_UNITS {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!(
                "{}{}",
                bytes.checked_div(unit).unwrap_or(bytes),
                char::from(suffix)
            );
        }
    }
    bytes.to_string()
}

/// A duration in the largest unit that divides it: `5s`, `250ms`, `321us`, `15ns`.
#[must_use]
pub fn format_duration_ns(duration_ns: i64) -> String {
    for (suffix, unit) in DURATION_UNITS {
        if duration_ns >= unit && duration_ns.checked_rem(unit) == Some(0) {
            return format!(
                "{}{suffix}",
                duration_ns.checked_div(unit).unwrap_or(duration_ns)
            );
        }
    }
    format!("{duration_ns}ns")
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

fn decimal(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}
