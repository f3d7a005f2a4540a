//! What the app does with news of the reader and the mouse, and how it keeps its place.

use super::*;

impl App {
    pub(super) fn news(&mut self, update: Update) {
        match update {
            Update::Report(report) => {
                self.newest = report;
                if !self.paused {
                    self.show_newest();
                }
            }
            Update::Progress {
                consumed,
                size,
                frames,
                rate,
            } => {
                self.source.consumed = consumed;
                self.source.size = size;
                self.source.frames = frames;
                self.rate(rate);
            }
            Update::Live {
                frames,
                dropped,
                rate,
            } => {
                self.source.live = true;
                self.source.frames = frames;
                self.source.dropped = dropped;
                self.rate(rate);
            }
            Update::Interface(interface) => self.options.interfaces.push(interface),
            Update::Ended(why) => {
                self.source.ended = true;
                if let Some(why) = &why {
                    self.toast = Some(Toast {
                        text: why.clone(),
                        bad: true,
                    });
                }
                self.source.cut_short = why;
            }
        }
    }

    pub(super) fn rate(&mut self, rate: f64) {
        self.source.rate = rate;
        self.source.rates.push_back(rate);
        if self.source.rates.len() > RATES {
            self.source.rates.pop_front();
        }
    }

    pub(super) fn show_newest(&mut self) {
        self.report = match &self.redaction {
            Some(redaction) if self.redacted => Arc::new(redaction.apply(&self.newest)),
            _ => Arc::clone(&self.newest),
        };
        self.generation += 1;
        self.tables = None;
        self.reindex();
        if self.following {
            self.follow();
        }
    }

    pub(super) fn toggle_redaction(&mut self) {
        if self.redaction.is_none() {
            return self.say("No key for pseudonyms is at hand.");
        }
        self.redacted = !self.redacted;
        self.say(if self.redacted {
            "Client addresses, MACs and names are replaced by pseudonyms, also in exports and copies."
        } else {
            "Showing real addresses."
        });
        self.show_newest();
    }

    /// Makes the rows anew and keeps the selection on the same finding.
    pub(super) fn reindex(&mut self) {
        self.index = Index::build(&self.report, &self.setting);
        self.reselect();
    }

    pub(super) fn reselect(&mut self) {
        let found = self
            .selected
            .and_then(|id| self.index.row_of(id, &self.report));
        let cursor = &mut self.cursors[Screen::Contacts.slot()];
        if let Some(row) = found {
            cursor.row = row;
        } else {
            cursor.row = cursor.row.min(self.index.rows.len().saturating_sub(1));
            self.take_selection();
        }
    }

    /// The selection is what the cursor stands on; a heading keeps the finding selected before.
    pub(super) fn take_selection(&mut self) {
        let row = self.cursors[Screen::Contacts.slot()].row;
        if let Some(Row::Finding(place)) = self.index.rows.get(row) {
            self.selected = self.report.findings.get(*place).map(|f| f.id);
        }
    }

    pub(super) fn set_filter(&mut self, text: &str) {
        if let Ok(filter) = Filter::parse(text) {
            text.trim().clone_into(&mut self.filter_text);
            self.setting.filter = filter;
            self.reindex();
        }
    }

    pub(super) fn regroup(&mut self) {
        self.setting.grouping = self.setting.grouping.next();
        self.setting.folded.clear();
        self.say(&match self.setting.grouping {
            Grouping::Flat => "Not grouped.".to_owned(),
            grouping => format!("Grouped {}.", grouping.word()),
        });
        self.reindex();
    }

    pub(super) fn say(&mut self, text: &str) {
        self.toast = Some(Toast {
            text: text.to_owned(),
            bad: false,
        });
    }

    /// Brings everything derived up to date: tables, timeline, scroll positions.
    pub(super) fn settle(&mut self) {
        let needs_tables = matches!(
            self.screen,
            Screen::Sites | Screen::Devices | Screen::Alerts
        );
        if needs_tables && self.tables.is_none() {
            self.tables = Some(Tables::build(&self.report));
        }
        self.refocus();
        let areas = self.areas();
        let count = self.row_count();
        let height = areas.list_rows();
        let cursor = self.cursor_mut();
        cursor.row = cursor.row.min(count.saturating_sub(1));
        cursor.top = cursor.top.min(count.saturating_sub(height));
        if cursor.row < cursor.top {
            cursor.top = cursor.row;
        } else if cursor.row >= cursor.top + height {
            cursor.top = cursor.row + 1 - height.max(1);
        }
        self.scroll = self.scroll.min(layout::longest_scroll(self, &areas));
        self.why_scroll = self
            .why_scroll
            .min(layout::longest_why_scroll(self, &areas));
    }

    pub(super) fn refocus(&mut self) {
        let Some(finding) = self.finding() else {
            self.focus = None;
            return;
        };
        let current = self
            .focus
            .as_ref()
            .is_some_and(|f| f.id == finding.id && f.generation == self.generation);
        if !current {
            let same = self.focus.as_ref().is_some_and(|f| f.id == finding.id);
            self.focus = Some(Focus {
                id: finding.id,
                generation: self.generation,
                timeline: Timeline::of(finding, &self.report),
            });
            if !same {
                self.zoom = 0;
                self.middle = 500;
                self.why_scroll = 0;
                self.scroll = 0;
            }
        }
    }

    pub(super) fn mouse(&mut self, mouse: MouseEvent) -> Option<Effect> {
        let at = Position::new(mouse.column, mouse.row);
        let areas = self.areas();
        if self.overlay.is_some() {
            if mouse.kind == MouseEventKind::Down(MouseButton::Left) {
                self.overlay = None;
            }
            return None;
        }
        let over_timeline = areas.timeline.contains(at);
        match mouse.kind {
            MouseEventKind::ScrollDown if over_timeline => self.navigate(Action::ZoomIn),
            MouseEventKind::ScrollUp if over_timeline => self.navigate(Action::ZoomOut),
            MouseEventKind::ScrollDown => self.wheel(at, &areas, 3),
            MouseEventKind::ScrollUp => self.wheel(at, &areas, -3),
            MouseEventKind::Down(MouseButton::Left) => self.click(at, &areas),
            MouseEventKind::Drag(MouseButton::Left) if areas.activity.contains(at) => {
                self.click(at, &areas);
            }
            _ => {}
        }
        None
    }
}
