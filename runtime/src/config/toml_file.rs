//! Settings from a TOML file, section by section.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{ConfigError, Settings, env::quoted, nearest};

/// A parsed TOML file whose keys are taken section by section; what nobody took is an error at the end.
pub struct TomlFile<'t> {
    name: String,
    text: &'t str,
    root: DeTable<'t>,
    errors: Vec<ConfigError>,
    sections: Vec<&'static str>,
}

impl<'t> TomlFile<'t> {
    /// Parses `text`; `name` stands in messages.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`].
    pub fn parse(name: &str, text: &'t str) -> Result<Self, ConfigError> {
        let root = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            file: name.to_owned(),
            problem: error.to_string(),
        })?;
        let root = root.into_inner();
        Ok(Self {
            name: name.to_owned(),
            text,
            root,
            errors: Vec::new(),
            sections: Vec::new(),
        })
    }

    /// Takes the section `[section]` into the settings. Each key at most once; an absent section changes nothing.
    pub fn take<S: Settings>(&mut self, section: &'static str, settings: &mut S) {
        self.sections.push(section);
        let Some((_, value)) = self.root.remove_entry(section) else {
            return;
        };
        let line = self.line_of(value.span().start);
        let DeValue::Table(table) = value.into_inner() else {
            let place = format!("{}:{line}: {section}", self.name);
            let (value, allowed) = (
                "a value".to_owned(),
                format!("a section, written [{section}]"),
            );
            self.errors.push(ConfigError::BadValue {
                place,
                value,
                allowed,
            });
            return;
        };
        // In the order of the file, as a reader goes through it.
        let mut keys: Vec<_> = table.iter().collect();
        keys.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in keys {
            self.take_key(section, key, value, settings);
        }
    }

    /// All that was wrong, in the order of the file.
    pub fn finish(mut self) -> Vec<ConfigError> {
        let left: Vec<_> = self
            .root
            .iter()
            .map(|(key, _)| (key.get_ref().to_string(), key.span().start))
            .collect();
        for (key, at) in left {
            let place = format!("{}:{}: {key}", self.name, self.line_of(at));
            let nearest = nearest(&key, self.sections.iter().copied())
                .unwrap_or_default()
                .to_owned();
            self.errors.push(ConfigError::UnknownKey { place, nearest });
        }
        self.errors
    }

    fn take_key<S: Settings>(
        &mut self,
        section: &str,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        settings: &mut S,
    ) {
        let name = key.get_ref().as_ref();
        let place = format!(
            "{}:{}: {section}.{name}",
            self.name,
            self.line_of(key.span().start)
        );
        let Some(row) = S::rows().iter().find(|row| row.key == name) else {
            let known = S::rows().iter().map(|row| row.key);
            let nearest = nearest(name, known).unwrap_or_default().to_owned();
            self.errors.push(ConfigError::UnknownKey { place, nearest });
            return;
        };
        let refused = match text_of(value.get_ref()) {
            Some(text) => settings
                .set(row.key, &text)
                .err()
                .map(|allowed| (quoted(&text), allowed)),
            None => Some(("a section or a date".to_owned(), row.allowed)),
        };
        if let Some((value, allowed)) = refused {
            self.errors.push(ConfigError::BadValue {
                place,
                value,
                allowed: allowed.to_owned(),
            });
        }
    }

    fn line_of(&self, at: usize) -> usize {
        self.text
            .as_bytes()
            .iter()
            .take(at)
            .filter(|byte| **byte == b'\n')
            .count()
            + 1
    }
}

/// The text form of a scalar, or of a list of scalars (joined by commas).
fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(on) => Some(on.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| text_of(item.get_ref())).collect();
            texts.map(|texts| texts.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(unreachable_pub, reason = "the macro makes public structs")]

    use super::*;
    use crate::{config::Bytes, settings};

    settings! {
        /// Something to try.
        pub struct Sample {
            /// A size.
            pub length: Bytes = "64k", env none, allowed "a size, as 64k";
            /// A list.
            pub cores: String = "", env none, allowed "core numbers";
        }
    }

    #[test]
    fn takes_numbers_texts_and_lists() {
        let mut sample = Sample::default();
        let mut file =
            TomlFile::parse("a.toml", "[node]\nlength = 4096\ncores = [0, 1]\n").unwrap();
        file.take("node", &mut sample);
        assert_eq!(file.finish(), []);
        assert_eq!(
            sample,
            Sample {
                length: Bytes(4096),
                cores: "0,1".to_owned()
            }
        );
    }

    #[test]
    fn names_file_line_key_value_and_what_is_allowed() {
        let mut sample = Sample::default();
        let text = "[node]\nlength = \"long\"\nlenght = 5\n\n[nodes]\nx = 1\n";
        let mut file = TomlFile::parse("a.toml", text).unwrap();
        file.take("node", &mut sample);
        let errors: Vec<_> = file.finish().iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "a.toml:2: node.length: `long` is refused; allowed is a size, as 64k",
                "a.toml:3: node.lenght: there is no such key; did you mean `length`?",
                "a.toml:5: nodes: there is no such key; did you mean `node`?",
            ]
        );
        assert!(TomlFile::parse("a.toml", "[node\n").is_err());
    }
}
