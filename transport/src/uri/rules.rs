//! Which channels make sense for which command (04 §1.8).

use super::canonical::UdpChannel;
use super::error::UriError;
use super::grammar::ChannelUri;
use super::keys;
use super::params::ControlMode;

/// Keys that belong to the channel of a destination, not to the destination.
const NOT_FOR_DESTINATIONS: [&str; 6] = [
    keys::MTU,
    keys::RCV_WND,
    keys::SO_RCVBUF,
    keys::SO_SNDBUF,
    keys::SO_TOS,
    keys::RESPONSE_CORRELATION_ID,
];

/// Can a publication send on this channel?
///
/// # Errors
/// [`UriError::Refused`] with the reason.
pub fn check_publication(channel: &UdpChannel) -> Result<(), UriError> {
    check_security(&channel.uri)?;
    if channel.has_explicit_endpoint()
        && !channel.is_multi_destination()
        && channel.remote_data.port() == 0
    {
        return refuse("endpoint has port=0 for publication", &channel.uri);
    }
    if channel.has_explicit_control()
        && !channel.has_explicit_endpoint()
        && channel.control_mode.is_none()
    {
        return refuse(
            "'control' parameter requires that either 'endpoint' or 'control-mode' is specified",
            &channel.uri,
        );
    }
    if channel.control_mode == Some(ControlMode::Dynamic) && !channel.has_explicit_control() {
        return refuse(
            "'control-mode=dynamic' requires that 'control' parameter is set",
            &channel.uri,
        );
    }
    Ok(())
}

/// Can a publication whose tag leads to no endpoint make one of its own?
///
/// # Errors
/// [`UriError::Refused`] if the channel says no more than the tag.
pub fn check_original_publication(channel: &UdpChannel) -> Result<(), UriError> {
    let says_where = channel.has_explicit_endpoint()
        || channel.has_explicit_control()
        || channel.control_mode == Some(ControlMode::Manual);
    if channel.tag.is_some() && !says_where {
        return refuse(
            "URI must have explicit control, endpoint, or be manual control-mode when original",
            &channel.uri,
        );
    }
    Ok(())
}

/// Can a subscription receive on this channel?
///
/// # Errors
/// [`UriError::Refused`] with the reason.
pub fn check_subscription(channel: &UdpChannel) -> Result<(), UriError> {
    check_security(&channel.uri)?;
    if channel.has_explicit_control() && channel.local_control.port() == 0 {
        return refuse("control has port=0 for subscription", &channel.uri);
    }
    Ok(())
}

/// Can this be a destination, of a publication or of a subscription?
///
/// # Errors
/// [`UriError::DestinationKey`], [`UriError::InvalidChannel`]
pub fn check_destination(uri: &ChannelUri) -> Result<(), UriError> {
    if let Some(key) = NOT_FOR_DESTINATIONS
        .into_iter()
        .find(|key| uri.contains(key))
    {
        return Err(UriError::DestinationKey {
            key,
            uri: uri.to_string(),
        });
    }
    if uri.has_control_mode_response() {
        return Err(UriError::InvalidChannel {
            rule: "destinations may not specify control-mode=response",
            uri: uri.to_string(),
        });
    }
    Ok(())
}

/// Can this be a destination of a publication?
///
/// # Errors
/// Those of [`check_destination`]; [`UriError::InvalidChannel`] for a spy, [`UriError::Refused`] without an endpoint or with
/// port 0.
pub fn check_send_destination(uri: &ChannelUri) -> Result<(), UriError> {
    if uri.is_spy() {
        return Err(UriError::InvalidChannel {
            rule: "Aeron spies are invalid as send destinations",
            uri: uri.to_string(),
        });
    }
    check_destination(uri)?;
    let endpoint = match uri.get(keys::ENDPOINT).filter(|_| uri.is_udp()) {
        Some(endpoint) => super::address::HostPort::parse(keys::ENDPOINT, endpoint)?,
        None => return refuse("incorrect URI format for destination", uri),
    };
    if endpoint.port == 0 {
        return refuse("endpoint has port=0 for send destination", uri);
    }
    Ok(())
}

fn check_security(uri: &ChannelUri) -> Result<(), UriError> {
    if uri.bool(keys::ATS)? == Some(true) {
        return refuse("ATS is not enabled and thus ats=true not allowed", uri);
    }
    Ok(())
}

fn refuse(rule: &'static str, uri: &ChannelUri) -> Result<(), UriError> {
    Err(UriError::Refused {
        rule,
        uri: uri.to_string(),
    })
}
