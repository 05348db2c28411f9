//! Aeron's counters: type ids, keys and labels (spec 02 §7.2–§7.4).
//!
//! A counter is found by its type and key, and read by people by its label. Both are laid out here, in one place for the
//! driver that allocates them and the clients and tools that look for them. Labels are clipped at 380 bytes and keys hold 112.

use std::fmt::Write as _;

/// Bytes of a key.
pub const KEY_LENGTH: usize = 112;
/// Most bytes of a label.
pub const LABEL_MAX: usize = 380;
/// Most bytes of a channel in a [`StreamKey`].
pub const STREAM_CHANNEL_MAX: usize = 92;
/// Most bytes of a channel in a [`ChannelKey`].
pub const STATUS_CHANNEL_MAX: usize = 108;
/// Most bytes of an address in a [`LocalSocketAddressKey`].
pub const ADDRESS_MAX: usize = 104 - 1;
/// First type id that is free for applications.
pub const USER_TYPE_ID_MIN: i32 = 1000;

/// Status of a channel: its socket is being made.
pub const CHANNEL_INITIALIZING: i64 = 0;
/// Status of a channel or local address: bound.
pub const CHANNEL_ACTIVE: i64 = 1;
/// Status of a channel or local address: about to go.
pub const CHANNEL_CLOSING: i64 = 2;
/// Status of a channel: its socket failed.
pub const CHANNEL_ERRORED: i64 = -1;

