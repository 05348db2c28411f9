//! The message macro: what stands where, who is understood, what is refused (06 §1, 08 §1.1).

use taranis_runtime::sbe::{self, Decode as _, Group, Malformed, Message, Schema, TooSmall};

const MUSIC: Schema = Schema { id: 7, version: 3 };

sbe::enums! {
    /// How to play.
    pub enum Mode {
        /// Once.
        Once = 0,
        /// For ever.
        Loop = 1,
    }
}

sbe::messages! {
    schema MUSIC;

    /// Asks for a song.
    PlayRequest<'a> = 1, block 21 {
        correlation_id: i64,
        mode: Mode,
        loud: bool,
        volume: i32 = since 2 or 100,
        flags: u8 = since 3 or 0,
        ;
        title: &'a str,
        cover: &'a [u8],
        artist: &'a str = since 3,
    }

    /// A table of contents.
    Album<'a> = 2 version 9, block 4 {
        year: i32,
        ;
        songs: Group<'a, Song<'a>>,
        label: &'a str,
    }

    /// A header with holes.
    Holes = 3, block 32 padded {
        first: i32,
        @16 second: Option<i64> = since 1 or None,
        mode: Option<Mode>,
    }

    /// Nothing but a header.
    Silence = 4, block 0 {
    }
}

sbe::entries! {
    /// A song of an album.
    Song<'a>, block 8 {
        length_ms: i64,
        ;
        title: &'a str,
    }
}

sbe::dispatch! {
    schema MUSIC;
    /// What a player is sent.
    pub enum Music<'a> {
        PlayRequest<'a>,
        Silence,
    }
}

const PLAY: PlayRequest<'static> = PlayRequest {
    correlation_id: 0x0102_0304_0506_0708,
    mode: Mode::Loop,
    loud: true,
    volume: -2,
    flags: 7,
    title: "ab",
    cover: &[9, 8, 7],
    artist: "",
};

fn encoded(message: &impl Message) -> Vec<u8> {
    let mut buffer = vec![0xEE; message.encoded_len() + 5];
    assert_eq!(message.encode(&mut buffer), Ok(message.encoded_len()));
    assert!(buffer.ends_with(&[0xEE; 5]), "wrote past the message's end");
    buffer.truncate(message.encoded_len());
    buffer
}

#[test]
fn bytes_stand_in_the_order_of_the_declaration() {
    let bytes = encoded(&PLAY);
    let expected = [
        &[21, 0, 1, 0, 7, 0, 3, 0][..],
        &[8, 7, 6, 5, 4, 3, 2, 1],
        &[1, 0, 0, 0],
        &[1, 0, 0, 0],
        &[0xFE, 0xFF, 0xFF, 0xFF],
        &[7],
        &[2, 0, 0, 0, b'a', b'b'],
        &[3, 0, 0, 0, 9, 8, 7],
        &[0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(bytes, expected);
    assert_eq!(PlayRequest::decode(&bytes), Ok(PLAY));
}

#[test]
fn parts_a_sender_does_not_know_read_as_their_defaults() {
    let mut bytes = encoded(&PLAY);
    bytes[6] = 1; // version 1: a block of 16 bytes, two variable parts
    bytes[0] = 16;
    bytes.drain(24..29);
    bytes.truncate(bytes.len() - 4);
    let expected = PlayRequest {
        volume: 100,
        flags: 0,
        ..PLAY
    };
    assert_eq!(PlayRequest::decode(&bytes), Ok(expected));
}

#[test]
fn a_field_past_the_end_of_the_senders_block_is_not_taken_from_what_follows() {
    let mut bytes = encoded(&PLAY);
    bytes[0] = 18; // the block now ends inside `volume`
    let error = PlayRequest::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "volume needs 4 bytes, 2 are left");
}

#[test]
fn a_longer_block_of_a_newer_sender_is_skipped() {
    let mut bytes = encoded(&PLAY);
    bytes[6] = 200;
    bytes[0] += 3;
    bytes.splice(29..29, [1, 2, 3]);
    bytes.extend([4, 5, 6]);
    assert_eq!(PlayRequest::decode(&bytes), Ok(PLAY));
}

#[test]
fn the_null_value_reads_as_the_default_or_as_none() {
    let mut bytes = encoded(&PLAY);
    bytes[24..28].copy_from_slice(&i32::MIN.to_le_bytes());
    bytes[28] = u8::MAX;
    let decoded = PlayRequest::decode(&bytes).unwrap();
    assert_eq!((decoded.volume, decoded.flags), (100, 0));

    let empty = Holes {
        first: 1,
        second: None,
        mode: None,
    };
    let bytes = encoded(&empty);
    assert_eq!(bytes[24..32], i64::MIN.to_le_bytes());
    assert_eq!(bytes[32..36], i32::MIN.to_le_bytes());
    assert_eq!(Holes::decode(&bytes), Ok(empty));
}

#[test]
fn padding_is_written_as_zeroes() {
    let holes = Holes {
        first: -1,
        second: Some(-1),
        mode: Some(Mode::Once),
    };
    let bytes = encoded(&holes);
    assert_eq!(bytes.len(), 8 + 32);
    assert_eq!(bytes[12..24], [0; 12]);
    assert_eq!(bytes[36..40], [0; 4]);
    assert_eq!(Holes::decode(&bytes), Ok(holes));
}

#[test]
fn values_without_a_meaning_are_refused_by_name() {
    let mut bytes = encoded(&PLAY);
    bytes[16] = 2;
    let error = PlayRequest::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "mode=2 is not one of its enum's values");
    bytes[16..20].copy_from_slice(&i32::MIN.to_le_bytes());
    let error = PlayRequest::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "mode is null, but must have a value");
    bytes[16..20].copy_from_slice(&[0; 4]);
    bytes[33] = 0xC3;
    let error = PlayRequest::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "title is not US-ASCII");
    bytes[34] = 0xA9; // now it is UTF-8, but still not US-ASCII
    assert_eq!(PlayRequest::decode(&bytes), Err(error));
}

