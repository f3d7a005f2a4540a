//! Every action, its keys and its words: the one table that key handling, help, palette and docs come from.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::Screen;

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident => $keys:expr, $group:ident, $screens:ident, $name:literal;)+) => {
        /// What a person can do.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Action {
            $($(#[$doc])* #[allow(missing_docs, reason = "named in the table")] $action,)+
        }

        /// All actions, in the order of the help.
        pub static TABLE: &[Binding] = &[
            $(Binding { action: Action::$action, id: stringify!($action), keys: &$keys, group: Group::$group, place: Place::$screens, name: $name },)+
        ];
    };
}

actions! {
    Down => ["j", "Down"], Move, Anywhere, "next line";
    Up => ["k", "Up"], Move, Anywhere, "previous line";
    PageDown => ["PgDn", "Ctrl-D"], Move, Anywhere, "next page";
    PageUp => ["PgUp", "Ctrl-U"], Move, Anywhere, "previous page";
    Bottom => ["G", "End"], Move, Anywhere, "last line";
    Top => ["Home", "^"], Move, Anywhere, "first line";
    Left => ["h", "Left"], Move, Anywhere, "fold; earlier in the timeline; previous contact in details";
    Right => ["l", "Right"], Move, Anywhere, "unfold; later in the timeline; next contact in details";
    Enter => ["Enter"], Move, Anywhere, "details of the selected line";
    Escape => ["Esc"], Move, Anywhere, "close, go back, drop the filter";
    NextPane => ["Tab"], Move, Anywhere, "next pane";
    PreviousPane => ["Shift-Tab"], Move, Anywhere, "previous pane";
    Back => ["Backspace", "Alt-Left"], Move, Anywhere, "back to where you were";
    Forward => ["Alt-Right"], Move, Anywhere, "forward again";

    Contacts => ["1"], Screens, Anywhere, "contacts";
    Sites => ["2"], Screens, Anywhere, "sites that caused them";
    Devices => ["3"], Screens, Anywhere, "devices that made them";
    Lookups => ["4"], Screens, Anywhere, "lookups";
    Alerts => ["5"], Screens, Anywhere, "alerts";
    Coverage => ["6"], Screens, Anywhere, "what this capture cannot show";
    About => ["7"], Screens, Anywhere, "what lencr.org is";

    Filter => ["/"], Find, Anywhere, "filter (kind:crl site:example.com ...)";
    Search => ["f", "Ctrl-F"], Find, Anywhere, "search for text";
    NextMatch => ["n"], Find, Anywhere, "next match";
    PreviousMatch => ["N"], Find, Anywhere, "previous match";
    NextAlert => ["a"], Find, Contacts, "next contact with an alert";
    PreviousAlert => ["A"], Find, Contacts, "previous contact with an alert";
    NextUnexplained => ["u"], Find, Contacts, "next unexplained contact";
    PreviousUnexplained => ["U"], Find, Contacts, "previous unexplained contact";
    NextBurst => ["]"], Find, Contacts, "next burst of activity";
    PreviousBurst => ["["], Find, Contacts, "previous burst of activity";
    Mark => ["m"], Find, Contacts, "mark or unmark this contact";
    NextMark => ["'"], Find, Contacts, "next marked contact";
    SameSite => ["="], Find, Contacts, "only contacts of this site";

    Group => ["g"], Arrange, List, "group by site, device, host, verdict";
    Fold => ["Space", "o"], Arrange, List, "fold or unfold this group";
    Sort => ["s"], Arrange, List, "sort by time, site, host, client, confidence, delay, alerts";
    Reverse => ["S"], Arrange, List, "reverse the order";

    ZoomIn => ["+"], Timeline, Contacts, "zoom the timeline in";
    ZoomOut => ["-"], Timeline, Contacts, "zoom the timeline out";
    PanLeft => [","], Timeline, Contacts, "earlier";
    PanRight => ["."], Timeline, Contacts, "later";
    ZoomAll => ["0"], Timeline, Contacts, "all of it";

    Export => ["e"], Act, Anywhere, "export a report";
    Copy => ["y"], Act, Contacts, "copy why, JSON, Wireshark filter or a cell";
    Bytes => ["b"], Act, Contacts, "bytes of the frames that prove it";
    Evidence => ["w"], Act, Anywhere, "write the frames that prove the contacts (pcapng)";
    Open => ["O"], Act, Anywhere, "open another capture";
    Pause => ["p"], Act, Anywhere, "pause: keep this picture while reading goes on";
    Follow => ["F"], Act, Anywhere, "follow the newest contact";
    Redact => ["R"], Act, Anywhere, "hide client addresses and names";
    Time => ["t"], Act, Anywhere, "show times in UTC, local, relative, epoch";
    Theme => ["T"], Act, Anywhere, "next colour theme";
    StopReading => ["x"], Act, Anywhere, "stop reading; keep what was read";
    Palette => [":", "Ctrl-P"], Act, Anywhere, "all actions by name";
    Help => ["?", "F1"], Act, Anywhere, "keys of this screen";
    Redraw => ["Ctrl-L"], Act, Anywhere, "draw the screen anew";
    Suspend => ["Ctrl-Z"], Act, Anywhere, "to the shell for a while (fg comes back)";
    Quit => ["q", "Ctrl-C"], Act, Anywhere, "quit";
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// The action's name in the source; see [`Binding::word`].
    id: &'static str,
    /// Keys, the usual one first.
    pub keys: &'static [&'static str],
    /// Under which title it stands.
    pub group: Group,
    /// Where it works.
    pub place: Place,
    /// In words.
    pub name: &'static str,
}

