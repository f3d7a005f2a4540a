//! Moving about: rows, panes, screens, history, and looking for things.

use ratatui::layout::Position;

use crate::finding::{Finding, FindingId, Outcome};
use crate::report::{prose, safe};
use crate::tui::index::{self, Row};
use crate::tui::keys::Action;
use crate::tui::view::layout::Areas;

use super::{App, HISTORY, Pane, Screen, Spot};

impl App {
    pub(super) fn navigate(&mut self, action: Action) {
        let page = isize::try_from(self.areas().list_rows().saturating_sub(1).max(1)).unwrap_or(1);
        match action {
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::PageDown => self.step(page),
            Action::PageUp => self.step(-page),
            Action::Bottom => self.step(isize::MAX),
            Action::Top => self.step(isize::MIN),
            Action::Left => self.sideways(-1),
            Action::Right => self.sideways(1),
            Action::Enter => self.enter(),
            Action::Escape => self.escape(),
            Action::NextPane => self.turn(1),
            Action::PreviousPane => self.turn(2),
            Action::Back => {
                if let Some(spot) = self.back.pop() {
                    let here = self.spot();
                    self.forward.push(here);
                    self.restore(&spot);
                }
            }
            Action::Forward => {
                if let Some(spot) = self.forward.pop() {
                    let here = self.spot();
                    self.back.push(here);
                    self.restore(&spot);
                }
            }
            Action::Fold => self.fold(None),
            Action::NextMatch => self.search_on(1),
            Action::PreviousMatch => self.search_on(-1),
            Action::NextAlert => self.seek(1, "alert", index::is_alarming),
            Action::PreviousAlert => self.seek(-1, "alert", index::is_alarming),
            Action::NextUnexplained => self.seek(1, "unexplained contact", is_unexplained),
            Action::PreviousUnexplained => self.seek(-1, "unexplained contact", is_unexplained),
            Action::NextBurst => self.burst(1),
            Action::PreviousBurst => self.burst(-1),
            Action::Mark => self.mark(),
            Action::NextMark => {
                let marks = self.marks.clone();
                self.seek(1, "mark", move |f| marks.contains(&f.id));
            }
            Action::SameSite => self.same_site(),
            Action::ZoomIn => self.zoom = (self.zoom + 1).min(7),
            Action::ZoomOut => {
                self.zoom = self.zoom.saturating_sub(1);
                self.pan(0);
            }
            Action::ZoomAll => {
                self.zoom = 0;
                self.middle = 500;
            }
            Action::PanLeft => self.pan(-1),
            Action::PanRight => self.pan(1),
            _ => {}
        }
    }

    /// Goes to a screen and remembers where it came from.
    pub(super) fn go(&mut self, screen: Screen) {
        if screen != self.screen {
            self.remember();
            self.screen = screen;
            self.pane = Pane::List;
            self.scroll = 0;
            self.why_scroll = 0;
        }
    }

    fn remember(&mut self) {
        let here = self.spot();
        if self.back.last() != Some(&here) {
            self.back.push(here);
        }
        if self.back.len() > HISTORY {
            self.back.remove(0);
        }
        self.forward.clear();
    }

    fn spot(&self) -> Spot {
        Spot {
            screen: self.screen,
            finding: self.selected,
            filter: self.filter_text.clone(),
        }
    }

    fn restore(&mut self, spot: &Spot) {
        self.screen = spot.screen;
        self.scroll = 0;
        self.pane = Pane::List;
        if spot.filter != self.filter_text {
            self.set_filter(&spot.filter);
        }
        if let Some(id) = spot.finding {
            self.select(id);
        }
    }

    /// Selects a finding; a filter or a folded group that hides it gives way.
    pub(super) fn select(&mut self, id: FindingId) {
        self.selected = Some(id);
        if self.index.row_of(id, &self.report).is_none() && self.finding_of(id).is_some() {
            self.setting.folded.clear();
            self.reindex();
            if self.index.row_of(id, &self.report).is_none() {
                self.set_filter("");
            }
        }
        self.reselect();
    }

    fn step(&mut self, by: isize) {
        let lines = |at: usize| at.saturating_add_signed(by.clamp(-1_000_000, 1_000_000));
        if self.pane == Pane::Why {
            self.why_scroll = lines(self.why_scroll);
            return;
        }
        if matches!(
            self.screen,
            Screen::Finding | Screen::Coverage | Screen::About
        ) {
            // The end is found when everything settles.
            self.scroll = lines(self.scroll);
            return;
        }
        let last = self.row_count().saturating_sub(1);
        let cursor = self.cursor_mut();
        cursor.row = cursor.row.saturating_add_signed(by).min(last);
        if self.screen == Screen::Contacts {
            self.following &= by > 0;
            self.take_selection();
        } else {
            self.why_scroll = 0;
        }
    }

    fn sideways(&mut self, by: i64) {
        match (self.screen, self.pane) {
            (Screen::Contacts | Screen::Finding, Pane::Timeline) => self.pan(by),
            (Screen::Finding, _) => self.neighbour(by),
            (Screen::Contacts, _) => self.fold(Some(by < 0)),
            _ => {}
        }
    }

