//! The receiver's half of an image: packets in, status messages and NAKs out (spec 03 §4.5–§4.8).

use std::net::SocketAddr;

use taranis_runtime::{io::NetOut, mem::Word64};

use super::endpoint::Destinations;
use crate::{
    driver::{
        delegates::{ReceiveEndpointId, ReceiverSeed, ReceiverSettings},
        image_state::{Gap, ReceiverImageState},
        network_counters::ReceiverSystem,
    },
    frame::{
        DataDatagram, ErrorFrame, GroupTag, Nak, StatusMessage, StreamState,
        limits::{DESTINATION_TIMEOUT_NS, MAX_ERROR_FRAME_LENGTH},
    },
    log::{Inserter, LogBuffer, LogError, StatusWriter},
};

/// Code of an error that says: rejected by a subscriber.
const IMAGE_REJECTED: i32 = 13;

/// One image as the receiver sees it.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) endpoint: ReceiveEndpointId,
    pub(super) session_id: i32,
    pub(super) stream_id: i32,
    inserter: Inserter,
    status: StatusWriter,
    state: ReceiverImageState,
    high_water_mark: Word64,
    naks_sent: Word64,
    settings: ReceiverSettings,
    connections: Vec<Connection>,
    last_sm_position: i64,
    over_run_position: i64,
    sm_due_ns: i64,
    is_end_of_stream: bool,
    rejected: Option<Box<str>>,
}

/// One source of the stream: a destination that delivered something.
#[derive(Debug)]
struct Connection {
    destination: i64,
    control: SocketAddr,
    heard_ns: i64,
    frame_ns: i64,
    end: Option<i64>,
}

/// What a packet was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    Taken,
    /// It breaks a rule.
    Invalid,
}

/// Who sends what an image answers.
pub(super) struct Voice<'a> {
    pub(super) net: &'a mut NetOut,
    pub(super) destinations: &'a Destinations,
    pub(super) receiver_id: i64,
    pub(super) group_tag: Option<i64>,
    pub(super) system: &'a ReceiverSystem,
}

impl Image {
    pub(super) fn new(seed: ReceiverSeed, now_ns: i64) -> Result<Self, LogError> {
        let mut log = LogBuffer::attach(seed.log)?;
        let join = seed.high_water_mark.load_relaxed();
        let connection = Connection {
            destination: seed.destination,
            control: seed.control,
            heard_ns: now_ns,
            frame_ns: now_ns,
            end: None,
        };
        let status = log.status_writer();
        status.set_active_transport_count(1);
        Ok(Self {
            endpoint: seed.endpoint,
            session_id: seed.session_id,
            stream_id: seed.stream_id,
            over_run_position: join + i64::from(log.shape().term_length() / 2),
            inserter: log.take_inserter()?,
            status,
            state: seed.state,
            high_water_mark: seed.high_water_mark,
            naks_sent: seed.naks_sent,
            settings: seed.settings,
            connections: vec![connection],
            last_sm_position: join,
            // The first status message is sent at once.
            sm_due_ns: now_ns - 1,
            is_end_of_stream: false,
            rejected: None,
        })
    }

    pub(super) fn is_end_of_stream(&self) -> bool {
        self.is_end_of_stream
    }

    /// A SETUP of a stream that is known: its source lives.
    pub(super) fn refresh(&mut self, destination: i64, control: SocketAddr, now_ns: i64) {
        self.heard(destination, control, now_ns).heard_ns = now_ns;
    }

    /// From now on packets are dropped and the sources told.
    pub(super) fn reject(&mut self, reason: Box<str>, now_ns: i64) {
        self.rejected = Some(reason);
        self.sm_due_ns = now_ns - 1;
    }

    /// A destination is gone.
    pub(super) fn remove_destination(&mut self, destination: i64, now_ns: i64) {
        self.connections
            .retain(|connection| connection.destination != destination);
        self.show_transports(now_ns);
    }

