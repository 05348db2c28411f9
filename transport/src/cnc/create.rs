//! Creating `cnc.dat`: the driver's side (spec 02 §1.4, §1.7, §2.3).

use std::{io, path::Path};

use taranis_runtime::mem::{NameSource, Pages, Region, Word32};

use super::{
    Cnc,
    layout::{self, Lengths},
};

/// A file that its driver has created; nobody attaches before [`NewCnc::ready`].
///
/// In between the driver builds what clients read at once: counters, error log, rings.
#[derive(Debug)]
pub struct NewCnc {
    cnc: Cnc,
    version: Word32,
}

/// What the header says besides the lengths.
#[derive(Clone, Copy, Debug)]
pub struct DriverIdentity {
    /// After how long without a heartbeat a client is given up, in nanoseconds.
    pub client_liveness_timeout_ns: i64,
    /// When the driver started, in milliseconds since the epoch.
    pub start_epoch_ms: i64,
    /// The driver's process.
    pub pid: i64,
}

impl NewCnc {
    /// Creates the file, in place of an old one, with everything but its version.
    ///
    /// May block (it allocates the whole file): for set-up code or a chore.
    ///
    /// # Errors
    /// As the system reports it; [`io::ErrorKind::InvalidInput`] when a length breaks a rule (see [`Lengths::check`]).
    pub fn create(
        names: &dyn NameSource,
        path: &Path,
        lengths: Lengths,
        identity: DriverIdentity,
    ) -> io::Result<Self> {
        lengths.check().map_err(invalid)?;
        let region = names.create(path, lengths.file_len(), Pages::Populated)?;
        Self::lay_out(&region, lengths, identity)
    }

    fn lay_out(region: &Region, lengths: Lengths, identity: DriverIdentity) -> io::Result<Self> {
        let (sections, correlation, heartbeat) = Cnc::cut(region, lengths).map_err(invalid)?;
        for (offset, value) in [
            (layout::TO_DRIVER_LENGTH_OFFSET, lengths.to_driver),
            (layout::TO_CLIENTS_LENGTH_OFFSET, lengths.to_clients),
            (
                layout::COUNTERS_METADATA_LENGTH_OFFSET,
                lengths.counters_metadata(),
            ),
            (
                layout::COUNTERS_VALUES_LENGTH_OFFSET,
                lengths.counters_values,
            ),
            (layout::ERROR_LOG_LENGTH_OFFSET, lengths.error_log),
            (layout::PAGE_SIZE_OFFSET, lengths.page_size),
        ] {
            let value = i32::try_from(value).map_err(invalid)?;
            region.word32(offset).map_err(invalid)?.store_relaxed(value);
        }
        for (offset, value) in [
            (
                layout::CLIENT_LIVENESS_TIMEOUT_OFFSET,
                identity.client_liveness_timeout_ns,
            ),
            (layout::START_TIMESTAMP_OFFSET, identity.start_epoch_ms),
            (layout::PID_OFFSET, identity.pid),
        ] {
            region.word64(offset).map_err(invalid)?.store_relaxed(value);
        }
        Ok(Self {
            version: region.word32(layout::VERSION_OFFSET).map_err(invalid)?,
            cnc: Cnc {
                version: layout::CNC_VERSION,
                lengths,
                client_liveness_timeout_ns: identity.client_liveness_timeout_ns,
                start_epoch_ms: identity.start_epoch_ms,
                pid: identity.pid,
                sections,
                correlation,
                heartbeat,
            },
        })
    }

    /// The file's sections.
    pub fn cnc(&self) -> &Cnc {
        &self.cnc
    }

    /// Lets clients attach: uses up id 0, gives the first heartbeat, and stores the version last of all.
    pub fn ready(&self, epoch_ms: i64) {
        self.cnc.next_correlation_id();
        self.heartbeat(epoch_ms);
        // SYNC cnc-ready: pairs with the acquire in `attach::read`.
        self.version.store_release(layout::CNC_VERSION.to_wire());
    }

    /// A sign of life; once per timer interval.
    pub fn heartbeat(&self, epoch_ms: i64) {
        // SYNC driver-heartbeat: pairs with `Cnc::driver_heartbeat_ms`.
        self.cnc.heartbeat.store_release(epoch_ms);
    }

    /// Says that the driver is gone, so that clients close at once and a successor need not wait.
    pub fn close(&self) {
        self.heartbeat(layout::HEARTBEAT_CLOSED);
    }
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
