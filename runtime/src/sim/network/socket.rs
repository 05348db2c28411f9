//! A simulated socket.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
};

use crossbeam_channel::Sender;

use super::Packet;
use crate::{
    io::SocketOptions,
    sim::{HostId, ProcessId},
};

/// Names a socket of the world; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketId(pub(super) u64);

/// What a token holds: dropping it closes the socket.
#[derive(Debug)]
pub(crate) struct SocketHandle {
    id: SocketId,
    /// `None` once it was adopted.
    close: Option<Sender<SocketId>>,
}

impl SocketHandle {
    pub(super) fn new(id: SocketId, close: Sender<SocketId>) -> Self {
        Self {
            id,
            close: Some(close),
        }
    }

    /// The socket, which the caller closes from now on.
    pub(crate) fn into_id(mut self) -> SocketId {
        self.close = None;
        self.id
    }
}

impl Drop for SocketHandle {
    fn drop(&mut self) {
        if let Some(close) = &self.close {
            // The world may be gone already, and its sockets with it.
            let _ = close.send(self.id);
        }
    }
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "an option, a property and an error of a socket, independent of each other"
)]
pub(in crate::sim) struct SimSocket {
    pub(super) host: HostId,
    pub(super) process: ProcessId,
    pub(super) local: SocketAddr,
    pub(super) peer: Option<SocketAddr>,
    pub(super) group: Option<IpAddr>,
    pub(super) reuses_address: bool,
    pub(super) takes_segments: bool,
    /// A datagram to the connected peer found no socket there.
    pub(super) refused: bool,
    send_buffer_bytes: usize,
    receive_buffer_bytes: usize,
    /// Until when the device is busy with what was sent, in picoseconds.
    busy_until_ps: u128,
    queue: VecDeque<Packet>,
    queued_bytes: usize,
}

/// What the system charges a receive buffer for a datagram beyond its bytes.
const OVERHEAD_BYTES: usize = 256;

impl SimSocket {
    pub(super) fn new(
        (host, process): (HostId, ProcessId),
        local: SocketAddr,
        granted: &SocketOptions,
        takes_segments: bool,
    ) -> Self {
        Self {
            host,
            process,
            local,
            peer: granted.connect,
            group: granted
                .multicast
                .as_ref()
                .and_then(|multicast| multicast.join),
            reuses_address: granted.reuse_address,
            takes_segments,
            refused: false,
            send_buffer_bytes: granted.send_buffer_bytes,
            receive_buffer_bytes: granted.receive_buffer_bytes,
            busy_until_ps: 0,
            queue: VecDeque::new(),
            queued_bytes: 0,
        }
    }

    /// Puts up to `len` bytes into the send buffer, `step` at a time; returns how many it had room for. A datagram longer
    /// than the whole buffer has room when the buffer is empty.
    pub(super) fn occupy(&mut self, len: usize, step: usize, now_ns: u64, byte_ps: u64) -> usize {
        let now_ps = u128::from(now_ns) * 1_000;
        let byte_ps = u128::from(byte_ps);
        let mut busy_until = self.busy_until_ps.max(now_ps);
        let mut taken = 0;
        while taken < len {
            let next = step.min(len - taken) as u128;
            let waiting = (busy_until - now_ps).checked_div(byte_ps).unwrap_or(0);
            if waiting > 0 && waiting + next > self.send_buffer_bytes as u128 {
                break;
            }
            busy_until += next * byte_ps;
            taken += next as usize;
        }
        self.busy_until_ps = busy_until;
        taken
    }

    /// Puts a datagram into the receive buffer; returns whether there was room.
    pub(super) fn put(&mut self, packet: Packet) -> bool {
        let charge = packet.bytes.len() + OVERHEAD_BYTES;
        if self.queued_bytes + charge > self.receive_buffer_bytes.max(charge) {
            return false;
        }
        self.queued_bytes += charge;
        self.queue.push_back(packet);
        true
    }

    pub(super) fn has_mail(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The next datagram, if it fits.
    pub(super) fn take_if(&mut self, fits: impl FnOnce(&Packet) -> bool) -> Option<Packet> {
        if fits(self.queue.front()?) {
            self.take()
        } else {
            None
        }
    }

    pub(super) fn take(&mut self) -> Option<Packet> {
        let packet = self.queue.pop_front()?;
        self.queued_bytes -= packet.bytes.len() + OVERHEAD_BYTES;
        Some(packet)
    }
}
