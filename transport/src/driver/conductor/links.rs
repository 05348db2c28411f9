//! Who reads what: the one place that matches subscriptions with publications and images (spec 04 §2.9).

use super::{
    core::Core,
    counters::Ids,
    reply::Refusal,
    subscribers::{Subscriber, Subscribers, Untethered},
    subscriptions::{Subscription, SubscriptionKind},
};
use crate::{
    command::{AvailableImage, Event},
    counters::{StreamKey, type_id},
};

/// Where a stream comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Ipc(i64),
    /// A network publication, for its spies.
    Spied(i64),
    Image(i64),
}

/// What is said of a source when it is linked.
struct Stream<'a> {
    id: i64,
    session_id: i32,
    stream_id: i32,
    log_file: &'a [u8],
    identity: &'a [u8],
}

/// Source of IPC streams, as events name it.
const IPC_CHANNEL: &[u8] = b"aeron:ipc";

impl Core {
    /// Links a new IPC publication, or one after its cool-down, with all subscriptions that want it.
    pub(super) fn link_ipc(&mut self, id: i64) {
        self.link_source(Source::Ipc(id));
    }

    /// Links a new network publication with its spies.
    pub(super) fn link_spies(&mut self, id: i64) {
        self.link_source(Source::Spied(id));
    }

    /// Links a new subscription with all sources it wants that are there.
    pub(super) fn link_subscription(&mut self, at: usize) {
        let sources: Vec<Source> = match self.subscriptions[at].kind {
            SubscriptionKind::Ipc => self.ipc.keys().map(Source::Ipc).collect(),
            SubscriptionKind::Spy(_) => self.network.keys().map(Source::Spied).collect(),
            SubscriptionKind::Network(_) => self.images.keys().map(Source::Image).collect(),
        };
        for source in sources {
            if self.wants(&self.subscriptions[at], source) && self.accepts(source) {
                self.link(at, source);
            }
        }
    }

    /// Links a source with all subscriptions that want it; how many those are.
    pub(super) fn link_source(&mut self, source: Source) -> usize {
        if !self.accepts(source) {
            return 0;
        }
        let wanting: Vec<usize> = (0..self.subscriptions.len())
            .filter(|at| self.wants(&self.subscriptions[*at], source))
            .collect();
        for at in &wanting {
            self.link(*at, source);
        }
        wanting.len()
    }

    /// Ends the images of all readers of an IPC publication.
    pub(super) fn unlink_ipc(&mut self, id: i64) {
        self.unlink_source(Source::Ipc(id));
    }

    /// Ends the images of all readers of a source.
    pub(super) fn unlink_source(&mut self, source: Source) {
        let readers: Vec<i64> = self
            .subscribers(source)
            .map_or_else(Vec::new, |subscribers| {
                subscribers.subscription_ids().collect()
            });
        for subscription_id in readers {
            self.tell_unavailable(source, subscription_id);
            self.drop_subscriber(source, subscription_id);
        }
    }

    /// Ends the image of one reader of a source, if it reads it.
    pub(super) fn end_link(&mut self, source: Source, subscription_id: i64) {
        if self
            .subscribers(source)
            .is_some_and(|subscribers| subscribers.contains(subscription_id))
        {
            self.tell_unavailable(source, subscription_id);
            self.drop_subscriber(source, subscription_id);
        }
    }

    /// Takes all readers' entries out of a source, without a word: they were told before.
    pub(super) fn drop_subscribers(&mut self, source: Source) {
        let readers: Vec<i64> = self
            .subscribers(source)
            .map_or_else(Vec::new, |subscribers| {
                subscribers.subscription_ids().collect()
            });
        for subscription_id in readers {
            self.drop_subscriber(source, subscription_id);
        }
    }

    /// Takes a subscription's entry out of every source, without a word: the client knows that it closed it.
    pub(super) fn unlink_subscription(&mut self, subscription_id: i64) {
        for source in self.all_sources() {
            self.drop_subscriber(source, subscription_id);
        }
    }

