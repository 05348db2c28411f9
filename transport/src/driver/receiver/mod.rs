//! The receiver: data in, status messages and NAKs out (spec 03 §4).
//!
//! ```text
//!   datagrams ─► endpoint ─► dispatcher ─┬─ known session ──► image ─► term buffer, rcv-hwm
//!                                        ├─ unknown ────────► asks for a SETUP
//!                                        └─ SETUP ──────────► FromReceiver::CreateImage ─► conductor
//!   conductor ─promise, gap (seqlocks)─► image ─► SM, NAK
//! ```
//!
//! Read [`dispatcher`] first, then [`image`]. [`loss`] and [`rebuild`] are the conductor's side of an image, kept here
//! because they belong to the same stream: each cycle it scans (`rebuild.scan`), lets the detector see what is missing
//! (`loss.on_scan`), and promises what it has cleaned (`rebuild.promise`).

mod dispatcher;
mod endpoint;
mod image;
pub(crate) mod loss;
pub(crate) mod rebuild;

use std::net::SocketAddr;

use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    idmap::IdMap,
    io::{Completion, Datagram, Interest, NetOut, Outcome, Ticket},
};

use self::{
    dispatcher::{OnData, OnSetup},
    endpoint::{Destination, Endpoint},
    image::{Image, Received, Voice},
};
use super::{
    delegates::{
        Forgotten, FromReceiver, ImageRequest, Queues, ReceiveDestination, ReceiveEndpointId,
        ReceiveEndpointSeed, ReceiverSeed, ToReceiver,
    },
    network_counters::ReceiverSystem,
    stall::StallTracker,
};
use crate::frame::{DataDatagram, Frame, Setup};

/// Commands taken in one turn.
const COMMANDS_PER_TURN: usize = 4;
/// Longest time between two looks at time-outs.
const TICK_NS: i64 = 10_000_000;

/// The receiver agent.
pub struct Receiver {
    queues: Queues<ToReceiver, FromReceiver>,
    endpoints: IdMap<Endpoint>,
    images: IdMap<Image>,
    closing: Vec<Closing>,
    system: ReceiverSystem,
    stall: StallTracker,
}

/// Sockets that are being closed, and what to say when they are.
#[derive(Debug)]
struct Closing {
    tickets: Vec<Ticket>,
    endpoint: ReceiveEndpointId,
    /// `None`: the whole endpoint.
    destination: Option<i64>,
}

impl Receiver {
    pub(crate) fn new(
        queues: Queues<ToReceiver, FromReceiver>,
        system: ReceiverSystem,
        stall: StallTracker,
    ) -> Self {
        Self {
            queues,
            endpoints: IdMap::new(),
            images: IdMap::new(),
            closing: Vec::new(),
            system,
            stall,
        }
    }

    fn take_completions(&mut self, cycle: &mut Cycle<'_>) {
        for Completion { ticket, outcome } in cycle.mail.take_completions() {
            if matches!(outcome, Outcome::Failed(_)) {
                self.system.short_sends.increment();
            }
            for closing in &mut self.closing {
                closing.tickets.retain(|one| *one != ticket);
            }
        }
        let events = &mut self.queues.outbox;
        self.closing.retain(|closing| {
            let is_over = closing.tickets.is_empty();
            if is_over {
                events.push(match closing.destination {
                    None => FromReceiver::EndpointClosed(closing.endpoint),
                    Some(destination) => FromReceiver::DestinationClosed {
                        endpoint: closing.endpoint,
                        destination,
                    },
                });
            }
            !is_over
        });
    }

    fn take_commands(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let mut taken = 0;
        while taken < COMMANDS_PER_TURN {
            let Ok(command) = self.queues.inbox.try_recv() else {
                break;
            };
            self.execute(command, cycle);
            taken += 1;
        }
        taken
    }

