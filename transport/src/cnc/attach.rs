//! Attaching to a driver's `cnc.dat` (spec 02 §1.5, §2.4; 05 §1.4).
//!
//! Nothing here waits: [`Attach`] is polled once per turn and looks again when its time has come. At every look the file is
//! opened anew by its name, because a stale one may have been replaced meanwhile.

use std::{
    io,
    path::{Path, PathBuf},
};

use taranis_runtime::mem::{Names, OutOfRegion, Region};

use super::{
    Cnc,
    layout::{self, Lengths, LengthsRefused},
    version::SemanticVersion,
};

const NS_PER_MS: i64 = 1_000_000;
/// Between looks for a file that is not there.
const FILE_RETRY_NS: i64 = 16 * NS_PER_MS;
/// Between looks at a file that a driver is about to complete.
const READY_RETRY_NS: i64 = NS_PER_MS;
/// Between looks at the file of a dead driver.
const STALE_RETRY_NS: i64 = 100 * NS_PER_MS;

/// Why there is no driver to attach to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The driver's time is over; the text says how far it got.
    #[error("{}: {}", waited_for.text(), path.display())]
    DriverTimeout {
        /// The file looked for.
        path: PathBuf,
        /// What was still missing.
        waited_for: WaitedFor,
    },
    /// The file's format is of another major version.
    #[error("CnC version not compatible: app={app} file={file}: {}", path.display())]
    Incompatible {
        /// The file.
        path: PathBuf,
        /// Version read here.
        app: SemanticVersion,
        /// Version found.
        file: SemanticVersion,
    },
    /// The file's format lacks what this version needs.
    #[error("driverVersion={file} insufficient for clientVersion={app}: {}", path.display())]
    Insufficient {
        /// The file.
        path: PathBuf,
        /// Oldest version read here.
        app: SemanticVersion,
        /// Version found.
        file: SemanticVersion,
    },
    /// The header says what no driver writes.
    #[error("malformed CnC file {}: {refused}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The broken rule.
        refused: LengthsRefused,
    },
    /// The file can't be opened or mapped.
    #[error("cannot open CnC file: {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// What an [`Attach`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitedFor {
    /// A file of at least a header's length.
    File,
    /// Its version: the driver's last store.
    Version,
    /// A file as long as its header says.
    Sections,
    /// A heartbeat that is not older than the driver timeout.
    Heartbeat,
}

impl WaitedFor {
    fn text(self) -> &'static str {
        match self {
            Self::File => "CnC file not created",
            Self::Version => "CnC file is created but not initialised",
            Self::Sections => "CnC file is created but not populated",
            Self::Heartbeat => "no driver heartbeat detected",
        }
    }
}

/// An attempt to attach, polled until it succeeds or its time is over.
#[derive(Debug)]
pub struct Attach {
    path: PathBuf,
    driver_timeout_ns: i64,
    deadline_ns: i64,
    next_look_ns: i64,
}

impl Attach {
    /// Begins now; `driver_timeout_ns` bounds both this attempt and the age of the driver's heartbeat.
    pub fn new(path: PathBuf, driver_timeout_ns: i64, mono_ns: i64) -> Self {
        Self {
            path,
            driver_timeout_ns,
            deadline_ns: mono_ns.saturating_add(driver_timeout_ns),
            next_look_ns: mono_ns,
        }
    }

    /// Looks if it is time to; `None`: not yet.
    ///
    /// # Errors
    /// [`AttachError`]; final, except that a caller may begin anew.
    pub fn poll(
        &mut self,
        names: &Names,
        mono_ns: i64,
        epoch_ms: i64,
    ) -> Result<Option<Cnc>, AttachError> {
        if mono_ns < self.next_look_ns {
            return Ok(None);
        }
        let (waited_for, retry_ns) = match glance(names, &self.path)? {
            Glance::Missing => (WaitedFor::File, FILE_RETRY_NS),
            Glance::Unversioned => (WaitedFor::Version, READY_RETRY_NS),
            Glance::Short => (WaitedFor::Sections, READY_RETRY_NS),
            Glance::Found(cnc) => match cnc.driver_heartbeat_ms() {
                0 => (WaitedFor::Heartbeat, READY_RETRY_NS),
                beat if is_stale(beat, epoch_ms, self.driver_timeout_ns) => {
                    (WaitedFor::Heartbeat, STALE_RETRY_NS)
                }
                _ => return Ok(Some(*cnc)),
            },
        };
        if mono_ns >= self.deadline_ns {
            return Err(AttachError::DriverTimeout {
                path: self.path.clone(),
                waited_for,
            });
        }
        self.next_look_ns = mono_ns.saturating_add(retry_ns).min(self.deadline_ns);
        Ok(None)
    }

