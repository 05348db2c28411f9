//! Addresses, interfaces, and the choice of one (04 §1.6, 03 §6.3).

use std::net::IpAddr;
use taranis_transport::uri::{
    Host, HostPort, InterfaceAddress, InterfaceQuery, InterfaceSpec, LocalInterface, Scope,
    UriError, Wanted,
};

fn host_port(text: &str) -> Result<HostPort, UriError> {
    HostPort::parse("endpoint", text)
}

#[test]
fn addresses_are_taken_apart() {
    assert_eq!(
        host_port("localhost:40123").unwrap().host,
        Host::Name("localhost".to_owned())
    );
    assert_eq!(
        host_port("127.0.0.1:0x10").unwrap().literal(),
        Some("127.0.0.1:16".parse().unwrap())
    );
    assert_eq!(
        host_port("[::1]:24001").unwrap().literal(),
        Some("[::1]:24001".parse().unwrap())
    );
    assert_eq!(host_port("host:0").unwrap().port, 0);
}

/// Link-local addresses need their link: by index it is part of the address, by name it waits to be looked up.
#[test]
fn a_scope_belongs_to_an_ipv6_address() {
    let named = host_port("[fe80::1%veth0]:24325").unwrap();
    assert_eq!(
        named.host,
        Host::Scoped("fe80::1".parse().unwrap(), Scope::Name("veth0".to_owned()))
    );
    assert_eq!(named.literal(), None);
    let numbered = host_port("[fe80::1%3]:24325").unwrap().literal().unwrap();
    assert_eq!(numbered.to_string(), "[fe80::1%3]:24325");
}

#[test]
fn a_wrong_address_says_what_is_wrong() {
    for (text, start) in [
        ("localhost", "port invalid: localhost"),
        ("localhost:", "port invalid: localhost:"),
        ("localhost:12345678", "port invalid: localhost:12345678"),
        ("localhost:http", "port invalid: 'http'"),
        ("localhost:-1", "port invalid: '-1'"),
        ("localhost:65536", "port out of range: '65536'"),
        (":40123", "host address invalid: :40123"),
        ("[::1:40123", "host address invalid: [::1:40123"),
        ("[::1]40123", "host address invalid: [::1]40123"),
        ("[]:1", "host address invalid: []:1"),
        ("[localhost]:1", "host address invalid: [localhost]:1"),
        ("[fe80::1%]:1", "host address invalid: [fe80::1%]:1"),
        ("fe80::1%3:1", "host address invalid: fe80::1%3:1"),
    ] {
        let fault = host_port(text).unwrap_err();
        assert!(fault.to_string().starts_with(start), "{text}: {fault}");
        assert_eq!(fault.code(), 11);
    }
    assert!(host_port(&format!("{}:1", "h".repeat(383))).is_ok());
    assert!(host_port(&format!("{}:1", "h".repeat(384))).is_err());
}

#[test]
fn interfaces_are_addresses_subnets_or_names() {
    let address = |host: &str, prefix_length| Wanted::Address {
        host: host
            .parse::<IpAddr>()
            .map_or_else(|_| Host::Name(host.to_owned()), Host::Address),
        prefix_length,
    };
    for (text, wanted, port) in [
        ("127.0.0.1", address("127.0.0.1", None), 0),
        ("localhost:99", address("localhost", None), 99),
        ("10.0.0.0:99/8", address("10.0.0.0", Some(8)), 99),
        ("localhost/24", address("localhost", Some(24)), 0),
        ("[::1]:99/64", address("::1", Some(64)), 99),
        ("[fe80::]/10", address("fe80::", Some(10)), 0),
        ("{eth0}", Wanted::Name("eth0".to_owned()), 0),
        ("{eth0}:40123", Wanted::Name("eth0".to_owned()), 40_123),
    ] {
        let spec = InterfaceSpec::parse(text).unwrap();
        assert_eq!((&spec.wanted, spec.port), (&wanted, port), "{text}");
    }
    for text in [
        "10.0.0.0/33",
        "[::1]/129",
        "10.0.0.0/",
        "10.0.0.0/x",
        "10.0.0.0/0000001",
        "10.0.0.1:",
        "10.0.0.1:70000",
        "{}",
        "{eth0",
        "{eth0}x",
        "{eth0}:",
        "{eth0}:123456",
        "{a-name-of-16-char}",
        "[::1",
        "/24",
    ] {
        assert!(InterfaceSpec::parse(text).is_err(), "{text}");
    }
}

fn up(name: &str, index: u32, address: &str, prefix_length: u8) -> InterfaceAddress {
    InterfaceAddress {
        name: name.to_owned(),
        index,
        address: address.parse().unwrap(),
        prefix_length,
        is_loopback: name == "lo",
        is_multicast: name != "lo" && name != "tun0",
    }
}

fn machine() -> Vec<InterfaceAddress> {
    vec![
        up("lo", 1, "127.0.0.1", 8),
        up("eth0", 2, "10.1.2.3", 16),
        up("eth1", 3, "10.1.9.9", 24),
        up("tun0", 4, "10.1.7.7", 32),
        up("lo", 1, "::1", 128),
        up("eth0", 2, "fe80::5", 64),
    ]
}

fn subnet(address: &str, prefix_length: u8) -> InterfaceQuery {
    InterfaceQuery::Subnet {
        address: address.parse().unwrap(),
        prefix_length,
        text: "asked".to_owned(),
    }
}

#[test]
fn the_longest_netmask_that_can_multicast_wins_and_loopback_is_the_last_resort() {
    let chosen = |query: &InterfaceQuery| {
        query
            .choose(&machine())
            .map(|local| (local.address.to_string(), local.index))
    };
    assert_eq!(
        chosen(&subnet("0.0.0.0:0", 0)).unwrap(),
        ("10.1.9.9:0".to_owned(), 3)
    );
    assert_eq!(
        chosen(&subnet("10.1.2.0:77", 24)).unwrap(),
        ("10.1.2.3:77".to_owned(), 2)
    );
    assert_eq!(
        chosen(&subnet("127.0.0.1:0", 32)).unwrap(),
        ("127.0.0.1:0".to_owned(), 1)
    );
    assert_eq!(
        chosen(&subnet("[::]:0", 0)).unwrap(),
        ("[fe80::5%2]:0".to_owned(), 2)
    );
    assert_eq!(
        chosen(&subnet("[::1]:0", 128)).unwrap(),
        ("[::1]:0".to_owned(), 1)
    );
    let loopback_listed_last: Vec<_> = machine().into_iter().rev().collect();
    let local = subnet("0.0.0.0:0", 0)
        .choose(&loopback_listed_last)
        .unwrap();
    assert_eq!(local.index, 3);
    let missing = chosen(&subnet("192.168.0.0:0", 16)).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "could not find matching interface='asked'"
    );
}

#[test]
fn a_named_interface_gives_its_first_address_of_the_family() {
    let named = |name: &str, is_ipv6| InterfaceQuery::Named {
        name: name.to_owned(),
        is_ipv6,
        port: 9,
    };
    let local = named("eth0", false).choose(&machine()).unwrap();
    assert_eq!(
        local,
        LocalInterface {
            address: "10.1.2.3:9".parse().unwrap(),
            index: 2
        }
    );
    assert_eq!(
        named("wlan9", false)
            .choose(&machine())
            .unwrap_err()
            .to_string(),
        "unknown interface wlan9"
    );
    let family = named("eth1", true).choose(&machine()).unwrap_err();
    assert_eq!(
        family.to_string(),
        "no INET6 addresses found on interface eth1"
    );
}
