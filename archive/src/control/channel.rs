//! What the archive makes of channels: keys, stripped channels, channels for answers (07 §3).

use taranis_transport::uri::{ChannelUri, Media, UriError, keys};

/// Parameters that make a channel the channel it is, in the order they are written.
const STRIPPED: [&str; 23] = [
    keys::TAGS,
    keys::ENDPOINT,
    keys::INTERFACE,
    keys::CONTROL,
    keys::CONTROL_MODE,
    keys::SESSION_ID,
    keys::TTL,
    keys::ALIAS,
    keys::CC,
    keys::FC,
    keys::GTAG,
    keys::TETHER,
    keys::GROUP,
    keys::REJOIN,
    keys::SO_SNDBUF,
    keys::SO_RCVBUF,
    keys::RCV_WND,
    keys::MEDIA_RCV_TS_OFFSET,
    keys::CHANNEL_RCV_TS_OFFSET,
    keys::CHANNEL_SND_TS_OFFSET,
    keys::RESPONSE_ENDPOINT,
    keys::RESPONSE_CORRELATION_ID,
    keys::STREAM_ID,
];

/// Parameters by which two recordings of a stream are the same.
const KEY: [&str; 5] = [
    keys::ENDPOINT,
    keys::INTERFACE,
    keys::CONTROL,
    keys::SESSION_ID,
    keys::TAGS,
];

/// A channel with only what makes it that channel, and no prefix.
pub fn stripped(channel: &ChannelUri) -> Result<ChannelUri, UriError> {
    let mut stripped = ChannelUri::new(channel.media());
    for key in STRIPPED {
        if let Some(value) = channel.get(key) {
            stripped.put(key, value)?;
        }
    }
    Ok(stripped)
}

/// The key of a recording's subscription (07 §3.1).
pub fn recording_key(channel: &ChannelUri, stream_id: i32) -> String {
    let mut key = format!("{stream_id}:{}?", channel.media().name());
    for name in KEY {
        if let Some(value) = channel.get(name) {
            key.push_str(&format!("{name}={value}|"));
        }
    }
    key.pop();
    key
}

/// The channel to subscribe to for a recording: local UDP streams are spied on (07 §3.3).
pub fn recorded(channel: &ChannelUri, is_local: bool) -> Result<ChannelUri, UriError> {
    let mut recorded = stripped(channel)?;
    if is_local && channel.media() == Media::Udp {
        recorded.set_spy(true);
    }
    Ok(recorded)
}

/// The channel of a session's answers (06 §5.3).
pub fn response(
    channel: &ChannelUri,
    term_length: u64,
    mtu: u64,
    is_sparse: bool,
) -> Result<ChannelUri, UriError> {
    let mut response = stripped(channel)?;
    let settings = [
        (keys::TERM_LENGTH, term_length.to_string()),
        (keys::MTU, mtu.to_string()),
        (keys::SPARSE, is_sparse.to_string()),
    ];
    for (key, default) in settings {
        response.put(key, channel.get(key).unwrap_or(&default))?;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_know_what_makes_a_channel_another_one() {
        let key = |text: &str| recording_key(&ChannelUri::parse(text).unwrap(), 7);
        assert_eq!(key("aeron:ipc"), "7:ipc");
        assert_eq!(
            key("aeron:udp?endpoint=a:1|mtu=1408|session-id=3"),
            "7:udp?endpoint=a:1|session-id=3"
        );
    }

    #[test]
    fn local_udp_is_spied_on() {
        let udp = ChannelUri::parse("aeron:udp?term-length=64k|endpoint=a:1").unwrap();
        assert_eq!(
            recorded(&udp, true).unwrap().to_string(),
            "aeron-spy:aeron:udp?endpoint=a:1"
        );
        assert_eq!(
            recorded(&udp, false).unwrap().to_string(),
            "aeron:udp?endpoint=a:1"
        );
        let ipc = ChannelUri::parse("aeron:ipc").unwrap();
        assert_eq!(recorded(&ipc, true).unwrap().to_string(), "aeron:ipc");
    }
}
