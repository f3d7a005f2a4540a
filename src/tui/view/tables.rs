//! Sites, devices, lookups and alerts as tables.

use ratatui::Frame;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::report::prose;
use crate::report::words::Word as _;
use crate::tui::app::App;
use crate::tui::tables::{lookup_outcome, record_type};
use crate::tui::text::{fit, fit_right};

use super::layout::Areas;
use super::{contacts, pane, scrollbar};

/// Columns: name, width (0 takes the rest), whether numbers stand at the right.
type Columns<'a> = &'a [(&'a str, usize, bool)];

fn table(
    app: &App,
    areas: &Areas,
    title: &str,
    columns: Columns<'_>,
    count: usize,
    row: &dyn Fn(usize) -> Option<Vec<Span<'static>>>,
    frame: &mut Frame<'_>,
) {
    let inner = pane(app, areas.list, title, "", true, frame);
    let room = usize::from(inner.width).saturating_sub(1);
    let columns = fitting(columns, room);
    let fixed: usize = columns.iter().map(|(_, w, _)| w + 1).sum();
    let rest = room.saturating_sub(fixed);
    let cell = |span: Span<'static>, (_, width, right): &(&str, usize, bool)| {
        let width = if *width == 0 { rest } else { *width };
        let text = if *right {
            fit_right(&span.content, width)
        } else {
            fit(&span.content, width)
        };
        Span::styled(format!("{text} "), span.style)
    };
    let line = |cells: Vec<Span<'static>>| {
        let spans = cells
            .into_iter()
            .zip(&columns)
            .map(|(span, column)| cell(span, column));
        Line::from(
            std::iter::once(Span::raw(" "))
                .chain(spans)
                .collect::<Vec<_>>(),
        )
    };
    let titles = columns
        .iter()
        .map(|(name, ..)| Span::styled((*name).to_owned(), app.theme.dim));
    let mut lines = vec![line(titles.collect())];
    let cursor = app.cursor();
    for place in (cursor.top..count).take(areas.list_rows()) {
        let mut made = row(place).map(line).unwrap_or_default();
        if place == cursor.row {
            made = contacts::select(app, made, true);
        }
        lines.push(made);
    }
    frame.render_widget(Paragraph::new(lines), inner);
    scrollbar(app, areas.list, cursor.top, areas.list_rows(), count, frame);
}

/// Without this much room the column that says what a line is about would say nothing.
const NAMING: usize = 20;

/// The columns for which there is room: what stands last matters least.
fn fitting<'a>(columns: Columns<'a>, room: usize) -> Vec<(&'a str, usize, bool)> {
    let mut columns = columns.to_vec();
    let fixed = |columns: &[(&str, usize, bool)]| -> usize {
        columns.iter().map(|(_, width, _)| width + 1).sum()
    };
    while fixed(&columns) + NAMING > room && columns.last().is_some_and(|(_, width, _)| *width > 0)
    {
        columns.pop();
    }
    columns
}

pub(super) fn sites(app: &App, areas: &Areas, frame: &mut Frame<'_>) {
    let Some(tables) = &app.tables else { return };
    let clock = app.clock();
    let theme = &app.theme;
    let wide = areas.list.width >= 90;
    let mut columns = vec![
        ("site", 0, false),
        ("contacts", 8, true),
        ("alerts", 6, true),
        ("delay", 8, true),
        ("staple", 10, false),
        ("chain", 10, false),
    ];
    if wide {
        columns.push(("first seen", 18, false));
    }
    let row = |place: usize| {
        let site = tables.sites.get(place)?;
        let staple = match (site.own, site.stapled, site.wanted_staple) {
            (true, ..) => "own server",
            (_, true, _) => "delivered",
            (_, _, true) => "none",
            _ => "not asked",
        };
        let chain = if site.chased { "incomplete" } else { "" };
        let mut cells = vec![
            Span::styled(site.name.clone(), theme.strong),
            Span::raw(site.contacts.to_string()),
            Span::styled(some(site.alerts), theme.bad),
            Span::styled(
                if site.delay.as_nanos() > 0 {
                    site.delay.to_string()
                } else {
                    String::new()
                },
                theme.wait,
            ),
            Span::raw(staple),
            Span::styled(chain, theme.fair),
        ];
        if wide {
            cells.push(Span::styled(clock.brief(site.first), theme.dim));
        }
        Some(cells)
    };
    let title = format!("Sites {}", tables.sites.len());
    table(
        app,
        areas,
        &title,
        &columns,
        tables.sites.len(),
        &row,
        frame,
    );
}