macro_rules! counter_types {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $label:literal;)*) => {
        /// Type ids (spec 02 §7.2).
        pub mod type_id {
            $($(#[$doc])* pub const $name: i32 = $id;)*
        }

        /// Every named type: its id and the name its labels begin with, or a description where they have none.
        pub const COUNTER_TYPES: &[(i32, &str)] = &[$(($id, $label),)*];
    };
}

counter_types! {
    /// One of the driver's own; see [`SystemCounter`](super::SystemCounter).
    SYSTEM = 0, "system counter";
    /// Up to where a publisher may offer.
    PUBLISHER_LIMIT = 1, "pub-lmt";
    /// What the sender has sent.
    SENDER_POSITION = 2, "snd-pos";
    /// Highest position received.
    RECEIVER_HWM = 3, "rcv-hwm";
    /// What a subscriber has consumed.
    SUBSCRIBER_POSITION = 4, "sub-pos";
    /// Position received without a gap.
    RECEIVER_POSITION = 5, "rcv-pos";
    /// Status of a send channel.
    SEND_CHANNEL_STATUS = 6, "snd-channel";
    /// Status of a receive channel.
    RECEIVE_CHANNEL_STATUS = 7, "rcv-channel";
    /// Up to where the sender may send.
    SENDER_LIMIT = 9, "snd-lmt";
    /// Congestion control of an image.
    PER_IMAGE = 10, "rcv-cc-cubic";
    /// When a client was last alive, in epoch milliseconds.
    CLIENT_HEARTBEAT = 11, "client-heartbeat";
    /// What publishers have offered.
    PUBLISHER_POSITION = 12, "pub-pos";
    /// How often the sender was at its limit.
    SENDER_BPE = 13, "snd-bpe";
    /// Address that a socket is bound to.
    LOCAL_SOCKET_ADDRESS = 14, "local-sockaddr";
    /// Neighbours of the name resolver.
    RESOLVER_NEIGHBORS = 15, "Resolver neighbors";
    /// Cache of the name resolver.
    RESOLVER_CACHE = 16, "Resolver cache entries";
    /// Receivers that flow control counts.
    FLOW_CONTROL_RECEIVERS = 17, "fc-receivers";
    /// Destinations of a publication.
    MDC_DESTINATIONS = 18, "mdc-num-dest";
    /// NAKs that a publication got.
    SENDER_NAKS_RECEIVED = 19, "snd-naks-received";
    /// NAKs that an image sent.
    RECEIVER_NAKS_SENT = 20, "rcv-naks-sent";
    /// Neighbour that a name resolver starts with.
    RESOLVER_BOOTSTRAP = 21, "Bootstrap neighbor";
    /// Position up to which a recording is written.
    RECORDING_POSITION = 100, "rec-pos";
    /// Errors of an archive.
    ARCHIVE_ERRORS = 101, "Archive Errors";
    /// Control sessions of an archive.
    ARCHIVE_CONTROL_SESSIONS = 102, "Archive Control Sessions";
    /// Longest duty cycle of an archive.
    ARCHIVE_MAX_CYCLE_TIME = 103, "archive max cycle time in ns";
    /// Duty cycles of an archive over the threshold.
    ARCHIVE_CYCLE_TIME_EXCEEDED = 104, "archive work cycle time exceeded count";
    /// Longest write of a recorder.
    RECORDER_MAX_WRITE_TIME = 105, "archive-recorder max write time in ns";
    /// Bytes written by a recorder.
    RECORDER_TOTAL_WRITE_BYTES = 106, "archive-recorder total write bytes";
    /// Time a recorder wrote.
    RECORDER_TOTAL_WRITE_TIME = 107, "archive-recorder total write time in ns";
    /// Longest read of a replayer.
    REPLAYER_MAX_READ_TIME = 108, "archive-replayer max read time in ns";
    /// Bytes read by a replayer.
    REPLAYER_TOTAL_READ_BYTES = 109, "archive-replayer total read bytes";
    /// Time a replayer read.
    REPLAYER_TOTAL_READ_TIME = 110, "archive-replayer total read time in ns";
    /// Recordings under way.
    RECORDING_SESSIONS = 111, "Archive Recording Sessions";
    /// Replays under way.
    REPLAY_SESSIONS = 112, "Archive Replay Sessions";
    /// A control session of an archive.
    ARCHIVE_CONTROL_SESSION = 113, "control-session";
    /// State of a persistent subscription.
    PERSISTENT_SUBSCRIPTION_STATE = 114, "persistent subscription state";
    /// Distance of a persistent subscription from joining.
    PERSISTENT_SUBSCRIPTION_JOIN_DIFFERENCE = 115, "persistent subscription join difference";
    /// How often a persistent subscription left the live stream.
    PERSISTENT_SUBSCRIPTION_LIVE_LEFT = 116, "persistent subscription live left count";
    /// How often a persistent subscription joined the live stream.
    PERSISTENT_SUBSCRIPTION_LIVE_JOINED = 117, "persistent subscription live joined count";
    /// State of a consensus module.
    CONSENSUS_MODULE_STATE = 200, "Consensus Module state";
    /// Role of a member.
    CLUSTER_NODE_ROLE = 201, "Cluster node role";
    /// Toggle by which an operator controls a cluster.
    CLUSTER_CONTROL_TOGGLE = 202, "Cluster control toggle";
    /// Position of the log that the cluster agreed on.
    COMMIT_POSITION = 203, "Cluster commit-pos";
    /// State of a recovery.
    RECOVERY_STATE = 204, "Cluster recovery";
    /// Snapshots taken.
    SNAPSHOT_COUNT = 205, "Cluster snapshot count";
    /// State of an election.
    ELECTION_STATE = 207, "Cluster election state";
    /// State of a backup.
    BACKUP_STATE = 208, "Cluster backup state";
    /// Live log position of a backup.
    BACKUP_LIVE_LOG_POSITION = 209, "Cluster backup live log position";
    /// Next query of a backup.
    BACKUP_QUERY_DEADLINE = 210, "Cluster backup next query deadline";
    /// Errors of a backup.
    BACKUP_ERRORS = 211, "Cluster backup errors";
    /// Errors of a consensus module.
    CONSENSUS_MODULE_ERRORS = 212, "Cluster Errors";
    /// Clients of a cluster that timed out.
    CLUSTER_CLIENT_TIMEOUTS = 213, "Cluster timed out client count";
    /// Invalid requests of a cluster.
    CLUSTER_INVALID_REQUESTS = 214, "Cluster invalid request count";
    /// Errors of a clustered service.
    CLUSTERED_SERVICE_ERRORS = 215, "Cluster Container Errors";
    /// Longest duty cycle of a consensus module.
    CLUSTER_MAX_CYCLE_TIME = 216, "Cluster max cycle time in ns";
    /// Duty cycles of a consensus module over the threshold.
    CLUSTER_CYCLE_TIME_EXCEEDED = 217, "Cluster work cycle time exceeded count";
    /// Longest duty cycle of a service.
    SERVICE_MAX_CYCLE_TIME = 218, "Cluster container max cycle time in ns";
    /// Duty cycles of a service over the threshold.
    SERVICE_CYCLE_TIME_EXCEEDED = 219, "Cluster container work cycle time exceeded count";
    /// Toggle by which an operator controls one node.
    NODE_CONTROL_TOGGLE = 233, "Cluster node control toggle";
    /// Longest snapshot.
    SNAPSHOT_MAX_DURATION = 234, "Total max snapshot duration";
    /// Snapshots over the threshold.
    SNAPSHOT_DURATION_EXCEEDED = 235, "Total max snapshot duration exceeded count";
    /// Longest snapshot of a service.
    SERVICE_SNAPSHOT_MAX_DURATION = 236, "Service max snapshot duration";
    /// Snapshots of a service over the threshold.
    SERVICE_SNAPSHOT_DURATION_EXCEEDED = 237, "Service max snapshot duration exceeded count";
    /// Elections held.
    ELECTION_COUNT = 238, "Cluster election count";
    /// Term of the current leader.
    LEADERSHIP_TERM_ID = 239, "Cluster leadership term id";
    /// Snapshots that a backup retrieved.
    BACKUP_SNAPSHOT_RETRIEVE_COUNT = 240, "Cluster backup snapshot retrieve count";
    /// A session of a cluster's client.
    CLUSTER_SESSION = 241, "cluster-session";
}

macro_rules! system_counters {
    ($($variant:ident = $id:literal, $label:literal;)*) => {
        /// The driver's own counters: counter id, registration id and key are this number (spec 02 §7.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum SystemCounter {
            $(#[doc = concat!("`", $label, "`")] $variant = $id,)*
        }

        impl SystemCounter {
            /// All of them, in the order of their ids: a driver allocates them first, in this order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its counter id.
            pub const fn id(self) -> i32 {
                self as i32
            }

            /// Its label, without what a driver appends at start-up.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }

            /// Its key.
            pub fn key(self) -> [u8; KEY_LENGTH] {
                let mut key = Key::new();
                key.i32(self.id());
                key.finish()
            }
        }
    };
}

system_counters! {
    BytesSent = 0, "Bytes sent";
    BytesReceived = 1, "Bytes received";
    ReceiverProxyFails = 2, "Failed offers to ReceiverProxy";
    SenderProxyFails = 3, "Failed offers to SenderProxy";
    ConductorProxyFails = 4, "Failed offers to DriverConductorProxy";
    NakMessagesSent = 5, "NAKs sent";
    NakMessagesReceived = 6, "NAKs received";
    StatusMessagesSent = 7, "Status Messages sent";
    StatusMessagesReceived = 8, "Status Messages received";
    HeartbeatsSent = 9, "Heartbeats sent";
    HeartbeatsReceived = 10, "Heartbeats received";
    RetransmitsSent = 11, "Retransmits sent";
    FlowControlUnderRuns = 12, "Flow control under runs";
    FlowControlOverRuns = 13, "Flow control over runs";
    InvalidPackets = 14, "Invalid packets";
    Errors = 15, "Errors";
    ShortSends = 16, "Short sends";
    FreeFails = 17, "Failed attempts to free log buffers";
    SenderFlowControlLimits = 18, "Sender flow control limits, i.e. back-pressure events";
    UnblockedPublications = 19, "Unblocked Publications";
    UnblockedCommands = 20, "Unblocked Control Commands";
    PossibleTtlAsymmetry = 21, "Possible TTL Asymmetry";
    ControllableIdleStrategy = 22, "ControllableIdleStrategy status";
    LossGapFills = 23, "Loss gap fills";
    ClientTimeouts = 24, "Client liveness timeouts";
    ResolutionChanges = 25, "Resolution changes";
    ConductorMaxCycleTime = 26, "Conductor max cycle time doing its work in ns";
    ConductorCycleTimeThresholdExceeded = 27, "Conductor work cycle exceeded threshold count";
    SenderMaxCycleTime = 28, "Sender max cycle time doing its work in ns";
    SenderCycleTimeThresholdExceeded = 29, "Sender work cycle exceeded threshold count";
    ReceiverMaxCycleTime = 30, "Receiver max cycle time doing its work in ns";
    ReceiverCycleTimeThresholdExceeded = 31, "Receiver work cycle exceeded threshold count";
    NameResolverMaxTime = 32, "NameResolver max time in ns";
    NameResolverTimeThresholdExceeded = 33, "NameResolver exceeded threshold count";
    AeronVersion = 34, "Aeron software";
    BytesCurrentlyMapped = 35, "Bytes currently mapped";
    RetransmittedBytes = 36, "Retransmitted bytes";
    RetransmitOverflow = 37, "Retransmit Pool Overflow count";
    ErrorFramesReceived = 38, "Error Frames received";
    ErrorFramesSent = 39, "Error Frames sent";
    PublicationsRevoked = 40, "Publications Revoked";
    PublicationImagesRevoked = 41, "Publication Images Revoked";
    ImagesRejected = 42, "Images rejected";
    ControlProtocolVersion = 43, "Control protocol version";
    StatusMessagesRejected = 44, "Status Messages rejected";
    NativeResourceAgentProxyFails = 45, "Failed offers to NativeResourceAgentProxy";
}

/// Key of a counter about one stream: types 1–5, 9, 10, 12, 13, 17, 19, 20.
///
/// ```text
///   0                8              12             16                   20
///   | registration id | session id   | stream id    | channel length     | channel, up to 92 bytes |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamKey<'a> {
    /// Registration id of the publication, subscription or image (see spec 02 §7.4).
    pub registration_id: i64,
    /// Session.
    pub session_id: i32,
    /// Stream.
    pub stream_id: i32,
    /// Channel; clipped in the key.
    pub channel: &'a [u8],
}

