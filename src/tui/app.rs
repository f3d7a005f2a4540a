//! The state of the UI and its one way to change: `update(message) -> effect`. No I/O.

mod navigate;
mod news;
mod open;
mod prompt;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::filter::{Filter, Sort};
use crate::finding::{Finding, FindingId, Report};
use crate::frame::FrameNo;
use crate::report::clock::{Clock, TimeKind};
use crate::report::redact::Redaction;
use crate::report::{Format, Options};

use super::columns::Column;
use super::index::{Grouping, Index, Row, Setting};
use super::keymap::Keys;
use super::keys::Action;
use super::packets::{FrameBytes, Packets};
use super::tables::Tables;
use super::theme::{Glyphs, Theme, ThemeName};
use super::timeline::Timeline;
use super::view::layout::{self, Areas};
pub(super) use open::Saved;
pub(super) use prompt::{COPIES, FORMATS, Overlay, Prompt, palette};

/// What the reader thread tells.
#[derive(Clone, Debug)]
pub enum Update {
    /// What is known by now.
    Report(Arc<Report>),
    /// How far reading has got.
    Progress {
        /// Bytes read.
        consumed: u64,
        /// Bytes there are, when known.
        size: Option<u64>,
        /// Frames read.
        frames: u64,
        /// Bytes a second.
        rate: f64,
    },
    /// How a live capture fares.
    Live {
        /// Frames received.
        frames: u64,
        /// Frames dropped.
        dropped: u64,
        /// Frames a second.
        rate: f64,
    },
    /// An interface came to light, in the order of their ids.
    Interface(crate::report::Interface),
    /// Nothing more will come; why, when it ended early.
    Ended(Option<String>),
}

/// What can happen to the UI.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// Pasted text.
    Paste(String),
    /// Another size of the terminal: columns, rows.
    Resize(u16, u16),
    /// News from the reader.
    Update(Update),
    /// How an effect went, in words.
    Done(Result<String, String>),
    /// Frames asked for by [`Effect::ReadFrames`].
    Frames(Result<Vec<FrameBytes>, String>),
    /// Another capture is read now; how reports on it look.
    Opened(Box<Options>),
    /// Paths that begin as the text says: the answer to [`Effect::ListPaths`].
    Paths(String, Vec<String>),
}

/// What the world outside has to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// End.
    Quit,
    /// Go to the background.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Tell the reader to stop.
    StopReading,
    /// Put text into the clipboard; the second says what it is.
    Copy(String, &'static str),
    /// Read frames again; the answer is [`Message::Frames`].
    ReadFrames(Vec<FrameNo>),
    /// Read another capture instead.
    Open(String),
    /// Look for paths that begin so; the answer is [`Message::Paths`].
    ListPaths(String),
    /// Write an evidence capture.
    WriteEvidence(Box<Evidence>),
    /// Write a report.
    Save {
        /// Its form.
        format: Format,
        /// Where to.
        path: String,
        /// The report.
        report: Arc<Report>,
        /// How it looks.
        options: Box<Options>,
    },
}

/// What goes into an evidence capture.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The whole report, never with pseudonyms.
    pub report: Arc<Report>,
    /// The findings to prove.
    pub selected: Vec<FindingId>,
    /// The filter that selected them.
    pub filter: String,
    /// Where to.
    pub path: String,
    /// The pseudonyms that the frames get, when they get any.
    pub redaction: Option<Redaction>,
}

/// Screens.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Screen {
    /// All contacts.
    #[default]
    Contacts,
    /// One contact in full.
    Finding,
    /// Sites that caused contacts.
    Sites,
    /// Devices.
    Devices,
    /// Lookups.
    Lookups,
    /// Alerts.
    Alerts,
    /// What the capture cannot show.
    Coverage,
    /// What lencr.org is.
    About,
}

impl Screen {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Contacts,
        Self::Finding,
        Self::Sites,
        Self::Devices,
        Self::Lookups,
        Self::Alerts,
        Self::Coverage,
        Self::About,
    ];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Contacts => "Contacts",
            Self::Finding => "Contact",
            Self::Sites => "Sites",
            Self::Devices => "Devices",
            Self::Lookups => "Lookups",
            Self::Alerts => "Alerts",
            Self::Coverage => "Coverage",
            Self::About => "About",
        }
    }

    const fn slot(self) -> usize {
        self as usize
    }
}

