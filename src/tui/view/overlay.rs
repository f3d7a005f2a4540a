//! Prompts, menus, palette and help, drawn over the screen.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use tui_input::Input;

use crate::tui::app::{App, Overlay, Prompt, Saved};
use crate::tui::keys::Group;
use crate::tui::packets::Packets;
use crate::tui::text::{cut, fit, width};

use super::pane;

pub(super) fn draw(app: &App, area: Rect, frame: &mut Frame<'_>) {
    match &app.overlay {
        None | Some(Overlay::Search(_)) => {}
        Some(Overlay::Filter(prompt)) => filter(app, prompt, area, frame),
        Some(Overlay::Help { scroll }) => help(app, *scroll, area, frame),
        Some(Overlay::Palette { prompt, row }) => palette(app, prompt, *row, area, frame),
        Some(Overlay::Export) => {
            let rows = crate::tui::app::FORMATS.map(|(key, _, words)| (key, words));
            menu(app, &export_title(app), &rows, area, frame);
        }
        Some(Overlay::Packets(seen)) => packets(app, seen, area, frame),
        Some(Overlay::Copy) => {
            let rows = crate::tui::app::COPIES.map(|(key, _, words)| (key, words));
            menu(app, "Copy", &rows, area, frame);
        }
        Some(Overlay::Open { prompt, paths }) => open(app, prompt, paths, area, frame),
        Some(Overlay::Save { what, prompt }) => {
            let title = match what {
                Saved::Report(_) => export_title(app),
                Saved::Evidence => evidence_title(app),
            };
            let inner = window(app, &title, 60, 4, area, frame);
            input(
                app,
                " file: ",
                &prompt.input,
                Rect { height: 1, ..inner },
                frame,
            );
            let hint = Line::from(Span::styled(
                " Enter writes it, Esc does not",
                app.theme.dim,
            ));
            let below = Rect {
                y: inner.y + 1,
                height: 1,
                ..inner
            };
            frame.render_widget(Paragraph::new(hint), below);
        }
    }
}

fn export_title(app: &App) -> String {
    let (shown, all) = (app.index.shown, app.report.findings.len());
    let redacted = if app.redacted { ", redacted" } else { "" };
    if shown == all {
        format!("Export {}{redacted}", contacts(all))
    } else {
        format!("Export {shown} of {}{redacted}", contacts(all))
    }
}

fn evidence_title(app: &App) -> String {
    let redacted = if app.redacted { ", redacted" } else { "" };
    format!(
        "Write the frames that prove {}{redacted}",
        contacts(app.index.shown)
    )
}

fn contacts(n: usize) -> String {
    crate::tui::text::count(n, "contact", "contacts")
}

/// Asks for a capture, with what could be meant below.
fn open(app: &App, prompt: &Prompt, paths: &[String], area: Rect, frame: &mut Frame<'_>) {
    let most = usize::from(area.height.saturating_sub(8)).min(12);
    let shown = paths.len().min(most);
    let height = u16::try_from(shown).unwrap_or(0) + 4;
    let inner = window(app, "Open another capture", 76, height, area, frame);
    let line = Rect { height: 1, ..inner };
    input(app, " ", &prompt.input, line, frame);
    let room = usize::from(inner.width).saturating_sub(2);
    let mut lines: Vec<Line<'_>> = paths
        .iter()
        .take(shown)
        .map(|path| {
            Line::from(Span::styled(
                format!(" {}", cut(path, room)),
                app.theme.text,
            ))
        })
        .collect();
    let hint = match paths.len().saturating_sub(shown) {
        0 => " Tab completes, Enter opens it instead of this one, Esc does not".to_owned(),
        more => format!(" and {more} more"),
    };
    lines.push(Line::from(Span::styled(
        cut(&hint, room + 1),
        app.theme.dim,
    )));
    let below = Rect {
        y: inner.y + 1,
        height: inner.height.saturating_sub(1),
        ..inner
    };
    frame.render_widget(Paragraph::new(lines), below);
}

/// A line of input with its cursor.
pub(super) fn input(app: &App, lead: &str, input: &Input, area: Rect, frame: &mut Frame<'_>) {
    let room = usize::from(area.width)
        .saturating_sub(width(lead) + 1)
        .max(1);
    let scroll = input.visual_scroll(room);
    let seen: String = input.value().chars().skip(scroll).collect();
    let line = Line::from(vec![
        Span::styled(lead.to_owned(), app.theme.accent),
        Span::styled(fit(&cut(&seen, room), room), app.theme.text),
    ]);
    frame.render_widget(Paragraph::new(line), area);
    let column = width(lead) + input.visual_cursor().saturating_sub(scroll);
    let x = area.x
        + u16::try_from(column)
            .unwrap_or(0)
            .min(area.width.saturating_sub(1));
    frame.set_cursor_position(Position::new(x, area.y));
}

