//! What lies over the screen: prompts, menus, help.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use crate::filter::{self, Completion, Filter};
use crate::finding::FindingId;
use crate::report::{Format, json, prose, view};
use crate::tui::keymap::Keys;
use crate::tui::keys::{Action, Binding, TABLE};
use crate::tui::packets::Packets;

use super::{App, Effect, Saved, file_name};

/// What lies over the screen.
#[derive(Clone, Debug)]
pub(in crate::tui) enum Overlay {
    Filter(Prompt),
    Search(Prompt),
    /// All actions by name.
    Palette {
        prompt: Prompt,
        row: usize,
    },
    Help {
        scroll: usize,
    },
    /// Which form of report.
    Export,
    /// Where to.
    Save {
        what: Saved,
        prompt: Prompt,
    },
    /// Which capture to read next, and what could be meant.
    Open {
        prompt: Prompt,
        paths: Vec<String>,
    },
    /// What to copy.
    Copy,
    /// Frames as bytes.
    Packets(Packets),
}

/// A line of input.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct Prompt {
    pub(in crate::tui) input: Input,
    pub(in crate::tui) completions: Vec<Completion>,
    pub(in crate::tui) chosen: Option<usize>,
    pub(in crate::tui) error: Option<filter::Error>,
    /// What was there before, for going back.
    before: String,
    selected: Option<FindingId>,
}

/// The forms of a report, with the keys of the menu.
pub(in crate::tui) const FORMATS: [(char, Format, &str); 6] = [
    ('t', Format::Text, "text, for reading"),
    ('m', Format::Markdown, "Markdown, for tickets"),
    ('h', Format::Html, "HTML, one page that needs nothing else"),
    ('j', Format::Json, "JSON, one document"),
    ('n', Format::Ndjson, "NDJSON, one record a line"),
    ('c', Format::Csv, "CSV, for spreadsheets"),
];

/// What can be copied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::tui) enum Copy {
    Why,
    Json,
    WiresharkFilter,
    Url,
    Site,
    Host,
    Client,
    Serial,
}

/// The keys of the copy menu.
pub(in crate::tui) const COPIES: [(char, Copy, &str); 8] = [
    ('w', Copy::Why, "why, in words"),
    ('f', Copy::WiresharkFilter, "Wireshark filter of its frames"),
    ('j', Copy::Json, "JSON record"),
    ('u', Copy::Url, "URL"),
    ('s', Copy::Site, "site"),
    ('h', Copy::Host, "host"),
    ('c', Copy::Client, "client address"),
    ('n', Copy::Serial, "serial number asked about"),
];

impl Prompt {
    pub(super) fn new(text: &str) -> Self {
        Self {
            input: Input::new(text.to_owned()),
            before: text.to_owned(),
            ..Self::default()
        }
    }
}

impl Overlay {
    pub(super) fn filter(text: &str, selected: Option<FindingId>) -> Self {
        Self::Filter(Prompt {
            selected,
            ..Prompt::new(text)
        })
    }

    pub(super) fn search(text: &str) -> Self {
        Self::Search(Prompt::new(text))
    }

    pub(super) fn open(folder: &str) -> Self {
        Self::Open {
            prompt: Prompt::new(folder),
            paths: Vec::new(),
        }
    }

    pub(super) fn palette() -> Self {
        Self::Palette {
            prompt: Prompt::default(),
            row: 0,
        }
    }
}

/// Actions whose name or key fits what was typed, best first.
pub(in crate::tui) fn palette<'a>(
    text: &str,
    keys: &'a Keys,
) -> Vec<(&'static Binding, &'a [String])> {
    let text = text.trim().to_lowercase();
    let mut found: Vec<_> = keys
        .bindings()
        .filter(|(b, keys)| {
            let name = b.name.to_lowercase();
            text.split_whitespace().all(|word| name.contains(word)) || keys.contains(&text)
        })
        .collect();
    found.sort_by_key(|(b, _)| !b.name.to_lowercase().starts_with(&text));
    found
}

