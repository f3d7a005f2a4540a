//! The screen, drawn from shared references alone.

mod blocks;
mod chrome;
mod contacts;
pub(super) mod layout;
mod overlay;
mod story;
mod tables;
mod timeline;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use crate::report::safe;

use super::app::{App, Pane, Screen};
use super::packets::Packets;
use super::text;
use layout::{Areas, SMALLEST};

/// Lines of frames shown as bytes.
pub(super) fn packet_lines(app: &App, packets: &Packets) -> usize {
    overlay::packet_lines(app, packets).len()
}

/// Draws everything.
pub fn view(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    let areas = layout::areas(area, app);
    if areas.too_small {
        too_small(app, area, frame);
    } else {
        chrome::header(app, areas.header, frame);
        chrome::tabs(app, &areas, frame);
        body(app, &areas, frame);
        chrome::footer(app, areas.footer, frame);
        overlay::draw(app, area, frame);
    }
    scrub(frame.buffer_mut(), app.ascii);
}

fn body(app: &App, areas: &Areas, frame: &mut Frame<'_>) {
    match app.screen {
        Screen::Contacts => {
            contacts::list(app, areas, frame);
            prose(
                app,
                areas.why,
                "Why",
                app.pane == Pane::Why,
                &story::why(app, areas),
                app.why_scroll,
                frame,
            );
            draw_timeline(app, areas.timeline, frame);
            contacts::activity(app, areas.activity, frame);
        }
        Screen::Finding => {
            let title = app
                .focus
                .as_ref()
                .map_or_else(|| "Contact".into(), |f| format!("Contact #{}", f.id.0));
            let focused = app.pane == Pane::List;
            prose(
                app,
                areas.list,
                &title,
                focused,
                &story::details(app, areas),
                app.scroll,
                frame,
            );
            if let (Some(finding), true) = (app.finding(), areas.why.width > 0) {
                prose(
                    app,
                    areas.why,
                    "Facts",
                    app.pane == Pane::Why,
                    &story::facts(app, finding),
                    app.why_scroll,
                    frame,
                );
            }
            draw_timeline(app, areas.timeline, frame);
        }
        Screen::Sites => {
            tables::sites(app, areas, frame);
            prose(
                app,
                areas.why,
                "This site",
                app.pane == Pane::Why,
                &story::site(app),
                app.why_scroll,
                frame,
            );
        }
        Screen::Devices => {
            tables::devices(app, areas, frame);
            prose(
                app,
                areas.why,
                "This device",
                app.pane == Pane::Why,
                &story::device(app),
                app.why_scroll,
                frame,
            );
        }
        Screen::Lookups => {
            tables::lookups(app, areas, frame);
            prose(
                app,
                areas.why,
                "This lookup",
                app.pane == Pane::Why,
                &story::lookup(app),
                app.why_scroll,
                frame,
            );
        }
        Screen::Alerts => {
            tables::alerts(app, areas, frame);
            prose(
                app,
                areas.why,
                "This alert",
                app.pane == Pane::Why,
                &story::alert(app),
                app.why_scroll,
                frame,
            );
        }
        Screen::Coverage => prose(
            app,
            areas.list,
            "Coverage",
            true,
            &story::coverage(app),
            app.scroll,
            frame,
        ),
        Screen::About => prose(
            app,
            areas.list,
            "About",
            true,
            &story::about(app),
            app.scroll,
            frame,
        ),
    }
}

fn draw_timeline(app: &App, area: Rect, frame: &mut Frame<'_>) {
    if area.height < 3 {
        return;
    }
    match &app.focus {
        Some(focus) => {
            let inner = pane(
                app,
                area,
                &timeline::title(app, &focus.timeline),
                "",
                app.pane == Pane::Timeline,
                frame,
            );
            timeline::draw(app, &focus.timeline, inner, frame);
        }
        None => {
            pane(app, area, "Timeline", "", app.pane == Pane::Timeline, frame);
        }
    }
}

