//! The configuration file: keys, theme, columns. From text to settings; nothing is read here.
//!
//! Whatever is not understood is an error that names its line: a setting that silently does nothing is worse.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::{Spanned, Value};

use super::columns::Column;
use super::keymap::Keys;
use super::keys::{self, Binding, TABLE};
use super::theme::ThemeName;

/// What the configuration says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Config {
    /// Colours.
    pub theme: Option<ThemeName>,
    /// ASCII alone.
    pub ascii: Option<bool>,
    /// Whether the mouse is used.
    pub mouse: Option<bool>,
    /// Columns of the contact list; empty for what suits the terminal.
    pub columns: Vec<Column>,
    /// The keys.
    pub keys: Keys,
}

/// The file, as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    theme: Option<Spanned<String>>,
    ascii: Option<bool>,
    mouse: Option<bool>,
    #[serde(default)]
    columns: Vec<Spanned<String>>,
    /// One key, or several.
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Spanned<Value>>,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Error {
    /// Line, from 1.
    pub line: usize,
    /// In words.
    pub message: String,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// When it is no TOML or says something that is not known here.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |span: Range<usize>, message: String| Error {
            line: line(text, span.start),
            message,
        };
        let file: File = toml::from_str(text)
            .map_err(|error| wrong(error.span().unwrap_or_default(), said(error.message())))?;
        let theme = file.theme.map(|given| {
            let names = ThemeName::ALL.map(ThemeName::name);
            let place = names.iter().position(|n| n == given.get_ref());
            place
                .and_then(|place| ThemeName::ALL.get(place).copied())
                .ok_or_else(|| {
                    let known = unknown("theme", given.get_ref(), &names);
                    wrong(given.span(), known)
                })
        });
        let columns = file.columns.iter().map(|given| {
            let column = Column::ALL
                .into_iter()
                .find(|c| c.word() == given.get_ref());
            column.ok_or_else(|| {
                let known = unknown("column", given.get_ref(), &Column::ALL.map(Column::word));
                wrong(given.span(), known)
            })
        });
        Ok(Self {
            theme: theme.transpose()?,
            ascii: file.ascii,
            mouse: file.mouse,
            columns: columns.collect::<Result<_, _>>()?,
            keys: rebound(&file.keys).map_err(|(span, message)| wrong(span, message))?,
        })
    }
}

/// The key table with the wishes of the file.
fn rebound(
    wishes: &BTreeMap<Spanned<String>, Spanned<Value>>,
) -> Result<Keys, (Range<usize>, String)> {
    let mut wanted: Vec<(&Binding, Vec<String>)> = Vec::new();
    let mut spans = Vec::new();
    for (action, wish) in wishes {
        let Some(binding) = keys::named(action.get_ref()) else {
            let names: Vec<String> = TABLE.iter().map(Binding::word).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            return Err((action.span(), unknown("action", action.get_ref(), &names)));
        };
        let given = match wish.get_ref() {
            Value::Array(keys) => keys.as_slice(),
            key => std::slice::from_ref(key),
        };
        let mut names = Vec::new();
        for key in given {
            let known = match key.as_str() {
                Some(text) => keys::canonical(text).ok_or_else(|| {
                    format!(
                        "there is no key '{text}'; keys are one character, Ctrl-X, Alt-X, F1 to F12, or a name as in the key table"
                    )
                }),
                None => Err("keys are text in quotation marks".to_owned()),
            };
            names.push(known.map_err(|message| (wish.span(), message))?);
        }
        wanted.push((binding, names));
        spans.push(action.span());
    }
    Keys::with(&wanted).map_err(|(first, second, key)| {
        let word = |at: usize| wanted.get(at).map(|(b, _)| b.word()).unwrap_or_default();
        let span = spans.get(second).cloned().unwrap_or_default();
        let message = format!(
            "key '{key}' is given to both {} and {}",
            word(first),
            word(second)
        );
        (span, message)
    })
}

/// What there is instead: the nearest name where one is near, else all when they are few.
fn unknown(what: &str, given: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|name| (distance(given, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4);
    match near {
        Some((_, name)) => format!("there is no {what} '{given}'; did you mean '{name}'?"),
        None if known.len() <= 12 => {
            format!(
                "there is no {what} '{given}'; there are {}",
                known.join(", ")
            )
        }
        None => format!("there is no {what} '{given}'; docs/keys.md lists them"),
    }
}

/// Levenshtein's distance, up to a length that no name here has.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(40).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

fn line(text: &str, at: usize) -> usize {
    let before = text
        .as_bytes()
        .get(..at.min(text.len()))
        .unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Messages of the TOML reader stand on one line here.
fn said(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::app::Screen;
    use crate::tui::keys::Action;
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    fn error(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_changes_nothing() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn everything_can_be_said() {
        let config = Config::parse(
            "theme = \"color-blind\"\nascii = true\nmouse = false\n\
             columns = [\"time\", \"site\", \"device\"]\n\
             [keys]\nquit = [\"Q\", \"ctrl-x\"]\nexport = \"F2\"\nredact = []\n",
        )
        .unwrap();
        assert_eq!(config.theme, Some(ThemeName::ColorBlind));
        assert_eq!((config.ascii, config.mouse), (Some(true), Some(false)));
        assert_eq!(config.columns, [Column::Time, Column::Site, Column::Device]);
        let press = |code, modifiers| {
            config
                .keys
                .action(KeyEvent::new(code, modifiers), Screen::Contacts)
        };
        let (none, control) = (KeyModifiers::NONE, KeyModifiers::CONTROL);
        assert_eq!(press(KeyCode::Char('Q'), none), Some(Action::Quit));
        assert_eq!(press(KeyCode::Char('x'), control), Some(Action::Quit));
        assert_eq!(press(KeyCode::Char('q'), none), None);
        assert_eq!(press(KeyCode::F(2), none), Some(Action::Export));
        assert_eq!(press(KeyCode::Char('R'), none), None);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, wanted) in [
            (
                "theme = \"drak\"",
                "line 1: there is no theme 'drak'; did you mean 'dark'?",
            ),
            (
                "\ntheme = \"x\"",
                "line 2: there is no theme 'x'; there are dark, light, high-contrast, color-blind, mono",
            ),
            (
                "\n\n[keys]\nquitt = \"q\"",
                "line 4: there is no action 'quitt'; did you mean 'quit'?",
            ),
            (
                "[keys]\nquit = \"q\"\nexport = [\"e\", \"Hyper-E\"]",
                "line 3: there is no key 'Hyper-E'; keys are one character, Ctrl-X, Alt-X, F1 to F12, or a name as in the key table",
            ),
            (
                "[keys]\nsort = 7",
                "line 2: keys are text in quotation marks",
            ),
            (
                "[keys]\nexport = \"z\"\nsort = \"z\"",
                "line 3: key 'z' is given to both export and sort",
            ),
            (
                "columns = [\n  \"time\",\n  \"sites\",\n]",
                "line 3: there is no column 'sites'; did you mean 'site'?",
            ),
        ] {
            assert_eq!(error(text), wanted);
        }
        assert!(error("colour = 1").starts_with("line 1: unknown field `colour`, expected"));
        assert!(error("a = ").starts_with("line 1: "));
        assert!(error("mouse = 3\n").starts_with("line 1: invalid type"));
    }

    #[test]
    fn the_example_of_the_guide_is_valid() {
        let guide = include_str!("../../docs/guide.md");
        let example = guide
            .split("```toml\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .unwrap();
        let config = Config::parse(example).unwrap();
        assert_ne!(config, Config::default());
    }
}