    /// What became of untethered subscribers of a source.
    pub(super) fn apply_untethered(&mut self, source: Source, join: i64, events: Vec<Untethered>) {
        for event in events {
            match event {
                Untethered::Lost { subscription_id } => {
                    self.tell_unavailable(source, subscription_id)
                }
                Untethered::Closed { counter_id } => {
                    self.counters.free(self.now.epoch_ms(), counter_id)
                }
                Untethered::Rejoins { subscription_id } => {
                    let subscribers = self.subscribers(source);
                    let entry =
                        subscribers.and_then(|subscribers| subscribers.get(subscription_id));
                    if let Some(position) = entry.map(|entry| entry.position.clone()) {
                        position.word.store_release(join);
                        self.tell_available(source, subscription_id, position.id);
                    }
                }
            }
        }
    }

    pub(super) fn tell_unavailable(&mut self, source: Source, subscription_id: i64) {
        let Some(stream) = self.stream_of(source) else {
            return;
        };
        let (id, stream_id) = (stream.id, stream.stream_id);
        let channel = match source {
            Source::Ipc(_) => IPC_CHANNEL.to_vec(),
            Source::Spied(_) | Source::Image(_) => self
                .subscriptions
                .iter()
                .find(|subscription| subscription.registration_id == subscription_id)
                .map_or_else(Vec::new, |subscription| {
                    subscription.channel.clone().into_bytes()
                }),
        };
        let event = Event::UnavailableImage {
            image_correlation_id: id,
            subscription_id,
            stream_id,
            channel: &channel,
        };
        self.reply.send(&event);
    }

    fn tell_available(
        &mut self,
        source: Source,
        subscription_id: i64,
        subscriber_position_id: i32,
    ) {
        let Some(stream) = self.stream_of(source) else {
            return;
        };
        let (log_file, identity) = (stream.log_file.to_vec(), stream.identity.to_vec());
        let image = AvailableImage {
            correlation_id: stream.id,
            session_id: stream.session_id,
            stream_id: stream.stream_id,
            subscription_id,
            subscriber_position_id,
            log_file: &log_file,
            source_identity: &identity,
        };
        self.reply.send(&Event::AvailableImage(image));
    }

    /// One subscription reads one source from now on: position first, then the announcement.
    fn link(&mut self, at: usize, source: Source) {
        if let Err(refusal) = self.try_link(at, source) {
            let now_ms = self.now_ms();
            self.reply.record(now_ms, &refusal);
        }
    }

    fn try_link(&mut self, at: usize, source: Source) -> Result<(), Refusal> {
        let (now_ms, now_ns) = (self.now_ms(), self.now_ns());
        let Some(join) = self.join_position(source) else {
            return Ok(());
        };
        let Some(stream) = self.stream_of(source) else {
            return Ok(());
        };
        let (id, session_id, stream_id) = (stream.id, stream.session_id, stream.stream_id);
        let subscription = &self.subscriptions[at];
        let subscription_id = subscription.registration_id;
        let already = self
            .subscribers(source)
            .is_some_and(|subscribers| subscribers.contains(subscription_id));
        if already {
            return Ok(());
        }
        let key = StreamKey {
            registration_id: subscription_id,
            session_id,
            stream_id,
            channel: subscription.channel.as_bytes(),
        };
        let ids = Ids {
            registration_id: subscription_id,
            owner_id: subscription.client_id,
            reference_id: id,
        };
        let kind = (type_id::SUBSCRIBER_POSITION, "sub-pos");
        let position = self.counters.stream(now_ms, kind, &key, ids, join)?;
        let params = &subscription.params;
        let switches = (params.is_tether, params.is_rejoin);
        let position_id = position.id;
        let subscriber = Subscriber::new(
            subscription_id,
            position,
            switches,
            params.untethered,
            now_ns,
        );
        if let Some(subscribers) = self.subscribers_mut(source) {
            subscribers.add(subscriber);
        }
        self.mark_connected(source);
        self.tell_available(source, subscription_id, position_id);
        Ok(())
    }

    /// An IPC publication is connected as soon as somebody reads it, not only at the next timer.
    fn mark_connected(&mut self, source: Source) {
        if let Source::Ipc(id) = source
            && let Some(publication) = self.ipc.get_mut(id)
        {
            publication.log.status.set_connected(true);
        }
    }

