//! The list of contacts and the histogram of their times.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::finding::{ContactKind, Finding, Outcome};
use crate::report::clock::{Clock, TimeKind};
use crate::report::prose;
use crate::report::words::Word as _;
use crate::tui::app::{App, Pane};
use crate::tui::index::{Head, Row, is_alarming, part, span};
use crate::tui::text::{count, fit, fit_right};
use crate::tui::theme::Status;
use crate::tui::timeline::outcome;

use super::layout::{ACTIVITY, Areas};
use super::{pane, scrollbar, story};

/// Widths of the columns.
#[derive(Clone, Copy, Debug)]
struct Columns {
    time: usize,
    host: usize,
    site: usize,
    client: usize,
    answer: usize,
    delay: usize,
}

/// Sign, kind, status and the spaces between.
const FIXED: usize = 2 + 5 + 10;

impl Columns {
    fn of(room: usize, kind: TimeKind) -> Self {
        let wide = room >= 80;
        let mut columns = Self {
            time: match (kind, wide) {
                (TimeKind::Utc | TimeKind::Local, true) => 12,
                (TimeKind::Utc | TimeKind::Local, false) => 8,
                (TimeKind::Relative, _) => 11,
                (TimeKind::Epoch, _) => 17,
            },
            host: if wide { 12 } else { 6 },
            site: 0,
            client: if room >= 96 { 15 } else { 0 },
            answer: if wide { 10 } else { 0 },
            delay: if wide { 8 } else { 0 },
        };
        let used: usize = [
            columns.time,
            columns.host,
            columns.client,
            columns.answer,
            columns.delay,
        ]
        .into_iter()
        .filter(|w| *w > 0)
        .map(|w| w + 1)
        .sum();
        columns.site = room.saturating_sub(FIXED + used + 1).max(4);
        columns
    }
}

pub(super) fn list(app: &App, areas: &Areas, frame: &mut Frame<'_>) {
    let title = format!("Contacts {}", story::shown(app));
    let inner = pane(app, areas.list, &title, "", app.pane == Pane::List, frame);
    let columns = Columns::of(usize::from(inner.width), app.options.time);
    let clock = app.clock();
    let cursor = app.cursor();
    let mut lines = Vec::new();
    if areas.titles {
        lines.push(titles(app, columns));
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
                .map(|f| contact(app, f, columns, &clock)),
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

fn titles(app: &App, columns: Columns) -> Line<'static> {
    let mut text = format!(
        "  {} {} {} {}",
        fit("time", columns.time),
        fit("kind", 4),
        fit("host", columns.host),
        fit("site", columns.site),
    );
    for (name, width) in [("client", columns.client), ("answer", columns.answer)] {
        if width > 0 {
            text.push_str(&format!(" {}", fit(name, width)));
        }
    }
    if columns.delay > 0 {
        text.push_str(&format!(" {}", fit_right("delay", columns.delay)));
    }
    text.push_str(" verdict");
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

fn contact(app: &App, finding: &Finding, columns: Columns, clock: &Clock) -> Line<'static> {
    let theme = &app.theme;
    let status = Status::of(finding);
    let (sign, style) = if app.marks.contains(&finding.id) {
        (app.glyphs.mark, theme.accent)
    } else if is_alarming(finding) {
        (app.glyphs.alert, theme.bad)
    } else {
        (" ", Style::new())
    };
    let site = site(finding);
    let site_style = if finding.verdict.outcome == Outcome::Site {
        theme.strong
    } else {
        theme.dim
    };
    let mut spans = vec![
        Span::styled(format!("{sign} "), style),
        Span::styled(
            format!("{} ", time(clock, finding, columns.time)),
            theme.dim,
        ),
        Span::styled(format!("{} ", fit(kind(finding.kind), 4)), theme.text),
        Span::styled(format!("{} ", fit(host(finding), columns.host)), theme.text),
        Span::styled(format!("{} ", fit(&site, columns.site)), site_style),
    ];
    if columns.client > 0 {
        let client = finding.client.ip.to_string();
        spans.push(Span::styled(
            format!("{} ", fit(&client, columns.client)),
            theme.dim,
        ));
    }
    if columns.answer > 0 {
        spans.push(Span::styled(
            format!("{} ", fit(&outcome(finding), columns.answer)),
            theme.text,
        ));
    }
    if columns.delay > 0 {
        let delay = finding
            .timing
            .delayed_handshake
            .map(|d| d.to_string())
            .unwrap_or_default();
        spans.push(Span::styled(
            format!("{} ", fit_right(&delay, columns.delay)),
            theme.wait,
        ));
    }
    let word = match prose::standing(finding) {
        "unexplained" => "unexpl.",
        "suspicious" => "suspect",
        word => word,
    };
    let verdict = format!("{} {}", app.glyphs.status(status), fit(word, 8));
    spans.push(Span::styled(verdict, theme.status(status)));
    Line::from(spans)
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

fn host(finding: &Finding) -> &str {
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
