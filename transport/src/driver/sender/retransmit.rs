//! Which NAKs are answered, and when (spec 03 §2.8). Pure; time is an argument.

use crate::frame::Nak;

/// The retransmissions of one publication.
#[derive(Debug)]
pub(super) struct Retransmits {
    actions: Vec<Action>,
    slots: usize,
    delay_ns: i64,
    linger_ns: i64,
}

#[derive(Clone, Copy, Debug)]
struct Action {
    range: Range,
    state: State,
    due_ns: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Delayed,
    /// Sent; further NAKs for it are ignored.
    Lingering,
}

/// Bytes of a term to send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) term_id: i32,
    pub(super) term_offset: i32,
    pub(super) length: i32,
}

/// What becomes of a NAK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnNak {
    Ignore,
    Resend(Range),
    /// No slot was free.
    Overflow,
}

impl Retransmits {
    pub(super) fn new(slots: usize, delay_ns: i64, linger_ns: i64) -> Self {
        let slots = slots.max(1);
        Self {
            actions: Vec::with_capacity(slots),
            slots,
            delay_ns,
            linger_ns,
        }
    }

    /// A valid NAK; `longest` bounds what one retransmission may have.
    pub(super) fn on_nak(&mut self, nak: &Nak, longest: i32, now_ns: i64) -> OnNak {
        let range = Range {
            term_id: nak.term_id,
            term_offset: nak.term_offset,
            length: nak.length.min(longest),
        };
        if range.length <= 0
            || self
                .actions
                .iter()
                .any(|action| action.range.covers(&range))
        {
            return OnNak::Ignore;
        }
        if self.actions.len() == self.slots {
            if self.slots > 1 {
                return OnNak::Overflow;
            }
            // One receiver asks for one thing at a time: the new one counts.
            self.actions.clear();
        }
        let is_now = self.delay_ns == 0;
        let (state, wait_ns) = if is_now {
            (State::Lingering, self.linger_ns)
        } else {
            (State::Delayed, self.delay_ns)
        };
        self.actions.push(Action {
            range,
            state,
            due_ns: now_ns + wait_ns,
        });
        if is_now {
            OnNak::Resend(range)
        } else {
            OnNak::Ignore
        }
    }

    /// Each turn: the ranges whose delay is over go to `resend`; what lingered long enough is forgotten.
    pub(super) fn check(&mut self, now_ns: i64, mut resend: impl FnMut(Range)) {
        let linger_ns = self.linger_ns;
        self.actions.retain_mut(|action| match action.state {
            State::Delayed if now_ns > action.due_ns => {
                resend(action.range);
                action.state = State::Lingering;
                action.due_ns = now_ns + linger_ns;
                true
            }
            State::Lingering => now_ns <= action.due_ns,
            State::Delayed => true,
        });
    }
}

impl Range {
    fn covers(&self, other: &Self) -> bool {
        self.term_id == other.term_id
            && self.term_offset <= other.term_offset
            && other.term_offset < self.term_offset.saturating_add(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nak(term_offset: i32, length: i32) -> Nak {
        Nak {
            session_id: 1,
            stream_id: 2,
            term_id: 7,
            term_offset,
            length,
        }
    }

    fn range(term_offset: i32, length: i32) -> Range {
        Range {
            term_id: 7,
            term_offset,
            length,
        }
    }

    /// 03 §2.8: sent at once, repeated NAKs are ignored while it lingers, another one takes the unicast slot.
    #[test]
    fn a_unicast_nak_is_answered_at_once_and_not_again_while_it_lingers() {
        let mut retransmits = Retransmits::new(1, 0, 100);
        assert_eq!(
            retransmits.on_nak(&nak(64, 128), 1_000, 0),
            OnNak::Resend(range(64, 128))
        );
        assert_eq!(retransmits.on_nak(&nak(96, 32), 1_000, 50), OnNak::Ignore);
        assert_eq!(
            retransmits.on_nak(&nak(512, 5_000), 1_000, 60),
            OnNak::Resend(range(512, 1_000))
        );
        retransmits.check(161, |_| panic!("nothing is delayed"));
        assert_eq!(
            retransmits.on_nak(&nak(512, 32), 1_000, 162),
            OnNak::Resend(range(512, 32))
        );
    }

    #[test]
    fn a_group_has_as_many_slots_as_it_may_and_delays() {
        let mut retransmits = Retransmits::new(2, 10, 100);
        assert_eq!(retransmits.on_nak(&nak(0, 32), 1_000, 0), OnNak::Ignore);
        assert_eq!(retransmits.on_nak(&nak(32, 32), 1_000, 0), OnNak::Ignore);
        assert_eq!(retransmits.on_nak(&nak(64, 32), 1_000, 0), OnNak::Overflow);
        let mut sent = Vec::new();
        retransmits.check(10, |range| sent.push(range));
        assert!(sent.is_empty());
        retransmits.check(11, |range| sent.push(range));
        assert_eq!(sent, [range(0, 32), range(32, 32)]);
    }
}
