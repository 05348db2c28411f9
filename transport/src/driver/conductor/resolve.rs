//! From a channel's text to its addresses: names are resolved elsewhere, one after the other.

use std::net::SocketAddr;

use taranis_runtime::io::{Chore, Outcome};

use super::{
    add_publication::AddPublication,
    add_subscription::AddSubscription,
    core::Core,
    reply::Refusal,
    work::{Asked, Progress, Step},
};
use crate::{
    command::ErrorCode,
    uri::{ChannelRole, ChannelUri, Host, HostPort, Resolved, UdpChannel, UdpNames},
};

/// A UDP channel whose names are being resolved.
#[derive(Debug)]
pub(crate) struct Resolve {
    purpose: Purpose,
    names: UdpNames,
    resolved: Resolved,
    key: Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Endpoint,
    Control,
}

/// What a channel is resolved for.
#[derive(Debug)]
pub(crate) enum Purpose {
    AddPublication(AddPublication),
    AddSubscription(AddSubscription),
    AddSpy(AddSubscription),
    AddSpyDestination(AddSubscription),
    AddDestination { publication_id: i64 },
    RemoveDestination { publication_id: i64 },
    AddReceiveDestination { subscription_id: i64 },
    RemoveReceiveDestination { subscription_id: i64 },
}

impl Purpose {
    fn role(&self) -> ChannelRole {
        match self {
            Self::AddPublication(_) | Self::AddSubscription(_) | Self::AddSpy(_) => {
                ChannelRole::Channel
            }
            Self::AddSpyDestination(_)
            | Self::AddDestination { .. }
            | Self::RemoveDestination { .. }
            | Self::AddReceiveDestination { .. }
            | Self::RemoveReceiveDestination { .. } => ChannelRole::Destination,
        }
    }
}

impl Core {
    /// Begins with a UDP channel; goes on at once when it has no names.
    pub(super) fn with_channel(
        &mut self,
        asked: Asked,
        uri: &ChannelUri,
        purpose: Purpose,
    ) -> Result<Progress, Refusal> {
        let names = UdpNames::of(uri)?;
        self.next_name(asked, purpose, names, Resolved::default())
    }

    pub(super) fn on_resolved(
        &mut self,
        asked: Asked,
        step: Resolve,
        outcome: Outcome,
    ) -> Result<Progress, Refusal> {
        let Resolve {
            purpose,
            names,
            mut resolved,
            key,
        } = step;
        let name = match key {
            Key::Endpoint => names.endpoint.as_ref(),
            Key::Control => names.control.as_ref(),
        };
        let port = name.map_or(0, |name| name.port);
        match outcome {
            Outcome::Addresses(addresses) => {
                // The first one, as the system's resolver orders them.
                let address = addresses.first().map(|ip| SocketAddr::new(*ip, port));
                match key {
                    Key::Endpoint => resolved.endpoint = address,
                    Key::Control => resolved.control = address,
                }
                self.next_name(asked, purpose, names, resolved)
            }
            // A destination that does not resolve yet is added all the same, and tried again.
            _ if matches!(purpose, Purpose::AddDestination { .. }) => {
                self.add_unresolved_destination(asked, &purpose)
            }
            Outcome::Failed(failure) => Err(unknown_host(key, name, &failure.to_string())),
            other => Err(super::work::unexpected("resolve", &other)),
        }
    }

    fn next_name(
        &mut self,
        asked: Asked,
        purpose: Purpose,
        names: UdpNames,
        resolved: Resolved,
    ) -> Result<Progress, Refusal> {
        let open = |name: &Option<HostPort>, given: Option<SocketAddr>| {
            name.as_ref()
                .filter(|name| given.is_none() && name.literal().is_none())
                .cloned()
        };
        let next = open(&names.endpoint, resolved.endpoint)
            .map(|name| (Key::Endpoint, name))
            .or_else(|| open(&names.control, resolved.control).map(|name| (Key::Control, name)));
        if let Some((key, name)) = next {
            let host = match name.host {
                Host::Name(host) => host,
                Host::Address(_) | Host::Scoped(..) => {
                    return Err(unknown_host(
                        key,
                        Some(&name),
                        "named scopes are not supported",
                    ));
                }
            };
            let step = Resolve {
                purpose,
                names,
                resolved,
                key,
            };
            return Ok(Progress::Waits(
                Step::Resolve(Box::new(step)),
                Chore::Resolve { host },
            ));
        }
        let interface = names.interface_query(&resolved)?.choose(&[])?;
        let role = purpose.role();
        let channel = names.channel(&resolved, interface, role, &mut self.suffixes)?;
        self.on_channel(asked, purpose, channel)
    }

    fn on_channel(
        &mut self,
        asked: Asked,
        purpose: Purpose,
        channel: UdpChannel,
    ) -> Result<Progress, Refusal> {
        match purpose {
            Purpose::AddPublication(add) => self.add_network_publication(asked, add, channel),
            Purpose::AddSubscription(add) => self.add_network_subscription(asked, add, channel),
            Purpose::AddSpy(add) => self.add_spy(add, channel),
            Purpose::AddSpyDestination(add) => self.add_spy_destination(asked, add, channel),
            Purpose::AddDestination { publication_id } => {
                self.add_destination(asked, publication_id, &channel)
            }
            Purpose::RemoveDestination { publication_id } => {
                self.remove_destination(asked, publication_id, &channel)
            }
            Purpose::AddReceiveDestination { subscription_id } => {
                self.open_receive_destination(subscription_id, channel)
            }
            Purpose::RemoveReceiveDestination { subscription_id } => {
                self.remove_receive_destination(asked, subscription_id, &channel)
            }
        }
    }
}

fn unknown_host(key: Key, name: Option<&HostPort>, why: &str) -> Refusal {
    let key = match key {
        Key::Endpoint => "endpoint",
        Key::Control => "control",
    };
    let text = name.map_or("", |name| name.text.as_str());
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let text = format!(
        "Unable to resolve host=({host}): {why}\nUnresolved - {key}={text}, name-and-port={text}"
    );
    Refusal::new(ErrorCode::UnknownHost, text)
}
