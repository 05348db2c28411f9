//! What a new publication is made of: its log, its counters, its settings, its endpoint (spec 04 §2.6, 03 §2).

use taranis_runtime::{
    io::{Chore, SocketOptions, SocketToken},
    mem::{Pages, Region},
};

use super::{
    add_publication::AddPublication,
    core::Core,
    counters::{Allocated, Ids, NO_OWNER},
    endpoints::SendEndpoint,
    network::NetworkCounters,
    publication_log::PublicationLog,
    reply::Refusal,
    work::Asked,
};
use crate::{
    counters::{StreamKey, SystemCounter, type_id},
    driver::{
        context::length,
        delegates::{
            FlowControlSettings, GroupSettings, SendEndpointId, SendEndpointSeed, SendTarget,
            SenderSettings, ToSender,
        },
    },
    log::{Constants, Kind, LogBuffer, Shape, layout::log_length},
    uri::{
        ChannelUri, ControlMode, FlowControl, PublicationParams, ResponseCorrelation, UdpChannel,
        keys,
    },
};

impl Core {
    pub(super) fn map_log(&self, id: i64, params: &PublicationParams) -> Chore {
        let pages = if params.is_sparse {
            Pages::Sparse
        } else {
            Pages::Populated
        };
        let len = log_length(
            params.term_length.value,
            length(self.settings.file_page_size),
        );
        Chore::CreateShared {
            path: self.publication_path(id),
            len,
            pages,
        }
    }

    /// Lays out a publication's log and allocates the counters that IPC and network publications share.
    pub(super) fn new_log(
        &mut self,
        asked: Asked,
        add: &AddPublication,
        (session_id, kind): (i32, Kind),
        region: Region,
        group: bool,
    ) -> Result<(PublicationLog, i64), Refusal> {
        let invalid = |error: crate::log::LogError| Refusal::invalid(error.to_string());
        let id = asked.correlation_id;
        let initial_term_id = add
            .params
            .position
            .map_or_else(|| self.rng.i32(..), |at| at.initial_term_id);
        let constants = self.log_constants(asked, add, (session_id, initial_term_id), kind, group);
        let shape = Shape::new(constants.term_length, initial_term_id)
            .map_err(|error| Refusal::invalid(error.to_string()))?;
        let start = add
            .params
            .position
            .map_or(0, |at| shape.position(at.term_id, at.term_offset));
        let log = LogBuffer::create(region, constants, start).map_err(invalid)?;
        let position = self.publication_counter(
            asked,
            add,
            session_id,
            (type_id::PUBLISHER_POSITION, "pub-pos"),
            start,
        )?;
        let limit = self.publication_counter(
            asked,
            add,
            session_id,
            (type_id::PUBLISHER_LIMIT, "pub-lmt"),
            start,
        )?;
        self.counters
            .system(SystemCounter::BytesCurrentlyMapped)
            .add(log.region().len() as i64);
        let (path, now_ns) = (self.publication_path(id), self.now_ns());
        let log = PublicationLog::new(
            path,
            log,
            (position, limit),
            (start, add.is_exclusive),
            now_ns,
        );
        Ok((log.map_err(invalid)?, start))
    }

    fn log_constants(
        &self,
        asked: Asked,
        add: &AddPublication,
        (session_id, initial_term_id): (i32, i32),
        kind: Kind,
        group: bool,
    ) -> Constants {
        let params = &add.params;
        let untethered = params.untethered;
        Constants {
            kind,
            registration_id: asked.correlation_id,
            session_id,
            stream_id: add.stream_id,
            initial_term_id,
            mtu: params.mtu_length.value,
            term_length: params.term_length.value,
            page_size: length(self.settings.file_page_size),
            publication_window: super::publication_log::window(params) as i32,
            max_resend: params.max_resend.unwrap_or(self.settings.max_resend) as i32,
            entity_tag: params.entity_tag.unwrap_or(-1),
            response_correlation_id: match params.response_correlation {
                ResponseCorrelation::None => -1,
                ResponseCorrelation::Prototype => -2,
                ResponseCorrelation::Id(id) => id,
            },
            linger_timeout_ns: params.linger_timeout_ns,
            untethered_window_limit_timeout_ns: untethered.window_limit_ns,
            untethered_resting_timeout_ns: untethered.resting_ns,
            untethered_linger_timeout_ns: untethered
                .linger_ns
                .unwrap_or(untethered.window_limit_ns),
            group,
            is_response: params.is_response,
            sparse: params.is_sparse,
            signal_eos: params.signals_eos,
            spies_simulate_connection: params.spies_simulate_connection,
            ..Constants::default()
        }
    }

