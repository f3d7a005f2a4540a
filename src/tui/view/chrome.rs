//! Header, tabs and footer.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::tui::app::{App, Overlay, Pane, Screen};
use crate::tui::keys::Action;
use crate::tui::text::{count, cut, width};
use crate::tui::theme::Status;

use super::layout::{self, Areas};

pub(super) fn header(app: &App, area: Rect, frame: &mut Frame<'_>) {
    let theme = &app.theme;
    let room = usize::from(area.width);
    let state = state(app);
    let right = counts(app, !state.is_empty());
    let taken: usize = right.iter().map(|(t, _)| width(t) + 2).sum();
    let name = match app.options.sources.as_slice() {
        [] => String::new(),
        [one] if one == "-" => "standard input".to_owned(),
        [one] => file_name(one).to_owned(),
        [first, rest @ ..] => format!("{} and {} more", file_name(first), rest.len()),
    };
    let bar = theme.bar;
    let mut spans = vec![Span::styled(" whylencr ", bar.patch(theme.accent))];
    let left = room.saturating_sub(taken + 12);
    let name = cut(
        &name,
        left.saturating_sub(width(&state) + 2).max(8).min(left),
    );
    let used = width(&name) + width(&state) + 2;
    spans.push(Span::styled(format!(" {name}"), bar.patch(theme.strong)));
    let state = if used <= left {
        state
    } else {
        cut(&state, left.saturating_sub(width(&name) + 2))
    };
    spans.push(Span::styled(format!("  {state}"), bar));
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::styled(
        " ".repeat(room.saturating_sub(used + taken)),
        bar,
    ));
    for (text, style) in right {
        spans.push(Span::styled(format!("{text}  "), bar.patch(style)));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)).style(bar), area);
}

/// Columns from which the header has room for more than the most important.
const WIDE: u16 = 110;

fn counts(app: &App, busy: bool) -> Vec<(String, Style)> {
    let (index, theme) = (&app.index, &app.theme);
    let wide = app.size.0 >= if busy { WIDE } else { 78 };
    let some = |n: usize, style: Style| if n > 0 { style } else { Style::new() };
    let mut counts = vec![(count(index.shown, "contact", "contacts"), Style::new())];
    if wide {
        counts.push((format!("{} proven", index.proven), Style::new()));
        counts.push((
            format!("{} unexplained", index.unexplained),
            some(index.unexplained, theme.fair),
        ));
    } else {
        let sign = app.glyphs.status(Status::Unexplained);
        counts.push((
            format!("{sign} {}", index.unexplained),
            some(index.unexplained, theme.fair),
        ));
    }
    let alerts = if wide {
        count(index.alerts, "alert", "alerts")
    } else {
        index.alerts.to_string()
    };
    counts.push((
        format!("{} {alerts}", app.glyphs.alert),
        some(index.alerts, theme.bad),
    ));
    counts
}

/// What the reader is doing, and what the user has switched on.
fn state(app: &App) -> String {
    let source = &app.source;
    let mut parts = Vec::new();
    if app.paused {
        parts.push(match app.held_back() {
            0 => "PAUSED".to_owned(),
            more => format!("PAUSED ({more} new)"),
        });
    }
    if app.redacted {
        parts.push("REDACTED".to_owned());
    }
    if source.live {
        live(app, &mut parts);
    } else if source.ended {
        if source.cut_short.is_some() {
            parts.push("cut short".to_owned());
        }
    } else {
        parts.push(progress(app));
    }
    if app.following {
        parts.push("following".to_owned());
    }
    parts.join(" ")
}

/// How a live capture fares: rate, its course, and what was lost.
fn live(app: &App, parts: &mut Vec<String>) {
    let source = &app.source;
    let wide = app.size.0 >= WIDE;
    if source.ended {
        parts.push("stopped".into());
    } else {
        let unit = if wide { " frames/s" } else { "/s" };
        parts.push(format!("{:.0}{unit}", source.rate));
        parts.push(sparkline(app));
    }
    if wide {
        parts.push(format!("{} frames", source.frames));
    }
    if source.dropped > 0 {
        parts.push(format!("{} {} dropped", app.glyphs.alert, source.dropped));
    }
}

fn progress(app: &App) -> String {
    let source = &app.source;
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let float = |n: u64| n as f64;
    if source.consumed == 0 {
        return "reading".into();
    }
    let rate = source.rate / 1e6;
    match source.size {
        Some(size) if size > 0 => {
            let share = (float(source.consumed) / float(size)).min(1.0);
            let left = float(size.saturating_sub(source.consumed)) / source.rate.max(1.0);
            format!("{:.0}%  {rate:.1} MB/s  {left:.0} s left", share * 100.0)
        }
        _ => format!("{:.1} MB  {rate:.1} MB/s", float(source.consumed) / 1e6),
    }
}

