//! Recording: subscriptions, and one recorder per image (07 §4).

use taranis_runtime::cycle::Cycle;
use taranis_transport::{
    client::{ImageHandlers, Pending, Subscription},
    uri::ChannelUri,
};

use super::{
    core::Core,
    requests::{Asked, Refusal, is_local},
};
use crate::{codecs::SourceLocation, control::channel, error::ErrorCode};

/// An extension that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extend {
    pub(super) recording_id: i64,
    pub(super) auto_stop: bool,
}

/// A subscription whose images are recorded.
#[derive(Debug)]
pub(super) struct RecordingSubscription {
    pub(super) asked: Asked,
    key: String,
    /// As it was asked for.
    pub(super) original: String,
    pub(super) stripped: String,
    state: SubscriptionState,
    pub(super) extends: Option<i64>,
    pub(super) auto_stop: bool,
    /// No further image is recorded.
    is_stopped: bool,
}

#[derive(Debug)]
enum SubscriptionState {
    Adding(Pending<Subscription>),
    Added(Box<Subscription>),
}

impl Core {
    pub(super) fn start_recording(
        &mut self,
        asked: Asked,
        stream: (&str, i32),
        location: SourceLocation,
        auto_stop: bool,
    ) -> Result<(), Refusal> {
        let max = self.settings.max_concurrent_recordings;
        if self.recorders.len() >= max {
            let words = format!("max concurrent recordings reached {max}");
            return Err(Refusal::new(ErrorCode::MaxRecordings, words));
        }
        self.subscribe(asked, stream, location, (None, auto_stop))
    }

    pub(super) fn extend_recording(
        &mut self,
        asked: Asked,
        stream: (&str, i32),
        location: SourceLocation,
        extend: Extend,
    ) -> Result<(), Refusal> {
        let max = self.settings.max_concurrent_recordings;
        if self.recorders.len() >= max {
            let words = format!("max concurrent recordings reached at {max}");
            return Err(Refusal::new(ErrorCode::MaxRecordings, words));
        }
        let id = extend.recording_id;
        let recording = self.recording(id)?;
        if recording.stream_id != stream.1 {
            let words = format!(
                "cannot extend recording {id} with streamId={} for existing streamId={}",
                stream.1, recording.stream_id
            );
            return Err(Refusal::new(ErrorCode::UnknownRecording, words));
        }
        if self.is_active(id) {
            return Err(Refusal::new(
                ErrorCode::ActiveRecording,
                format!("cannot extend active recording {id}"),
            ));
        }
        self.subscribe(asked, stream, location, (Some(id), extend.auto_stop))
    }

    fn subscribe(
        &mut self,
        asked: Asked,
        (text, stream_id): (&str, i32),
        location: SourceLocation,
        (extends, auto_stop): (Option<i64>, bool),
    ) -> Result<(), Refusal> {
        let uri = ChannelUri::parse(text)?;
        let key = channel::recording_key(&uri, stream_id);
        if self
            .subscriptions
            .values()
            .any(|one| one.key == key && !one.is_stopped)
        {
            let words = format!("recording exists for streamId={stream_id} channel={text}");
            return Err(Refusal::new(ErrorCode::ActiveSubscription, words));
        }
        let recorded = channel::recorded(&uri, is_local(location))?;
        let pending = self.aeron.async_add_subscription(
            &recorded.to_string(),
            stream_id,
            ImageHandlers::default(),
        )?;
        let id = pending.registration_id();
        let subscription = RecordingSubscription {
            asked,
            key,
            original: text.to_owned(),
            stripped: channel::stripped(&uri)?.to_string(),
            state: SubscriptionState::Adding(pending),
            extends,
            auto_stop,
            is_stopped: false,
        };
        self.subscriptions.insert(id, subscription);
        Ok(())
    }

