//! Settings of a client (spec 05 §1.1, §1.2).

use std::path::PathBuf;

use super::error::ConfigError;

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

/// Most bytes of a client's name.
pub const CLIENT_NAME_MAX: usize = 100;

/// Settings of a client. Its handlers are apart, in [`Handlers`](super::Handlers).
///
/// ```
/// use taranis_transport::client::Context;
///
/// let context = Context { client_name: "prices".into(), ..Context::new("/dev/shm/aeron-trading") };
/// assert!(context.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The driver's directory (`AERON_DIR`). Default: `/dev/shm/aeron-<user>`.
    pub aeron_dir: PathBuf,
    /// How long to wait for a driver, for its answers, and for its signs of life (`AERON_DRIVER_TIMEOUT`, in whole
    /// milliseconds). Default: 10 s.
    pub driver_timeout_ns: i64,
    /// Shown in the label of the client's heartbeat counter, at most 100 bytes (`AERON_CLIENT_NAME`). Default: empty.
    pub client_name: String,
    /// Between two looks at time-outs (`AERON_CLIENT_IDLE_SLEEP_DURATION`), at most 1 s. Default: 16 ms.
    pub idle_sleep_ns: i64,
    /// Between two heartbeats; less than the driver's client liveness timeout. Default: 500 ms.
    pub keep_alive_interval_ns: i64,
    /// Whether to touch every page of a log buffer when it is mapped, so that the data path meets no page fault
    /// (`AERON_CLIENT_PRE_TOUCH_MAPPED_MEMORY`). Default: false.
    pub pre_touch_mapped_memory: bool,
    /// How long a log buffer stays mapped after its last use (`AERON_CLIENT_RESOURCE_LINGER_DURATION`). Memory in use is
    /// never unmapped; this keeps the unmapping off the threads that poll. Default: 3 s.
    pub resource_linger_ns: i64,
}

impl Context {
    /// The defaults, for the driver in that directory.
    pub fn new(aeron_dir: impl Into<PathBuf>) -> Self {
        Self {
            aeron_dir: aeron_dir.into(),
            driver_timeout_ns: 10 * NS_PER_S,
            client_name: String::new(),
            idle_sleep_ns: 16 * NS_PER_MS,
            keep_alive_interval_ns: 500 * NS_PER_MS,
            pre_touch_mapped_memory: false,
            resource_linger_ns: 3 * NS_PER_S,
        }
    }

    /// The defaults, and over them what the environment says. `lookup` is the environment, read once by whoever starts the
    /// process: `|name| std::env::var(name).ok()`.
    ///
    /// # Errors
    /// [`ConfigError`] naming every variable that can't be read.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let user = lookup("USER").unwrap_or_else(|| "default".into());
        let mut context = Self::new(format!("/dev/shm/aeron-{user}"));
        let mut faults = Vec::new();
        let mut refuse =
            |name: &str, value: &str, rule: &str| faults.push(format!("{name}={value}: {rule}"));
        if let Some(dir) = lookup("AERON_DIR") {
            context.aeron_dir = dir.into();
        }
        if let Some(name) = lookup("AERON_CLIENT_NAME") {
            context.client_name = name;
        }
        if let Some(value) = lookup("AERON_DRIVER_TIMEOUT") {
            match value
                .parse::<i64>()
                .ok()
                .and_then(|ms| ms.checked_mul(NS_PER_MS))
            {
                Some(timeout_ns) => context.driver_timeout_ns = timeout_ns,
                None => refuse(
                    "AERON_DRIVER_TIMEOUT",
                    &value,
                    "a whole number of milliseconds",
                ),
            }
        }
        for (name, setting) in [
            (
                "AERON_CLIENT_IDLE_SLEEP_DURATION",
                &mut context.idle_sleep_ns,
            ),
            (
                "AERON_CLIENT_RESOURCE_LINGER_DURATION",
                &mut context.resource_linger_ns,
            ),
        ] {
            let Some(value) = lookup(name) else { continue };
            match duration_ns(&value) {
                Some(duration_ns) => *setting = duration_ns,
                None => refuse(
                    name,
                    &value,
                    "a whole number with s, ms, us, ns or nothing (ns) behind it",
                ),
            }
        }
        if let Some(value) = lookup("AERON_CLIENT_PRE_TOUCH_MAPPED_MEMORY") {
            match boolean(&value) {
                Some(on) => context.pre_touch_mapped_memory = on,
                None => refuse(
                    "AERON_CLIENT_PRE_TOUCH_MAPPED_MEMORY",
                    &value,
                    "true or false",
                ),
            }
        }
        if faults.is_empty() {
            Ok(context)
        } else {
            Err(ConfigError { faults })
        }
    }

    /// Checks the settings against each other and their ranges.
    ///
    /// # Errors
    /// [`ConfigError`] naming every fault.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut faults = Vec::new();
        if self.driver_timeout_ns < NS_PER_MS {
            faults.push(format!(
                "driver timeout={}ns: at least 1ms",
                self.driver_timeout_ns
            ));
        }
        if self.client_name.len() > CLIENT_NAME_MAX {
            faults.push(format!(
                "client name of {} bytes: at most {CLIENT_NAME_MAX}",
                self.client_name.len()
            ));
        }
        if !(0..=NS_PER_S).contains(&self.idle_sleep_ns) {
            faults.push(format!(
                "idle sleep duration={}ns: from 0 to 1s",
                self.idle_sleep_ns
            ));
        }
        if self.keep_alive_interval_ns < 1 {
            faults.push(format!(
                "keep alive interval={}ns: at least 1ns",
                self.keep_alive_interval_ns
            ));
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(ConfigError { faults })
        }
    }

    /// Checks against what the driver says in its CnC file: a client that beats more rarely than the driver looks would
    /// be given up while it works.
    pub(super) fn check_against(&self, client_liveness_timeout_ns: i64) -> Result<(), ConfigError> {
        if self.keep_alive_interval_ns < client_liveness_timeout_ns {
            return Ok(());
        }
        Err(ConfigError {
            faults: vec![format!(
                "keep alive interval={}ns: less than the driver's client liveness timeout of {client_liveness_timeout_ns}ns",
                self.keep_alive_interval_ns
            )],
        })
    }

    /// Path of the driver's CnC file.
    pub fn cnc_path(&self) -> PathBuf {
        self.aeron_dir.join(crate::cnc::CNC_FILE)
    }
}

