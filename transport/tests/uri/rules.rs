//! Channels by command (04 §1.8).

use crate::canonical::channel;
use taranis_transport::uri::{
    ChannelUri, UriError, check_destination, check_original_publication, check_publication,
    check_send_destination, check_subscription,
};

fn assert_refused(result: Result<(), UriError>, text: &str, code: i32) {
    let fault = result.unwrap_err();
    assert!(fault.to_string().starts_with(text), "{fault}");
    assert_eq!(fault.code(), code, "{fault}");
}

#[test]
fn a_publication_knows_where_it_sends() {
    let check = |params: &str| check_publication(&channel(params).unwrap());
    for params in [
        "endpoint=localhost:1",
        "endpoint=localhost:0|control=localhost:1|control-mode=dynamic",
        "control=localhost:1|endpoint=localhost:2",
        "control-mode=manual",
        "control=localhost:1|control-mode=response",
        "tags=1",
        "endpoint=224.0.1.1:1|control=localhost:1",
    ] {
        assert_eq!(check(params), Ok(()), "{params}");
    }
    assert_refused(
        check("endpoint=localhost:0"),
        "endpoint has port=0 for publication: channel=aeron:udp?",
        11,
    );
    assert_refused(
        check("control=localhost:1"),
        "'control' parameter requires that either 'endpoint' or 'control-mode' is specified",
        11,
    );
    assert_refused(
        check("endpoint=224.0.1.1:1|control=localhost:1|control-mode=dynamic"),
        "'control-mode=dynamic' requires that 'control' parameter is set",
        11,
    );
    assert_refused(
        check("endpoint=a:1|ats=true"),
        "ATS is not enabled and thus ats=true not allowed: channel=",
        11,
    );
    let only_tag = channel("tags=1").unwrap();
    assert_refused(
        check_original_publication(&only_tag),
        "URI must have explicit control, endpoint, or be manual",
        11,
    );
    assert_eq!(
        check_original_publication(&channel("tags=1|control-mode=manual").unwrap()),
        Ok(())
    );
}

#[test]
fn a_subscription_knows_whom_it_asks() {
    let check = |params: &str| check_subscription(&channel(params).unwrap());
    assert_eq!(check("endpoint=localhost:0|control=localhost:1"), Ok(()));
    assert_refused(
        check("endpoint=localhost:0|control=localhost:0"),
        "control has port=0 for subscription: channel=",
        11,
    );
}

#[test]
fn a_destination_has_no_settings_of_its_channel() {
    let check = |text: &str| check_destination(&ChannelUri::parse(text).unwrap());
    assert_eq!(check("aeron:udp?endpoint=a:1|interface=lo"), Ok(()));
    for key in [
        "mtu",
        "rcv-wnd",
        "so-rcvbuf",
        "so-sndbuf",
        "so-tos",
        "response-correlation-id",
    ] {
        let text = format!("aeron:udp?endpoint=a:1|{key}=1");
        assert_refused(
            check(&text),
            &format!("destinations must not contain the key: {key} channel=aeron:udp"),
            1,
        );
    }
    assert_refused(
        check("aeron:udp?endpoint=a:1|control-mode=response"),
        "destinations may not specify control-mode=response",
        1,
    );
}

#[test]
fn a_send_destination_is_a_udp_endpoint_with_a_port() {
    let check = |text: &str| check_send_destination(&ChannelUri::parse(text).unwrap());
    assert_eq!(check("aeron:udp?endpoint=a:1"), Ok(()));
    assert_refused(
        check("aeron-spy:aeron:udp?endpoint=a:1"),
        "Aeron spies are invalid as send destinations",
        1,
    );
    assert_refused(
        check("aeron:ipc"),
        "incorrect URI format for destination",
        11,
    );
    assert_refused(
        check("aeron:udp?control=a:1"),
        "incorrect URI format for destination",
        11,
    );
    assert_refused(
        check("aeron:udp?endpoint=a:0"),
        "endpoint has port=0 for send destination: channel=",
        11,
    );
    assert_refused(check("aeron:udp?endpoint=a"), "port invalid: a", 11);
}
