//! The local interface of a channel: `addr[:port][/prefix]` or `{name}[:port]`, and its choice (04 §1.6, 03 §6.3).

use super::address::{Host, parse_port, split, wildcard};
use super::error::UriError;
use super::keys;
use super::quantity::parse_integer;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

const MAX_PREFIX_LENGTH: usize = 6;
const MAX_NAME_LENGTH: usize = 15;
const MAX_NAMED_PORT_LENGTH: usize = 5;

/// An interface as written, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceSpec {
    /// The whole text.
    pub text: String,
    /// What is looked for.
    pub wanted: Wanted,
    /// The local port; 0 asks for any.
    pub port: u16,
}

/// What an interface is looked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Its address, or that of its subnet.
    Address {
        /// The address or a name for it.
        host: Host,
        /// Bits that have to agree; all of them when not written.
        prefix_length: Option<u8>,
    },
    /// Its name.
    Name(String),
}

impl InterfaceSpec {
    /// Reads the value of `interface`.
    ///
    /// # Errors
    /// [`UriError::Interface`], [`UriError::Host`], [`UriError::Port`], [`UriError::PortRange`]
    pub fn parse(text: &str) -> Result<Self, UriError> {
        match text.strip_prefix('{') {
            Some(named) => Self::parse_named(text, named),
            None => Self::parse_address(text),
        }
    }

    fn parse_named(text: &str, named: &str) -> Result<Self, UriError> {
        let refuse = |rule| UriError::Interface {
            value: text.to_owned(),
            rule,
        };
        let (name, after) = named
            .split_once('}')
            .ok_or_else(|| refuse("a name is written {name} or {name}:port"))?;
        if name.is_empty() || name.len() > MAX_NAME_LENGTH {
            return Err(refuse("a name has 1 to 15 characters"));
        }
        let port = match (after.is_empty(), after.strip_prefix(':')) {
            (true, _) => 0,
            (false, Some(port)) if !port.is_empty() && port.len() <= MAX_NAMED_PORT_LENGTH => {
                parse_port(port)?
            }
            (false, Some(_)) => return Err(refuse("a port has 1 to 5 digits")),
            (false, None) => return Err(refuse("a name is written {name} or {name}:port")),
        };
        Ok(Self {
            text: text.to_owned(),
            wanted: Wanted::Name(name.to_owned()),
            port,
        })
    }

    fn parse_address(text: &str) -> Result<Self, UriError> {
        let refuse = |rule| UriError::Interface {
            value: text.to_owned(),
            rule,
        };
        let (address, prefix) = match text.rsplit_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let (host, port, is_bracketed) = split(keys::INTERFACE, address)?;
        let port = match port {
            None => 0,
            Some("") => {
                return Err(UriError::Port {
                    value: text.to_owned(),
                });
            }
            Some(port) => parse_port(port)?,
        };
        let host = Host::parse(keys::INTERFACE, host, is_bracketed, text)?;
        let is_ipv6 = matches!(host, Host::Address(IpAddr::V6(_)) | Host::Scoped(..));
        let longest = if is_ipv6 { 128 } else { 32 };
        let prefix_length = match prefix {
            None => None,
            Some(prefix) if prefix.is_empty() || prefix.len() > MAX_PREFIX_LENGTH => {
                return Err(refuse("a subnet prefix has 1 to 6 characters"));
            }
            Some(prefix) => {
                let bits = parse_integer(prefix)
                    .ok()
                    .and_then(|bits| u8::try_from(bits).ok());
                let bits = bits.filter(|&bits| bits <= longest);
                Some(bits.ok_or_else(|| {
                    refuse("a prefix length is at most 32 for IPv4, 128 for IPv6")
                })?)
            }
        };
        Ok(Self {
            text: text.to_owned(),
            wanted: Wanted::Address {
                host,
                prefix_length,
            },
            port,
        })
    }

    /// The address, if this is one and no name has to be resolved.
    #[must_use]
    pub const fn literal(&self) -> Option<SocketAddr> {
        match &self.wanted {
            Wanted::Address { host, .. } => host.literal(self.port),
            Wanted::Name(_) => None,
        }
    }
}

/// One address of an interface of this machine that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The interface's name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// The address.
    pub address: IpAddr,
    /// Bits of its netmask.
    pub prefix_length: u8,
    /// Is it the loopback interface?
    pub is_loopback: bool,
    /// Can it send multicast?
    pub is_multicast: bool,
}

/// The interface a channel's sockets use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalInterface {
    /// Its address, with the port asked for.
    pub address: SocketAddr,
    /// Its index, 0 when none was chosen.
    pub index: u32,
}