impl<'a> StreamKey<'a> {
    /// The key's bytes, the rest 0.
    pub fn encode(&self) -> [u8; KEY_LENGTH] {
        let mut key = Key::new();
        key.i64(self.registration_id);
        key.i32(self.session_id);
        key.i32(self.stream_id);
        key.text(self.channel, STREAM_CHANNEL_MAX);
        key.finish()
    }

    /// Reads a key; `None` when its channel length is not one.
    pub fn decode(key: &'a [u8; KEY_LENGTH]) -> Option<Self> {
        Some(Self {
            registration_id: long_at(key, 0),
            session_id: int_at(key, 8),
            stream_id: int_at(key, 12),
            channel: text_at(key, 16)?,
        })
    }

    /// `<name>: <registrationId> <sessionId> <streamId> <channel>`, and ` @<joinPosition>` for a subscriber's position.
    pub fn label(&self, name: &str, join_position: Option<i64>) -> String {
        let mut label = format!(
            "{name}: {} {} {} {}",
            self.registration_id,
            self.session_id,
            self.stream_id,
            String::from_utf8_lossy(self.channel)
        );
        if let Some(position) = join_position {
            // Writing to a string can't fail.
            let _ = write!(label, " @{position}");
        }
        clipped(label)
    }
}

/// Key of a counter about one channel: types 6, 7, 18.
///
/// ```text
///   0                4
///   | channel length | channel, up to 108 bytes |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelKey<'a> {
    /// The channel as it was given; clipped in the key.
    pub channel: &'a [u8],
}

