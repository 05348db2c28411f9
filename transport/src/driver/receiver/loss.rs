//! When to ask for what is missing (spec 03 §4.8). Pure: the conductor runs it, once per cycle and image.

use taranis_runtime::cycle::Rng;

use crate::{driver::image_state::Gap, log};

/// How long a gap may be open before it is reported, and then reported again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NakDelay {
    /// At once: the gap is filled, not asked for.
    None,
    Unicast {
        delay_ns: i64,
        retry_ns: i64,
    },
    /// Spread over the group, so that one NAK serves all.
    Multicast {
        max_backoff_ns: i64,
        group_size: u32,
    },
}

/// Follows the first gap of an image.
#[derive(Debug)]
pub(crate) struct LossDetector {
    delay: NakDelay,
    active: Option<Active>,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    gap: Gap,
    due_ns: i64,
}

impl LossDetector {
    pub(crate) fn new(delay: NakDelay) -> Self {
        Self {
            delay,
            active: None,
        }
    }

    /// Takes what a scan found; gives the gap to report now.
    pub(crate) fn on_scan(
        &mut self,
        found: Option<log::Gap>,
        now_ns: i64,
        rng: &mut Rng,
    ) -> Option<Gap> {
        let Some(found) = found else {
            self.active = None;
            return None;
        };
        let gap = Gap {
            term_id: found.term_id,
            term_offset: found.term_offset,
            length: found.length,
        };
        let known = self.active.filter(|active| active.gap == gap);
        let active = match known {
            Some(active) => active,
            None => Active {
                gap,
                due_ns: now_ns + self.delay.first_ns(rng),
            },
        };
        let is_due = now_ns >= active.due_ns;
        let due_ns = if is_due {
            now_ns + self.delay.retry_ns(rng)
        } else {
            active.due_ns
        };
        self.active = Some(Active { gap, due_ns });
        is_due.then_some(gap)
    }
}

impl NakDelay {
    fn first_ns(self, rng: &mut Rng) -> i64 {
        match self {
            Self::None => 0,
            Self::Unicast { delay_ns, .. } => delay_ns,
            Self::Multicast {
                max_backoff_ns,
                group_size,
            } => backoff_ns(max_backoff_ns, group_size, rng.f64()),
        }
    }

    fn retry_ns(self, rng: &mut Rng) -> i64 {
        match self {
            Self::Unicast { retry_ns, .. } => retry_ns,
            Self::None | Self::Multicast { .. } => self.first_ns(rng),
        }
    }
}

/// The optimal multicast back-off: `uniform` in [0, 1) spread so that about one of the group answers early.
fn backoff_ns(max_backoff_ns: i64, group_size: u32, uniform: f64) -> i64 {
    let longest = max_backoff_ns as f64;
    let lambda = f64::from(group_size).ln() + 1.0;
    let spread = lambda.exp() - 1.0;
    let x = uniform * lambda / longest + lambda / (longest * spread);
    ((longest / lambda) * (x * spread * (longest / lambda)).ln()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(offset: i32) -> Option<log::Gap> {
        Some(log::Gap {
            term_id: 3,
            term_offset: offset,
            length: 64,
        })
    }

    /// 03 §4.8: reported when the delay is over, again after the retry delay; another gap starts over.
    #[test]
    fn a_gap_is_reported_after_its_delay_and_again_after_the_longer_one() {
        let mut rng = Rng::with_seed(1);
        let mut detector = LossDetector::new(NakDelay::Unicast {
            delay_ns: 10,
            retry_ns: 1_000,
        });
        assert_eq!(detector.on_scan(gap(0), 0, &mut rng), None);
        assert!(detector.on_scan(gap(0), 10, &mut rng).is_some());
        assert_eq!(detector.on_scan(gap(0), 1_009, &mut rng), None);
        assert!(detector.on_scan(gap(0), 1_010, &mut rng).is_some());
        assert_eq!(detector.on_scan(gap(64), 1_011, &mut rng), None);
        assert_eq!(detector.on_scan(None, 1_012, &mut rng), None);
        assert_eq!(detector.on_scan(gap(64), 1_030, &mut rng), None);
    }

    #[test]
    fn an_unreliable_stream_reports_at_once() {
        let mut rng = Rng::with_seed(1);
        let mut detector = LossDetector::new(NakDelay::None);
        assert!(detector.on_scan(gap(0), 5, &mut rng).is_some());
    }

    #[test]
    fn multicast_delays_lie_between_0_and_the_longest() {
        for step in 0..1_000 {
            let delay = backoff_ns(10_000_000, 10, f64::from(step) / 1_000.0);
            assert!((0..=10_000_000).contains(&delay), "{delay}");
        }
    }
}
