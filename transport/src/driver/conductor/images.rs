//! Images: the conductor's half of a stream that comes in from the network (spec 03 §4.4–§4.9, 04 §2.11).

use std::path::PathBuf;

use super::{
    core::Core,
    counters::{Allocated, Ids},
    links::Source,
    reply::Refusal,
    subscribers::Subscribers,
    subscriptions::SubscriptionKind,
};
use crate::{
    counters::{StreamKey, type_id},
    driver::{
        delegates::{
            Forgotten, ImageRequest, ReceiveEndpointId, ReceiverSeed, ReceiverSettings, ToReceiver,
        },
        image_state::{ConductorImageState, image_state},
        receiver::{
            loss::{LossDetector, NakDelay},
            rebuild::{Rebuild, RebuildSettings},
        },
    },
    log::{Constants, Kind, LogBuffer, layout::log_length},
    uri::Inferable,
};

/// The conductor's half of an image.
#[derive(Debug)]
pub(crate) struct PublicationImage {
    pub(crate) endpoint: ReceiveEndpointId,
    pub(crate) session_id: i32,
    pub(crate) stream_id: i32,
    pub(crate) path_text: Vec<u8>,
    /// `ip:port` of the source.
    pub(crate) identity: Vec<u8>,
    pub(crate) subscribers: Subscribers,
    path: PathBuf,
    log: LogBuffer,
    counters: ImageCounters,
    shared: ConductorImageState,
    rebuild: Rebuild,
    loss: LossDetector,
    state: State,
    since_ns: i64,
    is_rejoin: bool,
    is_released: bool,
}

/// An image's counters; the receiver writes the first and the last.
#[derive(Debug)]
struct ImageCounters {
    high_water_mark: Allocated,
    position: Allocated,
    naks_sent: Allocated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Draining,
    Linger,
    Done,
}

impl PublicationImage {
    /// Whether a subscriber may join now.
    pub(crate) fn accepts(&self) -> bool {
        match self.state {
            State::Active => self.subscribers.is_empty() || self.subscribers.has_working(),
            State::Draining => {
                self.subscribers.has_working() && !self.subscribers.are_drained(self.rebuilt())
            }
            State::Linger | State::Done => false,
        }
    }

    /// Where a subscriber joins: no further than what is there, and with the slowest.
    pub(crate) fn join_position(&self) -> i64 {
        let rebuilt = self.rebuilt();
        self.subscribers
            .min_working()
            .map_or(rebuilt, |slowest| slowest.min(rebuilt))
    }

    fn rebuilt(&self) -> i64 {
        self.counters.position.word.load_acquire()
    }

    fn high_water_mark(&self) -> i64 {
        self.counters.high_water_mark.word.load_acquire()
    }

    /// Each cycle: follows what arrived, reports gaps, cleans and promises (03 §4.7).
    fn track(&mut self, now_ns: i64, rng: &mut taranis_runtime::cycle::Rng) {
        if self.log.status().is_publication_revoked() || self.state == State::Done {
            return;
        }
        let (Some(slowest), Some(furthest)) = (
            self.subscribers.min_working(),
            self.subscribers.max_working(),
        ) else {
            return;
        };
        let from = self.rebuilt().max(furthest);
        let rebuilt = self.rebuild.scan(from, self.high_water_mark());
        if rebuilt.position > self.rebuilt() {
            self.counters.position.word.store_release(rebuilt.position);
        }
        if let Some(gap) = self.loss.on_scan(rebuilt.gap, now_ns, rng) {
            self.shared.report_gap(gap);
        }
        if let Some(promise) = self.rebuild.promise(slowest) {
            self.shared.promise(promise);
        }
    }

    fn is_at_end(&self, now_ns: i64, liveness_ns: i64) -> bool {
        let silent = now_ns - self.shared.last_packet_ns() > liveness_ns;
        let complete = self.shared.is_end_of_stream() && self.rebuilt() >= self.high_water_mark();
        let revoked = self.log.status().is_publication_revoked();
        !self.subscribers.has_working() || silent || complete || revoked
    }
}

impl Core {
    /// Each cycle.
    pub(super) fn track_images(&mut self) {
        let (now_ns, rng) = (self.now.mono_ns, &mut self.rng);
        self.images
            .for_each_mut(|_, image| image.track(now_ns, rng));
    }

