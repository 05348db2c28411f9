//! Adding publications: reuse, or checks, socket, log, counters, announcement (spec 04 §2.6).

use taranis_runtime::{
    io::{Outcome, SocketToken},
    mem::Region,
};

use super::{
    core::Core,
    endpoints::closing,
    ipc::IpcPublication,
    network::NetworkPublication,
    publication_log::PublicationLog,
    reply::Refusal,
    resolve::Purpose,
    work::{Asked, Progress, Step, unexpected},
};
use crate::{
    command::ErrorCode,
    driver::{
        delegates::{SendEndpointId, SenderCounters, SenderSeed, ToSender},
        stream_state::stream_state,
    },
    log::Kind,
    uri::{
        ChannelUri, PublicationParams, TaggedPublication, UdpChannel, check_original_publication,
        check_publication,
    },
};

/// What an add asks for, checked.
#[derive(Debug)]
pub(crate) struct AddPublication {
    pub(crate) stream_id: i32,
    pub(crate) is_exclusive: bool,
    pub(crate) params: PublicationParams,
    /// As the client gave it.
    pub(crate) channel: String,
}

impl AddPublication {
    fn kind(&self) -> Kind {
        if self.is_exclusive {
            Kind::Exclusive
        } else {
            Kind::Concurrent
        }
    }
}

/// A new IPC publication whose log is being mapped.
#[derive(Debug)]
pub(crate) struct MapIpc {
    add: AddPublication,
    session_id: i32,
}

/// A new network publication whose socket is being bound.
#[derive(Debug)]
pub(crate) struct OpenSend {
    add: AddPublication,
    channel: UdpChannel,
}

/// A new network publication whose log is being mapped.
#[derive(Debug)]
pub(crate) struct MapNetwork {
    add: AddPublication,
    endpoint: Endpoint,
}

#[derive(Debug)]
enum Endpoint {
    Existing(SendEndpointId),
    New {
        channel: Box<UdpChannel>,
        socket: SocketToken,
    },
}

impl Core {
    pub(super) fn add_publication(
        &mut self,
        asked: Asked,
        (stream_id, channel): (i32, &str),
        is_exclusive: bool,
    ) -> Result<Progress, Refusal> {
        let uri = ChannelUri::parse(channel)?;
        if uri.is_spy() {
            let text = format!("a publication can't be a spy: channel={channel}");
            return Err(Refusal::new(ErrorCode::InvalidChannel, text));
        }
        let defaults = self.settings.publication_defaults();
        let params =
            PublicationParams::evaluate(&uri, &defaults, |tag| self.tagged_publication(tag))?;
        let add = AddPublication {
            stream_id,
            is_exclusive,
            params,
            channel: channel.to_owned(),
        };
        if uri.is_ipc() {
            return self.add_ipc(asked, add);
        }
        self.with_channel(asked, &uri, Purpose::AddPublication(add))
    }

    fn tagged_publication(&self, tag: i64) -> Option<TaggedPublication> {
        let tagged = self
            .network
            .values()
            .find(|publication| publication.params.entity_tag == Some(tag))?;
        Some(TaggedPublication {
            session_id: tagged.session_id,
            mtu_length: tagged.log.mtu(),
            term_length: tagged.params.term_length.value,
        })
    }

    fn add_ipc(&mut self, asked: Asked, add: AddPublication) -> Result<Progress, Refusal> {
        let of_stream = |publication: &&IpcPublication| publication.stream_id == add.stream_id;
        if !add.is_exclusive {
            let shared = self
                .ipc
                .values()
                .filter(of_stream)
                .find(|one| one.is_active() && !one.is_exclusive);
            if let Some(existing) = shared {
                let id = existing.registration_id;
                confirm_match(
                    &existing.params,
                    existing.session_id,
                    &existing.log,
                    &add.params,
                )?;
                self.announce_ipc(id, asked.ids());
                return Ok(Progress::Done);
            }
        }
        let is_used = |core: &Self, id: i32| {
            core.ipc.values().any(|one| {
                one.stream_id == add.stream_id && one.holds_session() && one.session_id == id
            })
        };
        let session_id = match add.params.session_id {
            Some(id) if is_used(self, id) => return Err(clash(id, &add)),
            Some(id) => id,
            None => self.take_session_id(is_used),
        };
        let chore = self.map_log(asked.correlation_id, &add.params);
        Ok(Progress::Waits(
            Step::MapIpc(Box::new(MapIpc { add, session_id })),
            chore,
        ))
    }

    pub(super) fn on_ipc_log(
        &mut self,
        asked: Asked,
        step: MapIpc,
        outcome: Outcome,
    ) -> Result<Progress, Refusal> {
        let region = log_of(outcome)?;
        let MapIpc { add, session_id } = step;
        let id = asked.correlation_id;
        let made = self.new_log(asked, &add, (session_id, add.kind()), region.clone(), false);
        let (log, _) = made.inspect_err(|_| self.free_log(self.publication_path(id), region))?;
        let publication = IpcPublication::new(
            id,
            (session_id, add.stream_id),
            add.is_exclusive,
            add.params,
            log,
        );
        self.ipc.insert(id, publication);
        self.announce_ipc(id, asked.ids());
        self.link_ipc(id);
        Ok(Progress::Done)
    }