    /// When the next look is due, in monotonic nanoseconds.
    pub fn next_look_ns(&self) -> i64 {
        self.next_look_ns
    }
}

/// Whether a heartbeat (in epoch milliseconds; −1 of a closed driver included) is older than the timeout. The one test that
/// compares epochs: afterwards a heartbeat counts by when it last changed.
pub fn is_stale(heartbeat_ms: i64, epoch_ms: i64, driver_timeout_ns: i64) -> bool {
    heartbeat_ms < epoch_ms.saturating_sub(driver_timeout_ns / NS_PER_MS)
}

/// What one look at the file finds.
#[derive(Debug)]
pub enum Glance {
    /// No file, none that may be read, or one shorter than a header.
    Missing,
    /// A file without a version yet.
    Unversioned,
    /// A file shorter than its header says.
    Short,
    /// A whole file; whether its driver lives is another question.
    Found(Box<Cnc>),
}

/// Looks at the file once.
///
/// # Errors
/// All [`AttachError`]s but the timeout.
pub fn glance(names: &Names, path: &Path) -> Result<Glance, AttachError> {
    let region = match names.open(path) {
        Ok(region) => region,
        Err(error) => {
            return match error.kind() {
                // `InvalidData`: the file is empty.
                io::ErrorKind::NotFound
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::InvalidData => Ok(Glance::Missing),
                _ => Err(AttachError::Io {
                    path: path.to_owned(),
                    source: error,
                }),
            };
        }
    };
    if region.len() < layout::HEADER_LENGTH {
        return Ok(Glance::Missing);
    }
    read(&region, path)
}

fn read(region: &Region, path: &Path) -> Result<Glance, AttachError> {
    let Ok(header) = Header::read(region) else {
        return Ok(Glance::Missing);
    };
    let file = SemanticVersion::from_wire(header.version);
    let app = layout::CNC_VERSION;
    if header.version == 0 {
        return Ok(Glance::Unversioned);
    }
    if file.major() != app.major() {
        return Err(AttachError::Incompatible {
            path: path.to_owned(),
            app,
            file,
        });
    }
    if file.minor() < app.minor() {
        return Err(AttachError::Insufficient {
            path: path.to_owned(),
            app,
            file,
        });
    }
    // A negative or short sum: the file is not complete yet.
    let Some(sum) = header.sections_sum() else {
        return Ok(Glance::Short);
    };
    if region.len() - layout::HEADER_LENGTH < sum {
        return Ok(Glance::Short);
    }
    let malformed = |refused| AttachError::Malformed {
        path: path.to_owned(),
        refused,
    };
    let lengths = header.lengths().map_err(malformed)?;
    let (sections, correlation, heartbeat) = Cnc::cut(region, lengths).map_err(|_| {
        malformed(LengthsRefused {
            field: "CnC file length",
            value: i64::try_from(region.len()).unwrap_or(i64::MAX),
            rule: "as long as its sections",
        })
    })?;
    Ok(Glance::Found(Box::new(Cnc {
        version: file,
        lengths,
        client_liveness_timeout_ns: header.client_liveness_timeout_ns,
        start_epoch_ms: header.start_epoch_ms,
        pid: header.pid,
        sections,
        correlation,
        heartbeat,
    })))
}

/// The header's fields, each read once.
struct Header {
    version: i32,
    to_driver: i32,
    to_clients: i32,
    counters_metadata: i32,
    counters_values: i32,
    error_log: i32,
    page_size: i32,
    client_liveness_timeout_ns: i64,
    start_epoch_ms: i64,
    pid: i64,
}

impl Header {
    fn read(region: &Region) -> Result<Self, OutOfRegion> {
        // SYNC cnc-ready: pairs with the release in `NewCnc::ready`; all else is read after it.
        let version = region.word32(layout::VERSION_OFFSET)?.load_acquire();
        let int = |offset| region.word32(offset).map(|word| word.load_relaxed());
        let long = |offset| region.word64(offset).map(|word| word.load_relaxed());
        Ok(Self {
            version,
            to_driver: int(layout::TO_DRIVER_LENGTH_OFFSET)?,
            to_clients: int(layout::TO_CLIENTS_LENGTH_OFFSET)?,
            counters_metadata: int(layout::COUNTERS_METADATA_LENGTH_OFFSET)?,
            counters_values: int(layout::COUNTERS_VALUES_LENGTH_OFFSET)?,
            error_log: int(layout::ERROR_LOG_LENGTH_OFFSET)?,
            page_size: int(layout::PAGE_SIZE_OFFSET)?,
            client_liveness_timeout_ns: long(layout::CLIENT_LIVENESS_TIMEOUT_OFFSET)?,
            start_epoch_ms: long(layout::START_TIMESTAMP_OFFSET)?,
            pid: long(layout::PID_OFFSET)?,
        })
    }