    fn execute(&mut self, command: ToReceiver, cycle: &mut Cycle<'_>) {
        let now_ns = cycle.now.mono_ns;
        match command {
            ToReceiver::AddEndpoint(seed) => self.add_endpoint(*seed, cycle),
            ToReceiver::RemoveEndpoint(id) => self.remove_endpoint(id, cycle),
            ToReceiver::AddDestination {
                endpoint,
                destination,
            } => {
                self.add_destination(endpoint, *destination, cycle);
            }
            ToReceiver::RemoveDestination {
                endpoint,
                destination,
            } => {
                self.remove_destination(endpoint, destination, cycle);
            }
            ToReceiver::AddInterest {
                endpoint,
                stream_id,
                session_id,
            } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint.0) {
                    endpoint.dispatcher.add(stream_id, session_id);
                    if let Some(session_id) = session_id {
                        endpoint.ask_controls(cycle.net, stream_id, session_id);
                    }
                }
            }
            ToReceiver::RemoveInterest {
                endpoint,
                stream_id,
                session_id,
            } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint.0) {
                    endpoint.dispatcher.remove(stream_id, session_id);
                }
            }
            ToReceiver::AddImage(seed) => self.add_image(*seed, now_ns),
            ToReceiver::RemoveImage { correlation_id, .. } => self.remove_image(correlation_id),
            ToReceiver::Forget {
                endpoint,
                stream_id,
                session_id,
                what,
            } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint.0) {
                    match what {
                        Forgotten::InitInProgress => {
                            endpoint.dispatcher.forget_init(stream_id, session_id)
                        }
                        Forgotten::CoolDown => {
                            endpoint.dispatcher.forget_cool_down(stream_id, session_id)
                        }
                    }
                }
            }
            ToReceiver::RejectImage {
                correlation_id,
                reason,
                ..
            } => {
                if let Some(image) = self.images.get_mut(correlation_id) {
                    image.reject(reason, now_ns);
                }
            }
        }
    }

    fn add_endpoint(&mut self, seed: ReceiveEndpointSeed, cycle: &mut Cycle<'_>) {
        let endpoint = Endpoint::new(seed.id, seed.receiver_id, seed.group_tag);
        self.endpoints.insert(seed.id.0, endpoint);
        if let Some(destination) = seed.destination {
            self.add_destination(seed.id, destination, cycle);
        }
    }

    fn add_destination(
        &mut self,
        id: ReceiveEndpointId,
        seed: ReceiveDestination,
        cycle: &mut Cycle<'_>,
    ) {
        let Some(endpoint) = self.endpoints.get_mut(id.0) else {
            return;
        };
        match cycle.net.adopt(seed.socket, Interest::Receive) {
            Ok(socket) => {
                let destination =
                    Destination::new(seed.registration_id, socket, seed.control, seed.ttl);
                endpoint.add_destination(cycle.net, destination, cycle.now.mono_ns);
            }
            Err(full) => self
                .queues
                .outbox
                .push(FromReceiver::Problem(full.to_string().into())),
        }
    }

    fn remove_destination(
        &mut self,
        id: ReceiveEndpointId,
        destination: i64,
        cycle: &mut Cycle<'_>,
    ) {
        let now_ns = cycle.now.mono_ns;
        let gone = self
            .endpoints
            .get_mut(id.0)
            .and_then(|endpoint| endpoint.destinations.remove(destination));
        let Some(gone) = gone else { return };
        self.images.for_each_mut(|_, image| {
            if image.endpoint == id {
                image.remove_destination(destination, now_ns);
            }
        });
        let tickets = vec![cycle.net.release(gone.socket)];
        self.closing.push(Closing {
            tickets,
            endpoint: id,
            destination: Some(destination),
        });
    }

    fn remove_endpoint(&mut self, id: ReceiveEndpointId, cycle: &mut Cycle<'_>) {
        let Some(mut endpoint) = self.endpoints.remove(id.0) else {
            return;
        };
        let sockets = endpoint.destinations.take_all();
        let tickets = sockets
            .iter()
            .map(|one| cycle.net.release(one.socket))
            .collect();
        self.closing.push(Closing {
            tickets,
            endpoint: id,
            destination: None,
        });
    }

    fn add_image(&mut self, seed: ReceiverSeed, now_ns: i64) {
        let (endpoint, id) = (seed.endpoint, seed.correlation_id);
        let (stream_id, session_id) = (seed.stream_id, seed.session_id);
        match Image::new(seed, now_ns) {
            Ok(image) => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint.0) {
                    endpoint.dispatcher.add_image(stream_id, session_id, id);
                }
                self.images.insert(id, image);
            }
            Err(error) => self
                .queues
                .outbox
                .push(FromReceiver::Problem(error.to_string().into())),
        }
    }

    fn remove_image(&mut self, id: i64) {
        if let Some(image) = self.images.remove(id)
            && let Some(endpoint) = self.endpoints.get_mut(image.endpoint.0)
        {
            let stream = (image.stream_id, image.session_id);
            endpoint
                .dispatcher
                .remove_image(stream, id, image.is_end_of_stream());
        }
        self.queues
            .outbox
            .push(FromReceiver::ImageReleased { correlation_id: id });
    }

    fn receive(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let now_ns = cycle.now.mono_ns;
        let mut bytes = 0;
        let mut received = 0;
        for datagram in cycle.mail.datagrams() {
            received += 1;
            bytes += datagram.bytes.len();
            let taken = match Frame::decode(datagram.bytes) {
                Ok(Frame::Data(data)) => self.on_data(&data, &datagram, cycle.net, now_ns),
                Ok(Frame::Setup(setup)) => self.on_setup(&setup, &datagram, now_ns),
                // Not for a receiver, or not supported: ignored, as Aeron does.
                Ok(_) => Received::Taken,
                Err(_) => Received::Invalid,
            };
            if taken == Received::Invalid {
                self.system.invalid_packets.increment();
            }
        }
        self.system.bytes_received.add(bytes as i64);
        received
    }

    fn on_data(
        &mut self,
        data: &DataDatagram<'_>,
        datagram: &Datagram<'_>,
        net: &mut NetOut,
        now_ns: i64,
    ) -> Received {
        let Some((endpoint, source)) = endpoint_of(&mut self.endpoints, datagram) else {
            return Received::Taken;
        };
        let header = data.header();
        let (stream_id, session_id) = (header.stream_id, header.session_id);
        let is_end = header.flags & crate::frame::DataHeader::FLAG_EOS != 0;
        match endpoint.dispatcher.on_data(stream_id, session_id, is_end) {
            OnData::Drop => Received::Taken,
            OnData::ElicitSetup => {
                endpoint.elicit_setup(net, (stream_id, session_id), source, now_ns);
                Received::Taken
            }
            OnData::Insert(id) => match self.images.get_mut(id) {
                Some(image) => image.receive(data, source, &self.system, now_ns),
                None => Received::Taken,
            },
        }
    }

    fn on_setup(&mut self, setup: &Setup, datagram: &Datagram<'_>, now_ns: i64) -> Received {
        if setup.check().is_err() {
            return Received::Invalid;
        }
        let Some((endpoint, (destination, control))) = endpoint_of(&mut self.endpoints, datagram)
        else {
            return Received::Taken;
        };
        match endpoint
            .dispatcher
            .on_setup(setup.stream_id, setup.session_id)
        {
            OnSetup::Drop => {}
            OnSetup::Refresh(id) => {
                if let Some(image) = self.images.get_mut(id) {
                    image.refresh(destination, control, now_ns);
                }
            }
            OnSetup::Create => {
                let found = endpoint.destinations.by_socket(datagram.socket);
                if found.is_some_and(|one| one.is_group() && i32::from(one.ttl) < setup.ttl) {
                    self.system.ttl_asymmetry.increment();
                }
                let request = ImageRequest {
                    endpoint: endpoint.id,
                    destination,
                    session_id: setup.session_id,
                    stream_id: setup.stream_id,
                    initial_term_id: setup.initial_term_id,
                    active_term_id: setup.active_term_id,
                    term_offset: setup.term_offset,
                    term_length: setup.term_length,
                    mtu: setup.mtu_length,
                    group: setup.is_group(),
                    control,
                    source: datagram.from,
                };
                self.queues
                    .outbox
                    .push(FromReceiver::CreateImage(Box::new(request)));
            }
        }
        Received::Taken
    }

    /// Status messages and NAKs of all images.
    fn answer(&mut self, net: &mut NetOut, now_ns: i64) -> usize {
        let Self {
            endpoints,
            images,
            system,
            ..
        } = self;
        let mut work = 0;
        images.for_each_mut(|_, image| {
            let Some(endpoint) = endpoints.get(image.endpoint.0) else {
                return;
            };
            let mut voice = Voice {
                net,
                destinations: &endpoint.destinations,
                receiver_id: endpoint.receiver_id,
                group_tag: endpoint.group_tag,
                system,
            };
            work += image.turn(&mut voice, now_ns);
        });
        endpoints.for_each_mut(|_, endpoint| endpoint.check_pending(net, now_ns));
        work
    }
}

