//! What the driver's events do to the client (spec 05 §1.6, the table of dispatch rules).

use std::{collections::BTreeMap, sync::Arc};

use taranis_runtime::mem::{Names, Word64};

use super::{
    Core,
    pending::{Awaited, Leftover},
    resources::{CounterEntry, Feed, PublicationEntry, SubscriptionEntry},
};
use crate::{
    client::{
        counter::{Counter, CounterEvent},
        error::ClientError,
        exclusive::ExclusivePublication,
        image::{Image, ImageFacts, ImageHandlers, ImageInfo},
        lifeline::Lifeline,
        link::{Ask, Stream},
        pending::Reply,
        publication::{Publication, PublicationFacts},
        subscription::Subscription,
    },
    command::{AvailableImage, ErrorCode, Event, PublicationReady},
};

impl Core {
    /// One record of the broadcast.
    ///
    /// # Errors
    /// What ends the client. All else goes to who asked, or to the error handler.
    pub(super) fn on_event(
        &mut self,
        type_id: i32,
        message: &[u8],
        names: &Names,
    ) -> Result<(), ClientError> {
        match Event::decode(type_id, message) {
            Ok(Some(event)) => self.apply(event, names),
            // Of a later version: not meant for us.
            Ok(None) => Ok(()),
            Err(malformed) => {
                self.handlers.error(&ClientError::Malformed {
                    what: "event",
                    why: malformed.to_string(),
                });
                Ok(())
            }
        }
    }

    fn apply(&mut self, event: Event<'_>, names: &Names) -> Result<(), ClientError> {
        match event {
            Event::Error {
                correlation_id,
                code: ErrorCode::ChannelEndpointError,
                text,
            } => {
                self.on_channel_endpoint_error(correlation_id, text);
            }
            Event::Error {
                correlation_id,
                code,
                text,
            } => {
                if let Some(Awaited::Request(request)) = self.awaited.take(correlation_id) {
                    request
                        .ask
                        .fail(ClientError::registration(correlation_id, code, text));
                }
            }
            Event::AvailableImage(image) => self.on_available_image(&image, names),
            Event::UnavailableImage {
                image_correlation_id,
                subscription_id,
                ..
            } => {
                if let Some(entry) = self.resources.subscriptions.get_mut(&subscription_id) {
                    entry.remove_image(
                        image_correlation_id,
                        &mut self.logs,
                        &mut self.handlers,
                        self.now_ns,
                    );
                }
            }
            Event::PublicationReady(ready) | Event::ExclusivePublicationReady(ready) => {
                self.on_publication_ready(&ready, names);
            }
            Event::SubscriptionReady {
                correlation_id,
                channel_status_id,
            } => {
                self.on_subscription_ready(correlation_id, channel_status_id);
            }
            Event::OperationSuccess { correlation_id } => self.on_success(correlation_id),
            Event::CounterReady {
                correlation_id,
                counter_id,
            } => {
                self.on_counter_ready(correlation_id, counter_id);
                self.tell_of_counter(CounterEvent::Available {
                    registration_id: correlation_id,
                    counter_id,
                });
            }
            Event::StaticCounter {
                correlation_id,
                counter_id,
            } => self.on_counter_ready(correlation_id, counter_id),
            Event::UnavailableCounter {
                registration_id,
                counter_id,
            } => {
                self.tell_of_counter(CounterEvent::Unavailable {
                    registration_id,
                    counter_id,
                });
            }
            Event::ClientTimeout { client_id } if client_id == self.link.client_id => {
                return Err(ClientError::ClientTimeout);
            }
            Event::ClientTimeout { .. } => {}
            Event::PublicationError(error) => {
                let publications = self.resources.publications.values();
                let concerned = publications
                    .filter(|entry| entry.original_registration_id == error.registration_id);
                for _ in 0..concerned.count() {
                    self.handlers.publication_error(&error);
                }
            }
            Event::NextAvailableSessionId {
                correlation_id,
                session_id,
            } => match self.take_request(correlation_id) {
                Some(Ask::NextSessionId { reply, .. }) => reply.done(session_id),
                Some(other) => self.wrong_answer(correlation_id, other),
                None => {}
            },
        }
        Ok(())
    }

    fn on_publication_ready(&mut self, ready: &PublicationReady<'_>, names: &Names) {
        let id = ready.correlation_id;
        let made = match self.awaited.take(id) {
            Some(Awaited::Request(request)) => match request.ask {
                Ask::AddPublication { stream, reply } => {
                    self.add_publication(ready, stream, reply, names)
                }
                Ask::AddExclusivePublication { stream, reply } => {
                    self.add_exclusive_publication(ready, stream, reply, names)
                }
                other => {
                    self.wrong_answer(id, other);
                    return;
                }
            },
            Some(Awaited::Late(Leftover::Publication)) => false,
            Some(Awaited::Late(_)) | None => return,
        };
        if !made {
            self.remove(Ask::RemovePublication {
                registration_id: id,
                revoke: false,
            });
        }
    }

