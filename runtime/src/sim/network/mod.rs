//! The network: datagrams between sockets of hosts, over links that delay and lose them.

mod deliver;
mod socket;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use fastrand::Rng;

pub(crate) use self::socket::SocketHandle;
pub(super) use self::{
    deliver::Arrival,
    socket::{SimSocket, SocketId},
};
use super::{
    HostId, ProcessId, errno,
    random::happens,
    settings::{Link, Settings, Sockets},
};
use crate::io::{IoFailure, SocketOptions};

/// The longest payload of a UDP datagram.
const LONGEST_DATAGRAM: usize = 65_507;
/// Datagrams joined in one receive at most, and their bytes.
const JOINED: usize = 64;
const JOINED_BYTES: usize = 65_535;
/// Ports given out for port 0: Linux's range.
const EPHEMERAL: std::ops::Range<u16> = 32_768..61_000;

/// All sockets of all hosts, and the links between these.
pub(super) struct Network {
    sockets: BTreeMap<SocketId, SimSocket>,
    ports: BTreeMap<(HostId, u16), Vec<SocketId>>,
    addresses: BTreeMap<IpAddr, HostId>,
    next_id: u64,
    links: BTreeMap<(HostId, HostId), Link>,
    cut: BTreeSet<(HostId, HostId)>,
    /// When the last in-order datagram arrives, per direction.
    last_arrival: BTreeMap<(HostId, HostId), u64>,
    default_link: Link,
    loopback: Link,
    settings: Sockets,
    wire: Option<Wire>,
    dropped: (Sender<SocketId>, Receiver<SocketId>),
}

/// Sees each datagram as it leaves its host, may change its bytes, and says whether it goes on.
pub type Wire = Box<dyn FnMut(&mut OnWire<'_>) -> Fate>;

/// A datagram as it leaves its host.
#[derive(Debug)]
pub struct OnWire<'a> {
    /// The sender's address.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// Its bytes.
    pub bytes: &'a mut [u8],
}

/// What becomes of a datagram on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on (and may still be lost on its link).
    Pass,
    /// It is lost.
    Lose,
}

/// A datagram under way.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) to_host: HostId,
    pub(super) sender: SocketId,
    pub(super) bytes: Box<[u8]>,
}

/// A send: some bytes, as one datagram or several.
pub(super) struct Sending<'a> {
    pub(super) socket: SocketId,
    pub(super) bytes: &'a [u8],
    pub(super) segment: Option<u16>,
    pub(super) to: Option<SocketAddr>,
}

/// One datagram of a send.
struct Leaving<'a> {
    sender: SocketId,
    host: HostId,
    from: SocketAddr,
    to: SocketAddr,
    bytes: &'a [u8],
}

/// A datagram's arrival: when, and what.
pub(super) type Due = (u64, Packet);

