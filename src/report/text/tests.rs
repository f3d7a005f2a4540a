use super::*;
use crate::report::sample;
use crate::report::{Format, write as write_report};

fn text(report: &Report, options: &Options) -> String {
    let mut out = Vec::new();
    write_report(Format::Text, report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn whole_report() {
    let (report, options) = sample::report();
    let text = text(&report, &options);
    sample::snapshot("text", &text);
}

#[test]
fn fits_eighty_columns_but_for_lines_to_copy() {
    let (report, options) = sample::report();
    for line in text(&report, &options).lines() {
        let copied = line.trim_start().starts_with("filter ") || !line.trim().contains(' ');
        // A single word longer than the line stays whole.
        let longest = line
            .split(' ')
            .map(|w| w.chars().count())
            .max()
            .unwrap_or(0);
        assert!(
            line.chars().count() <= 80 || copied || longest > 60,
            "{line}"
        );
    }
}

#[test]
fn plain_output_holds_nothing_a_terminal_obeys() {
    let (report, options) = sample::report();
    assert!(
        !text(&report, &options)
            .chars()
            .any(|c| c != '\n' && safe::is_obeyed(c))
    );
    let ascii = text(
        &report,
        &Options {
            ascii: true,
            ..options
        },
    );
    assert!(ascii.is_ascii());
}

#[test]
fn colour_adds_only_colour() {
    let (report, options) = sample::report();
    let plain = text(&report, &options);
    let mut coloured = text(
        &report,
        &Options {
            color: true,
            ..options
        },
    );
    for code in ["[0m", "[1m", "[2m", "[32m", "[33m", "[1;31m"] {
        coloured = coloured.replace(&format!("\u{1b}{code}"), "");
    }
    assert_eq!(coloured, plain);
}

#[test]
fn an_empty_capture_says_what_was_looked_at() {
    let (mut report, options) = sample::report();
    report.findings.clear();
    report.alerts.clear();
    sample::snapshot("text_empty", &text(&report, &options));
}

/// Word by word, as one would do it by hand.
fn wrapped_word_by_word(text: &str, first: usize, then: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line: Option<String> = None;
    for word in text.split(' ') {
        let room = if lines.is_empty() { first } else { then };
        let columns = |text: &str| text.chars().count();
        line = Some(match line.take().filter(|line| !line.is_empty()) {
            Some(line) if columns(&line) + 1 + columns(word) > room => {
                lines.push(line);
                word.to_owned()
            }
            Some(line) => format!("{line} {word}"),
            None => word.to_owned(),
        });
    }
    lines.extend(line);
    lines
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    #[test]
    fn lines_break_where_the_next_word_does_not_fit(text in "[aé ]{0,60}", first in 0..12_usize, then in 1..12_usize) {
        let lines: Vec<&str> = wrap(&text, first, then).collect();
        assert_eq!(lines, wrapped_word_by_word(&text, first, then));
    }
}