    /// Whether it was made; if not, the driver is to take it back.
    fn add_publication(
        &mut self,
        ready: &PublicationReady<'_>,
        stream: Stream,
        reply: Reply<Publication>,
        names: &Names,
    ) -> bool {
        let lifeline = Lifeline::new();
        let made = self.open_publication(ready, names, |core, log, limit| {
            Publication::new(
                log,
                limit,
                facts(ready, stream),
                lifeline.clone(),
                Arc::clone(&core.link),
            )
        });
        match made {
            Ok(publication) => {
                self.enter_publication(ready, lifeline);
                reply.done(publication);
                true
            }
            Err(error) => {
                reply.fail(error);
                false
            }
        }
    }

    /// As [`Self::add_publication`].
    fn add_exclusive_publication(
        &mut self,
        ready: &PublicationReady<'_>,
        stream: Stream,
        reply: Reply<ExclusivePublication>,
        names: &Names,
    ) -> bool {
        if ready.registration_id != ready.correlation_id {
            reply.fail(ClientError::Malformed {
                what: "event",
                why: format!(
                    "exclusive publication {} has registration id {}",
                    ready.correlation_id, ready.registration_id
                ),
            });
            return false;
        }
        let lifeline = Lifeline::new();
        let made = self.open_publication(ready, names, |core, log, limit| {
            let link = Arc::clone(&core.link);
            ExclusivePublication::new(log, limit, facts(ready, stream), lifeline.clone(), link)
        });
        match made {
            Ok(publication) => {
                self.enter_publication(ready, lifeline);
                reply.done(publication);
                true
            }
            Err(error) => {
                reply.fail(error);
                false
            }
        }
    }

    fn open_publication<P>(
        &mut self,
        ready: &PublicationReady<'_>,
        names: &Names,
        make: impl FnOnce(&Self, &mut crate::log::LogBuffer, Word64) -> Result<P, crate::log::LogError>,
    ) -> Result<P, ClientError> {
        let limit = self.counter_value(ready.limit_counter_id)?;
        let mut log = self
            .logs
            .acquire(ready.registration_id, ready.log_path(), names)?;
        make(self, &mut log, limit).map_err(|source| {
            self.logs.release(ready.registration_id, self.now_ns);
            ClientError::Log {
                path: ready.log_path().to_owned(),
                source,
            }
        })
    }

    fn enter_publication(&mut self, ready: &PublicationReady<'_>, lifeline: Lifeline) {
        let entry = PublicationEntry {
            lifeline,
            original_registration_id: ready.registration_id,
            channel_status_id: ready.channel_status_id,
        };
        self.resources
            .publications
            .insert(ready.correlation_id, entry);
    }

    fn on_subscription_ready(&mut self, registration_id: i64, channel_status_id: i32) {
        match self.awaited.take(registration_id) {
            Some(Awaited::Request(request)) => match request.ask {
                Ask::AddSubscription {
                    stream,
                    handlers,
                    reply,
                } => {
                    let subscription = self.enter_subscription(
                        registration_id,
                        channel_status_id,
                        stream,
                        handlers,
                    );
                    reply.done(subscription);
                }
                other => self.wrong_answer(registration_id, other),
            },
            Some(Awaited::Late(Leftover::Subscription)) => {
                self.remove(Ask::RemoveSubscription { registration_id });
            }
            Some(Awaited::Late(_)) | None => {}
        }
    }

    fn enter_subscription(
        &mut self,
        registration_id: i64,
        channel_status_id: i32,
        stream: Stream,
        handlers: ImageHandlers,
    ) -> Subscription {
        let (lifeline, (feed, poller)) = (Lifeline::new(), Feed::new());
        let entry = SubscriptionEntry {
            lifeline: lifeline.clone(),
            channel: Arc::clone(&stream.channel),
            channel_status_id,
            handlers,
            images: BTreeMap::new(),
            feed,
        };
        self.resources.subscriptions.insert(registration_id, entry);
        let link = Arc::clone(&self.link);
        Subscription::new(
            link,
            registration_id,
            stream,
            channel_status_id,
            lifeline,
            poller,
        )
    }

    fn on_available_image(&mut self, event: &AvailableImage<'_>, names: &Names) {
        let Some(entry) = self.resources.subscriptions.get(&event.subscription_id) else {
            return;
        };
        let channel = Arc::clone(&entry.channel);
        match self.open_image(event, channel, names) {
            Ok(image) => self.enter_image(event, image),
            Err(error) => self.handlers.error(&error),
        }
    }

