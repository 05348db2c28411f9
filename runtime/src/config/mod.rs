//! Settings as tables: one row per setting gives the field, its default, its `AERON_*` name, its TOML key and its sentence.
//!
//! [`settings!`](crate::settings) makes a struct with public fields from such a table. Values come from, in this order, the
//! table's default, the environment ([`apply_env`]) and a TOML file ([`TomlFile`]); whatever is wrong is reported in one go,
//! by the spelling the user used, with the value and what is allowed.

mod env;
mod nearest;
mod quantity;
mod table;
mod toml_file;

pub use env::{apply_env, system_environment};
pub use nearest::nearest;
pub use quantity::{Bytes, Nanos, parse_bytes, parse_duration};
pub use table::{Row, Setting, Settings};
pub use toml_file::TomlFile;

/// A setting that can't be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is no value of the setting.
    #[error("{place}: {value} is refused; allowed is {allowed}")]
    BadValue {
        /// File, line and key, or the environment variable.
        place: String,
        /// What stood there.
        value: String,
        /// In words.
        allowed: String,
    },
    /// A key that nobody knows.
    #[error("{place}: there is no such key; did you mean `{nearest}`?")]
    UnknownKey {
        /// File, line and key.
        place: String,
        /// The nearest known key.
        nearest: String,
    },
    /// The file is no TOML.
    #[error("{file}: {problem}")]
    Syntax {
        /// The file.
        file: String,
        /// What the parser says.
        problem: String,
    },
    /// Settings that contradict each other.
    #[error("{0}")]
    Contradiction(String),
}
