//! Sizes and durations as Aeron writes them (spec 01 §14).

/// A number of bytes: decimal digits with an optional `k`, `m` or `g` (binary) behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A duration in nanoseconds: decimal digits with an optional `s`, `ms`, `us` or `ns` behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(pub i64);

/// Parses a size; `None` when it is none, or does not fit 64 bits.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let (digits, suffix) = split_digits(text)?;
    let shift = match suffix.to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Parses a duration into nanoseconds; `None` when it is none. One too long for 64 bits is the longest there is.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (digits, suffix) = split_digits(text)?;
    let unit: i64 = match suffix.to_ascii_lowercase().as_str() {
        "" | "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    Some(
        digits
            .parse::<i64>()
            .map_or(i64::MAX, |count| count.saturating_mul(unit)),
    )
}

fn split_digits(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(bytes) = *self;
        let units = [(30, "g"), (20, "m"), (10, "k")];
        let exact = units
            .iter()
            .find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift);
        match exact {
            Some((shift, suffix)) => write!(f, "{}{suffix}", bytes >> shift),
            None => write!(f, "{bytes}"),
        }
    }
}

impl std::fmt::Display for Nanos {
    /// The largest unit that divides exactly, as Aeron prints durations.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(ns) = *self;
        let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
        match units.iter().find(|(unit, _)| ns != 0 && ns % unit == 0) {
            Some((unit, suffix)) => write!(f, "{}{suffix}", ns / unit),
            None => write!(f, "{ns}ns"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_go_there_and_back() {
        for (text, bytes) in [
            ("0", 0),
            ("1408", 1408),
            ("64k", 65_536),
            ("16M", 16 << 20),
            ("1g", 1 << 30),
        ] {
            assert_eq!(parse_bytes(text), Some(bytes));
            assert_eq!(parse_bytes(&Bytes(bytes).to_string()), Some(bytes));
        }
        for (text, ns) in [
            ("0", 0),
            ("250", 250),
            ("5us", 5_000),
            ("100ms", 100_000_000),
            ("10S", 10_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Some(ns));
            assert_eq!(parse_duration(&Nanos(ns).to_string()), Some(ns));
        }
        assert_eq!(parse_duration("99999999999999999999s"), Some(i64::MAX));
        for bad in ["", "k", "-1", "1.5s", "1kb", "1m s", "5 ms"] {
            assert_eq!(
                (parse_bytes(bad), parse_duration(bad)),
                (None, None),
                "{bad}"
            );
        }
        assert_eq!(parse_bytes("99999999999g"), None);
    }
}