    fn publication_counter(
        &mut self,
        asked: Asked,
        add: &AddPublication,
        session_id: i32,
        kind: (i32, &str),
        value: i64,
    ) -> Result<Allocated, Refusal> {
        let key = StreamKey {
            registration_id: asked.correlation_id,
            session_id,
            stream_id: add.stream_id,
            channel: add.channel.as_bytes(),
        };
        let ids = Ids {
            registration_id: asked.correlation_id,
            owner_id: asked.client_id,
            reference_id: 0,
        };
        self.counters
            .stream(self.now.epoch_ms(), kind, &key, ids, value)
    }

    pub(super) fn sender_counters(
        &mut self,
        asked: Asked,
        add: &AddPublication,
        session_id: i32,
        start: i64,
        receivers: Option<Allocated>,
    ) -> Result<NetworkCounters, Refusal> {
        let mut make = |kind, value| self.publication_counter(asked, add, session_id, kind, value);
        Ok(NetworkCounters {
            sender_position: make((type_id::SENDER_POSITION, "snd-pos"), start)?,
            sender_limit: make((type_id::SENDER_LIMIT, "snd-lmt"), start)?,
            back_pressure: make((type_id::SENDER_BPE, "snd-bpe"), 0)?,
            naks_received: make((type_id::SENDER_NAKS_RECEIVED, "snd-naks-received"), 0)?,
            receivers,
        })
    }

    pub(super) fn flow_control_counter(
        &mut self,
        asked: Asked,
        add: &AddPublication,
        (session_id, endpoint_uri): (i32, &str),
        flow_control: &FlowControlSettings,
    ) -> Result<Option<Allocated>, Refusal> {
        match flow_control {
            FlowControlSettings::Unicast | FlowControlSettings::Max => Ok(None),
            FlowControlSettings::Min(_) | FlowControlSettings::Tagged { .. } => {
                let key = StreamKey {
                    registration_id: asked.correlation_id,
                    session_id,
                    stream_id: add.stream_id,
                    channel: endpoint_uri.as_bytes(),
                };
                let ids = Ids {
                    registration_id: asked.correlation_id,
                    owner_id: NO_OWNER,
                    reference_id: 0,
                };
                let kind = (type_id::FLOW_CONTROL_RECEIVERS, "fc-receivers");
                self.counters
                    .stream(self.now.epoch_ms(), kind, &key, ids, 0)
                    .map(Some)
            }
        }
    }

    pub(super) fn sender_settings(
        &self,
        params: &PublicationParams,
        flow_control: FlowControlSettings,
        (group, ttl): (bool, u8),
    ) -> SenderSettings {
        let settings = &self.settings;
        let max_resend = params.max_resend.unwrap_or(settings.max_resend) as usize;
        SenderSettings {
            flow_control,
            initial_window: length(settings.rcv_initial_window_length),
            ttl,
            signal_eos: params.signals_eos,
            spies_simulate_connection: params.spies_simulate_connection,
            connection_timeout_ns: settings.publication_connection_timeout.0,
            retransmit_delay_ns: settings.retransmit_unicast_delay.0,
            retransmit_linger_ns: settings.retransmit_unicast_linger.0,
            max_resend: if group { max_resend } else { 1 },
        }
    }

