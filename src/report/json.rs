//! JSON: one record a line, or one document. Written record by record, so size costs no memory.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::finding::{Finding, Report};
use crate::report::clock::rfc3339;
use crate::report::summary::Summary;
use crate::report::view::facts::{self, OutageView, PrivacyView, ServerView};
use crate::report::view::{self, Record};
use crate::report::words::Word;
use crate::report::{Options, prose, safe};
use crate::time::Timestamp;

/// Name and version of the document.
pub const SCHEMA: &str = "whylencr.report/1";

/// Room for the record of a finding; few take more.
const USUAL_LENGTH: usize = 16 << 10;

/// One line for each finding.
///
/// # Errors
/// Only what the writer says.
pub fn write_lines(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    report
        .findings
        .iter()
        .try_for_each(|finding| write_line(finding, report, options, out))
}

/// One line for one finding; live output calls this as findings close.
///
/// # Errors
/// Only what the writer says.
pub fn write_line(
    finding: &Finding,
    report: &Report,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    value(&Record::new(finding, report, options), out)?;
    out.write_all(b"\n")
}

/// The whole report as one document.
///
/// # Errors
/// Only what the writer says.
pub fn write_document(
    report: &Report,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let head = Head::new(report);
    // The document is put together by hand around its records so that they can be written one by one.
    out.write_all(b"{\"schema\":")?;
    value(&SCHEMA, out)?;
    out.write_all(b",\"tool\":")?;
    value(
        &Tool {
            name: "whylencr",
            version: &options.tool_version,
        },
        out,
    )?;
    out.write_all(b",\"generated_at\":")?;
    value(&options.generated_at.map(rfc3339), out)?;
    out.write_all(b",\"sources\":")?;
    value(&options.sources, out)?;
    out.write_all(b",\"summary\":")?;
    value(&head, out)?;
    out.write_all(b",\"alerts\":")?;
    value(
        &report.alerts.iter().map(view::alert).collect::<Vec<_>>(),
        out,
    )?;
    out.write_all(b",\"findings\":[")?;
    for (n, finding) in report.findings.iter().enumerate() {
        out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
        value(&Record::new(finding, report, options), out)?;
    }
    out.write_all(b"\n]}\n")
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'static str,
    version: &'a str,
}

#[derive(Serialize)]
struct Head<'a> {
    first_frame_at: Option<String>,
    last_frame_at: Option<String>,
    frames: u64,
    bytes: u64,
    handshakes: u64,
    findings: u64,
    kinds: BTreeMap<&'static str, u64>,
    outcomes: BTreeMap<&'static str, u64>,
    confidences: BTreeMap<&'static str, u64>,
    alerts: BTreeMap<&'static str, u64>,
    notes: Vec<String>,
    outages: Vec<OutageView<'a>>,
    servers: Vec<ServerView<'a>>,
    given_away: PrivacyView<'a>,
}

impl<'a> Head<'a> {
    fn new(report: &'a Report) -> Self {
        let summary = Summary::of(report);
        let coverage = &report.coverage;
        let at =
            |pick: fn((Timestamp, Timestamp)) -> Timestamp| coverage.span.map(pick).map(rfc3339);
        Self {
            first_frame_at: at(|s| s.0),
            last_frame_at: at(|s| s.1),
            frames: coverage.frames,
            bytes: coverage.bytes,
            handshakes: coverage.handshakes,
            findings: report.findings.len() as u64,
            kinds: summary.kinds.iter().map(|(k, n)| (k.word(), *n)).collect(),
            outcomes: summary
                .outcomes
                .iter()
                .map(|(o, n)| (o.word(), *n))
                .collect(),
            confidences: summary
                .confidences
                .iter()
                .map(|(c, n)| (c.0.word(), *n))
                .collect(),
            alerts: summary
                .alerts
                .iter()
                .map(|(s, n)| (s.0.word(), *n))
                .collect(),
            notes: prose::coverage(coverage),
            outages: report.outages.iter().map(facts::outage).collect(),
            servers: report.servers.iter().map(facts::server).collect(),
            given_away: facts::privacy(&report.privacy),
        }
    }
}

/// JSON that is also safe to show on a terminal: marks that a terminal obeys are written as escapes, which
/// changes nothing for a program that reads them.
fn value(value: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    // A value is written in hundreds of pieces of a few bytes each, which are cheaper put together than handed on.
    let mut text = Vec::with_capacity(USUAL_LENGTH);
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Shown(CompactFormatter));
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    out.write_all(&text)
}

struct Shown(CompactFormatter);

impl Formatter for Shown {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if safe::is_plain(fragment) {
            return self.0.write_string_fragment(writer, fragment);
        }
        let mut start = 0;
        for (place, c) in fragment.char_indices() {
            if safe::is_obeyed(c) {
                writer.write_all(fragment.as_bytes().get(start..place).unwrap_or_default())?;
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                start = place + c.len_utf8();
            }
        }
        self.0
            .write_string_fragment(writer, fragment.get(start..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
