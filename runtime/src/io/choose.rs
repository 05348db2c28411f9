//! Choosing a thread's backend: io_uring where the kernel gives it, plain system calls elsewhere.

use super::{
    chores::ChoreCounter,
    plain::PlainBackend,
    uring::{DormantRing, RingBackend, RingRefused, RingSizes},
};
use crate::{invoker::BackendMaker, mem::Names};

/// Which backend is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// io_uring, or plain system calls where the kernel refuses it: with one warning that names the cause.
    #[default]
    Auto,
    /// io_uring or nothing.
    Ring,
    /// Plain system calls.
    Plain,
}

/// Makes the backends of a node's threads, all of one kind.
///
/// ```
/// use taranis_runtime::{io::{BackendChoice, Backends}, mem::Names};
///
/// let backends = Backends::choose(BackendChoice::Auto)?;
/// let maker = backends.maker(Names::of_files(), None)?;
/// assert!(["io_uring", "plain"].contains(&maker().kind()));
/// # Ok::<(), taranis_runtime::io::uring::RingRefused>(())
/// ```
#[derive(Clone, Debug)]
pub struct Backends {
    sizes: Option<RingSizes>,
    refusal: Option<RingRefused>,
}

impl Backends {
    /// Asks the kernel once, for the whole node.
    ///
    /// # Errors
    /// [`RingRefused`] for [`BackendChoice::Ring`] where the kernel gives none.
    pub fn choose(choice: BackendChoice) -> Result<Self, RingRefused> {
        let sizes = RingSizes::default();
        let plain = Self {
            sizes: None,
            refusal: None,
        };
        if choice == BackendChoice::Plain {
            return Ok(plain);
        }
        match DormantRing::create(sizes) {
            Ok(_) => Ok(Self {
                sizes: Some(sizes),
                ..plain
            }),
            Err(refusal) if choice == BackendChoice::Auto => {
                tracing::warn!("{refusal}; running on plain system calls");
                Ok(Self {
                    refusal: Some(refusal),
                    ..plain
                })
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// `io_uring` or `plain`.
    pub fn kind(&self) -> &'static str {
        match self.sizes {
            Some(_) => "io_uring",
            None => "plain",
        }
    }

    /// Why it is not io_uring, where that was wanted.
    pub fn refusal(&self) -> Option<&RingRefused> {
        self.refusal.as_ref()
    }

    /// The maker of one thread's backend. A ring is created here, so that a refusal is known at once, and bound to the
    /// thread that calls the maker. Without a counter, chores are done inline.
    ///
    /// # Errors
    /// [`RingRefused`] when the kernel gives no further ring (memory, open files), though it gave one before.
    pub fn maker(
        &self,
        names: Names,
        chores: Option<ChoreCounter>,
    ) -> Result<BackendMaker, RingRefused> {
        let Some(sizes) = self.sizes else {
            return Ok(Box::new(move || Box::new(PlainBackend::new(names, chores))));
        };
        let ring = DormantRing::create(sizes)?;
        Ok(Box::new(move || {
            let backend = RingBackend::new(ring, names, chores);
            Box::new(backend.expect("a ring that was granted and not enabled can be enabled"))
        }))
    }
}
