//! Peers of older versions, and files (06 §2.1, §2.2, §3).

use taranis_archive::codecs::catalog::{self, CatalogHeader, RecordingDescriptor};
use taranis_archive::codecs::control::{AuthConnectRequest, ReplayRequest, ReplicateRequest2};
use taranis_archive::codecs::mark::MarkFileHeader;
use taranis_archive::codecs::response::ControlResponse;
use taranis_archive::codecs::{ControlReply, ControlResponseCode};
use taranis_runtime::sbe::{Decode, Encode, Message, MessageHeader};

/// Encodes as a sender of `version` would that has a block of `block_length` and no more than `parts` bytes after it.
fn older(message: &impl Message, version: u16, block_length: u16, parts: usize) -> Vec<u8> {
    let mut bytes = vec![0; message.encoded_len()];
    message.encode(&mut bytes).unwrap();
    let (header, body) = MessageHeader::decode(&bytes).unwrap();
    let (block, tail) = body.split_at(usize::from(header.block_length));
    let older = MessageHeader {
        version,
        block_length,
        ..header
    };
    [
        &older.to_bytes(),
        &block[..usize::from(block_length)],
        &tail[..parts],
    ]
    .concat()
}

fn replay_request() -> ReplayRequest<'static> {
    ReplayRequest {
        control_session_id: 1,
        correlation_id: 2,
        recording_id: 3,
        position: 4,
        length: 5,
        replay_stream_id: 6,
        file_io_max_length: 7,
        replay_token: 8,
        replay_channel: "aeron:ipc",
    }
}

/// 06 §2.1, check 2.
#[test]
fn a_replay_request_of_version_6_has_defaults() {
    let expected = ReplayRequest {
        file_io_max_length: -1,
        replay_token: -1,
        ..replay_request()
    };
    let bytes = older(&replay_request(), 6, 44, 13);
    assert_eq!(ReplayRequest::decode(&bytes), Ok(expected));
}

/// 06 §2.1: `fileIoMaxLength` came with 7, `replayToken` with 10.
#[test]
fn a_replay_request_of_version_9_has_a_length_but_no_token() {
    let expected = ReplayRequest {
        replay_token: -1,
        ..replay_request()
    };
    let bytes = older(&replay_request(), 9, 48, 13);
    assert_eq!(ReplayRequest::decode(&bytes), Ok(expected));
}

/// 06 §2.1, check 2: three variable fields only.
#[test]
fn a_replicate_request_of_version_6_has_defaults() {
    let now = ReplicateRequest2 {
        control_session_id: 1,
        correlation_id: 2,
        src_recording_id: 3,
        dst_recording_id: 4,
        stop_position: 5,
        channel_tag_id: 6,
        subscription_tag_id: 7,
        src_control_stream_id: 8,
        file_io_max_length: 9,
        replication_session_id: 10,
        src_control_channel: "a",
        live_destination: "b",
        replication_channel: "c",
        encoded_credentials: b"secret",
        src_response_channel: "d",
    };
    let expected = ReplicateRequest2 {
        file_io_max_length: -1,
        replication_session_id: -1,
        encoded_credentials: &[],
        src_response_channel: "",
        ..now
    };
    let bytes = older(&now, 6, 60, 15);
    assert_eq!(ReplicateRequest2::decode(&bytes), Ok(expected));
    let expected = ReplicateRequest2 {
        src_response_channel: "",
        ..now
    };
    let bytes = older(&now, 9, 68, 25);
    assert_eq!(ReplicateRequest2::decode(&bytes), Ok(expected));
}

/// 06 check 3.
#[test]
fn a_connect_request_of_version_11_has_no_client_info() {
    let now = AuthConnectRequest {
        correlation_id: 1,
        response_stream_id: 20,
        version: 68_608,
        response_channel: "aeron:ipc",
        encoded_credentials: b"secret",
        client_info: "name=me",
    };
    let expected = AuthConnectRequest {
        client_info: "",
        ..now
    };
    let bytes = older(&now, 11, 16, 13 + 10);
    assert_eq!(AuthConnectRequest::decode(&bytes), Ok(expected));
}

