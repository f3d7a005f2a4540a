//! Capture files to a report.

use std::borrow::Cow;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::capture::merge::Merged;
use crate::filter::{Filter, Sort};
use crate::finding::{Finding, Outcome, Report, Severity};
use crate::report::redact::Redaction;
use crate::report::{self, Format, Options};

use super::args::{FailOn, FormatArg, SortArg};
use super::output::Prepared;
use super::progress::Progress;
use super::reading::Reading;
use super::{Args, Exit, evidence, output, redact};

/// Reads all inputs and writes the report.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    filter(args)?;
    let reading = Reading::prepare(args)?;
    if let Some(file) = &args.write {
        evidence::check(&reading.paths, file)?;
    }
    let redaction = redact::redaction(args)?;
    let out = output::prepare(args.output.as_deref())?;
    #[cfg(feature = "live")]
    super::fenced::whole(args)?;
    let stop = args.follow.then(on_interrupt).transpose()?;
    let (mut reading, mut source) = reading.open_parted(stop.as_ref())?;
    let exit = read(&mut reading, &mut source);
    reading.close();
    let Reading {
        engine,
        options,
        paths,
        ..
    } = reading;
    let mut engine = engine.whole();
    let whole = engine.report();
    if let Some(file) = &args.write {
        write_evidence(args, &paths, &whole, redaction.as_ref(), file)?;
    }
    // The process ends here: giving back a million small pieces one by one would only take time.
    std::mem::forget(engine);
    conclude(args, whole, options, redaction.as_ref(), out, exit)
}

/// Evidence needs the whole report: also what the selected findings rest on.
fn write_evidence(
    args: &Args,
    inputs: &[PathBuf],
    whole: &Report,
    redaction: Option<&Redaction>,
    file: &Path,
) -> anyhow::Result<()> {
    let mut report = whole.clone();
    filter(args)?.apply(&mut report);
    let request = evidence::Request {
        inputs,
        count: args.count,
        filter: args.filter.as_deref(),
        secrets: args.with_secrets.then_some(args.keylog.as_slice()),
        keylogs: &args.keylog,
        redaction,
        origin: None,
    };
    let selected: Vec<&Finding> = report.findings.iter().collect();
    let written = evidence::save(&request, whole, &selected, file)?;
    eprintln!(
        "whylencr: {} of {} frames written to {}",
        written.kept,
        written.of,
        file.display()
    );
    if written.left_out > 0 {
        eprintln!(
            "whylencr: the payload of {} of them was left out, wholly or in part, because --redact cannot vouch for it",
            written.left_out
        );
    }
    Ok(())
}

/// Writes the report; its findings may change the exit code.
pub(super) fn conclude(
    args: &Args,
    mut report: Report,
    mut options: Options,
    redaction: Option<&Redaction>,
    mut out: Prepared,
    exit: Exit,
) -> anyhow::Result<Exit> {
    filter(args)?.apply(&mut report);
    if args.sort != SortArg::Time {
        Sort::from(args.sort).apply(&mut report.findings);
    }
    let shown = match redaction {
        None => Cow::Borrowed(&report),
        Some(redaction) => {
            redact::sources(&mut options);
            Cow::Owned(redaction.apply(&report))
        }
    };
    out.begin().context("cannot write the report")?;
    report::write(format(args), &shown, &options, &mut out).context("cannot write the report")?;
    out.flush().context("cannot write the report")?;
    Ok(self::exit(args, &report, exit))
}

/// The filter for findings.
pub(super) fn filter(args: &Args) -> anyhow::Result<Filter> {
    Filter::parse(args.filter.as_deref().unwrap_or_default()).context("--where")
}

/// The form of the report.
pub(super) fn format(args: &Args) -> Format {
    let named = || args.output.as_deref().and_then(FormatArg::of_file);
    args.format
        .or_else(named)
        .and_then(FormatArg::report)
        .unwrap_or(Format::Text)
}

/// What findings make of an exit code.
pub(super) fn exit(args: &Args, report: &Report, exit: Exit) -> Exit {
    if args.fail_on.iter().any(|what| matches(report, *what)) {
        Exit::Matched
    } else {
        exit
    }
}

fn read(reading: &mut Reading, source: &mut Merged) -> Exit {
    let size = source.size();
    let mut progress = Progress::start(true);
    loop {
        // The clock is asked once in a while only.
        if reading.frames.is_multiple_of(4_096) {
            progress.tick(source.consumed(), size, reading.frames);
        }
        if !reading.step(source) {
            break;
        }
    }
    progress.clear();
    for (file, warning) in source.warnings() {
        eprintln!("whylencr: {file}: {warning}");
    }
    let mut exit = Exit::Done;
    for (file, ended) in source.damaged() {
        eprintln!("whylencr: {file}: {ended}; what was read up to there is explained");
        exit = Exit::Incomplete;
    }
    exit
}

/// A second Ctrl-C is somebody's impatience when it comes this long after the first; `timeout` sends its
/// signal to the program and to the whole group at once.
const IMPATIENCE: Duration = Duration::from_millis(500);
/// How often the thread that waits for the first looks.
const LOOK: Duration = Duration::from_millis(100);

/// Becomes true with the first Ctrl-C, which ends the reading with a report; another one after a moment ends
/// the program.
pub(super) fn on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let impatient = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let failed = "cannot listen for Ctrl-C";
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&impatient)).context(failed)?;
        flag::register(signal, Arc::clone(&stop)).context(failed)?;
    }
    let asked = Arc::clone(&stop);
    thread::spawn(move || {
        while !asked.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
        }
        thread::sleep(IMPATIENCE);
        impatient.store(true, Ordering::Relaxed);
    });
    Ok(stop)
}

fn matches(report: &Report, what: FailOn) -> bool {
    report.findings.iter().any(|finding| match what {
        FailOn::Alert => finding.alerts.iter().any(|a| a.severity > Severity::Info),
        FailOn::Unexplained => finding.verdict.outcome == Outcome::Unexplained,
        FailOn::Revoked => finding.alerts.iter().any(|a| a.rule.starts_with("revoked")),
    })
}