    fn drop_subscriber(&mut self, source: Source, subscription_id: i64) {
        let removed = self
            .subscribers_mut(source)
            .and_then(|subscribers| subscribers.remove(subscription_id));
        if let Some(Some(counter_id)) = removed {
            self.counters.free(self.now.epoch_ms(), counter_id);
        }
    }

    fn wants(&self, subscription: &Subscription, source: Source) -> bool {
        let Some(stream) = self.stream_of(source) else {
            return false;
        };
        let takes_session = match subscription.session_id {
            Some(session_id) => session_id == stream.session_id,
            None => !subscription.params.is_response,
        };
        if subscription.stream_id != stream.stream_id || !takes_session {
            return false;
        }
        match (&subscription.kind, source) {
            (SubscriptionKind::Ipc, Source::Ipc(_)) => true,
            (SubscriptionKind::Spy(channel), Source::Spied(id)) => self.is_spied_by(id, channel),
            (SubscriptionKind::Network(endpoint), Source::Image(id)) => self
                .images
                .get(id)
                .is_some_and(|image| image.endpoint == *endpoint),
            (
                SubscriptionKind::Ipc | SubscriptionKind::Spy(_) | SubscriptionKind::Network(_),
                _,
            ) => false,
        }
    }

    fn accepts(&self, source: Source) -> bool {
        match source {
            Source::Ipc(id) => self
                .ipc
                .get(id)
                .is_some_and(|publication| publication.accepts()),
            Source::Spied(id) => self
                .network
                .get(id)
                .is_some_and(|publication| publication.accepts_spy()),
            Source::Image(id) => self.images.get(id).is_some_and(|image| image.accepts()),
        }
    }

    fn join_position(&self, source: Source) -> Option<i64> {
        match source {
            Source::Ipc(id) => self
                .ipc
                .get(id)
                .map(|publication| publication.join_position()),
            Source::Spied(id) => self
                .network
                .get(id)
                .map(|publication| publication.spy_join_position()),
            Source::Image(id) => self.images.get(id).map(|image| image.join_position()),
        }
    }

    fn subscribers(&self, source: Source) -> Option<&Subscribers> {
        match source {
            Source::Ipc(id) => self.ipc.get(id).map(|publication| &publication.subscribers),
            Source::Spied(id) => self.network.get(id).map(|publication| &publication.spies),
            Source::Image(id) => self.images.get(id).map(|image| &image.subscribers),
        }
    }

    fn subscribers_mut(&mut self, source: Source) -> Option<&mut Subscribers> {
        match source {
            Source::Ipc(id) => self
                .ipc
                .get_mut(id)
                .map(|publication| &mut publication.subscribers),
            Source::Spied(id) => self
                .network
                .get_mut(id)
                .map(|publication| &mut publication.spies),
            Source::Image(id) => self.images.get_mut(id).map(|image| &mut image.subscribers),
        }
    }

    fn stream_of(&self, source: Source) -> Option<Stream<'_>> {
        Some(match source {
            Source::Ipc(id) => {
                let publication = self.ipc.get(id)?;
                Stream {
                    id,
                    session_id: publication.session_id,
                    stream_id: publication.stream_id,
                    log_file: &publication.log.path_text,
                    identity: IPC_CHANNEL,
                }
            }
            Source::Spied(id) => {
                let publication = self.network.get(id)?;
                Stream {
                    id,
                    session_id: publication.session_id,
                    stream_id: publication.stream_id,
                    log_file: &publication.log.path_text,
                    identity: IPC_CHANNEL,
                }
            }
            Source::Image(id) => {
                let image = self.images.get(id)?;
                Stream {
                    id,
                    session_id: image.session_id,
                    stream_id: image.stream_id,
                    log_file: &image.path_text,
                    identity: &image.identity,
                }
            }
        })
    }

    fn all_sources(&self) -> Vec<Source> {
        let ipc = self.ipc.keys().map(Source::Ipc);
        let spied = self.network.keys().map(Source::Spied);
        ipc.chain(spied)
            .chain(self.images.keys().map(Source::Image))
            .collect()
    }
}
