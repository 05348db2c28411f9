//! Destinations of publications and subscriptions (spec 04 §2.12, 03 §2.11, §4.12).

use taranis_runtime::io::Outcome;

use super::{
    add_subscription::{AddSubscription, buffer_of},
    core::Core,
    endpoints::{Destination, closing},
    reply::Refusal,
    resolve::Purpose,
    subscriptions::SubscriptionKind,
    work::{Asked, Progress, Step, unexpected},
};
use crate::{
    command::ErrorCode,
    driver::delegates::{ReceiveEndpointId, SendDestination, SendEndpointId, ToReceiver, ToSender},
    uri::{ChannelUri, UdpChannel, check_destination, check_send_destination},
};

/// A receive destination whose socket is being bound.
#[derive(Debug)]
pub(crate) struct OpenDestination {
    endpoint: ReceiveEndpointId,
    channel: UdpChannel,
}

impl Core {
    /// Checks a destination that is to be added or removed, and resolves its names.
    pub(super) fn begin_destination(
        &mut self,
        asked: Asked,
        publication_id: i64,
        channel: &str,
        purpose: Purpose,
    ) -> Result<Progress, Refusal> {
        self.manual_send_endpoint(publication_id)?;
        let uri = ChannelUri::parse(channel)?;
        check_send_destination(&uri)?;
        self.with_channel(asked, &uri, purpose)
    }

    pub(super) fn add_destination(
        &mut self,
        asked: Asked,
        publication_id: i64,
        channel: &UdpChannel,
    ) -> Result<Progress, Refusal> {
        self.hand_over_destination(asked, publication_id, Some(channel.remote_data))
    }

    pub(super) fn add_unresolved_destination(
        &mut self,
        asked: Asked,
        purpose: &Purpose,
    ) -> Result<Progress, Refusal> {
        let Purpose::AddDestination { publication_id } = purpose else {
            return Err(Refusal::invalid("only a destination can wait for its name"));
        };
        self.hand_over_destination(asked, *publication_id, None)
    }

    fn hand_over_destination(
        &mut self,
        asked: Asked,
        publication_id: i64,
        address: Option<std::net::SocketAddr>,
    ) -> Result<Progress, Refusal> {
        let endpoint = self.manual_send_endpoint(publication_id)?;
        let destination = SendDestination {
            registration_id: asked.correlation_id,
            address,
        };
        self.to_sender.send(ToSender::AddDestination {
            endpoint,
            destination: Box::new(destination),
        });
        self.reply.success(asked.correlation_id);
        Ok(Progress::Done)
    }

    pub(super) fn remove_destination(
        &mut self,
        asked: Asked,
        publication_id: i64,
        channel: &UdpChannel,
    ) -> Result<Progress, Refusal> {
        let endpoint = self.manual_send_endpoint(publication_id)?;
        self.to_sender.send(ToSender::RemoveDestination {
            endpoint,
            address: channel.remote_data,
        });
        self.reply.success(asked.correlation_id);
        Ok(Progress::Done)
    }

    pub(super) fn remove_destination_by_id(
        &mut self,
        asked: Asked,
        publication_id: i64,
        destination_id: i64,
    ) -> Result<Progress, Refusal> {
        let endpoint = self.manual_send_endpoint(publication_id)?;
        self.to_sender.send(ToSender::RemoveDestinationById {
            endpoint,
            registration_id: destination_id,
        });
        self.reply.success(asked.correlation_id);
        Ok(Progress::Done)
    }

    fn manual_send_endpoint(&self, publication_id: i64) -> Result<SendEndpointId, Refusal> {
        let Some(publication) = self.network.get(publication_id) else {
            let text = format!("unknown publication registration_id={publication_id}");
            return Err(Refusal::new(ErrorCode::UnknownPublication, text));
        };
        let endpoint = publication.endpoint;
        let Some(existing) = self
            .send_endpoints
            .get(endpoint.0)
            .filter(|one| !one.is_closing)
        else {
            return Err(closing("send_channel_endpoint"));
        };
        if !existing.is_manual() {
            let text = format!(
                "channel does not allow manual control of destinations: \
                 publication_registration_id={publication_id}"
            );
            return Err(Refusal::invalid(text));
        }
        Ok(endpoint)
    }

    pub(super) fn begin_add_receive_destination(
        &mut self,
        asked: Asked,
        subscription_id: i64,
        channel: &str,
    ) -> Result<Progress, Refusal> {
        self.manual_endpoint_of(subscription_id)?;
        let uri = ChannelUri::parse(channel)?;
        if uri.is_ipc() || uri.is_spy() {
            return self.add_local_destination(asked, subscription_id, channel, &uri);
        }
        check_destination(&uri)?;
        self.with_channel(
            asked,
            &uri,
            Purpose::AddReceiveDestination { subscription_id },
        )
    }

