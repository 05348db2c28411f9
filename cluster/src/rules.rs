//! Which rules of consensus a node keeps (spec 09 §19.4).

/// The rules all members of a cluster are set to; one value, alike on every member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// Aeron's own, §5 to §13 to the letter. They lose answered bytes (§19.3): for comparison and tests.
    Aeron,
    /// P F C G R X D and M of §19.4: no member runs Java.
    #[default]
    Strict,
}

impl Rules {
    /// Whether promises, ladder and gate of §19.4 hold.
    #[must_use]
    pub const fn ours(self) -> bool {
        match self {
            Self::Aeron => false,
            Self::Strict => true,
        }
    }

    /// Aeron's followers say a term they hold in memory only; nobody else gets this licence.
    #[must_use]
    pub const fn from_memory(self) -> Option<FromMemory> {
        match self {
            Self::Aeron => Some(FromMemory(())),
            Self::Strict => None,
        }
    }
}

/// The licence of [`Rules::Aeron`] to report a term that is not on disk (§19.3 A3).
#[derive(Clone, Copy, Debug)]
pub struct FromMemory(());

/// `protocolVersion` of a Java member (1.0.0): seeing one turns rule M off.
pub const PROTOCOL_JAVA: i32 = 65_536;
/// `protocolVersion` of a member that keeps §19.4 (1.0.1).
pub const PROTOCOL_TARANIS: i32 = 65_537;
