//! The list of contacts and the histogram of their times.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::finding::{ContactKind, Finding, Outcome};
use crate::report::clock::Clock;
use crate::report::prose;
use crate::report::words::Word as _;
use crate::tui::app::{App, Pane};
use crate::tui::columns::{self, Column};
use crate::tui::index::{Head, Row, is_alarming, part, span};
use crate::tui::text::{count, fit, fit_right};
use crate::tui::theme::Status;
use crate::tui::timeline::outcome;

use super::layout::{ACTIVITY, Areas};
use super::{pane, scrollbar, story};

pub(super) fn list(app: &App, areas: &Areas, frame: &mut Frame<'_>) {
    let title = format!("Contacts {}", story::shown(app));
    let inner = pane(app, areas.list, &title, "", app.pane == Pane::List, frame);
    let columns = columns::layout(&app.columns, usize::from(inner.width), app.options.time);
    let clock = app.clock();
    let cursor = app.cursor();
    let mut lines = Vec::new();
    if areas.titles {
        lines.push(titles(app, &columns));
    }
    let rows = app
        .index
        .rows
        .iter()
        .enumerate()
        .skip(cursor.top)
        .take(areas.list_rows());
    for (place, row) in rows {
        let mut line = match row {
            Row::Group(slot) => app
                .index
                .heads
                .get(*slot)
                .map(|head| group(app, head, inner.width)),
            Row::Finding(f) => app
                .report
                .findings
                .get(*f)
                .map(|f| contact(app, f, &columns, &clock)),
        }
        .unwrap_or_default();
        if place == cursor.row {
            line = select(app, line, app.pane == Pane::List);
        }
        lines.push(line);
    }
    frame.render_widget(Paragraph::new(lines), inner);
    scrollbar(
        app,
        areas.list,
        cursor.top,
        areas.list_rows(),
        app.index.rows.len(),
        frame,
    );
}

/// The cursor's line: its own colours give way, so that it reads well on any background.
pub(super) fn select(app: &App, line: Line<'static>, focused: bool) -> Line<'static> {
    let style = if focused {
        app.theme.selected
    } else {
        app.theme.resting
    };
    let spans = line.spans.into_iter().map(|s| {
        Span::styled(
            s.content,
            if focused { style } else { s.style.patch(style) },
        )
    });
    Line::from(spans.collect::<Vec<_>>())
}

fn titles(app: &App, columns: &[(Column, usize)]) -> Line<'static> {
    let mut text = "  ".to_owned();
    for (column, width) in columns {
        let name = match column {
            Column::Delay => fit_right(column.word(), *width),
            _ => fit(column.word(), *width),
        };
        text.push_str(&name);
        text.push(' ');
    }
    Line::from(Span::styled(text, app.theme.dim))
}

fn group(app: &App, head: &Head, width: u16) -> Line<'static> {
    let theme = &app.theme;
    let sign = if head.folded {
        app.glyphs.folded
    } else {
        app.glyphs.open
    };
    let mut note = count(head.count, "contact", "contacts");
    if head.alerts > 0 {
        note.push_str(&format!(
            ", {} {}",
            app.glyphs.alert,
            count(head.alerts, "alert", "alerts")
        ));
    }
    let room = usize::from(width).saturating_sub(crate::tui::text::width(&note) + 4);
    Line::from(vec![
        Span::styled(format!("{sign} "), theme.accent),
        Span::styled(fit(&head.title, room), theme.strong),
        Span::styled(format!(" {note} "), theme.dim),
    ])
}

fn contact(
    app: &App,
    finding: &Finding,
    columns: &[(Column, usize)],
    clock: &Clock,
) -> Line<'static> {
    let theme = &app.theme;
    let (sign, style) = if app.marks.contains(&finding.id) {
        (app.glyphs.mark, theme.accent)
    } else if is_alarming(finding) {
        (app.glyphs.alert, theme.bad)
    } else {
        (" ", Style::new())
    };
    let mut spans = vec![Span::styled(format!("{sign} "), style)];
    for (column, width) in columns {
        let (text, style) = cell(app, finding, *column, *width, clock);
        spans.push(Span::styled(format!("{text} "), style));
    }
    Line::from(spans)
}