impl Network {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            sockets: BTreeMap::new(),
            ports: BTreeMap::new(),
            addresses: BTreeMap::new(),
            next_id: 0,
            links: BTreeMap::new(),
            cut: BTreeSet::new(),
            last_arrival: BTreeMap::new(),
            default_link: settings.link.clone(),
            loopback: settings.loopback.clone(),
            settings: settings.sockets.clone(),
            wire: None,
            dropped: unbounded(),
        }
    }

    pub(super) fn add_address(&mut self, ip: IpAddr, host: HostId) {
        let before = self.addresses.insert(ip, host);
        assert!(before.is_none(), "{ip} belongs to a host already");
    }

    pub(super) fn set_link(&mut self, from: HostId, to: HostId, link: Link) {
        self.links.insert((from, to), link);
    }

    pub(super) fn set_cut(&mut self, from: HostId, to: HostId, is_cut: bool) {
        if is_cut {
            self.cut.insert((from, to));
        } else {
            self.cut.remove(&(from, to));
        }
    }

    pub(super) fn set_wire(&mut self, wire: Option<Wire>) {
        self.wire = wire;
    }

    /// Binds a socket as the options say (spec 03 §6.2), with the errors of Linux.
    pub(super) fn bind(
        &mut self,
        (host, process): (HostId, ProcessId),
        local: SocketAddr,
        options: &SocketOptions,
        rng: &mut Rng,
    ) -> Result<(SocketHandle, SocketAddr, SocketOptions), IoFailure> {
        self.close_dropped();
        let ip = local.ip();
        let is_here =
            ip.is_unspecified() || ip.is_multicast() || self.host_of(host, ip) == Some(host);
        if !is_here {
            return Err(errno(libc::EADDRNOTAVAIL));
        }
        let port = match local.port() {
            0 => self.free_port(host, ip, rng)?,
            port if self.conflicts(host, SocketAddr::new(ip, port), options.reuse_address) => {
                return Err(errno(libc::EADDRINUSE));
            }
            port => port,
        };
        let local = SocketAddr::new(ip, port);
        let mut granted = options.clone();
        granted.send_buffer_bytes = self.grant(options.send_buffer_bytes);
        granted.receive_buffer_bytes = self.grant(options.receive_buffer_bytes);
        let id = SocketId(self.next_id);
        self.next_id += 1;
        let takes_segments = !happens(rng, self.settings.without_segments_ppm);
        let socket = SimSocket::new((host, process), local, &granted, takes_segments);
        self.sockets.insert(id, socket);
        self.ports.entry((host, port)).or_default().push(id);
        let handle = SocketHandle::new(id, self.dropped.0.clone());
        Ok((handle, local, granted))
    }

    /// Takes a send: what arrives when goes to `due`. Order, errors and partial sends are those of `sendmsg` with
    /// `MSG_DONTWAIT`.
    pub(super) fn send(
        &mut self,
        sending: &Sending<'_>,
        now_ns: u64,
        rng: &mut Rng,
        due: &mut Vec<Due>,
    ) -> Result<usize, IoFailure> {
        let refused_ppm = self.settings.refused_ppm;
        let byte_ps = self.settings.byte_ps;
        let socket = self.sockets.get_mut(&sending.socket);
        let socket = socket.ok_or_else(|| errno(libc::EBADF))?;
        if std::mem::take(&mut socket.refused) {
            return Err(errno(libc::ECONNREFUSED));
        }
        let to = sending.to.or(socket.peer);
        let to = to.ok_or_else(|| errno(libc::EDESTADDRREQ))?;
        if to.port() == 0 {
            return Err(errno(libc::EINVAL));
        }
        let len = sending.bytes.len();
        let step = sending.segment.map_or(len, usize::from).max(1);
        if step.min(len) > LONGEST_DATAGRAM {
            return Err(errno(libc::EMSGSIZE));
        }
        let whole = sending.segment.is_none() || socket.takes_segments;
        let taken = if happens(rng, refused_ppm) {
            0
        } else {
            socket.occupy(len, if whole { len } else { step }, now_ns, byte_ps)
        };
        if taken == 0 && len > 0 {
            return Err(errno(libc::EAGAIN));
        }
        let (host, local) = (socket.host, socket.local);
        let from = SocketAddr::new(self.source_ip(host, local.ip(), to.ip())?, local.port());
        // A datagram without bytes is one, too; chunks would make none of it.
        let empty = (len == 0).then_some(&[][..]);
        for bytes in empty.into_iter().chain(sending.bytes[..taken].chunks(step)) {
            let leaving = Leaving {
                sender: sending.socket,
                host,
                from,
                to,
                bytes,
            };
            self.launch(&leaving, now_ns, rng, due);
        }
        Ok(taken)
    }

    /// The next datagram in a socket's buffer, by seed with those behind it that the system may join to it (`UDP_GRO`):
    /// of one sender, and all of one length but the last, which may be shorter.
    pub(super) fn receive(&mut self, socket: SocketId, rng: &mut Rng) -> Option<Vec<Packet>> {
        let joins = happens(rng, self.settings.joined_ppm);
        let socket = self.sockets.get_mut(&socket)?;
        let first = socket.take()?;
        let (from, step) = (first.from, first.bytes.len());
        let mut packets = vec![first];
        while joins
            && step > 0
            && packets.len() < JOINED
            && (packets.len() + 1) * step <= JOINED_BYTES
        {
            let fits = |next: &Packet| next.from == from && (1..=step).contains(&next.bytes.len());
            let Some(next) = socket.take_if(fits) else {
                break;
            };
            let is_last = next.bytes.len() < step;
            packets.push(next);
            if is_last {
                break;
            }
        }
        Some(packets)
    }

    /// Whether a datagram is in a socket's buffer.
    pub(super) fn has_mail(&self, socket: SocketId) -> bool {
        self.sockets.get(&socket).is_some_and(SimSocket::has_mail)
    }

    /// An earlier datagram of a connected socket found no socket: its next send says so.
    pub(super) fn refuse(&mut self, socket: SocketId) {
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.refused = true;
        }
    }

    /// Closes a socket; its port is free.
    pub(super) fn close(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.remove(&id) else {
            return;
        };
        let place = (socket.host, socket.local.port());
        if let Some(ids) = self.ports.get_mut(&place) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.ports.remove(&place);
            }
        }
    }

    /// Closes all sockets of a process.
    pub(super) fn close_all_of(&mut self, process: ProcessId) {
        let all = self.sockets.iter();
        let theirs = all.filter(|(_, socket)| socket.process == process);
        let theirs: Vec<_> = theirs.map(|(id, _)| *id).collect();
        for id in theirs {
            self.close(id);
        }
    }

    fn close_dropped(&mut self) {
        while let Ok(id) = self.dropped.1.try_recv() {
            self.close(id);
        }
    }

    /// The host an address leads to, seen from `host`.
    fn host_of(&self, host: HostId, ip: IpAddr) -> Option<HostId> {
        if ip.is_loopback() {
            return Some(host);
        }
        self.addresses.get(&ip).copied()
    }

    fn source_ip(&self, host: HostId, local: IpAddr, to: IpAddr) -> Result<IpAddr, IoFailure> {
        if !local.is_unspecified() && !local.is_multicast() {
            return Ok(local);
        }
        if self.host_of(host, to) == Some(host) {
            return Ok(to);
        }
        let own = self.addresses.iter();
        let own = own.filter(|(ip, owner)| **owner == host && ip.is_ipv4() == to.is_ipv4());
        let own = own.map(|(ip, _)| *ip).next();
        own.ok_or_else(|| errno(libc::ENETUNREACH))
    }

    fn conflicts(&self, host: HostId, local: SocketAddr, reuse: bool) -> bool {
        let there = self.ports.get(&(host, local.port()));
        let mut there = there.into_iter().flatten();
        there.any(|id| {
            let other = &self.sockets[id];
            let (ip, theirs) = (local.ip(), other.local.ip());
            let overlap = ip.is_ipv4() == theirs.is_ipv4()
                && (ip == theirs || ip.is_unspecified() || theirs.is_unspecified());
            overlap && !(reuse && other.reuses_address)
        })
    }

    fn free_port(&self, host: HostId, ip: IpAddr, rng: &mut Rng) -> Result<u16, IoFailure> {
        let first = rng.u16(EPHEMERAL);
        let from_first = (first..EPHEMERAL.end).chain(EPHEMERAL.start..first);
        let free = from_first
            .into_iter()
            .find(|port| !self.conflicts(host, SocketAddr::new(ip, *port), false));
        free.ok_or_else(|| errno(libc::EADDRINUSE))
    }

    fn grant(&self, asked: usize) -> usize {
        match asked {
            0 => self.settings.default_buffer_bytes,
            asked => asked.min(self.settings.largest_buffer_bytes),
        }
    }
}
