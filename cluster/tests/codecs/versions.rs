//! Peers of older and newer versions, null values, and files (08 §1, §2, changes).

use taranis_cluster::codecs::backup::{BackupQuery, BackupResponse, Snapshot};
use taranis_cluster::codecs::consensus::{AppendPosition, NewLeadershipTerm};
use taranis_cluster::codecs::egress::SessionEvent;
use taranis_cluster::codecs::ingress::AdminRequest;
use taranis_cluster::codecs::log::{ClusterActionRequest, NewLeadershipTermEvent};
use taranis_cluster::codecs::mark::{ClusterComponentType, MarkFileHeader};
use taranis_cluster::codecs::node_state::{CandidateTerm, EntryHeader, NodeStateFooter};
use taranis_cluster::codecs::service::ServiceTerminationPosition;
use taranis_cluster::codecs::snapshot::ClusterSession;
use taranis_cluster::codecs::{ClusterAction, ClusterTimeUnit, EventCode};
use taranis_runtime::sbe::{Decode, Encode, Group, Message, MessageHeader};

fn encoded(message: &impl Message) -> Vec<u8> {
    let mut bytes = vec![0xEE; message.encoded_len()];
    message.encode(&mut bytes).unwrap();
    bytes
}

/// Encodes as a sender of `version` would whose block has `block_length` bytes.
fn older(message: &impl Message, version: u16, block_length: u16) -> Vec<u8> {
    let bytes = encoded(message);
    let (header, body) = MessageHeader::decode(&bytes).unwrap();
    let (block, tail) = body.split_at(usize::from(header.block_length));
    let older = MessageHeader {
        version,
        block_length,
        ..header
    };
    [&older.to_bytes(), &block[..usize::from(block_length)], tail].concat()
}

/// 08 §1.3, check 3: 32 bytes before version 6, 36 before 13, then 44.
#[test]
fn a_session_events_detail_is_found_whatever_the_senders_version() {
    let now = SessionEvent {
        cluster_session_id: 1,
        correlation_id: 2,
        leadership_term_id: 3,
        leader_member_id: 0,
        code: EventCode::Redirect,
        version: 768,
        leader_heartbeat_timeout_ns: Some(10_000_000_000),
        detail: "0=localhost:9002",
    };
    assert_eq!(encoded(&now).len(), 52 + 4 + 16);
    assert_eq!(SessionEvent::decode(&encoded(&now)), Ok(now));
    let before_13 = SessionEvent {
        leader_heartbeat_timeout_ns: None,
        ..now
    };
    assert_eq!(SessionEvent::decode(&older(&now, 12, 36)), Ok(before_13));
    let before_6 = SessionEvent {
        version: 0,
        ..before_13
    };
    assert_eq!(SessionEvent::decode(&older(&now, 5, 32)), Ok(before_6));

    let bytes = encoded(&before_13);
    assert_eq!(bytes[44..52], i64::MIN.to_le_bytes(), "null on the wire");
    assert_eq!(SessionEvent::decode(&bytes), Ok(before_13));
}

/// 08 §1.8: absent flags read as none; 29 bytes.
#[test]
fn an_append_position_before_version_8_has_no_flags() {
    let now = AppendPosition {
        leadership_term_id: 1,
        log_position: 2,
        follower_member_id: 3,
        flags: 1,
    };
    assert_eq!(encoded(&now).len(), 29);
    let before = AppendPosition { flags: 0, ..now };
    assert_eq!(AppendPosition::decode(&older(&now, 7, 20)), Ok(before));
    let mut null = encoded(&now);
    null[28] = 255;
    assert_eq!(AppendPosition::decode(&null), Ok(before));
}

