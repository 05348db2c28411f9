//! Peers: Java programs that run real Aeron and talk to a test over their standard streams.
//!
//! The conversation is lines of text. A program prints `READY …` once it can be talked to, answers what it is sent, and ends
//! when its standard input ends: so it also ends when the test dies. Everything it prints on standard error is kept, and
//! shown when something goes wrong.
//!
//! ```no_run
//! use std::time::Duration;
//! use taranis_runtime::testing::peer::Peer;
//!
//! let Some(mut driver) = Peer::java("tests/peers/Driver.java", &["/dev/shm/taranis-test"]) else {
//!     return Ok(()); // no Java here: said on standard error
//! };
//! driver.ready(Duration::from_secs(30))?;
//! driver.send("counters")?;
//! let counters = driver.line(Duration::from_secs(5))?;
//! # Ok::<(), taranis_runtime::testing::peer::PeerError>(())
//! ```
//!
//! Java is `$JAVA_HOME/bin/java` or `java`; the library is the jar named by `TARANIS_AERON_JAR`, or the one Maven keeps. Where
//! one is missing a test is skipped, saying so; with `TARANIS_REQUIRE_PEERS=1` it fails instead.
#![expect(
    clippy::disallowed_methods,
    reason = "a test's peers live in real time, in real processes, and are found through the environment"
)]
#![expect(
    clippy::print_stderr,
    reason = "a skipped test must say so, and this runs in tests alone"
)]

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// The Aeron release that peers run.
pub const AERON_VERSION: &str = "1.51.0";

/// The line that says that a program can be talked to begins with this word.
pub const READY: &str = "READY";

/// How long a program may take to end after its standard output has.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How many lines of standard error are kept.
const COMPLAINTS_MAX: usize = 200;

/// A running program. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Peer {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    events: Receiver<Event>,
    complaints: VecDeque<String>,
    last_line: String,
}

/// Why a conversation with a peer failed. The text ends with what the peer wrote to standard error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// Nothing came in time.
    #[error("{name} said nothing for {waited:?}; its last line was {last_line:?}\n{complaints}")]
    Silent {
        /// The program.
        name: String,
        /// The deadline it was given.
        waited: Duration,
        /// The last line it printed.
        last_line: String,
        /// Its standard error.
        complaints: String,
    },
    /// It ended.
    #[error("{name} ended ({status}); its last line was {last_line:?}\n{complaints}")]
    Ended {
        /// The program.
        name: String,
        /// How it ended.
        status: String,
        /// The last line it printed.
        last_line: String,
        /// Its standard error.
        complaints: String,
    },
    /// Its first line was not `READY …`.
    #[error("{name}: expected a line that begins with {READY}, got {line:?}\n{complaints}")]
    NotReady {
        /// The program.
        name: String,
        /// The line that came instead.
        line: String,
        /// Its standard error.
        complaints: String,
    },
    /// The operating system refused to read, write, wait or start.
    #[error("{name}: {error}")]
    Io {
        /// The program.
        name: String,
        /// What the system said.
        error: io::Error,
    },
}

/// A Java program to be started: one source file, run with Aeron's jar on its class path.
#[derive(Clone, Debug)]
pub struct Java {
    program: PathBuf,
    options: Vec<String>,
    arguments: Vec<String>,
}

enum Event {
    Line(String),
    Complaint(String),
    LinesEnded,
}

