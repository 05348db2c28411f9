//! Numbers of the control protocol: commands, events and error codes (spec 02 §6.1, §8.4).

use std::fmt;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $(#[$variant_doc])* $variant = $value,)*
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The one of that number, if there is one.
            pub const fn from_wire(value: i32) -> Option<Self> {
                match value {
                    $($value => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The number in the record's header.
            pub const fn to_wire(self) -> i32 {
                self as i32
            }

            /// Aeron's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// What a client asks of the driver.
    CommandCode {
        AddPublication = 0x01, "ADD_PUBLICATION";
        RemovePublication = 0x02, "REMOVE_PUBLICATION";
        AddExclusivePublication = 0x03, "ADD_EXCLUSIVE_PUBLICATION";
        AddSubscription = 0x04, "ADD_SUBSCRIPTION";
        RemoveSubscription = 0x05, "REMOVE_SUBSCRIPTION";
        ClientKeepalive = 0x06, "CLIENT_KEEPALIVE";
        AddDestination = 0x07, "ADD_DESTINATION";
        RemoveDestination = 0x08, "REMOVE_DESTINATION";
        AddCounter = 0x09, "ADD_COUNTER";
        RemoveCounter = 0x0A, "REMOVE_COUNTER";
        ClientClose = 0x0B, "CLIENT_CLOSE";
        AddRcvDestination = 0x0C, "ADD_RCV_DESTINATION";
        RemoveRcvDestination = 0x0D, "REMOVE_RCV_DESTINATION";
        TerminateDriver = 0x0E, "TERMINATE_DRIVER";
        AddStaticCounter = 0x0F, "ADD_STATIC_COUNTER";
        RejectImage = 0x10, "REJECT_IMAGE";
        RemoveDestinationById = 0x11, "REMOVE_DESTINATION_BY_ID";
        GetNextAvailableSessionId = 0x12, "GET_NEXT_AVAILABLE_SESSION_ID";
    }
}

codes! {
    /// What the driver tells its clients.
    EventCode {
        Error = 0x0F01, "ON_ERROR";
        AvailableImage = 0x0F02, "ON_AVAILABLE_IMAGE";
        PublicationReady = 0x0F03, "ON_PUBLICATION_READY";
        OperationSuccess = 0x0F04, "ON_OPERATION_SUCCESS";
        UnavailableImage = 0x0F05, "ON_UNAVAILABLE_IMAGE";
        ExclusivePublicationReady = 0x0F06, "ON_EXCLUSIVE_PUBLICATION_READY";
        SubscriptionReady = 0x0F07, "ON_SUBSCRIPTION_READY";
        CounterReady = 0x0F08, "ON_COUNTER_READY";
        UnavailableCounter = 0x0F09, "ON_UNAVAILABLE_COUNTER";
        ClientTimeout = 0x0F0A, "ON_CLIENT_TIMEOUT";
        StaticCounter = 0x0F0B, "ON_STATIC_COUNTER";
        PublicationError = 0x0F0C, "ON_PUBLICATION_ERROR";
        NextAvailableSessionId = 0x0F0D, "ON_NEXT_AVAILABLE_SESSION_ID";
    }
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $value:literal, $name:literal, $description:literal;)*) => {
        /// Why the driver refused a command, or what happened to a publication (spec 02 §8.4).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
            /// A number this version doesn't know; Aeron's name for it is `UNKNOWN_CODE_VALUE`.
            Unknown(i32),
        }

        impl ErrorCode {
            /// The code of that number; every number has one.
            pub const fn from_wire(value: i32) -> Self {
                match value {
                    $($value => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }

            /// The number in the message.
            pub const fn to_wire(self) -> i32 {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Unknown(value) => value,
                }
            }

            /// Aeron's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown(_) => "UNKNOWN_CODE_VALUE",
                }
            }

            /// The description that a driver's error texts carry (spec 02 §8.3).
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)*
                    Self::Unknown(_) => "unknown error code",
                }
            }
        }
    };
}

error_codes! {
    /// Never sent.
    Unused = 0, "UNUSED", "generic error, see message";
    /// A bad URI, a session id that clashes, a destination that may not be one.
    InvalidChannel = 1, "INVALID_CHANNEL", "invalid channel";
    /// No subscription has that registration id.
    UnknownSubscription = 2, "UNKNOWN_SUBSCRIPTION", "unknown subscription";
    /// No publication has that registration id.
    UnknownPublication = 3, "UNKNOWN_PUBLICATION", "unknown publication";
    /// A channel's socket failed; the offending id is its channel status counter. Old drivers only.
    ChannelEndpointError = 4, "CHANNEL_ENDPOINT_ERROR", "channel endpoint error";
    /// No counter has that registration id.
    UnknownCounter = 5, "UNKNOWN_COUNTER", "unknown counter";
    /// The driver doesn't know that command.
    UnknownCommandTypeId = 6, "UNKNOWN_COMMAND_TYPE_ID", "unknown command type id";
    /// A command too short for what it says it carries.
    MalformedCommand = 7, "MALFORMED_COMMAND", "malformed command";
    /// Reserved.
    NotSupported = 8, "NOT_SUPPORTED", "not supported";
    /// A name didn't resolve.
    UnknownHost = 9, "UNKNOWN_HOST", "unknown host";
    /// The endpoint is being closed: try again.
    ResourceTemporarilyUnavailable = 10, "RESOURCE_TEMPORARILY_UNAVAILABLE", "resource temporarily unavailable";
    /// Everything else; the text says what.
    GenericError = 11, "GENERIC_ERROR", "generic error, see message";
    /// No room for a log buffer.
    StorageSpace = 12, "STORAGE_SPACE", "insufficient storage space";
    /// A subscriber rejected the image of this publication.
    ImageRejected = 13, "IMAGE_REJECTED", "image rejected";
    /// Reserved.
    PublicationRevoked = 14, "PUBLICATION_REVOKED", "publication revoked";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.to_wire())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_back_to_its_code() {
        for code in CommandCode::ALL {
            assert_eq!(CommandCode::from_wire(code.to_wire()), Some(*code));
        }
        for code in EventCode::ALL {
            assert_eq!(EventCode::from_wire(code.to_wire()), Some(*code));
        }
        assert_eq!(CommandCode::from_wire(0x13), None);
        assert_eq!(EventCode::from_wire(0x0F0E), None);
        for value in -2..20 {
            assert_eq!(ErrorCode::from_wire(value).to_wire(), value);
        }
        assert_eq!(ErrorCode::from_wire(15), ErrorCode::Unknown(15));
        assert_eq!(ErrorCode::UnknownHost.to_string(), "UNKNOWN_HOST (9)");
    }
}
