//! The rows of a settings table, and the macro that makes a struct of them.

use super::{Bytes, Nanos, parse_bytes, parse_duration};
use crate::idle::IdleStrategy;

/// One setting, as documentation and parsers see it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Key in the TOML file.
    pub key: &'static str,
    /// Aeron's environment variable, if it has one.
    pub env: Option<&'static str>,
    /// Default, in the form a user would write it.
    pub default: &'static str,
    /// What is allowed, in words.
    pub allowed: &'static str,
    /// What it is for: the field's documentation.
    pub sentence: &'static str,
}

/// A struct made of rows.
pub trait Settings {
    /// All rows, in the order of the reference page.
    fn rows() -> &'static [Row]
    where
        Self: Sized;

    /// Takes a value in text form.
    ///
    /// # Errors
    /// What is allowed, in words, when the text is no value of the setting, or when there is no such key.
    fn set(&mut self, key: &str, text: &str) -> Result<(), &'static str>;

    /// The present value in text form; `None` when there is no such key.
    fn get(&self, key: &str) -> Option<String>;
}

/// A type that a setting can have.
pub trait Setting: Sized {
    /// Reads a value; `None` when the text is none.
    fn parse(text: &str) -> Option<Self>;

    /// The value in the form [`Self::parse`] reads.
    fn show(&self) -> String;
}

macro_rules! setting_by_from_str {
    ($($type:ty),*) => {
        $(impl Setting for $type {
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn show(&self) -> String {
                self.to_string()
            }
        })*
    };
}

setting_by_from_str!(bool, i32, i64, u16, u32, u64, usize, String);

impl Setting for Bytes {
    fn parse(text: &str) -> Option<Self> {
        parse_bytes(text).map(Self)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Nanos {
    fn parse(text: &str) -> Option<Self> {
        parse_duration(text).map(Self)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for std::path::PathBuf {
    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for IdleStrategy {
    fn parse(text: &str) -> Option<Self> {
        Self::from_alias(text)
    }

    fn show(&self) -> String {
        match self {
            Self::NoOp => "noop",
            Self::BusySpin => "spin",
            Self::Yielding => "yield",
            Self::Sleeping {
                park_ns: 1_000_000..,
            } => "sleep-ms",
            Self::Sleeping { .. } => "sleep-ns",
            Self::Backoff(_) => "backoff",
        }
        .to_owned()
    }
}

/// Empty text is no value.
impl<T: Setting> Setting for Option<T> {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            Some(None)
        } else {
            T::parse(text).map(Some)
        }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(String::new, T::show)
    }
}

/// Makes a settings struct of rows `field: type = default, env NAME or none, allowed "words" [if check];`.
///
/// ```
/// use taranis_runtime::{config::{Bytes, Settings}, settings};
///
/// settings! {
///     /// Where and how much.
///     pub struct Example {
///         /// Length of a term buffer.
///         pub term_length: Bytes = "16m", env "AERON_TERM_BUFFER_LENGTH",
///             allowed "a power of two from 64k to 1g" if |v: &Bytes| v.0.is_power_of_two();
///         /// Whether it is on.
///         pub on: bool = "true", env none, allowed "true or false";
///     }
/// }
/// let mut example = Example::default();
/// assert_eq!(example.term_length, Bytes(16 << 20));
/// assert!(example.set("term_length", "65536").is_ok());
/// assert_eq!(example.set("term_length", "3k"), Err("a power of two from 64k to 1g"));
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $(
                $(#[doc = $sentence:literal])+
                pub $field:ident: $type:ty = $default:literal, env $env:tt, allowed $allowed:literal $(if $check:expr)?;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(
                $(#[doc = $sentence])+
                #[doc = concat!("\n\nDefault `", $default, "`; allowed: ", $allowed, ".")]
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: <$type as $crate::config::Setting>::parse($default)
                        .expect("a table's default is a value of its setting"),)*
                }
            }
        }

        impl $crate::config::Settings for $name {
            fn rows() -> &'static [$crate::config::Row] {
                &[$($crate::config::Row {
                    key: stringify!($field),
                    env: $crate::settings!(@env $env),
                    default: $default,
                    allowed: $allowed,
                    sentence: concat!($($sentence),+),
                },)*]
            }

            fn set(&mut self, key: &str, text: &str) -> Result<(), &'static str> {
                match key {
                    $(stringify!($field) => {
                        let value = <$type as $crate::config::Setting>::parse(text).ok_or($allowed)?;
                        $(
                            let check: fn(&$type) -> bool = $check;
                            if !check(&value) {
                                return Err($allowed);
                            }
                        )?
                        self.$field = value;
                        Ok(())
                    })*
                    _ => Err("a key of the table"),
                }
            }

            fn get(&self, key: &str) -> Option<String> {
                match key {
                    $(stringify!($field) => Some($crate::config::Setting::show(&self.$field)),)*
                    _ => None,
                }
            }
        }
    };
    (@env none) => { None };
    (@env $name:literal) => { Some($name) };
}

#[cfg(test)]
mod tests {
    #![expect(unreachable_pub, reason = "the macro makes public structs")]

    use super::*;

    settings! {
        /// Something to try the macro with.
        pub struct Sample {
            /// A size.
            pub length: Bytes = "64k", env "AERON_LENGTH", allowed "64k to 1g" if |v: &Bytes| v.0 >= 65_536;
            /// A path or none.
            pub directory: Option<std::path::PathBuf> = "", env none, allowed "a path";
        }
    }

    #[test]
    fn every_default_can_be_written_and_read_back() {
        let mut sample = Sample::default();
        for row in Sample::rows() {
            assert_eq!(sample.get(row.key).unwrap(), row.default);
            sample.set(row.key, row.default).unwrap();
        }
        assert_eq!(sample, Sample::default());
        assert_eq!(sample.set("length", "1k"), Err("64k to 1g"));
        assert_eq!(sample.set("lengt", "64k"), Err("a key of the table"));
        assert_eq!(Sample::rows()[0].sentence.trim(), "A size.");
    }
}
