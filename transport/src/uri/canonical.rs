//! What a UDP endpoint is made of (03 §6.1), and the canonical form that says which channels share one (04 §1.7).
//!
//! | kind (first match) | remote data | remote control | local data and control | canonical form |
//! |---|---|---|---|---|
//! | multicast endpoint | endpoint | endpoint, last byte + 1 | interface | `UDP-<interface>-<endpoint>`, both resolved |
//! | `control` given | endpoint | endpoint | control | `UDP-<control text>-<endpoint text>` + suffix |
//! | otherwise | endpoint | endpoint | interface | `UDP-<interface>-<endpoint text>` + suffix |
//!
//! Without an endpoint its place is taken by the wildcard address of the control address's family, port 0.

use super::address::{HostPort, format_address, multicast_control_address, wildcard};
use super::error::UriError;
use super::grammar::ChannelUri;
use super::interface::{InterfaceQuery, InterfaceSpec, LocalInterface};
use super::keys;
use super::params::ControlMode;
use std::net::{IpAddr, SocketAddr};

/// The texts of a UDP channel that stand for addresses, checked and taken apart, before any name is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpNames {
    /// The channel.
    pub uri: ChannelUri,
    /// Where to send to, or to bind.
    pub endpoint: Option<HostPort>,
    /// Control address.
    pub control: Option<HostPort>,
    /// Local interface.
    pub interface: Option<InterfaceSpec>,
}

/// The addresses behind the names of a channel. Literal addresses need not be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resolved {
    /// Of `endpoint`.
    pub endpoint: Option<SocketAddr>,
    /// Of `control`.
    pub control: Option<SocketAddr>,
    /// Of `interface`, where that is a host name.
    pub interface: Option<IpAddr>,
}

/// Is the channel one of a publication or subscription, or a destination of one?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelRole {
    /// A channel of its own.
    Channel,
    /// A destination; its canonical form needs no suffix.
    Destination,
}

/// The numbers that keep channels apart which must not share an endpoint: one per driver process, from 0.
#[derive(Debug, Default)]
pub struct CanonicalSuffixes {
    next: i32,
}

impl CanonicalSuffixes {
    fn take(&mut self) -> i32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        number
    }
}

/// How the addresses of a channel come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// The endpoint is a group. A `control` beside it is ignored.
    Multicast,
    /// `control` is the local address.
    ExplicitControl,
    /// The interface is the local address.
    Unicast,
}

/// A UDP channel with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpChannel {
    /// The channel as parsed.
    pub uri: ChannelUri,
    /// How its addresses come about.
    pub kind: ChannelKind,
    /// Where data goes; where a receiver binds.
    pub remote_data: SocketAddr,
    /// Where receivers of a group send to.
    pub remote_control: SocketAddr,
    /// The local address for data.
    pub local_data: SocketAddr,
    /// The local address for control.
    pub local_control: SocketAddr,
    /// Index of the interface, 0 when none was chosen.
    pub interface_index: u32,
    /// How destinations come and go.
    pub control_mode: Option<ControlMode>,
    /// Tag of the endpoint.
    pub tag: Option<i64>,
    /// Multicast hops of the channel, 0 for the driver's setting.
    pub ttl: u8,
    /// Which channels share an endpoint: those with the same text here.
    pub canonical_form: String,
}

impl UdpNames {
    /// Checks a channel as far as that goes without addresses.
    ///
    /// # Errors
    /// [`UriError::InvalidChannel`] if it is no UDP channel or says too little; the errors of its addresses and tag.
    pub fn of(uri: &ChannelUri) -> Result<Self, UriError> {
        let refuse = |rule| {
            Err(UriError::InvalidChannel {
                rule,
                uri: uri.to_string(),
            })
        };
        if !uri.is_udp() {
            return refuse("UDP channels must use UDP URIs");
        }
        let mode = uri.control_mode();
        if mode == Some(ControlMode::Dynamic) && !uri.contains(keys::CONTROL) {
            return refuse("explicit control expected with dynamic control mode");
        }
        let says_where = uri.contains(keys::ENDPOINT)
            || uri.contains(keys::CONTROL)
            || uri.channel_tag_text().is_some();
        if !says_where && !matches!(mode, Some(ControlMode::Manual | ControlMode::Response)) {
            return refuse(
                "URIs for UDP must specify endpoint, control, tags, or control-mode=manual/response",
            );
        }
        let address = |key| {
            uri.get(key)
                .map(|text| HostPort::parse(key, text))
                .transpose()
        };
        Ok(Self {
            control: address(keys::CONTROL)?,
            endpoint: address(keys::ENDPOINT)?,
            interface: uri
                .get(keys::INTERFACE)
                .map(InterfaceSpec::parse)
                .transpose()?,
            uri: uri.clone(),
        })
    }