    /// Checks a SETUP before anything is made for it; gives the length of the log, and whether it may be sparse.
    /// `None`: nobody wants it any more.
    pub(super) fn check_image(
        &self,
        request: &ImageRequest,
    ) -> Result<Option<(usize, bool)>, Refusal> {
        let Some(endpoint) = self
            .receive_endpoints
            .get(request.endpoint.0)
            .filter(|one| !one.is_closing)
        else {
            return Ok(None);
        };
        let Some(oldest) = self.image_subscriptions(request).next() else {
            return Ok(None);
        };
        let suffix = format!(
            "stream_id={} session_id={}",
            request.stream_id, request.session_id
        );
        let window = self.subscriptions[oldest].params.initial_window_length;
        let buffer = endpoint.receive_buffer;
        let mtu = request.mtu;
        let refused = if mtu < 32 {
            Some(format!("mtuLength={mtu} < DATA_HEADER_LENGTH=32"))
        } else if mtu > 65_504 {
            Some(format!("mtuLength={mtu} > MAX_UDP_PAYLOAD_LENGTH=65504"))
        } else if mtu % 32 != 0 {
            Some(format!(
                "mtuLength={mtu} must be a multiple of FRAME_ALIGNMENT=32"
            ))
        } else if mtu > window {
            Some(format!("mtuLength={mtu} > initialWindowLength={window}"))
        } else if window > buffer {
            Some(format!(
                "Max Window length greater than socket SO_RCVBUF, increase 'AERON_RCV_INITIAL_WINDOW_LENGTH' to \
                 match window: value={window}, SO_RCVBUF={buffer}"
            ))
        } else {
            None
        };
        if let Some(text) = refused {
            return Err(Refusal::invalid(format!("{text} {suffix}")));
        }
        let page_size = crate::driver::context::length(self.settings.file_page_size);
        Ok(Some((
            log_length(request.term_length, page_size),
            self.subscriptions[oldest].params.is_sparse,
        )))
    }

    /// Makes an image over its mapped log: everything is there before it is announced.
    pub(super) fn create_image(
        &mut self,
        request: &ImageRequest,
        correlation_id: i64,
        region: taranis_runtime::mem::Region,
    ) -> Result<(), Refusal> {
        let Some(first) = self.image_subscriptions(request).next() else {
            self.forget(request, Forgotten::InitInProgress);
            let path = self.image_path(correlation_id);
            self.free_log(path, region);
            return Ok(());
        };
        let laid_out = self.lay_out_image(request, correlation_id, &region, first);
        let (image, seed) = match laid_out {
            Ok(both) => both,
            Err(refusal) => {
                let path = self.image_path(correlation_id);
                self.free_log(path, region);
                return Err(refusal);
            }
        };
        self.images.insert(correlation_id, image);
        if let Some(endpoint) = self.receive_endpoints.get_mut(request.endpoint.0) {
            endpoint.images += 1;
        }
        self.link_source(Source::Image(correlation_id));
        self.to_receiver.send(ToReceiver::AddImage(Box::new(seed)));
        Ok(())
    }

    fn lay_out_image(
        &mut self,
        request: &ImageRequest,
        correlation_id: i64,
        region: &taranis_runtime::mem::Region,
        first: usize,
    ) -> Result<(PublicationImage, ReceiverSeed), Refusal> {
        let invalid = |error: &dyn std::fmt::Display| Refusal::invalid(error.to_string());
        let now_ns = self.now_ns();
        let params = self.subscriptions[first].params;
        let is_multicast = self
            .receive_endpoints
            .get(request.endpoint.0)
            .is_some_and(|endpoint| endpoint.channel.is_multicast());
        let is_group = match params.group {
            Inferable::ForceTrue => true,
            Inferable::ForceFalse => false,
            Inferable::Infer => is_multicast || request.group,
        };
        let constants = self.image_constants(request, correlation_id, first, is_group);
        let shape = crate::log::Shape::new(request.term_length, request.initial_term_id)
            .map_err(|e| invalid(&e))?;
        let join = shape
            .checked_position(request.active_term_id, request.term_offset)
            .ok_or_else(|| {
                Refusal::invalid("SETUP of a position before the stream's start or past its end")
            })?;
        let mut log =
            LogBuffer::create(region.clone(), constants, join).map_err(|e| invalid(&e))?;

        let counters = self.image_counters(request, correlation_id, first, join)?;
        let (shared, state) = image_state(now_ns).map_err(|e| invalid(&e))?;
        let window = params.initial_window_length.min(request.term_length / 2);
        let cleaner = log.take_cleaner(join).map_err(|e| invalid(&e))?;
        let rebuild = Rebuild::new(
            log.gap_scanner(),
            cleaner,
            RebuildSettings {
                join_position: join,
                window,
                term_length: request.term_length,
            },
        );
        let loss = LossDetector::new(self.nak_delay(params.is_reliable, is_group));
        let path = self.image_path(correlation_id);
        let seed = ReceiverSeed {
            endpoint: request.endpoint,
            correlation_id,
            session_id: request.session_id,
            stream_id: request.stream_id,
            log: region.clone(),
            state,
            high_water_mark: counters.high_water_mark.word.clone(),
            naks_sent: counters.naks_sent.word.clone(),
            destination: request.destination,
            control: request.control,
            settings: ReceiverSettings {
                reliable: params.is_reliable,
                initial_window: window,
                max_window: window,
                status_message_timeout_ns: self.settings.rcv_status_message_timeout.0,
                liveness_timeout_ns: self.settings.image_liveness_timeout.0,
            },
        };
        let image = PublicationImage {
            endpoint: request.endpoint,
            session_id: request.session_id,
            stream_id: request.stream_id,
            path_text: path.as_os_str().as_encoded_bytes().to_vec(),
            identity: request.source.to_string().into_bytes(),
            subscribers: Subscribers::default(),
            path,
            log,
            counters,
            shared,
            rebuild,
            loss,
            state: State::Active,
            since_ns: now_ns,
            is_rejoin: params.is_rejoin,
            is_released: false,
        };
        Ok((image, seed))
    }

