//! The driver's settings (spec 04 §4.2): defaults, `AERON_*` names, ranges.

use std::path::PathBuf;

use taranis_runtime::{
    config::{Bytes, ConfigError, Nanos},
    settings,
};

use crate::{
    cnc::Lengths,
    uri::{Inferable, PublicationDefaults, SubscriptionDefaults, UntetheredTimeouts},
};

/// Largest term, largest window, largest page: 1 GiB.
const GIB: u64 = 1 << 30;

settings! {
    /// What a process may choose about its media driver. Names and defaults are Aeron's; a value out of range is refused,
    /// where Aeron clamps it in silence.
    pub struct DriverSettings {
        /// Directory of the driver: its CnC file and log buffers. Empty: `/dev/shm/aeron-<user>`.
        pub dir: Option<PathBuf> = "", env "AERON_DIR", allowed "a path";
        /// Remove the directory when the driver stops.
        pub dir_delete_on_shutdown: bool = "false", env "AERON_DIR_DELETE_ON_SHUTDOWN", allowed "true or false";
        /// Bytes of the ring that carries clients' commands, without its trailer.
        pub conductor_buffer_length: Bytes = "1m", env none,
            allowed "a power of two from 1m to 1g" if |v: &Bytes| is_power(v, 1 << 20, GIB);
        /// Bytes of the broadcast buffer that carries events to clients, without its trailer.
        pub clients_buffer_length: Bytes = "1m", env none,
            allowed "a power of two from 1m to 1g" if |v: &Bytes| is_power(v, 1 << 20, GIB);
        /// Bytes of the counters' values; their metadata has four times as many.
        pub counters_buffer_length: Bytes = "8m", env "AERON_COUNTERS_BUFFER_LENGTH",
            allowed "1m to 500m" if |v: &Bytes| (1 << 20..=500 << 20).contains(&v.0);
        /// Bytes of the error log.
        pub error_buffer_length: Bytes = "4m", env "AERON_ERROR_BUFFER_LENGTH",
            allowed "4m to 1g" if |v: &Bytes| (4 << 20..=GIB).contains(&v.0);
        /// After how long without a heartbeat a client is given up.
        pub client_liveness_timeout: Nanos = "10s", env "AERON_CLIENT_LIVENESS_TIMEOUT",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// Term length of network publications.
        pub term_buffer_length: Bytes = "16m", env "AERON_TERM_BUFFER_LENGTH",
            allowed "a power of two from 64k to 1g" if |v: &Bytes| is_power(v, 65_536, GIB);
        /// Term length of IPC publications.
        pub ipc_term_buffer_length: Bytes = "64m", env "AERON_IPC_TERM_BUFFER_LENGTH",
            allowed "a power of two from 64k to 1g" if |v: &Bytes| is_power(v, 65_536, GIB);
        /// Whether the pages of log buffers are allocated at their first touch.
        pub term_buffer_sparse_file: bool = "true", env "AERON_TERM_BUFFER_SPARSE_FILE", allowed "true or false";
        /// Page size that lengths of files are rounded up to.
        pub file_page_size: Bytes = "4k", env "AERON_FILE_PAGE_SIZE",
            allowed "a power of two from 4k to 1g" if |v: &Bytes| is_power(v, 4_096, GIB);
        /// Whether spies alone make a network publication connected.
        pub spies_simulate_connection: bool = "false", env "AERON_SPIES_SIMULATE_CONNECTION", allowed "true or false";
        /// Largest datagram of network publications, header included.
        pub mtu_length: Bytes = "1408", env "AERON_MTU_LENGTH",
            allowed "a multiple of 32 from 64 to 65504" if is_mtu;
        /// Largest frame of IPC publications, header included.
        pub ipc_mtu_length: Bytes = "1408", env "AERON_IPC_MTU_LENGTH",
            allowed "a multiple of 32 from 64 to 65504" if is_mtu;
        /// Bytes a network publisher may be ahead of its slowest consumer; 0 means half a term.
        pub publication_term_window_length: Bytes = "0", env "AERON_PUBLICATION_TERM_WINDOW_LENGTH",
            allowed "0 to 1g" if |v: &Bytes| v.0 <= GIB;
        /// Bytes an IPC publisher may be ahead of its slowest consumer; 0 means half a term.
        pub ipc_publication_term_window_length: Bytes = "0", env "AERON_IPC_PUBLICATION_TERM_WINDOW_LENGTH",
            allowed "0 to 1g" if |v: &Bytes| v.0 <= GIB;
        /// How long a closed network publication stays, for the sake of late NAKs.
        pub publication_linger_timeout: Nanos = "5s", env "AERON_PUBLICATION_LINGER_TIMEOUT",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// After how long a claim that its publisher left open is turned into padding.
        pub publication_unblock_timeout: Nanos = "15s", env "AERON_PUBLICATION_UNBLOCK_TIMEOUT",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// After how long without a status message a receiver counts as gone.
        pub publication_connection_timeout: Nanos = "5s", env "AERON_PUBLICATION_CONNECTION_TIMEOUT",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// Receive buffer of sockets; 0 leaves the system's default.
        pub socket_so_rcvbuf: Bytes = "128k", env "AERON_SOCKET_SO_RCVBUF",
            allowed "0 to 1g" if |v: &Bytes| v.0 <= GIB;
        /// Send buffer of sockets; 0 leaves the system's default.
        pub socket_so_sndbuf: Bytes = "0", env "AERON_SOCKET_SO_SNDBUF",
            allowed "0 to 1g" if |v: &Bytes| v.0 <= GIB;
        /// Longest time between two status messages of an image.
        pub rcv_status_message_timeout: Nanos = "200ms", env "AERON_RCV_STATUS_MESSAGE_TIMEOUT",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// Receive window of a new image.
        pub rcv_initial_window_length: Bytes = "128k", env "AERON_RCV_INITIAL_WINDOW_LENGTH",
            allowed "256 to 1g" if |v: &Bytes| (256..=GIB).contains(&v.0);
        /// After how long without a packet an image ends.
        pub image_liveness_timeout: Nanos = "10s", env "AERON_IMAGE_LIVENESS_TIMEOUT",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// How often time-outs are looked at.
        pub timer_interval: Nanos = "1s", env "AERON_TIMER_INTERVAL",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// After how long the id of a freed counter may be given out again.
        pub counters_free_to_reuse_timeout: Nanos = "1s", env "AERON_COUNTERS_FREE_TO_REUSE_TIMEOUT",
            allowed "a duration";
        /// Whether losses are asked for again, where a channel does not say.
        pub reliable_stream: bool = "true", env "AERON_RELIABLE_STREAM", allowed "true or false";
        /// Whether subscribers hold a stream back, where a channel does not say.
        pub tether_subscriptions: bool = "true", env "AERON_TETHER_SUBSCRIPTIONS", allowed "true or false";
        /// Whether an image that timed out comes back, where a channel does not say.
        pub rejoin_stream: bool = "true", env "AERON_REJOIN_STREAM", allowed "true or false";
        /// How long an untethered subscriber may be out of its window.
        pub untethered_window_limit_timeout: Nanos = "5s", env "AERON_UNTETHERED_WINDOW_LIMIT_TIMEOUT",
            allowed "a duration";
        /// How long it then lingers; empty: as the window limit timeout.
        pub untethered_linger_timeout: Option<Nanos> = "", env "AERON_UNTETHERED_LINGER_TIMEOUT", allowed "a duration";
        /// How long it then rests.
        pub untethered_resting_timeout: Nanos = "10s", env "AERON_UNTETHERED_RESTING_TIMEOUT", allowed "a duration";
        /// Retransmissions of a group's publication that may be under way.
        pub max_resend: u32 = "16", env "AERON_MAX_RESEND", allowed "1 to 256" if |v: &u32| (1..=256).contains(v);
        /// How long a retransmission waits.
        pub retransmit_unicast_delay: Nanos = "0ns", env "AERON_RETRANSMIT_UNICAST_DELAY", allowed "a duration";
        /// For how long after a retransmission further NAKs for it are ignored.
        pub retransmit_unicast_linger: Nanos = "10ms", env "AERON_RETRANSMIT_UNICAST_LINGER",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// How long a unicast receiver waits before it sends a NAK.
        pub nak_unicast_delay: Nanos = "1us", env "AERON_NAK_UNICAST_DELAY",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// By how much longer it waits before it sends the NAK again.
        pub nak_unicast_retry_delay_ratio: i64 = "100", env "AERON_NAK_UNICAST_RETRY_DELAY_RATIO",
            allowed "1 to 1000000" if |v: &i64| (1..=1_000_000).contains(v);
        /// Receivers that a multicast group is assumed to have, for spreading their NAKs.
        pub nak_multicast_group_size: u32 = "10", env "AERON_NAK_MULTICAST_GROUP_SIZE",
            allowed "a number from 1" if |v: &u32| *v >= 1;
        /// Longest delay of a multicast NAK.
        pub nak_multicast_max_backoff: Nanos = "10ms", env "AERON_NAK_MULTICAST_MAX_BACKOFF",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// After how long without a status message a receiver no longer counts for flow control.
        pub flow_control_receiver_timeout: Nanos = "5s", env "AERON_FLOW_CONTROL_RECEIVER_TIMEOUT", allowed "a duration";
        /// Receivers without which a group's publication is not connected.
        pub flow_control_group_min_size: i32 = "0", env "AERON_FLOW_CONTROL_GROUP_MIN_SIZE",
            allowed "a number from 0" if |v: &i32| *v >= 0;
        /// Lowest of the session ids that are never given out unasked.
        pub publication_reserved_session_id_low: i32 = "-1", env "AERON_PUBLICATION_RESERVED_SESSION_ID_LOW",
            allowed "a 32-bit number";
        /// Highest of them.
        pub publication_reserved_session_id_high: i32 = "1000", env "AERON_PUBLICATION_RESERVED_SESSION_ID_HIGH",
            allowed "a 32-bit number";
        /// How old the heartbeat of another driver's directory must be for it to count as dead, where no lock tells.
        pub driver_timeout: Nanos = "10s", env none, allowed "a duration from 1ms" if |v: &Nanos| v.0 >= 1_000_000;
    }
}

