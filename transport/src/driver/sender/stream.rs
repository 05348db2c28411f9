//! The sender's half of one network publication (spec 03 §2.2–§2.8).

use taranis_runtime::io::{Full, NetOut, Ticket};

use super::{
    endpoint::Endpoint,
    flights::{Flights, Landed},
    retransmit::{OnNak, Range, Retransmits},
};
use crate::{
    driver::{
        delegates::{SenderCounters, SenderSeed, SenderSettings},
        flow::FlowControl,
        network_counters::SenderSystem,
        stream_state::SenderState,
    },
    frame::{
        Heartbeat, Nak, Setup, StatusMessage, StreamState,
        limits::{HEARTBEAT_INTERVAL_NS, SETUP_INTERVAL_NS, max_message_length},
    },
    log::{Available, LogBuffer, LogError, Scanner, Shape, Status},
};

/// Datagrams of one publication in one turn, so that no publication starves the others.
const DATAGRAMS_PER_TURN: usize = 16;
/// Receivers of which room is kept for without allocating.
const RECEIVERS_RESERVED: usize = 64;

/// One network publication as the sender sees it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts of 03 §2.2 that have nothing to do with each other"
)]
pub(super) struct Stream {
    pub(super) registration_id: i64,
    pub(super) session_id: i32,
    pub(super) stream_id: i32,
    scanner: Scanner,
    status: Status,
    mtu: i32,
    initial_term_id: i32,
    state: SenderState,
    counters: SenderCounters,
    settings: SenderSettings,
    flow: FlowControl,
    retransmits: Retransmits,
    flights: Flights,
    /// Where the next datagram begins; everything from `snd-pos` to here is in flight.
    next: i64,
    /// Sends of any kind whose end is not known yet: while there are some, the log is in use.
    pub(super) outstanding: usize,
    receivers: Vec<LiveReceiver>,
    was_connected: bool,
    setup_is_asked: bool,
    last_setup_ns: i64,
    last_sent_ns: i64,
    counts_limits: bool,
    /// The conductor asked to let go of it.
    pub(super) is_removed: bool,
}

#[derive(Clone, Copy, Debug)]
struct LiveReceiver {
    id: i64,
    heard_ns: i64,
}

/// Why a send flies: what its end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flight {
    /// Part of a data batch.
    Data { batch: u64 },
    /// A set-up, a heartbeat, a retransmission: lost ones are asked for again, or come again.
    Other,
}

impl Stream {
    pub(super) fn new(seed: SenderSeed, now_ns: i64) -> Result<Self, LogError> {
        let log = LogBuffer::attach(seed.log)?;
        let constants = log.constants();
        let position = seed.counters.position.load_relaxed();
        let settings = seed.settings;
        Ok(Self {
            registration_id: seed.registration_id,
            session_id: seed.session_id,
            stream_id: seed.stream_id,
            mtu: constants.mtu,
            initial_term_id: constants.initial_term_id,
            scanner: log.scanner(),
            status: log.status().clone(),
            state: seed.state,
            counters: seed.counters,
            flow: FlowControl::new(&settings.flow_control),
            retransmits: Retransmits::new(
                settings.max_resend,
                settings.retransmit_delay_ns,
                settings.retransmit_linger_ns,
            ),
            settings,
            flights: Flights::new(),
            next: position,
            outstanding: 0,
            receivers: Vec::with_capacity(RECEIVERS_RESERVED),
            was_connected: false,
            setup_is_asked: false,
            // The first turn sends a SETUP.
            last_setup_ns: now_ns - SETUP_INTERVAL_NS - 1,
            last_sent_ns: now_ns - HEARTBEAT_INTERVAL_NS - 1,
            counts_limits: false,
            is_removed: false,
        })
    }

    /// One turn: set-up, data, heartbeat, idle flow control, retransmissions. Gives the bytes of data staged.
    pub(super) fn turn(
        &mut self,
        endpoint: &mut Endpoint,
        out: &mut Out<'_>,
        now_ns: i64,
    ) -> Result<usize, Full> {
        if !self.was_connected || self.setup_is_asked {
            self.check_setup(endpoint, out, now_ns)?;
        }
        let sent = self.send_data(endpoint, out, now_ns)?;
        if sent == 0 {
            self.check_heartbeat(endpoint, out, now_ns)?;
            self.idle(now_ns);
        }
        self.check_retransmits(endpoint, out, now_ns)?;
        Ok(sent)
    }

