//! What happened, line by line and as one number.

use std::fmt;

use super::hash::Hash;

/// One event of a run.
///
/// Its `Display` has fixed columns: virtual time in nanoseconds, process, agent (thread of the process and slot in the
/// thread), event, detail. Bugs are found by looking down a column.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Virtual nanoseconds since the start.
    pub at_ns: u64,
    /// The process's name, or `-`.
    pub process: &'a str,
    /// Thread and slot, if an agent had part in it.
    pub agent: Option<(u32, u16)>,
    /// The kind of event.
    pub event: &'static str,
    /// The rest.
    pub detail: fmt::Arguments<'a>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = self.agent.map_or_else(
            || "-".to_owned(),
            |(thread, slot)| format!("{thread}/{slot}"),
        );
        write!(
            f,
            "{:>16} {:<14} {agent:<6} {:<10} {}",
            self.at_ns, self.process, self.event, self.detail
        )
    }
}

/// Takes each line as it comes.
pub type Sink = Box<dyn FnMut(&Line<'_>)>;

/// The running hash and the sink, if there is one.
pub(super) struct Trace {
    hash: Hash,
    lines: u64,
    sink: Option<Sink>,
}

impl Trace {
    pub(super) fn new() -> Self {
        Self {
            hash: Hash::new(),
            lines: 0,
            sink: None,
        }
    }

    pub(super) fn send_to(&mut self, sink: Sink) {
        self.sink = Some(sink);
    }

    /// Takes in a line: its time, who, what, and as detail `numbers` and `bytes`. The text of the detail goes to the sink only.
    pub(super) fn note(&mut self, line: &Line<'_>, numbers: &[u64], bytes: &[u8]) {
        self.lines += 1;
        self.hash.word(line.at_ns);
        self.hash.bytes(line.process.as_bytes());
        let agent = line.agent.map_or(u64::MAX, |(thread, slot)| {
            u64::from(thread) << 16 | u64::from(slot)
        });
        self.hash.word(agent);
        self.hash.bytes(line.event.as_bytes());
        for number in numbers {
            self.hash.word(*number);
        }
        self.hash.bytes(bytes);
        if let Some(sink) = &mut self.sink {
            sink(line);
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_fixed() {
        let line = Line {
            at_ns: 1_234_567,
            process: "node0",
            agent: Some((2, 11)),
            event: "deliver",
            detail: format_args!("8 bytes"),
        };
        assert_eq!(
            line.to_string(),
            "         1234567 node0          2/11   deliver    8 bytes"
        );
    }
}
