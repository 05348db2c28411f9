//! Little-endian fields at fixed offsets of fixed-size frames.
//!
//! The offset is a constant of the frame's layout and the frame's length is part of its type, so whether a field lies inside
//! its frame is decided when the program is compiled: reading and writing can neither fail nor panic.

macro_rules! field {
    ($read:ident, $write:ident, $type:ty) => {
        /// Reads the little-endian field at `AT`.
        #[inline]
        pub(super) fn $read<const AT: usize, const N: usize>(frame: &[u8; N]) -> $type {
            const {
                assert!(
                    AT.saturating_add(size_of::<$type>()) <= N,
                    "the field ends beyond its frame"
                )
            };
            // The assertion makes the default unreachable.
            frame
                .get(AT..)
                .and_then(<[u8]>::first_chunk)
                .map_or(0, |bytes| <$type>::from_le_bytes(*bytes))
        }

        /// Writes the little-endian field at `AT`.
        #[inline]
        pub(super) fn $write<const AT: usize, const N: usize>(frame: &mut [u8; N], value: $type) {
            const {
                assert!(
                    AT.saturating_add(size_of::<$type>()) <= N,
                    "the field ends beyond its frame"
                )
            };
            if let Some(bytes) = frame.get_mut(AT..).and_then(<[u8]>::first_chunk_mut) {
                *bytes = value.to_le_bytes();
            }
        }
    };
}

field!(i8_at, put_i8, i8);
field!(u8_at, put_u8, u8);
field!(i16_at, put_i16, i16);
field!(u16_at, put_u16, u16);
field!(i32_at, put_i32, i32);
field!(i64_at, put_i64, i64);
