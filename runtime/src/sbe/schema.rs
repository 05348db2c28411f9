//! The macros that schemas are written in: [`enums!`](super::enums), [`messages!`](super::messages) and
//! [`dispatch!`](super::dispatch).

/// Declares enums of a schema (all are `i32` on the wire). A value outside the list is refused when decoding; where the SBE
/// null value is allowed the field's type is `Option` of the enum.
#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_enums {
    ($(
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $value:literal),+ $(,)?
        }
    )+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum $name {
            $($(#[$variant_meta])* $variant = $value),+
        }

        impl $name {
            /// The value's meaning, if it has one.
            pub const fn from_wire(value: i32) -> Option<Self> {
                match value {
                    $($value => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The value on the wire and in files.
            pub const fn to_wire(self) -> i32 {
                self as i32
            }
        }

        impl $crate::sbe::Field for $name {
            const LENGTH: usize = <i32 as $crate::sbe::Field>::LENGTH;

            fn read_nullable(
                block: &mut $crate::sbe::Reader<'_>,
                field: &'static str,
            ) -> Result<Option<Self>, $crate::sbe::Malformed> {
                $crate::sbe::read_enum(block, field, Self::from_wire)
            }

            fn read(
                block: &mut $crate::sbe::Reader<'_>,
                field: &'static str,
            ) -> Result<Self, $crate::sbe::Malformed> {
                <Self as $crate::sbe::Field>::read_nullable(block, field)?
                    .ok_or($crate::sbe::Malformed::Null { field })
            }

            fn write(self, block: &mut $crate::sbe::Writer<'_>) -> Result<(), $crate::sbe::TooSmall> {
                $crate::sbe::Field::write(self.to_wire(), block)
            }
        }

        impl $crate::sbe::Nullable for $name {
            fn write_null(block: &mut $crate::sbe::Writer<'_>) -> Result<(), $crate::sbe::TooSmall> {
                <i32 as $crate::sbe::Nullable>::write_null(block)
            }
        }
    )+};
}

/// Declares messages and group entries as plain structs, with their coding. See the [module](super) for the grammar.
#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_messages {
    (
        schema $schema:path;
        $(
            $(#[$meta:meta])*
            $name:ident $(<$life:lifetime>)? = $id:literal $(version $version:literal)?, block $block:literal $($padded:ident)? {
                $($fields:tt)*
            }
        )+
    ) => {
        $(
            $crate::__sbe_struct! {
                [$(#[$meta])*] $name [$($life)?] block $block $($padded)? { $($fields)* }
            }
            $crate::__sbe_ids! {
                $name [$($life)?] $schema, $id $(version $version)?
            }
        )+

        /// The messages declared in this file.
        pub const MESSAGES: &[$crate::sbe::Row] = &[$(
            $crate::sbe::Row {
                name: stringify!($name),
                header: <$name as $crate::sbe::Message>::HEADER,
                recode: |message, buffer| {
                    use $crate::sbe::{Decode as _, Message as _};
                    $name::decode(message).map(|decoded| decoded.encode(buffer))
                },
                print: |message, out| {
                    use $crate::sbe::Decode as _;
                    $name::decode(message).map(|decoded| write!(out, "{decoded:?}"))
                },
            }
        ),+];
    };
}

/// Declares structs that have a block and variable parts but no message header of their own: entries of groups.
#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_entries {
    ($(
        $(#[$meta:meta])*
        $name:ident $(<$life:lifetime>)?, block $block:literal {
            $($fields:tt)*
        }
    )+) => {$(
        $crate::__sbe_struct! {
            [$(#[$meta])*] $name [$($life)?] block $block { $($fields)* }
        }
    )+};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_ids {
    ($name:ident [$life:lifetime] $($rest:tt)+) => {
        $crate::__sbe_ids! { @impl [$life] $name [$name<$life>] $($rest)+ }
    };
    ($name:ident [] $($rest:tt)+) => {
        $crate::__sbe_ids! { @impl [] $name [$name] $($rest)+ }
    };
    (@impl [$($life:lifetime)?] $name:ident [$self:ty] $schema:path, $id:literal $(version $version:literal)?) => {
        impl$(<$life>)? $crate::sbe::Message for $self {
            const SCHEMA: $crate::sbe::Schema = $schema;
            const TEMPLATE_ID: u16 = $id;
            const VERSION: u16 = $crate::__sbe_either!([$($version)?] $schema.version);
            const NAME: &'static str = stringify!($name);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_either {
    ([$given:literal] $default:expr) => {
        $given
    };
    ([] $default:expr) => {
        $default
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_struct {
    ([$($meta:tt)*] $name:ident [$life:lifetime] $($rest:tt)+) => {
        $crate::__sbe_struct! { @impl [$life] [<$life>] [$name<$life>] [$($meta)*] $name $($rest)+ }
    };
    ([$($meta:tt)*] $name:ident [] $($rest:tt)+) => {
        $crate::__sbe_struct! { @impl ['a] [] [$name] [$($meta)*] $name $($rest)+ }
    };
    (
        @impl [$life:lifetime] [$($generics:tt)*] [$self:ty] [$($meta:tt)*] $name:ident block $block:literal $($padded:ident)? {
            $(
                $(#[$field_meta:meta])*
                $(@ $at:literal)? $field:ident: $field_type:ty $(= since $since:literal or $absent:expr)?,
            )*
            $(; $(
                $(#[$tail_meta:meta])*
                $tail:ident: $tail_type:ty $(= since $tail_since:literal)?,
            )*)?
        }
    ) => {
        $($meta)*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name $($generics)* {
            $(
                $(#[$field_meta])*
                #[doc = concat!("Fixed field, `", stringify!($field_type), "`.")]
                $(#[doc = concat!("Since version ", stringify!($since), "; absent or null reads as `", stringify!($absent), "`.")])?
                pub $field: $field_type,
            )*
            $($(
                $(#[$tail_meta])*
                #[doc = concat!("Variable part, `", stringify!($tail_type), "`.")]
                $(#[doc = concat!("Since version ", stringify!($tail_since), "; absent reads as empty.")])?
                pub $tail: $tail_type,
            )*)?
        }

        impl $($generics)* $crate::sbe::Encode for $self {
            const BLOCK_LENGTH: u16 = {
                let end = 0;
                $(
                    $(let end = { assert!(end <= $at, "fields overlap"); $at };)?
                    let end = end + <$field_type as $crate::sbe::Field>::LENGTH;
                )*
                let padded = false $(|| stringify!($padded).len() > 0)?;
                assert!(
                    if padded { end <= $block } else { end == $block },
                    "the fields do not add up to the block length"
                );
                $block
            };

            fn body_len(&self) -> usize {
                let length = usize::from(<Self as $crate::sbe::Encode>::BLOCK_LENGTH);
                $($(
                    let length = length.saturating_add($crate::sbe::Tail::encoded_len(&self.$tail));
                )*)?
                length
            }

            fn write_body(&self, out: &mut $crate::sbe::Writer<'_>) -> Result<(), $crate::sbe::TooSmall> {
                let mut block = out.block(<Self as $crate::sbe::Encode>::BLOCK_LENGTH)?;
                $(
                    $(block.zero_to($at)?;)?
                    $crate::sbe::Field::write(self.$field, &mut block)?;
                )*
                block.zero_rest();
                $($(
                    $crate::sbe::Tail::write(&self.$tail, out)?;
                )*)?
                Ok(())
            }
        }

        impl<$life> $crate::sbe::Decode<$life> for $self {
            fn read_body(
                acting: $crate::sbe::Acting,
                input: &mut $crate::sbe::Reader<$life>,
            ) -> Result<Self, $crate::sbe::Malformed> {
                let block = &mut input.block(acting.block_length)?;
                let _ = &block;
                $(
                    let $field = $crate::__sbe_field!(
                        block, acting, $field, $field_type, [$($at)?] $(, $since, $absent)?
                    );
                )*
                $($(
                    let $tail = $crate::__sbe_tail!(input, acting, $tail, $tail_type $(, $tail_since)?);
                )*)?
                Ok(Self { $($field,)* $($($tail,)*)? })
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_field {
    ($block:ident, $acting:ident, $field:ident, $type:ty, [$($at:literal)?]) => {{
        $($block.skip_to($at, stringify!($field))?;)?
        <$type as $crate::sbe::Field>::read($block, stringify!($field))?
    }};
    ($block:ident, $acting:ident, $field:ident, $type:ty, [$($at:literal)?], $since:literal, $absent:expr) => {
        if $acting.version < $since {
            $absent
        } else {
            $($block.skip_to($at, stringify!($field))?;)?
            <$type as $crate::sbe::Field>::read_nullable($block, stringify!($field))?.unwrap_or($absent)
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_tail {
    ($input:ident, $acting:ident, $field:ident, $type:ty) => {
        <$type as $crate::sbe::Tail<'_>>::read($input, $acting.version, stringify!($field))?
    };
    ($input:ident, $acting:ident, $field:ident, $type:ty, $since:literal) => {
        if $acting.version < $since {
            <$type as $crate::sbe::Tail<'_>>::ABSENT
        } else {
            <$type as $crate::sbe::Tail<'_>>::read($input, $acting.version, stringify!($field))?
        }
    };
}

/// Declares an enum of the messages that one stream carries, which decodes any of them. A template id that is not listed is
/// the variant `Unknown` (streams ignore such messages); another schema is an error.
#[doc(hidden)]
#[macro_export]
macro_rules! __sbe_dispatch {
    ($(
        schema $schema:path;
        $(#[$meta:meta])*
        pub enum $name:ident $(<$life:lifetime>)? {
            $($message:ident $(<$message_life:lifetime>)?),+ $(,)?
        }
    )+) => {$(
        $crate::__sbe_dispatch! {
            @life [$($life)?] $schema; [$(#[$meta])*] $name { $($message [$message $(<$message_life>)?],)+ }
        }
    )+};
    (@life [$life:lifetime] $schema:path; $meta:tt $name:ident $variants:tt) => {
        $crate::__sbe_dispatch! { @impl [$life] [<$life>] $schema; $meta $name [$name<$life>] $variants }
    };
    (@life [] $schema:path; $meta:tt $name:ident $variants:tt) => {
        $crate::__sbe_dispatch! { @impl ['a] [] $schema; $meta $name [$name] $variants }
    };
    (
        @impl [$life:lifetime] [$($generics:tt)*] $schema:path; [$($meta:tt)*] $name:ident [$self:ty] {
            $($message:ident [$type:ty],)+
        }
    ) => {
        $($meta)*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name $($generics)* {
            $(
                #[doc = concat!("See [`", stringify!($message), "`].")]
                $message($type),
            )+
            /// A template id that this stream's reader does not know: to be ignored.
            Unknown($crate::sbe::MessageHeader),
        }

        impl $($generics)* $self {
            /// The message's name in the schema, with a capital first letter.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$message(_) => <$type as $crate::sbe::Message>::NAME,)+
                    Self::Unknown(_) => "Unknown",
                }
            }

            /// Decodes a message of this stream. Bytes after its end are ignored.
            pub fn decode(message: &$life [u8]) -> Result<Self, $crate::sbe::Malformed> {
                let (header, body) = $crate::sbe::MessageHeader::decode(message)?;
                Self::decode_body(header, body)
            }

            /// Decodes a message whose header has been read already.
            pub fn decode_body(
                header: $crate::sbe::MessageHeader,
                body: &$life [u8],
            ) -> Result<Self, $crate::sbe::Malformed> {
                let header = header.expect_schema($schema)?;
                Ok(match header.template_id {
                    $(
                        <$type as $crate::sbe::Message>::TEMPLATE_ID => Self::$message(
                            <$type as $crate::sbe::Decode<'_>>::decode_body(header.acting(), body)?,
                        ),
                    )+
                    _ => Self::Unknown(header),
                })
            }
        }
    };
}
