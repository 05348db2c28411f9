//! Copies of frames with their checksums (06 §3.2): the term buffer is not ours to change.

use taranis_runtime::mem::{Region, Span};
use taranis_transport::log::frame::aligned;

use super::{flight::WRITES_MAX, pages::PAGE};
use crate::{
    checksum::Checksum,
    frame::{FrameHeader, HEADER, put_session_id},
};

/// Room for copies, one per write that may be under way.
#[derive(Debug)]
pub(super) struct Copies {
    checksum: Checksum,
    region: Region,
    slot_length: usize,
    in_use: [bool; WRITES_MAX],
    scratch: Vec<u8>,
}

impl Copies {
    /// Copies of at most `length_max` bytes.
    pub(super) fn new(checksum: Checksum, length_max: usize) -> Self {
        // Room to lie in its page as its position does in the file's.
        let slot_length = length_max.next_multiple_of(PAGE) + PAGE;
        Self {
            checksum,
            region: Region::heap(slot_length * WRITES_MAX),
            slot_length,
            in_use: [false; WRITES_MAX],
            scratch: vec![0; length_max],
        }
    }

    /// Copies whole frames so that they lie in their page as `file_offset` does, with each data frame's checksum in place of
    /// its session id.
    pub(super) fn copy(&mut self, frames: &Span, file_offset: u64) -> (usize, Span) {
        let slot = self
            .in_use
            .iter()
            .position(|in_use| !in_use)
            .expect("there are as many copies as writes");
        self.in_use[slot] = true;
        let bytes = &mut self.scratch[..frames.len()];
        frames.read(bytes);
        put_checksums(bytes, self.checksum);
        let at = slot * self.slot_length + (file_offset % PAGE as u64) as usize;
        self.region
            .write(at, bytes)
            .expect("a copy is no longer than its slot");
        let span = self.region.span(at, bytes.len());
        (slot, span.expect("a copy lies inside its slot"))
    }

    pub(super) fn give_back(&mut self, slot: usize) {
        self.in_use[slot] = false;
    }
}

/// Replaces the session id of each data frame by its checksum.
pub(super) fn put_checksums(frames: &mut [u8], checksum: Checksum) {
    let mut rest = frames;
    while let Some(header) = FrameHeader::read(rest) {
        // Lengths were checked when the frames were taken; the memory is another process's all the same.
        let step = usize::try_from(aligned(header.length)).unwrap_or(0);
        if step < HEADER || step > rest.len() {
            return;
        }
        let (frame, next) = rest.split_at_mut(step);
        if !header.is_padding {
            let value = checksum.of(&frame[HEADER..]);
            put_session_id(frame, value);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8], frame_type: u8) -> Vec<u8> {
        let mut frame = vec![0; 32];
        frame[..4].copy_from_slice(&(32 + payload.len() as i32).to_le_bytes());
        frame[6] = frame_type;
        frame[12..16].copy_from_slice(&[9; 4]);
        frame.extend(payload);
        frame.resize(frame.len().next_multiple_of(32), 0);
        frame
    }

    /// 06 §3.2: payload and alignment padding are covered, padding frames are left alone.
    #[test]
    fn a_data_frames_session_id_becomes_its_checksum() {
        let mut frames = [frame(b"abc", 1), frame(b"defg", 0), frame(&[7; 40], 1)].concat();
        let before = frames.clone();
        put_checksums(&mut frames, Checksum::Crc32);
        let mut padded = b"abc".to_vec();
        padded.resize(32, 0);
        assert_eq!(frames[12..16], Checksum::Crc32.of(&padded).to_le_bytes());
        assert_eq!(frames[64..128], before[64..128]);
        let last = Checksum::Crc32.of(&before[160..224]);
        assert_eq!(frames[140..144], last.to_le_bytes());
    }

    #[test]
    fn made_up_lengths_end_it() {
        for length in [-1_i32, 0, 31, i32::MAX, 4096] {
            let mut frames = frame(b"abc", 1);
            frames[..4].copy_from_slice(&length.to_le_bytes());
            let before = frames.clone();
            put_checksums(&mut frames, Checksum::Crc32c);
            if length <= 0 || length > 64 {
                assert_eq!(frames, before, "{length}");
            }
        }
    }
}
