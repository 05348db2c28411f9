//! The format of `cnc.dat` (spec 02 §2.1–§2.3).
//!
//! ```text
//!   0                        4                        8                       12                       16
//!   +------------------------+------------------------+------------------------+------------------------+
//!   | CnC version            | to-driver length       | to-clients length      | counters metadata len. |   0
//!   +------------------------+------------------------+------------------------+------------------------+
//!   | counters values length | error log length       | client liveness timeout, ns                     |  16
//!   +------------------------+------------------------+-------------------------------------------------+
//!   | driver start timestamp, epoch ms                | driver PID                                      |  32
//!   +------------------------+------------------------+-------------------------------------------------+
//!   | file page size         | unused, zero, up to 128                                                  |  48
//!   +------------------------+--------------------------------------------------------------------------+
//!   | to-driver ring | to-clients broadcast | counters metadata | counters values | error log | to a page | 128
//!   +---------------------------------------------------------------------------------------------------+
//! ```
//!
//! | word | only writer | ordering | readers |
//! |---|---|---|---|
//! | version | driver, last of all | release | clients, first: acquire |
//! | lengths, timeout, timestamp, pid, page size | driver, before the version | relaxed | clients, after the version: relaxed |
//! | to-driver trailer: correlation counter | everyone | get-and-add | everyone |
//! | to-driver trailer: consumer heartbeat | driver | release | clients: acquire |

use std::ops::Range;

use super::version::SemanticVersion;

/// Version of the format written here, and the oldest read.
pub const CNC_VERSION: SemanticVersion = SemanticVersion::new(0, 2, 0);

/// Length of the header in bytes.
pub const HEADER_LENGTH: usize = 128;

/// Offset of the version, i32; 0 until the driver is ready.
pub const VERSION_OFFSET: usize = 0;
/// Offset of the to-driver section's length, i32.
pub const TO_DRIVER_LENGTH_OFFSET: usize = 4;
/// Offset of the to-clients section's length, i32.
pub const TO_CLIENTS_LENGTH_OFFSET: usize = 8;
/// Offset of the counters metadata section's length, i32.
pub const COUNTERS_METADATA_LENGTH_OFFSET: usize = 12;
/// Offset of the counters values section's length, i32.
pub const COUNTERS_VALUES_LENGTH_OFFSET: usize = 16;
/// Offset of the error log section's length, i32.
pub const ERROR_LOG_LENGTH_OFFSET: usize = 20;
/// Offset of the client liveness timeout, i64 nanoseconds.
pub const CLIENT_LIVENESS_TIMEOUT_OFFSET: usize = 24;
/// Offset of the driver's start, i64 milliseconds since the epoch.
pub const START_TIMESTAMP_OFFSET: usize = 32;
/// Offset of the driver's process id, i64.
pub const PID_OFFSET: usize = 40;
/// Offset of the page size, i32; 0 in old files.
pub const PAGE_SIZE_OFFSET: usize = 48;

/// Length of a ring's trailer.
pub const RING_TRAILER_LENGTH: usize = 768;
/// Offset of the correlation counter in a ring's trailer, i64.
pub const RING_CORRELATION_OFFSET: usize = 512;
/// Offset of the consumer's heartbeat in a ring's trailer, i64 milliseconds since the epoch.
pub const RING_HEARTBEAT_OFFSET: usize = 640;
/// Length of a broadcast's trailer.
pub const BROADCAST_TRAILER_LENGTH: usize = 128;

/// Bytes of a counter in the values section.
pub const COUNTER_VALUE_LENGTH: usize = 128;
/// Bytes of a counter in the metadata section, over its bytes in the values section.
pub const COUNTER_METADATA_RATIO: usize = 4;

/// Heartbeat of a driver that has closed.
pub const HEARTBEAT_CLOSED: i64 = -1;

