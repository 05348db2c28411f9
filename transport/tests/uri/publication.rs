//! Publication and subscription parameters: defaults, order of evaluation, errors (04 §1.4).

use taranis_transport::uri::{
    ChannelUri, Inferable, InitialPosition, PublicationDefaults, PublicationParams,
    ResponseCorrelation, Setting, SubscriptionDefaults, SubscriptionParams, TaggedPublication,
    UriError,
};

/// What is wrong, and how its error begins.
const WRONG_VALUES: &[(&str, &str)] = &[
    (
        "session-id=x",
        "could not parse session-id=x as int32_t in URI: Invalid argument",
    ),
    (
        "session-id=tag:8",
        "session-id=tag:8 must reference a network publication",
    ),
    ("tags=1,x", "Entity tag invalid: x"),
    ("linger=x", "could not parse linger=x in URI"),
    ("term-length=x", "could not parse term-length=x in URI"),
    (
        "term-length=32k",
        "term length less than min length of 65536: length=32768",
    ),
    (
        "term-length=2g",
        "term length greater than max length of 1073741824: length=2147483648",
    ),
    (
        "term-length=1073741825",
        "term length greater than max length of 1073741824: length=1073741825",
    ),
    (
        "term-length=65537",
        "term length not a power of 2: length=65537",
    ),
    ("max-resend=x", "could not parse max-resend=x in URI"),
    (
        "max-resend=0",
        "invalid max-resend=0, must be > 0 and <= 256",
    ),
    (
        "max-resend=257",
        "invalid max-resend=257, must be > 0 and <= 256",
    ),
    ("mtu=x", "could not parse mtu=x in URI"),
    (
        "mtu=32",
        "mtuLength must be a > HEADER_LENGTH and <= MAX_UDP_PAYLOAD_LENGTH: mtuLength=32",
    ),
    (
        "mtu=64k",
        "mtuLength must be a > HEADER_LENGTH and <= MAX_UDP_PAYLOAD_LENGTH: mtuLength=65536",
    ),
    (
        "mtu=1400",
        "mtuLength must be a multiple of FRAME_ALIGNMENT: mtuLength=1400",
    ),
    (
        "term-length=64k|mtu=16k",
        "MTU greater than max message length for term length: mtu=16384",
    ),
    (
        "pub-wnd=1024",
        "pub-wnd=1024 cannot be less than the mtu=1408",
    ),
    (
        "term-length=64k|pub-wnd=32769",
        "pub-wnd=32769 must not exceed half the term-length=65536",
    ),
    (
        "pub-wnd=8g",
        "pub-wnd=8589934592 must not exceed half the term-length=16777216",
    ),
    (
        "init-term-id=1",
        "params: init-term-id term-id term-offset must be used as a complete set",
    ),
    (
        "term-id=1|term-offset=0",
        "params: init-term-id term-id term-offset must be used as a complete set",
    ),
    (
        "term-offset=0",
        "params: init-term-id term-id term-offset must be used as a complete set",
    ),
    (
        "init-term-id=1|term-id=1|term-offset=x",
        "could not parse term-offset=x as int64_t in URI",
    ),
    (
        "init-term-id=1|term-id=1|term-offset=-32",
        "could not parse term-offset=-32 in URI",
    ),
    (
        "init-term-id=2|term-id=1|term-offset=0",
        "Param difference greater than 2^31 - 1: init-term-id=2",
    ),
    (
        "term-length=64k|init-term-id=1|term-id=1|term-offset=65568",
        "Param term-offset=65568 > term-length=65536",
    ),
    (
        "init-term-id=1|term-id=1|term-offset=33",
        "Param term-offset=33 must be multiple of FRAME_ALIGNMENT",
    ),
    (
        "sparse=maybe",
        "could not parse sparse=maybe as bool from URI",
    ),
    ("eos=1", "could not parse eos=1 as bool from URI"),
    ("ssc=yes", "could not parse ssc=yes as bool from URI"),
    (
        "response-correlation-id=-2",
        "invalid response-correlation-id",
    ),
    (
        "untethered-resting-timeout=1h",
        "could not parse untethered-resting-timeout=1h in URI",
    ),
];

