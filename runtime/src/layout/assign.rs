//! Layout + roles + cores → which agent goes where. Pure: tried on made-up machines.

use std::collections::BTreeSet;

use super::{Layout, ThreadSpec};
use crate::pin::Core;

/// Where everything goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The threads that have at least one agent, in the layout's order.
    pub threads: Vec<Placement>,
}

/// One thread with the agents on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The thread as the layout has it.
    pub spec: ThreadSpec,
    /// Indices into the component's roles, in the order of turns.
    pub agents: Vec<usize>,
}

/// A layout that doesn't fit the roles or the machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// An agent has no thread.
    #[error("layout: no thread takes role `{role}`; the threads take {taken:?}")]
    RoleWithoutThread {
        /// The role.
        role: String,
        /// All entries of the layout.
        taken: Vec<String>,
    },
    /// A role is named twice.
    #[error(
        "layout: role `{role}` stands on thread `{first}` and on thread `{second}`; one is allowed"
    )]
    RoleTwice {
        /// The role.
        role: String,
        /// One thread.
        first: String,
        /// The other.
        second: String,
    },
    /// A role is named that nobody has.
    #[error("layout: thread `{thread}` lists role `{role}`, which is not one of {known:?}")]
    UnknownRole {
        /// The thread.
        thread: String,
        /// The role.
        role: String,
        /// The roles there are.
        known: Vec<String>,
    },
    /// A core that the process may not use.
    #[error(
        "layout: thread `{thread}` wants core {core}; this process may run on cores {allowed:?}"
    )]
    CoreNotAllowed {
        /// The thread.
        thread: String,
        /// The core.
        core: usize,
        /// The cores it may use.
        allowed: Vec<usize>,
    },
}

