//! The report for a terminal: readable on 80 columns, status by word before colour.

use std::fmt::Write as _;
use std::io;

use crate::finding::{Candidate, Cause, Confidence, Finding, Outcome, Report, Severity};
use crate::frame::FrameNo;
use crate::report::clock::Clock;
use crate::report::group::{Group, Key, groups, trigger as trigger_of};
use crate::report::summary::Summary;
use crate::report::words::Word;
use crate::report::{Options, prose, safe, view};

/// Writes the whole report.
///
/// # Errors
/// Only what the writer says.
pub fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page {
        out,
        color: options.color,
        ascii: options.ascii,
        width: options.width.max(40),
    };
    let clock = options.clock(report);
    head(&mut page, report, options, &clock)?;
    for group in groups(report, options.group) {
        section(&mut page, &group, report, options, &clock)?;
    }
    servers(&mut page, report)?;
    privacy(&mut page, report)?;
    tail(&mut page, report)?;
    if options.verbose {
        page.blank()?;
        page.rule("About lencr.org")?;
        page.wrapped(&["  "], Style::Plain, prose::about())?;
    }
    Ok(())
}

fn head(page: &mut Page<'_>, report: &Report, options: &Options, clock: &Clock) -> io::Result<()> {
    let coverage = &report.coverage;
    let sources: Vec<String> = options
        .sources
        .iter()
        .map(|s| safe::line(s).into_owned())
        .collect();
    let sources = if sources.is_empty() {
        String::new()
    } else {
        format!(": {}", sources.join(", "))
    };
    page.wrapped(
        &[],
        Style::Strong,
        &format!("whylencr {}{sources}", options.tool_version),
    )?;
    if let Some((first, last)) = coverage.span {
        page.wrapped(
            &[],
            Style::Plain,
            &format!(
                "{} to {} ({})",
                clock.show(first),
                clock.show(last),
                last.since(first)
            ),
        )?;
    }
    page.wrapped(
        &[],
        Style::Plain,
        &format!(
            "{} frames, {} handshakes ({} certificates readable)",
            coverage.frames,
            coverage.handshakes,
            coverage.handshakes_clear + coverage.handshakes_keys
        ),
    )?;
    page.blank()?;
    if report.findings.is_empty() {
        page.wrapped(&[], Style::Strong, &prose::nothing_found(coverage))?;
        return Ok(());
    }
    for (label, text) in prose::summary(&Summary::of(report)) {
        page.row(label, &text)?;
    }
    for alert in &report.alerts {
        page.alert(alert)?;
    }
    for outage in &report.outages {
        for line in prose::outage(outage, clock) {
            page.wrapped(&["  - "], Style::Plain, &line)?;
        }
    }
    Ok(())
}

fn section(
    page: &mut Page<'_>,
    group: &Group<'_>,
    report: &Report,
    options: &Options,
    clock: &Clock,
) -> io::Result<()> {
    page.blank()?;
    let n = group.findings.len();
    let contacts = if n == 1 {
        "1 contact".to_owned()
    } else {
        format!("{n} contacts")
    };
    page.rule(&format!("{} ({contacts})", prose::group_title(&group.key)))?;
    let mut before: Option<&Finding> = None;
    for finding in &group.findings {
        match before {
            Some(before) if !options.verbose && alike(before, finding) => {
                again(page, before, finding)?;
            }
            _ => one(page, finding, report, options, clock)?,
        }
        before = Some(finding);
    }
    if let Key::Site(_) = group.key {
        trigger(page, group, report, clock)?;
    }
    Ok(())
}

