//! Waiting for the slowest of a group of receivers (spec 03 §3.5).

use crate::{driver::delegates::GroupSettings, frame::StatusMessage};

/// Receivers of which room is kept for without allocating.
const RECEIVERS_RESERVED: usize = 64;

/// The receivers that hold a publication back.
#[derive(Debug)]
pub(crate) struct Group {
    receivers: Vec<Receiver>,
    min_size: usize,
    timeout_ns: i64,
    setup_was_asked: bool,
    /// While a newcomer joins, the limit stays where it was when its SETUP was sent.
    held: Option<Held>,
}

#[derive(Debug)]
struct Receiver {
    id: i64,
    position: i64,
    limit: i64,
    heard_ns: i64,
    is_leaving: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    limit: i64,
    since_ns: i64,
}

impl Group {
    pub(super) fn new(settings: &GroupSettings) -> Self {
        Self {
            receivers: Vec::with_capacity(RECEIVERS_RESERVED),
            min_size: usize::try_from(settings.group_min_size).unwrap_or(0),
            timeout_ns: settings.receiver_timeout_ns,
            setup_was_asked: false,
            held: None,
        }
    }

    pub(super) fn on_status_message(
        &mut self,
        message: &StatusMessage,
        position: i64,
        limit: i64,
        now_ns: i64,
    ) -> i64 {
        let window = i64::from(message.receiver_window);
        let slowest_before = self.slowest(now_ns);
        let known = self
            .receivers
            .iter_mut()
            .find(|receiver| receiver.id == message.receiver_id);
        if let Some(receiver) = known {
            receiver.is_leaving = message.is_end_of_stream();
            receiver.position = receiver.position.max(position);
            receiver.limit = position + window;
            receiver.heard_ns = now_ns;
        } else if !message.is_end_of_stream() {
            // One that is more than a window behind the slowest can't drag the others back.
            let keeps_up = position + window >= slowest_before.saturating_sub(window);
            if self.receivers.is_empty() || keeps_up {
                self.receivers.push(Receiver {
                    id: message.receiver_id,
                    position,
                    limit: position + window,
                    heard_ns: now_ns,
                    is_leaving: false,
                });
                self.held = None;
            }
        }
        if self.receivers.len() < self.min_size {
            return limit;
        }
        if self.receivers.is_empty() {
            return limit.max(position + window);
        }
        limit.max(self.slowest(now_ns))
    }

    /// The limit by what is known already.
    pub(super) fn limit(&mut self, limit: i64, now_ns: i64) -> i64 {
        if self.receivers.is_empty() || self.receivers.len() < self.min_size {
            return limit;
        }
        limit.max(self.slowest(now_ns))
    }

    pub(super) fn on_idle(&mut self, limit: i64, now_ns: i64) -> i64 {
        let timeout_ns = self.timeout_ns;
        self.receivers
            .retain(|one| !one.is_leaving && one.heard_ns.saturating_add(timeout_ns) >= now_ns);
        if self.receivers.is_empty() || self.receivers.len() < self.min_size {
            return limit;
        }
        self.slowest(now_ns)
    }

    pub(super) fn on_setup_asked(&mut self) {
        self.setup_was_asked = true;
    }

    pub(super) fn on_setup_sent(&mut self, limit: i64, now_ns: i64) {
        if self.setup_was_asked && !self.receivers.is_empty() {
            self.held = Some(Held {
                limit,
                since_ns: now_ns,
            });
        }
        self.setup_was_asked = false;
    }

    pub(super) fn on_error(&mut self, receiver_id: i64) {
        if let Some(receiver) = self
            .receivers
            .iter_mut()
            .find(|receiver| receiver.id == receiver_id)
        {
            receiver.is_leaving = true;
        }
    }

    pub(super) fn has_required(&self) -> bool {
        self.receivers.len() >= self.min_size
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers.len()
    }

    fn slowest(&mut self, now_ns: i64) -> i64 {
        if self
            .held
            .is_some_and(|held| now_ns - held.since_ns > self.timeout_ns)
        {
            self.held = None;
        }
        let held = self.held.map_or(i64::MAX, |held| held.limit);
        self.receivers
            .iter()
            .map(|receiver| receiver.limit)
            .fold(held, i64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::GroupTag;

    const TIMEOUT: i64 = 5_000_000_000;

    fn group(min_size: i32) -> Group {
        Group::new(&GroupSettings {
            receiver_timeout_ns: TIMEOUT,
            group_min_size: min_size,
        })
    }

    fn message(receiver_id: i64, flags: u8) -> StatusMessage {
        StatusMessage {
            flags,
            session_id: 1,
            stream_id: 2,
            consumption_term_id: 0,
            consumption_term_offset: 0,
            receiver_window: 1_000,
            receiver_id,
            group_tag: GroupTag::Absent,
        }
    }

    /// 03 §3.5: the slowest decides, and one that says nothing for the timeout is let go.
    #[test]
    fn the_slowest_decides_until_it_is_silent_for_too_long() {
        let mut group = group(0);
        assert_eq!(group.on_status_message(&message(1, 0), 0, 0, 0), 1_000);
        assert_eq!(
            group.on_status_message(&message(2, 0), 500, 1_000, 0),
            1_000
        );
        assert_eq!(
            group.on_status_message(&message(2, 0), 5_000, 1_000, TIMEOUT),
            1_000
        );
        assert_eq!(group.on_idle(1_000, TIMEOUT), 1_000);
        assert_eq!(group.on_idle(1_000, TIMEOUT + 1), 6_000);
        assert_eq!(group.receivers(), 1);
    }

    /// C019: a joiner two windows behind does not drag the group back.
    #[test]
    fn a_late_joiner_far_behind_is_not_admitted() {
        let mut group = group(0);
        group.on_status_message(&message(1, 0), 10_000, 0, 0);
        assert_eq!(
            group.on_status_message(&message(2, 0), 7_999, 11_000, 0),
            11_000
        );
        assert_eq!(group.receivers(), 1);
        group.on_status_message(&message(3, 0), 9_500, 11_000, 0);
        assert_eq!(group.receivers(), 2);
    }

    #[test]
    fn nothing_moves_below_the_group_size_and_one_that_leaves_goes_when_idle() {
        let mut group = group(2);
        assert_eq!(group.on_status_message(&message(1, 0), 0, 0, 0), 0);
        assert!(!group.has_required());
        assert_eq!(group.on_status_message(&message(2, 0), 0, 0, 0), 1_000);
        assert!(group.has_required());
        group.on_status_message(&message(2, StatusMessage::FLAG_EOS), 0, 1_000, 0);
        group.on_idle(1_000, 1);
        assert!(!group.has_required());
    }

    /// 03 §3.5: the limit is held while a newcomer that asked for a SETUP joins.
    #[test]
    fn the_limit_is_held_while_a_newcomer_joins() {
        let mut group = group(0);
        group.on_status_message(&message(1, 0), 0, 0, 0);
        group.on_setup_asked();
        group.on_setup_sent(1_000, 10);
        assert_eq!(
            group.on_status_message(&message(1, 0), 900, 1_000, 11),
            1_000
        );
        assert_eq!(
            group.on_status_message(&message(1, 0), 900, 1_000, 11 + TIMEOUT),
            1_900
        );
    }
}
