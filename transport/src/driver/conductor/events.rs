//! What sender and receiver report (spec 04 §2.3.4), and the one image that is being made.

use taranis_runtime::{
    cycle::Cycle,
    io::{Chore, Outcome, Ticket},
    mem::Pages,
};

use super::{DriverConductor, EVENTS_PER_CYCLE, core::Core, reply::Refusal, work::unexpected};
use crate::{
    command::{ErrorCode, Event, PublicationError},
    driver::delegates::{
        Forgotten, FromReceiver, FromSender, ImageRequest, PublicationError as ErrorFrame,
    },
};

/// An image whose log is being mapped.
#[derive(Debug)]
pub(super) struct ImageWork {
    request: Box<ImageRequest>,
    correlation_id: i64,
    ticket: Ticket,
}

impl DriverConductor {
    /// Events of both network agents, within the bound of a cycle. One image is made at a time; the receiver's other
    /// events wait behind it.
    pub(super) fn take_events(&mut self, cycle: &mut Cycle<'_>) -> usize {
        let mut work = self.work_on_image();
        for _ in 0..EVENTS_PER_CYCLE {
            let Ok(event) = self.from_sender.try_recv() else {
                break;
            };
            self.core.on_sender_event(event);
            work += 1;
        }
        for _ in 0..EVENTS_PER_CYCLE {
            if self.image_work.is_some() {
                break;
            }
            let Ok(event) = self.from_receiver.try_recv() else {
                break;
            };
            work += 1;
            match event {
                FromReceiver::CreateImage(request) => self.begin_image(request, cycle),
                event => self.core.on_receiver_event(event),
            }
        }
        work
    }

    fn begin_image(&mut self, request: Box<ImageRequest>, cycle: &mut Cycle<'_>) {
        let (len, is_sparse) = match self.core.check_image(&request) {
            Ok(Some(wanted)) => wanted,
            Ok(None) => return self.core.forget(&request, Forgotten::InitInProgress),
            Err(refusal) => return self.core.fail_image(&request, &refusal),
        };
        let correlation_id = self.core.cnc.cnc().next_correlation_id();
        let pages = if is_sparse {
            Pages::Sparse
        } else {
            Pages::Populated
        };
        let path = self.core.image_path(correlation_id);
        match cycle.chores.ask(Chore::CreateShared { path, len, pages }) {
            Ok(ticket) => {
                self.image_work = Some(ImageWork {
                    request,
                    correlation_id,
                    ticket,
                })
            }
            // The next SETUP tries again.
            Err(_) => self.core.forget(&request, Forgotten::InitInProgress),
        }
    }

    fn work_on_image(&mut self) -> usize {
        let Some(work) = self.image_work.take() else {
            return 0;
        };
        let Some(completion) = self.outcome_of(work.ticket) else {
            self.image_work = Some(work);
            return 0;
        };
        let made = match completion.outcome {
            Outcome::Region(region) => {
                self.core
                    .create_image(&work.request, work.correlation_id, region)
            }
            other => Err(unexpected("map image log buffer", &other)),
        };
        if let Err(refusal) = made {
            self.core.fail_image(&work.request, &refusal);
        }
        1
    }

    /// Failures of chores that nobody waits for: a log that can't be removed is counted.
    pub(super) fn note_loose_outcomes(&mut self) {
        let waited = [
            self.image_work.as_ref().map(|work| work.ticket),
            self.work.as_ref().and_then(|work| match work.waiting {
                super::work::Waiting::Outcome(ticket) => Some(ticket),
                super::work::Waiting::Room(_) => None,
            }),
        ];
        let core = &mut self.core;
        self.completions.retain(|completion| {
            let is_waited_for = waited.contains(&Some(completion.ticket));
            if !is_waited_for && matches!(completion.outcome, Outcome::Failed(_)) {
                core.counters
                    .system(crate::counters::SystemCounter::FreeFails)
                    .increment();
            }
            is_waited_for
        });
    }
}

impl Core {
    fn fail_image(&mut self, request: &ImageRequest, refusal: &Refusal) {
        let now_ms = self.now_ms();
        self.reply.record(now_ms, refusal);
        self.forget(request, Forgotten::InitInProgress);
    }

    fn on_sender_event(&mut self, event: FromSender) {
        match event {
            FromSender::EndpointClosed(id) => self.on_send_endpoint_closed(id),
            FromSender::PublicationReleased { registration_id } => {
                self.on_publication_released(registration_id)
            }
            FromSender::PublicationError(error) => self.on_publication_error(&error),
            FromSender::Problem(text) => self.record_problem(&text),
        }
    }

    fn on_receiver_event(&mut self, event: FromReceiver) {
        match event {
            FromReceiver::ImageReleased { correlation_id } => {
                self.on_image_released(correlation_id)
            }
            FromReceiver::EndpointClosed(id) => self.on_receive_endpoint_closed(id),
            FromReceiver::DestinationClosed {
                endpoint,
                destination,
            } => {
                self.on_destination_closed(endpoint, destination);
            }
            FromReceiver::Problem(text) => self.record_problem(&text),
            // Taken before: it needs the cycle.
            FromReceiver::CreateImage(_) => {}
        }
    }

    fn record_problem(&mut self, text: &str) {
        let now_ms = self.now_ms();
        self.reply
            .record(now_ms, &Refusal::new(ErrorCode::GenericError, text));
    }

    fn on_publication_error(&mut self, error: &ErrorFrame) {
        let text = format!(
            "onPublicationError: registrationId={}, destinationRegistrationId={}, sessionId={}, streamId={}, \
             receiverId={}, groupId={}, errorCode={}, errorMessage={}",
            error.registration_id,
            error.destination_registration_id,
            error.session_id,
            error.stream_id,
            error.receiver_id,
            error.group_tag,
            error.error_code,
            error.message
        );
        self.record_problem(&text);
        let event = PublicationError {
            registration_id: error.registration_id,
            destination_id: Some(error.destination_registration_id).filter(|id| *id != -1),
            session_id: error.session_id,
            stream_id: error.stream_id,
            receiver_id: error.receiver_id,
            group_tag: Some(error.group_tag).filter(|tag| *tag != -1),
            source: Some(error.source),
            code: ErrorCode::from_wire(error.error_code),
            text: error.message.as_bytes(),
        };
        self.reply.send(&Event::PublicationError(event));
    }
}
