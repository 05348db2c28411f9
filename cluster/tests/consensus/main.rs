//! The consensus core: what must hold in every walk, and scripts of the rules.
mod scripts;
mod walks;