fn evaluate(text: &str) -> Result<PublicationParams, UriError> {
    let channel = ChannelUri::parse(text).unwrap();
    PublicationParams::evaluate(&channel, &PublicationDefaults::default(), |tag| {
        (tag == 9).then_some(TaggedPublication {
            session_id: -5,
            mtu_length: 4096,
            term_length: 131_072,
        })
    })
}

fn udp(params: &str) -> Result<PublicationParams, UriError> {
    evaluate(&format!("aeron:udp?endpoint=localhost:40123|{params}"))
}

#[test]
fn defaults_are_the_drivers() {
    let udp = evaluate("aeron:udp?endpoint=localhost:40123").unwrap();
    assert_eq!(
        udp.term_length,
        Setting {
            value: 16 << 20,
            is_explicit: false
        }
    );
    assert_eq!(udp.window_length.value, 8 << 20);
    assert_eq!(
        (udp.mtu_length.value, udp.linger_timeout_ns),
        (1408, 5_000_000_000)
    );
    assert!(udp.is_sparse && udp.signals_eos && !udp.spies_simulate_connection && !udp.is_response);
    assert_eq!(
        (udp.session_id, udp.entity_tag, udp.position, udp.max_resend),
        (None, None, None, None)
    );
    assert_eq!(
        udp.untethered.linger_ns,
        Some(udp.untethered.window_limit_ns)
    );
    assert_eq!(evaluate("aeron:ipc").unwrap().term_length.value, 64 << 20);
}

#[test]
fn every_parameter_is_taken_over() {
    let params = udp("tags=1,2|session-id=7|linger=1s|term-length=64k|max-resend=256|mtu=8k|pub-wnd=16k|init-term-id=5|\
         term-id=6|term-offset=64|sparse=false|eos=false|ssc=true|control-mode=response|response-correlation-id=11|\
         untethered-window-limit-timeout=1ms|untethered-linger-timeout=2ms|untethered-resting-timeout=3ms")
    .unwrap();
    assert_eq!((params.session_id, params.entity_tag), (Some(7), Some(2)));
    assert_eq!(
        params.term_length,
        Setting {
            value: 65_536,
            is_explicit: true
        }
    );
    assert_eq!(
        params.mtu_length,
        Setting {
            value: 8192,
            is_explicit: true
        }
    );
    assert_eq!(
        params.window_length,
        Setting {
            value: 16_384,
            is_explicit: true
        }
    );
    assert_eq!(
        params.position,
        Some(InitialPosition {
            initial_term_id: 5,
            term_id: 6,
            term_offset: 64
        })
    );
    assert_eq!(
        (params.max_resend, params.linger_timeout_ns),
        (Some(256), 1_000_000_000)
    );
    assert!(
        !params.is_sparse
            && !params.signals_eos
            && params.spies_simulate_connection
            && params.is_response
    );
    assert_eq!(params.response_correlation, ResponseCorrelation::Id(11));
    let untethered = params.untethered;
    assert_eq!(
        (
            untethered.window_limit_ns,
            untethered.linger_ns,
            untethered.resting_ns
        ),
        (1_000_000, Some(2_000_000), 3_000_000)
    );
}

#[test]
fn a_wrong_value_is_refused_with_rule_value_and_limit() {
    for (params, text) in WRONG_VALUES {
        let fault = udp(params).unwrap_err();
        assert!(fault.to_string().starts_with(text), "{params}: {fault}");
        assert_eq!(fault.code(), 11, "{params}");
    }
}

#[test]
fn the_first_wrong_value_in_aerons_order_is_reported() {
    let in_order = [
        "session-id=x",
        "tags=1,x",
        "linger=x",
        "term-length=x",
        "max-resend=x",
        "mtu=x",
        "pub-wnd=x",
        "init-term-id=x",
        "sparse=x",
        "eos=x",
        "ssc=x",
        "response-correlation-id=x",
        "untethered-window-limit-timeout=x",
        "untethered-linger-timeout=x",
        "untethered-resting-timeout=x",
    ];
    for first in 0..in_order.len() {
        let mut wrong: Vec<_> = in_order[first..].to_vec();
        wrong.reverse();
        assert_eq!(
            udp(&wrong.join("|")).unwrap_err(),
            udp(in_order[first]).unwrap_err(),
            "{}",
            in_order[first]
        );
    }
}

