//! Making UDP sockets (spec 03 §6.2).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::io::socket::{Multicast, SocketOptions, SocketSource, SocketToken};

/// Binds a socket as the options say.
pub(crate) fn bind(local: SocketAddr, options: &SocketOptions) -> io::Result<SocketToken> {
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
    if options.reuse_address {
        socket.set_reuse_address(true)?;
    }
    if options.send_buffer_bytes > 0 {
        socket.set_send_buffer_size(options.send_buffer_bytes)?;
    }
    if options.receive_buffer_bytes > 0 {
        socket.set_recv_buffer_size(options.receive_buffer_bytes)?;
    }
    socket.bind(&local.into())?;
    if let Some(multicast) = &options.multicast {
        join(&socket, multicast)?;
    }
    if let Some(peer) = options.connect {
        socket.connect(&peer.into())?;
    }
    let local = socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))?;
    let granted = SocketOptions {
        // Linux reports twice what it grants, for its own bookkeeping.
        send_buffer_bytes: socket.send_buffer_size()? / 2,
        receive_buffer_bytes: socket.recv_buffer_size()? / 2,
        ..options.clone()
    };
    Ok(SocketToken {
        source: SocketSource::Os(OwnedFd::from(socket)),
        local,
        options: granted,
    })
}

fn join(socket: &Socket, multicast: &Multicast) -> io::Result<()> {
    let socket = SockRef::from(socket);
    match multicast.interface {
        IpAddr::V4(interface) => {
            if let Some(IpAddr::V4(group)) = multicast.join {
                socket.join_multicast_v4(&group, &interface)?;
            }
            socket.set_multicast_if_v4(&interface)?;
            if multicast.ttl > 0 {
                socket.set_multicast_ttl_v4(multicast.ttl.into())?;
            }
        }
        IpAddr::V6(_) => {
            if let Some(IpAddr::V6(group)) = multicast.join {
                socket.join_multicast_v6(&group, multicast.interface_index)?;
            }
            socket.set_multicast_if_v6(multicast.interface_index)?;
            if multicast.ttl > 0 {
                socket.set_multicast_hops_v6(multicast.ttl.into())?;
            }
        }
    }
    Ok(())
}
