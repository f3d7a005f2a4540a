//! CSV for spreadsheets and quick queries: one row a finding, columns as documented in `docs/report-record.md`.

use std::io;

use crate::finding::{Finding, Report};
use crate::report::view::Record;
use crate::report::{Options, safe};

/// Columns in order. New ones are added at the end.
pub const COLUMNS: [&str; 36] = [
    "id",
    "revision",
    "at",
    "kind",
    "stage",
    "outcome",
    "cause",
    "confidence",
    "site",
    "under",
    "candidates",
    "client_ip",
    "client_port",
    "device",
    "agent",
    "process",
    "server_ip",
    "server_port",
    "host",
    "method",
    "url",
    "serials",
    "issuer",
    "shard",
    "http_status",
    "answer",
    "signature",
    "lookup_ms",
    "connect_ms",
    "wait_ms",
    "delayed_handshake_ms",
    "alerts",
    "frames",
    "why",
    "community_id",
    "trigger_community_id",
];

/// Writes the whole report.
///
/// # Errors
/// Only what the writer says.
pub fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    // RFC 4180 line ends; quotes only where needed.
    let mut table = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    table.write_record(COLUMNS)?;
    for finding in &report.findings {
        table.write_record(row(finding, report, options))?;
    }
    table.flush()
}

fn row(finding: &Finding, report: &Report, options: &Options) -> [String; COLUMNS.len()] {
    let record = Record::new(finding, report, options);
    let word = |text: Option<&str>| safe::csv_cell(text.unwrap_or_default()).into_owned();
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let millis = |ms: Option<f64>| ms.map(|ms| ms.to_string()).unwrap_or_default();
    let mut sites: Vec<&str> = record
        .candidates
        .iter()
        .filter_map(|c| c.site.as_deref())
        .collect();
    sites.dedup();
    let alerts: Vec<String> = record
        .alerts
        .iter()
        .map(|a| format!("{}:{}", a.severity, a.rule))
        .collect();
    let parts = [
        &record.frames.dns,
        &record.frames.connect,
        &record.frames.request,
        &record.frames.response,
    ];
    let frames: Vec<String> = parts
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    [
        record.id.to_string(),
        record.revision.to_string(),
        record.at.clone(),
        record.kind.into(),
        record.stage.into(),
        record.verdict.outcome.into(),
        record.verdict.cause.into(),
        record.verdict.confidence.into(),
        word(record.verdict.site),
        word(record.verdict.under),
        word(Some(&sites.join("; "))),
        record.client.ip.clone(),
        number(record.client.port.map(u64::from)),
        word(Some(record.client.device)),
        word(record.client.agent),
        word(record.client.process.as_ref().map(|p| p.name)),
        record
            .server
            .as_ref()
            .map(|s| s.ip.clone())
            .unwrap_or_default(),
        number(record.server.as_ref().map(|s| u64::from(s.port))),
        word(Some(record.host)),
        word(record.method),
        word(record.url),
        record.asked.serials.join(" "),
        word(record.asked.issuer),
        number(record.asked.shard.map(u64::from)),
        number(record.answer.http_status.map(u64::from)),
        answer(&record).into(),
        record.answer.signature.into(),
        millis(record.timing.lookup_ms),
        millis(record.timing.connect_ms),
        millis(record.timing.wait_ms),
        millis(record.timing.delayed_handshake_ms),
        alerts.join(" "),
        frames.join(" "),
        word(Some(&record.why)),
        word(record.community_id.as_deref()),
        word(
            record
                .candidates
                .first()
                .and_then(|c| c.community_id.as_deref()),
        ),
    ]
}

/// The answer in one word: why there is none, the worst OCSP status, or what kind of object came.
fn answer(record: &Record<'_>) -> &'static str {
    let answer = &record.answer;
    if let Some(failure) = &answer.failure {
        return failure.kind;
    }
    if let Some(ocsp) = &answer.ocsp {
        let has = |status| ocsp.iter().any(|a| a.status == status);
        return ["revoked", "unknown", "good"]
            .into_iter()
            .find(|s| has(*s))
            .unwrap_or("ocsp-error");
    }
    match (&answer.crl, &answer.certificate, answer.http_status) {
        (Some(crl), _, _) if !crl.revoked_seen.is_empty() => "revoked",
        (Some(_), _, _) => "crl",
        (_, Some(_), _) => "certificate",
        (_, _, Some(304)) => "not-modified",
        (_, _, Some(_)) => "http",
        (None, None, None) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn table(report: &Report, options: &Options) -> String {
        let mut out = Vec::new();
        write(report, options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn whole_report() {
        let (report, options) = sample::report();
        sample::snapshot("csv", &table(&report, &options).replace("\r\n", "\n"));
    }

    #[test]
    fn no_cell_is_a_formula_or_moves_a_cursor() {
        let (report, options) = sample::report();
        let text = table(&report, &options);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut rows = 0;
        for row in reader.records() {
            let row = row.unwrap();
            assert_eq!(row.len(), COLUMNS.len());
            for cell in &row {
                assert!(
                    !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                    "{cell}"
                );
                assert!(!cell.chars().any(safe::is_obeyed), "{cell}");
            }
            rows += 1;
        }
        assert_eq!(rows, report.findings.len());
    }
}