/// Page size of files that don't say theirs.
pub const PAGE_SIZE_DEFAULT: usize = 4096;
const PAGE_SIZE_MAX: usize = 1 << 30;
const TO_DRIVER_DEFAULT: usize = (1 << 20) + RING_TRAILER_LENGTH;
const TO_CLIENTS_DEFAULT: usize = (1 << 20) + BROADCAST_TRAILER_LENGTH;
const COUNTERS_VALUES_DEFAULT: usize = 8 << 20;
const COUNTERS_VALUES_MIN: usize = 1 << 20;
const COUNTERS_VALUES_MAX: usize = 500 << 20;
const ERROR_LOG_DEFAULT: usize = 4 << 20;
const FILE_MAX: usize = i32::MAX as usize;

/// The sections, in the file's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The ring of commands.
    ToDriver,
    /// The broadcast of events.
    ToClients,
    /// State, type, key and label of counters.
    CountersMetadata,
    /// Values of counters.
    CountersValues,
    /// Distinct errors of the driver.
    ErrorLog,
}

/// Lengths of the sections (trailers included) and of a page, in bytes; the counters' metadata follow from their values.
///
/// A driver's settings are checked by [`Lengths::check`]; a file found is held only to what its readers need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// The ring of commands: a power of two plus 768.
    pub to_driver: usize,
    /// The broadcast of events: a power of two plus 128.
    pub to_clients: usize,
    /// Values of counters: 128 bytes each.
    pub counters_values: usize,
    /// Distinct errors.
    pub error_log: usize,
    /// The file's length is a multiple of this, a power of two.
    pub page_size: usize,
}

impl Default for Lengths {
    fn default() -> Self {
        Self {
            to_driver: TO_DRIVER_DEFAULT,
            to_clients: TO_CLIENTS_DEFAULT,
            counters_values: COUNTERS_VALUES_DEFAULT,
            error_log: ERROR_LOG_DEFAULT,
            page_size: PAGE_SIZE_DEFAULT,
        }
    }
}

/// A section length that breaks a rule of spec 02 §2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}={value}: {rule}")]
pub struct LengthsRefused {
    /// What has that length.
    pub field: &'static str,
    /// The length in bytes.
    pub value: i64,
    /// What it must be.
    pub rule: &'static str,
}

impl Lengths {
    /// Checks a driver's settings.
    ///
    /// # Errors
    /// [`LengthsRefused`] naming the first length outside its limits.
    pub fn check(&self) -> Result<(), LengthsRefused> {
        within(
            "to-driver buffer length",
            self.to_driver,
            TO_DRIVER_DEFAULT..FILE_MAX,
            "at least 1049344 and below 2147483647",
        )?;
        within(
            "to-clients buffer length",
            self.to_clients,
            TO_CLIENTS_DEFAULT..FILE_MAX,
            "at least 1048704 and below 2147483647",
        )?;
        within(
            "counters values buffer length",
            self.counters_values,
            COUNTERS_VALUES_MIN..COUNTERS_VALUES_MAX + 1,
            "from 1048576 to 524288000",
        )?;
        within(
            "error log buffer length",
            self.error_log,
            ERROR_LOG_DEFAULT..FILE_MAX,
            "at least 4194304 and below 2147483647",
        )?;
        self.check_shape()?;
        let file = self.file_len();
        if file > FILE_MAX {
            return Err(refused("CnC file length", file, "at most 2147483647"));
        }
        Ok(())
    }

