//! Agrona's deadline timer wheel (spec 01 §11): the cluster's default timer service.
//!
//! Order matters to the byte here: which timer of a tick fires first is part of what all members of a cluster must agree
//! on, so slots are taken and visited exactly as Agrona does.

/// A slot that holds no timer.
const NO_DEADLINE: i64 = i64::MAX;
/// Most slots of a wheel.
const MAX_SLOTS: usize = 1 << 30;
/// Slots per tick in the beginning, unless said otherwise.
pub const INITIAL_TICK_ALLOCATION: usize = 16;

/// Timers by deadline, in any one unit of time. Scheduling and cancelling take constant time; a poll looks at one tick.
#[derive(Clone, Debug)]
pub struct TimerWheel {
    start: i64,
    resolution_bits: u32,
    /// Number of ticks, a power of two.
    ticks: usize,
    /// Slots per tick, a power of two: slot `s` of spoke `t` is at `t * slots + s`.
    slots: usize,
    wheel: Vec<i64>,
    current_tick: i64,
    poll_index: usize,
    timers: usize,
}

/// Names a timer until it expired or was cancelled; afterwards another may get the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId(i64);

impl TimerId {
    /// Agrona's number: the tick's index in the upper half, the slot's in the lower.
    pub fn as_i64(self) -> i64 {
        self.0
    }

    fn new(spoke: usize, slot: usize) -> Self {
        Self((spoke as i64) << 32 | slot as i64)
    }

    fn spoke(self) -> usize {
        (self.0 >> 32) as usize
    }

    fn slot(self) -> usize {
        (self.0 & 0xFFFF_FFFF) as usize
    }
}

impl TimerWheel {
    /// A wheel that stands at `start`, with ticks of `tick_resolution`, each with `initial_slots` slots to begin with
    /// (usually [`INITIAL_TICK_ALLOCATION`]).
    ///
    /// # Errors
    /// [`BadWheel`] when one of the three numbers is not a power of two, or the wheel would be too large.
    pub fn new(
        start: i64,
        tick_resolution: i64,
        ticks_per_wheel: usize,
        initial_slots: usize,
    ) -> Result<Self, BadWheel> {
        if tick_resolution < 1 || !tick_resolution.unsigned_abs().is_power_of_two() {
            return Err(BadWheel::TickResolution(tick_resolution));
        }
        if !ticks_per_wheel.is_power_of_two() {
            return Err(BadWheel::TicksPerWheel(ticks_per_wheel));
        }
        if !initial_slots.is_power_of_two() {
            return Err(BadWheel::InitialSlots(initial_slots));
        }
        let total = ticks_per_wheel
            .checked_mul(initial_slots)
            .filter(|total| *total <= MAX_SLOTS)
            .ok_or(BadWheel::TooLarge)?;
        Ok(Self {
            start,
            resolution_bits: tick_resolution.trailing_zeros(),
            ticks: ticks_per_wheel,
            slots: initial_slots,
            wheel: vec![NO_DEADLINE; total],
            current_tick: 0,
            poll_index: 0,
            timers: 0,
        })
    }

    /// Schedules a timer. A deadline that is past expires in the current tick.
    ///
    /// Allocates when the deadline's tick has no free slot.
    ///
    /// # Errors
    /// [`ScheduleError`] when the wheel would have more than 2^30 slots, or when the deadline is `i64::MAX`.
    pub fn schedule(&mut self, deadline: i64) -> Result<TimerId, ScheduleError> {
        if deadline == NO_DEADLINE {
            return Err(ScheduleError::NoDeadline);
        }
        let spoke = self.tick_of(deadline).max(self.current_tick) as usize & (self.ticks - 1);
        let begin = spoke * self.slots;
        let free = self.wheel[begin..begin + self.slots]
            .iter()
            .position(|stored| *stored == NO_DEADLINE);
        let slot = match free {
            Some(slot) => slot,
            None => self.double_slots()?,
        };
        self.wheel[spoke * self.slots + slot] = deadline;
        self.timers += 1;
        Ok(TimerId::new(spoke, slot))
    }

    /// Removes a timer; returns whether there was one of that name.
    pub fn cancel(&mut self, timer: TimerId) -> bool {
        let Some(at) = self.occupied(timer) else {
            return false;
        };
        self.wheel[at] = NO_DEADLINE;
        self.timers -= 1;
        true
    }

