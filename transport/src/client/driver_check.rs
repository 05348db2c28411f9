//! What can be said and asked of a driver without a client (spec 05 §6.4, 02 §1.5, §1.8).

use std::path::Path;

use taranis_runtime::{
    clock::Now,
    mem::{Names, ring::mpsc},
};

use super::error::ClientError;
use crate::{
    cnc::{AttachError, CNC_FILE, Glance, attach, glance},
    command::{Command, CommandBody, commands::NULL_ID},
};

/// What one look at an Aeron directory says of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverState {
    /// There is none, and nothing of one.
    Absent,
    /// One is about to start, or died while it did: look again for a while.
    Starting,
    /// One lives, or lived until less than the driver timeout ago.
    Active,
    /// One has closed, or gave no sign of life for longer than the driver timeout.
    Inactive,
}

/// Looks whether a driver uses the directory.
///
/// # Errors
/// [`AttachError`] when its CnC file can't be read or is of another version.
pub fn driver_state(
    names: &Names,
    aeron_dir: &Path,
    driver_timeout_ns: i64,
    now: Now,
) -> Result<DriverState, AttachError> {
    Ok(match glance(names, &aeron_dir.join(CNC_FILE))? {
        Glance::Missing => DriverState::Absent,
        Glance::Unversioned | Glance::Short => DriverState::Starting,
        Glance::Found(cnc) => {
            let heartbeat_ms = cnc.driver_heartbeat_ms();
            if attach::is_stale(heartbeat_ms, now.epoch_ms(), driver_timeout_ns) {
                DriverState::Inactive
            } else {
                DriverState::Active
            }
        }
    })
}

/// Asks the driver of the directory to end. Whether it does is up to its validator of tokens; it does not answer. Returns
/// whether the command was sent: there may be no driver, or no room in its ring.
///
/// # Errors
/// [`ClientError::Attach`] when the CnC file can't be read or is of another version, [`ClientError::CommandTooLong`] for such
/// a token.
pub fn request_driver_termination(
    names: &Names,
    aeron_dir: &Path,
    token: &[u8],
) -> Result<bool, ClientError> {
    let Glance::Found(cnc) = glance(names, &aeron_dir.join(CNC_FILE))? else {
        return Ok(false);
    };
    let ring =
        mpsc::Producer::open(cnc.to_driver().clone()).map_err(|error| ClientError::Malformed {
            what: "ring",
            why: error.to_string(),
        })?;
    let command = Command {
        client_id: cnc.next_correlation_id(),
        correlation_id: NULL_ID,
        body: CommandBody::TerminateDriver { token },
    };
    let (len, max) = (command.encoded_len(), ring.ring().max_message_len());
    if len > max {
        return Err(ClientError::CommandTooLong { len, max });
    }
    let mut message = vec![0; len];
    // The buffer is as long as the command.
    let _ = command.encode(&mut message);
    Ok(ring.write(command.body.code().to_wire(), &message).is_ok())
}
