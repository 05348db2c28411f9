//! Counters: numbered 64-bit values with a type, a key and a label, readable by anybody who maps them (spec 01 §5, 02 §7.1).
//!
//! One [`CountersManager`] gives ids out and takes them back. A counter's value is written through a handle: an
//! [`OwnedCounter`] by one writer, an [`AtomicCounter`] by several. A [`CountersReader`] finds counters and reads them.
//!
//! ```
//! use taranis_runtime::mem::{Region, counters::{CountersManager, CountersReader}};
//!
//! let (values, metadata) = (Region::heap(128 * 16), Region::heap(512 * 16));
//! let mut manager = CountersManager::new(values.clone(), metadata.clone(), 1_000)?;
//! let now_ms = 1_700_000_000_000;
//! let id = manager.allocate(now_ms, 42, b"key", "snd-pos")?;
//! manager.set_registration_id(id, 7)?;
//! let position = manager.owned(id)?;
//! position.set(4096);
//!
//! let reader = CountersReader::open(values, metadata)?;
//! assert_eq!(reader.find(42, 7), Some(id));
//! assert_eq!(reader.get(id).map(|counter| (counter.value(), counter.label())), Some((4096, "snd-pos".to_owned())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod handle;
mod label;
mod layout;
mod manager;
mod reader;

pub use handle::{AtomicCounter, OwnedCounter, ReadableCounter};
pub use label::Label;
pub use layout::{BadCounters, MAX_KEY_LEN, MAX_LABEL_LEN, METADATA_RECORD_LEN, VALUE_RECORD_LEN};
pub use manager::{CountersFull, CountersManager, NotAllocated};
pub use reader::{Counter, CountersReader, State};