    /// Which interface the channel wants, now that its addresses are known.
    ///
    /// # Errors
    /// [`UriError::Unresolved`] if a name has no address yet.
    pub fn interface_query(&self, resolved: &Resolved) -> Result<InterfaceQuery, UriError> {
        let (endpoint, control) = self.addresses(resolved)?;
        let is_multicast = endpoint.ip().is_multicast();
        let local = if is_multicast {
            endpoint
        } else {
            control.unwrap_or(endpoint)
        };
        InterfaceQuery::of(
            self.interface.as_ref(),
            resolved.interface,
            is_multicast,
            local.is_ipv6(),
        )
    }

    /// Puts the channel together.
    ///
    /// # Errors
    /// [`UriError::Unresolved`], [`UriError::MulticastEven`], [`UriError::ChannelTag`], a `ttl` that is no number,
    /// timestamps that overlap, buffer lengths and transport security settings that can't be.
    pub fn channel(
        self,
        resolved: &Resolved,
        interface: LocalInterface,
        role: ChannelRole,
        suffixes: &mut CanonicalSuffixes,
    ) -> Result<UdpChannel, UriError> {
        let (endpoint, control) = self.addresses(resolved)?;
        let tag = self.uri.channel_tag()?;
        self.check_options()?;
        let (kind, local, remote_control, ttl) = if endpoint.ip().is_multicast() {
            (
                ChannelKind::Multicast,
                interface.address,
                multicast_control_address(endpoint)?,
                self.uri.ttl()?,
            )
        } else if let Some(control) = control {
            (ChannelKind::ExplicitControl, control, endpoint, 0)
        } else {
            (ChannelKind::Unicast, interface.address, endpoint, 0)
        };
        let canonical_form = {
            let local = match (kind, &self.control) {
                (ChannelKind::ExplicitControl, Some(control)) => control.text.clone(),
                _ => format_address(local),
            };
            let remote = match (kind, &self.endpoint) {
                (ChannelKind::Multicast, _) | (_, None) => format_address(endpoint),
                (_, Some(endpoint)) => endpoint.text.clone(),
            };
            let suffix = match (kind, role) {
                (ChannelKind::Multicast, _) | (_, ChannelRole::Destination) => String::new(),
                _ if !self.shares_nothing(endpoint, control) => String::new(),
                _ => tag.map_or_else(|| format!("-{}", suffixes.take()), |tag| format!("#{tag}")),
            };
            format!("UDP-{local}-{remote}{suffix}")
        };
        Ok(UdpChannel {
            kind,
            remote_data: endpoint,
            remote_control,
            local_data: local,
            local_control: local,
            interface_index: interface.index,
            control_mode: self.uri.control_mode(),
            tag,
            ttl,
            canonical_form,
            uri: self.uri,
        })
    }

    /// The endpoint, or the wildcard address in its place, and the control address.
    fn addresses(&self, resolved: &Resolved) -> Result<(SocketAddr, Option<SocketAddr>), UriError> {
        let of = |name: &Option<HostPort>, given: Option<SocketAddr>, key| match name {
            None => Ok(None),
            Some(name) => {
                given
                    .or_else(|| name.literal())
                    .map(Some)
                    .ok_or_else(|| UriError::Unresolved {
                        key,
                        value: name.text.clone(),
                    })
            }
        };
        let control = of(&self.control, resolved.control, keys::CONTROL)?;
        let endpoint = of(&self.endpoint, resolved.endpoint, keys::ENDPOINT)?;
        let is_ipv6 = control.is_some_and(|control| control.is_ipv6());
        Ok((endpoint.unwrap_or_else(|| wildcard(is_ipv6)), control))
    }