    /// A datagram of data, padding, or a heartbeat (03 §4.6).
    pub(super) fn receive(
        &mut self,
        datagram: &DataDatagram<'_>,
        (destination, control): (i64, SocketAddr),
        system: &ReceiverSystem,
        now_ns: i64,
    ) -> Received {
        let shape = *self.inserter.shape();
        let header = datagram.header();
        if header.term_id.wrapping_sub(shape.initial_term_id()) < 0 || self.rejected.is_some() {
            return Received::Taken;
        }
        let Ok(walked) = datagram.walk(shape.term_length()) else {
            return Received::Invalid;
        };
        let Some(position) = shape.checked_position(header.term_id, walked.term_offset) else {
            return Received::Invalid;
        };
        let proposed = position + i64::from(walked.length);
        if proposed > self.over_run_position {
            system.over_runs.increment();
        } else if datagram.is_heartbeat() {
            self.on_heartbeat(datagram, (destination, control), position, system, now_ns);
        } else if position < self.last_sm_position {
            system.under_runs.increment();
            if proposed >= self.last_sm_position - i64::from(self.settings.max_window) {
                self.heard(destination, control, now_ns);
            }
        } else {
            self.heard(destination, control, now_ns);
            self.state.set_last_packet_ns(now_ns);
            self.inserter.insert(position, datagram.bytes());
            self.high_water_mark.propose_max_release(proposed);
        }
        Received::Taken
    }

    fn on_heartbeat(
        &mut self,
        datagram: &DataDatagram<'_>,
        (destination, control): (i64, SocketAddr),
        position: i64,
        system: &ReceiverSystem,
        now_ns: i64,
    ) {
        let reach = i64::from(self.inserter.shape().term_length());
        if position < (self.last_sm_position - reach).max(0) {
            system.under_runs.increment();
            return;
        }
        let is_end = matches!(
            datagram.stream_state(),
            Some(StreamState::Ended | StreamState::Revoked)
        );
        let is_revoked = datagram.stream_state() == Some(StreamState::Revoked);
        let was_ended = self.is_end_of_stream;
        let connection = self.heard(destination, control, now_ns);
        if is_end && !was_ended {
            connection.end = Some(position);
            self.check_end(is_revoked, system);
        }
        self.state.set_last_packet_ns(now_ns);
        self.high_water_mark.propose_max_release(position);
        system.heartbeats_received.increment();
    }

    /// The stream ends when all its sources said so, at the furthest of their positions.
    fn check_end(&mut self, is_revoked: bool, system: &ReceiverSystem) {
        let ends: Option<Vec<i64>> = self
            .connections
            .iter()
            .map(|connection| connection.end)
            .collect();
        let Some(end) = ends.and_then(|ends| ends.into_iter().max()) else {
            return;
        };
        if is_revoked {
            self.status.set_publication_revoked();
            system.images_revoked.increment();
        }
        self.status.set_end_of_stream_position(end);
        self.state.set_end_of_stream();
        self.is_end_of_stream = true;
    }

    /// One turn: status message, NAK or filling, error (03 §4.7, §4.8).
    pub(super) fn turn(&mut self, voice: &mut Voice<'_>, now_ns: i64) -> usize {
        let is_due = now_ns > self.sm_due_ns;
        if let Some(reason) = &self.rejected {
            if is_due {
                let reason = reason.clone();
                self.send_errors(voice, &reason);
                self.sm_due_ns = now_ns + self.settings.status_message_timeout_ns;
            }
            return usize::from(is_due);
        }
        let promise = match self.state.take_promise() {
            Some(promise) => Some(promise),
            None if is_due => self.state.promise(),
            None => None,
        };
        let mut work = 0;
        if let Some(promise) = promise {
            self.send_status(voice, promise.position, promise.window, now_ns);
            work += 1;
        }
        if let Some(gap) = self.state.take_gap() {
            self.on_gap(gap, voice, now_ns);
            work += 1;
        }
        work
    }

