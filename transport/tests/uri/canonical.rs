//! Addresses of a channel, canonical form, tags (03 §6.1; 04 §1.5 to §1.7).

use std::net::SocketAddr;
use taranis_transport::uri::{
    CanonicalSuffixes, ChannelKind, ChannelRole, ChannelUri, InterfaceQuery, LocalInterface,
    Resolved, UdpChannel, UdpNames, UriError, multicast_control_address,
};

const ETH0: &str = "10.1.2.3:0";

pub(crate) fn channel(params: &str) -> Result<UdpChannel, UriError> {
    with(
        params,
        ChannelRole::Channel,
        &mut CanonicalSuffixes::default(),
    )
}

/// Resolves `localhost` and chooses eth0 for every search.
fn with(
    params: &str,
    role: ChannelRole,
    suffixes: &mut CanonicalSuffixes,
) -> Result<UdpChannel, UriError> {
    let names = UdpNames::of(&ChannelUri::parse(&format!("aeron:udp?{params}"))?)?;
    let local = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
    let resolved = Resolved {
        endpoint: names
            .endpoint
            .as_ref()
            .and_then(|name| name.literal().or_else(|| local(name.port))),
        control: names
            .control
            .as_ref()
            .and_then(|name| name.literal().or_else(|| local(name.port))),
        interface: None,
    };
    let interface = match names.interface_query(&resolved)? {
        InterfaceQuery::Any(address) => LocalInterface { address, index: 0 },
        InterfaceQuery::Subnet { address, .. } if address.is_ipv6() => LocalInterface {
            address: "[fe80::5]:0".parse().unwrap(),
            index: 2,
        },
        _ => LocalInterface {
            address: ETH0.parse().unwrap(),
            index: 2,
        },
    };
    names.channel(&resolved, interface, role, suffixes)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn a_unicast_channel_keeps_its_endpoint_as_written() {
    let channel = channel("endpoint=localhost:40123").unwrap();
    assert_eq!(channel.kind, ChannelKind::Unicast);
    assert_eq!(
        (channel.remote_data, channel.remote_control),
        (address("127.0.0.1:40123"), address("127.0.0.1:40123"))
    );
    assert_eq!(
        (channel.local_data, channel.local_control),
        (address("0.0.0.0:0"), address("0.0.0.0:0"))
    );
    assert_eq!(channel.canonical_form, "UDP-0.0.0.0:0-localhost:40123");
    assert!(
        !channel.has_group_semantics()
            && channel.has_explicit_endpoint()
            && !channel.has_explicit_control()
    );
    let numeric = self::channel("endpoint=127.0.0.1:40123|interface=10.0.0.0/8").unwrap();
    assert_eq!(numeric.canonical_form, "UDP-10.1.2.3:0-127.0.0.1:40123");
    assert!(
        !numeric.shares_endpoint_with(&channel),
        "the text of the endpoint counts, not its address"
    );
}

#[test]
fn a_multicast_channel_is_its_addresses() {
    let channel =
        channel("endpoint=224.20.30.39:40456|ttl=4|control=localhost:1|interface=10.0.0.0/8")
            .unwrap();
    assert_eq!(channel.kind, ChannelKind::Multicast);
    assert_eq!(channel.remote_data, address("224.20.30.39:40456"));
    assert_eq!(channel.remote_control, address("224.20.30.40:40456"));
    assert_eq!(
        (channel.local_data, channel.interface_index, channel.ttl),
        (address(ETH0), 2, 4)
    );
    assert_eq!(channel.canonical_form, "UDP-10.1.2.3:0-224.20.30.39:40456");
    assert!(
        channel.has_group_semantics() && !channel.has_explicit_control(),
        "control is ignored"
    );
    let group = self::channel("endpoint=[ff02::1:3]:40456").unwrap();
    assert_eq!(group.remote_control, address("[ff02::1:4]:40456"));
    assert_eq!(group.canonical_form, "UDP-[fe80::5]:0-[ff02::1:3]:40456");
    assert_eq!(
        self::channel("endpoint=localhost:1|ttl=nine").unwrap().ttl,
        0,
        "hops of unicast are not looked at"
    );
}

#[test]
fn a_control_address_is_the_local_one() {
    let channel =
        channel("control=localhost:24001|control-mode=dynamic|endpoint=127.0.0.1:5").unwrap();
    assert_eq!(channel.kind, ChannelKind::ExplicitControl);
    assert_eq!(
        (channel.local_data, channel.local_control),
        (address("127.0.0.1:24001"), address("127.0.0.1:24001"))
    );
    assert_eq!(channel.canonical_form, "UDP-localhost:24001-127.0.0.1:5");
    assert!(channel.is_multi_destination() && channel.has_group_semantics());
}

/// A publication to an IPv6 control address without an endpoint failed once: the missing endpoint was an IPv4 wildcard.
#[test]
fn a_missing_endpoint_takes_the_family_of_the_control_address() {
    let channel = channel("control=[::1]:24001|control-mode=dynamic").unwrap();
    assert_eq!(
        (channel.remote_data, channel.local_data),
        (address("[::]:0"), address("[::1]:24001"))
    );
    assert_eq!(channel.canonical_form, "UDP-[::1]:24001-[::]:0");
    let four = self::channel("control=127.0.0.1:24001|control-mode=dynamic").unwrap();
    assert_eq!(four.canonical_form, "UDP-127.0.0.1:24001-0.0.0.0:0");
}

#[test]
fn addresses_are_printed_without_their_scope() {
    let channel = channel("endpoint=[ff02::3%2]:40456").unwrap();
    assert_eq!(channel.remote_data.to_string(), "[ff02::3%2]:40456");
    assert_eq!(channel.canonical_form, "UDP-[fe80::5]:0-[ff02::3]:40456");
}

#[test]
fn channels_that_leave_an_address_open_are_kept_apart() {
    let mut suffixes = CanonicalSuffixes::default();
    let mut form = |params: &str, role| with(params, role, &mut suffixes).unwrap().canonical_form;
    let role = ChannelRole::Channel;
    assert_eq!(
        form("endpoint=localhost:0", role),
        "UDP-0.0.0.0:0-localhost:0-0"
    );
    assert_eq!(
        form("endpoint=localhost:40123", role),
        "UDP-0.0.0.0:0-localhost:40123"
    );
    assert_eq!(
        form("endpoint=localhost:0", role),
        "UDP-0.0.0.0:0-localhost:0-1"
    );
    assert_eq!(
        form("endpoint=localhost:0|tags=77", role),
        "UDP-0.0.0.0:0-localhost:0#77"
    );
    assert_eq!(
        form("control-mode=manual", role),
        "UDP-0.0.0.0:0-0.0.0.0:0-2"
    );
    assert_eq!(form("tags=5", role), "UDP-0.0.0.0:0-0.0.0.0:0#5");
    assert_eq!(
        form("control=localhost:0|control-mode=manual", role),
        "UDP-localhost:0-0.0.0.0:0-3"
    );
    assert_eq!(
        form("control=localhost:9|control-mode=manual", role),
        "UDP-localhost:9-0.0.0.0:0"
    );
    assert_eq!(
        form("endpoint=localhost:0", ChannelRole::Destination),
        "UDP-0.0.0.0:0-localhost:0"
    );
}

#[test]
fn wildcard_ports_are_asked_for_where_the_spec_says() {
    assert!(
        channel("endpoint=localhost:0")
            .unwrap()
            .wants_receiver_port()
    );
    assert!(
        !channel("endpoint=localhost:0").unwrap().wants_sender_port(),
        "no explicit control"
    );
    assert!(
        channel("control=localhost:0|control-mode=dynamic")
            .unwrap()
            .wants_sender_port()
    );
    assert!(
        !channel("control=localhost:9|control-mode=dynamic")
            .unwrap()
            .wants_sender_port()
    );
}

#[test]
fn a_channel_has_to_say_where_it_goes() {
    for (params, text) in [
        (
            "control-mode=dynamic",
            "explicit control expected with dynamic control mode",
        ),
        (
            "alias=x",
            "URIs for UDP must specify endpoint, control, tags, or control-mode=manual/response",
        ),
        (
            "control-mode=sideways",
            "URIs for UDP must specify endpoint",
        ),
        ("tags=,4", "URIs for UDP must specify endpoint"),
        ("tags=x", "could not parse channel tag string: x"),
    ] {
        let fault = channel(params).unwrap_err();
        assert!(fault.to_string().starts_with(text), "{params}: {fault}");
        assert_eq!(fault.code(), 1, "{params}");
    }
    let ipc = UdpNames::of(&ChannelUri::parse("aeron:ipc").unwrap()).unwrap_err();
    assert!(
        ipc.to_string()
            .starts_with("UDP channels must use UDP URIs")
    );
    for params in ["control-mode=manual", "control-mode=response", "tags=3"] {
        assert!(channel(params).is_ok(), "{params}");
    }
    for params in [
        "endpoint=a:1|ats=maybe",
        "endpoint=a:1|so-sndbuf=x",
        "endpoint=224.0.1.1:1|ttl=x",
    ] {
        assert!(channel(params).is_err(), "{params}");
    }
}

#[test]
fn a_name_nobody_resolved_is_named() {
    let names =
        UdpNames::of(&ChannelUri::parse("aeron:udp?endpoint=nowhere.test:7").unwrap()).unwrap();
    let fault = names.interface_query(&Resolved::default()).unwrap_err();
    assert_eq!(
        (fault.to_string().as_str(), fault.code()),
        ("Unresolved - endpoint=nowhere.test:7", 9)
    );
}

#[test]
fn the_control_address_of_a_group_is_the_next_one() {
    let control = |text: &str| multicast_control_address(address(text));
    assert_eq!(control("224.0.1.255:1").unwrap(), address("224.0.1.0:1"));
    assert_eq!(
        control("[ff02::ff%3]:1").unwrap().to_string(),
        "[ff02::%3]:1"
    );
    let fault = control("224.20.30.40:1").unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("Multicast data address must be odd")
    );
    assert_eq!(fault.code(), 11);
    assert!(channel("endpoint=224.20.30.40:1").is_err());
}

