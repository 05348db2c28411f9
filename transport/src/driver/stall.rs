//! Watching duty cycles: the longest, and how many were longer than a threshold (spec 01 §13.3).

use taranis_runtime::mem::Word64;

/// Measures the time between the starts of two cycles of one agent, and shows it in two counters.
#[derive(Debug)]
pub(crate) struct StallTracker {
    max_ns: Word64,
    exceeded: Word64,
    threshold_ns: i64,
    last_ns: i64,
}

impl StallTracker {
    pub(crate) fn new(max_ns: Word64, exceeded: Word64, threshold_ns: i64) -> Self {
        Self {
            max_ns,
            exceeded,
            threshold_ns,
            last_ns: 0,
        }
    }

    /// The first cycle starts now.
    pub(crate) fn start(&mut self, now_ns: i64) {
        self.last_ns = now_ns;
    }

    /// A cycle starts now.
    pub(crate) fn measure(&mut self, now_ns: i64) {
        let cycle_ns = now_ns - self.last_ns;
        self.last_ns = now_ns;
        self.max_ns.propose_max_release(cycle_ns);
        if cycle_ns > self.threshold_ns {
            self.exceeded.add_release(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use taranis_runtime::mem::Region;

    use super::*;

    #[test]
    fn shows_the_longest_cycle_and_counts_the_long_ones() {
        let region = Region::heap(16);
        let (max_ns, exceeded) = (region.word64(0).unwrap(), region.word64(8).unwrap());
        let mut tracker = StallTracker::new(max_ns.clone(), exceeded.clone(), 100);
        tracker.start(1_000);
        for now_ns in [1_050, 1_151, 1_200] {
            tracker.measure(now_ns);
        }
        assert_eq!((max_ns.load_acquire(), exceeded.load_acquire()), (101, 1));
    }
}