    /// The finding before or after, on the details screen.
    fn neighbour(&mut self, by: i64) {
        let found = |_: &Finding| true;
        self.seek(by, "contact", found);
    }

    pub(super) fn pan(&mut self, by: i64) {
        // Half of what is seen, in thousandths; the window stays inside the whole.
        let half = 500_i64 >> self.zoom;
        self.middle = (self.middle + by * half.max(1)).clamp(half, 1000 - half);
    }

    fn turn(&mut self, by: usize) {
        if matches!(self.screen, Screen::Coverage | Screen::About) {
            return;
        }
        let panes = [Pane::List, Pane::Why, Pane::Timeline];
        let place = panes.iter().position(|p| *p == self.pane).unwrap_or(0);
        let mut next = (place + by) % panes.len();
        // Narrow terminals show the facts below the story, and small ones no timeline.
        let areas = self.areas();
        for _ in 0..2 {
            let gone = match panes.get(next) {
                Some(Pane::Why) => areas.why.width == 0,
                Some(Pane::Timeline) => areas.timeline.height == 0,
                _ => false,
            };
            if gone {
                next = (next + by) % panes.len();
            }
        }
        self.pane = panes.get(next).copied().unwrap_or_default();
    }

    fn enter(&mut self) {
        match self.screen {
            Screen::Contacts => match self.index.rows.get(self.cursor().row) {
                Some(Row::Group(_)) => self.fold(None),
                Some(Row::Finding(_)) => self.go(Screen::Finding),
                None => {}
            },
            Screen::Sites => {
                let row = self.cursor().row;
                let site = self
                    .tables
                    .as_ref()
                    .and_then(|t| t.sites.get(row))
                    .map(|s| s.name.clone());
                if let Some(site) = site {
                    self.narrow(&format!("site:{}", quoted(&site)));
                }
            }
            Screen::Devices => {
                let row = self.cursor().row;
                let device = self
                    .tables
                    .as_ref()
                    .and_then(|t| t.devices.get(row))
                    .and_then(|d| self.report.devices.get(d.device))
                    .map(|d| d.label.clone());
                if let Some(label) = device {
                    self.narrow(&format!("device:{}", quoted(&label)));
                }
            }
            Screen::Alerts => {
                let row = self.cursor().row;
                let finding = self
                    .tables
                    .as_ref()
                    .and_then(|t| t.alerts.get(row))
                    .and_then(|a| self.report.findings.get(a.finding?))
                    .map(|f| f.id);
                if let Some(id) = finding {
                    self.go(Screen::Finding);
                    self.select(id);
                }
            }
            Screen::Lookups => {
                let row = self.cursor().row;
                let name = self.report.lookups.get(row).map(|l| l.name.to_string());
                if let Some(name) = name {
                    self.narrow(&phrase(&name));
                }
            }
            Screen::Finding | Screen::Coverage | Screen::About => {}
        }
    }

    /// Shows the contacts that pass a filter.
    fn narrow(&mut self, filter: &str) {
        self.go(Screen::Contacts);
        self.set_filter(filter);
        self.cursors[Screen::Contacts.slot()].row = 0;
        self.take_selection();
    }

    fn escape(&mut self) {
        if self.pane != Pane::List && self.screen != Screen::Finding {
            self.pane = Pane::List;
        } else if self.screen != Screen::Contacts {
            self.remember();
            self.screen = Screen::Contacts;
            self.pane = Pane::List;
        } else if !self.filter_text.is_empty() {
            self.set_filter("");
            self.say("The filter is gone.");
        }
    }

    /// Folds (`true`), unfolds or toggles the group under the cursor, or the one its contact is in.
    fn fold(&mut self, fold: Option<bool>) {
        let row = self.cursors[Screen::Contacts.slot()].row;
        let above = self
            .index
            .rows
            .iter()
            .take(row + 1)
            .rposition(|r| matches!(r, Row::Group(_)));
        let Some((place, Some(Row::Group(slot)))) = above.map(|p| (p, self.index.rows.get(p)))
        else {
            return;
        };
        let Some(head) = self.index.heads.get(*slot) else {
            return;
        };
        let title = head.title.clone();
        if fold.unwrap_or(!head.folded) {
            self.setting.folded.insert(title);
        } else {
            self.setting.folded.remove(&title);
        }
        // Rows above stay where they are, so the heading keeps its place.
        self.index = index::Index::build(&self.report, &self.setting);
        self.cursors[Screen::Contacts.slot()].row = place;
    }

    /// The next finding in the list for which something holds, in either direction and around the ends.
    pub(super) fn seek(&mut self, by: i64, what: &str, wanted: impl Fn(&Finding) -> bool) {
        let rows = &self.index.rows;
        let count = rows.len();
        let from = self.cursors[Screen::Contacts.slot()].row;
        let place = |n: usize| {
            if by >= 0 {
                (from + n) % count
            } else {
                (from + count - n % count) % count
            }
        };
        let found = (1..=count).map(place).find(|row| match rows.get(*row) {
            Some(Row::Finding(f)) => self.report.findings.get(*f).is_some_and(&wanted),
            _ => false,
        });
        match found {
            Some(row) => {
                self.cursors[Screen::Contacts.slot()].row = row;
                self.take_selection();
            }
            None => self.say(&format!("No {what} in this list.")),
        }
    }

