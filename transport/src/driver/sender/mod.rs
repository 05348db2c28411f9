//! The sender: network publications' data out, status messages and NAKs in (spec 03 §2).
//!
//! ```text
//!   conductor ─ToSender─► [endpoints, streams] ─► datagrams (spans of the term buffer)
//!                               ▲    │ snd-pos moves when the system has taken them
//!   SM, NAK, ERR, RTTM ─────────┘    └─FromSender─► conductor
//! ```
//!
//! Read [`stream`] first: one publication's turn. [`flights`] keeps what is in flight, [`endpoint`] whom it goes to.

mod endpoint;
mod flights;
mod retransmit;
mod stream;

use std::{collections::BTreeMap, net::SocketAddr};

use taranis_runtime::{
    agent::{Agent, Fault, Turn},
    cycle::Cycle,
    idmap::IdMap,
    io::{Completion, Interest, NetOut, Outcome, Ticket},
};

use self::{
    endpoint::Endpoint,
    stream::{Flight, Out, Stream},
};
use super::{
    delegates::{
        FromSender, PublicationError, Queues, SendEndpointId, SendEndpointSeed, SenderSeed,
        ToSender,
    },
    network_counters::SenderSystem,
    stall::StallTracker,
};
use crate::frame::{ErrorFrame, Frame, Nak, Rttm, StatusMessage};

/// Commands taken in one turn.
const COMMANDS_PER_TURN: usize = 4;
/// Sends in flight of which room is kept for without allocating.
const FLIGHTS_RESERVED: usize = 4096;
/// Longest time between two looks at time-outs.
const TICK_NS: i64 = 10_000_000;

/// The sender agent.
pub struct Sender {
    queues: Queues<ToSender, FromSender>,
    endpoints: IdMap<Endpoint>,
    streams: IdMap<Stream>,
    /// Endpoint, stream and session of each stream.
    index: BTreeMap<(SendEndpointId, i32, i32), i64>,
    flying: IdMap<InFlight>,
    closing: Vec<(Ticket, SendEndpointId)>,
    first: usize,
    system: SenderSystem,
    stall: StallTracker,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    registration_id: i64,
    flight: Flight,
    is_one_receiver: bool,
}

impl Sender {
    pub(crate) fn new(
        queues: Queues<ToSender, FromSender>,
        system: SenderSystem,
        stall: StallTracker,
    ) -> Self {
        Self {
            queues,
            endpoints: IdMap::new(),
            streams: IdMap::new(),
            index: BTreeMap::new(),
            flying: IdMap::with_capacity(FLIGHTS_RESERVED),
            closing: Vec::new(),
            first: 0,
            system,
            stall,
        }
    }