impl DriverSettings {
    /// Contradictions between settings (spec 04 §3.2.5, §6.6).
    pub fn contradictions(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut longer = |name: &str, value: Nanos, than: &str, limit: Nanos| {
            if value <= limit {
                let text = format!(
                    "{name} must be longer than {than}: {value} is not longer than {limit}"
                );
                errors.push(ConfigError::Contradiction(text));
            }
        };
        let (unblock, liveness) = (
            self.publication_unblock_timeout,
            self.client_liveness_timeout,
        );
        longer(
            "publication_unblock_timeout",
            unblock,
            "client_liveness_timeout",
            liveness,
        );
        longer(
            "client_liveness_timeout",
            liveness,
            "timer_interval",
            self.timer_interval,
        );
        let window_limit = self.untethered_window_limit_timeout;
        longer(
            "untethered_window_limit_timeout",
            window_limit,
            "timer_interval",
            self.timer_interval,
        );
        longer(
            "untethered_resting_timeout",
            self.untethered_resting_timeout,
            "timer_interval",
            self.timer_interval,
        );
        if let Some(linger) = self.untethered_linger_timeout {
            longer(
                "untethered_linger_timeout",
                linger,
                "timer_interval",
                self.timer_interval,
            );
        }
        errors
    }

    /// Lengths of the CnC file's sections.
    pub(crate) fn cnc_lengths(&self) -> Lengths {
        use taranis_runtime::mem::{broadcast, ring};
        Lengths {
            to_driver: self.conductor_buffer_length.0 as usize + ring::TRAILER_LEN,
            to_clients: self.clients_buffer_length.0 as usize + broadcast::TRAILER_LEN,
            counters_values: self.counters_buffer_length.0 as usize,
            error_log: self.error_buffer_length.0 as usize,
            page_size: self.file_page_size.0 as usize,
        }
    }