/// A pane of text.
fn prose(
    app: &App,
    area: Rect,
    title: &str,
    focused: bool,
    blocks: &[blocks::Block],
    scroll: usize,
    frame: &mut Frame<'_>,
) {
    if area.height < 3 || area.width < 4 {
        return;
    }
    let lines = blocks::lines(blocks, usize::from(area.width - 2), app);
    let height = usize::from(area.height - 2);
    let scroll = scroll.min(lines.len().saturating_sub(height));
    let below = lines.len().saturating_sub(scroll + height);
    let more = match (scroll, below) {
        (0, 0) => String::new(),
        (_, 0) => format!("{} {scroll}", app.glyphs.up),
        (0, _) => format!("{below} more {}", app.glyphs.down),
        _ => format!("{} {scroll} {} {below}", app.glyphs.up, app.glyphs.down),
    };
    let inner = pane(app, area, title, &more, focused, frame);
    let seen: Vec<Line<'_>> = lines.into_iter().skip(scroll).take(height).collect();
    frame.render_widget(Paragraph::new(seen), inner);
}

/// Draws a border; returns what is inside.
fn pane(
    app: &App,
    area: Rect,
    title: &str,
    note: &str,
    focused: bool,
    frame: &mut Frame<'_>,
) -> Rect {
    let theme = &app.theme;
    let (border, style) = if focused {
        (theme.focus, theme.accent)
    } else {
        (theme.border, theme.strong)
    };
    let room = usize::from(area.width.saturating_sub(4));
    let mut block = Block::new()
        .borders(Borders::ALL)
        .border_set(app.glyphs.border)
        .border_style(border)
        .title(Line::from(Span::styled(
            format!(" {} ", text::cut(title, room)),
            style,
        )));
    let left = room.saturating_sub(text::width(title) + 2);
    if !note.is_empty() && left >= text::width(note) {
        block = block.title_top(
            Line::from(Span::styled(format!(" {note} "), theme.dim)).alignment(Alignment::Right),
        );
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

/// How far a list is scrolled, on its right border.
fn scrollbar(app: &App, area: Rect, first: usize, seen: usize, all: usize, frame: &mut Frame<'_>) {
    let height = usize::from(area.height.saturating_sub(2));
    if all <= seen || height < 3 {
        return;
    }
    let length = (height * seen / all).clamp(1, height - 1);
    let place = first * (height - length) / all.saturating_sub(seen).max(1);
    let x = area.right() - 1;
    for n in 0..height {
        let inside = n >= place && n < place + length;
        let sign = if inside {
            app.glyphs.thumb
        } else {
            app.glyphs.track
        };
        let style = if inside {
            app.theme.focus
        } else {
            app.theme.border
        };
        let y = area.y + 1 + u16::try_from(n).unwrap_or(0);
        if let Some(cell) = frame.buffer_mut().cell_mut((x, y)) {
            cell.set_symbol(sign).set_style(style);
        }
    }
}

fn too_small(app: &App, area: Rect, frame: &mut Frame<'_>) {
    let (columns, rows) = SMALLEST;
    let words = format!(
        "whylencr needs {columns} columns and {rows} rows; this terminal has {} and {}. Enlarge it, or quit with q.",
        area.width, area.height
    );
    let lines: Vec<Line<'_>> = text::wrap(&words, usize::from(area.width))
        .into_iter()
        .map(|line| Line::from(Span::styled(line, app.theme.text)))
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// The last look over all cells: nothing that a terminal would obey, and on an ASCII terminal nothing but ASCII.
fn scrub(buffer: &mut Buffer, ascii: bool) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.chars().any(safe::is_obeyed) {
            cell.set_symbol("?");
        } else if ascii && !symbol.is_ascii() {
            let plain = match symbol {
                "…" => ".",
                "µ" => "u",
                "“" | "”" => "\"",
                "’" => "'",
                "×" => "x",
                "→" => ">",
                "–" => "-",
                _ => "?",
            };
            cell.set_symbol(plain);
        }
    }
}
