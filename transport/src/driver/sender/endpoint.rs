//! A send endpoint: one socket, its publications, and where their datagrams go (spec 03 §2.11).

use std::net::SocketAddr;

use taranis_runtime::{
    io::{Full, NetOut, Socket, Ticket},
    mem::{Span, Word64},
};

use crate::{
    driver::delegates::{SendDestination, SendEndpointId, SendTarget},
    frame::{StatusMessage, limits::DESTINATION_TIMEOUT_NS},
};

/// The sender's half of an endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) id: SendEndpointId,
    pub(super) socket: Socket,
    pub(super) group: bool,
    targets: Targets,
    /// Publications on it, by registration id.
    pub(super) streams: Vec<i64>,
    pub(super) is_closing: bool,
}

#[derive(Debug)]
enum Targets {
    One {
        address: SocketAddr,
        connected: bool,
    },
    Many(Destinations),
}

#[derive(Debug)]
struct Destinations {
    list: Vec<Destination>,
    is_dynamic: bool,
    count: Option<Word64>,
}

#[derive(Debug)]
struct Destination {
    /// −1 for one learned from a status message.
    registration_id: i64,
    receiver_id: Option<i64>,
    address: Option<SocketAddr>,
    heard_ns: i64,
}

/// A destination that was learned, not added.
const LEARNED: i64 = -1;

impl Endpoint {
    pub(super) fn new(
        (id, socket): (SendEndpointId, Socket),
        target: SendTarget,
        group: bool,
        count: Option<Word64>,
    ) -> Self {
        let many = |is_dynamic| {
            Targets::Many(Destinations {
                list: Vec::new(),
                is_dynamic,
                count,
            })
        };
        let targets = match target {
            SendTarget::One { address, connected } => Targets::One { address, connected },
            SendTarget::Manual => many(false),
            SendTarget::Dynamic => many(true),
        };
        let (streams, is_closing) = (Vec::new(), false);
        Self {
            id,
            socket,
            group,
            targets,
            streams,
            is_closing,
        }
    }

    /// Whether exactly one receiver listens, so that its end of stream is the stream's.
    pub(super) fn is_unicast(&self) -> bool {
        matches!(self.targets, Targets::One { .. }) && !self.group
    }

    /// Stages a datagram to everybody; gives each ticket to `flies`, and says how many there are.
    pub(super) fn send(
        &mut self,
        net: &mut NetOut,
        span: &Span,
        now_ns: i64,
        mut flies: impl FnMut(Ticket),
    ) -> Result<usize, Full> {
        let socket = self.socket;
        self.each(now_ns, net.remaining(), |to| {
            net.send(socket, span.clone(), to).map(&mut flies)
        })
    }

    /// Stages a small frame to everybody.
    pub(super) fn send_copy(
        &mut self,
        net: &mut NetOut,
        frame: &[u8],
        now_ns: i64,
        mut flies: impl FnMut(Ticket),
    ) -> Result<usize, Full> {
        let socket = self.socket;
        self.each(now_ns, net.remaining(), |to| {
            net.send_copy(socket, frame, to).map(&mut flies)
        })
    }

    /// All or none: room for every destination is there before the first is staged.
    fn each(
        &mut self,
        now_ns: i64,
        room: usize,
        mut send: impl FnMut(Option<SocketAddr>) -> Result<(), Full>,
    ) -> Result<usize, Full> {
        match &mut self.targets {
            Targets::One { address, connected } => {
                send((!*connected).then_some(*address))?;
                Ok(1)
            }
            Targets::Many(destinations) => {
                destinations.expire(now_ns);
                let needed = destinations.list.len();
                if room < needed {
                    return Err(Full {
                        what: "a turn's send queue",
                        limit: room,
                    });
                }
                let mut sends = 0;
                for address in destinations.list.iter().filter_map(|one| one.address) {
                    send(Some(address))?;
                    sends += 1;
                }
                Ok(sends)
            }
        }
    }

    /// A status message keeps its destination alive, or makes one.
    pub(super) fn on_status_message(
        &mut self,
        message: &StatusMessage,
        from: SocketAddr,
        now_ns: i64,
    ) {
        if let Targets::Many(destinations) = &mut self.targets {
            destinations.on_status_message(message, from, now_ns);
        }
    }

    /// The registration id of the destination an error came from; −1 for none.
    pub(super) fn destination_of(&self, receiver_id: i64, from: SocketAddr) -> i64 {
        match &self.targets {
            Targets::One { .. } => LEARNED,
            Targets::Many(destinations) => {
                let found = destinations
                    .list
                    .iter()
                    .find(|one| one.is_source(receiver_id, from));
                found.map_or(LEARNED, |one| one.registration_id)
            }
        }
    }

    pub(super) fn add_destination(&mut self, destination: &SendDestination, now_ns: i64) {
        if let Targets::Many(destinations) = &mut self.targets {
            destinations.list.push(Destination {
                registration_id: destination.registration_id,
                receiver_id: None,
                address: destination.address,
                heard_ns: now_ns,
            });
            destinations.show_count();
        }
    }

    pub(super) fn remove_destination(&mut self, is_it: impl Fn(i64, Option<SocketAddr>) -> bool) {
        if let Targets::Many(destinations) = &mut self.targets {
            destinations
                .list
                .retain(|one| !is_it(one.registration_id, one.address));
            destinations.show_count();
        }
    }
}

impl Destinations {
    fn on_status_message(&mut self, message: &StatusMessage, from: SocketAddr, now_ns: i64) {
        let receiver_id = message.receiver_id;
        if let Some(known) = self
            .list
            .iter_mut()
            .find(|one| one.is_source(receiver_id, from))
        {
            known.receiver_id = Some(receiver_id);
            known.heard_ns = now_ns;
        } else if self.is_dynamic {
            let receiver_id = Some(receiver_id);
            let address = Some(from);
            self.list.push(Destination {
                registration_id: LEARNED,
                receiver_id,
                address,
                heard_ns: now_ns,
            });
            self.show_count();
        }
    }

    /// Learned destinations that were not heard of go; added ones stay.
    fn expire(&mut self, now_ns: i64) {
        let before = self.list.len();
        self.list.retain(|one| {
            one.registration_id != LEARNED
                || now_ns <= one.heard_ns.saturating_add(DESTINATION_TIMEOUT_NS)
        });
        if self.list.len() != before {
            self.show_count();
        }
    }

    fn show_count(&self) {
        if let Some(count) = &self.count {
            count.store_release(self.list.len() as i64);
        }
    }
}

impl Destination {
    /// A receiver is known by its id and port; before that, by its address.
    fn is_source(&self, receiver_id: i64, from: SocketAddr) -> bool {
        match (self.receiver_id, self.address) {
            (Some(known), Some(address)) => known == receiver_id && address.port() == from.port(),
            (None, Some(address)) => address == from,
            (_, None) => false,
        }
    }
}