impl App {
    pub(super) fn prompt_key(&mut self, key: KeyEvent) -> Option<Effect> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && key.code == KeyCode::Char('c') {
            self.cancel();
            return None;
        }
        let overlay = self.overlay.take()?;
        match overlay {
            Overlay::Help { scroll } => self.help_key(key, scroll),
            Overlay::Packets(packets) => self.packets_key(key, packets),
            Overlay::Export => self.export_key(key),
            Overlay::Copy => return self.copy_key(key),
            Overlay::Filter(prompt) => self.filter_key(prompt, key),
            Overlay::Search(mut prompt) => match key.code {
                KeyCode::Esc => {}
                KeyCode::Enter => {
                    let text = prompt.input.value().to_owned();
                    self.search_for(&text);
                }
                _ => {
                    edit(&mut prompt.input, key);
                    self.overlay = Some(Overlay::Search(prompt));
                }
            },
            Overlay::Palette { prompt, row } => return self.palette_key(prompt, row, key),
            Overlay::Save { what, prompt } => return self.save_key(what, prompt, key),
            Overlay::Open { prompt, paths } => return self.open_key(prompt, paths, key),
        }
        None
    }

    /// Closes what lies over the screen, as if it had not been opened.
    fn cancel(&mut self) {
        if let Some(Overlay::Filter(prompt)) = self.overlay.take() {
            self.unfilter(&prompt);
        }
    }

    /// The filter and the selection from before.
    fn unfilter(&mut self, prompt: &Prompt) {
        self.set_filter(&prompt.before);
        if let Some(id) = prompt.selected {
            self.select(id);
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        let clean: String = text
            .chars()
            .filter(|c| !crate::report::safe::is_obeyed(*c))
            .take(500)
            .collect();
        let input = match &mut self.overlay {
            Some(
                Overlay::Filter(prompt)
                | Overlay::Search(prompt)
                | Overlay::Palette { prompt, .. }
                | Overlay::Open { prompt, .. }
                | Overlay::Save { prompt, .. },
            ) => &mut prompt.input,
            _ => return,
        };
        for c in clean.chars() {
            input.handle(InputRequest::InsertChar(c));
        }
        match self.overlay.take() {
            Some(Overlay::Filter(prompt)) => self.live_filter(prompt),
            other => self.overlay = other,
        }
    }

    fn help_key(&mut self, key: KeyEvent, scroll: usize) {
        let scroll = match key.code {
            KeyCode::Down | KeyCode::Char('j') => scroll + 1,
            KeyCode::Up | KeyCode::Char('k') => scroll.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => scroll + 10,
            KeyCode::PageUp => scroll.saturating_sub(10),
            _ => return,
        };
        let most = TABLE.len() + 12;
        self.overlay = Some(Overlay::Help {
            scroll: scroll.min(most),
        });
    }

    fn packets_key(&mut self, key: KeyEvent, mut packets: Packets) {
        let page = usize::from(self.size.1.saturating_sub(6)).max(1);
        packets.scroll = match key.code {
            KeyCode::Down | KeyCode::Char('j') => packets.scroll.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => packets.scroll.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => packets.scroll.saturating_add(page),
            KeyCode::PageUp => packets.scroll.saturating_sub(page),
            KeyCode::Home => 0,
            _ => return,
        };
        let longest = crate::tui::view::packet_lines(self, &packets).saturating_sub(page);
        packets.scroll = packets.scroll.min(longest);
        self.overlay = Some(Overlay::Packets(packets));
    }

    fn export_key(&mut self, key: KeyEvent) {
        let KeyCode::Char(c) = key.code else {
            return;
        };
        if let Some((_, format, _)) = FORMATS.iter().find(|(k, ..)| *k == c) {
            self.overlay = Some(Overlay::Save {
                what: Saved::Report(*format),
                prompt: Prompt::new(file_name(*format)),
            });
        }
    }

    fn copy_key(&mut self, key: KeyEvent) -> Option<Effect> {
        let KeyCode::Char(c) = key.code else {
            return None;
        };
        let (_, what, _) = COPIES.iter().find(|(k, ..)| *k == c)?;
        match self.copied(*what) {
            Some((text, name)) => Some(Effect::Copy(text, name)),
            None => {
                self.say("This contact has none.");
                None
            }
        }
    }

    fn copied(&self, what: Copy) -> Option<(String, &'static str)> {
        let finding = self.finding()?;
        Some(match what {
            Copy::Why => (
                format!(
                    "{}. {}",
                    prose::headline(finding),
                    prose::why(finding, &self.report)
                ),
                "the why",
            ),
            Copy::WiresharkFilter => (view::filter(finding)?, "the Wireshark filter"),
            Copy::Url => (finding.url.clone()?, "the URL"),
            Copy::Site => (finding.verdict.site.clone()?, "the site"),
            Copy::Host => (finding.host.to_string(), "the host"),
            Copy::Client => (finding.client.ip.to_string(), "the client address"),
            Copy::Serial => (
                finding.asked.serials.first()?.to_string(),
                "the serial number",
            ),
            Copy::Json => {
                let mut record = Vec::new();
                json::write_line(finding, &self.report, &self.options, &mut record).ok()?;
                (
                    String::from_utf8(record).ok()?.trim_end().to_owned(),
                    "the JSON record",
                )
            }
        })
    }

    fn palette_key(&mut self, mut prompt: Prompt, row: usize, key: KeyEvent) -> Option<Effect> {
        let found: Vec<Action> = palette(prompt.input.value(), &self.keys)
            .into_iter()
            .map(|(binding, _)| binding.action)
            .collect();
        let row = match key.code {
            KeyCode::Esc => return None,
            KeyCode::Enter => {
                let action = *found.get(row)?;
                // The palette may offer what this screen has no key for; it then does no harm.
                return match action {
                    Action::Escape => None,
                    action => self.act(action),
                };
            }
            KeyCode::Down | KeyCode::Tab => (row + 1).min(found.len().saturating_sub(1)),
            KeyCode::Up | KeyCode::BackTab => row.saturating_sub(1),
            _ => {
                edit(&mut prompt.input, key);
                0
            }
        };
        self.overlay = Some(Overlay::Palette { prompt, row });
        None
    }

    fn filter_key(&mut self, mut prompt: Prompt, key: KeyEvent) {
        match key.code {
            KeyCode::Esc => self.unfilter(&prompt),
            KeyCode::Enter if prompt.error.is_none() => {
                let text = prompt.input.value().to_owned();
                self.set_filter(&text);
                if self.index.shown == 0 && !self.report.findings.is_empty() {
                    let key = self.keys.hint(Action::Escape);
                    self.say(&format!("No contact passes this filter; {key} drops it."));
                }
            }
            KeyCode::Tab | KeyCode::Down if !prompt.completions.is_empty() => {
                let next = prompt
                    .chosen
                    .map_or(0, |c| (c + 1) % prompt.completions.len());
                complete(&mut prompt, next);
                self.overlay = Some(Overlay::Filter(prompt));
                self.preview();
            }
            KeyCode::BackTab | KeyCode::Up if !prompt.completions.is_empty() => {
                let count = prompt.completions.len();
                let next = prompt.chosen.map_or(count - 1, |c| (c + count - 1) % count);
                complete(&mut prompt, next);
                self.overlay = Some(Overlay::Filter(prompt));
                self.preview();
            }
            _ => {
                edit(&mut prompt.input, key);
                self.live_filter(prompt);
            }
        }
    }

    /// Checks what stands in the filter line, offers completions, and shows what passes.
    fn live_filter(&mut self, mut prompt: Prompt) {
        let text = prompt.input.value();
        let cursor = text
            .char_indices()
            .nth(prompt.input.cursor())
            .map_or(text.len(), |(at, _)| at);
        prompt.completions = filter::completions(text, cursor, &self.report);
        prompt.chosen = None;
        prompt.error = Filter::parse(text).err();
        self.overlay = Some(Overlay::Filter(prompt));
        self.preview();
    }

    fn preview(&mut self) {
        if let Some(Overlay::Filter(prompt)) = &mut self.overlay {
            let text = prompt.input.value().to_owned();
            prompt.error = Filter::parse(&text).err();
            // A field that is still being typed selects nothing yet.
            let typing = prompt
                .completions
                .first()
                .filter(|c| prompt.chosen.is_none() && c.text.ends_with(':'))
                .and_then(|c| text.get(..c.range.start));
            let shown = typing.map_or(text.as_str(), |t| t.trim_end_matches(['-', '!']));
            if prompt.error.is_none() || typing.is_some() {
                let shown = shown.to_owned();
                self.set_filter(&shown);
            }
        }
    }
}