pub(super) fn devices(app: &App, areas: &Areas, frame: &mut Frame<'_>) {
    let Some(tables) = &app.tables else { return };
    let theme = &app.theme;
    let columns: Columns<'_> = &[
        ("device", 18, false),
        ("address", 0, false),
        ("contacts", 8, true),
        ("unexpl.", 7, true),
        ("alerts", 6, true),
        ("blind", 5, true),
    ];
    let row = |place: usize| {
        let row = tables.devices.get(place)?;
        let device = app.report.devices.get(row.device)?;
        let address = device
            .addresses
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        let more = device.addresses.len().saturating_sub(1);
        let blind: u64 = device.blind.values().sum();
        Some(vec![
            Span::styled(device.label.clone(), theme.strong),
            Span::raw(if more > 0 {
                format!("{address} +{more}")
            } else {
                address
            }),
            Span::raw(row.contacts.to_string()),
            Span::styled(some(row.unexplained), theme.fair),
            Span::styled(some(row.alerts), theme.bad),
            Span::styled(
                some(usize::try_from(blind).unwrap_or(usize::MAX)),
                theme.fair,
            ),
        ])
    };
    let title = format!("Devices {}", tables.devices.len());
    table(
        app,
        areas,
        &title,
        columns,
        tables.devices.len(),
        &row,
        frame,
    );
}

pub(super) fn lookups(app: &App, areas: &Areas, frame: &mut Frame<'_>) {
    let clock = app.clock();
    let theme = &app.theme;
    let columns: Columns<'_> = &[
        ("time", 12, false),
        ("name", 0, false),
        ("type", 6, false),
        ("outcome", 10, false),
        ("took", 7, true),
        ("client", 15, false),
    ];
    let row = |place: usize| {
        let lookup = app.report.lookups.get(place)?;
        let outcome = lookup_outcome(lookup.outcome);
        let style = if outcome == "answered" {
            theme.good
        } else {
            theme.fair
        };
        let time = clock.brief(lookup.at);
        let from = time.len().saturating_sub(12);
        Some(vec![
            Span::styled(time.get(from..).unwrap_or_default().to_owned(), theme.dim),
            Span::styled(lookup.name.to_string(), theme.strong),
            Span::raw(record_type(lookup.qtype)),
            Span::styled(outcome, style),
            Span::raw(lookup.took.map(|t| t.to_string()).unwrap_or_default()),
            Span::styled(lookup.client.ip().to_string(), theme.dim),
        ])
    };
    let count = app.report.lookups.len();
    table(
        app,
        areas,
        &format!("Lookups {count}"),
        columns,
        count,
        &row,
        frame,
    );
}

pub(super) fn alerts(app: &App, areas: &Areas, frame: &mut Frame<'_>) {
    let Some(tables) = &app.tables else { return };
    let clock = app.clock();
    let theme = &app.theme;
    let columns: Columns<'_> = &[
        ("severity", 8, false),
        ("alert", 0, false),
        ("host", 12, false),
        ("time", 12, false),
    ];
    let row = |place: usize| {
        let row = tables.alerts.get(place)?;
        let finding = row.finding.and_then(|f| app.report.findings.get(f));
        let alert = finding
            .map_or(&app.report.alerts, |f| &f.alerts)
            .get(row.alert)?;
        let time = finding.map(|f| clock.brief(f.at)).unwrap_or_default();
        let from = time.len().saturating_sub(12);
        Some(vec![
            Span::styled(alert.severity.word(), theme.severity(alert.severity)),
            Span::raw(prose::alert(alert)),
            Span::raw(finding.map(contacts::host).unwrap_or_default().to_owned()),
            Span::styled(time.get(from..).unwrap_or_default().to_owned(), theme.dim),
        ])
    };
    let title = format!("Alerts {}", tables.alerts.len());
    table(
        app,
        areas,
        &title,
        columns,
        tables.alerts.len(),
        &row,
        frame,
    );
}

/// A number, or nothing for none.
fn some(n: usize) -> String {
    if n == 0 { String::new() } else { n.to_string() }
}
