//! What an archive does before its first turn: opens and repairs its catalog (07 §2, §9).

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use taranis_runtime::{
    clock::Now,
    config::{Bytes, Nanos},
    io::Disk,
    mem::NameSource,
    settings,
};
use taranis_transport::client;

use crate::{
    catalog::{
        self, Catalog, CatalogError,
        repair::{RepairError, Rules, repair},
    },
    context::Context,
    recorder::{Evidence, Progress, progress},
};

settings! {
    /// How an archive is reached, and how much it does at a time.
    pub struct ArchiveSettings {
        /// Channel of control requests from anywhere.
        pub control_channel: String = "", env "AERON_ARCHIVE_CONTROL_CHANNEL", allowed "a UDP channel";
        /// Stream of control requests from anywhere.
        pub control_stream_id: i32 = "10", env "AERON_ARCHIVE_CONTROL_STREAM_ID", allowed "a 32-bit number";
        /// Channel of control requests on the same machine.
        pub local_control_channel: String = "aeron:ipc?term-length=64k", env "AERON_ARCHIVE_LOCAL_CONTROL_CHANNEL",
            allowed "an IPC channel";
        /// Stream of control requests on the same machine.
        pub local_control_stream_id: i32 = "10", env "AERON_ARCHIVE_LOCAL_CONTROL_STREAM_ID",
            allowed "a 32-bit number";
        /// Channel for replications from other archives.
        pub replication_channel: String = "aeron:udp?endpoint=localhost:0", env "AERON_ARCHIVE_REPLICATION_CHANNEL",
            allowed "a UDP channel";
        /// Id of the archive; empty: made of the driver's first correlation id.
        pub archive_id: Option<i64> = "", env "AERON_ARCHIVE_ID", allowed "a 64-bit number";
        /// Recordings at a time.
        pub max_concurrent_recordings: usize = "20", env "AERON_ARCHIVE_MAX_CONCURRENT_RECORDINGS",
            allowed "a number from 1" if |v: &usize| *v >= 1;
        /// Replays at a time.
        pub max_concurrent_replays: usize = "20", env "AERON_ARCHIVE_MAX_CONCURRENT_REPLAYS",
            allowed "a number from 1" if |v: &usize| *v >= 1;
        /// How long a client may take to connect, and to take its answers.
        pub connect_timeout: Nanos = "5s", env "AERON_ARCHIVE_CONNECT_TIMEOUT",
            allowed "a duration from 1ms" if |v: &Nanos| v.0 >= 1_000_000;
        /// Term length of answers, where the client's channel does not say.
        pub control_term_buffer_length: Bytes = "64k", env "AERON_ARCHIVE_CONTROL_TERM_BUFFER_LENGTH",
            allowed "a power of two from 64k to 1g" if |v: &Bytes| v.0.is_power_of_two() && (65_536..=1 << 30).contains(&v.0);
        /// MTU of answers, where the client's channel does not say.
        pub control_mtu_length: Bytes = "1408", env "AERON_ARCHIVE_CONTROL_MTU_LENGTH",
            allowed "a multiple of 32 from 64 to 65504" if |v: &Bytes| (64..=65_504).contains(&v.0) && v.0.is_multiple_of(32);
        /// How long a replay's publication stays after its end.
        pub replay_linger_timeout: Nanos = "5s", env "AERON_ARCHIVE_REPLAY_LINGER_TIMEOUT", allowed "a duration";
    }
}

/// An archive that was set up: what it found on disk, and how it is to run.
pub struct ArchiveSetup {
    pub(super) context: Context,
    pub(super) settings: ArchiveSettings,
    pub(super) client: client::Context,
    pub(super) catalog: Catalog,
    pub(super) progress: Progress,
}

/// An archive that can't be set up. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A recording that was cut off.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// What recorders leave behind for recovery.
    #[error("{}: {cause}", path.display())]
    Progress {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl ArchiveSetup {
    /// Opens the catalog and gives every recording that was cut off its stop position. Blocks: before the first turn.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn open(
        (context, settings): (Context, ArchiveSettings),
        client: client::Context,
        disk: &mut dyn Disk,
        names: &Arc<dyn NameSource>,
        now: Now,
    ) -> Result<Self, SetupError> {
        let (directory, checksum) = (context.dir.clone(), context.record_checksum);
        let mut catalog = catalog::open(disk, &directory, context.catalog_capacity.0, checksum)?;
        let path = progress_path(&directory);
        let at = |cause| SetupError::Progress {
            path: progress_path(&directory),
            cause,
        };
        let boot_id = disk.boot_id();
        let evidence = Evidence::read(names.as_ref(), &path, boot_id).map_err(at)?;
        let rules = Rules {
            torn_tail: context.torn_tail,
            checksum,
            now_ms: now.epoch_ms(),
        };
        for repair in repair(disk, &directory, &mut catalog, &evidence, rules)? {
            tracing::info!(
                "recording {} was cut off; it stops at {}",
                repair.recording_id,
                repair.stop
            );
        }
        let progress = Progress::create(names.as_ref(), &path, boot_id).map_err(at)?;
        Ok(Self {
            context,
            settings,
            client,
            catalog,
            progress,
        })
    }
}

/// Beside the catalog: it outlives the process, and says nothing after a restart of the machine.
fn progress_path(directory: &Path) -> PathBuf {
    directory.join(progress::FILE_NAME)
}
