//! The control protocol on the archive's side: sessions with clients (06 §5).

pub mod channel;
mod session;

pub(crate) use session::ControlSession;
