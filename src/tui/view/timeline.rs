//! Draws a timeline: lanes, bars to half a column, an axis with round numbers.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::time::{Span as Length, Timestamp};
use crate::tui::app::App;
use crate::tui::text;
use crate::tui::timeline::{Bar, Lane, Phase, Timeline};

/// Most columns of a lane's name.
const NAME: usize = 24;

/// The stretch of time that is seen, and its columns.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: i64,
    to: i64,
    columns: usize,
}

pub(super) fn draw(app: &App, timeline: &Timeline, area: Rect, frame: &mut Frame<'_>) {
    let width = usize::from(area.width);
    let name = NAME.min(width / 3);
    let columns = width.saturating_sub(name + 1);
    if columns < 8 || area.height < 2 {
        return;
    }
    let window = window(app, timeline, columns);
    let lanes = usize::from(area.height) - 1;
    let mut lines: Vec<Line<'_>> = timeline
        .lanes
        .iter()
        .take(lanes)
        .map(|lane| line(app, lane, name, window))
        .collect();
    let hidden = timeline.lanes.len().saturating_sub(lanes);
    lines.resize(lanes, Line::default());
    lines.push(axis(app, timeline, name, window, hidden));
    frame.render_widget(Paragraph::new(lines), area);
}

/// What part of the whole is seen, as the title says it.
pub(super) fn title(app: &App, timeline: &Timeline) -> String {
    let whole = timeline.to.since(timeline.from);
    if app.zoom == 0 {
        format!("Timeline, {whole}")
    } else {
        let seen = Length::from_nanos(whole.as_nanos() >> app.zoom);
        format!("Timeline, {seen} of {whole}")
    }
}

fn window(app: &App, timeline: &Timeline, columns: usize) -> Window {
    let (from, to) = (timeline.from.as_nanos(), timeline.to.as_nanos());
    let whole = i128::from(to.saturating_sub(from).max(1));
    let seen = (whole >> app.zoom).max(1_000);
    let start = i128::from(from) + whole * i128::from(app.middle) / 1000 - seen / 2;
    let narrow = |n: i128| i64::try_from(n).unwrap_or(if n < 0 { i64::MIN } else { i64::MAX });
    Window {
        from: narrow(start),
        to: narrow(start + seen),
        columns,
    }
}

impl Window {
    /// The half column of a time; outside the window it is clamped to the edge.
    fn half(self, at: Timestamp) -> usize {
        let whole = (i128::from(self.to) - i128::from(self.from)).max(1);
        let into = (i128::from(at.as_nanos()) - i128::from(self.from)).clamp(0, whole);
        let halves = i128::try_from(self.columns * 2).unwrap_or(0);
        usize::try_from(into * halves / whole)
            .unwrap_or(0)
            .min(self.columns * 2)
    }

    const fn misses(self, bar: &Bar) -> bool {
        bar.to.as_nanos() < self.from || bar.from.as_nanos() > self.to
    }
}

fn line(app: &App, lane: &Lane, name: usize, window: Window) -> Line<'static> {
    let theme = &app.theme;
    let style = if lane.aside { theme.dim } else { theme.text };
    let label = format!("{:<4} {}", lane.what, short(&lane.who));
    let mut spans = vec![
        Span::styled(text::fit(&label, name), style),
        Span::styled(if app.ascii { "|" } else { "│" }, theme.border),
    ];
    let mut cells: Vec<(char, Style)> = vec![(' ', Style::new()); window.columns];
    let mut end = 0;
    for bar in lane.bars.iter().filter(|bar| !window.misses(bar)) {
        end = end.max(paint(app, bar, lane.aside, window, &mut cells));
    }
    caption(app, lane, window, &mut cells, end);
    spans.extend(runs(&cells));
    Line::from(spans)
}

/// Puts a bar into the cells; returns the column after it.
fn paint(app: &App, bar: &Bar, aside: bool, window: Window, cells: &mut [(char, Style)]) -> usize {
    let (glyph, style) = look(app, bar.phase);
    let style = if aside { app.theme.dim } else { style };
    let (from, to) = (window.half(bar.from), window.half(bar.to));
    let to = to.max(from + 1);
    let columns = from / 2..to.div_ceil(2);
    for column in columns.clone() {
        let Some(cell) = cells.get_mut(column) else {
            continue;
        };
        let (left, right) = (from <= column * 2, to >= column * 2 + 2);
        let part = match (left, right) {
            (true, true) => None,
            (true, false) => half(app, bar.phase, true),
            (false, true) => half(app, bar.phase, false),
            (false, false) => None,
        };
        *cell = (part.unwrap_or(glyph), style);
    }
    columns.end
}

fn look(app: &App, phase: Phase) -> (char, Style) {
    let (glyphs, theme) = (&app.glyphs, &app.theme);
    let (text, style) = match phase {
        Phase::Lookup => (glyphs.dns, theme.dns),
        Phase::Connect => (glyphs.tcp, theme.tcp),
        Phase::Handshake => (glyphs.tls, theme.tls),
        Phase::Wait => (glyphs.wait, theme.wait),
        Phase::Fetch => (glyphs.fetch, theme.fetch),
        Phase::Data => (glyphs.data, theme.dim),
    };
    (text.chars().next().unwrap_or(' '), style)
}

/// A bar that fills only the left or the right half of a column.
const fn half(app: &App, phase: Phase, left: bool) -> Option<char> {
    match (app.ascii, phase, left) {
        (false, Phase::Handshake, true) => Some('╸'),
        (false, Phase::Handshake, false) => Some('╺'),
        (false, Phase::Fetch, true) => Some('▌'),
        (false, Phase::Fetch, false) => Some('▐'),
        _ => None,
    }
}

