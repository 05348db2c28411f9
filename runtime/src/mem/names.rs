//! Shared memory by name: opening and creating the objects that processes meet in.
//!
//! An agent opens through [`Names`] in its cycle and creates through a chore, because creating may block. Start-up code
//! (`Setup`) may do both. The simulator puts heap blocks behind the same names.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use memmap2::MmapRaw;

use super::region::Region;

/// Where names of shared memory lead: the file system, or a simulated one.
///
/// Creating replaces the name: holders of the old object keep their memory, and nobody who opens the name later sees it.
pub trait NameSource: Send + Sync {
    /// Maps the whole object `path`, for reading and writing.
    ///
    /// # Errors
    /// As the system reports it; [`io::ErrorKind::InvalidData`] when the object is empty.
    fn open(&self, path: &Path) -> io::Result<Region>;

    /// Creates a zeroed object of `len` bytes, in place of one of that name.
    ///
    /// # Errors
    /// As the system reports it; a full file system is an error here, not a fault at the first touch, unless `sparse`.
    fn create(&self, path: &Path, len: usize, pages: Pages) -> io::Result<Region>;

    /// Removes the name. The memory stays with its holders.
    ///
    /// # Errors
    /// As the system reports it.
    fn unlink(&self, path: &Path) -> io::Result<()>;
}

/// Whether the pages of a new object are there from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Allocated at their first touch: creating is quick, but a touch on a full file system is a fatal signal.
    Sparse,
    /// Allocated and mapped now, so that no later touch can fail or stall.
    Populated,
}

/// The names an agent may open (see [`NameSource`]).
#[derive(Clone)]
pub struct Names {
    source: Arc<dyn NameSource>,
}

impl Names {
    /// Names that lead where `source` says.
    pub fn new(source: Arc<dyn NameSource>) -> Self {
        Self { source }
    }

    /// The names of the file system.
    pub fn of_files() -> Self {
        Self::new(Arc::new(FileNames))
    }

    /// Maps the whole existing object `path`, for reading and writing.
    ///
    /// # Errors
    /// As [`NameSource::open`].
    pub fn open(&self, path: &Path) -> io::Result<Region> {
        self.source.open(path)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// The names of the file system: `/dev/shm`, usually.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileNames;

impl NameSource for FileNames {
    fn open(&self, path: &Path) -> io::Result<Region> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.metadata()?.len() == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file is empty, so it can't be mapped",
            ));
        }
        Ok(Region::mapped(MmapRaw::map_raw(&file)?))
    }

    fn create(&self, path: &Path, len: usize, pages: Pages) -> io::Result<Region> {
        // Created under another name and renamed, so that nobody ever opens it at length 0, and so that a mapping of the
        // old object by another process stays whole.
        let staging = staging_name(path);
        let made = create_at(&staging, len, pages)
            .and_then(|region| fs::rename(&staging, path).map(|()| region));
        if made.is_err() {
            // The first error is the one to report; the staging file may not exist at all.
            let _ = fs::remove_file(&staging);
        }
        made
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

fn create_at(path: &Path, len: usize, pages: Pages) -> io::Result<Region> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o666)
        .open(path)?;
    file.set_len(len as u64)?;
    let map = MmapRaw::map_raw(&file)?;
    if pages == Pages::Populated {
        // Unlike a touch, this reports a full tmpfs as an error instead of SIGBUS.
        map.advise(memmap2::Advice::PopulateWrite)?;
    }
    Ok(Region::mapped(map))
}

fn staging_name(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh_directory(test: &str) -> std::path::PathBuf {
        let directory =
            std::env::temp_dir().join(format!("taranis-names-{}-{test}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    #[test]
    fn two_openers_share_and_a_replaced_object_stays_with_its_holders() {
        let directory = fresh_directory("replace");
        let path = directory.join("object");
        let first = FileNames.create(&path, 4096, Pages::Populated).unwrap();
        let opened = FileNames.open(&path).unwrap();
        first.word64(8).unwrap().store_release(42);
        assert_eq!(opened.word64(8).unwrap().load_acquire(), 42);

        let second = FileNames.create(&path, 8192, Pages::Sparse).unwrap();
        assert_eq!(second.word64(8).unwrap().load_acquire(), 0);
        assert_eq!(opened.word64(8).unwrap().load_acquire(), 42);
        assert_eq!(FileNames.open(&path).unwrap().len(), 8192);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn an_empty_or_absent_file_is_an_error() {
        let directory = fresh_directory("empty");
        let path = directory.join("object");
        assert_eq!(
            FileNames.open(&path).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        fs::write(&path, b"").unwrap();
        assert_eq!(
            FileNames.open(&path).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        fs::remove_dir_all(directory).unwrap();
    }
}
