//! Walking the frames of a segment file from the outside: where they end, and whether the last may be torn (07 §9).

use std::{io, path::Path};

use taranis_runtime::io::Disk;
use taranis_transport::log::frame::{HEADER_LENGTH, aligned};

use crate::{
    checksum::Checksum,
    frame::{FrameHeader, HEADER},
    segment::{Geometry, SegmentPlace},
};

/// Pages of the page cache, of which a write that was cut short leaves some.
pub const PAGE_LENGTH: u64 = 4096;
/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// What the frames of a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// They end at that byte of the file, and the last is whole.
    Whole {
        /// Behind the last frame.
        end: u64,
    },
    /// The last one may be torn.
    Doubtful {
        /// Where it begins.
        begin: u64,
        /// Behind it.
        end: u64,
    },
}

/// Walks from `from` to the end of the frames.
///
/// The last frame is doubtful if it straddles a page of the file, and a page that it reaches into has nothing but zeros of
/// it, unless its checksum is right. A padding frame never is: its header is all that is ever written, and lies in one page.
///
/// # Errors
/// As the system reports it.
pub fn walk(
    disk: &dyn Disk,
    path: &Path,
    geometry: &Geometry,
    from: SegmentPlace,
    checksum: Option<Checksum>,
) -> io::Result<Tail> {
    let mut file = Window::new(disk, path);
    let limit = u64::from(geometry.segment_length().unsigned_abs());
    let mut end = from.offset;
    let mut last = None;
    while end < limit {
        let position = from.base.saturating_add_unsigned(end);
        let Some(frame) = file.frame(end, position, geometry)? else {
            break;
        };
        end = frame.end();
        last = Some(frame);
    }
    match last {
        Some(frame) if frame.may_be_torn() && !file.is_whole(&frame, checksum)? => {
            Ok(Tail::Doubtful {
                begin: frame.begin,
                end,
            })
        }
        _ => Ok(Tail::Whole { end }),
    }
}

/// A frame in a file.
#[derive(Clone, Copy, Debug)]
struct FrameAt {
    begin: u64,
    frame_length: u32,
    is_padding: bool,
    /// Or the checksum, where frames have one.
    session_id: i32,
}

impl FrameAt {
    fn end(&self) -> u64 {
        self.begin + u64::from(self.frame_length.next_multiple_of(32))
    }

    fn may_be_torn(&self) -> bool {
        let last_byte = self.begin + u64::from(self.frame_length) - 1;
        !self.is_padding && self.begin / PAGE_LENGTH != last_byte / PAGE_LENGTH
    }

    /// The parts of it in pages behind its first: first byte and length.
    fn parts_in_later_pages(&self) -> impl Iterator<Item = (u64, usize)> {
        let end = self.begin + u64::from(self.frame_length);
        let mut at = (self.begin / PAGE_LENGTH + 1) * PAGE_LENGTH;
        std::iter::from_fn(move || {
            let length = end
                .checked_sub(at)
                .filter(|left| *left > 0)?
                .min(PAGE_LENGTH);
            let part = (at, length as usize);
            at += PAGE_LENGTH;
            Some(part)
        })
    }
}

/// A part of a file in memory.
struct Window<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    at: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(disk: &'a dyn Disk, path: &'a Path) -> Self {
        Self {
            disk,
            path,
            at: 0,
            bytes: Vec::new(),
        }
    }

    /// Bytes of the file; fewer where it ends.
    fn get(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        let end = at + length as u64;
        if at < self.at || end > self.at + self.bytes.len() as u64 {
            self.at = at;
            self.bytes.resize(CHUNK.max(length), 0);
            let count = self.disk.read_at(self.path, at, &mut self.bytes)?;
            self.bytes.truncate(count);
        }
        let from = (at - self.at) as usize;
        let to = (from + length).min(self.bytes.len());
        Ok(self.bytes.get(from..to).unwrap_or_default())
    }

    /// The frame at a byte of the file. `None` where there is none: no length, or not the header of a frame at that
    /// position of the stream.
    fn frame(
        &mut self,
        begin: u64,
        position: i64,
        geometry: &Geometry,
    ) -> io::Result<Option<FrameAt>> {
        let Some(header) = FrameHeader::read(self.get(begin, HEADER)?) else {
            return Ok(None);
        };
        let place = geometry.shape().place(position);
        let fits = header.length >= HEADER_LENGTH
            && header.length <= geometry.shape().left_in_term(position)
            && aligned(header.length) > 0;
        if !fits || header.term_offset != place.offset || header.term_id != place.term_id {
            return Ok(None);
        }
        Ok(Some(FrameAt {
            begin,
            frame_length: header.length.unsigned_abs(),
            is_padding: header.is_padding,
            session_id: header.session_id,
        }))
    }

    fn is_whole(&mut self, frame: &FrameAt, checksum: Option<Checksum>) -> io::Result<bool> {
        if let Some(checksum) = checksum {
            let payload = frame.begin + HEADER as u64;
            let length = (frame.end() - payload) as usize;
            let bytes = self.get(payload, length)?;
            if bytes.len() == length && checksum.of(bytes) == frame.session_id {
                return Ok(true);
            }
        }
        for (at, length) in frame.parts_in_later_pages() {
            if self.get(at, length)?.iter().all(|byte| *byte == 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
