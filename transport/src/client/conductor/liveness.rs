//! Whether driver and client still live: a decision from numbers (spec 05 §1.5, §1.6, §1.11).

use crate::cnc::layout::HEARTBEAT_CLOSED;

const NS_PER_MS: i64 = 1_000_000;

/// How long things may take, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Between two looks.
    pub(super) idle_sleep_ns: i64,
    /// Between two heartbeats of this client.
    pub(super) keep_alive_interval_ns: i64,
    /// Between two turns of this client's conductor: after that the driver has given it up.
    pub(super) inter_service_timeout_ns: i64,
    /// Between two signs of life of the driver.
    pub(super) driver_timeout_ns: i64,
}

/// What a turn has to do about liveness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing yet.
    Nothing,
    /// Look at time-outs.
    TimeOuts,
    /// Look at time-outs, and give a heartbeat.
    KeepAlive,
}

/// Why the client is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// No turn for that long.
    NotServiced { interval_ns: i64 },
    /// The driver says it has closed.
    DriverShutdown,
    /// No sign of life of the driver for that long.
    DriverSilent { age_ms: i64 },
}

/// Watches the clock of the conductor's own turns and the driver's heartbeat.
///
/// The driver's age is the monotonic time since its heartbeat last changed, so a step of the wall clock kills nobody.
#[derive(Debug)]
pub(super) struct Liveness {
    limits: Limits,
    last_service_ns: i64,
    last_keep_alive_ns: i64,
    heartbeat_ms: i64,
    heartbeat_changed_ns: i64,
}

impl Liveness {
    pub(super) fn new(limits: Limits, heartbeat_ms: i64, now_ns: i64) -> Self {
        Self {
            limits,
            last_service_ns: now_ns,
            last_keep_alive_ns: now_ns,
            heartbeat_ms,
            heartbeat_changed_ns: now_ns,
        }
    }

    /// Once per turn.
    pub(super) fn turn(
        &mut self,
        now_ns: i64,
        heartbeat_ms: impl FnOnce() -> i64,
    ) -> Result<Due, Death> {
        let interval_ns = now_ns.saturating_sub(self.last_service_ns);
        if interval_ns <= self.limits.idle_sleep_ns {
            return Ok(Due::Nothing);
        }
        if interval_ns > self.limits.inter_service_timeout_ns {
            return Err(Death::NotServiced { interval_ns });
        }
        self.last_service_ns = now_ns;
        self.watch_driver(now_ns, heartbeat_ms())?;
        if now_ns.saturating_sub(self.last_keep_alive_ns) > self.limits.keep_alive_interval_ns {
            return Ok(Due::KeepAlive);
        }
        Ok(Due::TimeOuts)
    }

    /// The heartbeat was given; until then every look asks for it.
    pub(super) fn kept_alive(&mut self, now_ns: i64) {
        self.last_keep_alive_ns = now_ns;
    }

    /// When the next look is due.
    pub(super) fn next_look_ns(&self) -> i64 {
        self.last_service_ns
            .saturating_add(self.limits.idle_sleep_ns)
            .saturating_add(1)
    }

    fn watch_driver(&mut self, now_ns: i64, heartbeat_ms: i64) -> Result<(), Death> {
        if heartbeat_ms == HEARTBEAT_CLOSED {
            return Err(Death::DriverShutdown);
        }
        if heartbeat_ms != self.heartbeat_ms {
            self.heartbeat_ms = heartbeat_ms;
            self.heartbeat_changed_ns = now_ns;
            return Ok(());
        }
        let age_ns = now_ns.saturating_sub(self.heartbeat_changed_ns);
        if age_ns > self.limits.driver_timeout_ns {
            return Err(Death::DriverSilent {
                age_ms: age_ns / NS_PER_MS,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        idle_sleep_ns: 16,
        keep_alive_interval_ns: 500,
        inter_service_timeout_ns: 10_000,
        driver_timeout_ns: 10_000,
    };

    #[test]
    fn looks_rarely_and_asks_for_a_heartbeat_until_one_was_given() {
        let mut liveness = Liveness::new(LIMITS, 1, 0);
        assert_eq!(
            liveness.turn(16, || panic!("not looked at")),
            Ok(Due::Nothing)
        );
        assert_eq!(liveness.next_look_ns(), 17);
        assert_eq!(liveness.turn(17, || 1), Ok(Due::TimeOuts));
        assert_eq!(liveness.turn(501, || 1), Ok(Due::KeepAlive));
        assert_eq!(
            liveness.turn(520, || 1),
            Ok(Due::KeepAlive),
            "the counter was not found yet"
        );
        liveness.kept_alive(520);
        assert_eq!(liveness.turn(1020, || 1), Ok(Due::TimeOuts));
        assert_eq!(liveness.turn(1037, || 1), Ok(Due::KeepAlive));
    }

    #[test]
    fn a_suspended_client_notices_in_its_first_turn() {
        let mut liveness = Liveness::new(LIMITS, 1, 0);
        assert_eq!(liveness.turn(10_000, || 1), Ok(Due::KeepAlive));
        assert_eq!(
            liveness.turn(20_001, || panic!("not looked at")),
            Err(Death::NotServiced {
                interval_ns: 10_001
            })
        );
    }

    #[test]
    fn the_driver_counts_by_when_its_heartbeat_last_changed() {
        let mut liveness = Liveness::new(LIMITS, 1_000_000, 0);
        // The wall clock of the driver steps back an hour: still a sign of life.
        assert_eq!(liveness.turn(9_000, || 5), Ok(Due::KeepAlive));
        assert_eq!(liveness.turn(19_000, || 5), Ok(Due::KeepAlive));
        assert_eq!(
            liveness.turn(19_017, || 5),
            Err(Death::DriverSilent { age_ms: 0 })
        );
        let mut liveness = Liveness::new(LIMITS, 5, 0);
        assert_eq!(liveness.turn(17, || -1), Err(Death::DriverShutdown));
    }
}
