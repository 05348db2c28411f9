//! Durable files at start, synchronously: what an owner of files does before its agents have their first turn.
//!
//! Reading one's own durable files (a catalog and its repair, a recording log) happens before the first turn, so it may
//! block and needs no tickets. From the first turn on, everything goes through [`FileOps`](super::FileOps).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::chores::{Entry, allocate, read_directory, sync_directory_of, unlink};

/// Durable files by name, for start-up code: the system's ([`OsDisk`]), in memory ([`MemoryDisk`]), or the simulator's.
///
/// Every call may block. Nothing here is for a duty cycle.
pub trait Disk {
    /// The whole content of a file.
    ///
    /// # Errors
    /// As the system reports it.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Reads what there is from byte `at` on, at most the buffer's length; returns how much.
    ///
    /// # Errors
    /// As the system reports it.
    fn read_at(&self, path: &Path, at: u64, into: &mut [u8]) -> io::Result<usize>;

    /// The files of a directory, in order of name.
    ///
    /// # Errors
    /// As the system reports it.
    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>>;

    /// Creates a directory and its parents; one that is there already is no error.
    ///
    /// # Errors
    /// As the system reports it.
    fn create_directory(&mut self, path: &Path) -> io::Result<()>;

    /// Creates a file of `len` bytes that begins with `bytes` and goes on with zeros. Its blocks are allocated; content and
    /// name survive a power cut.
    ///
    /// # Errors
    /// As the system reports it; [`io::ErrorKind::AlreadyExists`] for a name that is taken.
    fn create(&mut self, path: &Path, bytes: &[u8], len: u64) -> io::Result<()>;

