//! The `fc` parameter (04 §1.4.2, 03 §3.4).
//!
//! ```text
//! fc = max    [ ,rrwm:<n> ]
//! fc = min    { ,g:/<min size> | ,t:<duration> | ,rrwm:<n> }
//! fc = tagged { ,g:<tag> | ,g:<tag>/<min size> | ,g:/<min size> | ,t:<duration> | ,rrwm:<n> }
//! ```

use super::error::UriError;
use super::grammar::ChannelUri;
use super::quantity::parse_duration_ns;

const MAX_NUMBER_LENGTH: usize = 63;

/// Whom a multicast or multi-destination sender waits for. What is `None` comes from the driver's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlowControl {
    /// The fastest receiver.
    Max {
        /// Retransmission limit in receiver windows.
        retransmit_window_multiple: Option<u32>,
    },
    /// All receivers.
    Min(GroupOptions),
    /// All receivers with the group tag.
    Tagged {
        /// The tag.
        group_tag: Option<i64>,
        /// The rest.
        options: GroupOptions,
    },
}

/// What `min` and `tagged` have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupOptions {
    /// Receivers needed for the publication to count as connected.
    pub group_min_size: Option<i32>,
    /// Silence after which a receiver is no longer waited for.
    pub receiver_timeout_ns: Option<i64>,
    /// Retransmission limit in receiver windows.
    pub retransmit_window_multiple: Option<u32>,
}

impl FlowControl {
    /// Reads the value of `fc`.
    ///
    /// `g:` of `min` may name a tag, as in Aeron: `min` waits for everybody, whatever the tag.
    ///
    /// # Errors
    /// [`UriError::FlowControlName`], [`UriError::FlowControlNameMissing`], [`UriError::FlowControlOption`],
    /// [`UriError::FlowControlNumber`]
    pub fn parse(text: &str, channel: &ChannelUri) -> Result<Self, UriError> {
        let mut fields = text.split(',');
        let name = fields.next().unwrap_or_default();
        if !matches!(name, "max" | "min" | "tagged") {
            let uri = channel.to_string();
            return Err(if name.is_empty() {
                UriError::FlowControlNameMissing { uri }
            } else {
                UriError::FlowControlName {
                    name: name.to_owned(),
                    uri,
                }
            });
        }
        let mut options = GroupOptions::default();
        let mut group_tag = None;
        for field in fields {
            let field = Field {
                field,
                options: text,
            };
            match field.field.split_once(':') {
                Some(("rrwm", value)) => {
                    options.retransmit_window_multiple = Some(field.multiple(value)?)
                }
                Some(("t", value)) if name != "max" && !value.is_empty() => {
                    options.receiver_timeout_ns = Some(field.timeout(value)?);
                }
                Some(("g", value)) if name != "max" && !value.is_empty() => {
                    let (tag, size) = field.group(value)?;
                    group_tag = tag.or(group_tag);
                    options.group_min_size = size.or(options.group_min_size);
                }
                _ => return Err(field.refuse("Flow control options - unrecognised option")),
            }
        }
        Ok(match name {
            "max" => Self::Max {
                retransmit_window_multiple: options.retransmit_window_multiple,
            },
            "min" => Self::Min(options),
            _ => Self::Tagged { group_tag, options },
        })
    }
}

/// One option, with all of them for errors.
#[derive(Clone, Copy)]
struct Field<'a> {
    field: &'a str,
    options: &'a str,
}

impl Field<'_> {
    fn refuse(self, rule: &'static str) -> UriError {
        UriError::FlowControlOption {
            rule,
            field: self.field.to_owned(),
            options: self.options.to_owned(),
        }
    }

    fn check_length(self, value: &str) -> Result<(), UriError> {
        if value.len() <= MAX_NUMBER_LENGTH {
            return Ok(());
        }
        Err(UriError::FlowControlNumber {
            found: value.len(),
            field: value.to_owned(),
            options: self.options.to_owned(),
        })
    }

    fn multiple(self, value: &str) -> Result<u32, UriError> {
        value.parse().ok().filter(|&multiple| multiple > 0).ok_or_else(|| {
            self.refuse("Flow control options - invalid flow control retransmit receiver window multiple")
        })
    }

    fn timeout(self, value: &str) -> Result<i64, UriError> {
        self.check_length(value)?;
        parse_duration_ns(value)
            .ok_or_else(|| self.refuse("Flow control options - invalid timeout"))
    }

    /// A tag, a minimum size after a slash, or both; the value is not empty.
    fn group(self, value: &str) -> Result<(Option<i64>, Option<i32>), UriError> {
        self.check_length(value)?;
        let (tag, size) = match value.split_once('/') {
            Some((tag, size)) => (tag, Some(size)),
            None => (value, None),
        };
        let tag = match tag {
            "" => None,
            _ => Some(
                tag.parse()
                    .map_err(|_| self.refuse("Flow control options - invalid group"))?,
            ),
        };
        let size = match size {
            Some(size) => match size.parse().ok().filter(|&size: &i32| size >= 0) {
                Some(size) => Some(size),
                None => return Err(self.refuse("Group count invalid")),
            },
            None => None,
        };
        Ok((tag, size))
    }
}
