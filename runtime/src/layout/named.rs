//! The layouts that have names.

use super::{DrivenBy, Layout, ThreadSpec};
use crate::idle::IdleStrategy;

/// Waits of the agent that does blocking chores (spec 01 §2.4: `sleep-ns`, 1 ms).
const CHORES_IDLE: IdleStrategy = IdleStrategy::Sleeping { park_ns: 1_000_000 };

impl Layout {
    /// The names that [`Self::named`] knows.
    pub const NAMES: [&'static str; 5] = [
        "dedicated",
        "shared-network",
        "shared",
        "invoker",
        "one-core",
    ];

    /// A layout by name: Aeron's four threading modes for everything a node has, and `one-core`, which puts all of it on
    /// one thread. `idle` is for every thread but the one for chores.
    pub fn named(name: &str, idle: IdleStrategy) -> Option<Self> {
        let runner = |name: &str, roles: &[&str]| thread(name, DrivenBy::Runner, roles, idle);
        let chores = || thread("aeron-md-nra", DrivenBy::Runner, &["chores"], CHORES_IDLE);
        let threads = match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "dedicated" => vec![
                chores(),
                runner("conductor", &["conductor"]),
                runner("sender", &["sender"]),
                runner("receiver", &["receiver"]),
                runner("archive", &["archive-*"]),
                runner("consensus", &["consensus*"]),
                runner("service", &["service*"]),
                runner("application", &["*"]),
            ],
            "shared-network" => vec![
                chores(),
                runner("conductor", &["conductor"]),
                runner("sender,receiver", &["sender", "receiver"]),
                runner("archive", &["archive-*"]),
                runner("consensus", &["consensus*"]),
                runner("service", &["service*"]),
                runner("application", &["*"]),
            ],
            "shared" => vec![
                runner("driver", &["sender", "receiver", "chores", "conductor"]),
                runner("node", &["archive-*", "consensus*", "service*", "*"]),
            ],
            "invoker" => vec![thread("invoker", DrivenBy::Caller, ONE_THREAD, idle)],
            "one-core" => vec![runner("node", ONE_THREAD)],
            _ => return None,
        };
        Some(Self { threads })
    }
}

/// Everything on one thread: the driver's agents in Aeron's composite order, then what stands on them.
const ONE_THREAD: &[&str] = &[
    "sender",
    "receiver",
    "chores",
    "conductor",
    "archive-*",
    "consensus*",
    "service*",
    "*",
];

fn thread(name: &str, driven_by: DrivenBy, roles: &[&str], idle: IdleStrategy) -> ThreadSpec {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    ThreadSpec {
        name: name.to_owned(),
        driven_by,
        roles,
        core: None,
        idle,
    }
}