fn one(
    page: &mut Page<'_>,
    finding: &Finding,
    report: &Report,
    options: &Options,
    clock: &Clock,
) -> io::Result<()> {
    page.blank()?;
    let (status, style) = status(finding);
    page.labelled(
        &format!("[{}]", finding.id.0),
        status,
        style,
        &prose::headline(finding),
    )?;
    let what = match (&finding.method, &finding.url) {
        (Some(method), Some(url)) => format!("  {} {}", safe::capped(method, 20), safe::line(url)),
        _ => String::new(),
    };
    page.indented(Style::Dim, &format!("{}{what}", clock.show(finding.at)))?;
    page.indented(Style::Plain, &prose::why(finding, report))?;
    let timing = prose::timing(finding);
    if !timing.is_empty() {
        page.item("time", Style::Plain, &timing)?;
    }
    for candidate in finding
        .candidates
        .iter()
        .take(if options.verbose { usize::MAX } else { 4 })
    {
        evidence(page, candidate, finding)?;
    }
    let shown = if options.verbose { usize::MAX } else { 4 };
    let more = finding.candidates.len().saturating_sub(shown) as u64;
    match more + finding.left_out.candidates {
        0 => {}
        more => page.item("and", Style::Plain, &format!("{more} more like these"))?,
    }
    rejected(page, finding, options)?;
    for alert in &finding.alerts {
        page.alert(alert)?;
    }
    if let Some(advice) = prose::advice(finding) {
        page.item("do", Style::Plain, &advice)?;
    }
    if let Some(filter) = view::filter(finding) {
        page.unbroken("filter", &filter)?;
    }
    Ok(())
}

fn evidence(page: &mut Page<'_>, candidate: &Candidate, finding: &Finding) -> io::Result<()> {
    for evidence in &candidate.evidence {
        let sentence = prose::evidence(evidence, candidate, finding);
        let sentence = with_frames(sentence, &evidence.frames);
        page.item(prose::side(evidence.bearing), Style::Plain, &sentence)?;
    }
    Ok(())
}

fn rejected(page: &mut Page<'_>, finding: &Finding, options: &Options) -> io::Result<()> {
    let shown = if options.verbose { usize::MAX } else { 3 };
    for candidate in finding.rejected.iter().take(shown) {
        if options.verbose {
            evidence(page, candidate, finding)?;
        } else {
            page.item("not", Style::Dim, &prose::rejection(candidate, finding))?;
        }
    }
    let more = finding.rejected.len().saturating_sub(shown) as u64;
    match more + finding.left_out.rejected {
        0 => Ok(()),
        more => page.item("not", Style::Dim, &format!("{more} more that fit less.")),
    }
}

/// Browsers often ask the same twice at once. The second stays a finding, in one line.
fn alike(a: &Finding, b: &Finding) -> bool {
    a.kind == b.kind
        && a.stage == b.stage
        && a.url == b.url
        && a.host == b.host
        && a.client.ip == b.client.ip
        && a.asked.serials == b.asked.serials
        && a.answer.http_status == b.answer.http_status
        && a.answer.failure == b.answer.failure
        && a.verdict.confidence == b.verdict.confidence
        && a.verdict.cause == b.verdict.cause
        && a.verdict.site == b.verdict.site
        && a.alerts.is_empty()
        && b.alerts.is_empty()
}

fn again(page: &mut Page<'_>, before: &Finding, finding: &Finding) -> io::Result<()> {
    page.blank()?;
    let (status, style) = status(finding);
    let own = &finding.frames;
    let all: Vec<FrameNo> = own
        .connect
        .iter()
        .chain(&own.request)
        .chain(&own.response)
        .copied()
        .collect();
    let text = format!("The same once more, {} later", finding.at.since(before.at));
    let text = with_frames(text, &all);
    page.labelled(&format!("[{}]", finding.id.0), status, style, &text)
}

/// What is known of the trigger, once a site.
fn trigger(
    page: &mut Page<'_>,
    group: &Group<'_>,
    report: &Report,
    clock: &Clock,
) -> io::Result<()> {
    let mut known = group.findings.iter().filter_map(|f| trigger_of(f, report));
    let Some(first) = known.next() else {
        return Ok(());
    };
    page.blank()?;
    page.item(
        "trigger",
        Style::Plain,
        &format!("{}.", prose::connection(first)),
    )?;
    // The first handshake may hide what a later one shows.
    let shown = std::iter::once(first)
        .chain(known)
        .find_map(|h| Some((h.chain.first()?, h.hello_at)));
    if let Some((certificate, at)) = shown {
        page.item(
            "shown",
            Style::Plain,
            &format!("{}.", prose::certificate(certificate, at)),
        )?;
        page.item("", Style::Dim, &prose::crtsh(&certificate.serial))?;
    }
    if let Some(dossier) = report.dossier(first.id) {
        for (label, line) in prose::dossier(dossier, clock) {
            // A full stop would become part of a link.
            let stop = if label == "crt.sh" { "" } else { "." };
            page.item(label, Style::Plain, &format!("{line}{stop}"))?;
        }
    }
    Ok(())
}