impl Layout {
    /// Holds the layout against the roles of a component and the cores of the machine.
    ///
    /// # Errors
    /// All that doesn't fit, in one go.
    pub fn assign(&self, roles: &[&str], cores: &[Core]) -> Result<Assignment, Vec<LayoutError>> {
        let mut errors = Vec::new();
        self.check_entries(roles, &mut errors);
        self.check_cores(cores, &mut errors);
        let homes: Vec<_> = roles.iter().map(|role| self.home_of(role)).collect();
        for (role, home) in roles.iter().zip(&homes) {
            if home.is_none() {
                let taken = self.entries().map(|(_, entry)| entry.to_owned()).collect();
                errors.push(LayoutError::RoleWithoutThread {
                    role: (*role).to_owned(),
                    taken,
                });
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let placed = self.threads.iter().enumerate().map(|(at, spec)| {
            let mut agents: Vec<_> = (0..roles.len())
                .filter(|agent| homes[*agent].is_some_and(|home| home.0 == at))
                .collect();
            agents.sort_by_key(|agent| (homes[*agent], *agent));
            Placement {
                spec: spec.clone(),
                agents,
            }
        });
        Ok(Assignment {
            threads: placed
                .filter(|placement| !placement.agents.is_empty())
                .collect(),
        })
    }

    /// Thread and position of the entry that takes the role: an exact one, else the longest pattern.
    fn home_of(&self, role: &str) -> Option<(usize, usize)> {
        let mut best: Option<(usize, (usize, usize))> = None;
        for (at, spec) in self.threads.iter().enumerate() {
            for (position, entry) in spec.roles.iter().enumerate() {
                let fit = if entry == role {
                    usize::MAX
                } else {
                    pattern_len(entry, role).unwrap_or(0)
                };
                if fit > best.map_or(0, |(fit, _)| fit) {
                    best = Some((fit, (at, position)));
                }
            }
        }
        best.map(|(_, home)| home)
    }

    fn check_entries(&self, roles: &[&str], errors: &mut Vec<LayoutError>) {
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for (thread, entry) in self.entries() {
            if let Some((_, first)) = seen.iter().find(|(role, _)| *role == entry) {
                errors.push(LayoutError::RoleTwice {
                    role: entry.to_owned(),
                    first: (*first).to_owned(),
                    second: thread.to_owned(),
                });
            }
            seen.push((entry, thread));
            let known =
                entry.ends_with('*') || KNOWN_ROLES.contains(&entry) || roles.contains(&entry);
            if !known {
                errors.push(LayoutError::UnknownRole {
                    thread: thread.to_owned(),
                    role: entry.to_owned(),
                    known: known_roles(roles),
                });
            }
        }
    }

    fn check_cores(&self, cores: &[Core], errors: &mut Vec<LayoutError>) {
        for spec in &self.threads {
            if let Some(core) = spec.core
                && !cores.contains(&core)
            {
                errors.push(LayoutError::CoreNotAllowed {
                    thread: spec.name.clone(),
                    core: core.0,
                    allowed: cores.iter().map(|core| core.0).collect(),
                });
            }
        }
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.threads.iter().flat_map(|spec| {
            spec.roles
                .iter()
                .map(|role| (spec.name.as_str(), role.as_str()))
        })
    }
}

/// Roles that a layout may name although the component at hand has none of them (a driver alone has no archive).
const KNOWN_ROLES: [&str; 8] = [
    "conductor",
    "sender",
    "receiver",
    "chores",
    "archive-conductor",
    "archive-recorder",
    "archive-replayer",
    "consensus",
];

fn known_roles(roles: &[&str]) -> Vec<String> {
    let all: BTreeSet<&str> = KNOWN_ROLES.iter().chain(roles).copied().collect();
    all.into_iter().map(str::to_owned).collect()
}

/// Length of a pattern with `*` at its end that takes the role; at least 1.
fn pattern_len(entry: &str, role: &str) -> Option<usize> {
    let beginning = entry.strip_suffix('*')?;
    role.starts_with(beginning).then_some(beginning.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::IdleStrategy;

    const NODE: [&str; 7] = [
        "conductor",
        "sender",
        "receiver",
        "chores",
        "archive-conductor",
        "consensus",
        "service-0",
    ];
    const TWO_CORES: [Core; 2] = [Core(0), Core(1)];

    fn by_thread(layout: &Layout, roles: &[&str]) -> Vec<(String, Vec<String>)> {
        let assignment = layout.assign(roles, &TWO_CORES).unwrap();
        let names = |placement: &Placement| {
            placement
                .agents
                .iter()
                .map(|at| roles[*at].to_owned())
                .collect()
        };
        assignment
            .threads
            .iter()
            .map(|placement| (placement.spec.name.clone(), names(placement)))
            .collect()
    }

    /// 01 §13.1: composite order of SHARED is sender, receiver, NRA, conductor.
    #[test]
    fn shared_keeps_aerons_order_of_turns() {
        let layout = Layout::named("SHARED", IdleStrategy::BACKOFF).unwrap();
        let driver = ["conductor", "sender", "receiver", "chores"];
        let order = ["sender", "receiver", "chores", "conductor"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(by_thread(&layout, &driver), [("driver".to_owned(), order)]);
    }

    #[test]
    fn every_named_layout_takes_a_whole_node() {
        for name in Layout::NAMES {
            let layout = Layout::named(name, IdleStrategy::BACKOFF).unwrap();
            let placed: usize = by_thread(&layout, &NODE)
                .iter()
                .map(|(_, roles)| roles.len())
                .sum();
            assert_eq!(placed, NODE.len(), "{name}");
        }
        assert_eq!(
            by_thread(
                &Layout::named("one-core", IdleStrategy::NoOp).unwrap(),
                &NODE
            )
            .len(),
            1
        );
    }

    #[test]
    fn says_all_that_does_not_fit() {
        let mut layout = Layout::named("shared", IdleStrategy::BACKOFF).unwrap();
        layout.threads[1].roles = vec!["sender".to_owned(), "sendr".to_owned()];
        layout.threads[0].core = Some(Core(7));
        let errors = layout.assign(&NODE, &TWO_CORES).unwrap_err();
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(
            texts[0].contains("`sender` stands on thread `driver` and on thread `node`"),
            "{texts:?}"
        );
        assert!(texts[1].contains("lists role `sendr`"), "{texts:?}");
        assert!(
            texts[2].contains("wants core 7; this process may run on cores [0, 1]"),
            "{texts:?}"
        );
        assert!(
            texts[3].contains("no thread takes role `archive-conductor`"),
            "{texts:?}"
        );
    }
}
