//! Putting fragments together again (02 §5.3, 05 §4.5).
//!
//! Whole messages pass through untouched. Fragments are copied into a buffer that grows with the longest message and is kept,
//! so that in steady state nothing is allocated. A fragment joins only if it begins at the very position where the one before
//! ended: halves of two messages never meet, whatever was lost in between.

use std::collections::BTreeMap;

use super::{
    frame::{FLAGS_UNFRAGMENTED, Fragment, HEADER_LENGTH, Header, aligned},
    read::Action,
};

/// Smallest buffer once one is needed.
const CAPACITY_MIN: usize = 4096;

/// Longest message: lengths are i32 in the formats.
const CAPACITY_MAX: usize = i32::MAX as usize - 8;

/// Reassembles the messages of one image.
///
/// After a poll the image's position can lie inside a message; only the position in a delivered message's header is one to
/// start again from.
#[derive(Debug, Default)]
pub struct ImageAssembler {
    builder: Builder,
}

impl ImageAssembler {
    /// An assembler with a buffer of `capacity` bytes to begin with.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            builder: Builder::with_capacity(capacity),
        }
    }

    /// Takes a fragment from a poll; gives whole messages to the handler.
    #[inline]
    pub fn on_fragment(&mut self, fragment: Fragment<'_>, handler: impl FnOnce(Fragment<'_>)) {
        if is_whole(&fragment.header) {
            return handler(fragment);
        }
        self.builder.on_part(fragment, uncontrolled(handler));
    }

    /// Takes a fragment from a controlled poll; gives whole messages to the handler, and returns what it wants done. After
    /// `Abort` the last fragment comes again, and completes the message again.
    #[inline]
    pub fn on_controlled_fragment(
        &mut self,
        fragment: Fragment<'_>,
        handler: impl FnOnce(Fragment<'_>) -> Action,
    ) -> Action {
        if is_whole(&fragment.header) {
            return handler(fragment);
        }
        self.builder.on_part(fragment, handler)
    }

    /// Forgets a message begun, and gives the buffer back.
    pub fn clear(&mut self) {
        self.builder = Builder::default();
    }
}

/// Reassembles the messages of several images, told apart by session id. Two images with one session id need an
/// [`ImageAssembler`] each.
#[derive(Debug, Default)]
pub struct Assembler {
    builders: BTreeMap<i32, Builder>,
    initial_capacity: usize,
}

impl Assembler {
    /// An assembler whose sessions get a buffer of `capacity` bytes to begin with.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            builders: BTreeMap::new(),
            initial_capacity: capacity,
        }
    }

    /// As [`ImageAssembler::on_fragment`].
    #[inline]
    pub fn on_fragment(&mut self, fragment: Fragment<'_>, handler: impl FnOnce(Fragment<'_>)) {
        if is_whole(&fragment.header) {
            return handler(fragment);
        }
        if let Some(builder) = self.builder(&fragment.header) {
            builder.on_part(fragment, uncontrolled(handler));
        }
    }

    /// As [`ImageAssembler::on_controlled_fragment`].
    #[inline]
    pub fn on_controlled_fragment(
        &mut self,
        fragment: Fragment<'_>,
        handler: impl FnOnce(Fragment<'_>) -> Action,
    ) -> Action {
        if is_whole(&fragment.header) {
            return handler(fragment);
        }
        match self.builder(&fragment.header) {
            Some(builder) => builder.on_part(fragment, handler),
            None => Action::Continue,
        }
    }

    /// Gives the buffer of a session back, once its image has gone. Returns whether there was one.
    pub fn free_session_buffer(&mut self, session_id: i32) -> bool {
        self.builders.remove(&session_id).is_some()
    }

    /// Gives all buffers back.
    pub fn clear(&mut self) {
        self.builders.clear();
    }

    /// A session's builder; a session begins with a message's first fragment.
    fn builder(&mut self, header: &Header) -> Option<&mut Builder> {
        if header.is_begin() {
            let capacity = self.initial_capacity;
            let builder = self.builders.entry(header.session_id);
            return Some(builder.or_insert_with(|| Builder::with_capacity(capacity)));
        }
        self.builders.get_mut(&header.session_id)
    }
}

/// One message in the making, and the buffer it is made in.
#[derive(Debug, Default)]
struct Builder {
    payload: Vec<u8>,
    begun: Option<Begun>,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    first: Header,
    /// Where the next fragment has to begin.
    next_position: i64,
}

impl Builder {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            payload: Vec::with_capacity(capacity.min(CAPACITY_MAX)),
            begun: None,
        }
    }

    fn on_part(
        &mut self,
        fragment: Fragment<'_>,
        handler: impl FnOnce(Fragment<'_>) -> Action,
    ) -> Action {
        let header = fragment.header;
        if header.is_begin() {
            self.reset();
            if self.append(fragment.payload) {
                self.begun = Some(Begun {
                    first: header,
                    next_position: header.position,
                });
            }
            return Action::Continue;
        }
        let begins_at = header.position - i64::from(aligned(header.frame_length));
        let Some(begun) = self.begun.filter(|begun| begun.next_position == begins_at) else {
            self.reset();
            return Action::Continue;
        };
        let length_before = self.payload.len();
        if !self.append(fragment.payload) {
            self.reset();
            return Action::Continue;
        }
        if !header.is_end() {
            self.begun = Some(Begun {
                next_position: header.position,
                ..begun
            });
            return Action::Continue;
        }
        let action = handler(Fragment {
            header: self.whole_header(&begun.first, &header),
            payload: &self.payload,
        });
        if action == Action::Abort {
            self.payload.truncate(length_before);
        } else {
            self.reset();
        }
        action
    }

    fn whole_header(&self, first: &Header, last: &Header) -> Header {
        Header {
            frame_length: HEADER_LENGTH + self.payload.len() as i32,
            flags: first.flags | last.flags,
            position: last.position,
            ..*first
        }
    }

    /// Keeps the memory.
    fn reset(&mut self) {
        self.payload.clear();
        self.begun = None;
    }

    /// Appends to the message. Returns false when there is no memory for it, or it would be longer than any message.
    fn append(&mut self, payload: &[u8]) -> bool {
        let length = self.payload.len() + payload.len();
        if length > self.payload.capacity() && !self.grow(length) {
            return false;
        }
        self.payload.extend_from_slice(payload);
        true
    }

    #[cold]
    fn grow(&mut self, length: usize) -> bool {
        if length > CAPACITY_MAX {
            return false;
        }
        let mut capacity = self.payload.capacity().max(CAPACITY_MIN);
        while capacity < length {
            capacity = (capacity + capacity / 2).min(CAPACITY_MAX);
        }
        let additional = capacity - self.payload.len();
        self.payload.try_reserve_exact(additional).is_ok()
    }
}

#[inline]
fn is_whole(header: &Header) -> bool {
    header.flags & FLAGS_UNFRAGMENTED == FLAGS_UNFRAGMENTED
}

fn uncontrolled(handler: impl FnOnce(Fragment<'_>)) -> impl FnOnce(Fragment<'_>) -> Action {
    |fragment| {
        handler(fragment);
        Action::Continue
    }
}
