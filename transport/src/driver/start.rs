//! Starting a driver: directory, CnC file, counters, and the agents to be placed (spec 04 §3.2).

use std::{
    io,
    path::{Path, PathBuf},
};

use taranis_runtime::{
    clock::Now,
    config::ConfigError,
    cycle::Rng,
    idmap::IdMap,
    mem::{
        NameSource, OutOfRegion,
        broadcast::{BadBroadcast, Transmitter},
        counters::BadCounters,
        error_log::DistinctErrorLog,
        ring::{BadRing, mpsc::Consumer},
    },
};

use super::{
    conductor::{
        DriverConductor, Ends, TerminationValidator, core::Core, counters::DriverCounters,
        reply::Reply,
    },
    context::DriverSettings,
    delegates::{FromReceiver, FromSender, ToReceiver, ToSender, queues},
    network_counters::{ReceiverSystem, SenderSystem, receiver_stall, sender_stall},
    receiver::Receiver,
    sender::Sender,
    stall::StallTracker,
};
use crate::{
    cnc::{CNC_FILE, NewCnc, create::DriverIdentity},
    counters::SystemCounter,
    uri::CanonicalSuffixes,
};

/// A driver that can't start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Settings that contradict each other.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<ConfigError>),
    /// The directory or a file in it.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A section of the CnC file is too small for what it holds.
    #[error("cnc.dat: {0}")]
    Layout(String),
}

/// A driver's agents, to be placed on threads as a layout says, and what they serve.
///
/// Clients may attach as soon as this exists. The agents may share a thread or have one each; the conductor must get turns
/// for anything to be answered.
pub struct MediaDriver {
    /// Where clients find it.
    pub directory: PathBuf,
    /// Role `conductor`.
    pub conductor: DriverConductor,
    /// Role `sender`.
    pub sender: Sender,
    /// Role `receiver`.
    pub receiver: Receiver,
}

impl MediaDriver {
    /// Lays out the driver's files under `directory`, which exists and is the caller's to use, and makes its agents.
    /// Blocks (it allocates the CnC file): for start-up code.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(
        settings: DriverSettings,
        directory: &Path,
        names: &dyn NameSource,
        (now, mut rng): (Now, Rng),
        on_terminate: TerminationValidator,
    ) -> Result<Self, StartError> {
        let contradictions = settings.contradictions();
        if !contradictions.is_empty() {
            return Err(StartError::Settings(contradictions));
        }
        let cnc = create_cnc(&settings, directory, names, now)?;
        let counters = create_counters(&settings, &cnc, now)?;
        let reply = create_reply(&cnc, &counters)?;
        let commands = Consumer::open(cnc.cnc().to_driver().clone()).map_err(layout::<BadRing>)?;
        let (sender_near, sender_queues) = queues::<ToSender, FromSender>();
        let (receiver_near, receiver_queues) = queues::<ToReceiver, FromReceiver>();
        let receiver = Receiver::new(
            receiver_queues,
            ReceiverSystem::of(&counters),
            receiver_stall(&counters, CYCLE_THRESHOLD_NS),
        );
        let sender = Sender::new(
            sender_queues,
            SenderSystem::of(&counters),
            sender_stall(&counters, CYCLE_THRESHOLD_NS),
        );
        let stall = StallTracker::new(
            counters.system_word(SystemCounter::ConductorMaxCycleTime),
            counters.system_word(SystemCounter::ConductorCycleTimeThresholdExceeded),
            CYCLE_THRESHOLD_NS,
        );
        cnc.ready(now.epoch_ms());
        let core = Core {
            settings,
            directory: directory.to_owned(),
            cnc,
            counters,
            reply,
            now,
            clients: IdMap::new(),
            ipc: IdMap::new(),
            network: IdMap::new(),
            images: IdMap::new(),
            subscriptions: Vec::new(),
            send_endpoints: IdMap::new(),
            receive_endpoints: IdMap::new(),
            suffixes: CanonicalSuffixes::default(),
            next_session_id: rng.i32(..),
            next_endpoint_id: 0,
            // 0 would be the wildcard of RTT measurements.
            next_receiver_id: rng.i64(1..),
            to_sender: sender_near.outbox,
            to_receiver: receiver_near.outbox,
            loose_chores: std::collections::VecDeque::new(),
            wants_end: false,
            rng,
        };
        let ends = Ends {
            commands,
            from_sender: sender_near.inbox,
            from_receiver: receiver_near.inbox,
            stall,
            on_terminate,
        };
        let conductor = DriverConductor::new(core, ends);
        Ok(Self {
            directory: directory.to_owned(),
            conductor,
            sender,
            receiver,
        })
    }
}

