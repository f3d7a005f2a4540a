//! Capture files to a report.

use std::borrow::Cow;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::capture::{self, Item, process};
use crate::engine::Engine;
use crate::event::Process;
use crate::finding::{Outcome, Report, Severity};
use crate::frame::{Frame, LinkType};
use crate::report::{self, Format, Interface, Options};

use super::args::{FailOn, FormatArg};
use super::progress::Progress;
use super::{Args, Exit, inputs, output, redact};

/// Reads all inputs and writes the report.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let given: Vec<PathBuf> = args.read.iter().chain(&args.captures).cloned().collect();
    anyhow::ensure!(
        !given.is_empty(),
        "no capture given; try: whylencr capture.pcap (or --help)"
    );
    let paths = capture::expand::expand(&given, args.recursive)?;
    let mut engine = Engine::new(inputs::config(args)?);
    for path in &args.keylog {
        let lines = std::fs::read(path)
            .with_context(|| format!("cannot read the key log {}", path.display()))?;
        let taken = engine.secrets(&lines);
        if taken == 0 {
            eprintln!(
                "whylencr: {} holds no key log line (NSS format)",
                path.display()
            );
        }
    }
    let mut options = output::options(args);
    options.sources = paths.iter().map(|p| p.display().to_string()).collect();
    let exit = read(args, &paths, &mut engine, &mut options)?;
    engine.close();
    let report = engine.report();
    let shown = match redact::redaction(args)? {
        None => Cow::Borrowed(&report),
        Some(redaction) => {
            redact::sources(&mut options);
            Cow::Owned(redaction.apply(&report))
        }
    };
    let named = || args.output.as_deref().and_then(FormatArg::of_file);
    let format = args
        .format
        .or_else(named)
        .map_or(Format::Text, Format::from);
    let mut out = output::open(args.output.as_deref())?;
    report::write(format, &shown, &options, &mut out).context("cannot write the report")?;
    out.flush().context("cannot write the report")?;
    Ok(if args.fail_on.iter().any(|what| matches(&report, *what)) {
        Exit::Matched
    } else {
        exit
    })
}

fn read(
    args: &Args,
    paths: &[PathBuf],
    engine: &mut Engine,
    options: &mut Options,
) -> anyhow::Result<Exit> {
    let mut source = capture::merge::open_all(paths, None)?;
    let size = source.size();
    let mut progress = Progress::start(true);
    let mut frames = 0_u64;
    loop {
        // The clock is asked once in a while only.
        if frames.is_multiple_of(4_096) {
            progress.tick(source.consumed(), size, frames);
        }
        match source.next_item() {
            None => break,
            Some(Item::Frame(frame)) => {
                frames += 1;
                match process_of(&frame) {
                    Some(process) => engine.push_of(frame, process),
                    None => engine.push(frame),
                }
                if args.count == Some(frames) {
                    break;
                }
            }
            Some(Item::Secrets(lines)) => {
                engine.secrets(lines);
            }
            Some(Item::NameHint(hint)) => engine.name_hint(hint),
            Some(Item::Dropped(count)) => engine.dropped(count),
            Some(Item::Interface(info)) => options.interfaces.push(Interface {
                file: usize::try_from(info.file)
                    .ok()
                    .and_then(|i| options.sources.get(i))
                    .cloned(),
                name: info.name,
            }),
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
    Ok(exit)
}

/// The process that another tool recorded with a frame.
fn process_of(frame: &Frame<'_>) -> Option<Process> {
    if let Some(comment) = frame.comment
        && let Some(process) = process::process_of_comment(comment)
    {
        return Some(process);
    }
    match frame.link {
        LinkType(149 | 258) => process::process_of_pktap(frame.bytes),
        LinkType::ETHERNET | LinkType::RAW => process::process_of_trailer(frame.bytes),
        _ => None,
    }
}

fn matches(report: &Report, what: FailOn) -> bool {
    report.findings.iter().any(|finding| match what {
        FailOn::Alert => finding.alerts.iter().any(|a| a.severity > Severity::Info),
        FailOn::Unexplained => finding.verdict.outcome == Outcome::Unexplained,
        FailOn::Revoked => finding.alerts.iter().any(|a| a.rule.starts_with("revoked")),
    })
}
