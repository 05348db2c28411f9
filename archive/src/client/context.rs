//! Where the archive is, and how long to wait for it (06 §6).

use taranis_runtime::{
    config::{Bytes, Nanos},
    settings,
};

settings! {
    /// Settings of an archive client; names and defaults are Aeron's.
    pub struct ArchiveContext {
        /// Channel of the archive's control requests.
        pub control_channel: String = "", env "AERON_ARCHIVE_CONTROL_CHANNEL", allowed "a channel";
        /// Stream of the archive's control requests.
        pub control_stream_id: i32 = "10", env "AERON_ARCHIVE_CONTROL_STREAM_ID", allowed "a 32-bit number";
        /// Channel on which the archive answers.
        pub control_response_channel: String = "", env "AERON_ARCHIVE_CONTROL_RESPONSE_CHANNEL",
            allowed "a channel";
        /// Stream on which the archive answers.
        pub control_response_stream_id: i32 = "20", env "AERON_ARCHIVE_CONTROL_RESPONSE_STREAM_ID",
            allowed "a 32-bit number";
        /// For how long a request, or connecting as a whole, may take.
        pub message_timeout: Nanos = "10s", env "AERON_ARCHIVE_MESSAGE_TIMEOUT",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// Term length of both control streams.
        pub control_term_buffer_length: Bytes = "64k", env "AERON_ARCHIVE_CONTROL_TERM_BUFFER_LENGTH",
            allowed "a power of two from 64k to 1g" if |v: &Bytes| v.0.is_power_of_two() && (65_536..=1 << 30).contains(&v.0);
        /// Whether the pages of both control streams' logs are allocated at their first touch.
        pub control_term_buffer_sparse: bool = "true", env "AERON_ARCHIVE_CONTROL_TERM_BUFFER_SPARSE",
            allowed "true or false";
        /// MTU of both control streams.
        pub control_mtu_length: Bytes = "1408", env "AERON_ARCHIVE_CONTROL_MTU_LENGTH",
            allowed "a multiple of 32 from 64 to 65504" if |v: &Bytes| (64..=65_504).contains(&v.0) && v.0.is_multiple_of(32);
        /// Shown by the archive beside the session.
        pub client_name: String = "", env "AERON_ARCHIVE_CLIENT_NAME",
            allowed "up to 100 characters" if |v: &String| v.len() <= 100;
    }
}
