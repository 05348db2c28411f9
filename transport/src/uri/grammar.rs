//! The text of a channel (04 §1.1, 05 §5.1).

use super::error::UriError;
use super::keys;
use super::params::ControlMode;
use std::fmt;
use std::str::FromStr;

/// The longest channel, in bytes, without a spy prefix.
pub const MAX_URI_LENGTH: usize = 4095;

/// What a channel that reads another publication of the same driver starts with.
pub const SPY_PREFIX: &str = "aeron-spy:";

const SCHEME: &str = "aeron:";

/// Keys of which the last one counts; of all others the first does, as in Aeron's C driver.
const LAST_WINS: [&str; 6] = [
    keys::ENDPOINT,
    keys::INTERFACE,
    keys::TTL,
    keys::CONTROL,
    keys::CONTROL_MODE,
    keys::TAGS,
];

/// What carries a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Datagrams.
    Udp,
    /// Memory of this machine.
    Ipc,
}

impl Media {
    /// `udp` or `ipc`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Ipc => "ipc",
        }
    }
}

/// A channel: media and parameters, in the order they were written.
///
/// No key occurs twice and no key or value is empty. Of a key given twice only the one that counts is kept.
///
/// ```
/// use taranis_transport::uri::ChannelUri;
///
/// let channel: ChannelUri = "aeron:udp?endpoint=localhost:40123|mtu=8k".parse()?;
/// assert_eq!(channel.get("endpoint"), Some("localhost:40123"));
/// assert_eq!(channel.size("mtu")?, Some(8192));
/// assert!("aeron:udp?endpoint=localhost:40123|mtu=".parse::<ChannelUri>().is_err());
/// # Ok::<(), taranis_transport::uri::UriError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelUri {
    is_spy: bool,
    media: Media,
    params: Vec<(String, String)>,
}

/// Something in a channel that is taken but means nothing, and so may be a slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark<'a> {
    /// A key no Aeron knows.
    UnknownKey(&'a str),
    /// A control mode no Aeron knows.
    UnknownControlMode(&'a str),
}

impl fmt::Display for Remark<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey(key) => write!(out, "unknown parameter {key} is ignored"),
            Self::UnknownControlMode(mode) => {
                write!(
                    out,
                    "unknown control-mode={mode} is ignored: manual, dynamic or response"
                )
            }
        }
    }
}

impl ChannelUri {
    /// A channel without parameters.
    #[must_use]
    pub const fn new(media: Media) -> Self {
        Self {
            is_spy: false,
            media,
            params: Vec::new(),
        }
    }