    /// Expires up to `limit` timers of the current tick whose deadline is reached, and goes on to the next tick when this
    /// one is over: at most one tick per call. Returns how many expired.
    ///
    /// `on_expiry` gets the timer, which is free already. When it returns false, the timer is put back and the poll
    /// ends; the next one begins with it.
    pub fn poll(
        &mut self,
        now: i64,
        limit: usize,
        mut on_expiry: impl FnMut(TimerId) -> bool,
    ) -> usize {
        let mut expired = 0;
        let idle = self.timers == 0;
        if !idle {
            let spoke = self.current_tick as usize & (self.ticks - 1);
            for _ in 0..self.slots {
                if expired >= limit {
                    break;
                }
                let at = spoke * self.slots + self.poll_index;
                let deadline = self.wheel[at];
                if now >= deadline && deadline != NO_DEADLINE {
                    self.wheel[at] = NO_DEADLINE;
                    self.timers -= 1;
                    if !on_expiry(TimerId::new(spoke, self.poll_index)) {
                        self.wheel[at] = deadline;
                        self.timers += 1;
                        return expired;
                    }
                    expired += 1;
                }
                self.poll_index = (self.poll_index + 1) & (self.slots - 1);
            }
        }
        if (idle || expired < limit) && now >= self.current_tick_time() {
            self.current_tick += 1;
            self.poll_index = 0;
        }
        expired
    }

    /// Goes on to the tick of `now` without expiring anything: timers passed over wait until the wheel comes round.
    pub fn advance(&mut self, now: i64) {
        self.current_tick = self.tick_of(now).max(self.current_tick);
    }

    /// Removes all timers.
    pub fn clear(&mut self) {
        self.wheel.fill(NO_DEADLINE);
        self.timers = 0;
    }

    /// Begins anew at `start`.
    ///
    /// # Errors
    /// [`TimersActive`] when there are timers.
    pub fn reset_start_time(&mut self, start: i64) -> Result<(), TimersActive> {
        if self.timers > 0 {
            return Err(TimersActive(self.timers));
        }
        self.start = start;
        self.current_tick = 0;
        self.poll_index = 0;
        Ok(())
    }

    /// Deadline of a timer, if there is one of that name.
    pub fn deadline(&self, timer: TimerId) -> Option<i64> {
        self.occupied(timer).map(|at| self.wheel[at])
    }

    /// Number of timers.
    pub fn timer_count(&self) -> usize {
        self.timers
    }

    /// When the current tick ends.
    pub fn current_tick_time(&self) -> i64 {
        (self.current_tick.wrapping_add(1) << self.resolution_bits).wrapping_add(self.start)
    }

    /// Timers with their deadlines, by tick and slot.
    pub fn iter(&self) -> impl Iterator<Item = (TimerId, i64)> {
        self.wheel
            .iter()
            .enumerate()
            .filter(|(_, deadline)| **deadline != NO_DEADLINE)
            .map(|(at, deadline)| (TimerId::new(at / self.slots, at % self.slots), *deadline))
    }

    fn occupied(&self, timer: TimerId) -> Option<usize> {
        let (spoke, slot) = (timer.spoke(), timer.slot());
        if spoke >= self.ticks || slot >= self.slots {
            return None;
        }
        Some(spoke * self.slots + slot).filter(|at| self.wheel[*at] != NO_DEADLINE)
    }

    fn tick_of(&self, time: i64) -> i64 {
        time.wrapping_sub(self.start) >> self.resolution_bits
    }

    /// Gives each tick twice its slots; ids keep their meaning. Returns the first new slot.
    fn double_slots(&mut self) -> Result<usize, ScheduleError> {
        let old = self.slots;
        if self.wheel.len() > MAX_SLOTS / 2 {
            return Err(ScheduleError::Full);
        }
        let mut wheel = vec![NO_DEADLINE; self.wheel.len() * 2];
        for (to, from) in wheel
            .chunks_exact_mut(old * 2)
            .zip(self.wheel.chunks_exact(old))
        {
            to[..old].copy_from_slice(from);
        }
        self.wheel = wheel;
        self.slots = old * 2;
        Ok(old)
    }
}

/// Measures that are no wheel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadWheel {
    /// The length of a tick.
    #[error("tick resolution {0}: must be a power of two")]
    TickResolution(i64),
    /// The number of ticks.
    #[error("{0} ticks per wheel: must be a power of two")]
    TicksPerWheel(usize),
    /// Slots per tick.
    #[error("{0} slots per tick: must be a power of two")]
    InitialSlots(usize),
    /// Their product.
    #[error("ticks per wheel times slots per tick: must be at most 2^30")]
    TooLarge,
}

/// Why a timer was not scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// No slot is left in the deadline's tick.
    #[error("the timer wheel is full: it has at most 2^30 slots")]
    Full,
    /// The deadline means "none": such a timer would never expire. (Agrona takes it, and never expires or cancels it.)
    #[error("a timer's deadline must be below i64::MAX")]
    NoDeadline,
}

/// The wheel can't begin anew while this many timers are scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the timer wheel can't be reset: {0} timers are scheduled")]
pub struct TimersActive(usize);
