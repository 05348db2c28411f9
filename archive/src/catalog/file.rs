//! Writing the catalog file: one write after the other, each begun when the one before is complete.

use std::{collections::VecDeque, mem, path::PathBuf};

use taranis_runtime::{
    io::{
        Chore, Chores, Completion, Durability, File, FileAccess, FileOps, FileToken, Full,
        IoFailure, Opening, Outcome, Ticket,
    },
    mem::Region,
};

use super::layout::FILE_NAME;

/// Writes that make the file say what the catalog in memory says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "the catalog in memory has changed, its file has not"]
pub struct Changes {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Write {
        at: u64,
        bytes: Vec<u8>,
    },
    /// A new file takes the place of the old one: entries have moved, which no sequence of writes does so that a crash in
    /// its middle leaves a catalog.
    Rewrite {
        image: Vec<u8>,
    },
}

impl Changes {
    pub(super) fn write(&mut self, at: u64, bytes: Vec<u8>) {
        self.steps.push(Step::Write { at, bytes });
    }

    pub(super) fn rewrite(image: Vec<u8>) -> Self {
        Self {
            steps: vec![Step::Rewrite { image }],
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The first `count` writes alone: what a crash leaves of them.
    pub fn truncated(mut self, count: usize) -> Self {
        self.steps.truncate(count);
        self
    }

    /// The file after the writes, for checks and for tools that write it whole.
    pub fn apply_to(&self, file: &mut Vec<u8>) {
        for step in &self.steps {
            match step {
                Step::Write { at, bytes } => {
                    let at = *at as usize;
                    file.resize(file.len().max(at + bytes.len()), 0);
                    file[at..at + bytes.len()].copy_from_slice(bytes);
                }
                Step::Rewrite { image } => file.clone_from(image),
            }
        }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

/// The catalog file of a running archive.
///
/// # Threading
/// Belongs to the conductor.
#[derive(Debug)]
pub struct CatalogFile {
    directory: PathBuf,
    file: File,
    durability: Durability,
    queue: VecDeque<Step>,
    state: State,
    staged: Mark,
    done: Mark,
}

/// How far the writes have got: what staging changes returns, to be asked for with [`CatalogFile::is_written`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// A write of the catalog failed: the file may no longer say what memory says, so the archive must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{FILE_NAME}: {doing} failed: {failure}")]
pub struct CatalogWriteFailed {
    /// What was being done.
    pub doing: &'static str,
    /// What the system said.
    pub failure: IoFailure,
}

#[derive(Debug)]
enum State {
    Idle,
    Writing(Writing),
    /// The new file of a rewrite is being made; what is left of an earlier one is removed first.
    Clearing(Ticket, Vec<u8>),
    Creating(Ticket, Vec<u8>),
    Filling(Writing),
    Renaming(Ticket, File),
    Closing(Ticket),
    Failed(CatalogWriteFailed),
}

/// A write under way: the rest of it, from where it stands in the region.
#[derive(Debug)]
struct Writing {
    file: File,
    region: Region,
    done: usize,
    at: u64,
    /// `None` while the queue for file operations was full.
    ticket: Option<Ticket>,
}

/// Name of the file that takes the catalog's place; Aeron's own temporary name.
const REWRITTEN_NAME: &str = "archive.catalog.updated";

impl CatalogFile {
    /// Takes over the catalog file of an archive's directory, opened [`FileAccess::Buffered`].
    ///
    /// # Errors
    /// [`Full`] when the agent holds as many files as it may.
    pub fn adopt(
        directory: PathBuf,
        token: FileToken,
        durability: Durability,
        files: &mut FileOps,
    ) -> Result<Self, Full> {
        Ok(Self {
            directory,
            file: files.adopt(token)?,
            durability,
            queue: VecDeque::new(),
            state: State::Idle,
            staged: Mark::default(),
            done: Mark::default(),
        })
    }

    /// Takes changes to be written behind all others.
    pub fn stage(&mut self, changes: Changes) -> Mark {
        self.staged.0 += changes.steps.len() as u64;
        self.queue.extend(changes.steps);
        self.staged
    }

    /// How far the writes have got once everything staged until now is written.
    pub fn mark(&self) -> Mark {
        self.staged
    }

    /// Whether everything up to a mark is in the file, as durably as it was to be.
    pub fn is_written(&self, mark: Mark) -> bool {
        self.done >= mark
    }

    /// Whether everything is written.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle) && self.queue.is_empty()
    }

    /// Goes on: begins the next write when the one before is complete. Call it once per turn, after the completions.
    ///
    /// # Errors
    /// [`CatalogWriteFailed`] once a write has failed.
    pub fn work(
        &mut self,
        files: &mut FileOps,
        chores: &mut Chores,
    ) -> Result<usize, CatalogWriteFailed> {
        match &mut self.state {
            State::Failed(failed) => return Err(*failed),
            State::Writing(writing) | State::Filling(writing) => {
                if writing.ticket.is_none() {
                    writing.ticket = writing.stage(files, self.durability).ok();
                    return Ok(1);
                }
            }
            State::Idle => return Ok(self.begin(files, chores)),
            State::Clearing(..) | State::Creating(..) | State::Renaming(..) | State::Closing(_) => {
            }
        }
        Ok(0)
    }

    /// Takes a completion, if it is one of this file's. Gives it back otherwise.
    pub fn take(
        &mut self,
        completion: Completion,
        files: &mut FileOps,
        chores: &mut Chores,
    ) -> Option<Completion> {
        if self.ticket() != Some(completion.ticket) {
            return Some(completion);
        }
        let state = mem::replace(&mut self.state, State::Idle);
        self.state = self.next(state, completion.outcome, files, chores);
        None
    }

    fn ticket(&self) -> Option<Ticket> {
        match &self.state {
            State::Idle | State::Failed(_) => None,
            State::Writing(writing) | State::Filling(writing) => writing.ticket,
            State::Clearing(ticket, _)
            | State::Creating(ticket, _)
            | State::Renaming(ticket, _)
            | State::Closing(ticket) => Some(*ticket),
        }
    }

    fn begin(&mut self, files: &mut FileOps, chores: &mut Chores) -> usize {
        let Some(step) = self.queue.pop_front() else {
            return 0;
        };
        match step {
            Step::Write { at, bytes } => {
                let mut writing = Writing::new(self.file, at, &bytes);
                writing.ticket = writing.stage(files, self.durability).ok();
                self.state = State::Writing(writing);
            }
            Step::Rewrite { image } => {
                let path = self.directory.join(REWRITTEN_NAME);
                match chores.ask(Chore::Unlink { path }) {
                    Ok(ticket) => self.state = State::Clearing(ticket, image),
                    Err(_) => self.queue.push_front(Step::Rewrite { image }),
                }
            }
        }
        1
    }

    fn next(
        &mut self,
        state: State,
        outcome: Outcome,
        files: &mut FileOps,
        chores: &mut Chores,
    ) -> State {
        match (state, outcome) {
            (State::Writing(mut writing), Outcome::Moved(count)) => match writing.moved(count) {
                Moved::All => self.finish(),
                Moved::Part => State::Writing(writing),
                Moved::Nothing => failed("writing", NO_SPACE),
            },
            (State::Clearing(_, image), Outcome::Done) => self.create(image, chores),
            (State::Creating(_, image), Outcome::File(token)) => match files.adopt(token) {
                Ok(file) => State::Filling(Writing::new(file, 0, &image)),
                Err(_) => failed("rewriting", TOO_MANY_FILES),
            },
            (State::Filling(mut writing), Outcome::Moved(count)) => match writing.moved(count) {
                Moved::All => self.rename(writing.file, chores),
                Moved::Part => State::Filling(writing),
                Moved::Nothing => failed("rewriting", NO_SPACE),
            },
            (State::Renaming(_, file), Outcome::Done) => {
                let old = mem::replace(&mut self.file, file);
                State::Closing(files.release(old))
            }
            (State::Closing(_), Outcome::Done) => self.finish(),
            (State::Failed(failed), _) => State::Failed(failed),
            (state, Outcome::Failed(failure)) => failed(state.doing(), failure),
            // No operation ends in a way that is not its own.
            (state, _) => failed(state.doing(), UNEXPECTED),
        }
    }

    fn create(&self, image: Vec<u8>, chores: &mut Chores) -> State {
        let chore = Chore::OpenFile {
            path: self.directory.join(REWRITTEN_NAME),
            access: FileAccess::Buffered,
            opening: Opening::New {
                len: image.len() as u64,
            },
        };
        match chores.ask(chore) {
            Ok(ticket) => State::Creating(ticket, image),
            Err(_) => failed("rewriting", TOO_MANY_FILES),
        }
    }

    fn rename(&self, file: File, chores: &mut Chores) -> State {
        let chore = Chore::Rename {
            from: self.directory.join(REWRITTEN_NAME),
            to: self.directory.join(FILE_NAME),
        };
        match chores.ask(chore) {
            Ok(ticket) => State::Renaming(ticket, file),
            Err(_) => failed("rewriting", TOO_MANY_FILES),
        }
    }

    fn finish(&mut self) -> State {
        self.done.0 += 1;
        State::Idle
    }
}

impl State {
    fn doing(&self) -> &'static str {
        match self {
            Self::Idle | Self::Writing(_) | Self::Failed(_) => "writing",
            Self::Clearing(..) | Self::Creating(..) | Self::Filling(_) => "rewriting",
            Self::Renaming(..) => "renaming",
            Self::Closing(_) => "closing",
        }
    }
}

enum Moved {
    All,
    Part,
    Nothing,
}

impl Writing {
    fn new(file: File, at: u64, bytes: &[u8]) -> Self {
        let region = Region::heap(bytes.len().max(1));
        region
            .write(0, bytes)
            .expect("the region was made as long as the bytes");
        Self {
            file,
            region,
            done: 0,
            at,
            ticket: None,
        }
    }

    fn stage(&self, files: &mut FileOps, durability: Durability) -> Result<Ticket, Full> {
        let left = self.region.len() - self.done;
        let span = self.region.span(self.done, left);
        let span = span.expect("what is left lies inside the region");
        files.write(self.file, span, self.at + self.done as u64, durability)
    }

    fn moved(&mut self, count: usize) -> Moved {
        self.done += count;
        self.ticket = None;
        match (self.region.len() - self.done, count) {
            (0, _) => Moved::All,
            (_, 0) => Moved::Nothing,
            _ => Moved::Part,
        }
    }
}

fn failed(doing: &'static str, failure: IoFailure) -> State {
    State::Failed(CatalogWriteFailed { doing, failure })
}

/// `ENOSPC`: a write that moves nothing has found no room.
const NO_SPACE: IoFailure = IoFailure { errno: 28 };
/// `EMFILE`.
const TOO_MANY_FILES: IoFailure = IoFailure { errno: 24 };
/// `EIO`.
const UNEXPECTED: IoFailure = IoFailure { errno: 5 };
