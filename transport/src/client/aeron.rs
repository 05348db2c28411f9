//! A client of a media driver: connecting, and asking for things (spec 05 §1.4, §2).

use std::sync::Arc;

use taranis_runtime::{
    clock::Now,
    mem::{Names, counters::CountersReader},
};

use super::{
    conductor::{ClientConductor, Handlers},
    context::Context,
    counter::{Counter, CounterListener},
    error::ClientError,
    exclusive::ExclusivePublication,
    image::ImageHandlers,
    link::{Ask, CounterSpec, Link, Stream, checked_channel},
    pending::Pending,
    publication::Publication,
    subscription::Subscription,
};
use crate::{
    cnc::{Attach, SemanticVersion},
    counters::{KEY_LENGTH, LABEL_MAX, SystemCounter, type_id},
};

/// First control protocol that knows of asking for session ids.
const SESSION_ID_PROTOCOL: SemanticVersion = SemanticVersion::new(1, 0, 0);

/// An attempt to connect, polled until there is a driver or the driver timeout is over.
///
/// What comes out is a handle for asking, and the conductor that does the work: an agent to be given a thread.
#[derive(Debug)]
pub struct Connect {
    attach: Attach,
    parts: Option<(Context, Handlers)>,
}

impl Connect {
    /// Begins now.
    ///
    /// # Errors
    /// [`ClientError::Config`] when the settings can't be used.
    pub fn new(context: Context, handlers: Handlers, now: Now) -> Result<Self, ClientError> {
        context.check()?;
        Ok(Self {
            attach: Attach::new(
                context.cnc_path(),
                context.driver_timeout.as_ns(),
                now.mono_ns,
            ),
            parts: Some((context, handlers)),
        })
    }

    /// Looks for the driver, if it is time to; `None`: not yet.
    ///
    /// # Errors
    /// [`ClientError::Attach`] when there is no driver that can be used, [`ClientError::Config`] when its settings and the
    /// client's exclude each other, [`ClientError::Closed`] after it has succeeded.
    pub fn poll(
        &mut self,
        now: Now,
        names: &Names,
    ) -> Result<Option<(Aeron, ClientConductor)>, ClientError> {
        if self.parts.is_none() {
            return Err(ClientError::Closed);
        }
        let Some(cnc) = self.attach.poll(names, now.mono_ns, now.epoch_ms())? else {
            return Ok(None);
        };
        let Some((context, handlers)) = self.parts.take() else {
            return Err(ClientError::Closed);
        };
        let (conductor, link) = ClientConductor::new(context, handlers, cnc, now)?;
        Ok(Some((Aeron(Arc::new(Owner(link))), conductor)))
    }

    /// When the next look is due, in monotonic nanoseconds.
    pub fn next_look_ns(&self) -> i64 {
        self.attach.next_look_ns()
    }
}

/// A client, for asking: from any thread, through any number of clones. When the last clone is dropped the client closes, and
/// with it everything it gave out.
///
/// Nothing here waits: what is asked for comes through a [`Pending`], polled once per turn.
#[derive(Clone, Debug)]
pub struct Aeron(Arc<Owner>);

#[derive(Debug)]
struct Owner(Arc<Link>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.signals.ask_to_close();
    }
}

impl Aeron {
    /// Asks for a publication that may be shared: the driver's other publications of this channel and stream are the same.
    ///
    /// # Errors
    /// When the channel is none, the client closed, or the conductor's queue full.
    pub fn async_add_publication(
        &self,
        channel: &str,
        stream_id: i32,
    ) -> Result<Pending<Publication>, ClientError> {
        let stream = stream(channel, stream_id)?;
        self.link()
            .ask(|reply| Ask::AddPublication { stream, reply })
    }

    /// Asks for a publication of its own stream, for one writer.
    ///
    /// # Errors
    /// As [`Aeron::async_add_publication`].
    pub fn async_add_exclusive_publication(
        &self,
        channel: &str,
        stream_id: i32,
    ) -> Result<Pending<ExclusivePublication>, ClientError> {
        let stream = stream(channel, stream_id)?;
        self.link()
            .ask(|reply| Ask::AddExclusivePublication { stream, reply })
    }

    /// Asks for a subscription; its images come to it, and to the handlers, from then on.
    ///
    /// # Errors
    /// As [`Aeron::async_add_publication`].
    pub fn async_add_subscription(
        &self,
        channel: &str,
        stream_id: i32,
        handlers: ImageHandlers,
    ) -> Result<Pending<Subscription>, ClientError> {
        let stream = stream(channel, stream_id)?;
        self.link().ask(|reply| Ask::AddSubscription {
            stream,
            handlers,
            reply,
        })
    }

