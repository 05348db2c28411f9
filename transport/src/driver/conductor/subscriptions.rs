//! Subscriptions: what clients want to read (spec 04 §2.9).

use super::{core::Core, links::Source, reply::Refusal};
use crate::{
    command::{ErrorCode, Event},
    driver::delegates::ReceiveEndpointId,
    uri::{SubscriptionParams, UdpChannel},
};

/// One subscription, or one local destination (IPC or spy) of one with several.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) registration_id: i64,
    pub(crate) client_id: i64,
    pub(crate) stream_id: i32,
    /// The one session it takes.
    pub(crate) session_id: Option<i32>,
    /// As the client gave it.
    pub(crate) channel: String,
    pub(crate) params: SubscriptionParams,
    pub(crate) kind: SubscriptionKind,
}

/// Where its streams come from.
#[derive(Debug)]
pub(crate) enum SubscriptionKind {
    Ipc,
    Spy(Box<UdpChannel>),
    Network(ReceiveEndpointId),
}

impl Subscription {
    fn is_local_destination(&self, registration_id: i64, channel: &str) -> bool {
        let is_local = !matches!(self.kind, SubscriptionKind::Network(_));
        is_local && self.registration_id == registration_id && self.channel == channel
    }
}

impl Core {
    /// Registers a subscription, answers, and links what is there, in that order.
    pub(super) fn register_subscription(
        &mut self,
        subscription: Subscription,
    ) -> Result<(), Refusal> {
        self.client(subscription.client_id)?;
        let channel_status_id = match subscription.kind {
            SubscriptionKind::Ipc | SubscriptionKind::Spy(_) => -1,
            SubscriptionKind::Network(id) => self
                .receive_endpoints
                .get(id.0)
                .map_or(-1, |endpoint| endpoint.status.id),
        };
        if let SubscriptionKind::Network(id) = subscription.kind {
            self.add_interest(id, subscription.stream_id, subscription.session_id);
        }
        let correlation_id = subscription.registration_id;
        self.subscriptions.push(subscription);
        self.reply.send(&Event::SubscriptionReady {
            correlation_id,
            channel_status_id,
        });
        self.link_subscription(self.subscriptions.len() - 1);
        Ok(())
    }

    pub(super) fn remove_subscription(
        &mut self,
        (client_id, correlation_id): (i64, i64),
        registration_id: i64,
    ) -> Result<(), Refusal> {
        if !self.drop_subscription(|subscription| subscription.registration_id == registration_id) {
            let text = format!(
                "unknown subscription client_id={client_id} registration_id={registration_id}"
            );
            return Err(Refusal::new(ErrorCode::UnknownSubscription, text));
        }
        self.reply.success(correlation_id);
        Ok(())
    }

    /// The client is gone.
    pub(super) fn remove_subscriptions_of(&mut self, client_id: i64) {
        self.drop_subscription(|subscription| subscription.client_id == client_id);
    }

    /// The network endpoint of a subscription with several destinations.
    pub(super) fn manual_endpoint_of(
        &self,
        registration_id: i64,
    ) -> Result<ReceiveEndpointId, Refusal> {
        let mut of_it = self
            .subscriptions
            .iter()
            .filter(|one| one.registration_id == registration_id);
        let endpoint = of_it.find_map(|subscription| match subscription.kind {
            SubscriptionKind::Network(id) => Some(id),
            SubscriptionKind::Ipc | SubscriptionKind::Spy(_) => None,
        });
        let Some(id) = endpoint else {
            let text = format!("unknown subscription registration_id={registration_id}");
            return Err(Refusal::new(ErrorCode::UnknownSubscription, text));
        };
        let channel = self
            .receive_endpoints
            .get(id.0)
            .map(|endpoint| &endpoint.channel);
        match channel {
            Some(channel) if channel.control_mode == Some(crate::uri::ControlMode::Manual) => {
                Ok(id)
            }
            _ => Err(Refusal::new(
                ErrorCode::InvalidChannel,
                "channel does not allow manual control",
            )),
        }
    }

    /// The first entry of a subscription, for what its local destinations inherit.
    pub(super) fn subscription(&self, registration_id: i64) -> Option<&Subscription> {
        self.subscriptions
            .iter()
            .find(|subscription| subscription.registration_id == registration_id)
    }

    /// Whether a subscription has a local destination of exactly that channel.
    pub(super) fn has_local_destination(&self, registration_id: i64, channel: &str) -> bool {
        self.subscriptions
            .iter()
            .any(|one| one.is_local_destination(registration_id, channel))
    }

    /// Ends a local destination of a subscription, and the images of it.
    pub(super) fn remove_local_destination(&mut self, registration_id: i64, channel: &str) {
        let is_it = |one: &Subscription| one.is_local_destination(registration_id, channel);
        let Some(at) = self.subscriptions.iter().position(is_it) else {
            return;
        };
        let gone = self.subscriptions.remove(at);
        let sources: Vec<Source> = match gone.kind {
            SubscriptionKind::Ipc => self.ipc.keys().map(Source::Ipc).collect(),
            SubscriptionKind::Spy(_) => self.network.keys().map(Source::Spied).collect(),
            SubscriptionKind::Network(_) => Vec::new(),
        };
        for source in sources {
            self.end_link(source, registration_id);
        }
    }

    fn drop_subscription(&mut self, is_it: impl Fn(&Subscription) -> bool) -> bool {
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.subscriptions)
            .into_iter()
            .partition(|subscription| is_it(subscription));
        self.subscriptions = left;
        for subscription in &gone {
            self.unlink_subscription(subscription.registration_id);
            if let SubscriptionKind::Network(id) = subscription.kind {
                self.remove_interest(id, subscription.stream_id, subscription.session_id);
            }
        }
        !gone.is_empty()
    }
}
