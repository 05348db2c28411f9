//! Putting messages together that were longer than a frame (spec 05 §4.5).

use crate::log::{Action, Fragment, Header, frame::aligned};

/// Puts the fragments of one image's messages together.
///
/// Messages of one frame pass through without a copy. Others are copied into a buffer that grows to the longest seen and
/// stays. Where a fragment is missing (an unreliable stream, joining in the middle) the whole message is left out: only
/// whole messages come out.
///
/// After a poll the image's position may lie inside a message. Only the position in a delivered message's header is one to
/// start again from.
#[derive(Debug)]
pub struct Assembler {
    max_message_len: usize,
    buffer: Vec<u8>,
    /// The message under way: its first header, and where its next fragment begins.
    under_way: Option<UnderWay>,
    /// To go back by when the last fragment is to come again.
    undo: Option<(UnderWay, usize)>,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    first: Header,
    next_begin: i64,
}

impl Assembler {
    /// For messages of at most that many bytes; longer ones are left out, so that no sender makes it grow beyond.
    pub fn new(max_message_len: usize) -> Self {
        Self { max_message_len, buffer: Vec::new(), under_way: None, undo: None }
    }

    /// Takes the next fragment; gives the message that it completes, if any. Its header is as if the message had been one
    /// frame: first fragment's place and reserved value, last fragment's position, both fragments' flags.
    pub fn push<'a>(&'a mut self, fragment: Fragment<'a>) -> Option<Fragment<'a>> {
        self.undo = None;
        let header = fragment.header;
        if header.is_begin() && header.is_end() {
            return Some(fragment);
        }
        if header.is_begin() {
            self.begin(&fragment);
            return None;
        }
        let mut under_way = self.under_way.take()?;
        let len_before = self.buffer.len();
        if !self.belongs(&under_way, &fragment) {
            self.buffer.clear();
            return None;
        }
        self.buffer.extend_from_slice(fragment.payload);
        if !header.is_end() {
            under_way.next_begin = header.position;
            self.under_way = Some(under_way);
            return None;
        }
        self.undo = Some((under_way, len_before));
        let frame_length = i32::try_from(self.buffer.len()).map_or(i32::MAX, |len| len.saturating_add(HEADER_LENGTH));
        Some(Fragment {
            header: Header {
                frame_length,
                flags: under_way.first.flags | header.flags,
                position: header.position,
                ..under_way.first
            },
            payload: &self.buffer,
        })
    }

    /// As [`Self::push`] and the handler on what came out, when the handler may want the last fragment again.
    pub fn push_controlled(
        &mut self,
        fragment: Fragment<'_>,
        handler: impl FnOnce(Fragment<'_>) -> Action,
    ) -> Action {
        let Some(message) = self.push(fragment) else {
            return Action::Continue;
        };
        let action = handler(message);
        if action == Action::Abort {
            self.undo_last();
        }
        action
    }

    /// Forgets the message under way; keeps the buffer.
    pub fn clear(&mut self) {
        self.under_way = None;
        self.undo = None;
        self.buffer.clear();
    }

    fn begin(&mut self, fragment: &Fragment<'_>) {
        self.buffer.clear();
        self.under_way = None;
        if fragment.payload.len() <= self.max_message_len {
            self.buffer.extend_from_slice(fragment.payload);
            self.under_way = Some(UnderWay {
                first: fragment.header,
                next_begin: fragment.header.position,
            });
        }
    }

    /// A message's fragments follow each other in one term.
    fn belongs(&self, under_way: &UnderWay, fragment: &Fragment<'_>) -> bool {
        let header = &fragment.header;
        let begin = header.position.wrapping_sub(aligned(header.frame_length).into());
        begin == under_way.next_begin
            && header.term_id == under_way.first.term_id
            && fragment.payload.len() <= self.max_message_len.saturating_sub(self.buffer.len())
    }

    /// The last fragment will come again.
    fn undo_last(&mut self) {
        if let Some((under_way, len_before)) = self.undo.take() {
            self.buffer.truncate(len_before);
            self.under_way = Some(under_way);
        }
    }
}

const HEADER_LENGTH: i32 = crate::log::frame::HEADER_LENGTH;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::frame::{FLAG_BEGIN, FLAG_END};

    /// A stream of fragments, each right behind the one before unless a gap is made.
    struct Stream {
        position: i64,
    }

