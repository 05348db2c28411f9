//! The session header, which stands before every application message (08 §1.3).

use taranis_runtime::sbe::{
    self, Acting, Decode, Encode, Malformed, Message, Reader, Schema, TooSmall, Writer,
};

use super::CLUSTER;

sbe::messages! {
    schema CLUSTER;

    /// Stands before an application message on ingress, log, egress, the control stream of services and in snapshots; what
    /// its fields mean on each is in 08 §1.3.
    SessionMessageHeader = 1, block 24 {
        leadership_term_id: i64,
        cluster_session_id: i64,
        timestamp: i64,
    }
}

/// A [`SessionMessageHeader`] with the application message behind it, which runs to the end of the fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionMessage<'a> {
    /// The header.
    pub header: SessionMessageHeader,
    /// The application's message.
    pub payload: &'a [u8],
}

impl SessionMessageHeader {
    /// Length in bytes with the message header: application messages begin here, whatever block length the sender gives
    /// (08 §1.1, last trap).
    pub const LENGTH: usize = 32;
}

impl Encode for SessionMessage<'_> {
    const BLOCK_LENGTH: u16 = SessionMessageHeader::BLOCK_LENGTH;

    fn body_len(&self) -> usize {
        self.header.body_len().saturating_add(self.payload.len())
    }

    fn write_body(&self, out: &mut Writer<'_>) -> Result<(), TooSmall> {
        self.header.write_body(out)?;
        out.put(self.payload)
    }
}

impl<'a> Decode<'a> for SessionMessage<'a> {
    fn read_body(acting: Acting, input: &mut Reader<'a>) -> Result<Self, Malformed> {
        let acting = Acting {
            block_length: acting.block_length.min(Self::BLOCK_LENGTH),
            ..acting
        };
        let header = SessionMessageHeader::read_body(acting, input)?;
        let payload = input.take(input.rest().len(), "payload")?;
        Ok(Self { header, payload })
    }
}

impl Message for SessionMessage<'_> {
    const SCHEMA: Schema = SessionMessageHeader::SCHEMA;
    const TEMPLATE_ID: u16 = SessionMessageHeader::TEMPLATE_ID;
    const VERSION: u16 = SessionMessageHeader::VERSION;
    const NAME: &'static str = "SessionMessage";
}
