//! Which keys do what for this user: the table of [`super::keys`], with what the configuration changes.

use crossterm::event::KeyEvent;

use super::app::Screen;
use super::keys::{self, Action, Binding, TABLE};

/// The keys of every action.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Keys {
    /// Beside the table, line by line.
    of: Vec<Vec<String>>,
}

impl Default for Keys {
    fn default() -> Self {
        let own = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect();
        Self {
            of: TABLE.iter().map(|binding| own(binding.keys)).collect(),
        }
    }
}

impl Keys {
    /// The table with these actions on other keys. A key taken for one action is taken from those that had it.
    /// Every action works on the list of contacts, so no key can serve two.
    ///
    /// # Errors
    /// When two of the actions want one key: their places in `wanted`, and the key.
    pub fn with(wanted: &[(&Binding, Vec<String>)]) -> Result<Self, (usize, usize, String)> {
        for (at, (_, keys)) in wanted.iter().enumerate() {
            for (before, (_, others)) in wanted.iter().take(at).enumerate() {
                if let Some(key) = keys.iter().find(|key| others.contains(key)) {
                    return Err((before, at, key.clone()));
                }
            }
        }
        let mut made = Self::default();
        for (binding, keys) in wanted {
            for (line, of) in TABLE.iter().zip(&mut made.of) {
                if line.action == binding.action {
                    of.clone_from(keys);
                } else if !wanted.iter().any(|(b, _)| b.action == line.action) {
                    of.retain(|key| !keys.contains(key));
                }
            }
        }
        Ok(made)
    }

    /// Every line of the table with its keys.
    pub fn bindings(&self) -> impl Iterator<Item = (&'static Binding, &[String])> {
        TABLE.iter().zip(self.of.iter().map(Vec::as_slice))
    }

    /// The action of a key on a screen. Ctrl-C always quits: nobody may be locked in.
    #[must_use]
    pub fn action(&self, key: KeyEvent, screen: Screen) -> Option<Action> {
        let name = keys::name(key)?;
        self.bindings()
            .find(|(binding, keys)| binding.place.has(screen) && keys.contains(&name))
            .map(|(binding, _)| binding.action)
            .or((name == "Ctrl-C").then_some(Action::Quit))
    }

    /// The usual key of an action; none when it has been taken away.
    #[must_use]
    pub fn key_of(&self, action: Action) -> &str {
        self.bindings()
            .find(|(binding, _)| binding.action == action)
            .and_then(|(_, keys)| keys.first())
            .map_or("", String::as_str)
    }

    /// How to ask for an action: by its key, else through the palette.
    #[must_use]
    pub fn hint(&self, action: Action) -> String {
        match self.key_of(action) {
            "" => format!("{} and its name", self.key_of(Action::Palette)),
            key => key.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyModifiers};

    fn press(keys: &Keys, c: char) -> Option<Action> {
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        keys.action(key, Screen::Contacts)
    }

    fn wish(action: &str, keys: &[&str]) -> (&'static Binding, Vec<String>) {
        let binding = keys::named(action).unwrap();
        (binding, keys.iter().map(|k| (*k).to_owned()).collect())
    }

    #[test]
    fn a_key_taken_is_taken_from_who_had_it() {
        let keys = Keys::with(&[wish("quit", &["x"])]).unwrap();
        assert_eq!(press(&keys, 'x'), Some(Action::Quit));
        assert_eq!(press(&keys, 'q'), None);
        assert_eq!(keys.key_of(Action::StopReading), "");
        assert_eq!(keys.hint(Action::StopReading), ": and its name");
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(
            keys.action(ctrl_c, Screen::About),
            Some(Action::Quit),
            "a way out stays"
        );
    }

    #[test]
    fn keys_may_be_swapped_but_not_shared() {
        let swapped = Keys::with(&[wish("sort", &["g"]), wish("group", &["s"])]).unwrap();
        assert_eq!(press(&swapped, 's'), Some(Action::Group));
        assert_eq!(press(&swapped, 'g'), Some(Action::Sort));
        let shared = Keys::with(&[wish("sort", &["g"]), wish("theme", &["g"])]);
        assert_eq!(shared, Err((0, 1, "g".to_owned())));
    }
}
