//! An answer that is still to come.

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::{conductor, error::ClientError};

/// What was asked of the driver and is not answered yet: polled, once per turn, until it is.
///
/// Dropping it gives up: a publication, subscription or counter that still comes is given back to the driver.
///
/// The client's conductor needs its turns for an answer to come; it also bounds the wait by the driver timeout. Who owns its
/// thread may [`Pending::wait`].
#[derive(Debug)]
#[must_use = "dropping it gives the request up"]
pub struct Pending<T> {
    registration_id: i64,
    answer: Receiver<Result<T, ClientError>>,
}

impl<T> Pending<T> {
    pub(super) fn new(registration_id: i64) -> (Reply<T>, Self) {
        let (reply, answer) = bounded(1);
        (
            Reply(reply),
            Self {
                registration_id,
                answer,
            },
        )
    }

    /// The id of the request, and of what it creates.
    pub fn registration_id(&self) -> i64 {
        self.registration_id
    }

    /// The answer if it is there; once only.
    ///
    /// # Errors
    /// What the driver or the conductor says instead; [`ClientError::Closed`] when the client is gone, and after the answer
    /// was taken.
    pub fn poll(&mut self) -> Result<Option<T>, ClientError> {
        match self.answer.try_recv() {
            Ok(answer) => answer.map(Some),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(ClientError::Closed),
        }
    }

    /// Waits for the answer, and calls `crank` meanwhile: it gives the conductor (and whoever else shares the caller's
    /// thread) a turn, or sleeps where the conductor has a thread of its own. Never from an agent.
    ///
    /// # Errors
    /// As [`Self::poll`], and what `crank` says; [`ClientError::Reentrant`] in one of the client's handlers: the answer could
    /// never come there.
    pub fn wait(
        mut self,
        mut crank: impl FnMut() -> Result<(), ClientError>,
    ) -> Result<T, ClientError> {
        if conductor::is_in_turn() {
            return Err(ClientError::Reentrant);
        }
        loop {
            if let Some(answer) = self.poll()? {
                return Ok(answer);
            }
            crank()?;
        }
    }
}

/// The other end of a [`Pending`].
#[derive(Debug)]
pub(super) struct Reply<T>(Sender<Result<T, ClientError>>);

impl<T> Reply<T> {
    /// Hands the answer over. If nobody waits any more it is dropped, which gives back what it holds.
    pub(super) fn done(self, answer: T) {
        // The queue has room for the one answer; it fails only when the other end is gone.
        let _ = self.0.try_send(Ok(answer));
    }

    pub(super) fn fail(self, error: ClientError) {
        let _ = self.0.try_send(Err(error));
    }
}