fn sparkline(app: &App) -> String {
    let rates = &app.source.rates;
    let most = rates.iter().copied().fold(1.0, f64::max);
    rates
        .iter()
        .rev()
        .take(10)
        .rev()
        .map(|rate| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 8"
            )]
            let level = (rate / most * 8.0).clamp(0.0, 8.0).round() as usize;
            app.glyphs.levels.get(level).copied().unwrap_or(" ")
        })
        .collect()
}

pub(super) fn tabs(app: &App, areas: &Areas, frame: &mut Frame<'_>) {
    let theme = &app.theme;
    let current = if app.screen == Screen::Finding {
        Screen::Contacts
    } else {
        app.screen
    };
    let spans: Vec<Span<'_>> = layout::tabs(areas, app)
        .into_iter()
        .flat_map(|(screen, title)| {
            let lead = title.len() - title.trim_start().len();
            let (blank, words) = title.split_at(lead);
            let style = if screen == current {
                theme.selected
            } else {
                theme.dim
            };
            [
                Span::raw(blank.to_owned()),
                Span::styled(words.to_owned(), style),
            ]
        })
        .collect();
    frame.render_widget(Paragraph::new(Line::from(spans)), areas.tabs);
}

pub(super) fn footer(app: &App, area: Rect, frame: &mut Frame<'_>) {
    let theme = &app.theme;
    if let Some(Overlay::Filter(prompt) | Overlay::Search(prompt)) = &app.overlay {
        let lead = if matches!(app.overlay, Some(Overlay::Filter(_))) {
            "/"
        } else {
            "find: "
        };
        return super::overlay::input(app, lead, &prompt.input, area, frame);
    }
    if let Some(toast) = &app.toast {
        let style = if toast.bad { theme.bad } else { theme.accent };
        let words = format!(
            " {}",
            cut(&toast.text, usize::from(area.width).saturating_sub(2))
        );
        return frame.render_widget(Paragraph::new(Line::from(Span::styled(words, style))), area);
    }
    let hints: &[(Action, &str)] = match (app.screen, app.pane) {
        (Screen::Contacts, Pane::Timeline) | (Screen::Finding, Pane::Timeline) => &[
            (Action::ZoomIn, "zoom in"),
            (Action::ZoomOut, "zoom out"),
            (Action::PanLeft, "earlier"),
            (Action::PanRight, "later"),
            (Action::ZoomAll, "all"),
            (Action::NextPane, "pane"),
            (Action::Help, "help"),
            (Action::Quit, "quit"),
        ],
        (Screen::Contacts, _) => &[
            (Action::Enter, "details"),
            (Action::Filter, "filter"),
            (Action::Help, "help"),
            (Action::Group, "group"),
            (Action::Sort, "sort"),
            (Action::NextUnexplained, "unexplained"),
            (Action::Export, "export"),
            (Action::Copy, "copy"),
            (Action::Quit, "quit"),
        ],
        (Screen::Finding, _) => &[
            (Action::Escape, "back"),
            (Action::Help, "help"),
            (Action::Down, "scroll"),
            (Action::Right, "next contact"),
            (Action::NextPane, "timeline"),
            (Action::Copy, "copy"),
            (Action::Export, "export"),
            (Action::Quit, "quit"),
        ],
        (Screen::Coverage | Screen::About, _) => &[
            (Action::Escape, "back"),
            (Action::Down, "scroll"),
            (Action::Export, "export"),
            (Action::Help, "help"),
            (Action::Quit, "quit"),
        ],
        _ => &[
            (
                Action::Enter,
                if app.screen == Screen::Alerts {
                    "its contact"
                } else {
                    "its contacts"
                },
            ),
            (Action::Escape, "back"),
            (Action::NextPane, "below"),
            (Action::Export, "export"),
            (Action::Help, "help"),
            (Action::Quit, "quit"),
        ],
    };
    let mut spans = Vec::new();
    let mut used = 1;
    if !app.filter_text.is_empty() && app.screen == Screen::Contacts {
        let words = format!(
            " filter: {} ({} drops it) ",
            cut(&app.filter_text, usize::from(area.width) / 3),
            app.keys.key_of(Action::Escape)
        );
        used += width(&words);
        spans.push(Span::styled(words, theme.accent));
    }
    spans.push(Span::raw(" "));
    // While reading goes on, how to end it matters more than the rest.
    let stop = app
        .is_reading()
        .then_some(&(Action::StopReading, "stop reading"));
    let (first, rest) = hints.split_at(2.min(hints.len()));
    for (action, words) in first.iter().chain(stop).chain(rest) {
        let key = app.keys.key_of(*action);
        if key.is_empty() {
            continue;
        }
        let needed = width(key) + width(words) + 3;
        if used + needed > usize::from(area.width) + 2 {
            break;
        }
        used += needed;
        spans.push(Span::styled(key, theme.key));
        spans.push(Span::styled(format!(" {words}  "), theme.dim));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}

/// The last part of a path, which tells captures apart best.
fn file_name(path: &str) -> &str {
    path.rsplit('/')
        .next()
        .filter(|n| !n.is_empty())
        .unwrap_or(path)
}