impl Java {
    /// A program in the file `program`; a test's working directory is its crate's folder.
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            options: Vec::new(),
            arguments: Vec::new(),
        }
    }

    /// Adds an option of the virtual machine, such as `-Daeron.dir=…`.
    #[must_use]
    pub fn option(mut self, option: impl Into<String>) -> Self {
        self.options.push(option.into());
        self
    }

    /// Adds an argument of the program.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts it. `None` where there is no Java or no Aeron, which has then been said on standard error.
    ///
    /// # Panics
    /// If something is missing although `TARANIS_REQUIRE_PEERS` is 1, or if the program does not start: this is for tests.
    pub fn start(self) -> Option<Peer> {
        let name = self.program.display().to_string();
        let (java, jar) = match find() {
            Ok(found) => found,
            Err(missing) => {
                let required = std::env::var("TARANIS_REQUIRE_PEERS").is_ok_and(|it| it == "1");
                assert!(!required, "{name} cannot run: {missing}");
                eprintln!("skipped, as {name} cannot run: {missing}");
                return None;
            }
        };
        assert!(
            self.program.is_file(),
            "{name} is not a file in {:?}",
            std::env::current_dir()
        );
        let mut command = Command::new(java);
        command
            .args([
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
            ])
            .args([
                "--add-opens",
                "java.base/jdk.internal.misc=ALL-UNNAMED",
                "-cp",
            ])
            .arg(jar)
            .args(self.options)
            .arg(self.program)
            .args(self.arguments);
        match Peer::start(name, command) {
            Ok(peer) => Some(peer),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Peer {
    /// Starts a Java program with arguments: [`Java`] in short.
    pub fn java(program: impl AsRef<Path>, arguments: &[&str]) -> Option<Self> {
        arguments
            .iter()
            .fold(Java::new(program), |java, argument| {
                java.argument(*argument)
            })
            .start()
    }

    /// Starts any program that keeps to the protocol.
    pub fn start(name: impl Into<String>, mut command: Command) -> Result<Self, PeerError> {
        let name = name.into();
        let started = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started.map_err(|error| PeerError::Io {
            name: name.clone(),
            error,
        })?;
        let (sender, events) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            let sender = sender.clone();
            thread::spawn(move || {
                forward(output, &sender, Event::Line);
                // Nobody listens any more once the peer has been dropped.
                let _ = sender.send(Event::LinesEnded);
            });
        }
        if let Some(errors) = child.stderr.take() {
            thread::spawn(move || forward(errors, &sender, Event::Complaint));
        }
        Ok(Self {
            name,
            input: child.stdin.take(),
            child,
            events,
            complaints: VecDeque::new(),
            last_line: String::new(),
        })
    }

    /// Waits for the line that begins with `READY`, which must be the first, and returns the rest of it.
    pub fn ready(&mut self, within: Duration) -> Result<String, PeerError> {
        let line = self.line(within)?;
        match line.strip_prefix(READY) {
            Some(rest) => Ok(rest.trim().to_owned()),
            None => Err(PeerError::NotReady {
                name: self.name.clone(),
                line,
                complaints: self.complaints(),
            }),
        }
    }

    /// Waits for the next line.
    pub fn line(&mut self, within: Duration) -> Result<String, PeerError> {
        let started = Instant::now();
        loop {
            let left = within.saturating_sub(started.elapsed());
            match self.events.recv_timeout(left) {
                Ok(Event::Line(line)) => {
                    self.last_line.clone_from(&line);
                    return Ok(line);
                }
                Ok(Event::Complaint(line)) => self.keep(line),
                Ok(Event::LinesEnded) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.ended());
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(PeerError::Silent {
                        name: self.name.clone(),
                        waited: within,
                        last_line: self.last_line.clone(),
                        complaints: self.complaints(),
                    });
                }
            }
        }
    }

    /// Sends a line.
    pub fn send(&mut self, line: &str) -> Result<(), PeerError> {
        let Some(input) = &mut self.input else {
            return Err(self.ended());
        };
        let sent = writeln!(input, "{line}").and_then(|()| input.flush());
        sent.map_err(|error| PeerError::Io {
            name: self.name.clone(),
            error,
        })
    }

    /// Ends its standard input, which asks it to end, and waits until it has.
    pub fn finish(mut self, within: Duration) -> Result<ExitStatus, PeerError> {
        self.input = None;
        let started = Instant::now();
        loop {
            match self.line(within.saturating_sub(started.elapsed())) {
                Ok(_) => {}
                Err(PeerError::Ended { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        // It has closed its output, which a Java program does only by ending.
        self.child.wait().map_err(|error| PeerError::Io {
            name: self.name.clone(),
            error,
        })
    }

    /// Kills it as a crash would (SIGKILL), and waits for its end.
    pub fn kill(mut self) -> Result<ExitStatus, PeerError> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map_err(|error| PeerError::Io {
            name: self.name.clone(),
            error,
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn ended(&mut self) -> PeerError {
        // Its output has ended, so it is about to end: what it complained of and its status are on their way.
        let started = Instant::now();
        while let Ok(event) = self.events.recv_timeout(LAST_WORDS) {
            if let Event::Complaint(line) = event {
                self.keep(line);
            }
        }
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status.to_string(),
                Ok(None) if started.elapsed() < LAST_WORDS => thread::yield_now(),
                Ok(None) => break "still running, but its output is closed".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        PeerError::Ended {
            name: self.name.clone(),
            status,
            last_line: self.last_line.clone(),
            complaints: self.complaints(),
        }
    }

    fn keep(&mut self, complaint: String) {
        if self.complaints.len() == COMPLAINTS_MAX {
            self.complaints.pop_front();
        }
        self.complaints.push_back(complaint);
    }

    fn complaints(&mut self) -> String {
        self.complaints.make_contiguous().join("\n")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(stream: impl Read, events: &Sender<Event>, wrap: fn(String) -> Event) {
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        if events.send(wrap(line)).is_err() {
            return;
        }
    }
}

/// The Java command and Aeron's jar, or what is missing and how to get it.
fn find() -> Result<(PathBuf, PathBuf), String> {
    let java = match std::env::var("JAVA_HOME") {
        Ok(home) => Path::new(&home).join("bin/java"),
        Err(_) => PathBuf::from("java"),
    };
    let answers = Command::new(&java)
        .arg("-version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !answers.is_ok_and(|status| status.success()) {
        return Err(format!("{} -version does not work", java.display()));
    }
    let jar = match std::env::var("TARANIS_AERON_JAR") {
        Ok(jar) => PathBuf::from(jar),
        Err(_) => maven_jar(std::env::var("HOME").unwrap_or_default()),
    };
    if !jar.is_file() {
        return Err(format!(
            "{} is missing; TARANIS_AERON_JAR may name another place; \
             mvn org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get -Dartifact=io.aeron:aeron-all:{AERON_VERSION} fetches it",
            jar.display()
        ));
    }
    Ok((java, jar))
}

fn maven_jar(home: String) -> PathBuf {
    let folder = format!(".m2/repository/io/aeron/aeron-all/{AERON_VERSION}");
    Path::new(&home)
        .join(folder)
        .join(format!("aeron-all-{AERON_VERSION}.jar"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Peer {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Peer::start("sh", command).unwrap()
    }

    #[test]
    fn a_peer_answers_line_by_line_and_ends_with_its_input() {
        let mut peer = shell("echo READY for more; while read x; do echo \"got $x\"; done; exit 3");
        assert_eq!(peer.ready(SOON).unwrap(), "for more");
        peer.send("one").unwrap();
        peer.send("two").unwrap();
        assert_eq!(peer.line(SOON).unwrap(), "got one");
        assert_eq!(peer.line(SOON).unwrap(), "got two");
        assert_eq!(peer.finish(SOON).unwrap().code(), Some(3));
    }

    #[test]
    fn an_early_end_is_reported_with_what_was_written_to_standard_error() {
        let mut peer = shell("echo last words; echo a complaint >&2; exit 4");
        assert_eq!(peer.line(SOON).unwrap(), "last words");
        let text = peer.line(SOON).unwrap_err().to_string();
        assert!(text.contains("last words"), "{text}");
        assert!(text.contains("a complaint"), "{text}");
        assert!(text.contains("exit status: 4"), "{text}");
    }

    #[test]
    fn a_silent_peer_is_given_up_at_the_deadline_and_killed() {
        let mut peer = shell("echo READY; read forever");
        peer.ready(SOON).unwrap();
        let silent = peer.line(Duration::from_millis(1)).unwrap_err();
        assert!(matches!(silent, PeerError::Silent { .. }), "{silent}");
        assert!(!peer.kill().unwrap().success());
    }

    #[test]
    fn a_first_line_that_is_not_ready_is_an_error() {
        let mut peer = shell("echo hello; read forever");
        let error = peer.ready(SOON).unwrap_err();
        assert!(matches!(error, PeerError::NotReady { .. }), "{error}");
    }
}