    fn image_counters(
        &mut self,
        request: &ImageRequest,
        correlation_id: i64,
        first: usize,
        join: i64,
    ) -> Result<ImageCounters, Refusal> {
        let subscription = &self.subscriptions[first];
        let key = StreamKey {
            registration_id: correlation_id,
            session_id: request.session_id,
            stream_id: request.stream_id,
            channel: subscription.channel.as_bytes(),
        };
        let ids = Ids {
            registration_id: correlation_id,
            owner_id: subscription.client_id,
            reference_id: 0,
        };
        let (now_ms, counters) = (self.now.epoch_ms(), &mut self.counters);
        let mut make = |kind, value| counters.stream(now_ms, kind, &key, ids, value);
        Ok(ImageCounters {
            high_water_mark: make((type_id::RECEIVER_HWM, "rcv-hwm"), join)?,
            position: make((type_id::RECEIVER_POSITION, "rcv-pos"), join)?,
            naks_sent: make((type_id::RECEIVER_NAKS_SENT, "rcv-naks-sent"), 0)?,
        })
    }

    fn image_constants(
        &self,
        request: &ImageRequest,
        correlation_id: i64,
        first: usize,
        group: bool,
    ) -> Constants {
        let params = &self.subscriptions[first].params;
        let untethered = params.untethered;
        Constants {
            kind: Kind::Image,
            registration_id: correlation_id,
            session_id: request.session_id,
            stream_id: request.stream_id,
            initial_term_id: request.initial_term_id,
            mtu: request.mtu,
            term_length: request.term_length,
            page_size: crate::driver::context::length(self.settings.file_page_size),
            receiver_window: params.initial_window_length,
            untethered_window_limit_timeout_ns: untethered.window_limit_ns,
            untethered_resting_timeout_ns: untethered.resting_ns,
            untethered_linger_timeout_ns: untethered
                .linger_ns
                .unwrap_or(untethered.window_limit_ns),
            group,
            is_response: params.is_response,
            rejoin: params.is_rejoin,
            reliable: params.is_reliable,
            sparse: params.is_sparse,
            tether: params.is_tether,
            ..Constants::default()
        }
    }

    fn nak_delay(&self, is_reliable: bool, is_group: bool) -> NakDelay {
        let settings = &self.settings;
        if !is_reliable {
            NakDelay::None
        } else if is_group {
            NakDelay::Multicast {
                max_backoff_ns: settings.nak_multicast_max_backoff.0,
                group_size: settings.nak_multicast_group_size,
            }
        } else {
            let delay_ns = settings.nak_unicast_delay.0;
            let retry_ns = delay_ns.saturating_mul(settings.nak_unicast_retry_delay_ratio);
            NakDelay::Unicast { delay_ns, retry_ns }
        }
    }

    /// Indices of the subscriptions that want a session, the oldest first.
    fn image_subscriptions(&self, request: &ImageRequest) -> impl Iterator<Item = usize> {
        let (endpoint, stream_id, session_id) =
            (request.endpoint, request.stream_id, request.session_id);
        let wanting = self
            .subscriptions
            .iter()
            .enumerate()
            .filter(move |(_, one)| {
                let here = matches!(one.kind, SubscriptionKind::Network(id) if id == endpoint);
                let session = one
                    .session_id
                    .map_or(!one.params.is_response, |session| session == session_id);
                here && session && one.stream_id == stream_id
            });
        wanting.map(|(at, _)| at)
    }

