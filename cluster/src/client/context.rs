//! Where the cluster is, and how long to wait for it (08 §4.1).

use taranis_runtime::{config::Nanos, settings};

settings! {
    /// Settings of a cluster client; names and defaults are Aeron's.
    pub struct ClusterContext {
        /// Channel to the cluster; with endpoints, each member's is put into it.
        pub ingress_channel: String = "", env "AERON_CLUSTER_INGRESS_CHANNEL", allowed "a channel";
        /// `id=host:port` of each member, joined by commas; empty with multicast or IPC.
        pub ingress_endpoints: String = "", env "AERON_CLUSTER_INGRESS_ENDPOINTS",
            allowed "id=host:port,… of the members";
        /// Stream to the cluster.
        pub ingress_stream_id: i32 = "101", env "AERON_CLUSTER_INGRESS_STREAM_ID", allowed "a 32-bit number";
        /// Channel on which the cluster answers.
        pub egress_channel: String = "", env "AERON_CLUSTER_EGRESS_CHANNEL", allowed "a channel";
        /// Stream on which the cluster answers.
        pub egress_stream_id: i32 = "102", env "AERON_CLUSTER_EGRESS_STREAM_ID", allowed "a 32-bit number";
        /// For how long connecting may take, and the way to a new leader.
        pub message_timeout: Nanos = "5s", env "AERON_CLUSTER_MESSAGE_TIMEOUT",
            allowed "a duration from 1us" if |v: &Nanos| v.0 >= 1_000;
        /// For how long a new leader is waited for; empty: twice the cluster's heartbeat time-out.
        pub new_leader_timeout: Option<Nanos> = "", env none, allowed "a duration";
        /// Shown by the cluster beside the session.
        pub client_name: String = "", env "AERON_CLUSTER_CLIENT_NAME",
            allowed "up to 100 characters" if |v: &String| v.len() <= 100;
    }
}
