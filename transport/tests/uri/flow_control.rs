//! The `fc` parameter (04 §1.4.2).

use taranis_transport::uri::{ChannelUri, FlowControl, GroupOptions, UriError};

fn parse(fc: &str) -> Result<FlowControl, UriError> {
    let channel = ChannelUri::parse(&format!("aeron:udp?endpoint=224.0.1.1:1|fc={fc}")).unwrap();
    channel.flow_control().map(Option::unwrap)
}

#[test]
fn strategies_and_their_options_are_read() {
    let none = GroupOptions::default();
    let group = |size, timeout_ns, multiple| GroupOptions {
        group_min_size: size,
        receiver_timeout_ns: timeout_ns,
        retransmit_window_multiple: multiple,
    };
    for (fc, control) in [
        (
            "max",
            FlowControl::Max {
                retransmit_window_multiple: None,
            },
        ),
        (
            "max,rrwm:8",
            FlowControl::Max {
                retransmit_window_multiple: Some(8),
            },
        ),
        ("min", FlowControl::Min(none)),
        (
            "min,g:/3,t:10s,rrwm:2",
            FlowControl::Min(group(Some(3), Some(10_000_000_000), Some(2))),
        ),
        (
            "tagged",
            FlowControl::Tagged {
                group_tag: None,
                options: none,
            },
        ),
        (
            "tagged,g:-5",
            FlowControl::Tagged {
                group_tag: Some(-5),
                options: none,
            },
        ),
        (
            "tagged,g:7/2",
            FlowControl::Tagged {
                group_tag: Some(7),
                options: group(Some(2), None, None),
            },
        ),
        (
            "tagged,t:5,g:/1",
            FlowControl::Tagged {
                group_tag: None,
                options: group(Some(1), Some(5), None),
            },
        ),
    ] {
        assert_eq!(parse(fc), Ok(control), "{fc}");
    }
}

#[test]
fn what_is_no_option_is_refused_by_name() {
    let long = "1".repeat(64);
    for (fc, text) in [
        (
            ",g:1",
            "No flow control strategy name specified, URI: aeron:udp?",
        ),
        (
            "most",
            "Invalid flow control strategy name: most from URI: aeron:udp?",
        ),
        (
            "max,g:1",
            "Flow control options - unrecognised option, field: g:1",
        ),
        (
            "min,g:",
            "Flow control options - unrecognised option, field: g:",
        ),
        (
            "min,",
            "Flow control options - unrecognised option, field: ",
        ),
        (
            "min,x:1",
            "Flow control options - unrecognised option, field: x:1",
        ),
        (
            "tagged,g:abc",
            "Flow control options - invalid group, field: g:abc, options: tagged,g:abc",
        ),
        (
            "tagged,g:1x",
            "Flow control options - invalid group, field: g:1x",
        ),
        ("tagged,g:1/-1", "Group count invalid, field: g:1/-1"),
        ("tagged,g:1/", "Group count invalid, field: g:1/"),
        (
            "min,t:soon",
            "Flow control options - invalid timeout, field: t:soon",
        ),
        (
            "max,rrwm:0",
            "Flow control options - invalid flow control retransmit receiver window multiple",
        ),
        (
            &format!("tagged,g:{long}"),
            "Flow control options - number field too long (found 64, max 63)",
        ),
    ] {
        let fault = parse(fc).unwrap_err();
        assert!(fault.to_string().starts_with(text), "{fc}: {fault}");
        assert_eq!(fault.code(), 11);
    }
}
