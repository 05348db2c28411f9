//! Any text is refused or read without panic, and what is read is written back as the same channel.

use taranis_transport::uri::{
    CanonicalSuffixes, ChannelRole, ChannelUri, HostPort, InterfaceSpec, PublicationDefaults,
    PublicationParams, Resolved, SubscriptionDefaults, SubscriptionParams, UdpNames,
    check_send_destination, quantity,
};

const SAMPLES: [&str; 6] = [
    "aeron:udp?endpoint=localhost:40123|tags=1,2|mtu=8k|term-length=64k|fc=tagged,g:7/2,t:5s,rrwm:3|linger=5s|sparse=true",
    "aeron-spy:aeron:udp?endpoint=[ff02::3%2]:40456|interface=[fe80::1]:7/64|ttl=4|session-id=tag:9",
    "aeron:udp?control=127.0.0.1:24001|control-mode=dynamic|interface={eth0}:99|group=infer|so-tos=8|rcv-wnd=1m",
    "aeron:ipc?init-term-id=-7|term-id=-6|term-offset=64|term-length=64k|pub-wnd=32k|max-resend=3|alias=é",
    "aeron:udp?endpoint=224.20.30.39:40456|interface=10.0.0.0/8|nak-delay=100us|cc=cubic|response-correlation-id=prototype",
    "aeron:udp?channel-rcv-ts-offset=reserved|channel-snd-ts-offset=0|media-rcv-ts-offset=8|control-mode=manual",
];

fn exercise(bytes: &[u8]) -> bool {
    let Ok(channel) = ChannelUri::parse_bytes(bytes) else {
        return false;
    };
    assert_eq!(
        ChannelUri::parse(&channel.to_string()).as_ref(),
        Ok(&channel)
    );
    let _ = channel.remarks().count();
    let _ = PublicationParams::evaluate(&channel, &PublicationDefaults::default(), |_| None);
    let _ = SubscriptionParams::evaluate(&channel, &SubscriptionDefaults::default());
    let _ = (
        channel.flow_control(),
        channel.congestion_control(),
        channel.nak_delay_ns(),
        channel.group_tag(),
    );
    let _ = check_send_destination(&channel);
    if let Ok(names) = UdpNames::of(&channel) {
        let resolved = Resolved {
            endpoint: names.endpoint.as_ref().map(|_| ([10, 0, 0, 1], 5).into()),
            ..Resolved::default()
        };
        if let Ok(query) = names.interface_query(&resolved)
            && let Ok(interface) = query.choose(&[])
        {
            let _ = names.channel(
                &resolved,
                interface,
                ChannelRole::Channel,
                &mut CanonicalSuffixes::default(),
            );
        }
    }
    true
}

#[test]
fn every_prefix_of_a_channel_is_refused_or_read() {
    for sample in SAMPLES {
        assert!(exercise(sample.as_bytes()), "{sample}");
        for length in 0..sample.len() {
            exercise(&sample.as_bytes()[..length]);
        }
    }
}

#[test]
fn any_mutation_of_a_channel_is_refused_or_read() {
    let mut rng = fastrand::Rng::with_seed(99);
    let mut taken = 0;
    for round in 0..20_000 {
        let mut bytes = SAMPLES[round % SAMPLES.len()].as_bytes().to_vec();
        for _ in 0..rng.usize(1..5) {
            let at = rng.usize(0..bytes.len());
            match rng.u8(0..4) {
                0 => bytes[at] = rng.u8(..),
                1 => bytes.insert(at, *rng.choice(b"|=,:?[]{}%/0-kst").unwrap()),
                2 => drop(bytes.remove(at)),
                _ => bytes[at] = *rng.choice(b"|=,:?[]{}%/09-kst").unwrap(),
            }
        }
        taken += usize::from(exercise(&bytes));
    }
    assert!(
        taken > 5_000,
        "{taken} taken: the mutations are too wild to reach the inner rules"
    );
}

#[test]
fn any_value_is_refused_or_read() {
    let mut rng = fastrand::Rng::with_seed(5);
    for _ in 0..50_000 {
        let text: String = (0..rng.usize(0..12))
            .map(|_| {
                *rng.choice("0189xk:/[]{}%.-+gmusné".chars().collect::<Vec<_>>().iter())
                    .unwrap()
            })
            .collect();
        let _ = HostPort::parse("endpoint", &text);
        let _ = InterfaceSpec::parse(&text);
        let _ = (
            quantity::parse_size(&text),
            quantity::parse_duration_ns(&text),
            quantity::parse_integer(&text),
        );
    }
}
