//! A subscription: the images of one stream (spec 05 §4.1).

use std::{collections::VecDeque, sync::Arc};

use crossbeam_channel::Receiver;
use taranis_runtime::mem::Word64;

use super::{
    error::ClientError,
    image::{Image, ImageInfo},
    lifeline::Lifeline,
    link::{Link, Stream},
    status::{self, ChannelStatus},
};
use crate::{
    log::{Action, Block, Fragment},
    uri::{ChannelUri, keys},
};

/// A subscription, held by the one thread that polls it. Dropping it gives it back to the driver.
///
/// The easy way is [`Subscription::poll`]: whole messages from all images in turn. Polling takes no lock, makes no system
/// call, and allocates nothing but when an image comes or a message is longer than all before.
///
/// ```no_run
/// # fn show(subscription: &mut taranis_transport::client::Subscription) {
/// subscription.poll(10, |message| {
///     println!("{} bytes at {}", message.payload.len(), message.header.position);
/// });
/// # }
/// ```
#[derive(Debug)]
pub struct Subscription {
    pub(super) link: Arc<Link>,
    pub(super) registration_id: i64,
    pub(super) stream: Stream,
    pub(super) lifeline: Lifeline,
    channel_status_id: i32,
    arrivals: Receiver<Image>,
    changes: Word64,
    seen: i64,
    images: Vec<Image>,
    first: usize,
    tracker: Option<Tracker>,
}

/// An image that a subscription got or lost.
#[derive(Clone, Debug)]
pub enum ImageChange {
    /// It is there, from its join position on.
    Available(ImageInfo),
    /// It is gone; what it says are its last values.
    Unavailable(ImageInfo),
}

/// Images told of, and what is still to be told.
#[derive(Debug, Default)]
struct Tracker {
    known: Vec<ImageInfo>,
    untold: VecDeque<ImageChange>,
}

/// The poller's end of what the conductor changes.
#[derive(Debug)]
pub(super) struct ImageFeed {
    /// New images.
    pub(super) arrivals: Receiver<Image>,
    /// Raised by the conductor (release) whenever an image came or went.
    pub(super) changes: Word64,
}

impl Subscription {
    pub(super) fn new(
        link: Arc<Link>,
        registration_id: i64,
        stream: Stream,
        channel_status_id: i32,
        lifeline: Lifeline,
        feed: ImageFeed,
    ) -> Self {
        Self {
            link,
            registration_id,
            stream,
            lifeline,
            channel_status_id,
            arrivals: feed.arrivals,
            changes: feed.changes,
            seen: 0,
            images: Vec::new(),
            first: 0,
            tracker: None,
        }
    }

