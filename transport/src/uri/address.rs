//! Addresses as channels write them: `host:port`, `[IPv6%scope]:port` (04 §1.6).

use super::error::UriError;
use super::quantity::parse_integer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

const MAX_HOST_LENGTH: usize = 383;
const MAX_PORT_LENGTH: usize = 7;

/// The host of an address text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A literal address.
    Address(IpAddr),
    /// A literal IPv6 address with the link it is valid on.
    Scoped(Ipv6Addr, Scope),
    /// A name for a resolver.
    Name(String),
}

/// The link of a link-local address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The interface's index.
    Index(u32),
    /// The interface's name.
    Name(String),
}

impl Host {
    /// The address, if no name has to be resolved. The name of a scope counts as a name.
    #[must_use]
    pub const fn literal(&self, port: u16) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(SocketAddr::new(*address, port)),
            Self::Scoped(address, Scope::Index(index)) => {
                Some(SocketAddr::V6(SocketAddrV6::new(*address, port, 0, *index)))
            }
            Self::Scoped(_, Scope::Name(_)) | Self::Name(_) => None,
        }
    }

    /// Reads the text between brackets, or the text before the port.
    pub(super) fn parse(
        key: &'static str,
        host: &str,
        is_bracketed: bool,
        whole: &str,
    ) -> Result<Self, UriError> {
        let refuse = || UriError::Host {
            key,
            value: whole.to_owned(),
        };
        if host.is_empty() || host.len() > MAX_HOST_LENGTH {
            return Err(refuse());
        }
        if !is_bracketed {
            if host.contains(['[', ']', '%', '/']) {
                return Err(refuse());
            }
            return Ok(host
                .parse()
                .map_or_else(|_| Self::Name(host.to_owned()), Self::Address));
        }
        let (address, scope) = match host.split_once('%') {
            Some((address, scope)) => (address, Some(scope)),
            None => (host, None),
        };
        let address: Ipv6Addr = address.parse().map_err(|_| refuse())?;
        Ok(match scope {
            None => Self::Address(address.into()),
            Some("") => return Err(refuse()),
            Some(scope) => Self::Scoped(
                address,
                scope
                    .parse()
                    .map_or_else(|_| Scope::Name(scope.to_owned()), Scope::Index),
            ),
        })
    }
}

/// An endpoint or control address as written, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// The whole text.
    pub text: String,
    /// The host.
    pub host: Host,
    /// The port; 0 asks for any.
    pub port: u16,
}

impl HostPort {
    /// Reads the value of `endpoint` or `control`.
    ///
    /// # Errors
    /// [`UriError::Host`], [`UriError::Port`], [`UriError::PortRange`]
    pub fn parse(key: &'static str, text: &str) -> Result<Self, UriError> {
        let (host, port, is_bracketed) = split(key, text)?;
        let Some(port) = port.filter(|port| !port.is_empty() && port.len() <= MAX_PORT_LENGTH)
        else {
            return Err(UriError::Port {
                value: text.to_owned(),
            });
        };
        Ok(Self {
            text: text.to_owned(),
            host: Host::parse(key, host, is_bracketed, text)?,
            port: parse_port(port)?,
        })
    }

    /// The address, if no name has to be resolved.
    #[must_use]
    pub const fn literal(&self) -> Option<SocketAddr> {
        self.host.literal(self.port)
    }
}

/// Takes apart host and port; the port is what follows a colon outside brackets.
pub(super) fn split<'a>(
    key: &'static str,
    text: &'a str,
) -> Result<(&'a str, Option<&'a str>, bool), UriError> {
    let refuse = || UriError::Host {
        key,
        value: text.to_owned(),
    };
    if let Some(inside) = text.strip_prefix('[') {
        let (host, after) = inside.split_once(']').ok_or_else(refuse)?;
        return match (after.is_empty(), after.strip_prefix(':')) {
            (true, _) => Ok((host, None, true)),
            (false, Some(port)) => Ok((host, Some(port), true)),
            (false, None) => Err(refuse()),
        };
    }
    Ok(match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port), false),
        None => (text, None, false),
    })
}

pub(super) fn parse_port(text: &str) -> Result<u16, UriError> {
    match parse_integer(text) {
        Ok(port) if port >= 0 => u16::try_from(port).map_err(|_| UriError::PortRange {
            value: text.to_owned(),
        }),
        _ => Err(UriError::Port {
            value: format!("'{text}'"),
        }),
    }
}

/// The address text up to its port, with port 0: for a replay or response that may use any port.
#[must_use]
pub fn replace_port_with_wildcard(endpoint: &str) -> Option<String> {
    endpoint
        .rsplit_once(':')
        .map(|(host, _)| format!("{host}:0"))
}

/// An address as labels and canonical forms write it: `a.b.c.d:port`, `[IPv6]:port` without a scope.
pub(super) fn format_address(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.to_string(),
        SocketAddr::V6(address) => format!("[{}]:{}", address.ip(), address.port()),
    }
}

/// The wildcard address of a family, port 0.
pub(super) const fn wildcard(is_ipv6: bool) -> SocketAddr {
    let address = if is_ipv6 {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    } else {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    };
    SocketAddr::new(address, 0)
}

/// The control address of a multicast group: the data address with its last byte one higher (03 §6.1).
///
/// # Errors
/// [`UriError::MulticastEven`]: data addresses are odd, so that the two never meet.
pub fn multicast_control_address(data: SocketAddr) -> Result<SocketAddr, UriError> {
    // An odd last byte is at most 255, which wraps to 0 as in Aeron.
    let next = |last: &mut u8| {
        let is_odd = *last & 1 == 1;
        *last = last.wrapping_add(1);
        is_odd
    };
    let mut control = data;
    let is_odd = match &mut control {
        SocketAddr::V4(address) => {
            let mut octets = address.ip().octets();
            let is_odd = octets.last_mut().is_some_and(next);
            address.set_ip(octets.into());
            is_odd
        }
        SocketAddr::V6(address) => {
            let mut octets = address.ip().octets();
            let is_odd = octets.last_mut().is_some_and(next);
            address.set_ip(octets.into());
            is_odd
        }
    };
    if is_odd {
        Ok(control)
    } else {
        Err(UriError::MulticastEven { address: data.ip() })
    }
}