    pub(crate) fn publication_defaults(&self) -> PublicationDefaults {
        PublicationDefaults {
            term_length: length(self.term_buffer_length),
            ipc_term_length: length(self.ipc_term_buffer_length),
            mtu_length: length(self.mtu_length),
            ipc_mtu_length: length(self.ipc_mtu_length),
            window_length: length(self.publication_term_window_length),
            ipc_window_length: length(self.ipc_publication_term_window_length),
            linger_timeout_ns: self.publication_linger_timeout.0,
            is_sparse: self.term_buffer_sparse_file,
            spies_simulate_connection: self.spies_simulate_connection,
            untethered: self.untethered(),
        }
    }

    pub(crate) fn subscription_defaults(&self) -> SubscriptionDefaults {
        SubscriptionDefaults {
            is_reliable: self.reliable_stream,
            is_sparse: self.term_buffer_sparse_file,
            is_tether: self.tether_subscriptions,
            is_rejoin: self.rejoin_stream,
            group: Inferable::Infer,
            initial_window_length: length(self.rcv_initial_window_length),
            untethered: self.untethered(),
        }
    }

    fn untethered(&self) -> UntetheredTimeouts {
        UntetheredTimeouts {
            window_limit_ns: self.untethered_window_limit_timeout.0,
            linger_ns: self.untethered_linger_timeout.map(|linger| linger.0),
            resting_ns: self.untethered_resting_timeout.0,
        }
    }
}

/// A checked length as the formats carry it: every range above ends at 1 GiB.
pub(crate) fn length(bytes: Bytes) -> i32 {
    i32::try_from(bytes.0).unwrap_or(i32::MAX)
}

fn is_power(bytes: &Bytes, min: u64, max: u64) -> bool {
    bytes.0.is_power_of_two() && (min..=max).contains(&bytes.0)
}

fn is_mtu(bytes: &Bytes) -> bool {
    (64..=65_504).contains(&bytes.0) && bytes.0.is_multiple_of(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 04 §4.2: Aeron's defaults hold together, and its file has 48,238,592 bytes (01 §8).
    #[test]
    fn defaults_are_aerons() {
        let settings = DriverSettings::default();
        assert_eq!(settings.contradictions(), []);
        assert_eq!(settings.cnc_lengths().file_len(), 48_238_592);
        let uri = settings.publication_defaults();
        assert_eq!(uri, PublicationDefaults::default());
        assert_eq!(
            settings.subscription_defaults(),
            SubscriptionDefaults::default()
        );
    }

    #[test]
    fn says_which_time_outs_contradict_each_other() {
        let settings = DriverSettings {
            client_liveness_timeout: Nanos(15_000_000_000),
            ..DriverSettings::default()
        };
        let errors: Vec<_> = settings
            .contradictions()
            .iter()
            .map(ToString::to_string)
            .collect();
        let text = "publication_unblock_timeout must be longer than client_liveness_timeout: 15s is not longer than 15s";
        assert_eq!(errors, [text]);
    }
}
