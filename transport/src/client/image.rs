//! One publication as a subscription sees it (spec 05 §4.2–§4.4).

use std::{fmt, sync::Arc};

use taranis_runtime::mem::{Region, Word32, Word64};

use super::{
    error::ClientError,
    link::{Ask, Link},
    pending::Pending,
};
use crate::log::{Action, Block, Fragment, Frames, ImageAssembler, Latch, Reader, Shape, Status};

/// What is called, on the conductor's thread, when a subscription gets or loses an image. It must not block: the client's
/// heartbeat waits for it. It may ask for things, but it can't wait for them there.
pub type ImageHandler = Box<dyn FnMut(&ImageInfo) + Send>;

/// Handlers of one subscription; where there is none, the client's is called.
#[derive(Default)]
pub struct ImageHandlers {
    /// An image is there. It may be polled before this is called.
    pub available: Option<ImageHandler>,
    /// An image is gone; what it says are its last values.
    pub unavailable: Option<ImageHandler>,
}

impl fmt::Debug for ImageHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageHandlers")
            .field("available", &self.available.is_some())
            .field("unavailable", &self.unavailable.is_some())
            .finish()
    }
}

/// One image of a subscription, as its poller holds it.
///
/// Whole messages come from [`Image::poll`] and [`Image::controlled_poll`]; what is named after fragments or blocks gives
/// what stands in the log. Looking ([`Image::frames`], [`Image::block`]) and moving on ([`Image::commit`]) are apart, so that
/// several blocks can be in flight. Use one kind on an image, not several in turn.
#[derive(Debug)]
pub struct Image {
    reader: Reader,
    assembler: ImageAssembler,
    info: ImageInfo,
}

impl Image {
    pub(super) fn new(reader: Reader, info: ImageInfo) -> Self {
        Self {
            reader,
            assembler: ImageAssembler::default(),
            info,
        }
    }

    /// What it is an image of; may be kept and shared.
    pub fn info(&self) -> &ImageInfo {
        &self.info
    }

    /// Whether it can bring nothing more.
    pub fn is_closed(&self) -> bool {
        self.info.is_closed()
    }

    /// Everything before is consumed; the last position once it is closed.
    pub fn position(&self) -> i64 {
        self.info.position()
    }

