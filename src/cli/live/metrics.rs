//! Counters in the text format of Prometheus, in a file for its node exporter's collector: nobody has to
//! listen on a port.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::core::Core;
use crate::finding::{Outcome, Report};

/// How often the file is written.
const EVERY: Duration = Duration::from_secs(10);

/// A file of metrics.
#[derive(Debug)]
pub(super) struct Metrics {
    path: PathBuf,
    last: Option<Instant>,
}

impl Metrics {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            last: None,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.last.is_none_or(|at| at.elapsed() >= EVERY)
    }

    /// Writes the file, so that whoever reads it finds all of it or what was there before.
    pub(super) fn write(&mut self, core: &Core, report: &Report, contacts: u64) -> io::Result<()> {
        self.last = Some(Instant::now());
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        fs::write(&beside, text(core, report, contacts))?;
        fs::rename(&beside, &self.path)
    }
}

fn text(core: &Core, report: &Report, contacts: u64) -> String {
    let mut text = String::new();
    let lost = core.lost();
    let mut metric = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "# HELP whylencr_{name} {help}\n# TYPE whylencr_{name} {kind}"
        );
        for (labels, value) in values {
            let _ = writeln!(text, "whylencr_{name}{labels} {value}");
        }
    };
    let plain = |value: u64| vec![(String::new(), value)];
    metric(
        "frames_total",
        "counter",
        "Frames taken in.",
        &plain(core.frames),
    );
    let places = [
        ("kernel", lost.kernel),
        ("device", lost.device),
        ("queue", lost.queue),
        ("bulk", lost.bulk),
    ];
    let places: Vec<_> = places
        .iter()
        .map(|(place, count)| (format!("{{place=\"{place}\"}}"), *count))
        .collect();
    metric(
        "frames_lost_total",
        "counter",
        "Frames lost, by place.",
        &places,
    );
    let count = |outcome: Outcome| {
        let of = report
            .findings
            .iter()
            .filter(|f| f.verdict.outcome == outcome);
        of.count() as u64
    };
    let verdicts: Vec<_> = [
        ("site", Outcome::Site),
        ("one_of", Outcome::OneOf),
        ("any_under", Outcome::AnyUnder),
        ("no_outbound", Outcome::NoOutbound),
        ("unexplained", Outcome::Unexplained),
    ]
    .into_iter()
    .map(|(name, outcome)| (format!("{{verdict=\"{name}\"}}"), count(outcome)))
    .collect();
    metric(
        "contacts_total",
        "counter",
        "Contacts seen.",
        &plain(contacts),
    );
    metric("contacts", "gauge", "Contacts kept, by verdict.", &verdicts);
    let alerts = report.findings.iter().map(|f| f.alerts.len() as u64).sum();
    metric(
        "alerts",
        "gauge",
        "Alerts of the contacts kept.",
        &plain(alerts),
    );
    if let Some(bytes) = resident() {
        let help = "Memory in use.";
        metric("resident_memory_bytes", "gauge", help, &plain(bytes));
    }
    text
}

/// Pages in memory, from proc_pid_statm(5).
pub(super) fn resident() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * u64::try_from(page).ok()?)
}
