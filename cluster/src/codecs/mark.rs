//! The header of a cluster's mark files (08 §2.2).
//!
//! Offsets in the file are those of the message: an 8-byte message header, then a block of 128 bytes.

use taranis_runtime::sbe;

use super::CLUSTER_MARK;

sbe::messages! {
    schema CLUSTER_MARK;

    /// The mark file from its first byte to the end of its strings. `version` is 0 until the component is ready.
    MarkFileHeader<'a> = 200, block 128 padded {
        version: i32,
        component_type: ClusterComponentType,
        activity_timestamp: i64,
        start_timestamp: i64,
        pid: i64,
        candidate_term_id: i64,
        archive_stream_id: i32,
        service_stream_id: i32,
        consensus_module_stream_id: i32,
        ingress_stream_id: i32,
        member_id: i32,
        service_id: i32,
        header_length: i32,
        error_buffer_length: i32,
        cluster_id: i32,
        ;
        aeron_directory: &'a str,
        control_channel: &'a str,
        ingress_channel: &'a str,
        service_name: &'a str,
        authenticator: &'a str,
        services_cluster_dir: &'a str = since 1,
    }
}

sbe::enums! {
    /// Whose mark file it is.
    pub enum ClusterComponentType {
        /// Nobody has said.
        Unknown = 0,
        /// A consensus module's.
        ConsensusModule = 1,
        /// A service container's.
        Container = 2,
        /// A backup node's.
        Backup = 3,
        /// A standby node's. Since version 1.
        Standby = 4,
    }
}