impl Agent for Receiver {
    fn name(&self) -> &str {
        "receiver"
    }

    fn on_start(&mut self, cycle: &mut Cycle<'_>) -> Result<(), Fault> {
        self.stall.start(cycle.now.mono_ns);
        Ok(())
    }

    fn do_work(&mut self, cycle: &mut Cycle<'_>) -> Result<Turn, Fault> {
        let now_ns = cycle.now.mono_ns;
        self.stall.measure(now_ns);
        self.take_completions(cycle);
        let mut work = self.take_commands(cycle);
        work += self.receive(cycle);
        work += self.answer(cycle.net, now_ns);
        self.queues.outbox.flush();
        cycle.wake.at(now_ns + TICK_NS);
        Ok(Turn::Worked(work))
    }
}

/// The endpoint a datagram came in on, with the destination and the address to answer to.
fn endpoint_of<'e>(
    endpoints: &'e mut IdMap<Endpoint>,
    datagram: &Datagram<'_>,
) -> Option<(&'e mut Endpoint, (i64, SocketAddr))> {
    let (id, source) = endpoints.iter().find_map(|(id, endpoint)| {
        let destination = endpoint.destinations.by_socket(datagram.socket)?;
        Some((
            id,
            (
                destination.registration_id,
                destination.control_for(datagram.from),
            ),
        ))
    })?;
    endpoints.get_mut(id).map(|endpoint| (endpoint, source))
}
