//! Commands that the driver has not answered yet.

use std::collections::BTreeMap;

use crate::client::link::{Ask, Request};

/// By correlation id: unique in a driver, so an id alone says whose answer it is.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<i64, Entry>);

#[derive(Debug)]
struct Entry {
    deadline_ns: i64,
    awaited: Awaited,
}

/// What an answer is for.
#[derive(Debug)]
pub(super) enum Awaited {
    /// Somebody waits for it.
    Request(Request),
    /// Its time was over: what comes now is given back at once.
    Late(Leftover),
}

/// What a late answer leaves in the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    Publication,
    Subscription,
    Counter,
    Nothing,
}

impl Table {
    pub(super) fn insert(&mut self, request: Request, deadline_ns: i64) {
        let correlation_id = request.correlation_id;
        self.0.insert(
            correlation_id,
            Entry {
                deadline_ns,
                awaited: Awaited::Request(request),
            },
        );
    }

    /// The answer is here.
    pub(super) fn take(&mut self, correlation_id: i64) -> Option<Awaited> {
        self.0.remove(&correlation_id).map(|entry| entry.awaited)
    }

    /// Requests whose time is over; an answer that still comes finds a [`Leftover`] in their place.
    pub(super) fn overdue(&mut self, now_ns: i64) -> Vec<Request> {
        let mut overdue = Vec::new();
        self.0.retain(|_, entry| {
            if now_ns < entry.deadline_ns {
                return true;
            }
            let Awaited::Request(request) = &entry.awaited else {
                return true;
            };
            let leftover = Leftover::of(&request.ask);
            if let Awaited::Request(request) =
                std::mem::replace(&mut entry.awaited, Awaited::Late(leftover))
            {
                overdue.push(request);
            }
            leftover != Leftover::Nothing
        });
        overdue
    }

    /// Everything that is still awaited.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Request> {
        std::mem::take(&mut self.0)
            .into_values()
            .filter_map(|entry| match entry.awaited {
                Awaited::Request(request) => Some(request),
                Awaited::Late(_) => None,
            })
    }
}

impl Leftover {
    fn of(ask: &Ask) -> Self {
        match ask {
            Ask::AddPublication { .. } | Ask::AddExclusivePublication { .. } => Self::Publication,
            Ask::AddSubscription { .. } => Self::Subscription,
            Ask::AddCounter { .. } => Self::Counter,
            Ask::AddStaticCounter { .. }
            | Ask::ChangeDestination { .. }
            | Ask::RejectImage { .. }
            | Ask::NextSessionId { .. }
            | Ask::RemovePublication { .. }
            | Ask::RemoveSubscription { .. }
            | Ask::RemoveCounter { .. }
            | Ask::AddCounterListener { .. }
            | Ask::RemoveCounterListener { .. } => Self::Nothing,
        }
    }
}
