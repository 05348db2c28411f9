//! Destinations of publications and subscriptions in manual control mode (spec 05 §2.5).
//!
//! The registration id of the [`Pending`] that adds one is the destination's id: it is what an error of that destination
//! names, and what removes it by id.

use super::{
    error::ClientError,
    exclusive::ExclusivePublication,
    link::{Ask, DestinationChange, Link, checked_channel},
    pending::Pending,
    publication::Publication,
    subscription::Subscription,
};

macro_rules! publication_destinations {
    ($handle:ident, $id:ident) => {
        impl $handle {
            /// Adds a destination. Its id is the registration id of the result.
            ///
            /// # Errors
            /// When this is closed, the channel is none, or the conductor's queue is full.
            pub fn async_add_destination(&self, channel: &str) -> Result<Pending<()>, ClientError> {
                self.ensure_open()?;
                checked_channel(channel)?;
                change(
                    self.link(),
                    self.$id(),
                    DestinationChange::AddToPublication(channel.to_owned()),
                )
            }

            /// Removes a destination. One that is not there counts as removed.
            ///
            /// # Errors
            /// As for adding one.
            pub fn async_remove_destination(
                &self,
                channel: &str,
            ) -> Result<Pending<()>, ClientError> {
                self.ensure_open()?;
                checked_channel(channel)?;
                change(
                    self.link(),
                    self.$id(),
                    DestinationChange::RemoveFromPublication(channel.to_owned()),
                )
            }

            /// Removes a destination by its id. One that is not there counts as removed.
            ///
            /// # Errors
            /// As for adding one.
            pub fn async_remove_destination_by_id(
                &self,
                destination_id: i64,
            ) -> Result<Pending<()>, ClientError> {
                self.ensure_open()?;
                change(
                    self.link(),
                    self.$id(),
                    DestinationChange::RemoveFromPublicationById(destination_id),
                )
            }
        }
    };
}

// Drivers look a shared stream up by its first registration only.
publication_destinations!(Publication, original_registration_id);
publication_destinations!(ExclusivePublication, registration_id);

impl Subscription {
    /// Adds a destination: one more place to receive from.
    ///
    /// # Errors
    /// When this is closed, the channel is none, or the conductor's queue is full.
    pub fn async_add_destination(&self, channel: &str) -> Result<Pending<()>, ClientError> {
        self.ensure_open()?;
        checked_channel(channel)?;
        change(
            &self.link,
            self.registration_id,
            DestinationChange::AddToSubscription(channel.to_owned()),
        )
    }

    /// Removes a destination.
    ///
    /// # Errors
    /// As for adding one.
    pub fn async_remove_destination(&self, channel: &str) -> Result<Pending<()>, ClientError> {
        self.ensure_open()?;
        checked_channel(channel)?;
        change(
            &self.link,
            self.registration_id,
            DestinationChange::RemoveFromSubscription(channel.to_owned()),
        )
    }
}

fn change(
    link: &Link,
    registration_id: i64,
    change: DestinationChange,
) -> Result<Pending<()>, ClientError> {
    link.ask(|reply| Ask::ChangeDestination {
        change,
        registration_id,
        reply,
    })
}