#[test]
fn a_tag_leads_to_the_endpoint_that_has_it() {
    let existing = channel("endpoint=127.0.0.1:40123|tags=7|control-mode=manual").unwrap();
    let none = (None, None);
    assert_eq!(
        channel("tags=7").unwrap().matches_tag(&existing, none),
        Ok(true),
        "a tag alone"
    );
    assert_eq!(
        channel("tags=8").unwrap().matches_tag(&existing, none),
        Ok(false)
    );
    assert_eq!(
        channel("endpoint=127.0.0.1:40123")
            .unwrap()
            .matches_tag(&existing, none),
        Ok(false)
    );
    assert_eq!(
        channel("tags=7|endpoint=127.0.0.1:40123")
            .unwrap()
            .matches_tag(&existing, none),
        Ok(true)
    );

    let mode = channel("tags=7|endpoint=127.0.0.1:40123|control-mode=response").unwrap();
    let fault = mode.matches_tag(&existing, none).unwrap_err().to_string();
    assert!(
        fault.starts_with("matching tag 7 has mismatched control-mode: aeron:udp?tags=7"),
        "{fault}"
    );
    let elsewhere = channel("tags=7|endpoint=127.0.0.1:9").unwrap();
    let fault = elsewhere.matches_tag(&existing, none).unwrap_err();
    assert!(
        fault
            .to_string()
            .contains("has mismatched endpoint or control")
    );
    assert_eq!(
        elsewhere.matches_tag(&existing, (None, Some(address("127.0.0.1:9")))),
        Ok(true),
        "as bound"
    );
}

#[test]
fn different_tags_keep_equal_channels_apart() {
    let of = |params: &str| channel(params).unwrap();
    let plain = of("endpoint=localhost:40123");
    assert!(of("endpoint=localhost:40123|tags=1").shares_endpoint_with(&plain));
    assert!(
        !of("endpoint=localhost:40123|tags=1")
            .shares_endpoint_with(&of("endpoint=localhost:40123|tags=2"))
    );
}