    pub(super) fn add_network_publication(
        &mut self,
        asked: Asked,
        add: AddPublication,
        channel: UdpChannel,
    ) -> Result<Progress, Refusal> {
        check_publication(&channel)?;
        if add.params.is_response {
            let text = format!(
                "response channels are not supported: channel={}",
                add.channel
            );
            return Err(Refusal::new(ErrorCode::NotSupported, text));
        }
        let Some(endpoint) = self.find_send_endpoint(&channel)? else {
            check_original_publication(&channel)?;
            let chore = self.bind_send(&channel)?;
            return Ok(Progress::Waits(
                Step::OpenSend(Box::new(OpenSend { add, channel })),
                chore,
            ));
        };
        if !add.is_exclusive {
            let shared = self.network.values().find(|one| {
                one.endpoint == endpoint
                    && one.stream_id == add.stream_id
                    && one.is_active()
                    && !one.is_exclusive
            });
            if let Some(existing) = shared {
                let id = existing.registration_id;
                confirm_match(
                    &existing.params,
                    existing.session_id,
                    &existing.log,
                    &add.params,
                )?;
                confirm_spies(&existing.params, &add.params)?;
                self.announce_network(id, asked.ids());
                return Ok(Progress::Done);
            }
        }
        self.check_session(endpoint, &add)?;
        let chore = self.map_log(asked.correlation_id, &add.params);
        let step = MapNetwork {
            add,
            endpoint: Endpoint::Existing(endpoint),
        };
        Ok(Progress::Waits(Step::MapNetwork(Box::new(step)), chore))
    }

    pub(super) fn on_send_socket(
        &mut self,
        asked: Asked,
        step: OpenSend,
        outcome: Outcome,
    ) -> Result<Progress, Refusal> {
        let OpenSend { add, channel } = step;
        let socket = match outcome {
            Outcome::Socket(socket) => socket,
            other => return Err(unexpected(&format!("bind: uri={}", add.channel), &other)),
        };
        let (mtu, buffer) = (
            add.params.mtu_length.value,
            socket.granted().send_buffer_bytes,
        );
        if usize::try_from(mtu).is_ok_and(|mtu| mtu > buffer) {
            let text =
                format!("MTU greater than SO_SNDBUF for channel: mtu={mtu} so-sndbuf={buffer}");
            return Err(Refusal::invalid(text));
        }
        let chore = self.map_log(asked.correlation_id, &add.params);
        let endpoint = Endpoint::New {
            channel: Box::new(channel),
            socket,
        };
        Ok(Progress::Waits(
            Step::MapNetwork(Box::new(MapNetwork { add, endpoint })),
            chore,
        ))
    }

    pub(super) fn on_network_log(
        &mut self,
        asked: Asked,
        step: MapNetwork,
        outcome: Outcome,
    ) -> Result<Progress, Refusal> {
        let region = log_of(outcome)?;
        let id = asked.correlation_id;
        let created = self.create_network(asked, step, region.clone());
        created.inspect_err(|_| self.free_log(self.publication_path(id), region))?;
        self.announce_network(id, asked.ids());
        self.link_spies(id);
        Ok(Progress::Done)
    }

    fn create_network(
        &mut self,
        asked: Asked,
        step: MapNetwork,
        region: Region,
    ) -> Result<(), Refusal> {
        let MapNetwork { add, endpoint } = step;
        let id = asked.correlation_id;
        let endpoint = match endpoint {
            Endpoint::Existing(endpoint) => endpoint,
            Endpoint::New { channel, socket } => {
                self.create_send_endpoint(asked, &add, *channel, socket)?
            }
        };
        let made = self.lay_out_network(asked, &add, endpoint, region);
        let (publication, seed) =
            made.inspect_err(|_| self.close_unused_send_endpoint(endpoint))?;
        if let Some(endpoint) = self.send_endpoints.get_mut(endpoint.0) {
            endpoint.users += 1;
        }
        self.network.insert(id, publication);
        self.to_sender
            .send(ToSender::AddPublication(Box::new(seed)));
        Ok(())
    }

