//! Opening the catalog at start, or creating it.

use std::{
    io,
    path::{Path, PathBuf},
};

use taranis_runtime::io::Disk;

use super::{
    file::{Changes, Step},
    index::Catalog,
    layout::{self, BadCatalog, FILE_NAME},
};
use crate::checksum::Checksum;

/// An archive's catalog can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is no catalog, or a damaged one.
    #[error("{path}: {problem}")]
    Bad {
        /// The file.
        path: PathBuf,
        /// Where, and what was expected.
        problem: BadCatalog,
    },
}

/// Reads the catalog of an archive's directory; creates it, and the directory, where there is none. One that is shorter
/// than `capacity` is made as long.
///
/// # Errors
/// [`CatalogError`], with the path, and with the offset for a damaged file. A damaged file is not touched.
pub fn open(
    disk: &mut dyn Disk,
    directory: &Path,
    capacity: u64,
    checksum: Option<Checksum>,
) -> Result<Catalog, CatalogError> {
    let path = directory.join(FILE_NAME);
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| CatalogError::Io { path, error }
    };
    disk.create_directory(directory).map_err(at(directory))?;
    let bytes = match disk.read(&path) {
        Ok(bytes) if bytes.iter().any(|byte| *byte != 0) => bytes,
        // Nothing, or zeros, are what a creation leaves that was cut short.
        Ok(_) => {
            disk.remove(&path).map_err(at(&path))?;
            return create(disk, &path, capacity, checksum).map_err(at(&path));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return create(disk, &path, capacity, checksum).map_err(at(&path));
        }
        Err(error) => return Err(at(&path)(error)),
    };
    let mut catalog = Catalog::decode(&bytes, checksum).map_err(|problem| CatalogError::Bad {
        path: path.clone(),
        problem,
    })?;
    let capacity = capacity.min(layout::CAPACITY_MAX);
    if catalog.capacity < capacity {
        disk.write_at(&path, capacity - 1, &[0])
            .map_err(at(&path))?;
        catalog.capacity = capacity;
    }
    Ok(catalog)
}

/// Writes changes at start, before the first turn; sync the file afterwards.
///
/// # Errors
/// As the system reports it.
pub(super) fn write(disk: &mut dyn Disk, path: &Path, changes: Changes) -> io::Result<()> {
    for step in changes.into_steps() {
        match step {
            Step::Write { at, bytes } => disk.write_at(path, at, &bytes)?,
            // Nothing that happens at start moves entries.
            Step::Rewrite { .. } => return Err(io::ErrorKind::Unsupported.into()),
        }
    }
    Ok(())
}

fn create(
    disk: &mut dyn Disk,
    path: &Path,
    capacity: u64,
    checksum: Option<Checksum>,
) -> io::Result<Catalog> {
    let catalog = Catalog::new(capacity, checksum);
    let header = layout::encode_header(catalog.next_recording_id);
    disk.create(path, &header, catalog.capacity)?;
    Ok(catalog)
}
