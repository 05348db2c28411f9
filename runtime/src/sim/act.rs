//! What may be done to a world while it runs.

use super::{HostId, ProcessId, world::Inner};

/// Something that happens to the world from outside: now ([`super::Simulation::act`]) or later ([`super::Simulation::plan`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Kills a process: no agent has another turn or an `on_close`, no operation another completion; of each write in
    /// flight all, a part or nothing is there, by seed. Its sockets are closed; its shared memory and its files stay.
    Kill(ProcessId),
    /// Kills a process after some steps of its life: before or after one of its turns, or between two operations of what
    /// one staged.
    KillAfter(ProcessId, u64),
    /// Asks a process to stop: its agents are closed, one by one.
    Stop(ProcessId),
    /// Gives a process no turns for some nanoseconds, as a debugger or an overcommitted machine does. What the system does
    /// for it goes on.
    Stall(ProcessId, u64),
    /// Cuts one direction between two hosts. What is on its way arrives.
    Cut(HostId, HostId),
    /// Heals it.
    Heal(HostId, HostId),
    /// The power of a host fails: its processes are killed, its shared memory is gone, and what was not synced is lost or
    /// torn by sector, by seed.
    CutPower(HostId),
    /// Steps a host's epoch clock by some nanoseconds; its monotonic clock does not notice.
    StepEpoch(HostId, i64),
}

impl Inner {
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Kill(process) => self.kill(process),
            Act::KillAfter(process, steps) => self.process_mut(process).steps_left = Some(steps),
            Act::Stop(process) => {
                self.note(process, "stop", 0);
                let halt = &self.process(process).halt;
                halt.request("simulation", "asked to stop");
            }
            Act::Stall(process, ns) => {
                self.note(process, "stall", ns);
                let until = self.now_ns.saturating_add(ns);
                self.process_mut(process).stalled_until_ns = until;
            }
            Act::Cut(from, to) => self.network.set_cut(from, to, true),
            Act::Heal(from, to) => self.network.set_cut(from, to, false),
            Act::CutPower(host) => {
                for process in self.processes_of(host) {
                    self.kill(process);
                }
                self.lose_power(host);
            }
            Act::StepEpoch(host, by_ns) => self.host_mut(host).epoch_base_ns += by_ns,
        }
    }
}