impl Binding {
    /// Its name in the configuration file: `NextAlert` is `next-alert`.
    #[must_use]
    pub fn word(&self) -> String {
        let mut word = String::new();
        for c in self.id.chars() {
            if c.is_ascii_uppercase() && !word.is_empty() {
                word.push('-');
            }
            word.push(c.to_ascii_lowercase());
        }
        word
    }
}

/// The line of the action with this name.
#[must_use]
pub fn named(word: &str) -> Option<&'static Binding> {
    TABLE.iter().find(|binding| binding.word() == word)
}

/// Titles of the help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Group {
    /// Moving about.
    Move,
    /// Going to a screen.
    Screens,
    /// Finding contacts.
    Find,
    /// Order of the list.
    Arrange,
    /// The timeline.
    Timeline,
    /// The rest.
    Act,
}

impl Group {
    /// All, in the order of the help.
    pub const ALL: [Self; 6] = [
        Self::Move,
        Self::Screens,
        Self::Find,
        Self::Arrange,
        Self::Timeline,
        Self::Act,
    ];

    /// Its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Move => "Moving",
            Self::Screens => "Screens",
            Self::Find => "Finding",
            Self::Arrange => "Order",
            Self::Timeline => "Timeline",
            Self::Act => "Doing",
        }
    }
}

/// Screens on which a key works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// All.
    Anywhere,
    /// Contacts and details.
    Contacts,
    /// Contacts alone.
    List,
}

impl Place {
    /// Whether the screen is one of them.
    #[must_use]
    pub const fn has(self, screen: Screen) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Contacts => matches!(screen, Screen::Contacts | Screen::Finding),
            Self::List => matches!(screen, Screen::Contacts),
        }
    }
}

/// The name of a key, as the table writes it.
pub(super) fn name(key: KeyEvent) -> Option<String> {
    let bare = match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(c)
            if key
                .modifiers
                .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
        {
            c.to_ascii_uppercase().to_string()
        }
        KeyCode::Char(c) => return Some(c.to_string()),
        KeyCode::BackTab => return Some("Shift-Tab".into()),
        KeyCode::F(n) => format!("F{n}"),
        code => match code {
            KeyCode::Up => "Up",
            KeyCode::Down => "Down",
            KeyCode::Left => "Left",
            KeyCode::Right => "Right",
            KeyCode::Home => "Home",
            KeyCode::End => "End",
            KeyCode::PageUp => "PgUp",
            KeyCode::PageDown => "PgDn",
            KeyCode::Enter => "Enter",
            KeyCode::Esc => "Esc",
            KeyCode::Tab => "Tab",
            KeyCode::Backspace => "Backspace",
            _ => return None,
        }
        .to_owned(),
    };
    Some(if key.modifiers.contains(KeyModifiers::CONTROL) {
        format!("Ctrl-{bare}")
    } else if key.modifiers.contains(KeyModifiers::ALT) {
        format!("Alt-{bare}")
    } else {
        bare
    })
}

/// Names of the keys that are no character.
const NAMED: [&str; 14] = [
    "Space",
    "Up",
    "Down",
    "Left",
    "Right",
    "Home",
    "End",
    "PgUp",
    "PgDn",
    "Enter",
    "Esc",
    "Tab",
    "Shift-Tab",
    "Backspace",
];

