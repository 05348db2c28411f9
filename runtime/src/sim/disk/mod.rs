//! Durable files and the names of a host, with what survives a kill and what survives a power cut.

mod content;
mod inode;
mod tree;

pub(crate) use self::inode::SimFile;
pub(super) use self::tree::Tree;
