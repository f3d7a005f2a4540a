//! Text in columns. Everything that reaches a cell of the screen has come through here, so nothing from the
//! network is obeyed by the terminal.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::report::safe;

/// Columns that text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Harmless text of at most `room` columns; what is longer ends in an ellipsis.
pub(super) fn cut(text: &str, room: usize) -> String {
    let shown = safe::visible(text);
    if shown.width() <= room {
        return shown.into_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in shown.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns + 1 > room {
            break;
        }
        used += columns;
        kept.push(c);
    }
    if room > 0 {
        kept.push('…');
    }
    kept
}

/// Harmless text of exactly `room` columns.
pub(super) fn fit(text: &str, room: usize) -> String {
    let mut shown = cut(text, room);
    let missing = room.saturating_sub(shown.width());
    shown.extend(std::iter::repeat_n(' ', missing));
    shown
}

/// The same, at the right edge.
pub(super) fn fit_right(text: &str, room: usize) -> String {
    let shown = cut(text, room);
    let missing = room.saturating_sub(shown.width());
    format!("{}{shown}", " ".repeat(missing))
}

/// Harmless lines of at most `room` columns, broken at spaces; a longer word is broken where it must be.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let shown: Cow<'_, str> = safe::visible(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in shown.split(' ') {
        let columns = word.width();
        if used > 0 && used + 1 + columns > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        if columns <= room {
            line.push_str(word);
            used += columns;
            continue;
        }
        for c in word.chars() {
            let columns = c.width().unwrap_or(0);
            if used + columns > room {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += columns;
        }
    }
    lines.push(line);
    lines
}

/// `1 contact`, `2 contacts`.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_the_width_asked_for() {
        assert_eq!(fit("lencr.org", 12), "lencr.org   ");
        assert_eq!(fit("lencr.org", 6), "lencr…");
        assert_eq!(fit_right("9 ms", 6), "  9 ms");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("a", 0), "");
        assert_eq!(cut("\u{1b}[2J", 20), "\\u{1b}[2J");
    }

    #[test]
    fn long_words_are_broken_and_others_are_not() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("0123456789 ab", 4), ["0123", "4567", "89", "ab"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