    /// Gives whole messages to the handler, from at most `fragment_limit` fragments; returns how many fragments it took.
    ///
    /// A panic of the handler leaves its message consumed.
    pub fn poll(&mut self, fragment_limit: usize, mut handler: impl FnMut(Fragment<'_>)) -> usize {
        let Self {
            reader, assembler, ..
        } = self;
        reader.poll(fragment_limit, |fragment| {
            assembler.on_fragment(fragment, &mut handler);
        })
    }

    /// As [`Image::poll`]; the handler says how to go on. An aborted message comes again, whole.
    pub fn controlled_poll(
        &mut self,
        fragment_limit: usize,
        mut handler: impl FnMut(Fragment<'_>) -> Action,
    ) -> usize {
        self.bounded_controlled_poll(i64::MAX, fragment_limit, &mut handler)
    }

    /// As [`Image::controlled_poll`], of fragments that begin before `limit_position`.
    pub fn bounded_controlled_poll(
        &mut self,
        limit_position: i64,
        fragment_limit: usize,
        mut handler: impl FnMut(Fragment<'_>) -> Action,
    ) -> usize {
        let Self {
            reader, assembler, ..
        } = self;
        reader.bounded_controlled_poll(limit_position, fragment_limit, |fragment| {
            assembler.on_controlled_fragment(fragment, &mut handler)
        })
    }

    /// Gives raw fragments to the handler, as they stand in the log: a message longer than a frame comes in pieces, told by
    /// their flags.
    pub fn poll_fragments(
        &mut self,
        fragment_limit: usize,
        handler: impl FnMut(Fragment<'_>),
    ) -> usize {
        self.reader.poll(fragment_limit, handler)
    }

    /// As [`Image::poll_fragments`], of fragments that begin before `limit_position`.
    pub fn bounded_poll_fragments(
        &mut self,
        limit_position: i64,
        fragment_limit: usize,
        handler: impl FnMut(Fragment<'_>),
    ) -> usize {
        self.reader
            .bounded_poll(limit_position, fragment_limit, handler)
    }

    /// As [`Image::poll_fragments`]; the handler says how to go on.
    pub fn controlled_poll_fragments(
        &mut self,
        fragment_limit: usize,
        handler: impl FnMut(Fragment<'_>) -> Action,
    ) -> usize {
        self.reader.controlled_poll(fragment_limit, handler)
    }

    /// As [`Image::controlled_poll_fragments`], of fragments that begin before `limit_position`.
    pub fn bounded_controlled_poll_fragments(
        &mut self,
        limit_position: i64,
        fragment_limit: usize,
        handler: impl FnMut(Fragment<'_>) -> Action,
    ) -> usize {
        self.reader
            .bounded_controlled_poll(limit_position, fragment_limit, handler)
    }

    /// Gives one run of whole frames, headers included, to the handler, and moves past it; returns its length in bytes.
    pub fn block_poll(&mut self, limit_bytes: usize, handler: impl FnOnce(&Block<'_>)) -> usize {
        self.reader.block_poll(limit_bytes, handler)
    }

    /// Looks at the fragments from the position on; moves nothing.
    pub fn frames(&self) -> Frames<'_> {
        self.reader.frames()
    }

    /// Looks at a run of whole frames from `position` on, at most `limit_bytes` long; moves nothing.
    pub fn block(&self, position: i64, limit_bytes: usize) -> Option<Block<'_>> {
        self.reader.block(position, limit_bytes)
    }

    /// Moves the position up to there: what lies before may be overwritten from now on.
    pub fn commit(&mut self, position: i64) {
        self.reader.commit(position);
    }
}

/// What an image is, and how far it got: for any thread, also after the image is gone.
#[derive(Clone)]
pub struct ImageInfo(Arc<Shared>);

struct Shared {
    facts: ImageFacts,
    shape: Shape,
    mtu: i32,
    join_position: i64,
    position: Word64,
    status: Status,
    latch: Latch,
    last: LastValues,
    link: Arc<Link>,
}

/// What the driver said of an image.
#[derive(Clone, Debug)]
pub(super) struct ImageFacts {
    pub(super) correlation_id: i64,
    pub(super) session_id: i32,
    pub(super) stream_id: i32,
    pub(super) subscription_id: i64,
    pub(super) subscriber_position_id: i32,
    pub(super) source_identity: String,
    pub(super) channel: Arc<str>,
}

/// Taken when the image closes: its counter and log may serve others afterwards. Written by the conductor before the latch
/// closes, read after it is seen closed.
struct LastValues {
    position: Word64,
    end_of_stream_position: Word64,
    is_revoked: Word32,
}

impl ImageInfo {
    pub(super) fn new(
        facts: ImageFacts,
        log: &crate::log::LogBuffer,
        position: Word64,
        link: Arc<Link>,
    ) -> Self {
        Self(Arc::new(Shared {
            facts,
            shape: *log.shape(),
            mtu: log.constants().mtu,
            join_position: position.load_acquire(),
            position,
            status: log.status().clone(),
            latch: Latch::new(),
            last: LastValues::new(),
            link,
        }))
    }

    /// Id of the image in the driver; for IPC and spies the original registration id of the publication.
    pub fn correlation_id(&self) -> i64 {
        self.0.facts.correlation_id
    }

    /// Session of the stream.
    pub fn session_id(&self) -> i32 {
        self.0.facts.session_id
    }

    /// Stream.
    pub fn stream_id(&self) -> i32 {
        self.0.facts.stream_id
    }

    /// Registration id of its subscription.
    pub fn subscription_registration_id(&self) -> i64 {
        self.0.facts.subscription_id
    }

    /// `ip:port` of the sender, or `aeron:ipc`.
    pub fn source_identity(&self) -> &str {
        &self.0.facts.source_identity
    }

    /// Counter of the position.
    pub fn subscriber_position_id(&self) -> i32 {
        self.0.facts.subscriber_position_id
    }

    /// Where it began.
    pub fn join_position(&self) -> i64 {
        self.0.join_position
    }

    /// Longest frame in bytes.
    pub fn mtu_length(&self) -> i32 {
        self.0.mtu
    }

    /// The log's arithmetic: term length, initial term id.
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// Everything before is consumed; the last position once it is closed.
    pub fn position(&self) -> i64 {
        let open = self.0.position.load_acquire();
        if self.is_closed() {
            self.0.last.position.load_relaxed()
        } else {
            open
        }
    }

    /// Whether it can bring nothing more.
    pub fn is_closed(&self) -> bool {
        self.0.latch.is_closed()
    }

    /// Where the stream ends; `i64::MAX` until that is known.
    pub fn end_of_stream_position(&self) -> i64 {
        let open = self.0.status.end_of_stream_position();
        if self.is_closed() {
            self.0.last.end_of_stream_position.load_relaxed()
        } else {
            open
        }
    }

    /// Whether everything that was published is consumed. A closed image of which this is false has lost its publisher, or
    /// was rejected, revoked or let go.
    pub fn is_end_of_stream(&self) -> bool {
        self.position() >= self.end_of_stream_position()
    }

    /// Whether the publisher took back what was not consumed yet.
    pub fn is_publication_revoked(&self) -> bool {
        let open = self.0.status.is_publication_revoked();
        if self.is_closed() {
            self.0.last.is_revoked.load_relaxed() != 0
        } else {
            open
        }
    }

    /// Live sources of a network image; 0 once it is closed.
    pub fn active_transport_count(&self) -> i32 {
        let open = self.0.status.active_transport_count();
        if self.is_closed() { 0 } else { open }
    }

    /// Refuses what the publication brings, for a reason of at most 1,023 bytes: its publisher is told. The answer means
    /// only that the driver took it on.
    ///
    /// # Errors
    /// [`ClientError::InvalidArgument`] for an image of a spy, otherwise as any request.
    pub fn async_reject(&self, reason: &str) -> Result<Pending<()>, ClientError> {
        let facts = &self.0.facts;
        if facts.channel.starts_with("aeron-spy:") {
            return Err(ClientError::InvalidArgument {
                what: "channel",
                value: facts.channel.to_string(),
                rule: "spies can not reject images",
            });
        }
        let (image_correlation_id, position) = (facts.correlation_id, self.position());
        let reason = reason.to_owned();
        self.0.link.ask(|reply| Ask::RejectImage {
            image_correlation_id,
            position,
            reason,
            reply,
        })
    }

    pub(super) fn latch(&self) -> &Latch {
        &self.0.latch
    }

    /// By the conductor: takes the last values, then closes.
    pub(super) fn close(&self) {
        if self.is_closed() {
            return;
        }
        let last = &self.0.last;
        last.position.store_relaxed(self.0.position.load_acquire());
        last.end_of_stream_position
            .store_relaxed(self.0.status.end_of_stream_position());
        last.is_revoked
            .store_relaxed(self.0.status.is_publication_revoked().into());
        self.0.latch.close();
    }
}

impl fmt::Debug for ImageInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageInfo")
            .field("correlation_id", &self.correlation_id())
            .field("session_id", &self.session_id())
            .field("stream_id", &self.stream_id())
            .field("source_identity", &self.source_identity())
            .field("position", &self.position())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

impl LastValues {
    fn new() -> Self {
        let region = Region::heap(24);
        let word = |offset| {
            region
                .word64(offset)
                .expect("two words of eight bytes lie in 24 bytes")
        };
        Self {
            position: word(0),
            end_of_stream_position: word(8),
            is_revoked: region.word32(16).expect("a word at 16 lies in 24 bytes"),
        }
    }
}
