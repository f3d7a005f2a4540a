//! Markdown for tickets: a table to skim, then each finding with its evidence.

use std::collections::HashSet;
use std::io;

use crate::finding::{Alert, Finding, HandshakeId, Report};
use crate::frame::FrameNo;
use crate::report::clock::{Clock, rfc3339};
use crate::report::safe::{line, markdown, markdown_code};
use crate::report::summary::Summary;
use crate::report::words::Word;
use crate::report::{Options, group, prose, view};

/// Writes the whole report.
///
/// # Errors
/// Only what the writer says.
pub fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let clock = options.clock(report);
    head(report, options, &clock, out)?;
    let mut told = HashSet::new();
    for finding in &report.findings {
        one(finding, report, &clock, &mut told, out)?;
    }
    servers(report, out)?;
    let given_away = prose::privacy(&report.privacy);
    if !given_away.is_empty() {
        writeln!(out, "\n## What anyone on this path could read\n")?;
        given_away
            .iter()
            .try_for_each(|line| writeln!(out, "- {}", markdown(line)))?;
    }
    let notes = prose::coverage(&report.coverage);
    if !notes.is_empty() {
        writeln!(out, "\n## What this capture cannot show\n")?;
        notes
            .iter()
            .try_for_each(|note| writeln!(out, "- {}", markdown(note)))?;
    }
    write!(
        out,
        "\nMade by whylencr {}",
        markdown(&options.tool_version)
    )?;
    match options.generated_at {
        Some(at) => writeln!(out, " at {}.", rfc3339(at)),
        None => writeln!(out, "."),
    }
}

fn head(
    report: &Report,
    options: &Options,
    clock: &Clock,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let sources: Vec<String> = options.sources.iter().map(|s| markdown_code(s)).collect();
    let sources = if sources.is_empty() {
        "this capture".to_owned()
    } else {
        sources.join(", ")
    };
    writeln!(out, "# Contacts with lencr.org in {sources}\n")?;
    if let Some((first, last)) = report.coverage.span {
        writeln!(
            out,
            "{} to {} ({}).",
            clock.show(first),
            clock.show(last),
            last.since(first)
        )?;
    }
    if report.findings.is_empty() {
        return writeln!(
            out,
            "\n{}",
            markdown(&prose::nothing_found(&report.coverage))
        );
    }
    writeln!(out)?;
    for (label, text) in prose::summary(&Summary::of(report)) {
        writeln!(out, "- {label}: {text}")?;
    }
    for alert in &report.alerts {
        write_alert(alert, out)?;
    }
    for outage in &report.outages {
        for line in prose::outage(outage, clock) {
            writeln!(out, "- {}", markdown(&line))?;
        }
    }
    writeln!(out, "\n| # | Time | Verdict | What happened | Alerts |")?;
    writeln!(out, "|--:|---|---|---|---|")?;
    for finding in &report.findings {
        let alerts: Vec<&str> = finding.alerts.iter().map(|a| a.rule).collect();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            finding.id.0,
            clock.brief(finding.at),
            prose::standing(finding),
            markdown(&prose::headline(finding)),
            alerts.join(", ")
        )?;
    }
    Ok(())
}

fn one(
    finding: &Finding,
    report: &Report,
    clock: &Clock,
    told: &mut HashSet<HandshakeId>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(
        out,
        "\n## {}. {}\n",
        finding.id.0,
        markdown(&prose::headline(finding))
    )?;
    writeln!(
        out,
        "**{}.** {}\n",
        prose::standing(finding),
        markdown(&prose::why(finding, report))
    )?;
    writeln!(out, "- Time: {}", clock.show(finding.at))?;
    writeln!(
        out,
        "- Client: {}",
        markdown(&prose::client(finding, report))
    )?;
    if let (Some(method), Some(url)) = (&finding.method, &finding.url) {
        writeln!(
            out,
            "- Request: {}",
            markdown_code(&format!("{} {}", line(method), line(url)))
        )?;
    }
    let timing = prose::timing(finding);
    if !timing.is_empty() {
        writeln!(out, "- Waits: {timing}")?;
    }
    for candidate in &finding.candidates {
        for evidence in &candidate.evidence {
            let side = prose::capital(prose::side(evidence.bearing));
            let text = markdown(&prose::evidence(evidence, candidate, finding));
            writeln!(out, "- {side}: {text}{}", frames(&evidence.frames))?;
        }
    }
    for candidate in finding.rejected.iter().take(5) {
        writeln!(
            out,
            "- Not: {}",
            markdown(&prose::rejection(candidate, finding))
        )?;
    }
    for alert in &finding.alerts {
        write_alert(alert, out)?;
    }
    if let Some(advice) = prose::advice(finding) {
        writeln!(out, "- To do: {}", markdown(&advice))?;
    }
    let handshake = group::trigger(finding, report);
    if let Some((handshake, leaf)) = handshake.and_then(|h| Some((h, h.chain.first()?))) {
        writeln!(
            out,
            "- Certificate: {}",
            markdown(&prose::certificate(leaf, handshake.hello_at))
        )?;
        writeln!(
            out,
            "- Certificate Transparency: <{}>",
            prose::crtsh(&leaf.serial)
        )?;
    }
    let unseen = handshake.filter(|h| told.insert(h.id));
    if let Some(dossier) = unseen.and_then(|h| report.dossier(h.id)) {
        for (label, line) in prose::dossier(dossier, clock) {
            writeln!(out, "- {}: {}", prose::capital(label), markdown(&line))?;
        }
    }
    if let Some(filter) = view::filter(finding) {
        writeln!(out, "\n```\n{filter}\n```")?;
    }
    Ok(())
}

fn servers(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let ill = || report.servers.iter().filter(|s| !s.problems.is_empty());
    if ill().next().is_none() {
        return Ok(());
    }
    writeln!(out, "\n## Servers with something to mend\n")?;
    for server in ill().take(50) {
        writeln!(
            out,
            "- **{}** at {}",
            markdown(&line(&server.site)),
            server.server
        )?;
        for problem in &server.problems {
            let (text, remedy) = (prose::problem(problem), prose::remedy(problem));
            let frames = frames(&problem.frames);
            writeln!(out, "  - {}{frames} {remedy}", markdown(&text))?;
        }
        if let Some(cost) = prose::cost(server) {
            writeln!(out, "  - {cost}")?;
        }
    }
    Ok(())
}

fn write_alert(alert: &Alert, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "- **Alert, {}** ({}): {}{} {}",
        alert.severity.word(),
        alert.rule,
        markdown(&prose::alert(alert)),
        frames(&alert.frames),
        markdown(prose::benign(alert)),
    )
}

/// Frame numbers without "#": trackers would link them to issues.
fn frames(frames: &[FrameNo]) -> String {
    match frames {
        [] => String::new(),
        [one] => format!(" (frame {one})"),
        many => {
            let list: Vec<String> = many.iter().take(8).map(ToString::to_string).collect();
            format!(
                " (frames {}{})",
                list.join(", "),
                if many.len() > 8 { ", ..." } else { "" }
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn whole_report() {
        let (report, options) = sample::report();
        let mut out = Vec::new();
        write(&report, &options, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        // Code spans may hold anything.
        for outside in text.lines().filter(|l| !l.starts_with("- Request: ")) {
            let active = ["<script", "@all", "](", "http://"]
                .iter()
                .find(|a| outside.replace("\\]", "").contains(**a));
            assert!(active.is_none(), "{active:?} in {outside}");
        }
        sample::snapshot("markdown", &text);
    }
}