/// The name of a key as the table writes it, from how a person may write it; None when there is no such key.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_whitespace() && !crate::report::safe::is_obeyed(c)).then(|| c.to_string());
    }
    let same = |name: &&&str| name.eq_ignore_ascii_case(text);
    if let Some(name) = NAMED.iter().find(same) {
        return Some((*name).to_owned());
    }
    let number = text
        .strip_prefix(['F', 'f'])
        .and_then(|n| n.parse::<u8>().ok());
    if let Some(n @ 1..=12) = number {
        return Some(format!("F{n}"));
    }
    let (modifier, key) = text.split_once('-')?;
    let modifier = ["Ctrl", "Alt"]
        .into_iter()
        .find(|m| m.eq_ignore_ascii_case(modifier))?;
    let key = canonical(key).filter(|key| key.len() == 1 || !key.contains('-'))?;
    Some(format!(
        "{modifier}-{}",
        if key.chars().count() == 1 {
            key.to_ascii_uppercase()
        } else {
            key
        }
    ))
}

/// The key table of the docs.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Keys of the terminal UI\n\nMade from the key table in `src/tui/keys.rs`; a test compares the two. The names are for the \
         [configuration file](guide.md#configuration-of-the-terminal-ui).\n",
    );
    for group in Group::ALL {
        page.push_str(&format!(
            "\n## {}\n\n| Key | Action | Where | Name |\n|---|---|---|---|\n",
            group.title()
        ));
        for binding in TABLE.iter().filter(|b| b.group == group) {
            let keys: Vec<String> = binding.keys.iter().map(|k| format!("`{k}`")).collect();
            let place = match binding.place {
                Place::Anywhere => "anywhere",
                Place::Contacts => "contacts, details",
                Place::List => "contacts",
            };
            page.push_str(&format!(
                "| {} | {} | {place} | `{}` |\n",
                keys.join(" "),
                binding.name,
                binding.word()
            ));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_on_one_screen() {
        for screen in Screen::ALL {
            let mut keys: Vec<&str> = TABLE
                .iter()
                .filter(|b| b.place.has(screen))
                .flat_map(|b| b.keys.iter().copied())
                .collect();
            let all = keys.len();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), all);
        }
    }

    #[test]
    fn keys_are_found_by_the_names_of_the_table() {
        let keys = crate::tui::keymap::Keys::default();
        let press = |code, modifiers| keys.action(KeyEvent::new(code, modifiers), Screen::Contacts);
        assert_eq!(
            press(KeyCode::Char('j'), KeyModifiers::NONE),
            Some(Action::Down)
        );
        assert_eq!(
            press(KeyCode::Char('G'), KeyModifiers::SHIFT),
            Some(Action::Bottom)
        );
        assert_eq!(
            press(KeyCode::Char('d'), KeyModifiers::CONTROL),
            Some(Action::PageDown)
        );
        assert_eq!(press(KeyCode::Left, KeyModifiers::ALT), Some(Action::Back));
        assert_eq!(
            press(KeyCode::BackTab, KeyModifiers::SHIFT),
            Some(Action::PreviousPane)
        );
        assert_eq!(press(KeyCode::Char('%'), KeyModifiers::NONE), None);
    }

    #[test]
    fn keys_are_known_as_people_write_them() {
        for (written, name) in [
            ("g", Some("g")),
            ("G", Some("G")),
            ("ctrl-x", Some("Ctrl-X")),
            ("Alt-Left", Some("Alt-Left")),
            ("pgdn", Some("PgDn")),
            ("f12", Some("F12")),
            ("-", Some("-")),
            ("Ctrl--", Some("Ctrl--")),
            ("F13", None),
            ("Hyper-x", None),
            ("two", None),
            ("", None),
            (" ", None),
            ("\u{202e}", None),
        ] {
            assert_eq!(canonical(written).as_deref(), name, "{written:?}");
        }
        for key in TABLE.iter().flat_map(|binding| binding.keys) {
            assert_eq!(canonical(key).as_deref(), Some(*key));
        }
    }

    #[test]
    fn the_docs_show_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
        #[expect(
            clippy::disallowed_methods,
            reason = "a test that keeps a file up to date"
        )]
        if std::env::var_os("INSTA_UPDATE").is_some_and(|v| v == "always") {
            std::fs::write(path, markdown()).unwrap();
        }
        #[expect(clippy::disallowed_methods, reason = "a test that reads the docs")]
        let docs = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            docs,
            markdown(),
            "run with INSTA_UPDATE=always to write docs/keys.md"
        );
    }
}
