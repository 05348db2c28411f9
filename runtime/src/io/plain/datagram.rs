//! One datagram (or one batch of equal ones) in or out of a socket.

use std::{io, net::SocketAddr, os::fd::RawFd, ptr};

use socket2::{SockAddr, SockAddrStorage};

/// Control-message space for one `u16`, aligned as the kernel wants it.
#[repr(C, align(8))]
struct SegmentControl([u8; 24]);

/// Sends `len` bytes at `bytes` without ever blocking; with `segment`, as datagrams of that length (`UDP_SEGMENT`).
///
/// # Safety
/// `bytes` is valid for reading `len` bytes during the call. Other threads may change them.
pub(crate) unsafe fn send(
    fd: RawFd,
    bytes: *const u8,
    len: usize,
    segment: Option<u16>,
    to: Option<&SockAddr>,
) -> io::Result<usize> {
    let mut part = libc::iovec {
        iov_base: bytes.cast_mut().cast(),
        iov_len: len,
    };
    let mut control = SegmentControl([0; 24]);
    // SAFETY: all zeros are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if let Some(to) = to {
        message.msg_name = to.as_ptr().cast_mut().cast();
        message.msg_namelen = to.len();
    }
    if let Some(segment) = segment {
        put_segment(&mut message, &mut control, segment);
    }
    // SAFETY: the header's pointers lead to locals that outlive the call, and to the caller's bytes and address.
    let sent = unsafe {
        libc::sendmsg(
            fd,
            &raw const message,
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Receives into `buffer` without ever blocking: length, sender, and the length of the joined datagrams if there are several.
pub(crate) fn receive(
    fd: RawFd,
    buffer: &mut [u8],
) -> io::Result<(usize, SocketAddr, Option<u16>)> {
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut control = SegmentControl([0; 24]);
    let mut name = SockAddrStorage::zeroed();
    // SAFETY: all zeros are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_name = ptr::from_mut(&mut name).cast();
    message.msg_namelen = name.size_of();
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<SegmentControl>();
    // SAFETY: the header's pointers lead to locals and to the buffer, all of which outlive the call.
    let received = unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_DONTWAIT) };
    let len = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel wrote an address of this length.
    let name = unsafe { SockAddr::new(name, message.msg_namelen) };
    let from = name
        .as_socket()
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))?;
    Ok((len, from, segment_of(&message)))
}

fn put_segment(message: &mut libc::msghdr, control: &mut SegmentControl, segment: u16) {
    message.msg_control = ptr::from_mut(control).cast();
    // SAFETY: pure arithmetic on a constant length.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(2) } as usize;
    // SAFETY: the control buffer has room for one message of two bytes, so there is a first header with data behind it.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(message);
        (*header).cmsg_level = libc::SOL_UDP;
        (*header).cmsg_type = libc::UDP_SEGMENT;
        (*header).cmsg_len = libc::CMSG_LEN(2) as usize;
        libc::CMSG_DATA(header)
            .cast::<u16>()
            .write_unaligned(segment);
    }
}

fn segment_of(message: &libc::msghdr) -> Option<u16> {
    // SAFETY: the kernel filled the control buffer that the header names, up to msg_controllen.
    let header = unsafe { libc::CMSG_FIRSTHDR(message) };
    if header.is_null() {
        return None;
    }
    // SAFETY: a first header exists, so it and its data lie in the control buffer.
    let (level, kind, value) = unsafe {
        (
            (*header).cmsg_level,
            (*header).cmsg_type,
            libc::CMSG_DATA(header).cast::<i32>().read_unaligned(),
        )
    };
    let joined = level == libc::SOL_UDP && kind == libc::UDP_GRO;
    joined
        .then(|| u16::try_from(value).ok())
        .flatten()
        .filter(|segment| *segment > 0)
}
