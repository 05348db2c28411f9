//! The keys of channel parameters (04 §1.3, 05 §5.3).

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*

        /// Every key there is, in the order a builder writes them.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

keys! {
    /// Channel and entity tag.
    TAGS = "tags";
    /// Where to send to, or to bind.
    ENDPOINT = "endpoint";
    /// Local interface.
    INTERFACE = "interface";
    /// Control address of a multi-destination channel.
    CONTROL = "control";
    /// How destinations come and go.
    CONTROL_MODE = "control-mode";
    /// Largest datagram.
    MTU = "mtu";
    /// Bytes of a term.
    TERM_LENGTH = "term-length";
    /// First term of the stream.
    INIT_TERM_ID = "init-term-id";
    /// Term to start at.
    TERM_ID = "term-id";
    /// Offset to start at.
    TERM_OFFSET = "term-offset";
    /// Session of the publication.
    SESSION_ID = "session-id";
    /// Multicast hops.
    TTL = "ttl";
    /// Fill gaps by retransmission.
    RELIABLE = "reliable";
    /// How long a closed publication stays.
    LINGER = "linger";
    /// A name for people.
    ALIAS = "alias";
    /// Congestion control.
    CC = "cc";
    /// Flow control.
    FC = "fc";
    /// Group tag of the receiver.
    GTAG = "gtag";
    /// Sparse term files.
    SPARSE = "sparse";
    /// Send end-of-stream.
    EOS = "eos";
    /// May this subscription hold back the stream?
    TETHER = "tether";
    /// Group semantics of the receiver.
    GROUP = "group";
    /// May an image come back after it went?
    REJOIN = "rejoin";
    /// Do spies count as receivers?
    SSC = "ssc";
    /// Send buffer of the socket.
    SO_SNDBUF = "so-sndbuf";
    /// Receive buffer of the socket.
    SO_RCVBUF = "so-rcvbuf";
    /// Traffic class of the socket (since 1.54.0).
    SO_TOS = "so-tos";
    /// Initial window of the receiver.
    RCV_WND = "rcv-wnd";
    /// Where the media stamps received frames.
    MEDIA_RCV_TS_OFFSET = "media-rcv-ts-offset";
    /// Where the channel stamps received frames.
    CHANNEL_RCV_TS_OFFSET = "channel-rcv-ts-offset";
    /// Where the channel stamps sent frames.
    CHANNEL_SND_TS_OFFSET = "channel-snd-ts-offset";
    /// Known to clients alone.
    RESPONSE_ENDPOINT = "response-endpoint";
    /// What a publication responds to.
    RESPONSE_CORRELATION_ID = "response-correlation-id";
    /// Wait before a NAK.
    NAK_DELAY = "nak-delay";
    /// Patience with an untethered subscription.
    UNTETHERED_WINDOW_LIMIT_TIMEOUT = "untethered-window-limit-timeout";
    /// Time before an untethered subscription rests.
    UNTETHERED_LINGER_TIMEOUT = "untethered-linger-timeout";
    /// Rest of an untethered subscription.
    UNTETHERED_RESTING_TIMEOUT = "untethered-resting-timeout";
    /// Retransmissions at a time.
    MAX_RESEND = "max-resend";
    /// Stream, as a hint.
    STREAM_ID = "stream-id";
    /// Window of the publication.
    PUB_WND = "pub-wnd";
    /// Transport security.
    ATS = "ats";
}