    fn position(&self) -> i64 {
        self.counters.position.load_relaxed()
    }

    fn shape(&self) -> Shape {
        *self.scanner.shape()
    }

    /// The end of a send.
    pub(super) fn landed(&mut self, flight: Flight, is_sent: bool, is_one_receiver: bool) {
        self.outstanding -= 1;
        let Flight::Data { batch } = flight else {
            return;
        };
        // With several destinations a full socket hits one of them; it asks for what it lost.
        match self.flights.ended(batch, is_sent || !is_one_receiver) {
            Landed::Upto(position) => self.counters.position.store_release(position),
            Landed::Refused => self.next = self.position(),
            Landed::Waiting => {}
        }
    }

    fn check_setup(
        &mut self,
        endpoint: &mut Endpoint,
        out: &mut Out<'_>,
        now_ns: i64,
    ) -> Result<(), Full> {
        if now_ns <= self.last_setup_ns + SETUP_INTERVAL_NS {
            return Ok(());
        }
        let shape = self.shape();
        let place = shape.place(self.position());
        let setup = Setup {
            flags: if endpoint.group { Setup::FLAG_GROUP } else { 0 },
            term_offset: place.offset,
            session_id: self.session_id,
            stream_id: self.stream_id,
            initial_term_id: self.initial_term_id,
            active_term_id: shape.term_id(place.term_count),
            term_length: shape.term_length(),
            mtu_length: self.mtu,
            ttl: self.settings.ttl.into(),
        };
        let mut frame = [0; Setup::LENGTH];
        if setup.encode(&mut frame).is_ok() {
            if self.setup_is_asked {
                self.flow
                    .on_setup_sent(self.counters.limit.load_relaxed(), now_ns);
            }
            self.send_frame(endpoint, out, &frame, now_ns)?;
        }
        self.last_setup_ns = now_ns;
        if !self.receivers.is_empty() {
            self.setup_is_asked = false;
        }
        Ok(())
    }

    /// Datagrams straight out of the term buffer, as far as the window and the turn allow (03 §2.5).
    fn send_data(
        &mut self,
        endpoint: &mut Endpoint,
        out: &mut Out<'_>,
        now_ns: i64,
    ) -> Result<usize, Full> {
        let mut bytes = 0;
        for _ in 0..DATAGRAMS_PER_TURN {
            let window = self.counters.limit.load_relaxed() - self.next;
            if window <= 0 {
                self.note_limit(bytes == 0 && self.flights.is_empty(), out.system);
                break;
            }
            if !self.flights.has_room() {
                break;
            }
            let limit = i32::try_from(window).unwrap_or(i32::MAX).min(self.mtu);
            let (length, padding) = match self.scanner.scan(self.next, limit) {
                Available::Bytes { length, padding } => (length, padding),
                Available::TooLong { .. } => {
                    self.note_limit(true, out.system);
                    break;
                }
                Available::Nothing => break,
            };
            let end = self.next + i64::from(length) + i64::from(padding);
            let span = self.scanner.span(self.next, length);
            let batch = self.flights.next_id();
            let (id, flights) = (self.registration_id, &mut *out.flights);
            let sends = endpoint.send(out.net, &span, now_ns, |ticket| {
                flights(ticket, id, Flight::Data { batch });
            })?;
            self.outstanding += sends;
            self.next = end;
            if let Landed::Upto(position) = self.flights.staged(end, sends) {
                self.counters.position.store_release(position);
            }
            self.counts_limits = true;
            self.last_sent_ns = now_ns;
            bytes += length as usize;
        }
        out.system.bytes_sent.add(bytes as i64);
        Ok(bytes)
    }

    /// The sender is at its limit: counted once until it moves again.
    fn note_limit(&mut self, is_at_limit: bool, system: &SenderSystem) {
        if self.counts_limits && is_at_limit {
            self.counters.back_pressure.add_release(1);
            system.flow_control_limits.increment();
            self.counts_limits = false;
        }
    }

