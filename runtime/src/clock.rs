//! Time: read once per turn, and handed down.

/// The clocks, read once per turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic nanoseconds (`CLOCK_MONOTONIC`); liveness and time-outs run on this.
    pub mono_ns: i64,
    /// Nanoseconds since the Unix epoch; only for what a format carries. May jump.
    pub epoch_ns: i64,
}

impl Now {
    /// Reads the system's clocks. Agents don't: their cycle carries the time.
    pub fn read() -> Self {
        Self {
            mono_ns: read(libc::CLOCK_MONOTONIC),
            epoch_ns: read(libc::CLOCK_REALTIME),
        }
    }

    /// Milliseconds since the Unix epoch, as heartbeats carry them.
    pub fn epoch_ms(self) -> i64 {
        self.epoch_ns.div_euclid(1_000_000)
    }
}

fn read(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel fills the timespec; these two clocks exist on every Linux.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    debug_assert_eq!(result, 0, "clock {clock} can be read");
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_does_not_go_back_and_the_epoch_is_this_century() {
        let first = Now::read();
        let second = Now::read();
        assert!(second.mono_ns >= first.mono_ns);
        assert!(first.epoch_ms() > 946_684_800_000);
    }
}