    impl Stream {
        fn next<'a>(&mut self, flags: u8, payload: &'a [u8]) -> Fragment<'a> {
            let frame_length = HEADER_LENGTH + i32::try_from(payload.len()).unwrap();
            let begin = self.position;
            self.position += i64::from(aligned(frame_length));
            Fragment {
                header: Header {
                    frame_length,
                    flags,
                    frame_type: 1,
                    term_offset: i32::try_from(begin % 65_536).unwrap(),
                    session_id: 7,
                    stream_id: 8,
                    term_id: i32::try_from(begin / 65_536).unwrap(),
                    reserved_value: begin,
                    position: self.position,
                },
                payload,
            }
        }
    }

    #[test]
    fn short_messages_pass_and_leave_one_under_way_alone() {
        let (mut stream, mut assembler) = (Stream { position: 0 }, Assembler::new(100));
        let whole = stream.next(FLAG_BEGIN | FLAG_END, b"whole");
        let came_out = assembler.push(whole).unwrap();
        assert_eq!(came_out.payload.as_ptr(), whole.payload.as_ptr(), "not copied");
        assert!(assembler.push(stream.next(FLAG_BEGIN, b"ab")).is_none());
        assert!(assembler.push(stream.next(0, b"cd")).is_none());
        let message = assembler.push(stream.next(FLAG_END, b"e")).unwrap();
        assert_eq!(message.payload, b"abcde");
        assert_eq!(message.header.frame_length, 37);
        assert_eq!(message.header.flags, FLAG_BEGIN | FLAG_END);
        assert_eq!(message.header.term_offset, 64);
        assert_eq!(message.header.reserved_value, 64);
        assert_eq!(message.header.position, 256);
    }

    #[test]
    fn joins_no_halves_of_two_messages() {
        let (mut stream, mut assembler) = (Stream { position: 0 }, Assembler::new(100));
        assert!(assembler.push(stream.next(0, b"joined in the middle")).is_none());
        assert!(assembler.push(stream.next(FLAG_END, b"of it")).is_none());
        assert!(assembler.push(stream.next(FLAG_BEGIN, b"ab")).is_none());
        stream.position += 64;
        assert!(assembler.push(stream.next(FLAG_END, b"of another")).is_none(), "a gap");
        assert!(assembler.push(stream.next(FLAG_END, b"and on")).is_none());
        assert!(assembler.push(stream.next(FLAG_BEGIN, b"one")).is_none());
        assert!(assembler.push(stream.next(FLAG_BEGIN, b"two")).is_none(), "its end was lost");
        assert_eq!(assembler.push(stream.next(FLAG_END, b"!")).unwrap().payload, b"two!");
        // A message never goes over a term's end.
        stream.position = 65_536 - 64;
        assert!(assembler.push(stream.next(FLAG_BEGIN, b"in one term")).is_none());
        assert!(assembler.push(stream.next(FLAG_END, &[0; 20])).is_some());
        stream.position = 65_536 - 64;
        assert!(assembler.push(stream.next(FLAG_BEGIN, &[0; 32])).is_none());
        assert!(assembler.push(stream.next(FLAG_END, b"over its end")).is_none());
    }

    #[test]
    fn an_aborted_message_comes_again_whole_and_once() {
        let (mut stream, mut assembler) = (Stream { position: 0 }, Assembler::new(100));
        assert!(assembler.push(stream.next(FLAG_BEGIN, b"ab")).is_none());
        let last = stream.next(FLAG_END, b"cd");
        for _ in 0..3 {
            let action = assembler.push_controlled(last, |message| {
                assert_eq!(message.payload, b"abcd");
                Action::Abort
            });
            assert_eq!(action, Action::Abort);
        }
        assert_eq!(assembler.push_controlled(last, |_| Action::Commit), Action::Commit);
        assert_eq!(assembler.push_controlled(last, |_| panic!("twice")), Action::Continue);
    }

    #[test]
    fn no_sender_makes_it_grow_beyond_its_limit() {
        let (mut stream, mut assembler) = (Stream { position: 0 }, Assembler::new(10));
        assert!(assembler.push(stream.next(FLAG_BEGIN, &[0; 6])).is_none());
        assert!(assembler.push(stream.next(0, &[0; 5])).is_none());
        assert!(assembler.push(stream.next(FLAG_END, &[0; 1])).is_none());
        assert!(assembler.push(stream.next(FLAG_BEGIN, &[0; 11])).is_none());
        assert!(assembler.push(stream.next(FLAG_END, &[0; 1])).is_none());
        assert!(assembler.buffer.capacity() <= 16);
        assert!(assembler.push(stream.next(FLAG_BEGIN, &[0; 6])).is_none());
        assert!(assembler.push(stream.next(FLAG_END, &[0; 4])).is_some());
    }
}