/// Puts a completion where the one chosen before stands, or where the term being typed stands.
fn complete(prompt: &mut Prompt, next: usize) {
    let Some(completion) = prompt.completions.get(next).cloned() else {
        return;
    };
    let text = prompt.input.value();
    let mut range = completion.range.clone();
    if let Some(before) = prompt.chosen.and_then(|c| prompt.completions.get(c)) {
        range.end = range.start + before.text.len();
    }
    let (Some(head), Some(tail)) = (text.get(..range.start), text.get(range.end..)) else {
        return;
    };
    let cursor = head.chars().count() + completion.text.chars().count();
    prompt.input = Input::new(format!("{head}{}{tail}", completion.text)).with_cursor(cursor);
    prompt.chosen = Some(next);
}

pub(super) fn edit(input: &mut Input, key: KeyEvent) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let request = match key.code {
        KeyCode::Char('a') if control => InputRequest::GoToStart,
        KeyCode::Char('e') if control => InputRequest::GoToEnd,
        KeyCode::Char('u') if control => InputRequest::DeleteFromStart,
        KeyCode::Char('k') if control => InputRequest::DeleteTillEnd,
        KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
        KeyCode::Char(c) if !control && !crate::report::safe::is_obeyed(c) => {
            InputRequest::InsertChar(c)
        }
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left if control => InputRequest::GoToPrevWord,
        KeyCode::Right if control => InputRequest::GoToNextWord,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return,
    };
    input.handle(request);
}