    fn check_heartbeat(
        &mut self,
        endpoint: &mut Endpoint,
        out: &mut Out<'_>,
        now_ns: i64,
    ) -> Result<(), Full> {
        let is_due = now_ns > self.last_sent_ns + HEARTBEAT_INTERVAL_NS;
        if !self.was_connected || !is_due || !self.flights.is_empty() {
            return Ok(());
        }
        let shape = self.shape();
        let place = shape.place(self.position());
        let state = if self.status.is_publication_revoked() {
            StreamState::Revoked
        } else if self.settings.signal_eos && self.state.is_end_of_stream() {
            StreamState::Ended
        } else {
            StreamState::Open
        };
        let heartbeat = Heartbeat {
            session_id: self.session_id,
            stream_id: self.stream_id,
            term_id: shape.term_id(place.term_count),
            term_offset: place.offset,
            state,
        };
        let mut frame = [0; Heartbeat::LENGTH];
        if heartbeat.encode(&mut frame).is_ok() {
            self.send_frame(endpoint, out, &frame, now_ns)?;
        }
        out.system.heartbeats_sent.increment();
        self.last_sent_ns = now_ns;
        Ok(())
    }

    fn send_frame(
        &mut self,
        endpoint: &mut Endpoint,
        out: &mut Out<'_>,
        frame: &[u8],
        now_ns: i64,
    ) -> Result<(), Full> {
        let (id, flights) = (self.registration_id, &mut *out.flights);
        let sends = endpoint.send_copy(out.net, frame, now_ns, |ticket| {
            flights(ticket, id, Flight::Other)
        })?;
        self.outstanding += sends;
        Ok(())
    }

    /// Nothing was sent in this turn (03 §2.3.4).
    fn idle(&mut self, now_ns: i64) {
        let limit = self.counters.limit.load_relaxed();
        let spied = self
            .state
            .spies()
            .filter(|_| self.settings.spies_simulate_connection);
        if let Some(furthest) = spied
            && self.receivers.is_empty()
            && self.flights.is_empty()
        {
            let position = self.position().max(furthest);
            self.counters.position.store_release(position);
            self.next = position;
            self.counters
                .limit
                .store_release(self.flow.on_idle(position, now_ns));
        } else {
            self.counters
                .limit
                .store_release(self.flow.on_idle(limit, now_ns));
        }
        let timeout_ns = self.settings.connection_timeout_ns;
        self.receivers
            .retain(|one| one.heard_ns.saturating_add(timeout_ns) > now_ns);
        self.show_receivers();
    }

    fn show_receivers(&self) {
        let has_receivers = !self.receivers.is_empty() && self.flow.has_required_receivers();
        self.state.set_has_receivers(has_receivers);
        if let (Some(counter), Some(count)) = (&self.counters.receivers, self.flow.receivers()) {
            counter.store_release(count as i64);
        }
    }

    /// Whether a status message speaks of a position near the sender's (03 §2.7.1, as widened in 1.52.3).
    pub(super) fn is_plausible(&self, message: &StatusMessage) -> bool {
        let Some(consumed) = self.consumed(message) else {
            return false;
        };
        let term_length = i64::from(self.shape().term_length());
        let (sent, half) = (self.position(), term_length / 2);
        (sent - half..=sent + term_length + half).contains(&consumed)
    }

    pub(super) fn term_length(&self) -> i32 {
        self.shape().term_length()
    }

    fn consumed(&self, message: &StatusMessage) -> Option<i64> {
        self.shape()
            .checked_position(message.consumption_term_id, message.consumption_term_offset)
    }

    pub(super) fn on_status_message(
        &mut self,
        message: &StatusMessage,
        is_unicast: bool,
        now_ns: i64,
    ) {
        if message.asks_for_setup() {
            if !self.state.is_end_of_stream() {
                self.setup_is_asked = true;
                self.flow.on_setup_asked(message);
            }
            return;
        }
        let Some(consumed) = self.consumed(message) else {
            return;
        };
        self.note_receiver(message, is_unicast, now_ns);
        self.was_connected = true;
        let limit = self.counters.limit.load_relaxed();
        let limit = self
            .flow
            .on_status_message(message, consumed, limit, now_ns);
        self.counters.limit.store_release(limit);
        self.show_receivers();
    }