/// What is wrong with servers' certificates, what it costs, what mends it.
fn servers(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    const SHOWN: usize = 20;
    let ill = || report.servers.iter().filter(|s| !s.problems.is_empty());
    let count = ill().count();
    if count == 0 {
        return Ok(());
    }
    page.blank()?;
    page.rule("Servers with something to mend")?;
    for server in ill().take(SHOWN) {
        page.blank()?;
        let title = format!("{} at {}", safe::capped(&server.site, 80), server.server);
        page.wrapped(&["  "], Style::Strong, &title)?;
        for problem in &server.problems {
            let text = with_frames(prose::problem(problem), &problem.frames);
            page.item("wrong", Style::Warn, &text)?;
            page.item("mend", Style::Plain, prose::remedy(problem))?;
        }
        if let Some(cost) = prose::cost(server) {
            page.item("cost", Style::Plain, &cost)?;
        }
        page.item(
            "staple",
            Style::Dim,
            &format!("{}.", prose::stapling(server)),
        )?;
    }
    match count.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => page.wrapped(
            &["  "],
            Style::Dim,
            &format!("{more} more are in the JSON report."),
        ),
    }
}

fn privacy(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let lines = prose::privacy(&report.privacy);
    if lines.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.rule("What anyone on this path could read")?;
    lines
        .iter()
        .try_for_each(|line| page.wrapped(&["  - "], Style::Plain, line))
}

fn tail(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let notes = prose::coverage(&report.coverage);
    if notes.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.rule("What this capture cannot show")?;
    notes
        .iter()
        .try_for_each(|note| page.wrapped(&["  - "], Style::Plain, note))
}

fn status(finding: &Finding) -> (&'static str, Style) {
    let style = match (
        finding.verdict.cause,
        finding.verdict.outcome,
        finding.verdict.confidence,
    ) {
        (Cause::Disguise, _, _) => Style::Bad,
        (_, Outcome::Unexplained, _) | (_, _, Confidence::Likely | Confidence::Possible) => {
            Style::Warn
        }
        (_, _, Confidence::Proven | Confidence::Strong) => Style::Good,
    };
    (prose::standing(finding), style)
}

/// A sentence with the frames that it rests on behind it.
fn with_frames(mut sentence: String, frames: &[FrameNo]) -> String {
    const SHOWN: usize = 8;
    for (n, frame) in frames.iter().take(SHOWN).enumerate() {
        let lead = if n == 0 { " (" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(sentence, "{lead}#{frame}");
    }
    match frames.len() {
        0 => {}
        1..=SHOWN => sentence.push(')'),
        _ => sentence.push_str(", ...)"),
    }
    sentence
}

#[derive(Clone, Copy)]
enum Style {
    Plain,
    Strong,
    Dim,
    Good,
    Warn,
    Bad,
}

/// The one way to the writer: everything passes through [`safe`] here, colours are added after it.
struct Page<'a> {
    out: &'a mut dyn io::Write,
    color: bool,
    ascii: bool,
    width: usize,
}

const INDENT: &str = "    ";
/// Columns of the labels inside a finding.
const LABEL: usize = 9;