/// Panes of the contacts and details screens.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Pane {
    #[default]
    List,
    Why,
    Timeline,
}

/// Place of a selection in rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    pub(super) row: usize,
    pub(super) top: usize,
}

/// Where the user is, for back and forward.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spot {
    pub(super) screen: Screen,
    pub(super) finding: Option<FindingId>,
    pub(super) filter: String,
}

/// How reading fares.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) consumed: u64,
    pub(super) size: Option<u64>,
    pub(super) frames: u64,
    pub(super) rate: f64,
    pub(super) dropped: u64,
    pub(super) live: bool,
    /// Rates of late, for the sparkline.
    pub(super) rates: VecDeque<f64>,
    pub(super) ended: bool,
    pub(super) cut_short: Option<String>,
}

/// A message below the screen.
#[derive(Clone, Debug)]
pub(super) struct Toast {
    pub(super) text: String,
    pub(super) bad: bool,
}

/// What the selected finding needs for drawing.
#[derive(Clone, Debug)]
pub(super) struct Focus {
    pub(super) id: FindingId,
    generation: u64,
    pub(super) timeline: Timeline,
}

/// How the UI starts.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// How reports look; also the names of the inputs.
    pub options: Options,
    /// Colours.
    pub theme: ThemeName,
    /// ASCII alone.
    pub ascii: bool,
    /// The keys.
    pub keys: Keys,
    /// Columns of the contact list; empty for what suits the terminal.
    pub columns: Vec<Column>,
    /// Filter to begin with.
    pub filter: String,
    /// How to hide clients, when wanted.
    pub redaction: Option<Redaction>,
    /// Whether to hide them from the start.
    pub redacted: bool,
}

/// Everything the screen shows.
#[derive(Debug)]
pub struct App {
    pub(super) size: (u16, u16),
    pub(super) options: Options,
    pub(super) theme_name: ThemeName,
    pub(super) theme: Theme,
    pub(super) glyphs: Glyphs,
    pub(super) ascii: bool,
    pub(super) keys: Keys,
    pub(super) columns: Vec<Column>,

    /// As it came, newest.
    newest: Arc<Report>,
    /// As it is shown: perhaps redacted, perhaps held while paused.
    pub(super) report: Arc<Report>,
    generation: u64,
    pub(super) source: Source,

    pub(super) screen: Screen,
    pub(super) pane: Pane,
    pub(super) selected: Option<FindingId>,
    pub(super) cursors: [Cursor; Screen::ALL.len()],
    pub(super) scroll: usize,
    pub(super) why_scroll: usize,
    back: Vec<Spot>,
    forward: Vec<Spot>,

    pub(super) setting: Setting,
    pub(super) filter_text: String,
    pub(super) index: Index,
    pub(super) tables: Option<Tables>,
    pub(super) focus: Option<Focus>,
    pub(super) marks: BTreeSet<FindingId>,
    search: String,

    pub(super) zoom: u8,
    /// Middle of the timeline's window, in thousandths of its whole.
    pub(super) middle: i64,

    pub(super) paused: bool,
    pub(super) following: bool,
    redaction: Option<Redaction>,
    pub(super) redacted: bool,
    pub(super) overlay: Option<Overlay>,
    pub(super) toast: Option<Toast>,
}

/// Places kept for going back.
const HISTORY: usize = 100;
/// Rates kept for the sparkline.
const RATES: usize = 60;