#[test]
fn a_tagged_session_brings_its_shape_unless_the_channel_says_otherwise() {
    let copied = udp("session-id=tag:9").unwrap();
    assert_eq!(copied.session_id, Some(-5));
    assert_eq!(
        copied.mtu_length,
        Setting {
            value: 4096,
            is_explicit: false
        }
    );
    assert_eq!(
        copied.term_length,
        Setting {
            value: 131_072,
            is_explicit: false
        }
    );
    assert_eq!(copied.window_length.value, 65_536);
    assert_eq!(
        udp("session-id=tag:9|mtu=2k").unwrap().mtu_length,
        Setting {
            value: 2048,
            is_explicit: true
        }
    );
}

#[test]
fn the_drivers_window_is_capped_at_half_the_term() {
    let channel = ChannelUri::parse("aeron:udp?endpoint=localhost:1|term-length=64k").unwrap();
    for (setting, window) in [(0, 32_768), (4096, 4096), (1 << 20, 32_768)] {
        let defaults = PublicationDefaults {
            window_length: setting,
            ..PublicationDefaults::default()
        };
        let params = PublicationParams::evaluate(&channel, &defaults, |_| None).unwrap();
        assert_eq!(
            params.window_length,
            Setting {
                value: window,
                is_explicit: false
            }
        );
    }
}

#[test]
fn positions_may_wrap_the_term_id_and_stand_at_the_end_of_a_term() {
    let position =
        udp("term-length=64k|init-term-id=2147483647|term-id=-2147483648|term-offset=65536")
            .unwrap();
    assert_eq!(position.position.unwrap().term_offset, 65_536);
}

/// 04 §1.3: 0 stands for the setting, and a setting that is not there for the window limit.
#[test]
fn an_absent_linger_time_is_that_of_the_window_limit() {
    let channel = ChannelUri::parse(
        "aeron:ipc?untethered-linger-timeout=0|untethered-window-limit-timeout=7s",
    )
    .unwrap();
    let mut defaults = PublicationDefaults::default();
    let linger_ns = |defaults: &PublicationDefaults| {
        PublicationParams::evaluate(&channel, defaults, |_| None)
            .unwrap()
            .untethered
            .linger_ns
    };
    assert_eq!(linger_ns(&defaults), Some(7_000_000_000));
    defaults.untethered.linger_ns = Some(3);
    assert_eq!(linger_ns(&defaults), Some(3));
}

#[test]
fn a_subscription_takes_its_own_parameters() {
    let evaluate = |text: &str| {
        SubscriptionParams::evaluate(
            &ChannelUri::parse(text).unwrap(),
            &SubscriptionDefaults::default(),
        )
    };
    let plain = evaluate("aeron:udp?endpoint=a:1").unwrap();
    assert!(
        plain.is_reliable
            && plain.is_tether
            && plain.is_rejoin
            && plain.is_sparse
            && !plain.is_response
    );
    assert_eq!(
        (plain.group, plain.session_id, plain.initial_window_length),
        (Inferable::Infer, None, 131_072)
    );
    let full = evaluate(
        "aeron:ipc?reliable=false|sparse=false|tether=false|rejoin=false|group=true|session-id=-4|rcv-wnd=1m|control-mode=response",
    )
    .unwrap();
    assert!(
        !full.is_reliable
            && !full.is_tether
            && !full.is_rejoin
            && !full.is_sparse
            && full.is_response
    );
    assert_eq!(
        (full.group, full.session_id, full.initial_window_length),
        (Inferable::ForceTrue, Some(-4), 1 << 20)
    );
    assert!(evaluate("aeron:ipc?session-id=tag:1").is_err());
    assert!(evaluate("aeron:ipc?tether=perhaps").is_err());
}