/// 08 §1.8: an unknown commit position is -1 for readers.
#[test]
fn a_leadership_term_without_commit_position_has_none() {
    let now = NewLeadershipTerm {
        log_leadership_term_id: 1,
        next_leadership_term_id: 2,
        next_term_base_log_position: 3,
        next_log_position: 4,
        leadership_term_id: 5,
        term_base_log_position: 6,
        log_position: 7,
        leader_recording_id: 8,
        timestamp: 9,
        leader_member_id: 1,
        log_session_id: -7,
        app_version: 1,
        is_startup: true,
        commit_position: 640,
    };
    let unknown = NewLeadershipTerm {
        commit_position: -1,
        ..now
    };
    assert_eq!(NewLeadershipTerm::decode(&older(&now, 14, 88)), Ok(unknown));
    let mut null = encoded(&now);
    null[96..104].copy_from_slice(&i64::MIN.to_le_bytes());
    assert_eq!(NewLeadershipTerm::decode(&null), Ok(unknown));
}

/// 08 §1.4: on the log, missing flags mean all nodes and a missing unit means milliseconds.
#[test]
fn old_logs_are_read_with_the_meaning_they_had() {
    let action = ClusterActionRequest {
        leadership_term_id: 1,
        log_position: 96,
        timestamp: 3,
        action: ClusterAction::Snapshot,
        flags: 1,
    };
    let for_all = ClusterActionRequest { flags: 0, ..action };
    assert_eq!(
        ClusterActionRequest::decode(&older(&action, 10, 28)),
        Ok(for_all)
    );

    let term = NewLeadershipTermEvent {
        leadership_term_id: 1,
        log_position: 96,
        timestamp: 3,
        term_base_log_position: 0,
        leader_member_id: 2,
        log_session_id: 7,
        time_unit: ClusterTimeUnit::Nanos,
        app_version: 1,
    };
    let old = NewLeadershipTermEvent {
        time_unit: ClusterTimeUnit::Millis,
        app_version: 0,
        ..term
    };
    assert_eq!(
        NewLeadershipTermEvent::decode(&older(&term, 3, 40)),
        Ok(old)
    );
    let mut null = encoded(&term);
    null[48..52].copy_from_slice(&i32::MIN.to_le_bytes());
    null[52..56].copy_from_slice(&[0; 4]);
    assert_eq!(NewLeadershipTermEvent::decode(&null), Ok(old));
}

/// 08, changes: written with version 17; absent, the service still acks.
#[test]
fn a_termination_position_without_the_new_field_wants_an_ack() {
    let closing = ServiceTerminationPosition {
        log_position: 128,
        ack_required: false,
    };
    let bytes = encoded(&closing);
    assert_eq!(bytes[..8], [12, 0, 42, 0, 111, 0, 17, 0]);
    assert_eq!(bytes[16..], [0; 4]);
    assert_eq!(ServiceTerminationPosition::decode(&bytes), Ok(closing));
    let expected = ServiceTerminationPosition {
        ack_required: true,
        ..closing
    };
    assert_eq!(
        ServiceTerminationPosition::decode(&older(&closing, 16, 8)),
        Ok(expected)
    );
}

/// 08 §1.8, §8.3: a backup tells an answer without member id from one with.
#[test]
fn a_backup_response_keeps_its_snapshots_and_may_lack_the_member() {
    let snapshots = [1, 0, -1].map(|service_id| Snapshot {
        recording_id: 5,
        leadership_term_id: 1,
        term_base_log_position: 0,
        log_position: 960,
        timestamp: 11,
        service_id,
    });
    let now = BackupResponse {
        correlation_id: 1,
        log_recording_id: 2,
        log_leadership_term_id: 3,
        log_term_base_log_position: 4,
        last_leadership_term_id: 5,
        last_term_base_log_position: 6,
        commit_position_counter_id: 7,
        leader_member_id: 0,
        member_id: Some(2),
        snapshots: Group::from(&snapshots[..]),
        cluster_members: "0,a,b,c,d,e|",
    };
    let bytes = encoded(&now);
    let decoded = BackupResponse::decode(&bytes).unwrap();
    assert_eq!(decoded, now);
    let services: Vec<_> = decoded.snapshots.iter().map(|it| it.service_id).collect();
    assert_eq!(services, [1, 0, -1]);
    let before_10 = BackupResponse {
        member_id: None,
        ..now
    };
    assert_eq!(BackupResponse::decode(&older(&now, 9, 56)), Ok(before_10));
}

