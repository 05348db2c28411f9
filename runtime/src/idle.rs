//! Idle strategies: what a thread does when a cycle found no work (spec 01 §2).
//!
//! They are pure state machines: [`IdleStrategy::idle`] says what to do, and the thread's loop does it.

/// What to do before the next cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nothing: go on at once.
    None,
    /// One pause hint to the processor.
    Spin,
    /// Give up the rest of the time slice.
    Yield,
    /// Wait for at most this many nanoseconds; datagrams may end it early.
    Park(u64),
}

/// How a thread idles. Names and defaults are Aeron's (spec 01 §2.1, §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleStrategy {
    /// Never pauses.
    NoOp,
    /// Pause hints only: lowest latency, one core burnt.
    BusySpin,
    /// Yields only.
    Yielding,
    /// Parks for a fixed time.
    Sleeping {
        /// Length of a park.
        park_ns: u64,
    },
    /// Spins, then yields, then parks ever longer.
    Backoff(Backoff),
}

/// Aeron's backing-off state machine with its parameters and state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Pause hints before yielding.
    pub max_spins: u64,
    /// Yields before parking.
    pub max_yields: u64,
    /// First park.
    pub min_park_ns: u64,
    /// Longest park.
    pub max_park_ns: u64,
    state: BackoffState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BackoffState {
    NotIdle,
    Spinning { spins: u64 },
    Yielding { yields: u64 },
    Parking { park_ns: u64 },
}

impl IdleStrategy {
    /// Aeron's default: `backoff` with 10 spins, 20 yields, parks from 1 µs to 1 ms.
    pub const BACKOFF: Self = Self::Backoff(Backoff::new(10, 20, 1_000, 1_000_000));

    /// The strategy of an Aeron alias (`noop`, `spin`, `yield`, `sleep-ns`, `sleep-ms`, `backoff`), with Aeron's defaults.
    pub fn from_alias(alias: &str) -> Option<Self> {
        match alias {
            "noop" => Some(Self::NoOp),
            "spin" => Some(Self::BusySpin),
            "yield" => Some(Self::Yielding),
            "sleep-ns" | "sleeping" => Some(Self::Sleeping { park_ns: 1_000 }),
            "sleep-ms" => Some(Self::Sleeping { park_ns: 1_000_000 }),
            "backoff" => Some(Self::BACKOFF),
            _ => None,
        }
    }

    /// The aliases that [`Self::from_alias`] knows.
    pub const ALIASES: [&'static str; 6] =
        ["noop", "spin", "yield", "sleep-ns", "sleep-ms", "backoff"];

    /// What to do after a cycle with `work`; any work starts the idling over.
    pub fn idle(&mut self, work: usize) -> Pause {
        if work > 0 {
            if let Self::Backoff(backoff) = self {
                backoff.state = BackoffState::NotIdle;
            }
            return Pause::None;
        }
        match self {
            Self::NoOp => Pause::None,
            Self::BusySpin => Pause::Spin,
            Self::Yielding => Pause::Yield,
            Self::Sleeping { park_ns } => Pause::Park(*park_ns),
            Self::Backoff(backoff) => backoff.step(),
        }
    }
}

impl Backoff {
    /// The state machine at its start.
    pub const fn new(max_spins: u64, max_yields: u64, min_park_ns: u64, max_park_ns: u64) -> Self {
        Self {
            max_spins,
            max_yields,
            min_park_ns,
            max_park_ns,
            state: BackoffState::NotIdle,
        }
    }

    fn step(&mut self) -> Pause {
        match self.state {
            BackoffState::NotIdle => {
                self.state = BackoffState::Spinning { spins: 1 };
                Pause::None
            }
            BackoffState::Spinning { spins } => {
                let spins = spins + 1;
                self.state = if spins > self.max_spins {
                    BackoffState::Yielding { yields: 0 }
                } else {
                    BackoffState::Spinning { spins }
                };
                Pause::Spin
            }
            BackoffState::Yielding { yields } if yields + 1 > self.max_yields => {
                self.state = BackoffState::Parking {
                    park_ns: self.min_park_ns,
                };
                Pause::None
            }
            BackoffState::Yielding { yields } => {
                self.state = BackoffState::Yielding { yields: yields + 1 };
                Pause::Yield
            }
            BackoffState::Parking { park_ns } => {
                let next = park_ns.saturating_mul(2).min(self.max_park_ns);
                self.state = BackoffState::Parking { park_ns: next };
                Pause::Park(park_ns)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 01 §2.2: with 10/20 defaults: 1 free cycle, 10 pauses, 20 yields, 1 free cycle, then 1, 2, 4 … 512 µs, 1 ms, 1 ms.
    #[test]
    fn backoff_goes_through_aerons_sequence_and_work_resets_it() {
        let mut strategy = IdleStrategy::BACKOFF;
        for _ in 0..2 {
            let mut expected = vec![Pause::None];
            expected.extend([Pause::Spin; 10]);
            expected.extend([Pause::Yield; 20]);
            expected.push(Pause::None);
            expected.extend((0..10).map(|power| Pause::Park(1_000 << power)));
            expected.extend([Pause::Park(1_000_000); 2]);
            let seen: Vec<_> = expected.iter().map(|_| strategy.idle(0)).collect();
            assert_eq!(seen, expected);
            assert_eq!(strategy.idle(3), Pause::None);
        }
    }

    #[test]
    fn every_alias_is_known_and_nothing_else() {
        assert!(
            IdleStrategy::ALIASES
                .iter()
                .all(|alias| IdleStrategy::from_alias(alias).is_some())
        );
        assert_eq!(IdleStrategy::from_alias("Backoff"), None);
    }
}
