//! Channel endpoints: who uses a socket, and when it goes (spec 03 §6.5, 04 §2.8).

use std::collections::BTreeMap;

use super::{core::Core, counters::Allocated, reply::Refusal};
use crate::{
    command::ErrorCode,
    driver::delegates::{ReceiveEndpointId, SendEndpointId, ToReceiver, ToSender},
    uri::{ControlMode, UdpChannel},
};

/// The conductor's half of a send endpoint.
#[derive(Debug)]
pub(crate) struct SendEndpoint {
    pub(crate) channel: UdpChannel,
    pub(crate) status: Allocated,
    pub(crate) local_address: Allocated,
    pub(crate) destination_count: Option<Allocated>,
    /// Publications on it.
    pub(crate) users: usize,
    pub(crate) is_closing: bool,
}

/// The conductor's half of a receive endpoint.
#[derive(Debug)]
pub(crate) struct ReceiveEndpoint {
    pub(crate) channel: UdpChannel,
    pub(crate) status: Allocated,
    /// Per destination: the counter with its local address.
    pub(crate) destinations: Vec<Destination>,
    interests: BTreeMap<(i32, Option<i32>), usize>,
    /// Images on it.
    pub(crate) images: usize,
    pub(crate) is_closing: bool,
    /// Receive buffer that its sockets were granted, in bytes.
    pub(crate) receive_buffer: i32,
}

/// A receive destination.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) registration_id: i64,
    pub(crate) canonical_form: String,
    pub(crate) local_address: Allocated,
}

impl SendEndpoint {
    pub(crate) fn is_manual(&self) -> bool {
        self.channel.control_mode == Some(ControlMode::Manual)
    }

    /// Whether a channel leads here: by tag, else by its canonical form. A mismatched tag means somebody else.
    pub(crate) fn is_meant_by(&self, channel: &UdpChannel) -> bool {
        match channel.matches_tag(&self.channel, (None, None)) {
            Ok(true) => true,
            Ok(false) => channel.shares_endpoint_with(&self.channel),
            Err(_) => false,
        }
    }
}

impl ReceiveEndpoint {
    pub(crate) fn new(channel: UdpChannel, status: Allocated, receive_buffer: i32) -> Self {
        Self {
            channel,
            status,
            destinations: Vec::new(),
            interests: BTreeMap::new(),
            images: 0,
            is_closing: false,
            receive_buffer,
        }
    }

    fn is_unused(&self) -> bool {
        self.interests.is_empty() && self.images == 0
    }
}

impl Core {
    /// The send endpoint a channel leads to, if there is one.
    pub(super) fn find_send_endpoint(
        &self,
        channel: &UdpChannel,
    ) -> Result<Option<SendEndpointId>, Refusal> {
        let all = self.send_endpoints.iter();
        let all = all.map(|(id, one)| (id, &one.channel, one.is_closing));
        let found = find_open(all, channel, "send_channel_endpoint")?;
        Ok(found.map(SendEndpointId))
    }

    /// The receive endpoint a channel leads to, if there is one.
    pub(super) fn find_receive_endpoint(
        &self,
        channel: &UdpChannel,
    ) -> Result<Option<ReceiveEndpointId>, Refusal> {
        let all = self.receive_endpoints.iter();
        let all = all.map(|(id, one)| (id, &one.channel, one.is_closing));
        let found = find_open(all, channel, "receive_channel_endpoint")?;
        Ok(found.map(ReceiveEndpointId))
    }

    /// One publication less on an endpoint; the last one takes it along.
    pub(super) fn release_send_endpoint(&mut self, id: SendEndpointId) {
        let Some(endpoint) = self.send_endpoints.get_mut(id.0) else {
            return;
        };
        endpoint.users = endpoint.users.saturating_sub(1);
        if endpoint.users == 0 && !endpoint.is_closing {
            endpoint.is_closing = true;
            endpoint
                .status
                .word
                .store_release(crate::counters::CHANNEL_CLOSING);
            self.to_sender.send(ToSender::RemoveEndpoint(id));
        }
    }