    /// Asks for a counter that lives as long as its handle and this client. Keys have at most 112 bytes, labels 380; types of
    /// applications begin at 1,000.
    ///
    /// # Errors
    /// When key or label is too long, the client closed, or the conductor's queue full.
    pub fn async_add_counter(
        &self,
        type_id: i32,
        key: &[u8],
        label: &str,
    ) -> Result<Pending<Counter>, ClientError> {
        let spec = counter_spec(type_id, key, label)?;
        self.link().ask(|reply| Ask::AddCounter { spec, reply })
    }

    /// Asks for a counter that outlives this client; one of that type and registration id that is there already is given.
    ///
    /// # Errors
    /// As [`Aeron::async_add_counter`].
    pub fn async_add_static_counter(
        &self,
        type_id: i32,
        key: &[u8],
        label: &str,
        registration_id: i64,
    ) -> Result<Pending<Counter>, ClientError> {
        let spec = counter_spec(type_id, key, label)?;
        self.link().ask(|reply| Ask::AddStaticCounter {
            registration_id,
            spec,
            reply,
        })
    }

    /// Asks for a session id that no publication of that stream uses. It is not reserved.
    ///
    /// # Errors
    /// [`ClientError::DriverTooOld`] when the driver can't be asked: choose one at random then.
    pub fn async_next_session_id(&self, stream_id: i32) -> Result<Pending<i32>, ClientError> {
        let has = self.control_protocol_version();
        if has < SESSION_ID_PROTOCOL {
            let what = "next session ids";
            return Err(ClientError::DriverTooOld {
                what,
                has,
                needs: SESSION_ID_PROTOCOL,
            });
        }
        self.link()
            .ask(|reply| Ask::NextSessionId { stream_id, reply })
    }

    /// Has a listener told of all counters of the driver that come and go; returns the id to remove it by.
    ///
    /// # Errors
    /// When the client is closed, or the conductor's queue full.
    pub fn add_counter_listener(&self, listener: CounterListener) -> Result<i64, ClientError> {
        let id = self.next_correlation_id();
        self.link().tell(Ask::AddCounterListener { id, listener })?;
        Ok(id)
    }

    /// Removes a listener, if it is there.
    ///
    /// # Errors
    /// As [`Aeron::add_counter_listener`].
    pub fn remove_counter_listener(&self, id: i64) -> Result<(), ClientError> {
        self.link().tell(Ask::RemoveCounterListener { id })
    }

    /// All counters of the driver.
    pub fn counters(&self) -> &CountersReader {
        &self.link().counters
    }

    /// Names this client in the driver.
    pub fn client_id(&self) -> i64 {
        self.link().client_id
    }

    /// Takes an id from the driver's counter of ids.
    pub fn next_correlation_id(&self) -> i64 {
        self.link().cnc.next_correlation_id()
    }

    /// Page size of the driver's files.
    pub fn file_page_size(&self) -> usize {
        self.link().cnc.lengths().page_size
    }

    /// What the driver's commands are, by version; 0.0.0 when it does not say.
    pub fn control_protocol_version(&self) -> SemanticVersion {
        let id = SystemCounter::ControlProtocolVersion.id();
        let counter = self.counters().get(id).filter(|counter| {
            counter.type_id() == type_id::SYSTEM && counter.registration_id() == i64::from(id)
        });
        let version = counter.and_then(|counter| i32::try_from(counter.value()).ok());
        SemanticVersion::from_wire(version.unwrap_or(0))
    }

    /// Whether something was asked that the driver has not answered: an add, a change, or a close.
    pub fn has_active_commands(&self) -> bool {
        !self.is_closed() && self.link().signals.outstanding() > 0
    }

    /// Whether the client is closed, or being closed.
    pub fn is_closed(&self) -> bool {
        self.link().signals.is_closed()
    }

    /// Whether the conductor has closed everything.
    pub fn is_at_end(&self) -> bool {
        self.link().signals.is_at_end()
    }

    /// Asks the conductor to close the client, and with it everything it gave out. It needs a few turns for it.
    pub fn close(&self) {
        self.link().signals.ask_to_close();
    }

    fn link(&self) -> &Link {
        &self.0.0
    }
}

fn stream(channel: &str, stream_id: i32) -> Result<Stream, ClientError> {
    checked_channel(channel)?;
    Ok(Stream {
        channel: channel.into(),
        stream_id,
    })
}

fn counter_spec(type_id: i32, key: &[u8], label: &str) -> Result<CounterSpec, ClientError> {
    if key.len() > KEY_LENGTH {
        return Err(ClientError::InvalidArgument {
            what: "counter key length",
            value: key.len().to_string(),
            rule: "at most 112 bytes",
        });
    }
    if label.len() > LABEL_MAX {
        return Err(ClientError::InvalidArgument {
            what: "counter label length",
            value: label.len().to_string(),
            rule: "at most 380 bytes",
        });
    }
    Ok(CounterSpec {
        type_id,
        key: key.to_owned(),
        label: label.to_owned(),
    })
}
