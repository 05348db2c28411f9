//! The command-and-control file `cnc.dat`: how a driver shows itself and how clients find it (spec 02 §1–§2).
//!
//! [`layout`] is the format; the driver creates the file ([`create`]), everyone else attaches to it ([`attach`]). What both
//! hold afterwards is a [`Cnc`]: the five sections as regions of their own, each for the algorithm that lives in it.

pub mod attach;
pub mod create;
pub mod layout;
mod version;

use taranis_runtime::mem::{OutOfRegion, Region, Word64};

pub use attach::{Attach, AttachError, Glance, glance};
pub use create::NewCnc;
pub use layout::{Lengths, LengthsRefused};
pub use version::SemanticVersion;

use layout::Section;

/// Name of the file in the Aeron directory.
pub const CNC_FILE: &str = "cnc.dat";

/// The mapped file, cut into its sections. All lengths were checked; what stands in the sections is their readers' business.
///
/// Cloning shares the memory. May be used from any thread.
#[derive(Clone, Debug)]
pub struct Cnc {
    version: SemanticVersion,
    lengths: Lengths,
    client_liveness_timeout_ns: i64,
    start_epoch_ms: i64,
    pid: i64,
    sections: Sections,
    correlation: Word64,
    heartbeat: Word64,
}

#[derive(Clone, Debug)]
struct Sections {
    to_driver: Region,
    to_clients: Region,
    counters_metadata: Region,
    counters_values: Region,
    error_log: Region,
}

impl Cnc {
    /// Cuts `region` by lengths that were checked against its own.
    fn cut(region: &Region, lengths: Lengths) -> Result<(Sections, Word64, Word64), OutOfRegion> {
        let part = |section: Section| {
            let span = lengths.section(section);
            region.part(span.start, span.len())
        };
        let to_driver = part(Section::ToDriver)?;
        let trailer = lengths.to_driver - layout::RING_TRAILER_LENGTH;
        let correlation = to_driver.word64(trailer + layout::RING_CORRELATION_OFFSET)?;
        let heartbeat = to_driver.word64(trailer + layout::RING_HEARTBEAT_OFFSET)?;
        let sections = Sections {
            to_driver,
            to_clients: part(Section::ToClients)?,
            counters_metadata: part(Section::CountersMetadata)?,
            counters_values: part(Section::CountersValues)?,
            error_log: part(Section::ErrorLog)?,
        };
        Ok((sections, correlation, heartbeat))
    }

    /// Version of the file's format.
    pub fn version(&self) -> SemanticVersion {
        self.version
    }

    /// Lengths of the sections and of a page.
    pub fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// After how long without a heartbeat the driver gives a client up, in nanoseconds; at least 1.
    pub fn client_liveness_timeout_ns(&self) -> i64 {
        self.client_liveness_timeout_ns
    }

    /// When the driver started, in milliseconds since the epoch, as it says.
    pub fn start_epoch_ms(&self) -> i64 {
        self.start_epoch_ms
    }

    /// The driver's process, as it says.
    pub fn pid(&self) -> i64 {
        self.pid
    }

    /// The ring of commands, trailer included.
    pub fn to_driver(&self) -> &Region {
        &self.sections.to_driver
    }

    /// The broadcast of events, trailer included.
    pub fn to_clients(&self) -> &Region {
        &self.sections.to_clients
    }

    /// Counters: state, type, key and label.
    pub fn counters_metadata(&self) -> &Region {
        &self.sections.counters_metadata
    }

    /// Counters: values.
    pub fn counters_values(&self) -> &Region {
        &self.sections.counters_values
    }

    /// The value of a counter; `None` when there is no room for such an id.
    pub fn counter_value(&self, counter_id: i32) -> Option<Word64> {
        let at = usize::try_from(counter_id).ok()? * layout::COUNTER_VALUE_LENGTH;
        self.sections.counters_values.word64(at).ok()
    }

    /// The driver's distinct errors.
    pub fn error_log(&self) -> &Region {
        &self.sections.error_log
    }

    /// Takes the next id from the driver's one counter of ids: for clients, commands and images.
    pub fn next_correlation_id(&self) -> i64 {
        self.correlation.fetch_add(1)
    }

    /// The driver's last sign of life in milliseconds since the epoch; 0: none yet, −1: it has closed.
    pub fn driver_heartbeat_ms(&self) -> i64 {
        // SYNC driver-heartbeat: pairs with the release in `NewCnc::heartbeat`.
        self.heartbeat.load_acquire()
    }
}