    /// IPC and spies are linked as subscriptions of their own, under the same registration id.
    fn add_local_destination(
        &mut self,
        asked: Asked,
        subscription_id: i64,
        channel: &str,
        uri: &ChannelUri,
    ) -> Result<Progress, Refusal> {
        let Some(whole) = self.subscription(subscription_id) else {
            let text = format!("unknown subscription registration_id={subscription_id}");
            return Err(Refusal::new(ErrorCode::UnknownSubscription, text));
        };
        let add = AddSubscription {
            client_id: whole.client_id,
            registration_id: subscription_id,
            stream_id: whole.stream_id,
            params: whole.params,
            channel: channel.to_owned(),
        };
        if uri.is_spy() {
            return self.with_channel(asked, uri, Purpose::AddSpyDestination(add));
        }
        self.reply.success(asked.correlation_id);
        self.subscriptions
            .push(add.into_subscription(SubscriptionKind::Ipc));
        self.link_subscription(self.subscriptions.len() - 1);
        Ok(Progress::Done)
    }

    pub(super) fn add_spy_destination(
        &mut self,
        asked: Asked,
        add: AddSubscription,
        channel: UdpChannel,
    ) -> Result<Progress, Refusal> {
        self.reply.success(asked.correlation_id);
        self.subscriptions
            .push(add.into_subscription(SubscriptionKind::Spy(Box::new(channel))));
        self.link_subscription(self.subscriptions.len() - 1);
        Ok(Progress::Done)
    }

    pub(super) fn open_receive_destination(
        &mut self,
        subscription_id: i64,
        channel: UdpChannel,
    ) -> Result<Progress, Refusal> {
        let endpoint = self.manual_endpoint_of(subscription_id)?;
        let chore = self.bind_receive(&channel)?;
        Ok(Progress::Waits(
            Step::OpenDestination(Box::new(OpenDestination { endpoint, channel })),
            chore,
        ))
    }

    pub(super) fn on_destination_socket(
        &mut self,
        asked: Asked,
        step: OpenDestination,
        outcome: Outcome,
    ) -> Result<Progress, Refusal> {
        let OpenDestination {
            endpoint: id,
            channel,
        } = step;
        let socket = match outcome {
            Outcome::Socket(socket) => socket,
            other => return Err(unexpected(&format!("bind: uri = {}", channel.uri), &other)),
        };
        let (now_ms, bound) = (self.now_ms(), socket.local_address().to_string());
        let buffer = buffer_of(&socket);
        let destination = self.new_destination(&channel, asked.correlation_id, socket);
        let Some(endpoint) = self
            .receive_endpoints
            .get_mut(id.0)
            .filter(|one| !one.is_closing)
        else {
            return Err(closing("receive_channel_endpoint"));
        };
        let local_address = self.counters.local_address(
            now_ms,
            "rcv-local-sockaddr",
            endpoint.status.id,
            &bound,
            asked.correlation_id,
        )?;
        endpoint.receive_buffer = endpoint.receive_buffer.min(buffer);
        endpoint.destinations.push(Destination {
            registration_id: asked.correlation_id,
            canonical_form: channel.canonical_form,
            local_address,
        });
        self.to_receiver.send(ToReceiver::AddDestination {
            endpoint: id,
            destination: Box::new(destination),
        });
        self.reply.success(asked.correlation_id);
        Ok(Progress::Done)
    }

    pub(super) fn begin_remove_receive_destination(
        &mut self,
        asked: Asked,
        subscription_id: i64,
        channel: &str,
    ) -> Result<Progress, Refusal> {
        let uri = ChannelUri::parse(channel)?;
        if uri.is_ipc() || uri.is_spy() {
            if !self.has_local_destination(subscription_id, channel) {
                let text = format!("unknown subscription registration_id={subscription_id}");
                return Err(Refusal::new(ErrorCode::UnknownSubscription, text));
            }
            self.reply.success(asked.correlation_id);
            self.remove_local_destination(subscription_id, channel);
            return Ok(Progress::Done);
        }
        self.with_channel(
            asked,
            &uri,
            Purpose::RemoveReceiveDestination { subscription_id },
        )
    }

    pub(super) fn remove_receive_destination(
        &mut self,
        asked: Asked,
        subscription_id: i64,
        channel: &UdpChannel,
    ) -> Result<Progress, Refusal> {
        let id = self.manual_endpoint_of(subscription_id)?;
        let endpoint = self.receive_endpoints.get(id.0);
        let destination = endpoint.and_then(|endpoint| {
            let mut of_form = endpoint.destinations.iter();
            of_form
                .find(|one| one.canonical_form == channel.canonical_form)
                .map(|one| one.registration_id)
        });
        if let Some(destination) = destination {
            self.to_receiver.send(ToReceiver::RemoveDestination {
                endpoint: id,
                destination,
            });
        }
        self.reply.success(asked.correlation_id);
        Ok(Progress::Done)
    }
}
