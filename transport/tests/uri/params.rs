//! Parameters by type (04 §1.2, §1.3, §1.5; 05 §5.2).

use taranis_transport::uri::{
    ChannelUri, CongestionControl, ControlMode, Inferable, ResponseCorrelation, SessionId,
    TimestampOffset, replace_port_with_wildcard,
};

fn udp(params: &str) -> ChannelUri {
    ChannelUri::parse(&format!("aeron:udp?{params}")).unwrap()
}

#[test]
fn a_switch_is_true_or_false_and_nothing_else() {
    assert_eq!(udp("sparse=true").bool("sparse"), Ok(Some(true)));
    assert_eq!(udp("sparse=false").bool("sparse"), Ok(Some(false)));
    assert_eq!(udp("alias=x").bool("sparse"), Ok(None));
    for value in ["maybe", "TRUE", "trueish", "1"] {
        let fault = udp(&format!("sparse={value}")).bool("sparse").unwrap_err();
        assert_eq!(fault.code(), 11);
        assert!(
            fault
                .to_string()
                .starts_with(&format!("could not parse sparse={value} as bool from URI"))
        );
    }
}

#[test]
fn a_session_is_a_number_or_a_tag() {
    assert_eq!(
        udp("session-id=-7").session_id(),
        Ok(Some(SessionId::Id(-7)))
    );
    assert_eq!(
        udp("session-id=0x10").session_id(),
        Ok(Some(SessionId::Id(16)))
    );
    assert_eq!(
        udp("session-id=tag:42").session_id(),
        Ok(Some(SessionId::Tag(42)))
    );
    let too_large = udp("session-id=2147483648").session_id().unwrap_err();
    assert_eq!(
        too_large.to_string(),
        "could not parse session-id=2147483648 as int32_t in URI: Numerical result out of range"
    );
    let tag = udp("session-id=tag:x").session_id().unwrap_err();
    assert_eq!(
        tag.to_string(),
        "could not parse session-id=tag:x as int64_t in URI due to: Invalid argument"
    );
}

#[test]
fn tags_are_two_numbers_of_which_either_may_be_missing() {
    let tags = |text: &str| {
        let channel = udp(&format!("tags={text}"));
        (channel.channel_tag(), channel.entity_tag())
    };
    assert_eq!(tags("1,2"), (Ok(Some(1)), Ok(Some(2))));
    assert_eq!(tags("1"), (Ok(Some(1)), Ok(None)));
    assert_eq!(tags("1,"), (Ok(Some(1)), Ok(None)));
    assert_eq!(tags(",2"), (Ok(None), Ok(Some(2))));
    let (channel, entity) = tags("1x,2,3");
    let channel = channel.unwrap_err();
    assert!(
        channel
            .to_string()
            .starts_with("could not parse channel tag string: 1x")
    );
    assert_eq!(channel.code(), 1);
    let entity = entity.unwrap_err();
    assert!(entity.to_string().starts_with("Entity tag invalid: 2,3"));
    assert_eq!(entity.code(), 11);
    assert!(tags("-1").0.is_err(), "the number that stands for no tag");
}

#[test]
fn hops_above_255_are_255() {
    for (text, ttl) in [
        ("0", 0),
        ("4", 4),
        ("0x10", 16),
        ("255", 255),
        ("256", 255),
        ("99999999999999999999", 255),
    ] {
        assert_eq!(udp(&format!("ttl={text}")).ttl(), Ok(ttl), "{text}");
    }
    assert_eq!(udp("alias=x").ttl(), Ok(0));
    assert!(udp("ttl=near").ttl().is_err() && udp("ttl=-1").ttl().is_err());
}

#[test]
fn a_traffic_class_has_eight_bits() {
    assert_eq!(udp("so-tos=255").traffic_class(), Ok(Some(255)));
    let fault = udp("so-tos=256").traffic_class().unwrap_err();
    assert_eq!(
        fault.to_string(),
        "so-tos must be between 0 and 255 inclusive: 256"
    );
    assert!(udp("so-tos=-1").traffic_class().is_err());
}

#[test]
fn named_choices_are_read() {
    assert_eq!(
        udp("control-mode=manual").control_mode(),
        Some(ControlMode::Manual)
    );
    assert_eq!(
        udp("control-mode=dynamic").control_mode(),
        Some(ControlMode::Dynamic)
    );
    assert!(udp("control-mode=response").has_control_mode_response());
    assert_eq!(udp("group=true").group(), Some(Inferable::ForceTrue));
    assert_eq!(udp("group=infer").group(), Some(Inferable::Infer));
    assert_eq!(udp("group=anything").group(), Some(Inferable::ForceFalse));
    assert_eq!(udp("alias=x").group(), None);
    assert_eq!(
        udp("cc=cubic").congestion_control(),
        Ok(Some(CongestionControl::Cubic))
    );
    assert_eq!(
        udp("cc=static").congestion_control(),
        Ok(Some(CongestionControl::Static))
    );
    assert!(udp("cc=bbr").congestion_control().is_err());
    assert_eq!(
        udp("response-correlation-id=prototype").response_correlation(),
        Ok(ResponseCorrelation::Prototype)
    );
    assert_eq!(
        udp("response-correlation-id=-1").response_correlation(),
        Ok(ResponseCorrelation::None)
    );
    assert_eq!(
        udp("response-correlation-id=7").response_correlation(),
        Ok(ResponseCorrelation::Id(7))
    );
    for value in ["-2", "x"] {
        let fault = udp(&format!("response-correlation-id={value}"))
            .response_correlation()
            .unwrap_err();
        assert!(fault.to_string().starts_with(
            "invalid response-correlation-id, must be a number greater than or equal to -1, or 'prototype'"
        ));
    }
}

