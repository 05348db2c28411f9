//! One datagram (or one batch of equal ones) in or out of a socket: the message header, shared by the ring and plain calls.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV6},
    os::fd::RawFd,
    ptr,
};

use socket2::SockAddrStorage;

/// Sends never wait, whatever the socket's state, and never raise a signal.
pub(crate) const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
/// Receives never wait.
pub(crate) const RECEIVE_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// A message header with all it points at but the bytes: for one operation at a time, to be used again for the next.
///
/// # Soundness
/// The header points into this very value, so what [`Self::outgoing`] and [`Self::incoming`] return is valid until the value
/// is moved, dropped or prepared again.
pub(crate) struct Message {
    header: libc::msghdr,
    part: libc::iovec,
    control: SegmentControl,
    name: SockAddrStorage,
}

/// Control-message space for one `u16` or `i32`, aligned as the kernel wants it.
#[repr(C, align(8))]
struct SegmentControl([u8; 24]);

impl Message {
    pub(crate) fn new() -> Self {
        Self {
            // SAFETY: all zeros are a valid msghdr.
            header: unsafe { std::mem::zeroed() },
            part: libc::iovec {
                iov_base: ptr::null_mut(),
                iov_len: 0,
            },
            control: SegmentControl([0; 24]),
            name: SockAddrStorage::zeroed(),
        }
    }

    /// Prepares a send of `len` bytes at `bytes`; with `segment`, as datagrams of that length (`UDP_SEGMENT`). Only the
    /// kernel reads the bytes, and whoever hands it the header says why they are valid.
    pub(crate) fn outgoing(
        &mut self,
        bytes: *const u8,
        len: usize,
        segment: Option<u16>,
        to: Option<SocketAddr>,
    ) -> *const libc::msghdr {
        self.part.iov_base = bytes.cast_mut().cast();
        self.part.iov_len = len;
        self.header.msg_iov = &raw mut self.part;
        self.header.msg_iovlen = 1;
        match to {
            Some(to) => {
                self.header.msg_namelen = put_address(&mut self.name, to);
                self.header.msg_name = (&raw mut self.name).cast();
            }
            None => {
                self.header.msg_namelen = 0;
                self.header.msg_name = ptr::null_mut();
            }
        }
        match segment {
            Some(segment) => self.put_segment(segment),
            None => {
                self.header.msg_control = ptr::null_mut();
                self.header.msg_controllen = 0;
            }
        }
        &raw const self.header
    }

    /// Prepares a receive into `buffer`.
    pub(crate) fn incoming(&mut self, buffer: &mut [u8]) -> *mut libc::msghdr {
        self.part.iov_base = buffer.as_mut_ptr().cast();
        self.part.iov_len = buffer.len();
        self.header.msg_iov = &raw mut self.part;
        self.header.msg_iovlen = 1;
        self.header.msg_namelen = self.name.size_of();
        self.header.msg_name = (&raw mut self.name).cast();
        self.header.msg_control = (&raw mut self.control).cast();
        self.header.msg_controllen = size_of::<SegmentControl>();
        self.header.msg_flags = 0;
        &raw mut self.header
    }

    /// After a receive: the sender, and the length of the joined datagrams if there are several (`UDP_GRO`).
    pub(crate) fn arrived(&mut self) -> io::Result<(SocketAddr, Option<u16>)> {
        let from = get_address(&mut self.name, self.header.msg_namelen)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))?;
        Ok((from, self.joined()))
    }

    fn put_segment(&mut self, segment: u16) {
        self.header.msg_control = (&raw mut self.control).cast();
        // SAFETY: pure arithmetic on a constant length.
        self.header.msg_controllen = unsafe { libc::CMSG_SPACE(2) } as usize;
        // SAFETY: the control buffer has room for one message of two bytes, so there is a first header with data behind it.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const self.header);
            (*first).cmsg_level = libc::SOL_UDP;
            (*first).cmsg_type = libc::UDP_SEGMENT;
            (*first).cmsg_len = libc::CMSG_LEN(2) as usize;
            libc::CMSG_DATA(first)
                .cast::<u16>()
                .write_unaligned(segment);
        }
    }

    fn joined(&self) -> Option<u16> {
        // SAFETY: the kernel filled the control buffer that the header names, up to msg_controllen.
        let first = unsafe { libc::CMSG_FIRSTHDR(&raw const self.header) };
        if first.is_null() {
            return None;
        }
        // SAFETY: a first header exists, so it and its data lie in the control buffer.
        let (level, kind, value) = unsafe {
            (
                (*first).cmsg_level,
                (*first).cmsg_type,
                libc::CMSG_DATA(first).cast::<i32>().read_unaligned(),
            )
        };
        let joined = level == libc::SOL_UDP && kind == libc::UDP_GRO;
        joined
            .then(|| u16::try_from(value).ok())
            .flatten()
            .filter(|segment| *segment > 0)
    }
}