/// Completions above the filter line, or what is wrong with it.
fn filter(app: &App, prompt: &Prompt, area: Rect, frame: &mut Frame<'_>) {
    let theme = &app.theme;
    let mut lines: Vec<Line<'_>> = Vec::new();
    let room = usize::from(area.width.min(76)).saturating_sub(4);
    let most = usize::from(area.height / 2).min(12);
    let from = prompt
        .chosen
        .map_or(0, |c| (c + 1).saturating_sub(most.saturating_sub(2)));
    for (n, completion) in prompt
        .completions
        .iter()
        .enumerate()
        .skip(from)
        .take(most.saturating_sub(2))
    {
        let text = format!(
            " {} {}",
            fit(&completion.text, 24),
            cut(completion.help, room.saturating_sub(26))
        );
        let style = if prompt.chosen == Some(n) {
            theme.selected
        } else {
            theme.text
        };
        lines.push(Line::from(Span::styled(fit(&text, room), style)));
    }
    if let Some(error) = &prompt.error {
        let marks = format!(
            "{}{}",
            " ".repeat(error.at.min(room) + 1),
            "^".repeat(error.length.clamp(1, 20))
        );
        if prompt.completions.is_empty() {
            lines.push(Line::from(Span::styled(cut(&marks, room), theme.bad)));
        }
        for line in crate::tui::text::wrap(&error.message, room.saturating_sub(1))
            .into_iter()
            .take(3)
        {
            lines.push(Line::from(Span::styled(format!(" {line}"), theme.bad)));
        }
    }
    if lines.is_empty() {
        let hint = if prompt.input.value().is_empty() {
            " kind:crl  site:example.com  client:10.0.0.0/8  -verdict:unexplained  words"
        } else {
            " Enter keeps this filter, Esc the one before, Tab completes"
        };
        lines.push(Line::from(Span::styled(cut(hint, room), theme.dim)));
    }
    let height = u16::try_from(lines.len()).unwrap_or(1) + 2;
    let rect = Rect {
        x: area.x,
        y: area.bottom().saturating_sub(height + 1),
        width: area.width.min(76),
        height,
    };
    frame.render_widget(Clear, rect);
    let title = format!(
        "Filter: {} of {} contacts",
        app.index.shown,
        app.report.findings.len()
    );
    let inner = pane(app, rect, &title, "", true, frame);
    frame.render_widget(Paragraph::new(lines), inner);
}