impl Page<'_> {
    fn blank(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    fn rule(&mut self, title: &str) -> io::Result<()> {
        let used = title.chars().count() + 4;
        let dashes = "-".repeat(self.width.saturating_sub(used).max(2));
        self.put(Style::Strong, &format!("-- {title} {dashes}"))?;
        self.blank()
    }

    fn row(&mut self, label: &str, text: &str) -> io::Result<()> {
        const ROW: usize = 11;
        self.wrapped(
            &[label, blanks(ROW - label.len().min(ROW))],
            Style::Plain,
            text,
        )
    }

    fn labelled(&mut self, number: &str, status: &str, style: Style, text: &str) -> io::Result<()> {
        let lead = number.chars().count() + status.len() + 3;
        self.put(Style::Plain, number)?;
        self.put(Style::Plain, " ")?;
        self.put(style, status)?;
        self.put(Style::Plain, "  ")?;
        let lines = wrap(
            text,
            self.width.saturating_sub(lead),
            self.width - INDENT.len(),
        );
        for (n, line) in lines.enumerate() {
            if n > 0 {
                self.put(Style::Plain, INDENT)?;
            }
            self.put(Style::Strong, line)?;
            self.blank()?;
        }
        Ok(())
    }

    fn indented(&mut self, style: Style, text: &str) -> io::Result<()> {
        self.wrapped(&[INDENT], style, text)
    }

    fn item(&mut self, label: &str, style: Style, text: &str) -> io::Result<()> {
        let pad = blanks(LABEL - label.len().min(LABEL));
        self.wrapped(&[INDENT, label, pad], style, text)
    }

    /// A line to copy, which must not be wrapped.
    fn unbroken(&mut self, label: &str, text: &str) -> io::Result<()> {
        self.put(Style::Plain, &format!("{INDENT}{label:<LABEL$}{text}"))?;
        self.blank()
    }

    fn alert(&mut self, alert: &crate::finding::Alert) -> io::Result<()> {
        let style = match alert.severity {
            Severity::High => Style::Bad,
            Severity::Medium | Severity::Low => Style::Warn,
            Severity::Info => Style::Plain,
        };
        let text = format!("{} alert: {}", alert.severity.word(), prose::alert(alert));
        let text = with_frames(text, &alert.frames);
        self.item("!", style, &text)?;
        self.item("", Style::Dim, prose::benign(alert))
    }

    /// Lines of text, the first one behind `lead`, the others below its text.
    fn wrapped(&mut self, lead: &[&str], style: Style, text: &str) -> io::Result<()> {
        let columns = lead.iter().map(|part| part.len()).sum();
        let room = self.width.saturating_sub(columns);
        for (n, line) in wrap(text, room, room).enumerate() {
            let below = [blanks(columns)];
            for part in if n == 0 { lead } else { &below } {
                self.put(Style::Plain, part)?;
            }
            self.put(style, line)?;
            self.blank()?;
        }
        Ok(())
    }

    fn put(&mut self, style: Style, text: &str) -> io::Result<()> {
        let shown = safe::visible(text);
        let shown = if self.ascii {
            safe::ascii(&shown)
        } else {
            shown
        };
        let code = match style {
            _ if !self.color => "",
            Style::Plain => "",
            Style::Strong => "\u{1b}[1m",
            Style::Dim => "\u{1b}[2m",
            Style::Good => "\u{1b}[32m",
            Style::Warn => "\u{1b}[33m",
            Style::Bad => "\u{1b}[1;31m",
        };
        if code.is_empty() {
            self.out.write_all(shown.as_bytes())
        } else {
            write!(self.out, "{code}{shown}\u{1b}[0m")
        }
    }
}

/// So many spaces, 16 at most.
fn blanks(columns: usize) -> &'static str {
    const BLANKS: &str = "                ";
    BLANKS.get(..columns).unwrap_or(BLANKS)
}

/// Lines of at most so many characters, the first and those below it, broken at spaces; words that are longer
/// stay whole so that they can be copied.
fn wrap(text: &str, first: usize, then: usize) -> impl Iterator<Item = &str> {
    let (mut rest, mut room) = (Some(text), first);
    std::iter::from_fn(move || {
        // Spaces at the start of a line are left out.
        let line = rest?.trim_start_matches(' ');
        let fits = std::mem::replace(&mut room, then);
        let bytes = line.as_bytes();
        let end = behind(line, fits).and_then(|behind| {
            let within = bytes
                .iter()
                .take(behind + 1)
                .rposition(|byte| *byte == b' ');
            within.or_else(|| {
                Some(behind + bytes.iter().skip(behind).position(|byte| *byte == b' ')?)
            })
        });
        let Some(end) = end else {
            rest = None;
            return Some(line);
        };
        let (line, more) = line.split_at_checked(end)?;
        rest = more.get(1..);
        Some(line)
    })
}

/// The offset of the first character behind so many; None where there are no more.
fn behind(text: &str, characters: usize) -> Option<usize> {
    // Of a character in UTF-8 only the first byte is none of 10xxxxxx, so that there are as many characters
    // as bytes at most.
    match text.as_bytes().get(..=characters)? {
        ascii if ascii.is_ascii() => Some(characters),
        _ => Some(text.char_indices().nth(characters)?.0),
    }
}

#[cfg(test)]
mod tests;