    /// Does the channel leave an address open, so that two of the same text are two endpoints?
    fn shares_nothing(&self, endpoint: SocketAddr, control: Option<SocketAddr>) -> bool {
        (self.endpoint.is_none() && control.is_none())
            || (self.endpoint.is_some() && endpoint.port() == 0)
            || control.is_some_and(|control| control.port() == 0)
    }

    fn check_options(&self) -> Result<(), UriError> {
        self.uri.bool(keys::ATS)?;
        self.uri.length(keys::SO_SNDBUF)?;
        self.uri.length(keys::SO_RCVBUF)?;
        self.uri.length(keys::RCV_WND)?;
        self.uri.traffic_class()?;
        self.uri.check_timestamps()
    }
}

impl UdpChannel {
    /// Is the endpoint a group?
    #[must_use]
    pub fn is_multicast(&self) -> bool {
        self.kind == ChannelKind::Multicast
    }

    /// Does the channel have destinations of its own (`control-mode` manual or dynamic)?
    #[must_use]
    pub const fn is_multi_destination(&self) -> bool {
        matches!(
            self.control_mode,
            Some(ControlMode::Manual | ControlMode::Dynamic)
        )
    }

    /// Multicast, or several destinations: flow control, NAKs and status messages then count with many receivers.
    #[must_use]
    pub fn has_group_semantics(&self) -> bool {
        self.is_multicast() || self.is_multi_destination()
    }

    /// Is there an `endpoint`, and not the wildcard in its place?
    #[must_use]
    pub fn has_explicit_endpoint(&self) -> bool {
        self.uri.contains(keys::ENDPOINT)
    }

    /// Is `control` the local address? False beside a multicast endpoint.
    #[must_use]
    pub fn has_explicit_control(&self) -> bool {
        self.kind == ChannelKind::ExplicitControl
    }

    /// Does a sender's port come from the driver's range of wildcard ports?
    #[must_use]
    pub fn wants_sender_port(&self) -> bool {
        self.has_explicit_control() && self.local_control.port() == 0
    }

    /// Does a receiver's port come from the driver's range of wildcard ports?
    #[must_use]
    pub const fn wants_receiver_port(&self) -> bool {
        self.remote_data.port() == 0
    }

    /// Does the channel say nothing of addresses, but only name a tag?
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        let is_open = |address: &SocketAddr| address.ip().is_unspecified() && address.port() == 0;
        is_open(&self.remote_data) && is_open(&self.local_data)
    }

    /// Does this channel name the endpoint of `existing` by its tag (04 §1.5)?
    ///
    /// `bound` are the local and remote address of that endpoint where they are no longer the channel's: a bound wildcard port,
    /// a name resolved anew.
    ///
    /// # Errors
    /// [`UriError::TagMismatch`]: the same tag, but another control mode or other addresses.
    pub fn matches_tag(
        &self,
        existing: &Self,
        bound: (Option<SocketAddr>, Option<SocketAddr>),
    ) -> Result<bool, UriError> {
        let tag = match (self.tag, existing.tag) {
            (Some(tag), Some(other)) if tag == other => tag,
            _ => return Ok(false),
        };
        let mismatch = |what| {
            let (requested, existing) = (self.uri.to_string(), existing.uri.to_string());
            Err(UriError::TagMismatch {
                tag,
                what,
                requested,
                existing,
            })
        };
        if self.control_mode.is_some() && self.control_mode != existing.control_mode {
            return mismatch("control-mode");
        }
        let (local, remote) = (
            bound.0.unwrap_or(existing.local_data),
            bound.1.unwrap_or(existing.remote_data),
        );
        if self.is_wildcard() || (self.remote_data == remote && self.local_data == local) {
            return Ok(true);
        }
        mismatch("endpoint or control")
    }

    /// Do both channels lead to one endpoint by their canonical form? Two different tags keep them apart.
    #[must_use]
    pub fn shares_endpoint_with(&self, existing: &Self) -> bool {
        let tags_differ =
            matches!((self.tag, existing.tag), (Some(tag), Some(other)) if tag != other);
        self.canonical_form == existing.canonical_form && !tags_differ
    }
}