/// Which interface is wanted, once addresses are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceQuery {
    /// Any: bind this wildcard address. No list of interfaces is needed.
    Any(SocketAddr),
    /// The best one whose address agrees with this one in the first bits.
    Subnet {
        /// The address, with the port to use.
        address: SocketAddr,
        /// Bits that have to agree.
        prefix_length: u8,
        /// The text, for errors.
        text: String,
    },
    /// The one of this name.
    Named {
        /// The name.
        name: String,
        /// Has its address to be IPv6?
        is_ipv6: bool,
        /// The port to use.
        port: u16,
    },
}

impl InterfaceQuery {
    /// The query of a channel of one family. `resolved` is the address of the interface, if it is written as a name.
    pub(super) fn of(
        spec: Option<&InterfaceSpec>,
        resolved: Option<IpAddr>,
        is_multicast: bool,
        is_ipv6: bool,
    ) -> Result<Self, UriError> {
        let Some(spec) = spec else {
            let any = wildcard(is_ipv6);
            return Ok(if is_multicast {
                let text = if is_ipv6 { "[0::]/0" } else { "0.0.0.0/0" };
                Self::Subnet {
                    address: any,
                    prefix_length: 0,
                    text: text.to_owned(),
                }
            } else {
                Self::Any(any)
            });
        };
        let prefix_length = match &spec.wanted {
            Wanted::Name(name) => {
                return Ok(Self::Named {
                    name: name.clone(),
                    is_ipv6,
                    port: spec.port,
                });
            }
            Wanted::Address { prefix_length, .. } => *prefix_length,
        };
        let address = spec
            .literal()
            .or_else(|| resolved.map(|address| SocketAddr::new(address, spec.port)));
        let Some(address) = address else {
            return Err(UriError::Unresolved {
                key: keys::INTERFACE,
                value: spec.text.clone(),
            });
        };
        if !is_multicast && address.ip().is_unspecified() {
            return Ok(Self::Any(address));
        }
        let longest = if address.is_ipv6() { 128 } else { 32 };
        Ok(Self::Subnet {
            address,
            prefix_length: prefix_length.unwrap_or(longest),
            text: spec.text.clone(),
        })
    }

    /// Chooses among the addresses of the interfaces that are up, in the order the system lists them.
    ///
    /// Loopback is taken only while nothing else was found; of the others that can multicast the longest netmask wins.
    ///
    /// # Errors
    /// [`UriError::NoMatchingInterface`], [`UriError::UnknownInterface`], [`UriError::NoAddressOnInterface`]
    pub fn choose(&self, up: &[InterfaceAddress]) -> Result<LocalInterface, UriError> {
        match self {
            Self::Any(address) => Ok(LocalInterface {
                address: *address,
                index: 0,
            }),
            Self::Subnet {
                address,
                prefix_length,
                text,
            } => {
                let mut best: Option<&InterfaceAddress> = None;
                let mut longest_netmask = 0;
                for candidate in up
                    .iter()
                    .filter(|one| agree(one.address, address.ip(), *prefix_length))
                {
                    if candidate.is_loopback && best.is_none() {
                        best = Some(candidate);
                    } else if candidate.is_multicast
                        && (best.is_none() || candidate.prefix_length > longest_netmask)
                    {
                        longest_netmask = candidate.prefix_length;
                        best = Some(candidate);
                    }
                }
                best.map(|chosen| local(chosen, address.port()))
                    .ok_or_else(|| UriError::NoMatchingInterface {
                        value: text.clone(),
                    })
            }
            Self::Named {
                name,
                is_ipv6,
                port,
            } => {
                let mut of_name = up.iter().filter(|one| one.name == *name).peekable();
                if of_name.peek().is_none() {
                    return Err(UriError::UnknownInterface { name: name.clone() });
                }
                of_name
                    .find(|one| one.address.is_ipv6() == *is_ipv6)
                    .map(|chosen| local(chosen, *port))
                    .ok_or_else(|| UriError::NoAddressOnInterface {
                        family: if *is_ipv6 { "INET6" } else { "INET" },
                        name: name.clone(),
                    })
            }
        }
    }
}

/// The chosen address; a link-local one names its link, or it could not be bound.
const fn local(chosen: &InterfaceAddress, port: u16) -> LocalInterface {
    let address = match chosen.address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddr::V6(SocketAddrV6::new(address, port, 0, chosen.index))
        }
        address => SocketAddr::new(address, port),
    };
    LocalInterface {
        address,
        index: chosen.index,
    }
}

/// Do two addresses of one family agree in their first bits?
fn agree(one: IpAddr, other: IpAddr, prefix_length: u8) -> bool {
    let (difference, width) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (u128::from(one.to_bits() ^ other.to_bits()), 32_u8)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits(), 128),
        _ => return false,
    };
    let free_bits = u32::from(width.saturating_sub(prefix_length));
    difference.checked_shr(free_bits).unwrap_or(0) == 0
}
