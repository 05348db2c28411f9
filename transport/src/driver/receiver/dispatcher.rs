//! Which sessions of which streams an endpoint wants, and what is known of each (spec 03 §4.2). Pure.

use std::collections::{BTreeMap, BTreeSet};

/// The interests of one receive endpoint, shared by all its destinations.
#[derive(Debug, Default)]
pub(super) struct Dispatcher {
    streams: BTreeMap<i32, Interest>,
}

#[derive(Debug, Default)]
struct Interest {
    all_sessions: bool,
    sessions: BTreeSet<i32>,
    states: BTreeMap<i32, State>,
}

/// What is known of a session that may have no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A SETUP was asked for.
    PendingSetup,
    /// The conductor is making the image.
    InitInProgress,
    /// It has an image, by correlation id.
    Active(i64),
    /// Its image went without an end of stream.
    CoolDown,
    /// Nobody wants it: ignored cheaply.
    NoInterest,
}

/// What to do with a data datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnData {
    Drop,
    Insert(i64),
    ElicitSetup,
}

/// What to do with a SETUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnSetup {
    Drop,
    /// The session has its image: refresh the source.
    Refresh(i64),
    Create,
}

impl Dispatcher {
    /// A datagram with data, padding or a heartbeat; `is_end` when its first frame says that the stream ends.
    pub(super) fn on_data(&mut self, stream_id: i32, session_id: i32, is_end: bool) -> OnData {
        let Some(interest) = self.streams.get_mut(&stream_id) else {
            return OnData::Drop;
        };
        match interest.states.get(&session_id) {
            Some(State::Active(image)) => OnData::Insert(*image),
            Some(_) => OnData::Drop,
            // A finished stream must not start again.
            None if is_end => OnData::Drop,
            None if interest.wants(session_id) => {
                interest.states.insert(session_id, State::PendingSetup);
                OnData::ElicitSetup
            }
            None => {
                interest.states.insert(session_id, State::NoInterest);
                OnData::Drop
            }
        }
    }

    pub(super) fn on_setup(&mut self, stream_id: i32, session_id: i32) -> OnSetup {
        let Some(interest) = self.streams.get_mut(&stream_id) else {
            return OnSetup::Drop;
        };
        match interest.states.get(&session_id) {
            Some(State::Active(image)) => OnSetup::Refresh(*image),
            Some(State::PendingSetup) => {
                interest.states.insert(session_id, State::InitInProgress);
                OnSetup::Create
            }
            Some(State::InitInProgress | State::CoolDown | State::NoInterest) => OnSetup::Drop,
            None if interest.wants(session_id) => {
                interest.states.insert(session_id, State::InitInProgress);
                OnSetup::Create
            }
            None => {
                interest.states.insert(session_id, State::NoInterest);
                OnSetup::Drop
            }
        }
    }

    /// Interest in all sessions of a stream, or in one.
    pub(super) fn add(&mut self, stream_id: i32, session_id: Option<i32>) {
        let interest = self.streams.entry(stream_id).or_default();
        match session_id {
            None => {
                interest.all_sessions = true;
                interest
                    .states
                    .retain(|_, state| *state != State::NoInterest);
            }
            Some(session_id) => {
                interest.sessions.insert(session_id);
                if interest.states.get(&session_id) == Some(&State::NoInterest) {
                    interest.states.remove(&session_id);
                }
            }
        }
    }

    /// Interest ends; sessions that nobody else wants are forgotten.
    pub(super) fn remove(&mut self, stream_id: i32, session_id: Option<i32>) {
        let Some(interest) = self.streams.get_mut(&stream_id) else {
            return;
        };
        match session_id {
            None => {
                interest.all_sessions = false;
                let sessions = &interest.sessions;
                interest
                    .states
                    .retain(|session_id, _| sessions.contains(session_id));
            }
            Some(session_id) => {
                interest.sessions.remove(&session_id);
                if !interest.all_sessions {
                    interest.states.remove(&session_id);
                }
            }
        }
        if !interest.all_sessions && interest.sessions.is_empty() {
            self.streams.remove(&stream_id);
        }
    }