/// 08 §1.3, §1.8, §1.9: null is a value of its own where it means something.
#[test]
fn null_is_kept_where_it_means_something() {
    let session = ClusterSession {
        cluster_session_id: 1,
        correlation_id: 2,
        opened_log_position: 3,
        time_of_last_activity: -1,
        close_reason: None,
        response_stream_id: 102,
        response_channel: "aeron:ipc",
    };
    let bytes = encoded(&session);
    assert_eq!(bytes[40..44], i32::MIN.to_le_bytes());
    assert_eq!(ClusterSession::decode(&bytes), Ok(session));

    let request = AdminRequest {
        leadership_term_id: 1,
        cluster_session_id: 2,
        correlation_id: 3,
        request_type: None,
        payload: &[],
    };
    assert_eq!(AdminRequest::decode(&encoded(&request)), Ok(request));

    let query = BackupQuery {
        correlation_id: 1,
        response_stream_id: 2,
        version: 768,
        log_position: Some(i64::MAX),
        response_channel: "aeron:udp?endpoint=localhost:0",
        encoded_credentials: &[],
    };
    let not_given = BackupQuery {
        log_position: None,
        ..query
    };
    assert_eq!(BackupQuery::decode(&encoded(&query)), Ok(query));
    assert_eq!(BackupQuery::decode(&encoded(&not_given)), Ok(not_given));
    assert_eq!(BackupQuery::decode(&older(&query, 15, 16)), Ok(not_given));
}

/// 08 §2.2: offsets in the mark file.
#[test]
fn a_mark_file_header_has_its_fields_where_the_file_has_them() {
    let header = MarkFileHeader {
        version: 768,
        component_type: ClusterComponentType::ConsensusModule,
        activity_timestamp: 1,
        start_timestamp: 2,
        pid: 3,
        candidate_term_id: -1,
        archive_stream_id: 10,
        service_stream_id: 104,
        consensus_module_stream_id: 105,
        ingress_stream_id: 101,
        member_id: 0,
        service_id: -1,
        header_length: 8192,
        error_buffer_length: 1 << 20,
        cluster_id: 9,
        aeron_directory: "/dev/shm/aeron",
        control_channel: "",
        ingress_channel: "",
        service_name: "",
        authenticator: "",
        services_cluster_dir: "/tmp",
    };
    let bytes = encoded(&header);
    assert_eq!(bytes[..8], [128, 0, 200, 0, 110, 0, 2, 0]);
    assert_eq!(bytes[8..12], 768_i32.to_le_bytes());
    assert_eq!(bytes[16..24], 1_i64.to_le_bytes());
    assert_eq!(bytes[80..84], 9_i32.to_le_bytes());
    assert_eq!(bytes[84..136], [0; 52]);
    assert_eq!(bytes[136..140], 14_u32.to_le_bytes());
    let mut zeroth = bytes;
    zeroth[6] = 0;
    let expected = MarkFileHeader {
        services_cluster_dir: "",
        ..header
    };
    assert_eq!(MarkFileHeader::decode(&zeroth), Ok(expected));
}

/// 08 §2.4: what a new `node-state.dat` holds from byte 8 on.
#[test]
fn a_new_node_state_has_aerons_entries() {
    let none = CandidateTerm {
        candidate_term_id: -1,
        timestamp: -1,
        log_position: -1,
    };
    let mut file = [0xEE; 56];
    let (head, rest) = file.split_at_mut(16);
    EntryHeader::of(&none).encode_body(head).unwrap();
    let (term, footer) = rest.split_at_mut(24);
    none.encode_body(term).unwrap();
    EntryHeader::of(&NodeStateFooter {})
        .encode_body(footer)
        .unwrap();
    let expected = [
        &[24, 0, 0x2D, 1, 112, 0, 10, 0, 40, 0, 0, 0, 0, 0, 0, 0][..],
        &[0xFF; 24],
        &[0, 0, 0x30, 1, 112, 0, 10, 0, 16, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(file[..], expected);
    let header = EntryHeader::decode_body(EntryHeader::ACTING, &file).unwrap();
    assert_eq!(
        CandidateTerm::decode_body(header.acting(), &file[16..]),
        Ok(none)
    );
}
