//! Broadcast: messages from one transmitter to any number of receivers, without back pressure (spec 01 §4, 02 §2.6).
//!
//! A receiver that falls more than the buffer's capacity behind is *lapped*: it has lost messages, and is told so. It
//! copies a message first and looks afterwards whether the transmitter had begun to overwrite it.
//!
//! ```
//! use taranis_runtime::mem::{Region, broadcast::{Receiver, TRAILER_LEN, Transmitter}};
//!
//! let region = Region::heap(1024 + TRAILER_LEN);
//! let mut receiver = Receiver::open(region.clone())?;
//! let mut transmitter = Transmitter::open(region)?;
//!
//! transmitter.transmit(7, b"event")?;
//! let mut seen = Vec::new();
//! assert!(receiver.receive(|type_id, message| seen.push((type_id, message.to_vec())))?);
//! assert_eq!(seen, [(7, b"event".to_vec())]);
//! assert!(!receiver.receive(|_, _| unreachable!())?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod layout;
mod receiver;
mod transmitter;

pub use layout::{BadBroadcast, TRAILER_LEN};
pub use receiver::{ReceiveError, Receiver};
pub use transmitter::{Refused, Transmitter};
