//! The names of one host: directories, durable files and shared memory in one tree, as on a real one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use fastrand::Rng;

use super::inode::{Inode, SimFile};
use crate::{
    io::{Entry, IoFailure, Opening},
    mem::Region,
    sim::errno,
};

/// What a name leads to.
#[derive(Clone, Debug)]
enum Node {
    Directory,
    File(SimFile),
    /// A heap block; holders keep it when the name goes.
    Shared(Region),
}

/// A host's names. The root, and the empty path as the working directory, always exist.
///
/// Names of durable files survive a power cut when their directory was synced; directories always do; shared memory never.
#[derive(Debug, Default)]
pub(in crate::sim) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
    /// The names of durable files as the device has them.
    synced: BTreeMap<PathBuf, SimFile>,
}

/// Length that Linux reports for a directory of few entries.
const DIRECTORY_BYTES: u64 = 4096;

impl Tree {
    pub(in crate::sim) fn create_directory(&mut self, path: &Path) -> Result<(), IoFailure> {
        let above: Vec<_> = path.ancestors().filter(|path| !is_root(path)).collect();
        for directory in above.into_iter().rev() {
            match self.nodes.get(directory) {
                None => {
                    self.nodes.insert(directory.to_owned(), Node::Directory);
                }
                Some(Node::Directory) => {}
                Some(_) => return Err(errno(libc::ENOTDIR)),
            }
        }
        Ok(())
    }

    pub(in crate::sim) fn list(&self, path: &Path) -> Result<Vec<Entry>, IoFailure> {
        self.must_be_directory(path)?;
        let inside = self
            .nodes
            .iter()
            .filter(|(name, _)| name.parent() == Some(path));
        let mut entries: Vec<_> = inside
            .filter_map(|(name, node)| {
                Some(Entry {
                    name: name.file_name()?.to_str()?.to_owned(),
                    len: node.len(),
                })
            })
            .collect();
        entries.sort();
        Ok(entries)
    }

    /// Opens a durable file; a new one of some length needs that much of `room`.
    pub(in crate::sim) fn open_file(
        &mut self,
        path: &Path,
        opening: Opening,
        room: u64,
    ) -> Result<SimFile, IoFailure> {
        let there = match self.nodes.get(path) {
            Some(Node::File(file)) => Some(file.clone()),
            Some(Node::Directory) => return Err(errno(libc::EISDIR)),
            Some(Node::Shared(_)) => return Err(errno(libc::ENODEV)),
            None => None,
        };
        match (opening, there) {
            (Opening::New { .. }, Some(_)) => Err(errno(libc::EEXIST)),
            (Opening::Existing, None) => Err(errno(libc::ENOENT)),
            (Opening::Existing | Opening::OrEmpty, Some(file)) => Ok(file),
            (Opening::OrEmpty, None) => self.add(path, Inode::default()),
            (Opening::New { len }, None) if len > room => Err(errno(libc::ENOSPC)),
            (Opening::New { len }, None) => {
                let file = self.add(path, Inode::allocated(len))?;
                self.sync_directory_of(path);
                Ok(file)
            }
        }
    }