    pub(super) fn stop_recording(
        &mut self,
        asked: Asked,
        text: &str,
        stream_id: i32,
    ) -> Result<(), Refusal> {
        let uri = ChannelUri::parse(text)?;
        let key = channel::recording_key(&uri, stream_id);
        let found = self
            .subscriptions
            .iter()
            .find(|(_, one)| one.key == key && !one.is_stopped);
        let Some(id) = found.map(|(id, _)| id) else {
            let words = format!("no recording found for streamId={stream_id} channel={text}");
            return Err(Refusal::new(ErrorCode::UnknownSubscription, words));
        };
        self.stop_subscription(id);
        self.ok(asked, 0);
        Ok(())
    }

    pub(super) fn stop_recording_subscription(
        &mut self,
        asked: Asked,
        id: i64,
    ) -> Result<(), Refusal> {
        if self.subscriptions.get(id).is_none_or(|one| one.is_stopped) {
            let words = format!("no recording subscription found for subscriptionId={id}");
            return Err(Refusal::new(ErrorCode::UnknownSubscription, words));
        }
        self.stop_subscription(id);
        self.ok(asked, 0);
        Ok(())
    }

    pub(super) fn stop_recording_by_identity(
        &mut self,
        asked: Asked,
        id: i64,
    ) -> Result<(), Refusal> {
        self.recording(id)?;
        let active = self
            .recorders
            .iter_mut()
            .find(|recorder| recorder.recording_id == id);
        let stopped = active.map(|recorder| {
            recorder.stop();
            recorder.subscription_id
        });
        let was_registered = stopped
            .and_then(|id| self.subscriptions.get_mut(id))
            .is_some_and(|one| !std::mem::replace(&mut one.is_stopped, true));
        self.ok(asked, was_registered.into());
        Ok(())
    }

    pub(super) fn stop_subscription(&mut self, id: i64) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.is_stopped = true;
        }
        for recorder in self
            .recorders
            .iter_mut()
            .filter(|one| one.subscription_id == id)
        {
            recorder.stop();
        }
    }

    pub(super) fn is_active(&self, recording_id: i64) -> bool {
        self.recorders
            .iter()
            .any(|recorder| recorder.recording_id == recording_id)
    }

    /// One turn of all subscriptions and recorders.
    pub(super) fn turn_recorders(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let mut work = self.turn_subscriptions();
        work += self.turn_counters();
        for recorder in &mut self.recorders {
            work += recorder.turn(cycle.files, cycle.chores);
        }
        work += self.end_recorders(cycle.files);
        self.drop_subscriptions();
        work
    }

    /// Subscriptions that are there now, and their new images.
    fn turn_subscriptions(&mut self) -> usize {
        let mut added = Vec::new();
        let mut images = Vec::new();
        self.subscriptions
            .for_each_mut(|id, one| match &mut one.state {
                SubscriptionState::Adding(pending) => match pending.poll() {
                    Ok(Some(subscription)) => {
                        one.state = SubscriptionState::Added(Box::new(subscription));
                        added.push((one.asked, Ok(id)));
                    }
                    Ok(None) => {}
                    Err(error) => {
                        one.is_stopped = true;
                        added.push((one.asked, Err(error)));
                    }
                },
                SubscriptionState::Added(subscription) if !one.is_stopped => {
                    let new: Vec<i64> = subscription
                        .images()
                        .iter()
                        .map(|image| image.info().correlation_id())
                        .collect();
                    images.extend(
                        new.into_iter()
                            .filter_map(|image| Some((id, subscription.take_image(image)?))),
                    );
                }
                SubscriptionState::Added(_) => {}
            });
        let work = added.len() + images.len();
        for (asked, result) in added {
            match result {
                Ok(id) => self.ok(asked, id),
                Err(error) => self.refuse(asked, &error.into()),
            }
        }
        for (id, image) in images {
            self.on_image(id, image);
        }
        work
    }

    /// Subscriptions that were stopped and record nothing any more go.
    fn drop_subscriptions(&mut self) {
        let recorders = &self.recorders;
        self.subscriptions.retain(|id, subscription| {
            !subscription.is_stopped
                || recorders
                    .iter()
                    .any(|recorder| recorder.subscription_id == id)
        });
    }
}
