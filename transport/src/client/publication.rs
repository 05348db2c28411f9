//! A publication that may be shared (spec 05 §3).

use std::sync::Arc;

use taranis_runtime::mem::Word64;

use super::{
    error::ClientError,
    lifeline::Lifeline,
    link::{Link, Stream},
    status::{self, ChannelStatus},
};
use crate::log::{Claim, ConcurrentAppender, Latch, Refused, ReservedValueSupplier, Shape, Status};

/// A publication: messages of any threads, through any number of clones, in one stream. The last clone to be dropped gives it
/// back to the driver.
///
/// Offering takes no lock, makes no system call and allocates nothing. Its result says whether the message is in the stream;
/// whoever ignores it is warned by the compiler.
#[derive(Clone, Debug)]
pub struct Publication {
    appender: ConcurrentAppender,
    limit: Word64,
    closed: Latch,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    facts: PublicationFacts,
    shape: Shape,
    status: Status,
    lifeline: Lifeline,
    link: Arc<Link>,
}

/// What the driver said of a publication.
#[derive(Clone, Debug)]
pub(super) struct PublicationFacts {
    pub(super) stream: Stream,
    pub(super) session_id: i32,
    pub(super) registration_id: i64,
    pub(super) original_registration_id: i64,
    pub(super) limit_counter_id: i32,
    pub(super) channel_status_id: i32,
}

impl Publication {
    pub(super) fn new(
        log: &crate::log::LogBuffer,
        limit: Word64,
        facts: PublicationFacts,
        lifeline: Lifeline,
        link: Arc<Link>,
    ) -> Result<Self, crate::log::LogError> {
        let appender = log.concurrent_appender()?;
        let (shape, status) = (*log.shape(), log.status().clone());
        Ok(Self {
            appender,
            limit,
            closed: lifeline.latch().clone(),
            shared: Arc::new(Shared {
                facts,
                shape,
                status,
                lifeline,
                link,
            }),
        })
    }

    /// Appends a message. Returns the position behind it.
    ///
    /// # Errors
    /// [`Refused`]: nothing was appended; [`Refused::is_temporary`] says whether trying again may help.
    #[inline]
    pub fn offer(&self, message: &[u8]) -> Result<i64, Refused> {
        self.appender.offer(message, self.open_limit()?)
    }

    /// As [`Publication::offer`]; the supplier gives each frame its reserved value.
    ///
    /// # Errors
    /// As [`Publication::offer`].
    pub fn offer_with(
        &self,
        message: &[u8],
        supplier: ReservedValueSupplier<'_>,
    ) -> Result<i64, Refused> {
        self.appender
            .offer_with(message, self.open_limit()?, supplier)
    }

    /// Appends several parts as one message.
    ///
    /// # Errors
    /// As [`Publication::offer`].
    pub fn offer_parts(&self, parts: &[&[u8]]) -> Result<i64, Refused> {
        self.appender.offer_parts(parts, self.open_limit()?, None)
    }

    /// Claims room for a message of one frame, to be written in place. Dropping the claim gives the room up.
    ///
    /// # Errors
    /// As [`Publication::offer`].
    #[inline]
    pub fn try_claim(&self, length: usize) -> Result<Claim<'_>, Refused> {
        self.appender.try_claim(length, self.open_limit()?)
    }

    /// Position behind everything appended or claimed so far, by anyone; `None` once it is closed.
    pub fn position(&self) -> Option<i64> {
        (!self.is_closed()).then(|| self.appender.position())
    }

    /// Up to where messages may begin now; `None` once it is closed.
    pub fn position_limit(&self) -> Option<i64> {
        (!self.is_closed()).then(|| self.limit.load_acquire())
    }

    /// How far the limit is away, possibly negative; `None` once it is closed.
    pub fn available_window(&self) -> Option<i64> {
        Some(
            self.position_limit()?
                .saturating_sub(self.appender.position()),
        )
    }

    /// Whether somebody subscribes.
    pub fn is_connected(&self) -> bool {
        !self.is_closed() && self.shared.status.is_connected()
    }

    /// Longest message.
    pub fn max_message_length(&self) -> usize {
        self.appender.max_message_length()
    }

    /// Longest message that is one frame.
    pub fn max_payload_length(&self) -> usize {
        self.appender.max_payload_length()
    }

    /// The log's arithmetic: term length, initial term id.
    pub fn shape(&self) -> &Shape {
        &self.shared.shape
    }

    /// The channel, as it was given.
    pub fn channel(&self) -> &str {
        &self.shared.facts.stream.channel
    }

    /// The stream.
    pub fn stream_id(&self) -> i32 {
        self.shared.facts.stream.stream_id
    }

    /// The session.
    pub fn session_id(&self) -> i32 {
        self.shared.facts.session_id
    }

    /// Names this client's add.
    pub fn registration_id(&self) -> i64 {
        self.shared.facts.registration_id
    }

    /// Names the first add of this stream in the driver.
    pub fn original_registration_id(&self) -> i64 {
        self.shared.facts.original_registration_id
    }

    /// Whether this client's add was the first of this stream.
    pub fn is_original(&self) -> bool {
        self.registration_id() == self.original_registration_id()
    }

    /// Counter of the limit.
    pub fn position_limit_id(&self) -> i32 {
        self.shared.facts.limit_counter_id
    }

    /// Counter of the channel's status; −1 where there is none.
    pub fn channel_status_id(&self) -> i32 {
        self.shared.facts.channel_status_id
    }

    /// State of the channel's socket.
    pub fn channel_status(&self) -> ChannelStatus {
        status::channel_status(
            &self.shared.link.counters,
            self.channel_status_id(),
            self.is_closed(),
        )
    }

    /// Addresses its socket is bound to, once the channel is active.
    pub fn local_socket_addresses(&self) -> Vec<String> {
        status::local_socket_addresses(
            &self.shared.link.counters,
            self.channel_status_id(),
            self.channel_status(),
        )
    }

    /// Whether it was closed, by an owner or with its client.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.closed.is_closed()
    }

    /// Closes it now, for all clones.
    pub fn close(&self) {
        self.shared.give_back();
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.shared.link
    }

    pub(super) fn ensure_open(&self) -> Result<(), ClientError> {
        if self.is_closed() {
            Err(ClientError::HandleClosed("Publication"))
        } else {
            Ok(())
        }
    }

    /// The limit is read before the log is looked at: it says that the room ahead was zeroed.
    #[inline]
    fn open_limit(&self) -> Result<i64, Refused> {
        if self.is_closed() {
            return Err(Refused::Closed);
        }
        Ok(self.limit.load_acquire())
    }
}

impl Shared {
    fn give_back(&self) {
        self.lifeline.give_back(&self.link.signals, false);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.give_back();
    }
}