impl App {
    /// A UI of this size that has seen nothing yet.
    #[must_use]
    pub fn new(start: Start, size: (u16, u16)) -> Self {
        let mut app = Self {
            size,
            options: start.options,
            theme_name: start.theme,
            theme: Theme::of(start.theme),
            glyphs: Glyphs::of(start.ascii),
            ascii: start.ascii,
            keys: start.keys,
            columns: start.columns,
            newest: Arc::default(),
            report: Arc::default(),
            generation: 0,
            source: Source::default(),
            screen: Screen::Contacts,
            pane: Pane::List,
            selected: None,
            cursors: [Cursor::default(); Screen::ALL.len()],
            scroll: 0,
            why_scroll: 0,
            back: Vec::new(),
            forward: Vec::new(),
            setting: Setting::default(),
            filter_text: String::new(),
            index: Index::default(),
            tables: None,
            focus: None,
            marks: BTreeSet::new(),
            search: String::new(),
            zoom: 0,
            middle: 500,
            paused: false,
            following: false,
            redacted: start.redacted && start.redaction.is_some(),
            redaction: start.redaction,
            overlay: None,
            toast: None,
        };
        if let Ok(filter) = Filter::parse(&start.filter) {
            app.setting.filter = filter;
            app.filter_text = start.filter;
        }
        app
    }

    /// Takes one message in.
    pub fn update(&mut self, message: Message) -> Option<Effect> {
        let effect = match message {
            Message::Key(key) if key.kind == KeyEventKind::Release => None,
            Message::Key(key) => {
                self.toast = None;
                if self.overlay.is_some() {
                    self.prompt_key(key)
                } else {
                    self.keys
                        .action(key, self.screen)
                        .and_then(|action| self.act(action))
                }
            }
            Message::Mouse(mouse) => self.mouse(mouse),
            Message::Paste(text) => {
                self.paste(&text);
                None
            }
            Message::Resize(width, height) => {
                self.size = (width, height);
                None
            }
            Message::Update(update) => {
                self.news(update);
                None
            }
            Message::Frames(result) => {
                if let Some(Overlay::Packets(packets)) = &mut self.overlay {
                    packets.frames = Some(result);
                }
                None
            }
            Message::Opened(options) => {
                self.start_over(*options);
                None
            }
            Message::Paths(text, paths) => {
                self.paths_found(&text, paths);
                None
            }
            Message::Done(result) => {
                let (text, bad) = match result {
                    Ok(text) => (text, false),
                    Err(text) => (text, true),
                };
                self.toast = Some(Toast { text, bad });
                None
            }
        };
        self.settle();
        effect
    }

    /// Whether something changes on its own, so that drawing again is worth it.
    #[must_use]
    pub const fn is_reading(&self) -> bool {
        !self.source.ended
    }

    /// Contacts that came to light while the picture was held.
    pub(super) fn held_back(&self) -> usize {
        let newest = self.newest.findings.len();
        newest.saturating_sub(self.report.findings.len())
    }

    pub(super) fn clock(&self) -> Clock {
        self.options.clock(&self.report)
    }

    pub(super) fn areas(&self) -> Areas {
        layout::areas(Rect::new(0, 0, self.size.0, self.size.1), self)
    }

    /// The selected finding; on the heading of a group its first.
    pub(super) fn finding(&self) -> Option<&Finding> {
        let row = self
            .index
            .rows
            .get(self.cursors[Screen::Contacts.slot()].row)?;
        match row {
            Row::Finding(place) => self
                .report
                .findings
                .get(*place)
                .filter(|f| Some(f.id) == self.selected)
                .or_else(|| self.finding_of(self.selected?)),
            Row::Group(_) if self.screen == Screen::Finding => self.finding_of(self.selected?),
            Row::Group(slot) => self.report.findings.get(self.index.heads.get(*slot)?.first),
        }
    }

    fn finding_of(&self, id: FindingId) -> Option<&Finding> {
        self.report.findings.iter().find(|f| f.id == id)
    }

    pub(super) fn cursor(&self) -> Cursor {
        self.cursors[self.screen.slot()]
    }

    fn cursor_mut(&mut self) -> &mut Cursor {
        &mut self.cursors[self.screen.slot()]
    }

    /// Rows of the current screen's list.
    pub(super) fn row_count(&self) -> usize {
        let tables = self.tables.as_ref();
        match self.screen {
            Screen::Contacts | Screen::Finding => self.index.rows.len(),
            Screen::Sites => tables.map_or(0, |t| t.sites.len()),
            Screen::Devices => tables.map_or(0, |t| t.devices.len()),
            Screen::Alerts => tables.map_or(0, |t| t.alerts.len()),
            Screen::Lookups => self.report.lookups.len(),
            Screen::Coverage | Screen::About => 0,
        }
    }

    fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Redraw => return Some(Effect::Redraw),
            Action::StopReading if !self.source.ended => {
                self.say("Stopping; what was read stays.");
                return Some(Effect::StopReading);
            }
            Action::StopReading => self.say("Everything has been read."),
            Action::Contacts => self.go(Screen::Contacts),
            Action::Sites => self.go(Screen::Sites),
            Action::Devices => self.go(Screen::Devices),
            Action::Lookups => self.go(Screen::Lookups),
            Action::Alerts => self.go(Screen::Alerts),
            Action::Coverage => self.go(Screen::Coverage),
            Action::About => self.go(Screen::About),
            Action::Filter => {
                self.overlay = Some(Overlay::filter(&self.filter_text, self.selected));
            }
            Action::Search => self.overlay = Some(Overlay::search(&self.search)),
            Action::Palette => self.overlay = Some(Overlay::palette()),
            Action::Help => self.overlay = Some(Overlay::Help { scroll: 0 }),
            Action::Export => self.overlay = Some(Overlay::Export),
            Action::Evidence => self.ask_for_evidence(),
            Action::Open => self.overlay = Some(Overlay::open(&self.folder())),
            Action::Copy if self.finding().is_some() => self.overlay = Some(Overlay::Copy),
            Action::Copy => self.say("Select a contact to copy from."),
            Action::Bytes => return self.ask_for_frames(),
            Action::Group => self.regroup(),
            Action::Sort => {
                let place = Sort::ALL.iter().position(|s| *s == self.setting.sort);
                let next = place.map_or(0, |p| (p + 1) % Sort::ALL.len());
                self.setting.sort = Sort::ALL.get(next).copied().unwrap_or_default();
                self.say(&format!("Sorted by {}.", self.setting.sort.word()));
                self.reindex();
            }
            Action::Reverse => {
                self.setting.reverse = !self.setting.reverse;
                self.reindex();
            }
            Action::Pause => {
                self.paused = !self.paused;
                self.say(if self.paused {
                    "Paused: reading goes on, this picture stays."
                } else {
                    "Going on."
                });
                if !self.paused {
                    self.show_newest();
                }
            }
            Action::Follow => {
                self.following = !self.following;
                self.say(if self.following {
                    "Following the newest contact."
                } else {
                    "No longer following."
                });
                self.follow();
            }
            Action::Redact => self.toggle_redaction(),
            Action::Time => {
                self.options.time = match self.options.time {
                    TimeKind::Utc => TimeKind::Local,
                    TimeKind::Local => TimeKind::Relative,
                    TimeKind::Relative => TimeKind::Epoch,
                    TimeKind::Epoch => TimeKind::Utc,
                };
                self.say(match self.options.time {
                    TimeKind::Utc => "Times in UTC.",
                    TimeKind::Local => "Times of this machine's zone.",
                    TimeKind::Relative => "Times since the first frame.",
                    TimeKind::Epoch => "Times since 1970.",
                });
            }
            Action::Theme => {
                self.theme_name = self.theme_name.next();
                self.theme = Theme::of(self.theme_name);
                self.say(&format!("Theme: {}.", self.theme_name.name()));
            }
            other => self.navigate(other),
        }
        None
    }

    fn ask_for_frames(&mut self) -> Option<Effect> {
        if self.redacted {
            let key = self.keys.hint(Action::Redact);
            self.say(&format!(
                "Bytes cannot be redacted; {key} shows real addresses again."
            ));
            return None;
        }
        let packets = Packets::of(self.finding()?);
        let wanted = packets.wanted();
        if wanted.is_empty() {
            self.say("No frame is named for this contact.");
            return None;
        }
        self.overlay = Some(Overlay::Packets(packets));
        Some(Effect::ReadFrames(wanted))
    }
}

/// The name a report file gets unless told otherwise.
pub(super) const fn file_name(format: Format) -> &'static str {
    match format {
        Format::Text => "whylencr.txt",
        Format::Ndjson => "whylencr.ndjson",
        Format::Json => "whylencr.json",
        Format::Csv => "whylencr.csv",
        Format::Markdown => "whylencr.md",
        Format::Html => "whylencr.html",
    }
}