    /// Gives whole messages to the handler, from at most `fragment_limit` fragments of all images; each time another image
    /// comes first. Returns how many fragments it took; 0 means there was nothing.
    pub fn poll(&mut self, fragment_limit: usize, mut handler: impl FnMut(Fragment<'_>)) -> usize {
        self.in_turn(fragment_limit, |image, limit| {
            image.poll(limit, &mut handler)
        })
    }

    /// As [`Subscription::poll`]; the handler says how to go on with its image. Abort and break end that image's part only.
    pub fn controlled_poll(
        &mut self,
        fragment_limit: usize,
        mut handler: impl FnMut(Fragment<'_>) -> Action,
    ) -> usize {
        self.in_turn(fragment_limit, |image, limit| {
            image.controlled_poll(limit, &mut handler)
        })
    }

    /// Gives raw fragments to the handler, as they stand in the log: a message longer than a frame comes in pieces, told by
    /// their flags.
    pub fn poll_fragments(
        &mut self,
        fragment_limit: usize,
        mut handler: impl FnMut(Fragment<'_>),
    ) -> usize {
        self.in_turn(fragment_limit, |image, limit| {
            image.poll_fragments(limit, &mut handler)
        })
    }

    /// As [`Subscription::poll_fragments`]; the handler says how to go on with its image.
    pub fn controlled_poll_fragments(
        &mut self,
        fragment_limit: usize,
        mut handler: impl FnMut(Fragment<'_>) -> Action,
    ) -> usize {
        self.in_turn(fragment_limit, |image, limit| {
            image.controlled_poll_fragments(limit, &mut handler)
        })
    }

    /// Gives a run of whole frames of each image to the handler, each at most `limit_bytes` long; returns their length.
    pub fn block_poll(&mut self, limit_bytes: usize, mut handler: impl FnMut(&Block<'_>)) -> usize {
        self.refresh();
        let images = self.images.iter_mut();
        images
            .map(|image| image.block_poll(limit_bytes, &mut handler))
            .sum()
    }

    /// The images now.
    pub fn images(&mut self) -> &mut [Image] {
        self.refresh();
        &mut self.images
    }

    /// The image of that session, if there is one.
    pub fn image_by_session_id(&mut self, session_id: i32) -> Option<&mut Image> {
        let mut images = self.images().iter_mut();
        images.find(|image| image.info().session_id() == session_id)
    }

    /// Moves an image out, for another agent to read: it stays the subscription's in the driver, and closes with it.
    pub fn take_image(&mut self, correlation_id: i64) -> Option<Image> {
        let mut images = self.images().iter();
        let at = images.position(|image| image.info().correlation_id() == correlation_id)?;
        Some(self.images.remove(at))
    }

    /// From now on images that come and go are told by [`Subscription::next_image_change`], those that are there first. It
    /// is the way for agents, which have no handlers on the conductor's thread. Who tracks must also ask.
    pub fn track_images(&mut self) {
        self.refresh();
        let images = &self.images;
        self.tracker.get_or_insert_with(|| {
            let mut tracker = Tracker::default();
            for image in images {
                tracker.add(image.info());
            }
            tracker
        });
    }

    /// The next image that came or went, in order, if images are tracked.
    pub fn next_image_change(&mut self) -> Option<ImageChange> {
        self.refresh();
        self.tracker.as_mut()?.untold.pop_front()
    }

    /// Whether there is an image that is not closed.
    pub fn is_connected(&mut self) -> bool {
        self.images().iter().any(|image| !image.is_closed())
    }

    /// The channel, as it was given.
    pub fn channel(&self) -> &str {
        &self.stream.channel
    }

    /// The stream.
    pub fn stream_id(&self) -> i32 {
        self.stream.stream_id
    }

    /// Names this subscription in the driver.
    pub fn registration_id(&self) -> i64 {
        self.registration_id
    }

    /// Counter of the channel's status; −1 where there is none.
    pub fn channel_status_id(&self) -> i32 {
        self.channel_status_id
    }

    /// State of the channel's socket.
    pub fn channel_status(&self) -> ChannelStatus {
        status::channel_status(
            &self.link.counters,
            self.channel_status_id,
            self.is_closed(),
        )
    }

    /// Addresses its sockets are bound to, once the channel is active.
    pub fn local_socket_addresses(&self) -> Vec<String> {
        status::local_socket_addresses(
            &self.link.counters,
            self.channel_status_id,
            self.channel_status(),
        )
    }

    /// The channel with the port its socket got where the channel leaves that to the system (port 0), for others to publish
    /// to; the channel as it is where it doesn't, or in manual control mode. `None` while the socket is not bound.
    pub fn try_resolve_channel_endpoint_port(&self) -> Option<String> {
        let channel = || self.stream.channel.to_string();
        let Ok(mut uri) = ChannelUri::parse(&self.stream.channel) else {
            return Some(channel());
        };
        let has_wildcard = uri
            .get(keys::ENDPOINT)
            .is_some_and(|endpoint| endpoint.ends_with(":0"));
        let is_manual = uri.get(keys::CONTROL_MODE) == Some("manual");
        if !has_wildcard || is_manual {
            return Some(channel());
        }
        let bound = self.local_socket_addresses().into_iter().next()?;
        uri.replace_endpoint_wildcard_port(&bound).ok()?;
        Some(uri.to_string())
    }

    /// Whether it was closed, by its owner or with its client.
    pub fn is_closed(&self) -> bool {
        self.lifeline.is_closed()
    }

    /// Gives it back now; polls find nothing any more. Dropping does the same.
    pub fn close(&mut self) {
        self.lifeline.give_back(&self.link.signals, false);
        self.images.clear();
    }

    pub(super) fn ensure_open(&self) -> Result<(), ClientError> {
        if self.is_closed() {
            Err(ClientError::HandleClosed("Subscription"))
        } else {
            Ok(())
        }
    }

    #[inline]
    fn in_turn(&mut self, limit: usize, mut poll: impl FnMut(&mut Image, usize) -> usize) -> usize {
        self.refresh();
        let first = if self.first < self.images.len() {
            self.first
        } else {
            0
        };
        self.first = first + 1;
        let (later, sooner) = self.images.split_at_mut(first);
        let mut taken = 0;
        for image in sooner.iter_mut().chain(later) {
            if taken >= limit {
                break;
            }
            taken += poll(image, limit - taken);
        }
        taken
    }

    /// One load when nothing has changed.
    #[inline]
    fn refresh(&mut self) {
        // SYNC images-changed: pairs with the release in the conductor's `Feed::changed`.
        let changes = self.changes.load_acquire();
        if changes != self.seen {
            self.seen = changes;
            self.take_changes();
        }
    }

    #[cold]
    fn take_changes(&mut self) {
        self.images.retain(|image| !image.is_closed());
        for image in self.arrivals.try_iter() {
            if let Some(tracker) = &mut self.tracker {
                tracker.add(image.info());
            }
            if !image.is_closed() {
                self.images.push(image);
            }
        }
        if let Some(tracker) = &mut self.tracker {
            tracker.remove_closed();
        }
    }
}

impl Tracker {
    fn add(&mut self, image: &ImageInfo) {
        self.known.push(image.clone());
        self.untold.push_back(ImageChange::Available(image.clone()));
    }

    fn remove_closed(&mut self) {
        let untold = &mut self.untold;
        self.known.retain(|image| {
            if image.is_closed() {
                untold.push_back(ImageChange::Unavailable(image.clone()));
            }
            !image.is_closed()
        });
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.lifeline.give_back(&self.link.signals, false);
    }
}