    fn lay_out_network(
        &mut self,
        asked: Asked,
        add: &AddPublication,
        endpoint: SendEndpointId,
        region: Region,
    ) -> Result<(NetworkPublication, SenderSeed), Refusal> {
        let id = asked.correlation_id;
        let existing = self
            .send_endpoints
            .get(endpoint.0)
            .filter(|one| !one.is_closing);
        let Some(existing) = existing else {
            return Err(closing("send_channel_endpoint"));
        };
        let (group, ttl) = (existing.channel.has_group_semantics(), existing.channel.ttl);
        let endpoint_uri = existing.channel.uri.to_string();
        let flow_control = self.flow_control(&existing.channel)?;
        let stream_id = add.stream_id;
        let is_used = |core: &Self, session: i32| core.holds_session(endpoint, stream_id, session);
        let session_id = match add.params.session_id {
            Some(session_id) => session_id,
            None => self.take_session_id(is_used),
        };
        let receivers =
            self.flow_control_counter(asked, add, (session_id, &endpoint_uri), &flow_control)?;
        let (log, start) =
            self.new_log(asked, add, (session_id, add.kind()), region.clone(), group)?;
        let counters = self.sender_counters(asked, add, session_id, start, receivers)?;
        let (shared, state) =
            stream_state().map_err(|error| Refusal::invalid(error.to_string()))?;
        let settings = self.sender_settings(&add.params, flow_control, (group, ttl));
        let seed = SenderSeed {
            endpoint,
            registration_id: id,
            session_id,
            stream_id,
            log: region,
            state,
            counters: SenderCounters {
                position: counters.sender_position.word.clone(),
                limit: counters.sender_limit.word.clone(),
                back_pressure: counters.back_pressure.word.clone(),
                naks_received: counters.naks_received.word.clone(),
                receivers: counters
                    .receivers
                    .as_ref()
                    .map(|counter| counter.word.clone()),
            },
            settings,
        };
        let ids = (id, session_id, stream_id);
        let publication = NetworkPublication::new(
            ids,
            (endpoint, add.is_exclusive),
            add.params,
            log,
            counters,
            shared,
        );
        Ok((publication, seed))
    }

    /// An endpoint made for a publication that failed afterwards goes again.
    fn close_unused_send_endpoint(&mut self, id: SendEndpointId) {
        if self
            .send_endpoints
            .get(id.0)
            .is_some_and(|endpoint| endpoint.users == 0)
        {
            self.release_send_endpoint(id);
        }
    }

    fn check_session(&self, endpoint: SendEndpointId, add: &AddPublication) -> Result<(), Refusal> {
        match add.params.session_id {
            Some(id) if self.holds_session(endpoint, add.stream_id, id) => Err(clash(id, add)),
            Some(_) | None => Ok(()),
        }
    }

    fn holds_session(&self, endpoint: SendEndpointId, stream_id: i32, session_id: i32) -> bool {
        let mut of_stream = self
            .network
            .values()
            .filter(|one| one.endpoint == endpoint && one.stream_id == stream_id);
        of_stream.any(|one| one.holds_session() && one.session_id == session_id)
    }

    /// Answers GET_NEXT_AVAILABLE_SESSION_ID.
    pub(super) fn next_session_id_of(&mut self, stream_id: i32) -> i32 {
        self.take_session_id(|core, id| {
            core.ipc
                .values()
                .any(|one| one.stream_id == stream_id && one.session_id == id)
                || core
                    .network
                    .values()
                    .any(|one| one.stream_id == stream_id && one.session_id == id)
        })
    }
}

fn log_of(outcome: Outcome) -> Result<Region, Refusal> {
    match outcome {
        Outcome::Region(region) => Ok(region),
        other => Err(unexpected("map log buffer", &other)),
    }
}

fn clash(session_id: i32, add: &AddPublication) -> Refusal {
    let text = format!(
        "existing publication has clashing sessionId={session_id} for streamId={} channel={}",
        add.stream_id, add.channel
    );
    Refusal::new(ErrorCode::InvalidChannel, text)
}

/// A shared publication is joined only if what the channel says explicitly is so (04 §2.6).
fn confirm_match(
    existing: &PublicationParams,
    session_id: i32,
    log: &PublicationLog,
    requested: &PublicationParams,
) -> Result<(), Refusal> {
    let differs = |key: &str, existing: i64, requested: i64| {
        let text = format!(
            "existing publication has different '{key}': existing={existing} requested={requested}"
        );
        Err(Refusal::invalid(text))
    };
    if let Some(id) = requested.session_id.filter(|id| *id != session_id) {
        return differs("session-id", session_id.into(), id.into());
    }
    if requested.mtu_length.is_explicit && requested.mtu_length.value != existing.mtu_length.value {
        return differs(
            "mtu",
            existing.mtu_length.value.into(),
            requested.mtu_length.value.into(),
        );
    }
    if requested.term_length.is_explicit
        && requested.term_length.value != existing.term_length.value
    {
        return differs(
            "term-length",
            existing.term_length.value.into(),
            requested.term_length.value.into(),
        );
    }
    if let Some(position) = requested.position {
        let initial = log.initial_term_id();
        if position.initial_term_id != initial {
            return differs(
                "init-term-id",
                initial.into(),
                position.initial_term_id.into(),
            );
        }
        let place = log.shape().place(log.producer_position());
        let term_id = log.shape().term_id(place.term_count);
        if position.term_id != term_id {
            return differs("term-id", term_id.into(), position.term_id.into());
        }
        if position.term_offset != place.offset {
            return differs(
                "term-offset",
                place.offset.into(),
                position.term_offset.into(),
            );
        }
    }
    Ok(())
}

fn confirm_spies(
    existing: &PublicationParams,
    requested: &PublicationParams,
) -> Result<(), Refusal> {
    if existing.spies_simulate_connection == requested.spies_simulate_connection {
        return Ok(());
    }
    let requested = requested.spies_simulate_connection;
    let text = format!(
        "existing publication has different spies simulate connection: requested={requested}"
    );
    Err(Refusal::invalid(text))
}