    /// Sum of the sections, `None` when one is negative.
    fn sections_sum(&self) -> Option<usize> {
        let lengths = [
            self.to_driver,
            self.to_clients,
            self.counters_metadata,
            self.counters_values,
            self.error_log,
        ];
        let mut sum = 0_usize;
        for length in lengths {
            sum = sum.checked_add(usize::try_from(length).ok()?)?;
        }
        Some(sum)
    }

    fn lengths(&self) -> Result<Lengths, LengthsRefused> {
        let length = |field, value: i32| {
            usize::try_from(value).map_err(|_| LengthsRefused {
                field,
                value: value.into(),
                rule: "0 or more",
            })
        };
        let page_size = match self.page_size {
            0 => layout::PAGE_SIZE_DEFAULT,
            size => length("file page size", size)?,
        };
        let lengths = Lengths {
            to_driver: length("to-driver buffer length", self.to_driver)?,
            to_clients: length("to-clients buffer length", self.to_clients)?,
            counters_values: length("counters values buffer length", self.counters_values)?,
            error_log: length("error log buffer length", self.error_log)?,
            page_size,
        };
        lengths.check_shape()?;
        if length("counters metadata buffer length", self.counters_metadata)?
            != lengths.counters_metadata()
        {
            return Err(LengthsRefused {
                field: "counters metadata buffer length",
                value: self.counters_metadata.into(),
                rule: "four times the counters values buffer length",
            });
        }
        if self.client_liveness_timeout_ns < 1 {
            return Err(LengthsRefused {
                field: "client liveness timeout in ns",
                value: self.client_liveness_timeout_ns,
                rule: "1 or more",
            });
        }
        Ok(lengths)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use taranis_runtime::mem::{FileNames, NameSource, Pages};

    use super::*;
    use crate::cnc::{CNC_FILE, NewCnc, create::DriverIdentity};

    const MS: i64 = NS_PER_MS;
    const TIMEOUT_NS: i64 = 10_000 * MS;
    const EPOCH_MS: i64 = 1_700_000_000_000;

    struct Directory(PathBuf);

    impl Directory {
        fn fresh(test: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("taranis-cnc-{}-{test}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn cnc(&self) -> PathBuf {
            self.0.join(CNC_FILE)
        }

        fn create(&self) -> NewCnc {
            let identity = DriverIdentity {
                client_liveness_timeout_ns: 5,
                start_epoch_ms: 6,
                pid: 7,
            };
            NewCnc::create(&FileNames, &self.cnc(), Lengths::default(), identity).unwrap()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn names() -> Names {
        Names::new(Arc::new(FileNames))
    }

    fn header_only(fields: &[(usize, i32)]) -> Region {
        let region = Region::heap(1 << 20);
        for (offset, value) in fields {
            region.word32(*offset).unwrap().store_relaxed(*value);
        }
        region
    }

    #[test]
    fn waits_step_by_step_and_attaches_once_the_driver_is_ready() {
        let directory = Directory::fresh("steps");
        let mut attach = Attach::new(directory.cnc(), TIMEOUT_NS, 0);
        assert!(attach.poll(&names(), 0, EPOCH_MS).unwrap().is_none());
        assert_eq!(attach.next_look_ns(), 16 * MS);

        let new = directory.create();
        assert!(
            attach.poll(&names(), 15 * MS, EPOCH_MS).unwrap().is_none(),
            "it is not time"
        );
        assert!(attach.poll(&names(), 16 * MS, EPOCH_MS).unwrap().is_none());
        assert_eq!(attach.next_look_ns(), 17 * MS);

        new.ready(EPOCH_MS);
        let cnc = attach
            .poll(&names(), 17 * MS, EPOCH_MS)
            .unwrap()
            .expect("the driver is ready");
        assert_eq!(cnc.client_liveness_timeout_ns(), 5);
        assert_eq!((cnc.start_epoch_ms(), cnc.pid()), (6, 7));
        assert_eq!(cnc.next_correlation_id(), 1, "id 0 is never used (02 §1.4)");
        assert_eq!(cnc.counters_metadata().len(), 32 << 20);
        cnc.error_log().word32(0).unwrap().store_release(9);
        assert_eq!(new.cnc().error_log().word32(0).unwrap().load_acquire(), 9);
    }

    #[test]
    fn outlasts_the_stale_file_of_a_dead_driver_and_takes_the_new_one() {
        let directory = Directory::fresh("stale");
        let dead = directory.create();
        dead.ready(EPOCH_MS - 10_001);
        let mut attach = Attach::new(directory.cnc(), TIMEOUT_NS, 0);
        assert!(attach.poll(&names(), 0, EPOCH_MS).unwrap().is_none());
        assert_eq!(attach.next_look_ns(), 100 * MS);
        dead.close();
        assert!(attach.poll(&names(), 100 * MS, EPOCH_MS).unwrap().is_none());

        let alive = directory.create();
        alive.ready(EPOCH_MS);
        let cnc = attach
            .poll(&names(), 200 * MS, EPOCH_MS)
            .unwrap()
            .expect("the new driver is ready");
        alive.heartbeat(EPOCH_MS + 5);
        assert_eq!(cnc.driver_heartbeat_ms(), EPOCH_MS + 5);
    }

    #[test]
    fn gives_up_at_the_deadline_and_says_how_far_it_got() {
        let directory = Directory::fresh("deadline");
        let give_up = || {
            let mut attach = Attach::new(directory.cnc(), TIMEOUT_NS, 0);
            assert!(attach.poll(&names(), 0, EPOCH_MS).unwrap().is_none());
            attach
                .poll(&names(), TIMEOUT_NS, EPOCH_MS)
                .unwrap_err()
                .to_string()
        };
        assert!(give_up().starts_with("CnC file not created: /"));
        fs::write(directory.cnc(), b"short").unwrap();
        assert!(give_up().starts_with("CnC file not created: "));
        let new = directory.create();
        assert!(give_up().starts_with("CnC file is created but not initialised: "));
        new.ready(0);
        assert!(give_up().starts_with("no driver heartbeat detected: "));
        new.close();
        assert!(give_up().starts_with("no driver heartbeat detected: "));
    }

    #[test]
    fn refuses_other_versions() {
        let path = Path::new("cnc.dat");
        let refused = |version| {
            read(&header_only(&[(0, version)]), path)
                .unwrap_err()
                .to_string()
        };
        assert!(
            refused(0x01_00_00).starts_with("CnC version not compatible: app=0.2.0 file=1.0.0")
        );
        assert!(refused(0x00_01_00).starts_with("driverVersion=0.1.0 insufficient"));
        assert!(refused(-1).starts_with("CnC version not compatible"));
    }

    #[test]
    fn no_header_of_another_process_panics() {
        let path = Path::new("cnc.dat");
        let good: &[(usize, i32)] = &[
            (0, 512),
            (4, 1024 + 768),
            (8, 1024 + 128),
            (12, 4096),
            (16, 1024),
            (20, 64),
            (24, 1),
        ];
        assert!(matches!(
            read(&header_only(good), path),
            Ok(Glance::Found(_))
        ));
        for at in 0..52 {
            for bit in 0..8 {
                let region = header_only(good);
                let mut byte = [0];
                region.read(at, &mut byte).unwrap();
                region.write(at, &[byte[0] ^ (1 << bit)]).unwrap();
                if let Ok(Glance::Found(cnc)) = read(&region, path) {
                    cnc.next_correlation_id();
                    assert!(cnc.lengths().sections_end() <= region.len());
                }
            }
        }
        for bad in [(4, i32::MAX), (4, -8), (20, i32::MIN)] {
            let region = header_only(good);
            region.word32(bad.0).unwrap().store_relaxed(bad.1);
            assert!(matches!(read(&region, path), Ok(Glance::Short)));
        }
        for bad in [
            (4, 1000 + 768),
            (4, 0),
            (8, 4),
            (12, 4092),
            (16, 0),
            (20, 0),
            (24, 0),
            (48, 3),
        ] {
            let region = header_only(good);
            region.word32(bad.0).unwrap().store_relaxed(bad.1);
            assert!(
                matches!(read(&region, path), Err(AttachError::Malformed { .. })),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_file_that_is_no_file_is_a_final_error() {
        let directory = Directory::fresh("nofile");
        fs::create_dir(directory.cnc()).unwrap();
        let error = glance(&names(), &directory.cnc()).unwrap_err();
        assert!(error.to_string().starts_with("cannot open CnC file: "));
        fs::remove_dir(directory.cnc()).unwrap();
        FileNames
            .create(&directory.cnc(), 64, Pages::Sparse)
            .unwrap();
        assert!(matches!(
            glance(&names(), &directory.cnc()),
            Ok(Glance::Missing)
        ));
    }
}