    /// Reads a channel. `aeron:udp` alone is a channel, if not one a driver can open: applications complete it.
    ///
    /// # Errors
    /// [`UriError::TooLong`] or [`UriError::Grammar`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let (is_spy, uri, start) = match text.strip_prefix(SPY_PREFIX) {
            Some(uri) => (true, uri, SPY_PREFIX.len()),
            None => (false, text, 0),
        };
        if uri.len() > MAX_URI_LENGTH {
            let head = text.as_bytes().get(..MAX_URI_LENGTH).unwrap_or_default();
            return Err(UriError::TooLong {
                length: uri.len(),
                head: String::from_utf8_lossy(head).into_owned(),
            });
        }
        let source = Source { text };
        if let Some(index) = text.find('\0') {
            return Err(source.refuse("NUL not allowed", index));
        }
        let Some(after_scheme) = uri.strip_prefix(SCHEME) else {
            return Err(source.refuse(
                "invalid URI scheme or transport: channels start with 'aeron:'",
                start,
            ));
        };
        let media_at = start.saturating_add(SCHEME.len());
        let (media, params) = match after_scheme.split_once('?') {
            Some((media, params)) => (media, Some(params)),
            None => (after_scheme, None),
        };
        let params_at = media_at.saturating_add(media.len()).saturating_add(1);
        let media = match media {
            "udp" => Media::Udp,
            "ipc" => Media::Ipc,
            _ => {
                return Err(source.refuse(
                    "invalid URI scheme or transport: the media is udp or ipc",
                    media_at,
                ));
            }
        };
        let mut channel = Self {
            is_spy,
            media,
            params: Vec::new(),
        };
        if let Some(params) = params.filter(|params| !params.is_empty()) {
            channel.read_params(source, params, params_at)?;
        }
        Ok(channel)
    }

    /// Reads a channel from bytes, as commands carry it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and [`UriError::Grammar`] where the bytes are no UTF-8.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, UriError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(fault) => {
                let lossy = String::from_utf8_lossy(
                    bytes
                        .get(..MAX_URI_LENGTH.min(bytes.len()))
                        .unwrap_or_default(),
                );
                Err(Source { text: &lossy }.refuse("a channel is UTF-8", fault.valid_up_to()))
            }
        }
    }

    fn read_params(
        &mut self,
        source: Source<'_>,
        params: &str,
        start: usize,
    ) -> Result<(), UriError> {
        let mut at = start;
        for param in params.split('|') {
            let end = at.saturating_add(param.len());
            let is_last = end == source.text.len();
            let Some((key, value)) = param.split_once('=') else {
                let rule = match (param.is_empty(), is_last) {
                    (true, true) => "no more input found, a parameter follows '|'",
                    (false, true) => "no more input found, a key is followed by '='",
                    (_, false) => "invalid end of key",
                };
                return Err(source.refuse(rule, end));
            };
            if key.is_empty() {
                return Err(source.refuse("empty key not allowed", at));
            }
            if value.is_empty() {
                return Err(source.refuse("empty value not allowed", end));
            }
            self.add(key, value);
            at = end.saturating_add(1);
        }
        Ok(())
    }

    /// Adds a parameter, or decides which of two counts.
    fn add(&mut self, key: &str, value: &str) {
        match self.params.iter_mut().find(|(known, _)| known == key) {
            Some((_, kept)) if LAST_WINS.contains(&key) => value.clone_into(kept),
            Some(_) => {}
            None => self.params.push((key.to_owned(), value.to_owned())),
        }
    }

    /// Sets a parameter and gives back the value it had. A new one is written last.
    ///
    /// # Errors
    /// [`UriError::Unwritable`] if key or value could not be read back.
    pub fn put(&mut self, key: &str, value: &str) -> Result<Option<String>, UriError> {
        let unwritable = |text: &str| text.is_empty() || text.contains(['|', '\0']);
        if unwritable(key) || key.contains('=') || unwritable(value) {
            return Err(UriError::Unwritable {
                key: key.to_owned(),
                value: value.to_owned(),
            });
        }
        match self.params.iter_mut().find(|(known, _)| known == key) {
            Some((_, kept)) => Ok(Some(std::mem::replace(kept, value.to_owned()))),
            None => {
                self.params.push((key.to_owned(), value.to_owned()));
                Ok(None)
            }
        }
    }

    /// Removes a parameter and gives back its value.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        let index = self.params.iter().position(|(known, _)| known == key)?;
        Some(self.params.remove(index).1)
    }

    /// Makes this a spy, or not one.
    pub const fn set_spy(&mut self, is_spy: bool) {
        self.is_spy = is_spy;
    }

    /// The value of a parameter, by its whole key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }

    /// Is the parameter there?
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// All parameters, in order.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// What carries the channel.
    #[must_use]
    pub const fn media(&self) -> Media {
        self.media
    }

    /// Does the channel read another publication of the driver (`aeron-spy:`)?
    #[must_use]
    pub const fn is_spy(&self) -> bool {
        self.is_spy
    }

    /// Is this `aeron:udp`?
    #[must_use]
    pub fn is_udp(&self) -> bool {
        self.media == Media::Udp
    }

    /// Is this `aeron:ipc`?
    #[must_use]
    pub fn is_ipc(&self) -> bool {
        self.media == Media::Ipc
    }

    /// What in the channel is ignored and may be a slip: worth one warning when the channel is first used.
    pub fn remarks(&self) -> impl Iterator<Item = Remark<'_>> {
        self.params().filter_map(|(key, value)| {
            if !keys::ALL.contains(&key) {
                Some(Remark::UnknownKey(key))
            } else if key == keys::CONTROL_MODE && ControlMode::from_name(value).is_none() {
                Some(Remark::UnknownControlMode(value))
            } else {
                None
            }
        })
    }
}

impl FromStr for ChannelUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(text)
    }
}

impl fmt::Display for ChannelUri {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_spy {
            out.write_str(SPY_PREFIX)?;
        }
        write!(out, "{SCHEME}{}", self.media.name())?;
        for (index, (key, value)) in self.params().enumerate() {
            write!(out, "{}{key}={value}", if index == 0 { '?' } else { '|' })?;
        }
        Ok(())
    }
}

/// The text being read, for errors.
#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a str,
}

impl Source<'_> {
    fn refuse(self, rule: &'static str, index: usize) -> UriError {
        UriError::Grammar {
            rule,
            index,
            uri: self.text.to_owned(),
        }
    }
}
