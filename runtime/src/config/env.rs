//! Settings from the environment.

use super::{ConfigError, Settings};

/// Takes each row's `AERON_*` variable from `lookup`, where it is set and not empty.
pub fn apply_env<S: Settings>(
    settings: &mut S,
    lookup: impl Fn(&str) -> Option<String>,
) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    for row in S::rows() {
        let Some(name) = row.env else { continue };
        let Some(value) = lookup(name).filter(|value| !value.is_empty()) else {
            continue;
        };
        if let Err(allowed) = settings.set(row.key, &value) {
            errors.push(ConfigError::BadValue {
                place: name.to_owned(),
                value: quoted(&value),
                allowed: allowed.to_owned(),
            });
        }
    }
    errors
}

/// The process's environment, for [`apply_env`]. Values that are not UTF-8 count as not set.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment is read"
)]
pub fn system_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(super) fn quoted(value: &str) -> String {
    format!("`{value}`")
}

#[cfg(test)]
mod tests {
    #![expect(unreachable_pub, reason = "the macro makes public structs")]

    use super::*;
    use crate::{config::Nanos, settings};

    settings! {
        /// Something to try.
        pub struct Sample {
            /// A duration.
            pub timeout_ns: Nanos = "10s", env "AERON_TIMEOUT", allowed "a duration, as 500ms";
        }
    }

    #[test]
    fn names_the_variable_and_what_is_allowed() {
        let mut sample = Sample::default();
        assert_eq!(apply_env(&mut sample, |_| Some("250ms".to_owned())), []);
        assert_eq!(sample.timeout_ns, Nanos(250_000_000));
        let errors = apply_env(&mut sample, |_| Some("soon".to_owned()));
        let text = "AERON_TIMEOUT: `soon` is refused; allowed is a duration, as 500ms";
        assert_eq!(errors[0].to_string(), text);
        assert_eq!(apply_env(&mut sample, |_| None), []);
    }
}
