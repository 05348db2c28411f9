//! A datagram's way: onto a link, and into the buffers of the sockets it finds at the end.

use std::net::SocketAddr;

use fastrand::Rng;

use super::{Due, Fate, Leaving, Network, OnWire, Packet, SocketId};
use crate::sim::{HostId, random::happens, settings::Link};

/// How a datagram's way ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Arrival {
    /// In the buffers of this many sockets.
    Queued(usize),
    /// At a socket whose buffer was full.
    Overflowed,
    /// Where no socket was; the sender if it is connected, and how long the way back is.
    NoSocket(Option<(SocketId, u64)>),
}

impl Network {
    /// Puts one datagram onto each link it takes: one, or one per host with a member of its group.
    pub(super) fn launch(
        &mut self,
        leaving: &Leaving<'_>,
        now_ns: u64,
        rng: &mut Rng,
        due: &mut Vec<Due>,
    ) {
        let &Leaving {
            sender,
            host,
            from,
            to,
            bytes,
        } = leaving;
        let mut bytes: Box<[u8]> = bytes.into();
        if let Some(wire) = &mut self.wire {
            let mut on_wire = OnWire {
                from,
                to,
                bytes: &mut bytes,
            };
            if wire(&mut on_wire) == Fate::Lose {
                return;
            }
        }
        for to_host in self.hosts_of(host, to) {
            let packet = Packet {
                from,
                to,
                to_host,
                sender,
                bytes: bytes.clone(),
            };
            self.travel(host, packet, now_ns, rng, due);
        }
    }

    /// A datagram at the end of its way.
    pub(in crate::sim) fn arrive(&mut self, packet: Packet) -> Arrival {
        self.close_dropped();
        if packet.to.ip().is_multicast() {
            return self.arrive_at_group(&packet);
        }
        let there = self.ports.get(&(packet.to_host, packet.to.port()));
        let there = there.into_iter().flatten();
        let fitting = there.filter_map(|id| {
            let socket = &self.sockets[id];
            let exact = socket.local.ip() == packet.to.ip();
            let wild =
                socket.local.ip().is_unspecified() && socket.local.is_ipv4() == packet.to.is_ipv4();
            let connected = socket.peer.is_some();
            let fits = (exact || wild) && socket.peer.is_none_or(|peer| peer == packet.from);
            // Linux prefers the closer match, and among equals the one that was bound last.
            fits.then_some(((connected, exact, *id), *id))
        });
        let Some((_, id)) = fitting.max() else {
            return Arrival::NoSocket(self.way_back(&packet));
        };
        let socket = self.sockets.get_mut(&id);
        let socket = socket.expect("a socket in the port table is in the socket table");
        if socket.put(packet) {
            Arrival::Queued(1)
        } else {
            Arrival::Overflowed
        }
    }

    fn arrive_at_group(&mut self, packet: &Packet) -> Arrival {
        let mut queued = 0;
        for socket in self.sockets.values_mut() {
            let fits = socket.host == packet.to_host
                && socket.group == Some(packet.to.ip())
                && socket.local.port() == packet.to.port()
                && (socket.local.ip().is_unspecified() || socket.local.ip() == packet.to.ip());
            if fits && socket.put(packet.clone()) {
                queued += 1;
            }
        }
        Arrival::Queued(queued)
    }

    fn way_back(&self, packet: &Packet) -> Option<(SocketId, u64)> {
        let sender = self.sockets.get(&packet.sender)?;
        let back = (packet.to_host, sender.host);
        if sender.peer.is_none() || self.cut.contains(&back) {
            return None;
        }
        Some((packet.sender, self.link(back).delay.least_ns))
    }

    fn hosts_of(&self, host: HostId, to: SocketAddr) -> Vec<HostId> {
        if !to.ip().is_multicast() {
            return self.host_of(host, to.ip()).into_iter().collect();
        }
        let sockets = self.sockets.values();
        let members = sockets.filter(|socket| socket.group == Some(to.ip()));
        let mut hosts: Vec<_> = members.map(|socket| socket.host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    fn travel(
        &mut self,
        host: HostId,
        packet: Packet,
        now_ns: u64,
        rng: &mut Rng,
        due: &mut Vec<Due>,
    ) {
        let way = (host, packet.to_host);
        if self.cut.contains(&way) {
            return;
        }
        let link = self.link(way).clone();
        if happens(rng, link.loss_ppm) {
            return;
        }
        if happens(rng, link.duplicate_ppm) {
            let at = now_ns + link.delay.draw(rng) + link.reorder.draw(rng);
            due.push((at, packet.clone()));
        }
        let mut at = now_ns + link.delay.draw(rng);
        if happens(rng, link.reorder_ppm) {
            at += link.reorder.draw(rng);
        } else {
            let last = self.last_arrival.entry(way).or_default();
            at = at.max(*last);
            *last = at;
        }
        due.push((at, packet));
    }

    fn link(&self, way: (HostId, HostId)) -> &Link {
        self.links.get(&way).unwrap_or(if way.0 == way.1 {
            &self.loopback
        } else {
            &self.default_link
        })
    }
}
