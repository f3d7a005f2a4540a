//! Text in paragraphs, and how it becomes lines.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::app::App;
use crate::tui::text;

/// A paragraph.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// A heading.
    Title(String),
    /// Running text.
    Text(Style, String),
    /// A sign or word, then text that hangs beside it.
    Item {
        lead: String,
        lead_style: Style,
        text: String,
        style: Style,
    },
    /// A name and a value.
    Field(&'static str, String),
    Blank,
}

/// Columns of a field's name.
const NAME: usize = 12;

pub(super) fn item(lead: &str, lead_style: Style, text: impl Into<String>) -> Block {
    Block::Item {
        lead: lead.to_owned(),
        lead_style,
        text: text.into(),
        style: Style::new(),
    }
}

/// Lines of at most `room` columns.
pub(super) fn lines(blocks: &[Block], room: usize, app: &App) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let mut lines = Vec::new();
    for block in blocks {
        match block {
            Block::Blank => lines.push(Line::default()),
            Block::Title(title) => lines.push(Line::from(Span::styled(
                text::cut(title, room),
                theme.accent,
            ))),
            Block::Text(style, words) => {
                lines.extend(
                    text::wrap(words, room)
                        .into_iter()
                        .map(|l| Line::from(Span::styled(l, *style))),
                );
            }
            Block::Item {
                lead,
                lead_style,
                text: words,
                style,
            } => {
                hang(
                    &mut lines,
                    (lead, *lead_style),
                    (words, *style),
                    indent(lead, room),
                    room,
                );
            }
            Block::Field(name, value) => {
                hang(
                    &mut lines,
                    (name, theme.dim),
                    (value, theme.text),
                    NAME,
                    room,
                );
            }
        }
    }
    lines
}

/// Words before texts stand in one column where there is room for one; signs alone need none.
fn indent(lead: &str, room: usize) -> usize {
    let own = text::width(lead) + 1;
    if own > 2 && room >= 56 {
        own.max(10)
    } else {
        own
    }
}

fn hang(
    lines: &mut Vec<Line<'static>>,
    (lead, lead_style): (&str, Style),
    (words, style): (&str, Style),
    indent: usize,
    room: usize,
) {
    // In a very narrow pane the text goes below its name.
    let indent = if room < indent + 12 { 2 } else { indent };
    let wrapped = text::wrap(words, room.saturating_sub(indent));
    for (n, line) in wrapped.into_iter().enumerate() {
        let before = if n == 0 {
            text::fit(lead, indent)
        } else {
            " ".repeat(indent)
        };
        lines.push(Line::from(vec![
            Span::styled(before, lead_style),
            Span::styled(line, style),
        ]));
    }
}