    /// The image of a session is there.
    pub(super) fn add_image(&mut self, stream_id: i32, session_id: i32, image: i64) {
        if let Some(interest) = self.streams.get_mut(&stream_id) {
            interest.states.insert(session_id, State::Active(image));
        }
    }

    /// The image goes, unless another one has taken its place.
    pub(super) fn remove_image(
        &mut self,
        (stream_id, session_id): (i32, i32),
        image: i64,
        is_end: bool,
    ) {
        let Some(interest) = self.streams.get_mut(&stream_id) else {
            return;
        };
        if interest.states.get(&session_id) != Some(&State::Active(image)) {
            return;
        }
        if is_end {
            interest.states.remove(&session_id);
        } else {
            interest.states.insert(session_id, State::CoolDown);
        }
    }

    /// No image came of a SETUP: the next one may try again.
    pub(super) fn forget_init(&mut self, stream_id: i32, session_id: i32) {
        self.forget(stream_id, session_id, State::InitInProgress);
    }

    /// New data may make a new image.
    pub(super) fn forget_cool_down(&mut self, stream_id: i32, session_id: i32) {
        self.forget(stream_id, session_id, State::CoolDown);
    }

    /// The SETUP that was asked for did not come.
    pub(super) fn forget_pending(&mut self, stream_id: i32, session_id: i32) {
        self.forget(stream_id, session_id, State::PendingSetup);
    }

    /// Whether anybody wants anything.
    pub(super) fn has_interest(&self) -> bool {
        !self.streams.is_empty()
    }

    fn forget(&mut self, stream_id: i32, session_id: i32, state: State) {
        if let Some(interest) = self.streams.get_mut(&stream_id)
            && interest.states.get(&session_id) == Some(&state)
        {
            interest.states.remove(&session_id);
        }
    }
}

impl Interest {
    fn wants(&self, session_id: i32) -> bool {
        self.all_sessions || self.sessions.contains(&session_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_elicits_one_setup_which_makes_one_image() {
        let mut dispatcher = Dispatcher::default();
        assert_eq!(dispatcher.on_data(7, 1, false), OnData::Drop);
        dispatcher.add(7, None);
        assert_eq!(dispatcher.on_data(7, 1, false), OnData::ElicitSetup);
        assert_eq!(dispatcher.on_data(7, 1, false), OnData::Drop);
        assert_eq!(dispatcher.on_setup(7, 1), OnSetup::Create);
        assert_eq!(dispatcher.on_setup(7, 1), OnSetup::Drop);
        dispatcher.add_image(7, 1, 42);
        assert_eq!(dispatcher.on_data(7, 1, false), OnData::Insert(42));
        assert_eq!(dispatcher.on_setup(7, 1), OnSetup::Refresh(42));
    }

    /// 03 §4.2: heartbeats of a finished stream never make it anew, and a lost one cools down.
    #[test]
    fn a_finished_stream_does_not_start_again_and_a_lost_one_cools_down() {
        let mut dispatcher = Dispatcher::default();
        dispatcher.add(7, None);
        assert_eq!(dispatcher.on_data(7, 1, true), OnData::Drop);
        dispatcher.add_image(7, 1, 42);
        dispatcher.remove_image((7, 1), 41, false);
        assert_eq!(
            dispatcher.on_data(7, 1, false),
            OnData::Insert(42),
            "another image's removal"
        );
        dispatcher.remove_image((7, 1), 42, false);
        assert_eq!(dispatcher.on_data(7, 1, false), OnData::Drop);
        dispatcher.forget_cool_down(7, 1);
        assert_eq!(dispatcher.on_data(7, 1, false), OnData::ElicitSetup);
    }

    #[test]
    fn a_session_nobody_wanted_is_wanted_when_somebody_subscribes_to_it() {
        let mut dispatcher = Dispatcher::default();
        dispatcher.add(7, Some(1));
        assert_eq!(dispatcher.on_data(7, 2, false), OnData::Drop);
        dispatcher.add(7, Some(2));
        assert_eq!(dispatcher.on_data(7, 2, false), OnData::ElicitSetup);
        dispatcher.remove(7, Some(1));
        dispatcher.remove(7, Some(2));
        assert!(!dispatcher.has_interest());
    }
}
