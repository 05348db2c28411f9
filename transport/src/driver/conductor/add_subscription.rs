//! Adding subscriptions: IPC at once, spies after their names, network ones after their socket (spec 04 §2.9).

use taranis_runtime::io::{Outcome, SocketToken};

use super::{
    core::Core,
    endpoints::{Destination, ReceiveEndpoint},
    reply::Refusal,
    resolve::Purpose,
    subscriptions::{Subscription, SubscriptionKind},
    work::{Asked, Progress, Step, unexpected},
};
use crate::{
    command::ErrorCode,
    counters::type_id,
    driver::delegates::{
        ReceiveControl, ReceiveDestination, ReceiveEndpointId, ReceiveEndpointSeed, ToReceiver,
    },
    uri::{ChannelUri, ControlMode, SubscriptionParams, UdpChannel, check_subscription},
};

/// What an add asks for, checked.
#[derive(Debug)]
pub(crate) struct AddSubscription {
    pub(crate) client_id: i64,
    pub(crate) registration_id: i64,
    pub(crate) stream_id: i32,
    pub(crate) params: SubscriptionParams,
    /// As the client gave it.
    pub(crate) channel: String,
}

/// A new network subscription whose socket is being bound.
#[derive(Debug)]
pub(crate) struct OpenReceive {
    add: AddSubscription,
    channel: UdpChannel,
}

impl AddSubscription {
    pub(super) fn into_subscription(self, kind: SubscriptionKind) -> Subscription {
        Subscription {
            registration_id: self.registration_id,
            client_id: self.client_id,
            stream_id: self.stream_id,
            session_id: self.params.session_id,
            channel: self.channel,
            params: self.params,
            kind,
        }
    }
}

impl Core {
    pub(super) fn add_subscription(
        &mut self,
        asked: Asked,
        (stream_id, channel): (i32, &str),
    ) -> Result<Progress, Refusal> {
        let uri = ChannelUri::parse(channel)?;
        let params = SubscriptionParams::evaluate(&uri, &self.settings.subscription_defaults())?;
        let add = AddSubscription {
            client_id: asked.client_id,
            registration_id: asked.correlation_id,
            stream_id,
            params,
            channel: channel.to_owned(),
        };
        if uri.is_ipc() {
            self.register_subscription(add.into_subscription(SubscriptionKind::Ipc))?;
            return Ok(Progress::Done);
        }
        let purpose = if uri.is_spy() {
            Purpose::AddSpy(add)
        } else {
            Purpose::AddSubscription(add)
        };
        self.with_channel(asked, &uri, purpose)
    }

    pub(super) fn add_spy(
        &mut self,
        add: AddSubscription,
        channel: UdpChannel,
    ) -> Result<Progress, Refusal> {
        let kind = SubscriptionKind::Spy(Box::new(channel));
        self.register_subscription(add.into_subscription(kind))?;
        Ok(Progress::Done)
    }

    pub(super) fn add_network_subscription(
        &mut self,
        asked: Asked,
        add: AddSubscription,
        channel: UdpChannel,
    ) -> Result<Progress, Refusal> {
        check_subscription(&channel)?;
        if add.params.is_response {
            let text = format!(
                "response channels are not supported: channel={}",
                add.channel
            );
            return Err(Refusal::new(ErrorCode::NotSupported, text));
        }
        if let Some(endpoint) = self.find_receive_endpoint(&channel)? {
            self.check_options(endpoint, &add)?;
            let buffer = self
                .receive_endpoints
                .get(endpoint.0)
                .map_or(i32::MAX, |one| one.receive_buffer);
            check_window(&add, buffer)?;
            self.register_subscription(add.into_subscription(SubscriptionKind::Network(endpoint)))?;
            return Ok(Progress::Done);
        }
        if channel.control_mode == Some(ControlMode::Manual) && !channel.has_explicit_endpoint() {
            let endpoint = self.create_receive_endpoint(asked, &add, channel, None)?;
            self.register_subscription(add.into_subscription(SubscriptionKind::Network(endpoint)))?;
            return Ok(Progress::Done);
        }
        let chore = self.bind_receive(&channel)?;
        Ok(Progress::Waits(
            Step::OpenReceive(Box::new(OpenReceive { add, channel })),
            chore,
        ))
    }

