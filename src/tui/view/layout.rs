//! Where everything stands. One function of size and screen, used for drawing and for the mouse alike.

use ratatui::layout::{Constraint, Layout, Position, Rect};

use crate::tui::app::{App, Screen};
use crate::tui::text::width;

use super::{blocks, story};

/// Smallest terminal that works.
pub(in crate::tui) const SMALLEST: (u16, u16) = (60, 16);

/// Columns of the word before a histogram of one line.
pub(in crate::tui) const ACTIVITY: u16 = 10;

/// The parts of the screen; parts without room are empty.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::tui) struct Areas {
    pub(in crate::tui) too_small: bool,
    pub(in crate::tui) header: Rect,
    pub(in crate::tui) tabs: Rect,
    pub(in crate::tui) footer: Rect,
    /// The list, or the text of a screen that has no list.
    pub(in crate::tui) list: Rect,
    /// Beside or below the list.
    pub(in crate::tui) why: Rect,
    pub(in crate::tui) timeline: Rect,
    pub(in crate::tui) activity: Rect,
    /// Whether the list has a line of column titles.
    pub(in crate::tui) titles: bool,
}

pub(in crate::tui) fn areas(area: Rect, app: &App) -> Areas {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return Areas {
            too_small: true,
            ..Areas::default()
        };
    }
    let [header, tabs, body, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    let mut areas = Areas {
        header,
        tabs,
        footer,
        ..Areas::default()
    };
    let (wide, tall) = (area.width >= 72, area.height >= 22);
    match app.screen {
        Screen::Contacts => {
            areas.titles = area.height >= 30;
            let activity = match area.height {
                0..24 => 0,
                24..36 => 1,
                _ => 4,
            };
            let timeline = timeline_height(area, app);
            let [top, middle, bottom] = Layout::vertical([
                Constraint::Fill(1),
                Constraint::Length(if wide && tall || area.height >= 30 {
                    timeline
                } else {
                    0
                }),
                Constraint::Length(if wide { activity } else { 0 }),
            ])
            .areas(body);
            areas.timeline = middle;
            areas.activity = bottom;
            if bottom.height == 1 {
                areas.activity.x += ACTIVITY;
                areas.activity.width -= ACTIVITY;
            }
            [areas.list, areas.why] = if wide {
                let list = if area.width >= 120 {
                    area.width * 11 / 20
                } else {
                    46 + (area.width - 72) / 3
                };
                Layout::horizontal([Constraint::Length(list), Constraint::Fill(1)]).areas(top)
            } else {
                Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(top)
            };
        }
        Screen::Finding => {
            let timeline = if wide && tall {
                timeline_height(area, app)
            } else {
                0
            };
            let [top, bottom] =
                Layout::vertical([Constraint::Fill(1), Constraint::Length(timeline)]).areas(body);
            areas.timeline = bottom;
            if area.width >= 110 {
                [areas.list, areas.why] =
                    Layout::horizontal([Constraint::Percentage(55), Constraint::Fill(1)])
                        .areas(top);
            } else {
                areas.list = top;
            }
        }
        Screen::Sites | Screen::Devices | Screen::Lookups | Screen::Alerts => {
            areas.titles = true;
            [areas.list, areas.why] = if area.width >= 130 {
                Layout::horizontal([Constraint::Percentage(60), Constraint::Fill(1)]).areas(body)
            } else {
                Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(body)
            };
        }
        Screen::Coverage | Screen::About => areas.list = body,
    }
    areas
}

/// As many lanes as there are, within reason, and the axis.
fn timeline_height(area: Rect, app: &App) -> u16 {
    let lanes = app
        .focus
        .as_ref()
        .map_or(4, |f| f.timeline.lanes.len())
        .max(4);
    let most = usize::from(if area.height < 30 { 5 } else { area.height / 4 });
    u16::try_from(lanes.min(most)).unwrap_or(4) + 3
}

impl Areas {
    /// Rows of the list that are seen.
    pub(in crate::tui) fn list_rows(&self) -> usize {
        usize::from(self.list.height.saturating_sub(2 + u16::from(self.titles)))
    }

    /// The line of the list under the mouse.
    pub(in crate::tui) fn list_line(&self, at: Position) -> Option<usize> {
        let first = self.list.y + 1 + u16::from(self.titles);
        let line = usize::from(at.y.checked_sub(first)?);
        (line < self.list_rows()).then_some(line)
    }

    /// The screen whose tab is under the mouse.
    pub(in crate::tui) fn tab_at(&self, x: u16, app: &App) -> Option<Screen> {
        let mut from = usize::from(self.tabs.x);
        for (screen, title) in tabs(self, app) {
            let to = from + width(&title);
            if (from..to).contains(&usize::from(x)) {
                return Some(screen);
            }
            from = to;
        }
        None
    }
}

/// The tabs and their texts.
pub(in crate::tui) fn tabs(areas: &Areas, app: &App) -> Vec<(Screen, String)> {
    let short = areas.tabs.width < 78;
    Screen::ALL
        .into_iter()
        .filter(|s| *s != Screen::Finding)
        .enumerate()
        .map(|(n, screen)| {
            let title = match screen {
                Screen::Contacts if app.screen == Screen::Finding => "Contact",
                screen => screen.title(),
            };
            let text = if short {
                format!(" {title}")
            } else {
                format!(" {} {title} ", n + 1)
            };
            (screen, text)
        })
        .collect()
}

/// How far the text of this screen can be scrolled.
pub(in crate::tui) fn longest_scroll(app: &App, areas: &Areas) -> usize {
    let room = usize::from(areas.list.width.saturating_sub(2));
    let lines = match app.screen {
        Screen::Finding => blocks::lines(&story::details(app, areas), room, app).len(),
        Screen::Coverage => blocks::lines(&story::coverage(app), room, app).len(),
        Screen::About => blocks::lines(&story::about(app), room, app).len(),
        _ => return 0,
    };
    lines.saturating_sub(usize::from(areas.list.height.saturating_sub(2)))
}

/// How far the pane beside the list can be scrolled.
pub(in crate::tui) fn longest_why_scroll(app: &App, areas: &Areas) -> usize {
    let room = usize::from(areas.why.width.saturating_sub(2));
    let blocks = match app.screen {
        Screen::Contacts => story::why(app, areas),
        Screen::Finding => app
            .finding()
            .map(|f| story::facts(app, f))
            .unwrap_or_default(),
        Screen::Sites => story::site(app),
        Screen::Devices => story::device(app),
        Screen::Lookups => story::lookup(app),
        Screen::Alerts => story::alert(app),
        Screen::Coverage | Screen::About => return 0,
    };
    let lines = blocks::lines(&blocks, room, app).len();
    lines.saturating_sub(usize::from(areas.why.height.saturating_sub(2)))
}