impl<'a> ChannelKey<'a> {
    /// The key's bytes, the rest 0.
    pub fn encode(&self) -> [u8; KEY_LENGTH] {
        let mut key = Key::new();
        key.text(self.channel, STATUS_CHANNEL_MAX);
        key.finish()
    }

    /// Reads a key; `None` when its channel length is not one.
    pub fn decode(key: &'a [u8; KEY_LENGTH]) -> Option<Self> {
        Some(Self {
            channel: text_at(key, 0)?,
        })
    }

    /// `<name>: <uri> <bound address>`; the blank stays when the address is empty.
    pub fn status_label(&self, name: &str, bound: &str) -> String {
        clipped(format!(
            "{name}: {} {bound}",
            String::from_utf8_lossy(self.channel)
        ))
    }
}

/// Key of the counter about an address that a socket is bound to: type 14.
///
/// ```text
///   0                           4                8
///   | channel status counter id | address length | address, up to 103 bytes |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalSocketAddressKey<'a> {
    /// Counter of the channel's status.
    pub channel_status_id: i32,
    /// `ip:port` or `[ip6]:port`.
    pub address: &'a [u8],
}

impl<'a> LocalSocketAddressKey<'a> {
    /// The key's bytes, the rest 0.
    pub fn encode(&self) -> [u8; KEY_LENGTH] {
        let mut key = Key::new();
        key.i32(self.channel_status_id);
        key.text(self.address, ADDRESS_MAX);
        key.finish()
    }

