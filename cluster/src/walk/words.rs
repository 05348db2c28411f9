//! The words of a script's command line.

use std::str::FromStr;

/// A line of a script that says nothing this module understands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text:?}: {rule}")]
pub struct ScriptError {
    /// Line number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is allowed there.
    pub rule: &'static str,
}

pub(crate) type Parsed<T> = Result<T, &'static str>;

/// One command line, word by word.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    words: Vec<&'a str>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        let line = line.split('#').next().unwrap_or_default();
        Self {
            words: line.split_whitespace().collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The first word, taken.
    pub(crate) fn verb(&mut self) -> &'a str {
        if self.words.is_empty() {
            ""
        } else {
            self.words.remove(0)
        }
    }

    /// Whether `name` stands there; taken.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let found = self.words.iter().position(|word| *word == name);
        found.map(|at| self.words.remove(at)).is_some()
    }

    /// The number after `name`; both taken.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str) -> Parsed<Option<T>> {
        let Some(at) = self.words.iter().position(|word| *word == name) else {
            return Ok(None);
        };
        self.words.remove(at);
        if at >= self.words.len() {
            return Err("a number has to follow the word");
        }
        self.words
            .remove(at)
            .parse()
            .map(Some)
            .map_err(|_| "a number has to follow the word")
    }

    /// As [`Self::value`], else `default`.
    pub(crate) fn value_or<T: FromStr>(&mut self, name: &str, default: T) -> Parsed<T> {
        Ok(self.value(name)?.unwrap_or(default))
    }

    /// The next word as a number, taken.
    pub(crate) fn number<T: FromStr>(&mut self) -> Parsed<T> {
        self.verb().parse().map_err(|_| "a number is missing")
    }

    /// `TERM@BASE` entries, taken.
    pub(crate) fn terms(&mut self) -> Vec<(i64, i64)> {
        let parse = |word: &str| {
            let (term, base) = word.split_once('@')?;
            Some((term.parse().ok()?, base.parse().ok()?))
        };
        let terms = self.words.iter().filter_map(|word| parse(word)).collect();
        self.words.retain(|word| parse(word).is_none());
        terms
    }

    /// Whatever has not been taken must be nothing.
    pub(crate) fn end(&self) -> Parsed<()> {
        if self.words.is_empty() {
            Ok(())
        } else {
            Err("there are words too many")
        }
    }
}