    /// A SETUP that comes to nothing: the next one tries again.
    pub(super) fn forget(&mut self, request: &ImageRequest, what: Forgotten) {
        let (endpoint, stream_id, session_id) =
            (request.endpoint, request.stream_id, request.session_id);
        self.to_receiver.send(ToReceiver::Forget {
            endpoint,
            stream_id,
            session_id,
            what,
        });
    }

    /// Timer: life of each image, the last first.
    pub(super) fn check_images(&mut self) {
        let ids: Vec<i64> = self.images.keys().collect();
        for id in ids.into_iter().rev() {
            self.check_one_image(id);
        }
    }

    fn check_one_image(&mut self, id: i64) {
        let now_ns = self.now_ns();
        let liveness_ns = self.settings.image_liveness_timeout.0;
        let grace_ns = self.settings.rcv_status_message_timeout.0.saturating_mul(5);
        let Some(image) = self.images.get_mut(id) else {
            return;
        };
        let revoked = image.log.status().is_publication_revoked();
        match image.state {
            State::Active if image.is_at_end(now_ns, liveness_ns) => {
                image.shared.say_end();
                image.state = State::Draining;
                image.since_ns = now_ns;
            }
            State::Active => self.check_image_untethered(id),
            State::Draining => {
                let waited = now_ns - image.since_ns > grace_ns;
                if revoked || (waited && image.subscribers.are_drained(image.rebuilt())) {
                    image.state = State::Linger;
                    image.since_ns = now_ns;
                    self.end_image(id);
                }
            }
            State::Linger => {
                if image.subscribers.is_empty() || now_ns - image.since_ns > liveness_ns {
                    image.state = State::Done;
                    self.delete_image_if_released(id);
                }
            }
            State::Done => self.delete_image_if_released(id),
        }
    }

    /// The receiver lets go of it, its readers are told, and new data may make a new one.
    fn end_image(&mut self, id: i64) {
        let Some(image) = self.images.get(id) else {
            return;
        };
        let (endpoint, stream_id, session_id) = (image.endpoint, image.stream_id, image.session_id);
        let is_rejoin = image.is_rejoin;
        self.to_receiver
            .send(ToReceiver::RemoveImage { correlation_id: id });
        let readers: Vec<i64> = image.subscribers.subscription_ids().collect();
        for subscription_id in readers {
            self.tell_unavailable(Source::Image(id), subscription_id);
        }
        if is_rejoin {
            let what = Forgotten::CoolDown;
            self.to_receiver.send(ToReceiver::Forget {
                endpoint,
                stream_id,
                session_id,
                what,
            });
        }
        if let Some(endpoint) = self.receive_endpoints.get_mut(endpoint.0) {
            endpoint.images = endpoint.images.saturating_sub(1);
        }
        self.close_if_unused(endpoint);
    }

    fn check_image_untethered(&mut self, id: i64) {
        let now_ns = self.now_ns();
        let Some(image) = self.images.get_mut(id) else {
            return;
        };
        let window = i64::from(image.rebuild.window());
        let Some(furthest) = image.subscribers.max_working() else {
            return;
        };
        let join = image.join_position();
        let events = image
            .subscribers
            .check_untethered(now_ns, furthest - window + window / 4);
        self.apply_untethered(Source::Image(id), join, events);
    }

    /// From now on nothing of an image comes in, and its sources are told; whether there is one of that id.
    pub(super) fn reject_network_image(&mut self, id: i64, reason: &[u8]) -> bool {
        if !self.images.contains_key(id) {
            return false;
        }
        let reason = String::from_utf8_lossy(reason).into();
        self.to_receiver.send(ToReceiver::RejectImage {
            correlation_id: id,
            reason,
        });
        true
    }

    /// The receiver has released its half.
    pub(super) fn on_image_released(&mut self, id: i64) {
        if let Some(image) = self.images.get_mut(id) {
            image.is_released = true;
        }
    }

    fn delete_image_if_released(&mut self, id: i64) {
        if !self.images.get(id).is_some_and(|image| image.is_released) {
            return;
        }
        self.drop_subscribers(Source::Image(id));
        let Some(image) = self.images.remove(id) else {
            return;
        };
        let now_ms = self.now_ms();
        let counters = &image.counters;
        for counter in [
            &counters.high_water_mark,
            &counters.position,
            &counters.naks_sent,
        ] {
            self.counters.free(now_ms, counter.id);
        }
        let region = image.log.region().clone();
        self.free_log(image.path.clone(), region);
    }
}
