//! What the driver keeps for this client, as the conductor knows it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crossbeam_channel::{Sender, TrySendError, bounded};
use taranis_runtime::mem::{Region, Word64};

use super::{handlers::Handlers, logs::Logs};
use crate::client::{
    image::{Image, ImageHandlers, ImageInfo},
    lifeline::{GivenBack, Lifeline},
    link::Ask,
    subscription::ImageFeed,
};

/// Images that wait for their poller in the channel; what comes beyond waits here.
const ARRIVALS_MAX: usize = 64;

/// By registration id.
#[derive(Debug, Default)]
pub(super) struct Resources {
    pub(super) publications: BTreeMap<i64, PublicationEntry>,
    pub(super) subscriptions: BTreeMap<i64, SubscriptionEntry>,
    pub(super) counters: BTreeMap<i64, CounterEntry>,
    /// Their handles only have to be closed with the client.
    pub(super) static_counters: Vec<Lifeline>,
}

#[derive(Debug)]
pub(super) struct PublicationEntry {
    pub(super) lifeline: Lifeline,
    pub(super) original_registration_id: i64,
    pub(super) channel_status_id: i32,
}

#[derive(Debug)]
pub(super) struct SubscriptionEntry {
    pub(super) lifeline: Lifeline,
    pub(super) channel: Arc<str>,
    pub(super) channel_status_id: i32,
    pub(super) handlers: ImageHandlers,
    /// By correlation id.
    pub(super) images: BTreeMap<i64, ImageInfo>,
    pub(super) feed: Feed,
}

#[derive(Debug)]
pub(super) struct CounterEntry {
    pub(super) lifeline: Lifeline,
    pub(super) counter_id: i32,
}

impl Resources {
    /// Takes out what its owner gave back, and says what the driver is to be asked for it.
    pub(super) fn take_given_back(
        &mut self,
        logs: &mut Logs,
        handlers: &mut Handlers,
        now_ns: i64,
    ) -> Vec<Ask> {
        let mut asks = Vec::new();
        for (registration_id, entry) in take_if(&mut self.publications, |entry| {
            entry.lifeline.given_back().is_some()
        }) {
            logs.release(entry.original_registration_id, now_ns);
            let revoke = entry.lifeline.given_back() == Some(GivenBack { revoke: true });
            asks.push(Ask::RemovePublication {
                registration_id,
                revoke,
            });
        }
        for (registration_id, mut entry) in take_if(&mut self.subscriptions, |entry| {
            entry.lifeline.given_back().is_some()
        }) {
            entry.close_images(logs, handlers, now_ns);
            asks.push(Ask::RemoveSubscription { registration_id });
        }
        for (registration_id, _) in take_if(&mut self.counters, |entry| {
            entry.lifeline.given_back().is_some()
        }) {
            asks.push(Ask::RemoveCounter { registration_id });
        }
        self.static_counters
            .retain(|lifeline| !lifeline.is_closed());
        asks
    }

    /// Closes everything, without the driver (spec 05 §2.9). Returns the ids of the counters that were closed.
    pub(super) fn force_close(
        &mut self,
        logs: &mut Logs,
        handlers: &mut Handlers,
        now_ns: i64,
    ) -> Vec<(i64, i32)> {
        for entry in self.subscriptions.values_mut() {
            entry.lifeline.latch().close();
            entry.close_images(logs, handlers, now_ns);
        }
        for entry in self.publications.values() {
            entry.lifeline.latch().close();
        }
        for lifeline in self
            .counters
            .values()
            .map(|entry| &entry.lifeline)
            .chain(&self.static_counters)
        {
            lifeline.latch().close();
        }
        let counters = std::mem::take(self).counters;
        logs.clear();
        counters
            .into_iter()
            .map(|(id, entry)| (id, entry.counter_id))
            .collect()
    }

    /// Moves images on that found their channel full. Returns how many.
    pub(super) fn feed_pollers(&mut self) -> usize {
        self.subscriptions
            .values_mut()
            .map(|entry| entry.feed.flush())
            .sum()
    }
}

impl SubscriptionEntry {
    /// Takes the image out, closed; tells the handler.
    pub(super) fn remove_image(
        &mut self,
        correlation_id: i64,
        logs: &mut Logs,
        handlers: &mut Handlers,
        now_ns: i64,
    ) {
        if let Some(image) = self.images.remove(&correlation_id) {
            image.close();
            logs.release(correlation_id, now_ns);
            self.feed.changed();
            handlers.unavailable_image(&mut self.handlers, &image);
        }
    }

    fn close_images(&mut self, logs: &mut Logs, handlers: &mut Handlers, now_ns: i64) {
        while let Some(correlation_id) = self.images.keys().next().copied() {
            self.remove_image(correlation_id, logs, handlers, now_ns);
        }
    }
}

/// The conductor's end of a subscription's images.
#[derive(Debug)]
pub(super) struct Feed {
    arrivals: Sender<Image>,
    backlog: VecDeque<Image>,
    changes: Word64,
}

impl Feed {
    pub(super) fn new() -> (Self, ImageFeed) {
        let (arrivals, receiver) = bounded(ARRIVALS_MAX);
        let changes = Region::heap(size_of::<i64>())
            .word64(0)
            .expect("the first word of a region of eight bytes lies inside");
        let poller = ImageFeed {
            arrivals: receiver,
            changes: changes.clone(),
        };
        (
            Self {
                arrivals,
                backlog: VecDeque::new(),
                changes,
            },
            poller,
        )
    }

    pub(super) fn push(&mut self, image: Image) {
        self.backlog.push_back(image);
        self.flush();
    }

    /// Tells the poller to look.
    pub(super) fn changed(&self) {
        // SYNC images-changed: pairs with the acquire in `Subscription::refresh`.
        self.changes.add_release(1);
    }

    fn flush(&mut self) -> usize {
        let mut moved = 0;
        while let Some(image) = self.backlog.pop_front() {
            match self.arrivals.try_send(image) {
                Ok(()) => moved += 1,
                Err(TrySendError::Full(image)) => {
                    self.backlog.push_front(image);
                    break;
                }
                // The poller is gone; its subscription was given back.
                Err(TrySendError::Disconnected(_)) => self.backlog.clear(),
            }
        }
        if moved > 0 {
            self.changed();
        }
        moved
    }
}

fn take_if<V>(table: &mut BTreeMap<i64, V>, is_meant: impl Fn(&V) -> bool) -> Vec<(i64, V)> {
    let ids: Vec<i64> = table
        .iter()
        .filter(|(_, entry)| is_meant(entry))
        .map(|(id, _)| *id)
        .collect();
    ids.into_iter()
        .filter_map(|id| table.remove_entry(&id))
        .collect()
}