/// A duration in Aeron's syntax (spec 01 §14.1), in nanoseconds; saturates.
fn duration_ns(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at_checked(digits)?;
    let unit = match suffix.to_ascii_lowercase().as_str() {
        "" | "ns" => 1,
        "us" => 1_000,
        "ms" => NS_PER_MS,
        "s" => NS_PER_S,
        _ => return None,
    };
    if number.is_empty() {
        return None;
    }
    Some(
        number
            .parse::<i64>()
            .unwrap_or(i64::MAX)
            .saturating_mul(unit),
    )
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "on" | "true" => Some(true),
        "0" | "off" | "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_overrides_the_defaults() {
        let context = Context::from_env(|name| match name {
            "AERON_DIR" => Some("/tmp/a".into()),
            "AERON_DRIVER_TIMEOUT" => Some("250".into()),
            "AERON_CLIENT_IDLE_SLEEP_DURATION" => Some("3MS".into()),
            "AERON_CLIENT_PRE_TOUCH_MAPPED_MEMORY" => Some("on".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(context.aeron_dir, PathBuf::from("/tmp/a"));
        assert_eq!(context.driver_timeout_ns, 250 * NS_PER_MS);
        assert_eq!(context.idle_sleep_ns, 3 * NS_PER_MS);
        assert!(context.pre_touch_mapped_memory);
        let me = Context::from_env(|name| (name == "USER").then(|| "me".into())).unwrap();
        assert_eq!(me, Context::new("/dev/shm/aeron-me"));
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let error = Context::from_env(|name| match name {
            "AERON_DRIVER_TIMEOUT" => Some("10s".into()),
            "AERON_CLIENT_IDLE_SLEEP_DURATION" => Some("-1".into()),
            _ => None,
        })
        .unwrap_err();
        assert_eq!(error.faults.len(), 2);
        assert!(error.to_string().starts_with("AERON_DRIVER_TIMEOUT=10s: "));

        let bad = Context {
            driver_timeout_ns: 0,
            client_name: "x".repeat(101),
            idle_sleep_ns: NS_PER_S + 1,
            keep_alive_interval_ns: 0,
            ..Context::new("/tmp")
        };
        assert_eq!(bad.check().unwrap_err().faults.len(), 4);
        let full = Context {
            client_name: "x".repeat(100),
            ..Context::new("/tmp")
        };
        assert!(full.check().is_ok());
    }

    #[test]
    fn a_keep_alive_as_rare_as_the_drivers_patience_is_refused() {
        let context = Context::new("/tmp");
        assert!(context.check_against(500 * NS_PER_MS + 1).is_ok());
        assert!(context.check_against(500 * NS_PER_MS).is_err());
    }

    #[test]
    fn durations_are_read_strictly() {
        for (text, expected) in [
            ("5", Some(5)),
            ("5us", Some(5_000)),
            ("5s", Some(5 * NS_PER_S)),
            ("99999999999999999999s", Some(i64::MAX)),
            ("", None),
            ("s", None),
            ("5m", None),
            ("5 ms", None),
            ("-5", None),
        ] {
            assert_eq!(duration_ns(text), expected, "{text:?}");
        }
    }
}
