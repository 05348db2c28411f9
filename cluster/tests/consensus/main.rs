//! The consensus core: what must hold in every walk, and scripts of the rules.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::print_stdout,
    reason = "how much was walked is part of what a walk shows"
)]

mod scripts;
mod walks;