#[test]
fn a_message_of_another_kind_is_refused() {
    let mut bytes = encoded(&Silence {});
    assert_eq!(Silence::decode(&bytes), Ok(Silence {}));
    let error = PlayRequest::decode(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected templateId=1 (PlayRequest), actual=4"
    );
    bytes[4] = 8;
    let error = Silence::decode(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "expected schemaId=7, actual=8");
}

#[test]
fn characters_outside_ascii_are_written_as_question_marks() {
    let play = PlayRequest {
        title: "Dvořák",
        ..PLAY
    };
    let bytes = encoded(&play);
    assert_eq!(
        PlayRequest::decode(&bytes).map(|it| it.title),
        Ok("Dvo????k")
    );
}

#[test]
fn a_buffer_that_is_too_small_is_refused_with_both_lengths() {
    for available in 0..PLAY.encoded_len() {
        let refusal = TooSmall {
            needed: PLAY.encoded_len(),
            available,
        };
        assert_eq!(PLAY.encode(&mut vec![0; available]), Err(refusal));
    }
}

#[test]
fn groups_are_read_as_they_were_written_by_whatever_version() {
    let songs = [
        Song {
            length_ms: 1,
            title: "one",
        },
        Song {
            length_ms: 2,
            title: "",
        },
    ];
    let album = Album {
        year: 1984,
        songs: Group::from(&songs[..]),
        label: "L",
    };
    let bytes = encoded(&album);
    assert_eq!(bytes[6], 9, "a message may have a version of its own");
    let decoded = Album::decode(&bytes).unwrap();
    assert_eq!(decoded, album);
    assert_eq!(encoded(&decoded), bytes);
    assert_eq!(decoded.songs.iter().collect::<Vec<_>>(), songs);
    for end in 0..bytes.len() {
        assert!(Album::decode(&bytes[..end]).is_err());
    }

    let mut newer = bytes.clone();
    newer[12] += 2; // the entries' block length
    newer.splice(24..24, [7, 7]);
    newer.splice(24 + 2 + 7 + 8..24 + 2 + 7 + 8, [7, 7]);
    assert_eq!(Album::decode(&newer), Ok(album));
}

#[test]
fn a_stream_is_decoded_by_template_id() {
    assert_eq!(Music::decode(&encoded(&PLAY)), Ok(Music::PlayRequest(PLAY)));
    assert_eq!(
        Music::decode(&encoded(&Silence {})),
        Ok(Music::Silence(Silence {}))
    );
    let holes = encoded(&Holes {
        first: 0,
        second: None,
        mode: None,
    });
    assert_eq!(Music::decode(&holes), Ok(Music::Unknown(Holes::HEADER)));
    assert_eq!(Music::PlayRequest(PLAY).name(), "PlayRequest");
    assert_eq!(PLAY.to_vec(), encoded(&PLAY));
    let mut foreign = encoded(&PLAY);
    foreign[4] = 99;
    assert_eq!(
        Music::decode(&foreign),
        Err(Malformed::Schema {
            expected: 7,
            actual: 99
        })
    );
}

#[test]
fn the_table_lists_every_message_and_treats_them_alike() {
    let names: Vec<_> = MESSAGES.iter().map(|row| row.name).collect();
    assert_eq!(names, ["PlayRequest", "Album", "Holes", "Silence"]);
    let bytes = encoded(&PLAY);
    let mut again = [0; 100];
    assert_eq!(
        (MESSAGES[0].recode)(&bytes, &mut again),
        Ok(Ok(bytes.len()))
    );
    assert_eq!(again[..bytes.len()], bytes);
    let mut text = String::new();
    (MESSAGES[0].print)(&bytes, &mut text).unwrap().unwrap();
    assert_eq!(text, format!("{PLAY:?}"));
}
