//! The subscribers of one stream: their positions, and how long an untethered one may lag (spec 04 §2.10, 03 §4.11).

use crate::uri::UntetheredTimeouts;

use super::counters::Allocated;

/// Who reads a stream: a publication's spies or IPC subscribers, or an image's subscribers.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    list: Vec<Subscriber>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) subscription_id: i64,
    pub(crate) position: Allocated,
    pub(crate) is_tether: bool,
    pub(crate) is_rejoin: bool,
    pub(crate) timeouts: UntetheredTimeouts,
    state: Tether,
    since_ns: i64,
}

/// Whether a subscriber counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tether {
    Active,
    Linger,
    Resting,
    Closed,
}

/// What becomes of an untethered subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untethered {
    /// Its image is unavailable from now on.
    Lost { subscription_id: i64 },
    /// It joins again, at the stream's join position.
    Rejoins { subscription_id: i64 },
    /// Its counter is to be freed; it stays lost.
    Closed { counter_id: i32 },
}

impl Subscriber {
    pub(crate) fn new(
        subscription_id: i64,
        position: Allocated,
        (is_tether, is_rejoin): (bool, bool),
        timeouts: UntetheredTimeouts,
        now_ns: i64,
    ) -> Self {
        let (state, since_ns) = (Tether::Active, now_ns);
        Self {
            subscription_id,
            position,
            is_tether,
            is_rejoin,
            timeouts,
            state,
            since_ns,
        }
    }

    /// Whether it holds the stream back.
    fn is_working(&self) -> bool {
        matches!(self.state, Tether::Active | Tether::Linger)
    }

    fn at(&self) -> i64 {
        self.position.word.load_acquire()
    }

    /// Whether its position counter is still its own.
    fn holds_counter(&self) -> bool {
        self.state != Tether::Closed
    }

    fn step(&mut self, now_ns: i64, limit: i64) -> Option<Untethered> {
        let waited = now_ns - self.since_ns;
        let linger_ns = self
            .timeouts
            .linger_ns
            .unwrap_or(self.timeouts.window_limit_ns);
        let (state, event) = match self.state {
            Tether::Active if self.is_tether || self.at() > limit => {
                self.since_ns = now_ns;
                return None;
            }
            Tether::Active if waited > self.timeouts.window_limit_ns => (
                Tether::Linger,
                Some(Untethered::Lost {
                    subscription_id: self.subscription_id,
                }),
            ),
            Tether::Linger if waited > linger_ns && self.is_rejoin => (Tether::Resting, None),
            Tether::Linger if waited > linger_ns => (
                Tether::Closed,
                Some(Untethered::Closed {
                    counter_id: self.position.id,
                }),
            ),
            Tether::Resting if waited > self.timeouts.resting_ns => (
                Tether::Active,
                Some(Untethered::Rejoins {
                    subscription_id: self.subscription_id,
                }),
            ),
            Tether::Active | Tether::Linger | Tether::Resting | Tether::Closed => return None,
        };
        self.state = state;
        self.since_ns = now_ns;
        event
    }
}

impl Subscribers {
    pub(crate) fn add(&mut self, subscriber: Subscriber) {
        self.list.push(subscriber);
    }

    /// Removes a subscription's entry; gives the counter to free, unless it was freed before.
    pub(crate) fn remove(&mut self, subscription_id: i64) -> Option<Option<i32>> {
        let at = self
            .list
            .iter()
            .position(|subscriber| subscriber.subscription_id == subscription_id)?;
        let gone = self.list.remove(at);
        Some(gone.holds_counter().then_some(gone.position.id))
    }

    pub(crate) fn contains(&self, subscription_id: i64) -> bool {
        self.list
            .iter()
            .any(|subscriber| subscriber.subscription_id == subscription_id)
    }

    pub(crate) fn get(&self, subscription_id: i64) -> Option<&Subscriber> {
        self.list
            .iter()
            .find(|subscriber| subscriber.subscription_id == subscription_id)
    }

    /// Subscriptions in the order they joined.
    pub(crate) fn subscription_ids(&self) -> impl Iterator<Item = i64> {
        self.list
            .iter()
            .map(|subscriber| subscriber.subscription_id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn has_working(&self) -> bool {
        self.list.iter().any(Subscriber::is_working)
    }

    /// The slowest that holds the stream back.
    pub(crate) fn min_working(&self) -> Option<i64> {
        self.list
            .iter()
            .filter(|subscriber| subscriber.is_working())
            .map(Subscriber::at)
            .min()
    }

    /// The furthest that counts.
    pub(crate) fn max_working(&self) -> Option<i64> {
        self.list
            .iter()
            .filter(|subscriber| subscriber.is_working())
            .map(Subscriber::at)
            .max()
    }

    /// Whether all that count have consumed up to `position`.
    pub(crate) fn are_drained(&self, position: i64) -> bool {
        self.min_working().is_none_or(|slowest| slowest >= position)
    }

    /// Looks after untethered subscribers: `limit` is the position that one must be past. Timer interval.
    pub(crate) fn check_untethered(&mut self, now_ns: i64, limit: i64) -> Vec<Untethered> {
        self.list
            .iter_mut()
            .filter_map(|subscriber| subscriber.step(now_ns, limit))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use taranis_runtime::mem::Region;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn subscriber(id: i64, is_tether: bool, is_rejoin: bool) -> (Subscriber, Allocated) {
        let position = Allocated {
            id: id as i32,
            word: Region::heap(8).word64(0).unwrap(),
        };
        let timeouts = UntetheredTimeouts {
            window_limit_ns: 5 * SECOND,
            linger_ns: None,
            resting_ns: 10 * SECOND,
        };
        (
            Subscriber::new(id, position.clone(), (is_tether, is_rejoin), timeouts, 0),
            position,
        )
    }

    /// 04 §2.10: out of the window for 5 s → lost, after 5 s more it rests, after 10 s more it joins again.
    #[test]
    fn an_untethered_subscriber_that_lags_is_lost_rests_and_rejoins() {
        let mut subscribers = Subscribers::default();
        let (slow, _) = subscriber(1, false, true);
        let (tethered, position) = subscriber(2, true, true);
        position.word.store_release(50);
        subscribers.add(slow);
        subscribers.add(tethered);
        assert_eq!(subscribers.check_untethered(5 * SECOND, 100), []);
        let lost = Untethered::Lost { subscription_id: 1 };
        assert_eq!(subscribers.check_untethered(5 * SECOND + 1, 100), [lost]);
        assert_eq!(
            subscribers.min_working(),
            Some(0),
            "a lingering one still holds back"
        );
        assert_eq!(subscribers.check_untethered(11 * SECOND, 100), []);
        assert_eq!(
            subscribers.min_working(),
            Some(50),
            "a resting one does not"
        );
        let rejoins = Untethered::Rejoins { subscription_id: 1 };
        assert_eq!(subscribers.check_untethered(22 * SECOND, 100), [rejoins]);
    }

    #[test]
    fn without_rejoin_its_counter_is_freed_once() {
        let mut subscribers = Subscribers::default();
        subscribers.add(subscriber(7, false, false).0);
        subscribers.check_untethered(6 * SECOND, 1);
        assert_eq!(
            subscribers.check_untethered(12 * SECOND, 1),
            [Untethered::Closed { counter_id: 7 }]
        );
        assert_eq!(subscribers.remove(7), Some(None));
        assert_eq!(subscribers.remove(7), None);
    }
}