/// Writes what a wait or a fetch took inside its bar where it fits, and the note after the last bar.
fn caption(app: &App, lane: &Lane, window: Window, cells: &mut [(char, Style)], end: usize) {
    for bar in lane
        .bars
        .iter()
        .filter(|b| b.phase == Phase::Wait && !window.misses(b))
    {
        let words = format!(" waits {} ", bar.to.since(bar.from));
        let (from, to) = (window.half(bar.from) / 2, window.half(bar.to) / 2);
        if to.saturating_sub(from) >= text::width(&words) + 2 {
            let place = from + (to - from - text::width(&words)) / 2;
            write(cells, place, &words, app.theme.wait);
        }
    }
    let took = lane
        .bars
        .iter()
        .rfind(|b| matches!(b.phase, Phase::Fetch | Phase::Lookup))
        .map(|b| b.to.since(b.from).to_string());
    let words = match (took, lane.note.is_empty()) {
        (Some(took), true) => format!(" {took}"),
        (Some(took), false) => format!(" {took} {}", lane.note),
        (None, _) => format!(" {}", lane.note),
    };
    let words = text::cut(words.trim_end(), 40);
    let data = lane.bars.iter().any(|b| b.phase == Phase::Data);
    let style = if lane.aside {
        app.theme.dim
    } else {
        app.theme.text
    };
    if data {
        let at = lane
            .bars
            .iter()
            .rfind(|b| b.phase == Phase::Data)
            .map_or(0, |b| window.half(b.from) / 2);
        if cells.len().saturating_sub(at) > 6 {
            write(cells, at + 1, " data ", app.theme.dim);
        }
        return;
    }
    // Where there is no room after the bar the words go before the first one.
    if end + text::width(&words) <= cells.len() {
        write(cells, end, &words, style);
    } else {
        let first = lane
            .bars
            .iter()
            .filter(|b| !window.misses(b))
            .map(|b| window.half(b.from) / 2)
            .min();
        if let Some(place) = first.and_then(|f| f.checked_sub(text::width(&words) + 1)) {
            write(cells, place, &words, style);
        }
    }
}

fn write(cells: &mut [(char, Style)], from: usize, words: &str, style: Style) {
    for (cell, c) in cells.iter_mut().skip(from).zip(words.chars()) {
        *cell = (c, style);
    }
}

fn runs(cells: &[(char, Style)]) -> Vec<Span<'static>> {
    cells
        .chunk_by(|a, b| a.1 == b.1)
        .map(|run| {
            let style = run.first().map(|c| c.1).unwrap_or_default();
            Span::styled(run.iter().map(|c| c.0).collect::<String>(), style)
        })
        .collect()
}

fn axis(
    app: &App,
    timeline: &Timeline,
    name: usize,
    window: Window,
    hidden: usize,
) -> Line<'static> {
    let theme = &app.theme;
    let mut cells: Vec<(char, Style)> = vec![(' ', theme.dim); window.columns];
    let step = step(window);
    let zero = timeline.zero.as_nanos();
    let first = (i128::from(window.from) - i128::from(zero)).div_euclid(step) * step;
    let mut free = 0;
    for n in 0..64 {
        let offset = first + n * step;
        let at = i128::from(zero) + offset;
        if at > i128::from(window.to) {
            break;
        }
        let Ok(at) = i64::try_from(at) else {
            break;
        };
        if at < window.from {
            continue;
        }
        let column = window.half(Timestamp::from_nanos(at)) / 2;
        let words = format!("{}{}", app.glyphs.tick, label(offset));
        if column >= free && column + text::width(&words) <= window.columns {
            write(&mut cells, column, &words, theme.dim);
            free = column + text::width(&words) + 1;
        }
    }
    let lead = if hidden > 0 {
        format!("     {hidden} more")
    } else {
        legend(app, timeline)
    };
    let mut spans = vec![
        Span::styled(text::fit(&lead, name), theme.dim),
        Span::styled(if app.ascii { "+" } else { "└" }, theme.border),
    ];
    spans.extend(runs(&cells));
    Line::from(spans)
}

/// What zero is.
fn legend(app: &App, timeline: &Timeline) -> String {
    let hello = timeline
        .lanes
        .iter()
        .any(|lane| lane.what == "tls" && !lane.aside);
    let start = if hello { "ClientHello" } else { "first sign" };
    format!(
        "     0 = {start}{}",
        if app.zoom > 0 { ", zoomed" } else { "" }
    )
}

/// A round number of nanoseconds, so that labels stand at least twelve columns apart.
fn step(window: Window) -> i128 {
    let whole = (i128::from(window.to) - i128::from(window.from)).max(1);
    let columns = i128::try_from(window.columns.max(1)).unwrap_or(1);
    let wanted = whole * 12 / columns;
    let mut step = 1_000;
    while step < wanted {
        for factor in [2, 5, 10] {
            if step * factor >= wanted {
                return step * factor;
            }
        }
        step *= 10;
    }
    step
}

fn label(offset: i128) -> String {
    let nanos = i64::try_from(offset).unwrap_or(i64::MAX);
    if nanos == 0 {
        "0".into()
    } else {
        Length::from_nanos(nanos).to_string()
    }
}

fn short(host: &str) -> &str {
    host.strip_suffix(".lencr.org").unwrap_or(host)
}
