//! The distinct error log: each error once, with how often and when it was seen (spec 01 §6, 02 §8.2).
//!
//! ```
//! use taranis_runtime::mem::{Region, error_log::{DistinctErrorLog, ErrorLogReader}};
//!
//! let region = Region::heap(4096);
//! let mut log = DistinctErrorLog::new(region.clone())?;
//! log.record(1_000, 98, "(98) Address already in use")?;
//! log.record(2_000, 98, "(98) Address already in use")?;
//!
//! let mut seen = Vec::new();
//! ErrorLogReader::new(region).read(0, |error| seen.push((error.count, error.text.to_vec())));
//! assert_eq!(seen, [(2, b"(98) Address already in use".to_vec())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod layout;
mod reader;
mod writer;

pub use reader::{ErrorLogReader, Observation};
pub use writer::{DistinctErrorLog, ErrorLogFull, Recorded};
