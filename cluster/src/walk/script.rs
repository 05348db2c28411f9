//! Scripts of a whole model world, played under both rule values (spec 09 §19.5).
//!
//! | command | meaning |
//! |---|---|
//! | `members N [seed S]` | first line; no member runs yet |
//! | `only aeron`, `only strict`, `both` | the commands that follow are played under that value alone |
//! | `disk M [T@BASE …] [append P] …` | files of an earlier life of M, as in scripts of one core |
//! | `answered M P` | what M's log holds up to P was answered before |
//! | `start M …`, `kill M …`, `wipe M …` | processes and disks |
//! | `cut M N`, `join M N`, `cut M`, `join M`, `mute M N`, `heal` | both directions, all links of M, one direction; everything is well again |
//! | `drop NAME [from M] [to N]`, `deliver` | messages of that name are lost; no more |
//! | `lead M` | only M nominates from now on |
//! | `append M BYTES` | a frame on leader M's publication |
//! | `run ROUNDS` | time passes |
//! | `until M leads\|follows\|down`, `until M applied P`, `until M recorded P`, `until M term T`, `until M state NAME` | time passes, at most 600 rounds |
//! | `show [M …]` | a line for each member |

use super::history::Violation;
use super::show;
use super::solo::disk_of;
use super::words::{Parsed, ScriptError, Words};
use super::world::World;
use crate::rules::Rules;

const PATIENCE: u64 = 600;

/// Plays `script` under Aeron's rules and under ours; the outcome, line by line.
///
/// # Errors
/// If a line is no command.
pub fn play(script: &str) -> Result<String, ScriptError> {
    let mut outcome = String::new();
    for (name, rules) in [("aeron", Rules::Aeron), ("strict", Rules::Strict)] {
        outcome.push_str(&format!("{name}\n"));
        let mut stage = Stage {
            world: World::new(1, rules, 1),
            rules,
            is_played: true,
            lines: Vec::new(),
        };
        for (index, text) in script.lines().enumerate() {
            let mut words = Words::new(text);
            if words.is_empty() {
                continue;
            }
            let done = stage.command(&mut words);
            done.map_err(|rule| ScriptError {
                line: index + 1,
                text: text.into(),
                rule,
            })?;
        }
        stage.lines.push(verdict(stage.world.history.violation));
        for line in stage.lines {
            outcome.push_str(&format!("  {line}\n"));
        }
    }
    Ok(outcome)
}

fn verdict(violation: Option<Violation>) -> String {
    violation.map_or_else(
        || "kept: whatever was answered or applied".into(),
        |violation| format!("BROKEN: {violation}"),
    )
}

struct Stage {
    world: World,
    rules: Rules,
    is_played: bool,
    lines: Vec<String>,
}

impl Stage {
    fn command(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        let verb = words.verb();
        match verb {
            "only" => {
                self.is_played = words.flag("aeron") == (self.rules == Rules::Aeron);
                words.flag("strict");
            }
            "both" => self.is_played = true,
            _ if !self.is_played => return Ok(()),
            "members" => {
                let members = words.number()?;
                self.world = World::new(members, self.rules, words.value_or("seed", 1)?);
                self.world.append_one_in = 0;
            }
            "disk" => {
                let index = self.member(words)?;
                self.world.members[index].disk = disk_of(words)?;
            }
            "answered" => self.answered(words)?,
            "start" | "kill" | "wipe" => {
                while !words.is_empty() {
                    let index = self.member(words)?;
                    match verb {
                        "start" => self.world.start(index),
                        "kill" => self.world.kill(index, false),
                        _ => self.world.wipe(index),
                    }
                }
            }
            "cut" | "join" | "mute" => self.links(verb, words)?,
            "heal" => self.world.network.heal(),
            "drop" => {
                let name = words.verb().to_owned();
                let index = |id: Option<usize>| id.map(|id| id - 1);
                let dropped = (name, index(words.value("from")?), index(words.value("to")?));
                self.world.network.dropped.push(dropped);
            }
            "deliver" => self.world.network.dropped.clear(),
            "append" => {
                let (index, length) = (self.member(words)?, words.number()?);
                if matches!(self.world.members[index].is_settled(), Some((_, true))) {
                    self.world.push_block(index, length, None);
                } else {
                    self.lines.push(format!("{} does not lead", index + 1));
                }
            }
            "lead" => {
                let id = words.number()?;
                self.world
                    .members
                    .iter_mut()
                    .for_each(|member| member.settings.appointed_leader = Some(id));
            }
            "run" => {
                for _ in 0..words.number::<u64>()? {
                    self.world.run_round();
                }
            }
            "until" => self.until(words)?,
            "show" => self.show(words)?,
            _ => return Err("no such command"),
        }
        words.end()
    }

    fn member(&self, words: &mut Words<'_>) -> Parsed<usize> {
        let id: usize = words.number()?;
        let index = id.wrapping_sub(1);
        if index < self.world.members.len() {
            Ok(index)
        } else {
            Err("no such member")
        }
    }

    fn answered(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        let index = self.member(words)?;
        let member = &self.world.members[index];
        let (id, term) = (member.settings.member_id, member.disk.ladder.last_term());
        self.world
            .history
            .committed(id, &member.disk.log, words.number()?, term, &mut 0);
        Ok(())
    }

    fn links(&mut self, verb: &str, words: &mut Words<'_>) -> Parsed<()> {
        let from = self.member(words)?;
        let named = if words.is_empty() {
            None
        } else {
            Some(self.member(words)?)
        };
        for to in (0..self.world.members.len())
            .filter(|&to| to != from && named.is_none_or(|named| named == to))
        {
            self.world.network.cut(from, to, verb != "join");
            if verb != "mute" {
                self.world.network.cut(to, from, verb != "join");
            }
        }
        Ok(())
    }

    fn until(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        let index = self.member(words)?;
        let condition = words.verb().to_owned();
        let argument = words.verb().to_owned();
        let number: i64 = argument.parse().unwrap_or(0);
        for _ in 0..PATIENCE {
            if self.holds(index, &condition, &argument, number)? {
                return Ok(());
            }
            self.world.run_round();
        }
        self.lines.push(
            format!("{} never {condition} {argument}", index + 1)
                .trim_end()
                .to_owned(),
        );
        Ok(())
    }

    fn holds(&self, index: usize, condition: &str, argument: &str, number: i64) -> Parsed<bool> {
        let member = &self.world.members[index];
        let process = member.process.as_ref();
        Ok(match condition {
            "leads" => matches!(member.is_settled(), Some((_, true))),
            "follows" => matches!(member.is_settled(), Some((_, false))),
            "applied" => process.is_some_and(|process| process.applied >= number),
            "recorded" => member.disk.log.end() >= number,
            "term" => member.disk.ladder.last_term() >= number,
            "state" => process.is_some_and(|process| process.state.code().name() == argument),
            "whole" => process.is_some_and(|process| !process.common.is_impaired()),
            _ => {
                return Err(
                    "a condition is leads, follows, applied, recorded, term, state or whole",
                );
            }
        })
    }

    fn show(&mut self, words: &mut Words<'_>) -> Parsed<()> {
        if words.is_empty() {
            self.lines
                .extend(self.world.members.iter().map(show::member));
        }
        while !words.is_empty() {
            let index = self.member(words)?;
            self.lines.push(show::member(&self.world.members[index]));
        }
        Ok(())
    }
}
