//! What an application is told, on the conductor's thread (spec 05 §1.8, §1.9).
//!
//! No lock is held meanwhile, so a handler may ask for things and close things. It can't wait for answers there, and it must
//! not block: the client's heartbeat waits for it. A panic of a handler closes everything the
//! client gave out, and goes on to the top of the conductor's thread.

use std::{fmt, net::SocketAddr};

use crate::{
    client::{
        counter::{CounterEvent, CounterListener},
        error::ClientError,
        image::{ImageHandler, ImageHandlers, ImageInfo},
    },
    command::{ErrorCode, PublicationError},
};

/// An error that a receiver sent about a publication of this client: its image was rejected, for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationErrorFrame {
    /// Original registration id of the publication.
    pub registration_id: i64,
    /// The destination it came from, if that was added by hand.
    pub destination_id: Option<i64>,
    /// Session of the publication.
    pub session_id: i32,
    /// Stream of the publication.
    pub stream_id: i32,
    /// The receiver; −1 for IPC.
    pub receiver_id: i64,
    /// Group tag of the receiver, if it has one.
    pub group_tag: Option<i64>,
    /// Where it came from, if known.
    pub source: Option<SocketAddr>,
    /// Why.
    pub code: ErrorCode,
    /// Why, in the receiver's words.
    pub text: String,
}

/// Is told of errors that no call returns.
pub type ErrorHandler = Box<dyn FnMut(&ClientError) + Send>;

/// Is told of errors that receivers sent.
pub type PublicationErrorHandler = Box<dyn FnMut(&PublicationErrorFrame) + Send>;

/// Handlers of a client. Where there is none, errors are logged and the rest is dropped.
#[derive(Default)]
pub struct Handlers {
    /// Errors that no call returns: time-outs, log buffers that can't be mapped.
    pub error: Option<ErrorHandler>,
    /// Called for subscriptions without a handler of their own.
    pub available_image: Option<ImageHandler>,
    /// Called for subscriptions without a handler of their own.
    pub unavailable_image: Option<ImageHandler>,
    /// All counters of the driver that come and go.
    pub counters: Option<CounterListener>,
    /// Errors that receivers sent, once per publication of this client that it concerns.
    pub publication_error: Option<PublicationErrorHandler>,
    /// The client is at its end, whatever ended it.
    pub close: Option<Box<dyn FnOnce() + Send>>,
}

impl Handlers {
    pub(super) fn error(&mut self, error: &ClientError) {
        match &mut self.error {
            Some(handler) => handler(error),
            None => tracing::error!("aeron client: {error}"),
        }
    }

    pub(super) fn available_image(&mut self, own: &mut ImageHandlers, image: &ImageInfo) {
        if let Some(handler) = own.available.as_mut().or(self.available_image.as_mut()) {
            handler(image);
        }
    }

    pub(super) fn unavailable_image(&mut self, own: &mut ImageHandlers, image: &ImageInfo) {
        if let Some(handler) = own.unavailable.as_mut().or(self.unavailable_image.as_mut()) {
            handler(image);
        }
    }

    pub(super) fn publication_error(&mut self, error: &PublicationError<'_>) {
        if let Some(handler) = &mut self.publication_error {
            handler(&PublicationErrorFrame {
                registration_id: error.registration_id,
                destination_id: error.destination_id,
                session_id: error.session_id,
                stream_id: error.stream_id,
                receiver_id: error.receiver_id,
                group_tag: error.group_tag,
                source: error.source,
                code: error.code,
                text: String::from_utf8_lossy(error.text).into_owned(),
            });
        }
    }

    pub(super) fn close(&mut self) {
        if let Some(handler) = self.close.take() {
            handler();
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers").finish_non_exhaustive()
    }
}

/// Listeners to counters: the one of the client's handlers, and those added later.
#[derive(Default)]
pub(super) struct CounterListeners(Vec<(i64, CounterListener)>);

impl CounterListeners {
    pub(super) fn add(&mut self, id: i64, listener: CounterListener) {
        self.0.push((id, listener));
    }

    pub(super) fn remove(&mut self, id: i64) {
        self.0.retain(|(other, _)| *other != id);
    }

    pub(super) fn tell(&mut self, event: CounterEvent) {
        for (_, listener) in &mut self.0 {
            listener(event);
        }
    }
}

impl fmt::Debug for CounterListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} counter listeners", self.0.len())
    }
}
