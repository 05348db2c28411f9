//! The cycle: what one turn of an agent may touch.

use crate::{
    clock::Now,
    io::{Chores, FileOps, Mail, NetOut, Wake},
    mem::Names,
};

/// The world as an agent sees it in one turn: built anew for each turn, with public fields so that borrows are disjoint.
///
/// `mail` holds what came for the agent since its last turn; `net`, `files` and `chores` take what it stages, which goes to
/// the system when its turn ends.
pub struct Cycle<'a> {
    /// The clocks, read once.
    pub now: Now,
    /// Datagrams and completions since the last turn.
    pub mail: &'a mut Mail,
    /// Sends.
    pub net: &'a mut NetOut,
    /// Reads, writes and syncs of durable files.
    pub files: &'a mut FileOps,
    /// Shared memory by name.
    pub names: &'a Names,
    /// What may block.
    pub chores: &'a mut Chores,
    /// The thread's random numbers.
    pub rng: &'a mut Rng,
    /// When the next turn is wanted at the latest.
    pub wake: &'a mut Wake,
    pub(crate) peers: Option<&'a mut dyn PeerTurns>,
}

impl Cycle<'_> {
    /// One turn of the thread's other agents, for a callback that idles (on back-pressure); then reads the clocks again.
    /// Returns the work they did.
    ///
    /// # Errors
    /// [`Stopping`]: the callback must come back without having done what it idled for.
    ///
    /// # Panics
    /// For an agent that did not say [`crate::agent::Agent::may_idle`].
    pub fn run_peers(&mut self) -> Result<usize, Stopping> {
        let peers = self
            .peers
            .as_mut()
            .expect("run_peers is for agents that may idle");
        let (work, now) = peers.turn()?;
        self.now = now;
        Ok(work)
    }
}

/// The random numbers of a thread: seeded by the system, or by the simulator.
pub type Rng = fastrand::Rng;

/// The node is stopping (asked to, a simulated kill, a peer's fault): nothing idles any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopping;

/// One turn of the agents beside the running one.
pub(crate) trait PeerTurns {
    fn turn(&mut self) -> Result<(usize, Now), Stopping>;
}
