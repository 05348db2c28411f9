//! State of a channel's socket, as the driver's counters tell it (spec 05 §2.10).

use taranis_runtime::mem::counters::CountersReader;

use crate::counters::{self, LocalSocketAddressKey, type_id};

/// State of a publication's or subscription's channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelStatus {
    /// The socket is being made.
    Initializing,
    /// The socket is bound; channels without a socket (IPC, spies) are always in this state.
    Active,
    /// The socket is about to go.
    Closing,
    /// The socket failed.
    Errored,
    /// The publication or subscription was closed.
    HandleClosed,
    /// A state this version doesn't know.
    Unknown(i64),
}

pub(super) fn channel_status(
    counters: &CountersReader,
    status_id: i32,
    is_closed: bool,
) -> ChannelStatus {
    if is_closed {
        return ChannelStatus::HandleClosed;
    }
    match status_id {
        -1 => return ChannelStatus::Active,
        // The id of a system counter: never a channel's.
        0 => return ChannelStatus::Initializing,
        _ => {}
    }
    match counters.get(status_id).map(|counter| counter.value()) {
        Some(counters::CHANNEL_INITIALIZING) => ChannelStatus::Initializing,
        Some(counters::CHANNEL_ACTIVE) => ChannelStatus::Active,
        Some(counters::CHANNEL_CLOSING) | None => ChannelStatus::Closing,
        Some(counters::CHANNEL_ERRORED) => ChannelStatus::Errored,
        Some(other) => ChannelStatus::Unknown(other),
    }
}

pub(super) fn local_socket_addresses(
    counters: &CountersReader,
    status_id: i32,
    status: ChannelStatus,
) -> Vec<String> {
    if status != ChannelStatus::Active {
        return Vec::new();
    }
    let bound = counters
        .iter()
        .filter(|counter| counter.type_id() == type_id::LOCAL_SOCKET_ADDRESS)
        .filter(|counter| counter.value() == counters::CHANNEL_ACTIVE);
    bound
        .filter_map(|counter| {
            let key = counter.key();
            let key = LocalSocketAddressKey::decode(&key)?;
            (key.channel_status_id == status_id && !key.address.is_empty())
                .then(|| String::from_utf8_lossy(key.address).into_owned())
        })
        .collect()
}