/// Sends with a plain call what [`Message::outgoing`] describes, without ever blocking.
///
/// # Safety
/// `bytes` is valid for reading `len` bytes during the call. Other threads may change them.
pub(crate) unsafe fn send(
    fd: RawFd,
    message: &mut Message,
    (bytes, len): (*const u8, usize),
    segment: Option<u16>,
    to: Option<SocketAddr>,
) -> io::Result<usize> {
    let header = message.outgoing(bytes, len, segment, to);
    // SAFETY: the header's pointers lead into `message`, which stays where it is during the call, and to the caller's bytes.
    let sent = unsafe { libc::sendmsg(fd, header, SEND_FLAGS) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Receives into `buffer` without ever blocking: length, sender, and the length of the joined datagrams if there are several.
pub(crate) fn receive(
    fd: RawFd,
    message: &mut Message,
    buffer: &mut [u8],
) -> io::Result<(usize, SocketAddr, Option<u16>)> {
    let header = message.incoming(buffer);
    // SAFETY: the header's pointers lead into `message` and to the buffer, both of which outlive the call.
    let received = unsafe { libc::recvmsg(fd, header, RECEIVE_FLAGS) };
    let len = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    let (from, segment) = message.arrived()?;
    Ok((len, from, segment))
}

/// Asks the kernel to hand over runs of equal datagrams in one receive (`UDP_GRO`). A kernel that can't goes on as before.
pub(crate) fn join_arrivals(fd: RawFd) {
    let on: libc::c_int = 1;
    // SAFETY: an open descriptor, and an int that outlives the call. A refusal changes nothing, so the result is not read.
    unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_UDP,
            libc::UDP_GRO,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
}

/// The errors of a segmented send that mean: not with this device or route (a transmit checksum is missing, a segment is
/// above the route's MTU).
pub(crate) fn refuses_segments(errno: i32) -> bool {
    matches!(
        errno,
        libc::EINVAL | libc::EIO | libc::EMSGSIZE | libc::ENOPROTOOPT
    )
}

fn put_address(name: &mut SockAddrStorage, to: SocketAddr) -> libc::socklen_t {
    match to {
        SocketAddr::V4(to) => {
            // SAFETY: a sockaddr_in is smaller than the storage and valid for any bytes.
            let name = unsafe { name.view_as::<libc::sockaddr_in>() };
            name.sin_family = libc::AF_INET as libc::sa_family_t;
            name.sin_port = to.port().to_be();
            name.sin_addr.s_addr = u32::from_ne_bytes(to.ip().octets());
            name.sin_zero = [0; 8];
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(to) => {
            // SAFETY: a sockaddr_in6 is smaller than the storage and valid for any bytes.
            let name = unsafe { name.view_as::<libc::sockaddr_in6>() };
            name.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            name.sin6_port = to.port().to_be();
            name.sin6_addr.s6_addr = to.ip().octets();
            name.sin6_flowinfo = to.flowinfo();
            name.sin6_scope_id = to.scope_id();
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

fn get_address(name: &mut SockAddrStorage, len: libc::socklen_t) -> Option<SocketAddr> {
    // SAFETY: every kind of address begins with its family, and a storage is valid for any bytes.
    let family = unsafe { name.view_as::<libc::sockaddr>() }.sa_family;
    match i32::from(family) {
        libc::AF_INET if len as usize >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: a sockaddr_in is smaller than the storage and valid for any bytes.
            let name = unsafe { name.view_as::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::from((ip, u16::from_be(name.sin_port))))
        }
        libc::AF_INET6 if len as usize >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: a sockaddr_in6 is smaller than the storage and valid for any bytes.
            let name = unsafe { name.view_as::<libc::sockaddr_in6>() };
            let (ip, port) = (name.sin6_addr.s6_addr, u16::from_be(name.sin6_port));
            let (flow, scope) = (name.sin6_flowinfo, name.sin6_scope_id);
            Some(SocketAddrV6::new(ip.into(), port, flow, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was_put() {
        for text in ["127.0.0.1:40123", "[fe80::1%3]:40456", "[::1]:1"] {
            let to: SocketAddr = text.parse().unwrap();
            let mut message = Message::new();
            message.outgoing(ptr::null(), 0, None, Some(to));
            assert_eq!(message.arrived().unwrap(), (to, None));
        }
    }
}