    fn send_status(&mut self, voice: &mut Voice<'_>, position: i64, window: i32, now_ns: i64) {
        let shape = *self.inserter.shape();
        let place = shape.place(position);
        let message = StatusMessage {
            flags: if self.state.says_end() {
                StatusMessage::FLAG_EOS
            } else {
                0
            },
            session_id: self.session_id,
            stream_id: self.stream_id,
            consumption_term_id: shape.term_id(place.term_count),
            consumption_term_offset: place.offset,
            receiver_window: window,
            receiver_id: voice.receiver_id,
            group_tag: voice.group_tag.map_or(GroupTag::Absent, GroupTag::Present),
        };
        let mut frame = [0; StatusMessage::LENGTH_WITH_GROUP_TAG];
        if let Ok(length) = message.encode(&mut frame) {
            let sent = self.answer(voice, &frame[..length], now_ns);
            voice.system.status_messages_sent.add(sent);
        }
        self.last_sm_position = self.last_sm_position.max(position);
        self.over_run_position = self.last_sm_position + i64::from(shape.term_length() / 2);
        self.sm_due_ns = now_ns + self.settings.status_message_timeout_ns;
        self.show_transports(now_ns);
    }

    fn on_gap(&mut self, gap: Gap, voice: &mut Voice<'_>, now_ns: i64) {
        if !self.settings.reliable {
            let gap = crate::log::Gap {
                term_id: gap.term_id,
                term_offset: gap.term_offset,
                length: gap.length,
            };
            if self.inserter.fill_gap(gap) {
                voice.system.loss_gap_fills.increment();
            }
            return;
        }
        let nak = Nak {
            session_id: self.session_id,
            stream_id: self.stream_id,
            term_id: gap.term_id,
            term_offset: gap.term_offset,
            length: gap.length,
        };
        let mut frame = [0; Nak::LENGTH];
        if nak.encode(&mut frame).is_ok() {
            let sent = self.answer(voice, &frame, now_ns);
            voice.system.naks_sent.add(sent);
            self.naks_sent.add_release(sent);
        }
    }

    fn send_errors(&self, voice: &mut Voice<'_>, reason: &str) {
        let error = ErrorFrame {
            session_id: self.session_id,
            stream_id: self.stream_id,
            receiver_id: voice.receiver_id,
            group_tag: voice.group_tag,
            error_code: IMAGE_REJECTED,
            text: reason.as_bytes(),
        };
        let mut frame = [0; MAX_ERROR_FRAME_LENGTH];
        let Ok(length) = error.encode(&mut frame) else {
            return;
        };
        for connection in &self.connections {
            if voice.destinations.send(
                voice.net,
                connection.destination,
                &frame[..length],
                connection.control,
            ) {
                voice.system.errors_sent.increment();
            }
        }
    }

    /// Sends a frame to every live source; how many.
    fn answer(&self, voice: &mut Voice<'_>, frame: &[u8], now_ns: i64) -> i64 {
        let live = self
            .connections
            .iter()
            .filter(|one| now_ns < one.heard_ns.saturating_add(DESTINATION_TIMEOUT_NS));
        let mut sent = 0;
        for connection in live {
            if voice
                .destinations
                .send(voice.net, connection.destination, frame, connection.control)
            {
                sent += 1;
            } else {
                voice.system.short_sends.increment();
            }
        }
        sent
    }

    fn heard(&mut self, destination: i64, control: SocketAddr, now_ns: i64) -> &mut Connection {
        let known = self
            .connections
            .iter()
            .position(|connection| connection.destination == destination);
        let at = known.unwrap_or_else(|| {
            let (heard_ns, frame_ns, end) = (now_ns, now_ns, None);
            self.connections.push(Connection {
                destination,
                control,
                heard_ns,
                frame_ns,
                end,
            });
            self.connections.len() - 1
        });
        let connection = &mut self.connections[at];
        connection.heard_ns = now_ns;
        connection.frame_ns = now_ns;
        connection
    }

    fn show_transports(&self, now_ns: i64) {
        let liveness_ns = self.settings.liveness_timeout_ns;
        let active = self
            .connections
            .iter()
            .filter(|one| now_ns < one.frame_ns.saturating_add(liveness_ns))
            .count();
        self.status
            .set_active_transport_count(i32::try_from(active).unwrap_or(i32::MAX));
    }
}