/// Duty cycles longer than this are counted (01 §13.3).
const CYCLE_THRESHOLD_NS: i64 = 100_000_000;

fn create_cnc(
    settings: &DriverSettings,
    directory: &Path,
    names: &dyn NameSource,
    now: Now,
) -> Result<NewCnc, StartError> {
    let path = directory.join(CNC_FILE);
    let identity = DriverIdentity {
        client_liveness_timeout_ns: settings.client_liveness_timeout.0,
        start_epoch_ms: now.epoch_ms(),
        pid: i64::from(std::process::id()),
    };
    NewCnc::create(names, &path, settings.cnc_lengths(), identity)
        .map_err(|cause| StartError::File { path, cause })
}

fn create_counters(
    settings: &DriverSettings,
    cnc: &NewCnc,
    now: Now,
) -> Result<DriverCounters, StartError> {
    let reuse_ms = match settings.counters_free_to_reuse_timeout.0 {
        0 => 0,
        ns => (ns / 1_000_000).max(1),
    };
    let counters =
        DriverCounters::new(cnc.cnc(), reuse_ms, now.epoch_ms()).map_err(layout::<BadCounters>)?;
    let version = concat!("version=", env!("CARGO_PKG_VERSION"), " commit=taranis");
    counters.append_label(SystemCounter::Errors, &format!(": {version}"));
    counters.append_label(SystemCounter::AeronVersion, &format!(": {version}"));
    counters.append_label(SystemCounter::ResolutionChanges, ": driverName=");
    for (max, exceeded) in [
        (
            SystemCounter::ConductorMaxCycleTime,
            SystemCounter::ConductorCycleTimeThresholdExceeded,
        ),
        (
            SystemCounter::SenderMaxCycleTime,
            SystemCounter::SenderCycleTimeThresholdExceeded,
        ),
        (
            SystemCounter::ReceiverMaxCycleTime,
            SystemCounter::ReceiverCycleTimeThresholdExceeded,
        ),
    ] {
        counters.append_label(max, ": DEDICATED");
        counters.append_label(exceeded, ": threshold=100ms DEDICATED");
    }
    counters.append_label(
        SystemCounter::NameResolverTimeThresholdExceeded,
        ": threshold=5s",
    );
    counters
        .system(SystemCounter::AeronVersion)
        .set(SOFTWARE_VERSION);
    counters
        .system(SystemCounter::ControlProtocolVersion)
        .set(CONTROL_PROTOCOL_VERSION);
    let mapped = settings.cnc_lengths().file_len() as i64;
    counters
        .system(SystemCounter::BytesCurrentlyMapped)
        .set(mapped);
    Ok(counters)
}

/// Version of the Aeron whose formats are spoken, 1.52.2, packed (01 §9).
const SOFTWARE_VERSION: i64 = 1 << 16 | 52 << 8 | 2;
/// 1.0.0 (02 §6.1).
const CONTROL_PROTOCOL_VERSION: i64 = 1 << 16;

fn create_reply(cnc: &NewCnc, counters: &DriverCounters) -> Result<Reply, StartError> {
    let transmitter =
        Transmitter::open(cnc.cnc().to_clients().clone()).map_err(layout::<BadBroadcast>)?;
    let error_log =
        DistinctErrorLog::new(cnc.cnc().error_log().clone()).map_err(layout::<OutOfRegion>)?;
    Ok(Reply::new(
        transmitter,
        error_log,
        counters.system(SystemCounter::Errors).clone(),
    ))
}

fn layout<E: std::error::Error>(error: E) -> StartError {
    StartError::Layout(error.to_string())
}
