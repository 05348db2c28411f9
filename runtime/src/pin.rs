//! Cores: which there are, and binding a thread to one.

use std::sync::OnceLock;

/// A processor core, by the system's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Core(pub usize);

/// The core can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("core {core} can't be had; this process may run on cores {allowed:?}")]
pub struct CoreRefused {
    /// The core asked for.
    pub core: usize,
    /// The cores the process was started with.
    pub allowed: Vec<usize>,
}

/// The cores that this process was allowed at its first call. Call it once before any thread is pinned: a pinned thread
/// sees its own core only.
pub fn allowed_cores() -> &'static [Core] {
    static CORES: OnceLock<Vec<Core>> = OnceLock::new();
    CORES.get_or_init(|| {
        let mut cores: Vec<_> = core_affinity::get_core_ids()
            .unwrap_or_default()
            .iter()
            .map(|core| Core(core.id))
            .collect();
        cores.sort_unstable();
        cores
    })
}

/// Binds the calling thread to one core.
///
/// # Errors
/// [`CoreRefused`] when the process may not run there.
pub fn pin_current_thread(core: Core) -> Result<(), CoreRefused> {
    let allowed = allowed_cores();
    if allowed.contains(&core)
        && core_affinity::set_for_current(core_affinity::CoreId { id: core.0 })
    {
        return Ok(());
    }
    Err(CoreRefused {
        core: core.0,
        allowed: allowed.iter().map(|core| core.0).collect(),
    })
}
