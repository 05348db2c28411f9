use std::fmt;

/// Three numbers in an i32: `major << 16 | minor << 8 | patch` (spec 01 §9). Equal majors are compatible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SemanticVersion(i32);

impl SemanticVersion {
    /// The version of those three numbers.
    pub const fn new(major: u8, minor: u8, patch: u8) -> Self {
        Self((major as i32) << 16 | (minor as i32) << 8 | patch as i32)
    }

    /// As it stands in a file or counter.
    pub const fn from_wire(value: i32) -> Self {
        Self(value)
    }

    /// As it stands in a file or counter.
    pub const fn to_wire(self) -> i32 {
        self.0
    }

    /// What must be equal.
    pub const fn major(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// What may grow.
    pub const fn minor(self) -> u8 {
        self.0.to_be_bytes()[2]
    }

    /// What does not matter.
    pub const fn patch(self) -> u8 {
        self.0.to_be_bytes()[3]
    }
}

impl fmt::Display for SemanticVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major(), self.minor(), self.patch())
    }
}

impl fmt::Debug for SemanticVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_three_numbers_as_01_9_says() {
        let version = SemanticVersion::new(1, 52, 2);
        assert_eq!(version.to_wire(), 78_850);
        assert_eq!(version.to_string(), "1.52.2");
        assert_eq!(
            SemanticVersion::from_wire(512),
            SemanticVersion::new(0, 2, 0)
        );
        assert_eq!(SemanticVersion::from_wire(-1).major(), 255);
    }
}