    /// Reads a key; `None` when its address length is not one.
    pub fn decode(key: &'a [u8; KEY_LENGTH]) -> Option<Self> {
        Some(Self {
            channel_status_id: int_at(key, 0),
            address: text_at(key, 4)?,
        })
    }

    /// `<name>: <channel status counter id> <address>`.
    pub fn label(&self, name: &str) -> String {
        clipped(format!(
            "{name}: {} {}",
            self.channel_status_id,
            String::from_utf8_lossy(self.address)
        ))
    }
}

/// Key of a client's heartbeat counter: its id.
pub fn heartbeat_key(client_id: i64) -> [u8; KEY_LENGTH] {
    let mut key = Key::new();
    key.i64(client_id);
    key.finish()
}

/// The client whose heartbeat counter has that key.
pub fn heartbeat_client_id(key: &[u8; KEY_LENGTH]) -> i64 {
    long_at(key, 0)
}

/// Label of a client's heartbeat counter, as the driver gives it; the client appends its name and version.
pub fn heartbeat_label(client_id: i64) -> String {
    format!("client-heartbeat: id={client_id}")
}

/// Cuts a label to the bytes a record holds, at a character's end.
pub fn clipped(mut label: String) -> String {
    let mut end = label.len().min(LABEL_MAX);
    while !label.is_char_boundary(end) {
        end -= 1;
    }
    label.truncate(end);
    label
}

/// A key under construction; what does not fit is cut.
struct Key {
    bytes: [u8; KEY_LENGTH],
    at: usize,
}

impl Key {
    fn new() -> Self {
        Self {
            bytes: [0; KEY_LENGTH],
            at: 0,
        }
    }

    fn i64(&mut self, value: i64) {
        self.raw(&value.to_le_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.raw(&value.to_le_bytes());
    }

    fn text(&mut self, text: &[u8], max: usize) {
        let text = &text[..text.len().min(max)];
        self.i32(i32::try_from(text.len()).unwrap_or_default());
        self.raw(text);
    }

    fn raw(&mut self, value: &[u8]) {
        let end = self.at + value.len();
        self.bytes[self.at..end].copy_from_slice(value);
        self.at = end;
    }

    fn finish(self) -> [u8; KEY_LENGTH] {
        self.bytes
    }
}

fn int_at(key: &[u8; KEY_LENGTH], at: usize) -> i32 {
    key.get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |bytes| i32::from_le_bytes(*bytes))
}