    fn open_image(
        &mut self,
        event: &AvailableImage<'_>,
        channel: Arc<str>,
        names: &Names,
    ) -> Result<Image, ClientError> {
        let position = self.counter_value(event.subscriber_position_id)?;
        let log = self
            .logs
            .acquire(event.correlation_id, event.log_path(), names)?;
        let facts = ImageFacts {
            correlation_id: event.correlation_id,
            session_id: event.session_id,
            stream_id: event.stream_id,
            subscription_id: event.subscription_id,
            subscriber_position_id: event.subscriber_position_id,
            source_identity: String::from_utf8_lossy(event.source_identity).into_owned(),
            channel,
        };
        let info = ImageInfo::new(facts, &log, position.clone(), Arc::clone(&self.link));
        let reader = log.reader(position, info.latch().clone());
        Ok(Image::new(reader, info))
    }

    fn enter_image(&mut self, event: &AvailableImage<'_>, image: Image) {
        let Some(entry) = self.resources.subscriptions.get_mut(&event.subscription_id) else {
            return;
        };
        // A driver that announces an image twice means a new one: an untethered subscriber that comes back.
        entry.remove_image(
            event.correlation_id,
            &mut self.logs,
            &mut self.handlers,
            self.now_ns,
        );
        let info = image.info().clone();
        entry.images.insert(event.correlation_id, info.clone());
        entry.feed.push(image);
        self.handlers.available_image(&mut entry.handlers, &info);
    }

    fn on_success(&mut self, correlation_id: i64) {
        match self.take_request(correlation_id) {
            Some(Ask::ChangeDestination { reply, .. } | Ask::RejectImage { reply, .. }) => {
                reply.done(())
            }
            Some(
                Ask::RemovePublication { .. }
                | Ask::RemoveSubscription { .. }
                | Ask::RemoveCounter { .. },
            )
            | None => {}
            Some(other) => self.wrong_answer(correlation_id, other),
        }
    }

    fn on_counter_ready(&mut self, correlation_id: i64, counter_id: i32) {
        let (reply, registration_id, is_static) = match self.awaited.take(correlation_id) {
            Some(Awaited::Request(request)) => match request.ask {
                Ask::AddCounter { reply, .. } => (reply, correlation_id, false),
                Ask::AddStaticCounter {
                    registration_id,
                    reply,
                    ..
                } => (reply, registration_id, true),
                other => {
                    self.wrong_answer(correlation_id, other);
                    return;
                }
            },
            Some(Awaited::Late(Leftover::Counter)) => {
                self.remove(Ask::RemoveCounter {
                    registration_id: correlation_id,
                });
                return;
            }
            Some(Awaited::Late(_)) | None => return,
        };
        let Some(value) = self.link.counters.atomic(counter_id) else {
            reply.fail(self.no_such_counter(counter_id));
            return;
        };
        let lifeline = Lifeline::new();
        if is_static {
            self.resources
                .static_counters
                .retain(|lifeline| !lifeline.is_closed());
            self.resources.static_counters.push(lifeline.clone());
        } else {
            let entry = CounterEntry {
                lifeline: lifeline.clone(),
                counter_id,
            };
            self.resources.counters.insert(registration_id, entry);
        }
        reply.done(Counter {
            link: Arc::clone(&self.link),
            registration_id,
            lifeline,
            value,
            is_static,
        });
    }

    fn on_channel_endpoint_error(&mut self, offending_id: i64, text: &[u8]) {
        let is_meant = |status_id: i32| i64::from(status_id) == offending_id;
        let publications = self
            .resources
            .publications
            .values()
            .map(|entry| entry.channel_status_id);
        let subscriptions = self
            .resources
            .subscriptions
            .values()
            .map(|entry| entry.channel_status_id);
        let concerned: Vec<i32> = publications
            .chain(subscriptions)
            .filter(|id| is_meant(*id))
            .collect();
        for status_id in concerned {
            let text = String::from_utf8_lossy(text).into_owned();
            self.handlers
                .error(&ClientError::ChannelEndpoint { status_id, text });
        }
    }

    fn take_request(&mut self, correlation_id: i64) -> Option<Ask> {
        match self.awaited.take(correlation_id)? {
            Awaited::Request(request) => Some(request.ask),
            Awaited::Late(_) => None,
        }
    }

    /// The driver answered something else than what was asked.
    fn wrong_answer(&mut self, correlation_id: i64, ask: Ask) {
        let why = format!(
            "the answer to command {correlation_id} ({ask:?}) is one to another kind of command"
        );
        ask.fail(ClientError::Malformed { what: "event", why });
    }

    fn counter_value(&self, counter_id: i32) -> Result<Word64, ClientError> {
        let found = self.link.cnc.counter_value(counter_id);
        found.ok_or_else(|| self.no_such_counter(counter_id))
    }

    fn no_such_counter(&self, counter_id: i32) -> ClientError {
        ClientError::NoSuchCounter {
            counter_id,
            max: self.link.counters.max_counter_id(),
        }
    }
}

fn facts(ready: &PublicationReady<'_>, stream: Stream) -> PublicationFacts {
    PublicationFacts {
        stream,
        session_id: ready.session_id,
        registration_id: ready.correlation_id,
        original_registration_id: ready.registration_id,
        limit_counter_id: ready.limit_counter_id,
        channel_status_id: ready.channel_status_id,
    }
}