    /// The sender has closed an endpoint: its port is free.
    pub(super) fn on_send_endpoint_closed(&mut self, id: SendEndpointId) {
        let Some(endpoint) = self.send_endpoints.remove(id.0) else {
            return;
        };
        let now_ms = self.now_ms();
        self.counters.free(now_ms, endpoint.local_address.id);
        self.counters.free(now_ms, endpoint.status.id);
        if let Some(count) = endpoint.destination_count {
            self.counters.free(now_ms, count.id);
        }
    }

    /// One subscription more wants a stream (or one session of it) of an endpoint.
    pub(super) fn add_interest(
        &mut self,
        id: ReceiveEndpointId,
        stream_id: i32,
        session_id: Option<i32>,
    ) {
        let Some(endpoint) = self.receive_endpoints.get_mut(id.0) else {
            return;
        };
        let count = endpoint
            .interests
            .entry((stream_id, session_id))
            .or_default();
        *count += 1;
        if *count == 1 {
            self.to_receiver.send(ToReceiver::AddInterest {
                endpoint: id,
                stream_id,
                session_id,
            });
        }
    }

    /// One subscription less; an endpoint that nobody needs goes.
    pub(super) fn remove_interest(
        &mut self,
        id: ReceiveEndpointId,
        stream_id: i32,
        session_id: Option<i32>,
    ) {
        let Some(endpoint) = self.receive_endpoints.get_mut(id.0) else {
            return;
        };
        let Some(count) = endpoint.interests.get_mut(&(stream_id, session_id)) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            endpoint.interests.remove(&(stream_id, session_id));
            self.to_receiver.send(ToReceiver::RemoveInterest {
                endpoint: id,
                stream_id,
                session_id,
            });
        }
        self.close_if_unused(id);
    }

    pub(super) fn close_if_unused(&mut self, id: ReceiveEndpointId) {
        let Some(endpoint) = self.receive_endpoints.get_mut(id.0) else {
            return;
        };
        if endpoint.is_unused() && !endpoint.is_closing {
            endpoint.is_closing = true;
            endpoint
                .status
                .word
                .store_release(crate::counters::CHANNEL_CLOSING);
            self.to_receiver.send(ToReceiver::RemoveEndpoint(id));
        }
    }

    /// The receiver has closed an endpoint: its ports are free.
    pub(super) fn on_receive_endpoint_closed(&mut self, id: ReceiveEndpointId) {
        let Some(endpoint) = self.receive_endpoints.remove(id.0) else {
            return;
        };
        let now_ms = self.now_ms();
        for destination in endpoint.destinations {
            self.counters.free(now_ms, destination.local_address.id);
        }
        self.counters.free(now_ms, endpoint.status.id);
    }

    /// The receiver has closed one destination.
    pub(super) fn on_destination_closed(&mut self, id: ReceiveEndpointId, registration_id: i64) {
        let now_ms = self.now_ms();
        let Some(endpoint) = self.receive_endpoints.get_mut(id.0) else {
            return;
        };
        let is_it = |destination: &Destination| destination.registration_id == registration_id;
        let Some(at) = endpoint.destinations.iter().position(is_it) else {
            return;
        };
        let gone = endpoint.destinations.remove(at);
        self.counters.free(now_ms, gone.local_address.id);
    }
}

/// The endpoint a channel leads to, by tag first, then by canonical form; refused while that one is closing.
fn find_open<'a>(
    endpoints: impl Iterator<Item = (i64, &'a UdpChannel, bool)>,
    channel: &UdpChannel,
    what: &str,
) -> Result<Option<i64>, Refusal> {
    let (mut tagged, mut sharing) = (None, None);
    for (id, existing, is_closing) in endpoints {
        if channel.matches_tag(existing, (None, None))? {
            tagged = Some((id, is_closing));
            break;
        }
        if sharing.is_none() && channel.shares_endpoint_with(existing) {
            sharing = Some((id, is_closing));
        }
    }
    match tagged.or(sharing) {
        Some((_, true)) => Err(closing(what)),
        found => Ok(found.map(|(id, _)| id)),
    }
}

pub(super) fn closing(what: &str) -> Refusal {
    let text = format!("{what} found in CLOSING state, please retry");
    Refusal::new(ErrorCode::ResourceTemporarilyUnavailable, text)
}