#[test]
fn lengths_and_delays_name_themselves_when_wrong() {
    assert_eq!(udp("so-rcvbuf=2m").length("so-rcvbuf"), Ok(Some(2 << 20)));
    let fault = udp("so-rcvbuf=2g").length("so-rcvbuf").unwrap_err();
    assert_eq!(
        fault.to_string(),
        "so-rcvbuf=2147483648 is more than 2147483647"
    );
    assert_eq!(udp("nak-delay=100us").nak_delay_ns(), Ok(Some(100_000)));
    let fault = udp("nak-delay=soon").nak_delay_ns().unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("nak-delay is not parseable: soon")
    );
    let fault = udp("linger=5sec").duration_ns("linger").unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("could not parse linger=5sec in URI")
    );
    assert_eq!(udp("gtag=-3").group_tag(), Ok(Some(-3)));
}

#[test]
fn timestamps_need_eight_bytes_each() {
    let key = "channel-rcv-ts-offset";
    for (text, offset) in [
        ("reserved", Some(TimestampOffset::Reserved)),
        ("-8", Some(TimestampOffset::Reserved)),
        ("16", Some(TimestampOffset::Payload(16))),
        ("-1", None),
    ] {
        assert_eq!(
            udp(&format!("{key}={text}")).timestamp_offset(key),
            Ok(offset),
            "{text}"
        );
    }
    assert!(udp(&format!("{key}=here")).timestamp_offset(key).is_err());
    assert!(
        udp("channel-rcv-ts-offset=0|channel-snd-ts-offset=8")
            .check_timestamps()
            .is_ok()
    );
    assert!(
        udp("channel-rcv-ts-offset=reserved|channel-snd-ts-offset=0")
            .check_timestamps()
            .is_ok()
    );
    let fault = udp("media-rcv-ts-offset=3|channel-rcv-ts-offset=10")
        .check_timestamps()
        .unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("media-rcv-ts-offset and channel-rcv-ts-offset overlap"),
        "{fault}"
    );
    let same = udp("channel-rcv-ts-offset=reserved|channel-snd-ts-offset=reserved");
    assert!(same.check_timestamps().is_err());
}

#[test]
fn an_initial_position_is_four_parameters() {
    let mut channel = udp("endpoint=a:1");
    channel
        .set_initial_position(3 * 65_536 + 96, i32::MAX, 65_536)
        .unwrap();
    assert_eq!(
        channel.to_string(),
        "aeron:udp?endpoint=a:1|init-term-id=2147483647|term-id=-2147483646|term-offset=96|term-length=65536"
    );
    assert!(channel.set_initial_position(-32, 0, 65_536).is_err());
    assert!(channel.set_initial_position(33, 0, 65_536).is_err());
    assert!(channel.set_initial_position(32, 0, 65_537).is_err());
}

#[test]
fn wildcard_ports_are_filled_in() {
    let filled = |params: &str| {
        let mut channel = udp(params);
        channel
            .replace_endpoint_wildcard_port("10.0.0.1:4567")
            .map(|()| channel.get("endpoint").unwrap().to_owned())
    };
    assert_eq!(filled("endpoint=host:0").unwrap(), "host:4567");
    assert_eq!(filled("endpoint=[::1]:0").unwrap(), "[::1]:4567");
    assert_eq!(filled("endpoint=host:99").unwrap(), "host:99");
    assert_eq!(filled("control-mode=manual").unwrap(), "10.0.0.1:4567");
    assert!(
        udp("endpoint=host:0")
            .replace_endpoint_wildcard_port("10.0.0.1:0")
            .is_err()
    );
    assert!(
        udp("endpoint=host:0")
            .replace_endpoint_wildcard_port("10.0.0.1")
            .is_err()
    );
    assert_eq!(
        replace_port_with_wildcard("host:99").as_deref(),
        Some("host:0")
    );
    assert_eq!(replace_port_with_wildcard("host"), None);
}

#[test]
fn a_destination_takes_over_media_and_interface_only() {
    let channel = udp("control-mode=manual|interface=lo|mtu=8k|so-sndbuf=1m");
    assert_eq!(
        channel.destination("b:2").unwrap().to_string(),
        "aeron:udp?endpoint=b:2|interface=lo"
    );
}
