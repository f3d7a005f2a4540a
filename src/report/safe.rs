//! Makes text from the network harmless, one function for each medium.
//!
//! Host names, URLs, User-Agents and certificate fields are chosen by whoever sent them. Shown raw they could
//! move a terminal's cursor, reverse the reading order of a line, run as a formula in a spreadsheet or become
//! markup. Nothing is dropped silently: what cannot be shown is spelled out as `\u{1b}`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Longest run of network text inside a sentence or a cell, in characters.
pub const CAP: usize = 160;

/// One harmless line of at most [`CAP`] characters.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    capped(text, CAP)
}

/// One harmless line of at most `max` characters; what is longer ends in an ellipsis.
#[must_use]
pub fn capped(text: &str, max: usize) -> Cow<'_, str> {
    // A character takes a byte at least.
    let longer = text.len() > max;
    let end = longer.then(|| text.char_indices().nth(max)).flatten();
    match end {
        None => visible(text),
        Some((end, _)) => {
            let mut cut = visible(text.get(..end).unwrap_or_default()).into_owned();
            cut.push('…');
            Cow::Owned(cut)
        }
    }
}

/// Spells out what a terminal, an editor or a browser would obey rather than show.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) {
            spell(c, &mut shown);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether text is printable ASCII alone, as nearly all is.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    // Without early exit, so that many bytes are looked at together.
    let (chunks, rest) = text.as_bytes().as_chunks::<16>();
    let mut odd = [0_u8; 16];
    for chunk in chunks {
        for (odd, byte) in odd.iter_mut().zip(chunk) {
            *odd |= u8::from(!matches!(byte, b' '..=b'~'));
        }
    }
    let plain = |all, byte: &u8| all & matches!(byte, b' '..=b'~');
    odd == [0; 16] && rest.iter().fold(true, plain)
}

/// Whether a character acts on its surroundings instead of being seen: controls (C0, DEL, C1), line and
/// paragraph separators, bidirectional marks and isolates, zero-width and tag characters.
#[must_use]
pub const fn is_obeyed(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Text in ASCII alone, for terminals and logs that know no more. The few signs our own sentences use get
/// their usual stand-ins; anything else is spelled out.
#[must_use]
pub fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            'µ' => plain.push('u'),
            '…' => plain.push_str("..."),
            '“' | '”' => plain.push('"'),
            '’' => plain.push('\''),
            '–' => plain.push('-'),
            c if c.is_ascii() => plain.push(c),
            c => spell(c, &mut plain),
        }
    }
    Cow::Owned(plain)
}

/// A spreadsheet cell of text. Spreadsheets run cells that begin with `=`, `+`, `-`, `@`, tab or carriage
/// return as formulas; a leading apostrophe makes them text. The full-width forms count because East Asian
/// input settings fold them.
#[must_use]
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let shown = visible(text);
    if formula {
        Cow::Owned(format!("'{shown}"))
    } else {
        shown
    }
}

/// Text inside Markdown, without any markup of its own. Mentions and bare links are broken up too: a ticket
/// must not notify `@someone` or offer a link to a hostile host because a capture says so.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    let mut rest = visible(text).into_owned();
    for (bare, broken) in [("://", "\u{0}"), ("www.", "\u{1}"), ("WWW.", "\u{2}")] {
        if rest.contains(bare) {
            rest = rest.replace(bare, broken);
        }
    }
    for c in rest.chars() {
        match c {
            '\u{0}' => escaped.push_str("&#58;//"),
            '\u{1}' => escaped.push_str("www&#46;"),
            '\u{2}' => escaped.push_str("WWW&#46;"),
            '@' => escaped.push_str("&#64;"),
            '#' => escaped.push_str("&#35;"),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    // A block marker works only at the start of a line.
    if escaped.starts_with(['-', '+', '=']) {
        escaped.insert(0, '\\');
    }
    escaped
}

/// Text as a Markdown code span, which no markup inside can end.
#[must_use]
pub fn markdown_code(text: &str) -> String {
    // A pipe would end a table cell even inside code.
    let shown = line(text).replace('|', "\\|");
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if shown.is_empty() || longest > 0 {
        format!("{fence} {shown} {fence}")
    } else {
        format!("{fence}{shown}{fence}")
    }
}

fn spell(c: char, into: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(into, "\\u{{{:x}}}", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_direction_marks_are_spelled_out() {
        assert_eq!(line("\u{1b}[31mred\u{9b}2J"), "\\u{1b}[31mred\\u{9b}2J");
        assert_eq!(line("exe\u{202e}gpj"), "exe\\u{202e}gpj");
        assert_eq!(line("a\nb\tc"), "a\\u{a}b\\u{9}c");
        assert_eq!(
            line("zero\u{200b}width\u{2066}"),
            "zero\\u{200b}width\\u{2066}"
        );
        assert!(matches!(line("münchen.example"), Cow::Borrowed(_)));
    }

    #[test]
    fn one_byte_that_is_not_plain_is_found_at_every_place_of_every_length() {
        for len in 0..50 {
            assert!(is_plain(&"a".repeat(len)), "{len}");
            for at in 0..len {
                for odd in ["\u{1b}", "\u{7f}", "é"] {
                    let text = "~".repeat(at) + odd + &" ".repeat(len - at - 1);
                    assert!(!is_plain(&text), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn long_text_ends_in_an_ellipsis_at_a_character_boundary() {
        assert_eq!(capped("äöüß", 3), "äöü…");
        assert_eq!(capped("äöü", 3), "äöü");
        assert_eq!(capped("", 0), "");
    }

    #[test]
    fn formulas_become_text() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert!(csv_cell(cell).starts_with('\''), "{cell:?}");
        }
        assert_eq!(csv_cell("example.com"), "example.com");
    }

    #[test]
    fn markdown_keeps_nothing_active() {
        assert_eq!(
            markdown("[x](http://evil.example) <b> @team #12 a|b"),
            "\\[x\\](http&#58;//evil.example) &lt;b&gt; &#64;team &#35;12 a\\|b"
        );
        assert_eq!(markdown("- item"), "\\- item");
        assert_eq!(markdown("www.evil.example"), "www&#46;evil.example");
        // The stand-ins used inside cannot be smuggled in.
        assert_eq!(markdown("\0"), "\\\\u\\{0\\}");
    }

    #[test]
    fn code_spans_cannot_be_closed_from_inside() {
        assert_eq!(markdown_code("a"), "`a`");
        assert_eq!(markdown_code("a``b|c"), "``` a``b\\|c ```");
    }

    #[test]
    fn ascii_is_ascii() {
        assert_eq!(ascii("812 µs “good”…"), "812 us \"good\"...");
        assert_eq!(ascii("é"), "\\u{e9}");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_gets_through_alive(text in proptest::prelude::any::<String>(), max in 0..50_usize) {
            let alive = |shown: &str| shown.chars().any(is_obeyed);
            assert!(!alive(&line(&text)) && !alive(&markdown(&text)) && !alive(&markdown_code(&text)));
            assert!(!csv_cell(&text).starts_with(['=', '+', '-', '@', '\t', '\r']));
            assert!(visible(&text).len() >= text.len());
            assert!(capped(&text, max).chars().filter(|c| *c == '…').count() <= max + 1);
            assert!(ascii(&text).is_ascii());
            assert_eq!(visible(&visible(&text)), visible(&text));
        }
    }
}
