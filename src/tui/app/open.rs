//! What goes to files and comes from them: exports, the evidence capture, another capture.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input;

use crate::report::{Format, Options};

use super::prompt::edit;
use super::*;

/// What a file name is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::tui) enum Saved {
    /// A report.
    Report(Format),
    /// The frames that prove the contacts shown.
    Evidence,
}

/// The name an evidence capture gets unless told otherwise.
const EVIDENCE: &str = "whylencr-evidence.pcapng";

impl App {
    pub(super) fn ask_for_evidence(&mut self) {
        if self.index.shown == 0 {
            return self.say("There is no contact to prove.");
        }
        self.overlay = Some(Overlay::Save {
            what: Saved::Evidence,
            prompt: Prompt::new(EVIDENCE),
        });
    }

    pub(super) fn save_key(
        &mut self,
        what: Saved,
        mut prompt: Prompt,
        key: KeyEvent,
    ) -> Option<Effect> {
        match key.code {
            KeyCode::Esc => None,
            KeyCode::Enter => {
                let path = prompt.input.value().trim().to_owned();
                (!path.is_empty()).then(|| self.saved(what, path))
            }
            _ => {
                edit(&mut prompt.input, key);
                self.overlay = Some(Overlay::Save { what, prompt });
                None
            }
        }
    }

    fn saved(&mut self, what: Saved, path: String) -> Effect {
        let mut report = Arc::clone(&self.report);
        match what {
            Saved::Report(format) => {
                if !self.setting.filter.is_empty() {
                    self.setting.filter.apply(Arc::make_mut(&mut report));
                }
                Effect::Save {
                    format,
                    path,
                    report,
                    options: Box::new(self.options.clone()),
                }
            }
            Saved::Evidence => {
                self.say("Reading the capture again for its frames.");
                let passes = |f: &&Finding| self.setting.filter.matches(f, &report);
                let selected = report
                    .findings
                    .iter()
                    .filter(passes)
                    .map(|f| f.id)
                    .collect();
                Effect::WriteEvidence(Box::new(Evidence {
                    selected,
                    report: Arc::clone(&self.newest),
                    redaction: self.redaction.clone().filter(|_| self.redacted),
                    filter: self.filter_text.clone(),
                    path,
                }))
            }
        }
    }

    /// Where the capture is that is read now: the next one often lies beside it.
    pub(super) fn folder(&self) -> String {
        let first = self.options.sources.first().map_or("", String::as_str);
        first
            .rfind('/')
            .and_then(|at| first.get(..=at))
            .unwrap_or("")
            .to_owned()
    }

    pub(super) fn open_key(
        &mut self,
        mut prompt: Prompt,
        mut paths: Vec<String>,
        key: KeyEvent,
    ) -> Option<Effect> {
        let text = prompt.input.value().to_owned();
        let effect = match key.code {
            KeyCode::Esc => return None,
            KeyCode::Enter if text.trim().is_empty() => return None,
            KeyCode::Enter => return Some(Effect::Open(text.trim().to_owned())),
            KeyCode::Tab => Some(Effect::ListPaths(text)),
            _ => {
                edit(&mut prompt.input, key);
                paths.clear();
                None
            }
        };
        self.overlay = Some(Overlay::Open { prompt, paths });
        effect
    }

    /// Completes as far as all paths agree; shows them where there are several.
    pub(super) fn paths_found(&mut self, text: &str, found: Vec<String>) {
        let Some(Overlay::Open { prompt, paths }) = &mut self.overlay else {
            return;
        };
        // Somebody who types on has moved away from the question.
        if prompt.input.value() != text {
            return;
        }
        if let Some(first) = found.first() {
            let agreed = found.iter().skip(1).fold(first.as_str(), |all, path| {
                let same = all
                    .char_indices()
                    .zip(path.chars())
                    .find(|((_, a), b)| a != b);
                let end = same.map_or(all.len().min(path.len()), |((at, _), _)| at);
                all.get(..end).unwrap_or(all)
            });
            prompt.input = Input::new(agreed.to_owned());
        }
        *paths = if found.len() > 1 { found } else { Vec::new() };
    }

    /// Forgets the capture read so far; what the user has set stays.
    pub(super) fn start_over(&mut self, options: Options) {
        let before = std::mem::replace(&mut self.options, options);
        self.options.time = before.time;
        self.newest = Arc::default();
        self.source = Source::default();
        self.screen = Screen::Contacts;
        self.pane = Pane::List;
        self.selected = None;
        self.cursors = Default::default();
        self.back.clear();
        self.forward.clear();
        self.marks.clear();
        self.setting.folded.clear();
        self.setting.filter = Filter::default();
        self.filter_text.clear();
        self.paused = false;
        self.overlay = None;
        self.toast = None;
        self.show_newest();
    }
}
