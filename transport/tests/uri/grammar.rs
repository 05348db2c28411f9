//! The text of a channel (04 §1.1; malformed strings as met in the field).

use taranis_transport::uri::{ChannelUri, FlowControl, MAX_URI_LENGTH, Media, Remark, UriError};

fn parse(text: &str) -> ChannelUri {
    ChannelUri::parse(text).unwrap()
}

#[test]
fn a_malformed_channel_is_refused_with_rule_and_place() {
    for (text, rule, index) in [
        ("", "invalid URI scheme or transport", 0),
        ("Aeron:ipc", "invalid URI scheme or transport", 0),
        ("aeron:ipcsdfgfdhfgf", "invalid URI scheme or transport", 6),
        (
            "aeron:tcp?endpoint=localhost:1",
            "invalid URI scheme or transport",
            6,
        ),
        (
            "aeron:ipc|sparse=true",
            "invalid URI scheme or transport",
            6,
        ),
        ("aeron-spy:ipc", "invalid URI scheme or transport", 10),
        (
            "aeron-spy:aeron:UDP?tags=1",
            "invalid URI scheme or transport",
            16,
        ),
        (
            "aeron:udp?endpoint=localhost:4652|-~@{]|=??#s!£$%====",
            "invalid end of key",
            39,
        ),
        ("aeron:udp?=localhost:1", "empty key not allowed", 10),
        ("aeron:ipc?sparse=true|=1", "empty key not allowed", 22),
        ("aeron:ipc?term-length=", "empty value not allowed", 22),
        (
            "aeron:ipc?term-length=|sparse=true",
            "empty value not allowed",
            22,
        ),
        ("aeron:ipc?term-length=64k|", "no more input found", 26),
        (
            "aeron:ipc?term-length=64k||sparse=true",
            "invalid end of key",
            26,
        ),
        ("aeron:ipc?sparse", "no more input found", 16),
        ("aeron:ipc?alias=a\0b", "NUL not allowed", 17),
    ] {
        let fault = ChannelUri::parse(text).unwrap_err();
        assert_eq!(fault.code(), 1, "{text}");
        let UriError::Grammar {
            rule: found,
            index: at,
            ref uri,
        } = fault
        else {
            unreachable!("{fault}")
        };
        assert!(found.starts_with(rule), "{text}: {found}");
        assert_eq!((at, uri.as_str()), (index, text), "{found}");
        assert!(fault.to_string().contains(text));
    }
}

#[test]
fn a_channel_has_at_most_4095_bytes() {
    let base = "aeron:ipc?alias=";
    let longest = format!("{base}{}", "x".repeat(MAX_URI_LENGTH - base.len()));
    assert!(ChannelUri::parse(&longest).is_ok());
    assert!(ChannelUri::parse(&format!("aeron-spy:{longest}")).is_ok());
    let longer = format!("{longest}y");
    let fault = ChannelUri::parse(&longer).unwrap_err();
    assert_eq!(fault.code(), 1);
    assert_eq!(
        fault.to_string(),
        format!("URI length (4096) exceeds max supported length (4095): {longest}")
    );
    let cut_inside_a_character = "é".repeat(3000);
    assert!(matches!(
        ChannelUri::parse(&cut_inside_a_character),
        Err(UriError::TooLong { length: 6000, .. })
    ));
}

#[test]
fn bytes_that_are_no_text_are_no_channel() {
    assert_eq!(
        ChannelUri::parse_bytes(b"aeron:ipc").unwrap(),
        ChannelUri::new(Media::Ipc)
    );
    let fault = ChannelUri::parse_bytes(b"aeron:ipc?alias=\xFFx").unwrap_err();
    assert!(
        matches!(fault, UriError::Grammar { index: 16, .. }),
        "{fault}"
    );
}

#[test]
fn values_may_hold_separators_of_other_places() {
    let channel = parse("aeron:udp?endpoint=[::1]:40123|alias=a=b,c:d?e|tags=1,2");
    assert_eq!(channel.get("alias"), Some("a=b,c:d?e"));
    assert_eq!(channel.get("endpoint"), Some("[::1]:40123"));
}

#[test]
fn a_channel_without_parameters_is_a_channel() {
    for text in ["aeron:ipc", "aeron:udp"] {
        assert_eq!(parse(text).to_string(), text);
        assert_eq!(parse(&format!("{text}?")).to_string(), text);
    }
    assert!(parse("aeron-spy:aeron:udp?tags=1").is_spy());
    assert!(parse("aeron:ipc").is_ipc() && !parse("aeron:udp").is_ipc());
}

/// 04 §1.1: in Aeron 1.52 `fcx=1` answered for `fc`.
#[test]
fn a_parameter_is_found_by_its_whole_key() {
    let channel = parse("aeron:udp?endpoint=127.0.0.1:40123|fcx=min");
    assert_eq!(channel.flow_control().unwrap(), None);
    assert_eq!(
        channel.remarks().collect::<Vec<_>>(),
        [Remark::UnknownKey("fcx")]
    );
    assert_eq!(
        parse("aeron:udp?fcx=max|fc=min")
            .flow_control()
            .unwrap()
            .map(is_min),
        Some(true)
    );
}

fn is_min(control: FlowControl) -> bool {
    matches!(control, FlowControl::Min(_))
}

#[test]
fn what_is_ignored_is_remarked() {
    let channel = parse("aeron:udp?endpoint=a:1|control-mode=automatic|so-tos=1|ats=false|alias=x");
    let remarks: Vec<_> = channel.remarks().map(|remark| remark.to_string()).collect();
    assert_eq!(
        remarks,
        ["unknown control-mode=automatic is ignored: manual, dynamic or response"]
    );
    assert_eq!(channel.control_mode(), None);
}

/// 04 §1.1: of the keys the drivers keep apart the last counts, of all others the first.
#[test]
fn of_a_key_given_twice_one_counts() {
    let channel = parse("aeron:udp?endpoint=a:1|mtu=1408|endpoint=b:2|mtu=8k");
    assert_eq!(channel.to_string(), "aeron:udp?endpoint=b:2|mtu=1408");
}

#[test]
fn parameters_are_written_in_the_order_they_came() {
    let text = "aeron-spy:aeron:udp?zeta=1|alpha=2|endpoint=a:1";
    let mut channel = parse(text);
    assert_eq!(channel.to_string(), text);
    assert_eq!(channel.put("alpha", "3").unwrap(), Some("2".to_owned()));
    assert_eq!(channel.put("last", "x").unwrap(), None);
    assert_eq!(channel.remove("zeta"), Some("1".to_owned()));
    assert_eq!(
        channel.to_string(),
        "aeron-spy:aeron:udp?alpha=3|endpoint=a:1|last=x"
    );
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let mut channel = parse("aeron:ipc");
    for (key, value) in [
        ("", "1"),
        ("a", ""),
        ("a|b", "1"),
        ("a=b", "1"),
        ("a", "1|b=2"),
        ("a", "x\0"),
    ] {
        assert!(
            matches!(channel.put(key, value), Err(UriError::Unwritable { .. })),
            "{key}={value}"
        );
    }
    assert_eq!(channel.to_string(), "aeron:ipc");
}
