//! What the driver tells about a stream through its log's metadata (02 §5.5).

use taranis_runtime::mem::{OutOfRegion, Region, Word32, Word64};

use super::layout;

/// The state of a stream as the driver tells it through the log's metadata: for reading, from any thread.
#[derive(Clone, Debug)]
pub struct Status {
    end_of_stream_position: Word64,
    is_connected: Word32,
    active_transport_count: Word32,
    revoked: Word32,
}

impl Status {
    pub(super) fn new(metadata: &Region) -> Result<Self, OutOfRegion> {
        Ok(Self {
            end_of_stream_position: metadata.word64(layout::END_OF_STREAM_POSITION)?,
            is_connected: metadata.word32(layout::IS_CONNECTED)?,
            active_transport_count: metadata.word32(layout::ACTIVE_TRANSPORT_COUNT)?,
            revoked: metadata.word32(layout::IS_REVOKED)?,
        })
    }

    /// Where the stream ends; `i64::MAX` until that is known.
    pub fn end_of_stream_position(&self) -> i64 {
        self.end_of_stream_position.load_acquire()
    }

    /// Whether somebody subscribes to the publication.
    #[inline]
    pub fn is_connected(&self) -> bool {
        self.is_connected.load_acquire() == 1
    }

    /// Number of live sources of an image.
    pub fn active_transport_count(&self) -> i32 {
        self.active_transport_count.load_acquire()
    }

    /// Whether the publication was revoked.
    pub fn is_publication_revoked(&self) -> bool {
        self.revoked.load_acquire() & 0xFF != 0
    }
}

/// The driver's end of [`Status`]: one writer per word, which agent is the driver's affair (table in `layout.rs`).
#[derive(Clone, Debug)]
pub struct StatusWriter {
    status: Status,
}

impl StatusWriter {
    pub(super) fn new(status: Status) -> Self {
        Self { status }
    }

    /// Tells where the stream ends.
    pub fn set_end_of_stream_position(&self, position: i64) {
        self.status.end_of_stream_position.store_release(position);
    }

    /// Tells whether somebody subscribes.
    pub fn set_connected(&self, connected: bool) {
        self.status.is_connected.store_release(connected.into());
    }

    /// Tells the number of live sources.
    pub fn set_active_transport_count(&self, count: i32) {
        self.status.active_transport_count.store_release(count);
    }

    /// Marks the publication as revoked, for good.
    pub fn set_publication_revoked(&self) {
        // The log kind shares the word and is constant; nobody but the caller writes here.
        let word = self.status.revoked.load_relaxed();
        self.status.revoked.store_release((word & !0xFF) | 1);
    }
}