fn menu(app: &App, title: &str, rows: &[(char, &str)], area: Rect, frame: &mut Frame<'_>) {
    let height = u16::try_from(rows.len()).unwrap_or(1) + 2;
    let inner = window(app, title, 50, height, area, frame);
    let lines: Vec<Line<'_>> = rows
        .iter()
        .map(|(key, words)| {
            Line::from(vec![
                Span::styled(format!("  {key}  "), app.theme.key),
                Span::styled((*words).to_owned(), app.theme.text),
            ])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn palette(app: &App, prompt: &Prompt, row: usize, area: Rect, frame: &mut Frame<'_>) {
    let found = crate::tui::app::palette(prompt.input.value(), &app.keys);
    let height = area.height.saturating_sub(4).min(20);
    let inner = window(app, "Actions", 66, height, area, frame);
    input(app, " ", &prompt.input, Rect { height: 1, ..inner }, frame);
    let rows = usize::from(inner.height.saturating_sub(1));
    let first = (row + 1).saturating_sub(rows);
    let room = usize::from(inner.width);
    let lines: Vec<Line<'_>> = found
        .iter()
        .enumerate()
        .skip(first)
        .take(rows)
        .map(|(n, (binding, keys))| {
            let keys = keys.join(" ");
            let name = fit(binding.name, room.saturating_sub(width(&keys) + 3));
            let chosen = n == row;
            let style = |style: Style| if chosen { app.theme.selected } else { style };
            Line::from(vec![
                Span::styled(format!(" {name} "), style(app.theme.text)),
                Span::styled(format!("{keys} "), style(app.theme.key)),
            ])
        })
        .collect();
    let below = Rect {
        y: inner.y + 1,
        height: inner.height.saturating_sub(1),
        ..inner
    };
    frame.render_widget(Paragraph::new(lines), below);
}

/// Frames as bytes, with the proof in them marked.
fn packets(app: &App, packets: &Packets, area: Rect, frame: &mut Frame<'_>) {
    let lines = packet_lines(app, packets);
    let height = area.height.saturating_sub(2);
    let seen = usize::from(height.saturating_sub(2));
    let scroll = packets.scroll.min(lines.len().saturating_sub(seen));
    let below = lines.len().saturating_sub(scroll + seen);
    let title = if below > 0 {
        format!("Frames that prove it ({below} more lines, any other key closes)")
    } else {
        "Frames that prove it (any other key closes)".to_owned()
    };
    let inner = window(app, &title, BYTES, height, area, frame);
    let lines: Vec<Line<'_>> = lines.into_iter().skip(scroll).take(seen).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// Columns of the window with bytes.
const BYTES: u16 = 78;

pub(super) fn packet_lines(app: &App, packets: &Packets) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let room = usize::from(app.size.0.min(BYTES)).saturating_sub(2);
    let plain = |text: String, style: Style| Line::from(Span::styled(text, style));
    let frames = match &packets.frames {
        None => {
            return vec![plain(
                " Reading them again from the capture.".into(),
                theme.dim,
            )];
        }
        Some(Err(error)) => return vec![plain(cut(error, room), theme.bad)],
        Some(Ok(frames)) => frames,
    };
    let clock = app.clock();
    let mut lines = Vec::new();
    for frame in frames {
        let head = format!(
            "#{}  {}  {} bytes",
            frame.no,
            clock.show(frame.at),
            frame.bytes.len()
        );
        lines.push(plain(cut(&head, room), theme.accent));
        let sentences = packets.proves.iter().filter(|(no, _)| *no == frame.no);
        for sentence in sentences.flat_map(|(_, sentences)| sentences) {
            for line in crate::tui::text::wrap(sentence, room.saturating_sub(2)) {
                lines.push(plain(format!("  {line}"), theme.text));
            }
        }
        let marks = packets.marks(&frame.bytes);
        let marked = |at: usize| marks.iter().any(|mark| mark.contains(&at));
        for (row, bytes) in frame.bytes.chunks(16).enumerate() {
            let style = |n: usize| {
                if marked(row * 16 + n) {
                    theme.selected
                } else {
                    theme.text
                }
            };
            let mut spans = vec![Span::styled(format!("{:04x}  ", row * 16), theme.dim)];
            for (n, byte) in bytes.iter().enumerate() {
                spans.push(Span::styled(format!("{byte:02x}"), style(n)));
                let inside =
                    marked(row * 16 + n) && marked(row * 16 + n + 1) && n + 1 < bytes.len();
                spans.push(Span::styled(
                    " ",
                    if inside { theme.selected } else { theme.text },
                ));
            }
            spans.push(Span::raw("   ".repeat(16 - bytes.len()) + " "));
            for (n, byte) in bytes.iter().enumerate() {
                let shown = if byte.is_ascii_graphic() || *byte == b' ' {
                    char::from(*byte)
                } else {
                    '.'
                };
                spans.push(Span::styled(shown.to_string(), style(n)));
            }
            lines.push(Line::from(spans));
        }
        lines.push(Line::default());
    }
    lines
}

/// The keys of this screen, from the table.
fn help(app: &App, scroll: usize, area: Rect, frame: &mut Frame<'_>) {
    let theme = &app.theme;
    let room = area
        .width
        .saturating_sub(4)
        .min(if area.width >= 120 { 116 } else { 76 });
    let columns = if room >= 100 { 2 } else { 1 };
    let column = usize::from(room.saturating_sub(2)) / columns;
    let mut lines: Vec<Vec<Span<'_>>> = Vec::new();
    for group in Group::ALL {
        let bindings: Vec<_> = app
            .keys
            .bindings()
            .filter(|(b, keys)| b.group == group && b.place.has(app.screen) && !keys.is_empty())
            .collect();
        if bindings.is_empty() {
            continue;
        }
        lines.push(vec![Span::styled(
            fit(&format!(" {}", group.title()), column),
            theme.accent,
        )]);
        for (binding, keys) in bindings {
            let keys = keys.join(" ");
            lines.push(vec![
                Span::styled(format!("   {} ", fit(&keys, 16)), theme.key),
                Span::styled(fit(binding.name, column.saturating_sub(20)), theme.text),
            ]);
        }
    }
    let half = lines.len().div_ceil(columns);
    let mut rows: Vec<Line<'_>> = Vec::new();
    for n in 0..half {
        let mut spans = lines.get(n).cloned().unwrap_or_default();
        if columns > 1 {
            spans.extend(lines.get(n + half).cloned().unwrap_or_default());
        }
        rows.push(Line::from(spans));
    }
    let height = u16::try_from(rows.len() + 2)
        .unwrap_or(u16::MAX)
        .min(area.height.saturating_sub(2));
    let seen = usize::from(height.saturating_sub(2));
    let scroll = scroll.min(rows.len().saturating_sub(seen));
    let more = rows.len().saturating_sub(scroll + seen);
    let title = if more > 0 {
        format!("Keys: {} ({more} more below)", app.screen.title())
    } else {
        format!("Keys: {}", app.screen.title())
    };
    let inner = window(app, &title, room, height, area, frame);
    let seen: Vec<Line<'_>> = rows.into_iter().skip(scroll).take(seen).collect();
    frame.render_widget(Paragraph::new(seen), inner);
}

/// An empty window in the middle.
fn window(
    app: &App,
    title: &str,
    columns: u16,
    rows: u16,
    area: Rect,
    frame: &mut Frame<'_>,
) -> Rect {
    let (columns, rows) = (columns.min(area.width), rows.min(area.height));
    let rect = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 2,
        width: columns,
        height: rows,
    };
    frame.render_widget(Clear, rect);
    pane(app, rect, title, "", true, frame)
}