    /// Renames, replacing a target that is no directory, and syncs the directory.
    pub(in crate::sim) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), IoFailure> {
        self.must_have_directory(to)?;
        match (self.nodes.get(from), self.nodes.get(to)) {
            (None, _) => return Err(errno(libc::ENOENT)),
            (Some(Node::Directory), _) => return Err(errno(libc::EINVAL)),
            (_, Some(Node::Directory)) => return Err(errno(libc::EISDIR)),
            _ => {}
        }
        if let Some(node) = self.nodes.remove(from) {
            self.nodes.insert(to.to_owned(), node);
        }
        self.sync_directory_of(to);
        Ok(())
    }

    pub(in crate::sim) fn unlink(&mut self, path: &Path) -> Result<(), IoFailure> {
        match self.nodes.get(path) {
            None => Err(errno(libc::ENOENT)),
            Some(Node::Directory) => Err(errno(libc::EISDIR)),
            Some(_) => {
                self.nodes.remove(path);
                Ok(())
            }
        }
    }

    /// A heap block under a name, in place of what had it.
    pub(in crate::sim) fn create_shared(
        &mut self,
        path: &Path,
        len: usize,
    ) -> Result<Region, IoFailure> {
        self.must_have_directory(path)?;
        if let Some(Node::Directory) = self.nodes.get(path) {
            return Err(errno(libc::EISDIR));
        }
        if len == 0 {
            return Err(errno(libc::EINVAL));
        }
        let region = Region::heap(len);
        self.nodes
            .insert(path.to_owned(), Node::Shared(region.clone()));
        Ok(region)
    }

    pub(in crate::sim) fn open_shared(&self, path: &Path) -> Result<Region, IoFailure> {
        match self.nodes.get(path) {
            Some(Node::Shared(region)) => Ok(region.clone()),
            Some(Node::Directory) => Err(errno(libc::EISDIR)),
            // Durable files are never mapped by us.
            Some(Node::File(_)) => Err(errno(libc::ENODEV)),
            None => Err(errno(libc::ENOENT)),
        }
    }

    /// Bytes that its durable files take.
    pub(in crate::sim) fn used_bytes(&self) -> u64 {
        let files = self.nodes.values().filter_map(|node| match node {
            Node::File(file) => Some(file.with(|inode| inode.len())),
            Node::Directory | Node::Shared(_) => None,
        });
        files.sum()
    }

    /// The power fails: shared memory is gone, files are torn, and of each name whose directory was not synced the old or
    /// the new state is there, by seed.
    pub(in crate::sim) fn lose_power(&mut self, rng: &mut Rng) {
        self.nodes
            .retain(|_, node| !matches!(node, Node::Shared(_)));
        let names: BTreeSet<PathBuf> = self
            .nodes
            .keys()
            .chain(self.synced.keys())
            .cloned()
            .collect();
        for name in names {
            let old = self.synced.get(&name);
            let new = match self.nodes.get(&name) {
                Some(Node::Directory) => continue,
                Some(Node::File(file)) => Some(file),
                Some(Node::Shared(_)) | None => None,
            };
            let same = match (old, new) {
                (Some(old), Some(new)) => old.is_same(new),
                (None, None) => true,
                _ => false,
            };
            if same || rng.bool() {
                continue;
            }
            match old.cloned() {
                Some(file) => self.nodes.insert(name, Node::File(file)),
                None => self.nodes.remove(&name),
            };
        }
        self.synced.clear();
        for (name, node) in &self.nodes {
            if let Node::File(file) = node {
                file.with(|inode| inode.lose_power(rng));
                self.synced.insert(name.clone(), file.clone());
            }
        }
    }

    fn add(&mut self, path: &Path, inode: Inode) -> Result<SimFile, IoFailure> {
        self.must_have_directory(path)?;
        let file = SimFile::new(inode);
        self.nodes.insert(path.to_owned(), Node::File(file.clone()));
        Ok(file)
    }

    fn sync_directory_of(&mut self, path: &Path) {
        let directory = path.parent();
        self.synced.retain(|name, _| name.parent() != directory);
        for (name, node) in &self.nodes {
            if let (true, Node::File(file)) = (name.parent() == directory, node) {
                self.synced.insert(name.clone(), file.clone());
            }
        }
    }

    fn must_have_directory(&self, path: &Path) -> Result<(), IoFailure> {
        let parent = path.parent().ok_or_else(|| errno(libc::EISDIR))?;
        self.must_be_directory(parent)
    }

    fn must_be_directory(&self, path: &Path) -> Result<(), IoFailure> {
        match self.nodes.get(path) {
            Some(Node::Directory) => Ok(()),
            None if is_root(path) => Ok(()),
            Some(_) => Err(errno(libc::ENOTDIR)),
            None => Err(errno(libc::ENOENT)),
        }
    }
}

