//! Settings of a client (spec 05 §1.1, §1.2).

use std::path::{Path, PathBuf};

use taranis_runtime::{
    config::{self, Nanos, Setting, Settings as _},
    settings,
};

use super::error::ConfigError;

/// Most bytes of a client's name.
pub const CLIENT_NAME_MAX: usize = 100;

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;

/// A duration that Aeron's variables give as a plain number of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub i64);

impl Millis {
    /// In nanoseconds; saturates.
    pub const fn as_ns(self) -> i64 {
        self.0.saturating_mul(NS_PER_MS)
    }
}

impl Setting for Millis {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

settings! {
    /// Settings of a client. Its handlers are apart, in [`Handlers`](super::Handlers).
    ///
    /// ```
    /// use taranis_transport::client::Context;
    ///
    /// let context = Context { client_name: "prices".into(), ..Context::new("/dev/shm/aeron-trading") };
    /// assert!(context.check().is_ok());
    /// ```
    pub struct Context {
        /// The driver's directory. [`Context::from_env`] puts the user's name in place of `default`.
        pub aeron_dir: PathBuf = "/dev/shm/aeron-default", env "AERON_DIR", allowed "a path";
        /// How long to wait for a driver, for its answers, and for its signs of life, in milliseconds.
        pub driver_timeout: Millis = "10000", env "AERON_DRIVER_TIMEOUT",
            allowed "a whole number of milliseconds, at least 1" if |timeout: &Millis| timeout.0 >= 1;
        /// Shown in the label of the client's heartbeat counter.
        pub client_name: String = "", env "AERON_CLIENT_NAME",
            allowed "at most 100 bytes" if |name: &String| name.len() <= CLIENT_NAME_MAX;
        /// Between two looks at time-outs.
        pub idle_sleep: Nanos = "16ms", env "AERON_CLIENT_IDLE_SLEEP_DURATION",
            allowed "0 to 1s" if |sleep: &Nanos| (0..=NS_PER_S).contains(&sleep.0);
        /// Between two heartbeats; less than the driver's client liveness timeout.
        pub keep_alive_interval: Nanos = "500ms", env none,
            allowed "at least 1ns" if |interval: &Nanos| interval.0 >= 1;
        /// How long a log buffer stays mapped after its last use. Memory in use is never unmapped; this keeps the unmapping
        /// off the threads that poll.
        pub resource_linger: Nanos = "3s", env "AERON_CLIENT_RESOURCE_LINGER_DURATION",
            allowed "a duration" if |linger: &Nanos| linger.0 >= 0;
        /// Whether to touch every page of a log buffer when it is mapped, so that the data path meets no page fault.
        pub pre_touch_mapped_memory: bool = "false", env "AERON_CLIENT_PRE_TOUCH_MAPPED_MEMORY", allowed "true or false";
    }
}

impl Context {
    /// The defaults, for the driver in that directory.
    pub fn new(aeron_dir: impl AsRef<Path>) -> Self {
        Self {
            aeron_dir: aeron_dir.as_ref().to_owned(),
            ..Self::default()
        }
    }

    /// The defaults, and over them what the environment says: `lookup` is
    /// [`system_environment`](taranis_runtime::config::system_environment), outside tests.
    ///
    /// # Errors
    /// [`ConfigError`] naming every variable that can't be taken.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let user = lookup("USER").filter(|user| !user.is_empty());
        let user = user.unwrap_or_else(|| "default".to_owned());
        let mut context = Self::new(format!("/dev/shm/aeron-{user}"));
        let faults = config::apply_env(&mut context, lookup);
        ConfigError::unless_empty(faults.iter().map(ToString::to_string).collect())?;
        Ok(context)
    }

    /// Checks every setting against what is allowed.
    ///
    /// # Errors
    /// [`ConfigError`] naming every fault.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut taken = self.clone();
        let faults = Self::rows().iter().filter_map(|row| {
            let value = self.get(row.key)?;
            let allowed = taken.set(row.key, &value).err()?;
            Some(format!("{}={value}: allowed is {allowed}", row.key))
        });
        ConfigError::unless_empty(faults.collect())
    }

    /// Checks against what the driver says in its CnC file: a client that beats more rarely than the driver looks would
    /// be given up while it works.
    pub(super) fn check_against(&self, client_liveness_timeout_ns: i64) -> Result<(), ConfigError> {
        if self.keep_alive_interval.0 < client_liveness_timeout_ns {
            return Ok(());
        }
        ConfigError::unless_empty(vec![format!(
            "keep_alive_interval={}: less than the driver's client liveness timeout of {}",
            self.keep_alive_interval.show(),
            Nanos(client_liveness_timeout_ns).show(),
        )])
    }

    /// Path of the driver's CnC file.
    pub fn cnc_path(&self) -> PathBuf {
        self.aeron_dir.join(crate::cnc::CNC_FILE)
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
            "AERON_CLIENT_PRE_TOUCH_MAPPED_MEMORY" => Some("true".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(context.aeron_dir, PathBuf::from("/tmp/a"));
        assert_eq!(context.driver_timeout.as_ns(), 250 * NS_PER_MS);
        assert_eq!(context.idle_sleep, Nanos(3 * NS_PER_MS));
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
        assert!(
            error
                .to_string()
                .starts_with("AERON_DRIVER_TIMEOUT: `10s` is refused"),
            "{error}"
        );

        let bad = Context {
            driver_timeout: Millis(0),
            client_name: "x".repeat(101),
            idle_sleep: Nanos(NS_PER_S + 1),
            keep_alive_interval: Nanos(0),
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
}
