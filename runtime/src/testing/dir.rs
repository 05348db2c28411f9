//! A fresh directory per test, removed at its end, also when it fails.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// An empty directory of its own, removed with all its content when dropped.
#[derive(Debug)]
pub struct FreshDir {
    path: PathBuf,
}

impl FreshDir {
    /// A directory on the disk file system that the build directory is on: for durable files.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn on_disk(test: &str) -> Self {
        let executable = env::current_exe().expect("a test has an executable");
        // <target>/<profile>/deps/<binary>, or one level up for an example.
        let parent = executable
            .parent()
            .expect("an executable is in a directory");
        Self::make(&parent.join("tmp"), test)
    }

    /// A directory in `/dev/shm`: for shared memory. Where there is none, in the system's temporary directory.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn in_shm(test: &str) -> Self {
        let shm = Path::new("/dev/shm");
        if shm.is_dir() {
            Self::make(shm, test)
        } else {
            Self::make(&env::temp_dir(), test)
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    fn make(parent: &Path, test: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Relaxed: only the number's being another one matters.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("taranis-{test}-{}-{number}", process::id()));
        // What a killed process of that id left behind.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path)
            .unwrap_or_else(|error| panic!("create {}: {error}", path.display()));
        Self { path }
    }
}

impl Drop for FreshDir {
    fn drop(&mut self) {
        // A test that removed it, or moved it away, has nothing left to remove.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "creates directories")]
    fn is_removed_when_the_test_fails() {
        let path = std::panic::catch_unwind(|| {
            let directory = FreshDir::on_disk("removed");
            fs::write(directory.join("file"), b"content").unwrap();
            std::panic::panic_any(directory.path().to_owned());
        })
        .unwrap_err()
        .downcast::<PathBuf>()
        .unwrap();
        assert!(!path.exists());
    }

    #[test]
    #[cfg_attr(miri, ignore = "creates directories")]
    fn no_two_are_the_same() {
        let (first, second) = (FreshDir::in_shm("same"), FreshDir::in_shm("same"));
        assert_ne!(first.path(), second.path());
    }
}