    /// As the channel says for a group, else unicast (03 §3.1).
    pub(super) fn flow_control(
        &self,
        channel: &UdpChannel,
    ) -> Result<FlowControlSettings, Refusal> {
        if !channel.has_group_semantics() {
            return Ok(FlowControlSettings::Unicast);
        }
        let group = |options: crate::uri::GroupOptions| GroupSettings {
            receiver_timeout_ns: options
                .receiver_timeout_ns
                .unwrap_or(self.settings.flow_control_receiver_timeout.0),
            group_min_size: options
                .group_min_size
                .unwrap_or(self.settings.flow_control_group_min_size),
        };
        Ok(match channel.uri.flow_control()? {
            None | Some(FlowControl::Max { .. }) => FlowControlSettings::Max,
            Some(FlowControl::Min(options)) => FlowControlSettings::Min(group(options)),
            Some(FlowControl::Tagged { group_tag, options }) => FlowControlSettings::Tagged {
                group: group(options),
                tag: group_tag.unwrap_or(-1),
            },
        })
    }

    pub(super) fn bind_send(&self, channel: &UdpChannel) -> Result<Chore, Refusal> {
        let is_connected = channel.has_explicit_endpoint() && !channel.is_multi_destination();
        let options = SocketOptions {
            connect: is_connected.then_some(channel.remote_data),
            ..self.socket_options(&channel.uri)?
        };
        Ok(Chore::Bind {
            local: channel.local_control,
            options,
        })
    }

    /// The chore that binds a socket for what a channel receives.
    pub(super) fn bind_receive(&self, channel: &UdpChannel) -> Result<Chore, Refusal> {
        Ok(Chore::Bind {
            local: channel.remote_data,
            options: self.socket_options(&channel.uri)?,
        })
    }

    pub(super) fn socket_options(&self, uri: &ChannelUri) -> Result<SocketOptions, Refusal> {
        let size = |key, default: taranis_runtime::config::Bytes| -> Result<usize, Refusal> {
            Ok(uri
                .length(key)?
                .map_or(default.0 as usize, |bytes| bytes.max(0) as usize))
        };
        Ok(SocketOptions {
            send_buffer_bytes: size(keys::SO_SNDBUF, self.settings.socket_so_sndbuf)?,
            receive_buffer_bytes: size(keys::SO_RCVBUF, self.settings.socket_so_rcvbuf)?,
            ..SocketOptions::UNICAST
        })
    }

    pub(super) fn create_send_endpoint(
        &mut self,
        asked: Asked,
        add: &AddPublication,
        channel: UdpChannel,
        socket: SocketToken,
    ) -> Result<SendEndpointId, Refusal> {
        let id = SendEndpointId(self.endpoint_id());
        let (now_ms, bound) = (self.now_ms(), socket.local_address().to_string());
        let kind = (type_id::SEND_CHANNEL_STATUS, "snd-channel");
        let status =
            self.counters
                .channel(now_ms, kind, &add.channel, &bound, asked.correlation_id)?;
        let local_address = self.counters.local_address(
            now_ms,
            "snd-local-sockaddr",
            status.id,
            &bound,
            asked.correlation_id,
        )?;
        let target = match channel.control_mode {
            Some(ControlMode::Manual) => SendTarget::Manual,
            Some(ControlMode::Dynamic) => SendTarget::Dynamic,
            Some(ControlMode::Response) | None => SendTarget::One {
                address: channel.remote_data,
                connected: channel.has_explicit_endpoint(),
            },
        };
        let destination_count = match target {
            SendTarget::One { .. } => None,
            SendTarget::Manual | SendTarget::Dynamic => {
                let kind = (type_id::MDC_DESTINATIONS, "mdc-num-dest");
                let counter =
                    self.counters
                        .channel(now_ms, kind, &add.channel, "", asked.correlation_id)?;
                counter.word.store_release(0);
                Some(counter)
            }
        };
        let seed = SendEndpointSeed {
            id,
            target,
            group: channel.has_group_semantics(),
            destination_count: destination_count
                .as_ref()
                .map(|counter| counter.word.clone()),
            socket,
        };
        self.to_sender.send(ToSender::AddEndpoint(Box::new(seed)));
        let endpoint = SendEndpoint {
            channel,
            status,
            local_address,
            destination_count,
            users: 0,
            is_closing: false,
        };
        self.send_endpoints.insert(id.0, endpoint);
        Ok(id)
    }
}