    fn take_completions(&mut self, cycle: &mut Cycle<'_>) {
        for Completion { ticket, outcome } in cycle.mail.take_completions() {
            if let Some(in_flight) = self.flying.remove(key(ticket)) {
                let is_sent = matches!(outcome, Outcome::Moved(_));
                if !is_sent {
                    self.system.short_sends.increment();
                }
                if let Some(stream) = self.streams.get_mut(in_flight.registration_id) {
                    stream.landed(in_flight.flight, is_sent, in_flight.is_one_receiver);
                }
            } else if let Some(at) = self
                .closing
                .iter()
                .position(|(closing, _)| *closing == ticket)
            {
                let (_, endpoint) = self.closing.swap_remove(at);
                self.queues
                    .outbox
                    .push(FromSender::EndpointClosed(endpoint));
            }
        }
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

    fn execute(&mut self, command: ToSender, cycle: &mut Cycle<'_>) {
        let now_ns = cycle.now.mono_ns;
        match command {
            ToSender::AddEndpoint(seed) => self.add_endpoint(*seed, cycle),
            ToSender::RemoveEndpoint(id) => {
                if let Some(endpoint) = self.endpoints.get_mut(id.0) {
                    endpoint.is_closing = true;
                }
            }
            ToSender::AddPublication(seed) => self.add_stream(*seed, now_ns),
            ToSender::RemovePublication {
                registration_id, ..
            } => {
                if let Some(stream) = self.streams.get_mut(registration_id) {
                    stream.is_removed = true;
                }
            }
            ToSender::AddDestination {
                endpoint,
                destination,
            } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint.0) {
                    endpoint.add_destination(&destination, now_ns);
                }
            }
            ToSender::RemoveDestination { endpoint, address } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint.0) {
                    endpoint.remove_destination(|_, known| known == Some(address));
                }
            }
            ToSender::RemoveDestinationById {
                endpoint,
                registration_id,
            } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint.0) {
                    endpoint.remove_destination(|id, _| id == registration_id);
                }
            }
        }
    }

    fn add_endpoint(&mut self, seed: SendEndpointSeed, cycle: &mut Cycle<'_>) {
        match cycle.net.adopt(seed.socket, Interest::Receive) {
            Ok(socket) => {
                let ids = (seed.id, socket);
                let endpoint = Endpoint::new(ids, seed.target, seed.group, seed.destination_count);
                self.endpoints.insert(seed.id.0, endpoint);
            }
            Err(full) => self
                .queues
                .outbox
                .push(FromSender::Problem(full.to_string().into())),
        }
    }

    fn add_stream(&mut self, seed: SenderSeed, now_ns: i64) {
        let (endpoint, id) = (seed.endpoint, seed.registration_id);
        let key = (endpoint, seed.stream_id, seed.session_id);
        match Stream::new(seed, now_ns) {
            Ok(stream) => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint.0) {
                    endpoint.streams.push(id);
                }
                self.index.insert(key, id);
                self.streams.insert(id, stream);
            }
            Err(error) => self
                .queues
                .outbox
                .push(FromSender::Problem(error.to_string().into())),
        }
    }

    /// One turn of each stream, starting with another one each time.
    fn send(&mut self, net: &mut NetOut, now_ns: i64) -> usize {
        let Self {
            endpoints,
            streams,
            flying,
            system,
            first,
            ..
        } = self;
        let mut bytes = 0;
        let count = endpoints.len();
        let mut visit = |endpoint: &mut Endpoint| {
            if endpoint.is_closing {
                return;
            }
            let is_one_receiver = endpoint.is_unicast();
            let mut book = |ticket: Ticket, registration_id: i64, flight: Flight| {
                flying.insert(
                    key(ticket),
                    InFlight {
                        registration_id,
                        flight,
                        is_one_receiver,
                    },
                );
            };
            for at in 0..endpoint.streams.len() {
                let Some(stream) = streams.get_mut(endpoint.streams[at]) else {
                    continue;
                };
                if stream.is_removed {
                    continue;
                }
                let mut out = Out {
                    net,
                    flights: &mut book,
                    system,
                };
                // Full: the rest has its turn next time.
                bytes += stream.turn(endpoint, &mut out, now_ns).unwrap_or(0);
            }
        };
        let mut at = 0;
        endpoints.for_each_mut(|_, endpoint| {
            if at >= *first {
                visit(endpoint);
            }
            at += 1;
        });
        at = 0;
        endpoints.for_each_mut(|_, endpoint| {
            if at < *first {
                visit(endpoint);
            }
            at += 1;
        });
        *first = if count == 0 { 0 } else { (*first + 1) % count };
        bytes
    }

    /// Control frames that receivers sent.
    fn receive(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let now_ns = cycle.now.mono_ns;
        let mut received = 0;
        for datagram in cycle.mail.datagrams() {
            received += 1;
            let mut endpoints = self.endpoints.iter();
            let Some((id, _)) = endpoints.find(|(_, endpoint)| endpoint.socket == datagram.socket)
            else {
                continue;
            };
            let handled = match Frame::decode(datagram.bytes) {
                Ok(Frame::StatusMessage(message)) => {
                    self.on_status_message(id, &message, datagram.from, now_ns)
                }
                Ok(Frame::Nak(nak)) => self.on_nak(id, &nak, cycle.net, now_ns),
                Ok(Frame::Error(error)) => {
                    self.on_error(id, &error, datagram.from);
                    true
                }
                Ok(Frame::Rttm(rttm)) => {
                    self.on_rttm(id, &rttm, datagram.from, cycle.net);
                    true
                }
                // Not for a sender, or not supported: ignored, as Aeron does.
                Ok(_) => true,
                Err(_) => false,
            };
            if !handled {
                self.system.invalid_packets.increment();
            }
        }
        received
    }

    /// Whether the message is valid.
    fn on_status_message(
        &mut self,
        endpoint_id: i64,
        message: &StatusMessage,
        from: SocketAddr,
        now_ns: i64,
    ) -> bool {
        let Some(endpoint) = self.endpoints.get_mut(endpoint_id) else {
            return true;
        };
        let key = (endpoint.id, message.stream_id, message.session_id);
        let stream = self
            .index
            .get(&key)
            .and_then(|id| self.streams.get_mut(*id));
        if message
            .check(stream.as_ref().map(|stream| stream.term_length()))
            .is_err()
        {
            return false;
        }
        self.system.status_messages_received.increment();
        if let Some(stream) = &stream
            && !message.asks_for_setup()
            && !stream.is_plausible(message)
        {
            self.system.status_messages_rejected.increment();
            return true;
        }
        endpoint.on_status_message(message, from, now_ns);
        if let Some(stream) = stream {
            stream.on_status_message(message, endpoint.is_unicast(), now_ns);
        }
        true
    }

    /// Whether the NAK is valid; one of an unknown stream is not judged.
    fn on_nak(&mut self, endpoint_id: i64, nak: &Nak, net: &mut NetOut, now_ns: i64) -> bool {
        let Self {
            endpoints,
            streams,
            index,
            flying,
            system,
            ..
        } = self;
        let Some(endpoint) = endpoints.get_mut(endpoint_id) else {
            return true;
        };
        let stream = index.get(&(endpoint.id, nak.stream_id, nak.session_id));
        let Some(stream) = stream.and_then(|id| streams.get_mut(*id)) else {
            return true;
        };
        if nak.check(stream.term_length()).is_err() {
            return false;
        }
        system.naks_received.increment();
        let is_one_receiver = endpoint.is_unicast();
        let mut book = |ticket: Ticket, registration_id: i64, flight: Flight| {
            flying.insert(
                key(ticket),
                InFlight {
                    registration_id,
                    flight,
                    is_one_receiver,
                },
            );
        };
        let mut out = Out {
            net,
            flights: &mut book,
            system,
        };
        if !stream.is_removed {
            // Full: the receiver asks again.
            let _ = stream.on_nak(nak, endpoint, &mut out, now_ns);
        }
        true
    }

    fn on_error(&mut self, endpoint_id: i64, error: &ErrorFrame<'_>, from: SocketAddr) {
        self.system.errors_received.increment();
        let Some(endpoint) = self.endpoints.get(endpoint_id) else {
            return;
        };
        let key = (endpoint.id, error.stream_id, error.session_id);
        let Some(stream) = self
            .index
            .get(&key)
            .and_then(|id| self.streams.get_mut(*id))
        else {
            return;
        };
        if !stream.on_error(error.receiver_id) {
            return;
        }
        let report = PublicationError {
            registration_id: stream.registration_id,
            destination_registration_id: endpoint.destination_of(error.receiver_id, from),
            session_id: error.session_id,
            stream_id: error.stream_id,
            receiver_id: error.receiver_id,
            group_tag: error.group_tag.unwrap_or(-1),
            source: from,
            error_code: error.error_code,
            message: String::from_utf8_lossy(error.text).into(),
        };
        self.queues
            .outbox
            .push(FromSender::PublicationError(Box::new(report)));
    }

    fn on_rttm(&mut self, endpoint_id: i64, rttm: &Rttm, from: SocketAddr, net: &mut NetOut) {
        let Some(endpoint) = self.endpoints.get(endpoint_id) else {
            return;
        };
        if !rttm.wants_answer() {
            return;
        }
        let mut frame = [0; Rttm::LENGTH];
        if rttm.answer().encode(&mut frame).is_ok() {
            let to = if endpoint.is_unicast() {
                None
            } else {
                Some(from)
            };
            // A measurement that finds the queue full is lost, like one on the wire.
            let _ = net.send_copy(endpoint.socket, &frame, to);
        }
    }

    /// Lets go of streams and endpoints that the conductor gave up and of which nothing is in flight any more.
    fn release(&mut self, cycle: &mut Cycle<'_>) {
        let Self {
            endpoints,
            streams,
            index,
            queues,
            closing,
            ..
        } = self;
        streams.retain(|id, stream| {
            let is_over = stream.is_removed && stream.outstanding == 0;
            if is_over {
                index.retain(|_, indexed| *indexed != id);
                endpoints.for_each_mut(|_, endpoint| endpoint.streams.retain(|one| *one != id));
                queues.outbox.push(FromSender::PublicationReleased {
                    registration_id: id,
                });
            }
            !is_over
        });
        endpoints.retain(|_, endpoint| {
            let is_over = endpoint.is_closing && endpoint.streams.is_empty();
            if is_over {
                closing.push((cycle.net.release(endpoint.socket), endpoint.id));
            }
            !is_over
        });
    }
}

impl Agent for Sender {
    fn name(&self) -> &str {
        "sender"
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
        work += self.send(cycle.net, now_ns);
        self.release(cycle);
        self.queues.outbox.flush();
        cycle.wake.at(now_ns + TICK_NS);
        Ok(Turn::Worked(work))
    }
}

/// A ticket as a key: unique among all that are in flight.
fn key(ticket: Ticket) -> i64 {
    ticket.to_bits().cast_signed()
}