    pub(super) fn on_receive_socket(
        &mut self,
        asked: Asked,
        step: OpenReceive,
        outcome: Outcome,
    ) -> Result<Progress, Refusal> {
        let OpenReceive { add, channel } = step;
        let socket = match outcome {
            Outcome::Socket(socket) => socket,
            other => return Err(unexpected(&format!("bind: uri = {}", add.channel), &other)),
        };
        check_window(&add, buffer_of(&socket))?;
        let endpoint = self.create_receive_endpoint(asked, &add, channel, Some(socket))?;
        self.register_subscription(add.into_subscription(SubscriptionKind::Network(endpoint)))?;
        Ok(Progress::Done)
    }

    fn create_receive_endpoint(
        &mut self,
        asked: Asked,
        add: &AddSubscription,
        channel: UdpChannel,
        socket: Option<SocketToken>,
    ) -> Result<ReceiveEndpointId, Refusal> {
        let id = ReceiveEndpointId(self.endpoint_id());
        let now_ms = self.now_ms();
        let bound = socket
            .as_ref()
            .map_or_else(String::new, |socket| socket.local_address().to_string());
        let kind = (type_id::RECEIVE_CHANNEL_STATUS, "rcv-channel");
        let status =
            self.counters
                .channel(now_ms, kind, &add.channel, &bound, asked.correlation_id)?;
        let buffer = socket.as_ref().map_or(i32::MAX, buffer_of);
        let group_tag = channel.uri.group_tag()?;
        let mut endpoint = ReceiveEndpoint::new(channel, status, buffer);
        let destination = match socket {
            Some(socket) => {
                let destination =
                    self.new_destination(&endpoint.channel, asked.correlation_id, socket);
                let address = self.counters.local_address(
                    now_ms,
                    "rcv-local-sockaddr",
                    endpoint.status.id,
                    &bound,
                    asked.correlation_id,
                )?;
                endpoint.destinations.push(Destination {
                    registration_id: asked.correlation_id,
                    canonical_form: endpoint.channel.canonical_form.clone(),
                    local_address: address,
                });
                Some(destination)
            }
            None => None,
        };
        let receiver_id = self.next_receiver_id;
        self.next_receiver_id = self.next_receiver_id.wrapping_add(1);
        let seed = ReceiveEndpointSeed {
            id,
            receiver_id,
            group_tag,
            destination,
        };
        self.receive_endpoints.insert(id.0, endpoint);
        self.to_receiver
            .send(ToReceiver::AddEndpoint(Box::new(seed)));
        Ok(id)
    }

    pub(super) fn new_destination(
        &self,
        channel: &UdpChannel,
        registration_id: i64,
        socket: SocketToken,
    ) -> ReceiveDestination {
        let control = if channel.is_multicast() {
            Some(ReceiveControl::Group(channel.remote_control))
        } else if channel.has_explicit_control() {
            Some(ReceiveControl::Explicit(channel.local_control))
        } else {
            None
        };
        ReceiveDestination {
            registration_id,
            socket,
            control,
            ttl: channel.ttl,
        }
    }

    /// Subscriptions of one stream of an endpoint agree in their options (03 §6.5.4).
    fn check_options(
        &self,
        endpoint: ReceiveEndpointId,
        add: &AddSubscription,
    ) -> Result<(), Refusal> {
        let mut of_stream = self.subscriptions.iter().filter(|one| {
            matches!(one.kind, SubscriptionKind::Network(id) if id == endpoint)
                && one.stream_id == add.stream_id
                && one.session_id == add.params.session_id
        });
        let Some(existing) = of_stream.next() else {
            return Ok(());
        };
        let conflict = |key: &str, value: bool| {
            let text = format!(
                "option conflicts with existing subscription: {key}={value} existingChannel={} channel={}",
                existing.channel, add.channel
            );
            Err(Refusal::invalid(text))
        };
        if existing.params.is_reliable != add.params.is_reliable {
            return conflict("reliable", add.params.is_reliable);
        }
        if existing.params.is_rejoin != add.params.is_rejoin {
            return conflict("rejoin", add.params.is_rejoin);
        }
        Ok(())
    }
}

pub(super) fn buffer_of(socket: &SocketToken) -> i32 {
    i32::try_from(socket.granted().receive_buffer_bytes).unwrap_or(i32::MAX)
}

fn check_window(add: &AddSubscription, buffer: i32) -> Result<(), Refusal> {
    let window = add.params.initial_window_length;
    if window <= buffer {
        return Ok(());
    }
    let text = format!(
        "Initial window greater than SO_RCVBUF for channel: rcv-wnd={window} so-rcvbuf={buffer} channel={}",
        add.channel
    );
    Err(Refusal::invalid(text))
}