/// 06 check 4: to the byte, as C clients rely on it.
#[test]
fn an_ok_response_has_exactly_aerons_bytes() {
    let response = ControlResponse {
        control_session_id: 1,
        correlation_id: 2,
        relevant_id: 3,
        code: ControlResponseCode::Ok,
        version: 68_608,
        error_message: "",
    };
    let mut bytes = [0xEE; 44];
    assert_eq!(response.encode(&mut bytes), Ok(44));
    let expected = [
        &[32, 0, 1, 0, 101, 0, 13, 0][..],
        &[1, 0, 0, 0, 0, 0, 0, 0],
        &[2, 0, 0, 0, 0, 0, 0, 0],
        &[3, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 0],
        &[0x00, 0x0C, 0x01, 0x00],
        &[0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(bytes[..], expected);
}

/// 06 §2.4: the server sends catalog bytes with their alignment padding.
#[test]
fn a_descriptor_with_padding_behind_it_is_read() {
    let descriptor = RecordingDescriptor {
        control_session_id: 1,
        correlation_id: 2,
        recording_id: 3,
        start_timestamp: 4,
        stop_timestamp: -1,
        start_position: 0,
        stop_position: -1,
        initial_term_id: 5,
        segment_file_length: 1 << 27,
        term_buffer_length: 1 << 16,
        mtu_length: 1408,
        session_id: 6,
        stream_id: 7,
        stripped_channel: "aeron:ipc",
        original_channel: "aeron:ipc?alias=x",
        source_identity: "aeron:ipc",
    };
    let mut message = vec![0; descriptor.encoded_len() + 40];
    descriptor.encode(&mut message).unwrap();
    assert_eq!(
        ControlReply::decode(&message),
        Ok(ControlReply::RecordingDescriptor(descriptor))
    );

    // The same without its message header is what stands in the catalog (06 §3.1).
    let mut entry = vec![0xEE; 192];
    let length = descriptor.encode_body(&mut entry).unwrap();
    assert_eq!(length, 80 + 12 + 9 + 17 + 9);
    let acting = catalog::acting::<RecordingDescriptor<'_>>();
    assert_eq!(
        RecordingDescriptor::decode_body(acting, &entry),
        Ok(descriptor)
    );
}

/// 06 §3.1: the catalog's first 32 bytes.
#[test]
fn a_catalog_header_fills_its_32_bytes() {
    let header = CatalogHeader {
        version: 196_864,
        length: 32,
        next_recording_id: 9,
        alignment: 64,
        reserved: 0,
    };
    let mut bytes = [0xEE; 32];
    assert_eq!(header.encode_body(&mut bytes), Ok(32));
    assert_eq!(
        bytes[16..],
        [64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    );
}

/// 06 §3.3: before version 2 there was no archive id, before 1 no lengths.
#[test]
fn a_mark_file_of_an_older_archive_has_defaults() {
    let now = MarkFileHeader {
        version: 196_864,
        activity_timestamp: 1,
        start_timestamp: 2,
        pid: 3,
        control_stream_id: 10,
        local_control_stream_id: 11,
        events_stream_id: 30,
        header_length: 8192,
        error_buffer_length: 1 << 20,
        archive_id: 77,
        control_channel: "a",
        local_control_channel: "b",
        events_channel: "",
        aeron_directory: "/dev/shm/aeron",
    };
    let mut bytes = vec![0xEE; now.encoded_len()];
    now.encode(&mut bytes).unwrap();
    assert_eq!(bytes[64..72], 77_i64.to_le_bytes(), "archiveId");
    assert_eq!(bytes[136..140], [1, 0, 0, 0], "controlChannel");
    bytes[6] = 1;
    let first = MarkFileHeader {
        archive_id: -1,
        ..now
    };
    assert_eq!(MarkFileHeader::decode(&bytes), Ok(first));
    bytes[6] = 0;
    let zeroth = MarkFileHeader {
        header_length: 0,
        error_buffer_length: 0,
        ..first
    };
    assert_eq!(MarkFileHeader::decode(&bytes), Ok(zeroth));
}
