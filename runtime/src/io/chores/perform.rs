//! Chores with the operating system.

use std::{
    fs::{self, OpenOptions},
    io,
    net::{IpAddr, ToSocketAddrs},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::Path,
};

use super::{Chore, Entry, Opening};
use crate::{
    io::{
        files::{FileAccess, FileSource, FileToken},
        mail::Outcome,
        plain::bind::bind,
        setup::{Disk, OsDisk},
        socket::IoFailure,
    },
    mem::{FileNames, NameSource},
};

/// Does a chore now, on this thread.
pub(crate) fn perform(chore: Chore) -> Outcome {
    let outcome = match chore {
        Chore::CreateShared { path, len, pages } => {
            FileNames.create(&path, len, pages).map(Outcome::Region)
        }
        Chore::OpenShared { path } => FileNames.open(&path).map(Outcome::Region),
        Chore::OpenFile {
            path,
            access,
            opening,
        } => open_file(&path, access, opening).map(Outcome::File),
        Chore::Rename { from, to } => rename(&from, &to).map(|()| Outcome::Done),
        Chore::Unlink { path } => unlink(&path).map(|()| Outcome::Done),
        Chore::CreateDirectory { path } => fs::create_dir_all(path).map(|()| Outcome::Done),
        Chore::ZeroFrom { path, at } => OsDisk.zero_from(&path, at).map(|()| Outcome::Done),
        Chore::ReadDirectory { path } => read_directory(&path).map(Outcome::Entries),
        Chore::Free { region } => {
            drop(region);
            Ok(Outcome::Done)
        }
        Chore::Bind { local, options } => bind(local, &options).map(Outcome::Socket),
        Chore::Resolve { host } => resolve(&host).map(Outcome::Addresses),
    };
    outcome.unwrap_or_else(|error| Outcome::Failed(IoFailure::from(error)))
}

fn open_file(path: &Path, access: FileAccess, opening: Opening) -> io::Result<FileToken> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o666);
    if access == FileAccess::Direct {
        options.custom_flags(libc::O_DIRECT);
    }
    match opening {
        Opening::Existing => {}
        Opening::New { .. } => {
            options.create_new(true);
        }
        Opening::OrEmpty => {
            options.create(true);
        }
    }
    let file = options.open(path)?;
    if let Opening::New { len } = opening {
        allocate(&file, len)
            .and_then(|()| sync_directory_of(path))
            .inspect_err(|_| {
                // A file without its blocks must not be taken for one; the first error is the one to report.
                let _ = fs::remove_file(path);
            })?;
    }
    let len = file.metadata()?.len();
    Ok(FileToken {
        source: FileSource::Os(OwnedFd::from(file)),
        access,
        len,
    })
}

pub(crate) fn allocate(file: &impl AsRawFd, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let len = libc::off_t::try_from(len).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    // SAFETY: a system call on an open descriptor, without pointers.
    match unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory_of(to)
}

pub(crate) fn unlink(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[expect(
    clippy::disallowed_types,
    reason = "a chore is where the system's files are"
)]
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

pub(crate) fn read_directory(path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            entries.push(Entry {
                name,
                len: entry.metadata()?.len(),
            });
        }
    }
    entries.sort();
    Ok(entries)
}

fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    let addresses: Vec<IpAddr> = (host, 0)
        .to_socket_addrs()?
        .map(|address| address.ip())
        .collect();
    if addresses.is_empty() {
        return Err(io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
    }
    Ok(addresses)
}
