//! A receive endpoint: its sockets, its interests, and the SETUPs it waits for (spec 03 §4.2, §4.3, §4.12).

use std::net::SocketAddr;

use taranis_runtime::io::{NetOut, Socket};

use super::dispatcher::Dispatcher;
use crate::{
    driver::delegates::{ReceiveControl, ReceiveEndpointId},
    frame::{GroupTag, StatusMessage, limits::PENDING_SETUP_TIMEOUT_NS},
};

/// The receiver's half of an endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) id: ReceiveEndpointId,
    pub(super) receiver_id: i64,
    pub(super) group_tag: Option<i64>,
    pub(super) dispatcher: Dispatcher,
    pub(super) destinations: Destinations,
    pending: Vec<PendingSetup>,
}

/// The sockets of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    list: Vec<Destination>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) registration_id: i64,
    pub(super) socket: Socket,
    pub(super) control: Option<ReceiveControl>,
    pub(super) ttl: u8,
    /// When this receiver last announced itself to an explicit control address.
    announced_ns: i64,
}

/// A SETUP that was asked for.
#[derive(Clone, Copy, Debug)]
struct PendingSetup {
    stream_id: i32,
    session_id: i32,
    asked_ns: i64,
}

impl Endpoint {
    pub(super) fn new(id: ReceiveEndpointId, receiver_id: i64, group_tag: Option<i64>) -> Self {
        Self {
            id,
            receiver_id,
            group_tag,
            dispatcher: Dispatcher::default(),
            destinations: Destinations::default(),
            pending: Vec::new(),
        }
    }

    pub(super) fn add_destination(
        &mut self,
        net: &mut NetOut,
        destination: Destination,
        now_ns: i64,
    ) {
        self.destinations.list.push(destination);
        let at = self.destinations.list.len() - 1;
        self.announce(net, at, now_ns);
    }

    /// Asks the source of unknown data to introduce itself.
    pub(super) fn elicit_setup(
        &mut self,
        net: &mut NetOut,
        (stream_id, session_id): (i32, i32),
        (destination, control): (i64, SocketAddr),
        now_ns: i64,
    ) {
        let frame = self.setup_request(stream_id, session_id);
        // One that finds the queue full is asked for again by the next data.
        self.destinations.send(net, destination, &frame, control);
        self.pending.push(PendingSetup {
            stream_id,
            session_id,
            asked_ns: now_ns,
        });
    }

    /// Interest in one session: those with an explicit control address are asked at once.
    pub(super) fn ask_controls(&mut self, net: &mut NetOut, stream_id: i32, session_id: i32) {
        let frame = self.setup_request(stream_id, session_id);
        for destination in &self.destinations.list {
            if let Some(ReceiveControl::Explicit(address)) = destination.control {
                // A lost one is repeated by the periodic announcement.
                let _ = net.send_copy(destination.socket, &frame, Some(address));
            }
        }
    }

    /// Each turn: forgets SETUPs that did not come, and repeats announcements.
    pub(super) fn check_pending(&mut self, net: &mut NetOut, now_ns: i64) {
        let dispatcher = &mut self.dispatcher;
        self.pending.retain(|pending| {
            let is_over = now_ns > pending.asked_ns + PENDING_SETUP_TIMEOUT_NS;
            if is_over {
                dispatcher.forget_pending(pending.stream_id, pending.session_id);
            }
            !is_over
        });
        if self.dispatcher.has_interest() {
            for at in 0..self.destinations.list.len() {
                if now_ns > self.destinations.list[at].announced_ns + PENDING_SETUP_TIMEOUT_NS {
                    self.announce(net, at, now_ns);
                }
            }
        }
    }

    /// Tells an explicit control address that this receiver is there, so that a dynamic sender adds it.
    fn announce(&mut self, net: &mut NetOut, at: usize, now_ns: i64) {
        let frame = self.setup_request(0, 0);
        let destination = &mut self.destinations.list[at];
        if let Some(ReceiveControl::Explicit(address)) = destination.control {
            // A lost one is repeated.
            let _ = net.send_copy(destination.socket, &frame, Some(address));
            destination.announced_ns = now_ns;
        }
    }

    fn setup_request(&self, stream_id: i32, session_id: i32) -> Vec<u8> {
        let message = StatusMessage {
            flags: StatusMessage::FLAG_SEND_SETUP,
            session_id,
            stream_id,
            consumption_term_id: 0,
            consumption_term_offset: 0,
            receiver_window: 0,
            receiver_id: self.receiver_id,
            group_tag: self.group_tag.map_or(GroupTag::Absent, GroupTag::Present),
        };
        let mut frame = vec![0; StatusMessage::LENGTH_WITH_GROUP_TAG];
        let length = message.encode(&mut frame).unwrap_or(0);
        frame.truncate(length);
        frame
    }
}

impl Destination {
    pub(super) fn new(
        registration_id: i64,
        socket: Socket,
        control: Option<ReceiveControl>,
        ttl: u8,
    ) -> Self {
        Self {
            registration_id,
            socket,
            control,
            ttl,
            announced_ns: 0,
        }
    }

    /// Where to answer what came from `source`.
    pub(super) fn control_for(&self, source: SocketAddr) -> SocketAddr {
        match self.control {
            Some(ReceiveControl::Group(address) | ReceiveControl::Explicit(address)) => address,
            None => source,
        }
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.control, Some(ReceiveControl::Group(_)))
    }
}

impl Destinations {
    pub(super) fn by_socket(&self, socket: Socket) -> Option<&Destination> {
        self.list
            .iter()
            .find(|destination| destination.socket == socket)
    }

    /// Sends a small frame from a destination's socket; whether it was staged.
    pub(super) fn send(
        &self,
        net: &mut NetOut,
        destination: i64,
        frame: &[u8],
        to: SocketAddr,
    ) -> bool {
        let found = self
            .list
            .iter()
            .find(|one| one.registration_id == destination);
        found.is_some_and(|one| net.send_copy(one.socket, frame, Some(to)).is_ok())
    }

    pub(super) fn remove(&mut self, registration_id: i64) -> Option<Destination> {
        let at = self
            .list
            .iter()
            .position(|one| one.registration_id == registration_id)?;
        Some(self.list.remove(at))
    }

    pub(super) fn take_all(&mut self) -> Vec<Destination> {
        std::mem::take(&mut self.list)
    }
}