impl Node {
    fn len(&self) -> u64 {
        match self {
            Self::Directory => DIRECTORY_BYTES,
            Self::File(file) => file.with(|inode| inode.len()),
            Self::Shared(region) => region.len() as u64,
        }
    }
}

/// The root of absolute names, or of relative ones.
fn is_root(path: &Path) -> bool {
    path.parent().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.create_directory(Path::new("/data/node0")).unwrap();
        tree
    }

    fn errno_of<T>(result: Result<T, IoFailure>) -> Option<i32> {
        result.err().map(|failure| failure.errno)
    }

    #[test]
    fn refuses_as_linux_does() {
        let mut tree = tree();
        let (file, gone) = (Path::new("/data/node0/file"), Path::new("/gone/file"));
        let new = Opening::New { len: 8192 };
        assert_eq!(
            errno_of(tree.open_file(file, Opening::Existing, 0)),
            Some(libc::ENOENT)
        );
        assert_eq!(
            errno_of(tree.open_file(gone, new, u64::MAX)),
            Some(libc::ENOENT)
        );
        assert_eq!(
            errno_of(tree.open_file(file, new, 8191)),
            Some(libc::ENOSPC)
        );
        tree.open_file(file, new, 8192).unwrap();
        assert_eq!(
            errno_of(tree.open_file(file, new, u64::MAX)),
            Some(libc::EEXIST)
        );
        assert_eq!(errno_of(tree.list(file)), Some(libc::ENOTDIR));
        assert_eq!(errno_of(tree.list(gone)), Some(libc::ENOENT));
        assert_eq!(errno_of(tree.unlink(gone)), Some(libc::ENOENT));
        assert_eq!(errno_of(tree.open_shared(file)), Some(libc::ENODEV));
        assert_eq!(tree.used_bytes(), 8192);
    }

    #[test]
    fn lists_renames_and_replaces() {
        let mut tree = tree();
        let path = |name: &str| Path::new("/data/node0").join(name);
        tree.open_file(&path("b"), Opening::New { len: 7 }, 9)
            .unwrap();
        tree.open_file(&path("a"), Opening::OrEmpty, 0).unwrap();
        let first = tree.create_shared(&path("cnc"), 64).unwrap();
        let second = tree.create_shared(&path("cnc"), 128).unwrap();
        first.word64(0).unwrap().store_release(1);
        assert_eq!(second.word64(0).unwrap().load_acquire(), 0);
        assert_eq!(tree.open_shared(&path("cnc")).unwrap().len(), 128);
        tree.rename(&path("b"), &path("a")).unwrap();
        let entries = tree.list(Path::new("/data/node0/")).unwrap();
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| (&*entry.name, entry.len))
            .collect();
        assert_eq!(entries, [("a", 7), ("cnc", 128)]);
        assert_eq!(tree.list(Path::new("/")).unwrap().len(), 1);
    }

    #[test]
    fn a_power_cut_takes_shared_memory_and_perhaps_names_without_a_sync() {
        let mut seen = BTreeSet::new();
        for seed in 0..40 {
            let mut tree = tree();
            let path = |name: &str| Path::new("/data/node0").join(name);
            tree.create_shared(&path("cnc"), 64).unwrap();
            tree.open_file(&path("kept"), Opening::New { len: 1 }, 1)
                .unwrap();
            tree.open_file(&path("new"), Opening::OrEmpty, 0).unwrap();
            tree.open_file(&path("old"), Opening::New { len: 1 }, 1)
                .unwrap();
            tree.unlink(&path("old")).unwrap();
            tree.open_file(&path("newer"), Opening::OrEmpty, 0).unwrap();
            tree.lose_power(&mut Rng::with_seed(seed));
            let entries = tree.list(Path::new("/data/node0")).unwrap();
            let names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
            assert!(names.contains(&"kept".to_owned()) && names.contains(&"new".to_owned()));
            assert!(!names.contains(&"cnc".to_owned()));
            seen.insert(names);
        }
        assert_eq!(seen.len(), 4, "{seen:?}");
    }
}