    /// Checks what every reader of the sections relies on.
    pub(super) fn check_shape(&self) -> Result<(), LengthsRefused> {
        let ring = self.to_driver.checked_sub(RING_TRAILER_LENGTH);
        if !ring.is_some_and(|capacity| capacity >= 8 && capacity.is_power_of_two()) {
            return Err(refused(
                "to-driver buffer length",
                self.to_driver,
                "a power of two (8 or more) plus 768",
            ));
        }
        let broadcast = self.to_clients.checked_sub(BROADCAST_TRAILER_LENGTH);
        if !broadcast.is_some_and(|capacity| capacity >= 8 && capacity.is_power_of_two()) {
            return Err(refused(
                "to-clients buffer length",
                self.to_clients,
                "a power of two (8 or more) plus 128",
            ));
        }
        if self.counters_values == 0 || !self.counters_values.is_multiple_of(COUNTER_VALUE_LENGTH) {
            return Err(refused(
                "counters values buffer length",
                self.counters_values,
                "a multiple of 128, and not 0",
            ));
        }
        if self.error_log == 0 || !self.error_log.is_multiple_of(8) {
            return Err(refused(
                "error log buffer length",
                self.error_log,
                "a multiple of 8, and not 0",
            ));
        }
        if !self.page_size.is_power_of_two()
            || !(PAGE_SIZE_DEFAULT..=PAGE_SIZE_MAX).contains(&self.page_size)
        {
            return Err(refused(
                "file page size",
                self.page_size,
                "a power of two from 4096 to 1073741824",
            ));
        }
        Ok(())
    }

    /// Length of the counters' metadata.
    pub fn counters_metadata(&self) -> usize {
        self.counters_values * COUNTER_METADATA_RATIO
    }

    /// End of the last section.
    pub fn sections_end(&self) -> usize {
        self.section(Section::ErrorLog).end
    }

    /// Length of the whole file.
    pub fn file_len(&self) -> usize {
        self.sections_end().next_multiple_of(self.page_size)
    }

    /// Where a section lies in the file.
    pub fn section(&self, section: Section) -> Range<usize> {
        let lengths = [
            (Section::ToDriver, self.to_driver),
            (Section::ToClients, self.to_clients),
            (Section::CountersMetadata, self.counters_metadata()),
            (Section::CountersValues, self.counters_values),
            (Section::ErrorLog, self.error_log),
        ];
        let mut start = HEADER_LENGTH;
        for (at, len) in lengths {
            if at == section {
                return start..start + len;
            }
            start += len;
        }
        unreachable!("every section is in the table")
    }
}

fn within(
    field: &'static str,
    value: usize,
    range: Range<usize>,
    rule: &'static str,
) -> Result<(), LengthsRefused> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(refused(field, value, rule))
    }
}

fn refused(field: &'static str, value: usize, rule: &'static str) -> LengthsRefused {
    LengthsRefused {
        field,
        value: i64::try_from(value).unwrap_or(i64::MAX),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_give_the_file_of_02_2_2() {
        let lengths = Lengths::default();
        lengths.check().unwrap();
        assert_eq!(lengths.to_driver, 1_049_344);
        assert_eq!(lengths.to_clients, 1_048_704);
        assert_eq!(lengths.counters_metadata(), 33_554_432);
        assert_eq!(lengths.file_len(), 48_238_592);
        assert_eq!(lengths.section(Section::ToDriver), 128..1_049_472);
        assert_eq!(
            Lengths {
                page_size: 1 << 20,
                ..lengths
            }
            .file_len()
                % (1 << 20),
            0
        );
    }

    #[test]
    fn a_setting_outside_its_limits_is_named_with_its_value() {
        let lengths = Lengths::default();
        let small = Lengths {
            to_driver: 4096 + 768,
            ..lengths
        }
        .check()
        .unwrap_err();
        assert_eq!(
            small.to_string(),
            "to-driver buffer length=4864: at least 1049344 and below 2147483647"
        );
        for bad in [
            Lengths {
                to_driver: lengths.to_driver + 8,
                ..lengths
            },
            Lengths {
                to_clients: lengths.to_clients + 8,
                ..lengths
            },
            Lengths {
                counters_values: (1 << 20) + 1,
                ..lengths
            },
            Lengths {
                counters_values: (500 << 20) + 128,
                ..lengths
            },
            Lengths {
                error_log: 4096,
                ..lengths
            },
            Lengths {
                page_size: 5000,
                ..lengths
            },
            Lengths {
                page_size: 2048,
                ..lengths
            },
            Lengths {
                counters_values: 500 << 20,
                ..lengths
            },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