fn long_at(key: &[u8; KEY_LENGTH], at: usize) -> i64 {
    key.get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

fn text_at(key: &[u8; KEY_LENGTH], at: usize) -> Option<&[u8]> {
    let len = usize::try_from(int_at(key, at)).ok()?;
    key.get(at + 4..)?.get(..len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_keys_are_laid_out_as_02_7_4_says() {
        let key = StreamKey {
            registration_id: 7,
            session_id: -8,
            stream_id: 9,
            channel: b"aeron:ipc",
        };
        let bytes = key.encode();
        assert_eq!(bytes[0..8], 7_i64.to_le_bytes());
        assert_eq!(bytes[8..12], (-8_i32).to_le_bytes());
        assert_eq!(bytes[16..20], 9_i32.to_le_bytes());
        assert_eq!(&bytes[20..29], b"aeron:ipc");
        assert_eq!(StreamKey::decode(&bytes), Some(key));
        assert_eq!(
            key.label("sub-pos", Some(64)),
            "sub-pos: 7 -8 9 aeron:ipc @64"
        );
        assert_eq!(key.label("pub-lmt", None), "pub-lmt: 7 -8 9 aeron:ipc");
    }

    #[test]
    fn long_channels_are_clipped_in_key_and_label() {
        let channel = vec![b'x'; 500];
        let key = StreamKey {
            registration_id: 1,
            session_id: 2,
            stream_id: 3,
            channel: &channel,
        };
        assert_eq!(StreamKey::decode(&key.encode()).unwrap().channel.len(), 92);
        assert_eq!(key.label("pub-pos", None).len(), 380);
        let key = ChannelKey { channel: &channel };
        assert_eq!(
            ChannelKey::decode(&key.encode()).unwrap().channel.len(),
            108
        );
        let key = LocalSocketAddressKey {
            channel_status_id: 1,
            address: &channel,
        };
        assert_eq!(
            LocalSocketAddressKey::decode(&key.encode())
                .unwrap()
                .address
                .len(),
            103
        );
        assert_eq!(clipped("é".repeat(200)).len(), 380);
        assert_eq!(clipped(format!("x{}", "é".repeat(200))).len(), 379);
    }

    #[test]
    fn a_key_of_another_process_never_reads_past_its_end() {
        for flipped in 0..KEY_LENGTH * 8 {
            let mut bytes = StreamKey {
                registration_id: 1,
                session_id: 2,
                stream_id: 3,
                channel: &[1; 92],
            }
            .encode();
            bytes[flipped / 8] ^= 1 << (flipped % 8);
            let _ = StreamKey::decode(&bytes);
            let _ = ChannelKey::decode(&bytes);
            let _ = LocalSocketAddressKey::decode(&bytes);
        }
        let mut bytes = [0; KEY_LENGTH];
        bytes[16..20].copy_from_slice(&93_i32.to_le_bytes());
        assert_eq!(StreamKey::decode(&bytes), None);
        bytes[16..20].copy_from_slice(&(-1_i32).to_le_bytes());
        assert_eq!(StreamKey::decode(&bytes), None);
    }

    #[test]
    fn system_counters_stand_at_their_own_ids() {
        for (at, counter) in SystemCounter::ALL.iter().enumerate() {
            assert_eq!(usize::try_from(counter.id()).unwrap(), at);
            assert_eq!(counter.key()[0..4], counter.id().to_le_bytes());
        }
        assert_eq!(SystemCounter::ALL.len(), 46);
        assert_eq!(SystemCounter::ControlProtocolVersion.id(), 43);
        assert_eq!(heartbeat_client_id(&heartbeat_key(-3)), -3);
        assert_eq!(heartbeat_label(12), "client-heartbeat: id=12");
    }
}
