//! One client command per cycle (spec 04 §2.1).

use taranis_runtime::{cycle::Cycle, mem::ring::Action};

use super::{
    DriverConductor,
    core::Core,
    reply::Refusal,
    resolve::Purpose,
    work::{Asked, Progress},
};
use crate::command::{Command, CommandBody, CommandRefused, ErrorCode, Event, PublicationError};
use crate::counters::SystemCounter;

/// Longest reason of a rejection, in bytes.
const REASON_MAX: usize = 1023;

impl DriverConductor {
    /// Takes one command from the ring and does it, or begins it.
    pub(super) fn take_command(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let mut taken = None;
        let (core, on_terminate) = (&mut self.core, &mut self.on_terminate);
        let read = self.commands.controlled_read(1, |type_id, message| {
            taken = match Command::decode(type_id, message) {
                Ok(command) => {
                    let asked = Asked {
                        client_id: command.client_id,
                        correlation_id: command.correlation_id,
                    };
                    if let CommandBody::TerminateDriver { token } = command.body {
                        core.wants_end |= on_terminate(token);
                        None
                    } else {
                        Some((asked, core.execute(asked, command.body)))
                    }
                }
                Err(refused) => {
                    core.refuse_malformed(&refused);
                    None
                }
            };
            Action::Continue
        });
        if let Err(corrupt) = &read {
            let now_ms = self.core.now.epoch_ms();
            let refusal = Refusal::new(ErrorCode::MalformedCommand, corrupt.to_string());
            self.core.reply.record(now_ms, &refusal);
        }
        if let Some((asked, progress)) = taken {
            self.on_progress(asked, progress, cycle);
        }
        read.unwrap_or(1)
    }
}

impl Core {
    fn refuse_malformed(&mut self, refused: &CommandRefused) {
        let (code, correlation_id) = match refused {
            CommandRefused::UnknownTypeId { correlation_id, .. } => {
                (ErrorCode::UnknownCommandTypeId, *correlation_id)
            }
            CommandRefused::Malformed { correlation_id, .. } => {
                (ErrorCode::MalformedCommand, *correlation_id)
            }
        };
        let refusal = Refusal::new(code, refused.to_string());
        let now_ms = self.now_ms();
        match correlation_id {
            Some(correlation_id) => self.reply.refuse(now_ms, correlation_id, &refusal),
            None => self.reply.record(now_ms, &refusal),
        }
    }

    fn execute(&mut self, asked: Asked, body: CommandBody<'_>) -> Result<Progress, Refusal> {
        match body {
            CommandBody::AddPublication { stream_id, channel } => {
                return self.add_publication(asked, (stream_id, channel), false);
            }
            CommandBody::AddExclusivePublication { stream_id, channel } => {
                return self.add_publication(asked, (stream_id, channel), true);
            }
            CommandBody::AddSubscription { stream_id, channel } => {
                return self.add_subscription(asked, (stream_id, channel));
            }
            CommandBody::AddDestination {
                registration_id,
                channel,
            } => {
                let publication_id = registration_id;
                let purpose = Purpose::AddDestination { publication_id };
                return self.begin_destination(asked, publication_id, channel, purpose);
            }
            CommandBody::RemoveDestination {
                registration_id,
                channel,
            } => {
                let publication_id = registration_id;
                let purpose = Purpose::RemoveDestination { publication_id };
                return self.begin_destination(asked, publication_id, channel, purpose);
            }
            CommandBody::RemoveDestinationById {
                registration_id,
                destination_id,
            } => {
                return self.remove_destination_by_id(asked, registration_id, destination_id);
            }
            CommandBody::AddRcvDestination {
                registration_id,
                channel,
            } => {
                return self.begin_add_receive_destination(asked, registration_id, channel);
            }
            CommandBody::RemoveRcvDestination {
                registration_id,
                channel,
            } => {
                return self.begin_remove_receive_destination(asked, registration_id, channel);
            }
            CommandBody::RemovePublication {
                registration_id,
                revoke,
            } => {
                let publication = self.let_go(asked.client_id, registration_id)?;
                self.release_publication(publication, revoke);
                self.reply.success(asked.correlation_id);
            }
            CommandBody::RemoveSubscription { registration_id } => {
                self.remove_subscription(asked.ids(), registration_id)?;
            }
            CommandBody::AddCounter {
                type_id,
                key,
                label,
            } => {
                self.add_counter(asked.ids(), type_id, key, label)?;
            }
            CommandBody::AddStaticCounter {
                registration_id,
                type_id,
                key,
                label,
            } => {
                self.add_static_counter(asked.ids(), registration_id, (type_id, key, label))?;
            }
            CommandBody::RemoveCounter { registration_id } => {
                self.remove_counter(asked.ids(), registration_id)?;
            }
            CommandBody::ClientKeepalive => self.keepalive(asked.client_id),
            CommandBody::ClientClose => self.close_client(asked.client_id),
            CommandBody::RejectImage {
                image_correlation_id,
                reason,
                ..
            } => {
                self.reject_image(asked, image_correlation_id, reason)?;
            }
            CommandBody::GetNextAvailableSessionId { stream_id } => {
                let session_id = self.next_session_id_of(stream_id);
                let correlation_id = asked.correlation_id;
                self.reply.send(&Event::NextAvailableSessionId {
                    correlation_id,
                    session_id,
                });
            }
            // Taken before: it is the application that ends the driver.
            CommandBody::TerminateDriver { .. } => {}
        }
        Ok(Progress::Done)
    }

    fn reject_image(&mut self, asked: Asked, id: i64, reason: &[u8]) -> Result<(), Refusal> {
        if reason.len() > REASON_MAX {
            let text = format!("Invalidation reason_text must be {REASON_MAX} bytes or less");
            return Err(Refusal::new(ErrorCode::GenericError, text));
        }
        if !self.reject_network_image(id, reason) {
            let Some(publication) = self.ipc.get(id) else {
                let text = format!("Unable to resolve image for correlationId={id}");
                return Err(Refusal::new(ErrorCode::GenericError, text));
            };
            let error = PublicationError {
                registration_id: id,
                destination_id: None,
                session_id: publication.session_id,
                stream_id: publication.stream_id,
                receiver_id: -1,
                group_tag: None,
                source: Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0))),
                code: ErrorCode::ImageRejected,
                text: reason,
            };
            self.reply.send(&Event::PublicationError(error));
            self.reject_ipc(id);
        }
        self.counters
            .system(SystemCounter::ImagesRejected)
            .increment();
        self.reply.success(asked.correlation_id);
        Ok(())
    }
}
