//! Mapped log buffers, shared inside a client: an IPC image and its publication are one mapping (spec 05 §2.4).

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
};

use taranis_runtime::mem::{Names, Region};

use crate::{client::error::ClientError, log::LogBuffer};

/// Log buffers by their id: original registration id of a publication, correlation id of an image.
///
/// Memory lives as long as any handle on it, so dropping here is always safe. What is released lingers, so that as a rule it
/// is the conductor that unmaps, not a thread that polls.
#[derive(Debug)]
pub(super) struct Logs {
    in_use: BTreeMap<i64, Shared>,
    lingering: VecDeque<(i64, Region)>,
    linger_ns: i64,
    pre_touch: bool,
}

#[derive(Debug)]
struct Shared {
    region: Region,
    users: usize,
}

impl Logs {
    pub(super) fn new(linger_ns: i64, pre_touch: bool) -> Self {
        Self {
            in_use: BTreeMap::new(),
            lingering: VecDeque::new(),
            linger_ns,
            pre_touch,
        }
    }

    /// Maps the file, or shares the mapping; checks that it is a log.
    pub(super) fn acquire(
        &mut self,
        id: i64,
        path: &Path,
        names: &Names,
    ) -> Result<LogBuffer, ClientError> {
        let region = match self.in_use.get(&id) {
            Some(shared) => shared.region.clone(),
            None => self.open(path, names)?,
        };
        let log = LogBuffer::attach(region.clone()).map_err(|source| ClientError::Log {
            path: path.to_owned(),
            source,
        })?;
        let shared = self.in_use.entry(id).or_insert(Shared { region, users: 0 });
        shared.users += 1;
        Ok(log)
    }

    /// One user less; the last one's mapping lingers.
    pub(super) fn release(&mut self, id: i64, now_ns: i64) {
        let Some(shared) = self.in_use.get_mut(&id) else {
            return;
        };
        shared.users -= 1;
        if shared.users == 0
            && let Some(shared) = self.in_use.remove(&id)
        {
            let until_ns = now_ns.saturating_add(self.linger_ns);
            self.lingering.push_back((until_ns, shared.region));
        }
    }

    /// Lets go what has lingered long enough.
    pub(super) fn expire(&mut self, now_ns: i64) {
        while self
            .lingering
            .front()
            .is_some_and(|(until_ns, _)| *until_ns <= now_ns)
        {
            self.lingering.pop_front();
        }
    }

    /// Lets go everything.
    pub(super) fn clear(&mut self) {
        self.in_use.clear();
        self.lingering.clear();
    }

    fn open(&self, path: &Path, names: &Names) -> Result<Region, ClientError> {
        let region = names.open(path).map_err(|source| ClientError::OpenLog {
            path: path.to_owned(),
            source,
        })?;
        if self.pre_touch {
            touch(&region);
        }
        Ok(region)
    }
}

/// Touches every page. Others write here already, so it must change nothing: 0 is exchanged for 0.
fn touch(region: &Region) {
    for offset in (0..region.len()).step_by(PAGE) {
        if let Ok(word) = region.word32(offset) {
            word.compare_and_set(0, 0);
        }
    }
}

const PAGE: usize = 4096;
