//! Making channels (05 §5.4).

use taranis_transport::uri::{
    ChannelUri, ChannelUriBuilder, ControlMode, Inferable, Media, ResponseCorrelation, SessionId,
    TimestampOffset,
};

fn udp() -> ChannelUriBuilder {
    ChannelUriBuilder::new(Media::Udp)
}

#[test]
fn parameters_are_written_in_aerons_order() {
    let channel = udp()
        .size("pub-wnd", 32 * 1024)
        .set("so-tos", "8")
        .size("rcv-wnd", 128 * 1024)
        .size("so-rcvbuf", 2 << 20)
        .duration_ns("linger", 5_000_000_000)
        .switch("reliable", true)
        .session_id(SessionId::Id(-3))
        .size("term-length", 64 * 1024)
        .size("mtu", 1408)
        .control_mode(ControlMode::Manual)
        .set("future-key", "x")
        .group(Inferable::Infer)
        .timestamp_offset("channel-rcv-ts-offset", TimestampOffset::Reserved)
        .timestamp_offset("channel-snd-ts-offset", TimestampOffset::Payload(8))
        .response_correlation(ResponseCorrelation::Prototype)
        .set("endpoint", "localhost:40123")
        .tags(4, Some(5))
        .build()
        .unwrap();
    assert_eq!(
        channel.to_string(),
        "aeron:udp?tags=4,5|endpoint=localhost:40123|control-mode=manual|mtu=1408|term-length=64k|session-id=-3|\
         reliable=true|linger=5s|group=infer|so-rcvbuf=2m|so-tos=8|rcv-wnd=128k|channel-rcv-ts-offset=reserved|\
         channel-snd-ts-offset=8|response-correlation-id=prototype|pub-wnd=32k|future-key=x"
    );
    assert_eq!(ChannelUri::parse(&channel.to_string()), Ok(channel));
}

#[test]
fn a_channel_can_be_taken_apart_and_changed() {
    let channel = ChannelUri::parse("aeron-spy:aeron:udp?endpoint=a:1|mine=x|linger=1s").unwrap();
    let changed = ChannelUriBuilder::from_channel(&channel)
        .unset("linger")
        .set("endpoint", "b:2")
        .build()
        .unwrap();
    assert_eq!(
        changed.to_string(),
        "aeron-spy:aeron:udp?endpoint=b:2|mine=x"
    );
    assert_eq!(
        ChannelUriBuilder::new(Media::Ipc)
            .spy()
            .build()
            .unwrap()
            .to_string(),
        "aeron-spy:aeron:ipc"
    );
}

#[test]
fn a_value_the_driver_would_refuse_is_not_built() {
    for (key, value) in [
        ("mtu", "33"),
        ("term-length", "1000"),
        ("term-offset", "32"),
        ("session-id", "x"),
        ("linger", "long"),
        ("ttl", "x"),
        ("so-tos", "256"),
        ("so-sndbuf", "-1"),
        ("max-resend", "0"),
        ("response-correlation-id", "-2"),
        ("tags", "a"),
        ("tether", "perhaps"),
        ("fc", "most"),
        ("cc", "most"),
        ("stream-id", "x"),
        ("gtag", "x"),
        ("nak-delay", "x"),
        ("alias", "a|b=c"),
        ("channel-rcv-ts-offset", "x"),
    ] {
        assert!(
            udp()
                .set("endpoint", "a:1")
                .set(key, value)
                .build()
                .is_err(),
            "{key}={value}"
        );
    }
}

/// The settings of the driver are not known here: what some driver would take is built.
#[test]
fn a_value_some_driver_would_take_is_built() {
    for (key, value) in [
        ("pub-wnd", "512m"),
        ("pub-wnd", "64"),
        ("mtu", "65504"),
        ("session-id", "tag:3"),
    ] {
        assert!(
            udp().set("endpoint", "a:1").set(key, value).build().is_ok(),
            "{key}={value}"
        );
    }
}
