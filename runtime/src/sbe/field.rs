//! Fixed fields: what may stand in a block.

use super::{Malformed, Reader, TooSmall, Writer};

/// The type of a fixed field: integers, `bool`, the enums of [`enums!`](super::enums), and `Option` of these.
///
/// An integer takes every value as it is, the SBE null value too: what a null means for it is the schema's to say
/// (`since … or …`, or `Option`). A `bool` or an enum that is not `Option` refuses the null value.
pub trait Field: Copy {
    /// Length in bytes.
    const LENGTH: usize;

    /// Reads the value; `None` where the bytes hold the SBE null value.
    fn read_nullable(
        block: &mut Reader<'_>,
        field: &'static str,
    ) -> Result<Option<Self>, Malformed>;

    /// Reads the value.
    fn read(block: &mut Reader<'_>, field: &'static str) -> Result<Self, Malformed>;

    /// Writes the value.
    fn write(self, block: &mut Writer<'_>) -> Result<(), TooSmall>;
}

/// A field type that has an SBE null value, so that it may be an `Option`.
pub trait Nullable: Field {
    /// Writes the SBE null value.
    fn write_null(block: &mut Writer<'_>) -> Result<(), TooSmall>;
}

impl<T: Nullable> Field for Option<T> {
    const LENGTH: usize = T::LENGTH;

    fn read_nullable(
        block: &mut Reader<'_>,
        field: &'static str,
    ) -> Result<Option<Self>, Malformed> {
        Self::read(block, field).map(Some)
    }

    fn read(block: &mut Reader<'_>, field: &'static str) -> Result<Self, Malformed> {
        T::read_nullable(block, field)
    }

    fn write(self, block: &mut Writer<'_>) -> Result<(), TooSmall> {
        match self {
            Some(value) => value.write(block),
            None => T::write_null(block),
        }
    }
}

macro_rules! integers {
    ($($integer:ident null $null:expr),+ $(,)?) => {$(
        impl Field for $integer {
            const LENGTH: usize = size_of::<$integer>();

            fn read_nullable(block: &mut Reader<'_>, field: &'static str) -> Result<Option<Self>, Malformed> {
                let value = Self::read(block, field)?;
                Ok(if value == $null { None } else { Some(value) })
            }

            fn read(block: &mut Reader<'_>, field: &'static str) -> Result<Self, Malformed> {
                Ok(Self::from_le_bytes(block.array(field)?))
            }

            fn write(self, block: &mut Writer<'_>) -> Result<(), TooSmall> {
                block.put(&self.to_le_bytes())
            }
        }

        impl Nullable for $integer {
            fn write_null(block: &mut Writer<'_>) -> Result<(), TooSmall> {
                $null.write(block)
            }
        }
    )+};
}

integers! {
    i64 null Self::MIN,
    i32 null Self::MIN,
    i8 null Self::MIN,
    u8 null Self::MAX,
    u16 null Self::MAX,
}

/// `BooleanType`: an `i32` of 0 or 1.
impl Field for bool {
    const LENGTH: usize = i32::LENGTH;

    fn read_nullable(
        block: &mut Reader<'_>,
        field: &'static str,
    ) -> Result<Option<Self>, Malformed> {
        read_enum(block, field, |value| match value {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        })
    }

    fn read(block: &mut Reader<'_>, field: &'static str) -> Result<Self, Malformed> {
        Self::read_nullable(block, field)?.ok_or(Malformed::Null { field })
    }

    fn write(self, block: &mut Writer<'_>) -> Result<(), TooSmall> {
        i32::from(self).write(block)
    }
}

impl Nullable for bool {
    fn write_null(block: &mut Writer<'_>) -> Result<(), TooSmall> {
        i32::write_null(block)
    }
}

/// Reads an `i32` and names it: `None` for the SBE null, an error for a value that `named` does not know.
#[doc(hidden)]
pub fn read_enum<T>(
    block: &mut Reader<'_>,
    field: &'static str,
    named: impl FnOnce(i32) -> Option<T>,
) -> Result<Option<T>, Malformed> {
    let Some(value) = i32::read_nullable(block, field)? else {
        return Ok(None);
    };
    named(value)
        .map(Some)
        .ok_or(Malformed::EnumValue { field, value })
}
