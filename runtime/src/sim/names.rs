//! Shared memory by name on a simulated host: heap blocks behind paths.

use std::{io, path::Path};

use super::{HostId, world::World};
use crate::mem::{NameSource, Pages, Region};

/// The names of one host. Objects outlive the process that made them, as those in `/dev/shm` do.
pub(super) struct HostNames {
    world: World,
    host: HostId,
}

impl HostNames {
    pub(super) fn new(world: World, host: HostId) -> Self {
        Self { world, host }
    }
}

impl NameSource for HostNames {
    fn open(&self, path: &Path) -> io::Result<Region> {
        let opened = self
            .world
            .with(|world| world.host(self.host).tree.open_shared(path));
        opened.map_err(io::Error::from)
    }

    fn create(&self, path: &Path, len: usize, _pages: Pages) -> io::Result<Region> {
        let created = self
            .world
            .with(|world| world.create_shared(self.host, path, len));
        created.map_err(io::Error::from)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let unlinked = self
            .world
            .with(|world| world.host_mut(self.host).tree.unlink(path));
        unlinked.map_err(io::Error::from)
    }
}
