//! The driver's own counters that sender and receiver write (spec 02 §7.3). Some have both as writers, so all count atomically.

use taranis_runtime::mem::counters::AtomicCounter;

use super::{conductor::counters::DriverCounters, stall::StallTracker};
use crate::counters::SystemCounter;

macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $counter:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $field: AtomicCounter,)*
        }

        impl $name {
            pub(crate) fn of(counters: &DriverCounters) -> Self {
                Self { $($field: counters.system(SystemCounter::$counter).clone(),)* }
            }
        }
    };
}

counters! {
    /// The sender's.
    SenderSystem {
        bytes_sent: BytesSent,
        naks_received: NakMessagesReceived,
        status_messages_received: StatusMessagesReceived,
        status_messages_rejected: StatusMessagesRejected,
        heartbeats_sent: HeartbeatsSent,
        retransmits_sent: RetransmitsSent,
        retransmitted_bytes: RetransmittedBytes,
        retransmit_overflow: RetransmitOverflow,
        invalid_packets: InvalidPackets,
        short_sends: ShortSends,
        flow_control_limits: SenderFlowControlLimits,
        errors_received: ErrorFramesReceived,
    }
}

counters! {
    /// The receiver's.
    ReceiverSystem {
        bytes_received: BytesReceived,
        naks_sent: NakMessagesSent,
        status_messages_sent: StatusMessagesSent,
        heartbeats_received: HeartbeatsReceived,
        under_runs: FlowControlUnderRuns,
        over_runs: FlowControlOverRuns,
        invalid_packets: InvalidPackets,
        loss_gap_fills: LossGapFills,
        ttl_asymmetry: PossibleTtlAsymmetry,
        errors_sent: ErrorFramesSent,
        images_revoked: PublicationImagesRevoked,
        short_sends: ShortSends,
    }
}

/// Watches the sender's cycles.
pub(crate) fn sender_stall(counters: &DriverCounters, threshold_ns: i64) -> StallTracker {
    StallTracker::new(
        counters.system_word(SystemCounter::SenderMaxCycleTime),
        counters.system_word(SystemCounter::SenderCycleTimeThresholdExceeded),
        threshold_ns,
    )
}

/// Watches the receiver's cycles.
pub(crate) fn receiver_stall(counters: &DriverCounters, threshold_ns: i64) -> StallTracker {
    StallTracker::new(
        counters.system_word(SystemCounter::ReceiverMaxCycleTime),
        counters.system_word(SystemCounter::ReceiverCycleTimeThresholdExceeded),
        threshold_ns,
    )
}