/// One cell of a contact, as wide as its column.
fn cell(
    app: &App,
    finding: &Finding,
    column: Column,
    width: usize,
    clock: &Clock,
) -> (String, Style) {
    let theme = &app.theme;
    let (text, style) = match column {
        Column::Time => (time(clock, finding, width), theme.dim),
        Column::Kind => (kind(finding.kind).to_owned(), theme.text),
        Column::Host => (host(finding).to_owned(), theme.text),
        Column::Site => {
            let named = finding.verdict.outcome == Outcome::Site;
            (site(finding), if named { theme.strong } else { theme.dim })
        }
        Column::Client => (finding.client.ip.to_string(), theme.dim),
        Column::Device => (finding.client.device_label.clone(), theme.dim),
        Column::Program => (program(finding), theme.dim),
        Column::Answer => (outcome(finding), theme.text),
        Column::Delay => {
            let delay = finding.timing.delayed_handshake.map(|d| d.to_string());
            let text = fit_right(&delay.unwrap_or_default(), width);
            return (text, theme.wait);
        }
        Column::Verdict => {
            let status = Status::of(finding);
            let word = match prose::standing(finding) {
                "unexplained" => "unexpl.",
                "suspicious" => "suspect",
                word => word,
            };
            (
                format!("{} {word}", app.glyphs.status(status)),
                theme.status(status),
            )
        }
    };
    (fit(&text, width), style)
}

/// What on the client made the contact: its process, else what it calls itself.
fn program(finding: &Finding) -> String {
    let process = finding.client.process.as_ref().map(|p| p.name.clone());
    process
        .or_else(|| finding.client.user_agent.clone())
        .unwrap_or_default()
}

/// What the verdict names, in as few words as a column has room for.
fn site(finding: &Finding) -> String {
    let named = prose::sites(finding);
    match (finding.verdict.outcome, named.is_empty()) {
        (Outcome::NoOutbound, true) => finding.verdict.cause.word().replace('-', " "),
        (Outcome::NoOutbound, false) => format!("own: {named}"),
        (Outcome::AnyUnder, _) => match &finding.verdict.under {
            Some(under) => format!("any under {under}"),
            None => named,
        },
        (Outcome::Unexplained, true) => "-".into(),
        _ => named,
    }
}

fn time(clock: &Clock, finding: &Finding, room: usize) -> String {
    let text = clock.brief(finding.at);
    if room == 8 {
        // Hours to seconds are the first eight of the last twelve.
        let from = text.len().saturating_sub(12);
        return text.get(from..from + 8).unwrap_or(&text).to_owned();
    }
    fit(&text, room)
}

pub(super) const fn kind(kind: ContactKind) -> &'static str {
    match kind {
        ContactKind::Ocsp => "OCSP",
        ContactKind::Crl => "CRL",
        ContactKind::Issuer => "CERT",
        ContactKind::Unknown => "?",
    }
}

pub(super) fn host(finding: &Finding) -> &str {
    let host = finding.host.as_str();
    host.strip_suffix(".lencr.org").unwrap_or(host)
}

/// Contacts over the span of the capture; the selected one is marked.
pub(super) fn activity(app: &App, area: Rect, frame: &mut Frame<'_>) {
    if area.height == 0 {
        return;
    }
    let boxed = area.height > 1;
    let inner = if boxed {
        pane(app, area, "Activity", "", false, frame)
    } else {
        area
    };
    if !boxed {
        let before = Rect {
            x: area.x - ACTIVITY,
            width: ACTIVITY,
            ..area
        };
        frame.render_widget(
            Line::from(Span::styled(" activity ", app.theme.dim)),
            before,
        );
    }
    let width = usize::from(inner.width);
    let height = usize::from(inner.height);
    let mut counts = vec![0_u32; width];
    let parts = app.index.activity.len().max(1);
    for (place, count) in app.index.activity.iter().enumerate() {
        if let Some(sum) = counts.get_mut(place * width / parts) {
            *sum = sum.saturating_add(*count);
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let here = app.finding().map(|f| part(f.at, span(&app.report), width));
    let mut lines = Vec::new();
    for row in 0..height {
        let floor = (height - 1 - row) * 8;
        let spans: Vec<Span<'_>> = counts
            .iter()
            .enumerate()
            .map(|(column, count)| {
                let level = u64::from(*count) * height as u64 * 8;
                let level = usize::try_from(level.div_ceil(u64::from(most))).unwrap_or(0);
                let sign = app
                    .glyphs
                    .levels
                    .get(level.saturating_sub(floor).min(8))
                    .copied()
                    .unwrap_or(" ");
                let selected = here == Some(column);
                Span::styled(
                    sign,
                    if selected {
                        app.theme.selected
                    } else {
                        app.theme.tls
                    },
                )
            })
            .collect();
        lines.push(Line::from(spans));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}
