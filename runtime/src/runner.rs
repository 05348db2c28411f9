//! Threads that own an invoker's loop.

use std::{
    any::Any,
    hint, io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread::{self, JoinHandle},
};

use crate::{
    halt::{Halt, HaltReason},
    idle::{IdleStrategy, Pause},
    invoker::{Cycled, Invoker},
    pin::{self, Core},
};

/// A thread to start: its name, its core, and how it idles.
#[derive(Clone, Debug)]
pub struct ThreadPlan {
    /// Visible up to 15 bytes.
    pub name: String,
    /// The one core it may run on; `None` leaves it to the system.
    pub core: Option<Core>,
    /// What it does when there is no work.
    pub idle: IdleStrategy,
}

/// Running threads of one node. Dropping it halts the node and joins them.
#[derive(Debug)]
pub struct Runners {
    halt: Halt,
    threads: Vec<JoinHandle<()>>,
}

impl Runners {
    /// No thread yet; all that are started share the halt.
    pub fn new(halt: Halt) -> Self {
        Self {
            halt,
            threads: Vec::new(),
        }
    }

    /// Starts a thread that owns the invoker's loop until its agents are at their end.
    ///
    /// # Errors
    /// When the system refuses the thread.
    pub fn start(&mut self, plan: ThreadPlan, invoker: Invoker) -> io::Result<()> {
        let halt = self.halt.clone();
        let name = plan.name.clone();
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || run(plan, invoker, &halt))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Waits until all threads are at their end, and says why the node stopped.
    pub fn join(mut self) -> Option<HaltReason> {
        self.join_all();
        self.halt.reason().cloned()
    }

    /// Asks all threads to close their agents and waits for them.
    pub fn stop(self, by: &str, why: &str) -> Option<HaltReason> {
        self.halt.request(by, why);
        self.join()
    }

    /// Whether every thread is at its end.
    pub fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    fn join_all(&mut self) {
        for thread in self.threads.drain(..) {
            // A panic was caught at the thread's top and is in the halt's reason.
            let _ = thread.join();
        }
    }
}

impl Drop for Runners {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.halt.request("runners", "dropped");
            self.join_all();
        }
    }
}

/// A thread's life. A panic stops the node as a kill would: nothing of this thread is closed.
fn run(plan: ThreadPlan, mut invoker: Invoker, halt: &Halt) {
    if let Some(core) = plan.core
        && let Err(refusal) = pin::pin_current_thread(core)
    {
        tracing::warn!("thread {}: {refusal}; it runs unpinned", plan.name);
    }
    let looped = catch_unwind(AssertUnwindSafe(|| run_loop(&mut invoker, plan.idle)));
    if let Err(panic) = looped {
        halt.request(
            &plan.name,
            &format!("panicked: {}", text_of(panic.as_ref())),
        );
        // Agents in the middle of a turn can't be closed, and a ring may still be written by the kernel.
        std::mem::forget(invoker);
    }
}

fn run_loop(invoker: &mut Invoker, mut idle: IdleStrategy) {
    while let Ok(Cycled::Worked(work)) = invoker.cycle() {
        match idle.idle(work) {
            Pause::None => {}
            Pause::Spin => hint::spin_loop(),
            Pause::Yield => thread::yield_now(),
            Pause::Park(ns) => {
                // The thread owns the invoker, so it can't be refused.
                let _ = invoker.park(ns);
            }
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}
