//! Sockets as movable tokens, and as handles of the agent that adopted them.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
};

use crate::sim::SocketHandle;

/// A bound UDP socket on its way to the half that will own it. Made by a chore, adopted with `NetOut::adopt`.
pub struct SocketToken {
    pub(crate) source: SocketSource,
    pub(crate) local: SocketAddr,
    pub(crate) options: SocketOptions,
}

pub(crate) enum SocketSource {
    Os(OwnedFd),
    Simulated(SocketHandle),
}

impl SocketSource {
    /// The descriptor, for a backend of the system.
    ///
    /// # Panics
    /// For a simulated socket: worlds are not mixed.
    pub(crate) fn into_os(self) -> OwnedFd {
        match self {
            Self::Os(fd) => fd,
            Self::Simulated(_) => panic!("a thread of the system adopts a simulated socket"),
        }
    }
}

impl SocketToken {
    /// The address it is bound to, with the port the system chose for port 0.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// The sizes the system granted (see [`SocketOptions`]).
    pub fn granted(&self) -> &SocketOptions {
        &self.options
    }
}

impl fmt::Debug for SocketToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketToken({})", self.local)
    }
}

/// How to make a UDP socket (spec 03 §6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// `SO_SNDBUF` in bytes; 0 leaves the system's default. In a token: what the system granted.
    pub send_buffer_bytes: usize,
    /// `SO_RCVBUF` in bytes; 0 leaves the system's default. In a token: what the system granted.
    pub receive_buffer_bytes: usize,
    /// Set `SO_REUSEADDR`, as multicast receivers do.
    pub reuse_address: bool,
    /// Multicast: the group to join and the interface's address to join and send on.
    pub multicast: Option<Multicast>,
    /// Connect to this peer, so that the system reports its refusals and sends need no address.
    pub connect: Option<SocketAddr>,
}

impl SocketOptions {
    /// A plain unicast socket with the system's buffer sizes.
    pub const UNICAST: Self = Self {
        send_buffer_bytes: 0,
        receive_buffer_bytes: 0,
        reuse_address: false,
        multicast: None,
        connect: None,
    };
}

/// Membership of a multicast group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multicast {
    /// Group to join; `None` for a socket that only sends.
    pub join: Option<IpAddr>,
    /// Address of the interface.
    pub interface: IpAddr,
    /// Interface index, for IPv6.
    pub interface_index: u32,
    /// Time to live of what is sent; 0 leaves the system's default.
    pub ttl: u8,
}

/// A socket that an agent adopted: valid for that agent alone, until it releases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    pub(crate) slot: u16,
    pub(crate) generation: u16,
}

/// What a socket is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Datagrams go to the agent's mail.
    Receive,
    /// Nothing is received on it.
    SendOnly,
}

/// A failure as the system reports it, small enough to copy on a data path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", io::Error::from_raw_os_error(*errno))]
pub struct IoFailure {
    /// The system's error number.
    pub errno: i32,
}

impl IoFailure {
    /// The kind that the standard library gives this error number.
    pub fn kind(self) -> io::ErrorKind {
        io::Error::from_raw_os_error(self.errno).kind()
    }

    /// Whether the operation may simply be tried again (`EAGAIN`).
    pub fn is_would_block(self) -> bool {
        self.errno == libc::EAGAIN
    }
}

impl From<io::Error> for IoFailure {
    fn from(error: io::Error) -> Self {
        Self {
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        }
    }
}

impl From<IoFailure> for io::Error {
    fn from(failure: IoFailure) -> Self {
        Self::from_raw_os_error(failure.errno)
    }
}