    /// Writes into a file, making it longer where the bytes reach beyond its end. Survives a power cut after
    /// [`Self::sync`].
    ///
    /// # Errors
    /// As the system reports it.
    fn write_at(&mut self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything from byte `at` to the end of the file zero. Length and allocated blocks stay. Survives a power cut
    /// after [`Self::sync`].
    ///
    /// # Errors
    /// As the system reports it.
    fn zero_from(&mut self, path: &Path, at: u64) -> io::Result<()>;

    /// Makes what was written to a file survive a power cut.
    ///
    /// # Errors
    /// As the system reports it.
    fn sync(&mut self, path: &Path) -> io::Result<()>;

    /// Removes a name; one that does not exist counts as removed.
    ///
    /// # Errors
    /// As the system reports it.
    fn remove(&mut self, path: &Path) -> io::Result<()>;

    /// A number that is another one after each start of the machine, and so tells whether what processes wrote without
    /// syncing can have been lost. `None` where the system does not say.
    fn boot_id(&self) -> Option<u128>;
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_at(&self, path: &Path, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = OpenOptions::new().read(true).open(path)?;
        let mut done = 0;
        while done < into.len() {
            match file.read_at(&mut into[done..], at + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        read_directory(directory)
    }

    fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create(&mut self, path: &Path, bytes: &[u8], len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        allocate(&file, len)
            .and_then(|()| file.write_all_at(bytes, 0))
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_directory_of(path))
            .inspect_err(|_| {
                // A file without its content must not be taken for one; the first error is the one to report.
                let _ = fs::remove_file(path);
            })
    }

    fn write_at(&mut self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.write_all_at(bytes, at)
    }

    fn zero_from(&mut self, path: &Path, at: u64) -> io::Result<()> {
        // Only what is not zero is written: blocks stay allocated, holes stay holes, and a full disk is no obstacle.
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut chunk = vec![0; 1 << 20];
        let mut from = at;
        loop {
            let count = file.read_at(&mut chunk, from)?;
            if count == 0 {
                return Ok(());
            }
            for (page, bytes) in (from..)
                .step_by(ZERO_BYTES)
                .zip(chunk[..count].chunks(ZERO_BYTES))
            {
                if bytes.iter().any(|byte| *byte != 0) {
                    file.write_all_at(&[0; ZERO_BYTES][..bytes.len()], page)?;
                }
            }
            from += count as u64;
        }
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.sync_all()
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        unlink(path)
    }

    fn boot_id(&self) -> Option<u128> {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        u128::from_str_radix(&text.trim().replace('-', ""), 16).ok()
    }
}

/// Bytes that are made zero in one write.
const ZERO_BYTES: usize = 4096;

/// Files in memory, for tests: nothing is ever lost.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    files: BTreeMap<PathBuf, Vec<u8>>,
    directories: BTreeSet<PathBuf>,
    /// What [`Disk::boot_id`] says.
    pub boot: Option<u128>,
}

impl MemoryDisk {
    fn file(&self, path: &Path) -> io::Result<&Vec<u8>> {
        self.files
            .get(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file_mut(&mut self, path: &Path) -> io::Result<&mut Vec<u8>> {
        self.files
            .get_mut(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.file(path).cloned()
    }

    fn read_at(&self, path: &Path, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = self.file(path)?;
        let there = file.get(in_memory(at)?..).unwrap_or_default();
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
        Ok(count)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<Entry>> {
        if !self.directories.contains(directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let inside = self.files.iter().filter_map(|(path, bytes)| {
            let name = path.file_name()?.to_str()?.to_owned();
            let len = bytes.len() as u64;
            (path.parent() == Some(directory)).then_some(Entry { name, len })
        });
        Ok(inside.collect())
    }

    fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        self.directories
            .extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn create(&mut self, path: &Path, bytes: &[u8], len: u64) -> io::Result<()> {
        if self.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut content = bytes.to_vec();
        content.resize(in_memory(len)?.max(bytes.len()), 0);
        self.files.insert(path.to_owned(), content);
        Ok(())
    }

    fn write_at(&mut self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        let at = in_memory(at)?;
        let file = self.file_mut(path)?;
        if file.len() < at + bytes.len() {
            file.resize(at + bytes.len(), 0);
        }
        file[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn zero_from(&mut self, path: &Path, at: u64) -> io::Result<()> {
        let at = in_memory(at)?;
        if let Some(tail) = self.file_mut(path)?.get_mut(at..) {
            tail.fill(0);
        }
        Ok(())
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        self.file(path).map(|_| ())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.files.remove(path);
        Ok(())
    }

    fn boot_id(&self) -> Option<u128> {
        self.boot
    }
}

fn in_memory(at: u64) -> io::Result<usize> {
    usize::try_from(at).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dir::FreshDir;

    /// The conformance of disks: the same story on each.
    fn tells_the_same_story(disk: &mut dyn Disk, root: &Path) {
        let (folder, path) = (root.join("a/b"), root.join("a/b/file"));
        assert!(disk.list(&folder).is_err());
        disk.create_directory(&folder).unwrap();
        disk.create_directory(&folder).unwrap();
        disk.create(&path, b"head", 8192).unwrap();
        let again = disk.create(&path, b"other", 8).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);

        disk.write_at(&path, 4096, &[7; 4100]).unwrap();
        disk.sync(&path).unwrap();
        let listed = disk.list(&folder).unwrap();
        let name = "file".to_owned();
        assert_eq!(listed, [Entry { name, len: 8196 }]);

        disk.zero_from(&path, 4100).unwrap();
        disk.zero_from(&path, 9000).unwrap();
        let all = disk.read(&path).unwrap();
        assert_eq!(all.len(), 8196);
        assert_eq!(all[..5], *b"head\0");
        assert_eq!(all[4096..4101], [7, 7, 7, 7, 0]);
        let mut part = [9; 16];
        assert_eq!(disk.read_at(&path, 8190, &mut part).unwrap(), 6);
        assert_eq!(disk.read_at(&path, 9000, &mut part).unwrap(), 0);

        disk.remove(&path).unwrap();
        disk.remove(&path).unwrap();
        let missing = disk.read(&path).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(disk.write_at(&path, 0, b"x").is_err());
    }

    #[test]
    fn memory_behaves_as_the_file_system_does() {
        tells_the_same_story(&mut MemoryDisk::default(), Path::new("/files"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "creates directories")]
    fn the_file_system_behaves_as_described() {
        let directory = FreshDir::on_disk("setup");
        tells_the_same_story(&mut OsDisk, directory.path());
        assert_eq!(OsDisk.boot_id(), OsDisk.boot_id());
    }
}