    pub(super) fn search_for(&mut self, text: &str) {
        text.clone_into(&mut self.search);
        self.search_on(0);
    }

    fn search_on(&mut self, by: i64) {
        if self.search.is_empty() {
            let key = self.keys.hint(Action::Search);
            return self.say(&format!("Nothing to search for yet; press {key}."));
        }
        let Ok(filter) = crate::filter::Filter::parse(&phrase(&self.search)) else {
            return self.say("Quotation marks cannot be searched for.");
        };
        if !matches!(self.screen, Screen::Contacts | Screen::Finding) {
            self.go(Screen::Contacts);
        }
        let report = std::sync::Arc::clone(&self.report);
        // A new search may stay where it is.
        if by == 0 && self.finding().is_some_and(|f| filter.matches(f, &report)) {
            return;
        }
        self.seek(by, "match", |f| filter.matches(f, &report));
    }

    /// The next contact after (before) a pause in the activity.
    fn burst(&mut self, by: i64) {
        let span = index::span(&self.report);
        let parts = self.index.activity.len();
        let Some(at) = self.finding().map(|f| f.at) else {
            return self.navigate(if by > 0 { Action::Down } else { Action::Up });
        };
        let here = index::part(at, span, parts);
        self.seek(by, "other burst", |f| {
            index::part(f.at, span, parts).abs_diff(here) > parts / 64
        });
    }

    fn mark(&mut self) {
        if let Some(id) = self.finding().map(|f| f.id)
            && !self.marks.remove(&id)
        {
            self.marks.insert(id);
        }
    }

    fn same_site(&mut self) {
        let Some(finding) = self.finding() else {
            return;
        };
        match finding.verdict.site.clone() {
            Some(site) => {
                self.remember();
                self.screen = Screen::Contacts;
                self.set_filter(&format!("site:{}", quoted(&site)));
            }
            None => self.say("The verdict names no single site."),
        }
    }

    pub(super) fn follow(&mut self) {
        if self.following {
            let newest = self
                .report
                .findings
                .iter()
                .max_by_key(|f| f.at)
                .map(|f| f.id);
            if let Some(id) = newest {
                self.selected = Some(id);
                self.reselect();
            }
        }
    }

    pub(super) fn wheel(&mut self, at: Position, areas: &Areas, by: isize) {
        if areas.why.contains(at) {
            self.why_scroll = self.why_scroll.saturating_add_signed(by);
        } else {
            self.step(by);
        }
    }

    pub(super) fn click(&mut self, at: Position, areas: &Areas) {
        if areas.tabs.contains(at) {
            if let Some(screen) = areas.tab_at(at.x, self) {
                self.go(screen);
            }
        } else if areas.activity.contains(at) && areas.activity.width > 0 {
            self.nearest(
                usize::from(at.x - areas.activity.x),
                usize::from(areas.activity.width),
            );
        } else if areas.list.contains(at) {
            self.pane = Pane::List;
            let Some(line) = areas.list_line(at) else {
                return;
            };
            let row = self.cursor().top + line;
            if row >= self.row_count() {
                return;
            }
            // A second click on the same row opens it.
            if self.cursor().row == row {
                return self.enter();
            }
            self.cursor_mut().row = row;
            self.why_scroll = 0;
            if self.screen == Screen::Contacts {
                self.take_selection();
            }
        } else if areas.why.contains(at) {
            self.pane = Pane::Why;
        } else if areas.timeline.contains(at) {
            self.pane = Pane::Timeline;
        }
    }

    /// Selects the finding nearest to a column of the histogram.
    fn nearest(&mut self, column: usize, width: usize) {
        let span = index::span(&self.report);
        let found = self
            .index
            .rows
            .iter()
            .enumerate()
            .filter_map(|(row, r)| match r {
                Row::Finding(place) => Some((row, self.report.findings.get(*place)?)),
                Row::Group(_) => None,
            })
            .min_by_key(|(_, f)| index::part(f.at, span, width).abs_diff(column))
            .map(|(row, _)| row);
        if let Some(row) = found {
            self.cursors[Screen::Contacts.slot()].row = row;
            self.take_selection();
        }
    }
}

fn is_unexplained(finding: &Finding) -> bool {
    finding.verdict.outcome == Outcome::Unexplained && prose::standing(finding) == "unexplained"
}

/// As free text of the filter language.
fn phrase(text: &str) -> String {
    format!("\"{}\"", safe::visible(text).replace('"', ""))
}

/// As one value of the filter language.
fn quoted(text: &str) -> String {
    let text = safe::visible(text).replace('"', "");
    if text.contains([' ', ',']) || text.starts_with(['-', '!', '<', '>', '=']) {
        format!("\"{text}\"")
    } else {
        text
    }
}