    fn note_receiver(&mut self, message: &StatusMessage, is_unicast: bool, now_ns: i64) {
        let id = message.receiver_id;
        if message.is_end_of_stream() {
            self.receivers.retain(|one| one.id != id);
            if is_unicast {
                self.state.set_unicast_eos();
            }
            return;
        }
        match self.receivers.iter_mut().find(|one| one.id == id) {
            Some(known) => known.heard_ns = now_ns,
            None => self.receivers.push(LiveReceiver {
                id,
                heard_ns: now_ns,
            }),
        }
    }

    /// A receiver rejected the stream; whether it was one that counted.
    pub(super) fn on_error(&mut self, receiver_id: i64) -> bool {
        self.flow.on_error(receiver_id);
        let before = self.receivers.len();
        self.receivers.retain(|one| one.id != receiver_id);
        self.show_receivers();
        self.receivers.len() != before
    }

    /// A NAK that fits the stream.
    pub(super) fn on_nak(
        &mut self,
        nak: &Nak,
        endpoint: &mut Endpoint,
        out: &mut Out<'_>,
        now_ns: i64,
    ) -> Result<(), Full> {
        self.counters.naks_received.add_release(1);
        let windows = self.flow.retransmit_windows()
            * i64::from(self.settings.initial_window.min(self.term_length() / 2));
        let longest = i64::from(self.term_length() - nak.term_offset).min(windows);
        match self
            .retransmits
            .on_nak(nak, i32::try_from(longest).unwrap_or(i32::MAX), now_ns)
        {
            OnNak::Ignore => Ok(()),
            OnNak::Overflow => {
                out.system.retransmit_overflow.increment();
                Ok(())
            }
            OnNak::Resend(range) => self.resend(range, endpoint, out, now_ns),
        }
    }

    fn check_retransmits(
        &mut self,
        endpoint: &mut Endpoint,
        out: &mut Out<'_>,
        now_ns: i64,
    ) -> Result<(), Full> {
        let mut due = None;
        self.retransmits
            .check(now_ns, |range| due = due.or(Some(range)));
        match due {
            Some(range) => self.resend(range, endpoint, out, now_ns),
            None => Ok(()),
        }
    }

    /// Sends again what lies between the sender's position and what the log still holds.
    fn resend(
        &mut self,
        range: Range,
        endpoint: &mut Endpoint,
        out: &mut Out<'_>,
        now_ns: i64,
    ) -> Result<(), Full> {
        let shape = self.shape();
        let Some(mut position) = shape.checked_position(range.term_id, range.term_offset) else {
            return Ok(());
        };
        let sent = self.position();
        let reach =
            i64::from(shape.term_length() / 2) + i64::from(max_message_length(shape.term_length()));
        if position >= sent || position < sent - reach {
            return Ok(());
        }
        let mut left = range.length;
        let mut bytes = 0;
        while left > 0 {
            let Available::Bytes { length, padding } =
                self.scanner.scan(position, left.min(self.mtu))
            else {
                break;
            };
            let span = self.scanner.span(position, length);
            let (id, flights) = (self.registration_id, &mut *out.flights);
            let sends = endpoint.send(out.net, &span, now_ns, |ticket| {
                flights(ticket, id, Flight::Other)
            })?;
            self.outstanding += sends;
            position += i64::from(length) + i64::from(padding);
            left -= length + padding;
            bytes += i64::from(length) + i64::from(padding);
        }
        if bytes > 0 {
            out.system.retransmits_sent.increment();
            out.system.retransmitted_bytes.add(bytes);
        }
        Ok(())
    }
}

/// Where a stream's turn leaves what it sends: the network, the book of flights, and the counters.
pub(super) struct Out<'a> {
    pub(super) net: &'a mut NetOut,
    pub(super) flights: &'a mut dyn FnMut(Ticket, i64, Flight),
    pub(super) system: &'a SenderSystem,
}
