//! Capturing without a screen: until told to stop, then a report; or findings as they settle.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;

use super::core::{Core, Due, LATE, now};
use super::keep::Keep;
use super::metrics::{Metrics, resident};
use super::numbers::Numbers;
use super::signals::Signals;
use super::stream::Stream;
use super::whole;
use crate::capture::fence::User;
use crate::capture::live;
use crate::cli::output::Prepared;
use crate::cli::{Args, Exit, offline, output, redact, say};
use crate::filter::Filter;
use crate::finding::Report;
use crate::report::redact::Redaction;
use crate::report::{Format, Options};
use crate::time::{Span, Timestamp};

/// Reports are made at most this often, and take at most a tenth of the time.
const REPORTS: Duration = Duration::from_secs(1);

/// What was written is remembered for so long: for revisions, and because what was proven tells of what comes next.
const KEPT: Span = Span::from_secs(600);

/// Where a capture goes.
pub(super) struct Capturing<'a> {
    args: &'a Args,
    options: Options,
    stream: Option<Stream>,
    numbers: Numbers,
    /// What contacts that were forgotten have made of the exit code.
    exit: Exit,
    out: Prepared,
    metrics: Option<Metrics>,
    redaction: Option<Redaction>,
    filter: Filter,
}

impl<'a> Capturing<'a> {
    /// Opens the outputs.
    pub(super) fn prepare(
        args: &'a Args,
        mut options: Options,
        user: Option<User>,
    ) -> anyhow::Result<Self> {
        let streams = offline::format(args) == Format::Ndjson;
        if streams {
            // A live record names no file.
            options.sources.clear();
        }
        let path = args.output.as_deref();
        Ok(Self {
            args,
            options,
            stream: streams.then(Stream::default),
            numbers: Numbers::default(),
            exit: Exit::Done,
            out: match streams {
                true => output::append(path, |path| whole::for_file(path, user))?,
                false => output::prepare(path)?,
            },
            metrics: args.live.metrics.as_deref().map(Metrics::new),
            redaction: redact::redaction(args)?,
            filter: offline::filter(args)?,
        })
    }

    /// Captures until told to stop, then reports.
    pub(super) fn run(
        mut self,
        mut core: Core,
        stop: &AtomicBool,
        signals: &Signals,
    ) -> anyhow::Result<Exit> {
        let mut due = Due::new(REPORTS);
        while !core.is_over() {
            for notice in core.step(stop) {
                say::warning(notice);
            }
            if signals.statistics() {
                say::info(statistics(&mut core));
            }
            if signals.reopen() {
                self.reopen(&mut core);
            }
            let measured = self.metrics.as_ref().is_some_and(Metrics::is_due);
            if (self.stream.is_some() || measured) && due.is_due() {
                due.time(|| self.settle(&mut core, Some(now().minus(LATE))))?;
            }
            self.tidy(&mut core)?;
        }
        let lost = core.close();
        if core.is_incomplete() {
            self.exit = Exit::Incomplete;
        }
        if !self.args.live.quiet {
            say::info(format_args!("{} frames{}", core.frames, told(lost)));
        }
        self.settle(&mut core, None)?;
        let report = core.engine.report();
        if let Some(keep) = core.keep.take() {
            let said = keep.finish(self.args, &report, self.redaction.as_ref())?;
            if !self.args.live.quiet {
                say::info(said);
            }
        }
        if self.stream.is_some() {
            return Ok(offline::exit(self.args, &report, self.exit));
        }
        let redaction = self.redaction.as_ref();
        offline::conclude(
            self.args,
            report,
            self.options,
            redaction,
            self.out,
            self.exit,
        )
    }

    /// Outputs that somebody moved away are begun anew. What cannot be opened goes on where it was.
    fn reopen(&mut self, core: &mut Core) {
        let kept = core.keep.as_mut().map_or(Ok(()), Keep::reopen);
        for result in [kept, self.out.reopen()] {
            if let Err(error) = result {
                say::warning(format_args!("an output cannot be opened anew: {error}"));
            }
        }
    }

    /// Forgets what is long over, where it has been written, and otherwise what there is no room for.
    fn tidy(&mut self, core: &mut Core) -> anyhow::Result<()> {
        // The evidence of a contact is written at the end, so it has to be remembered until then.
        let evidence = core.keep.as_ref().is_some_and(|keep| !keep.keeps_all());
        let kept = (self.stream.is_some() && !evidence).then_some(KEPT);
        let Some(before) = core.overdue(kept) else {
            return Ok(());
        };
        // What came since the last report must not be taken for what forgetting brings to light.
        self.settle(core, Some(now().minus(LATE)))?;
        if !self.args.fail_on.is_empty() {
            let mut report = core.engine.report();
            report.findings.retain(|finding| finding.at < before);
            self.filter.apply(&mut report);
            self.exit = offline::exit(self.args, &report, self.exit);
        }
        core.engine.forget(before);
        let mut report = core.engine.report();
        self.numbers.renumber(&mut report);
        let report = self.shown(report);
        if let Some(stream) = &mut self.stream {
            stream.forgotten(&report);
        }
        Ok(())
    }

    /// What of a report may be shown, and is wanted.
    fn shown(&self, mut report: Report) -> Report {
        if let Some(redaction) = &self.redaction {
            report = redaction.apply(&report);
        }
        self.filter.apply(&mut report);
        report
    }

    /// Writes what has settled by then, or everything at the end (`None`), and the metrics.
    fn settle(&mut self, core: &mut Core, by: Option<Timestamp>) -> anyhow::Result<()> {
        if self.stream.is_none() && self.metrics.is_none() {
            return Ok(());
        }
        let mut report = core.engine.report();
        self.numbers.renumber(&mut report);
        if let Some(metrics) = &mut self.metrics
            && (by.is_none() || metrics.is_due())
            && let Err(error) = metrics.write(core, &report, self.numbers.given())
        {
            say::warning(format_args!("metrics cannot be written: {error}"));
        }
        let mut report = self.shown(report);
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        // By one call, so that whatever ends this program leaves whole lines.
        let mut lines = Vec::new();
        stream
            .write(&mut report, by, &self.options, &mut lines)
            .and_then(|()| self.out.write_all(&lines))
            .and_then(|()| self.out.flush())
            .context("cannot write the report")
    }
}

/// What is known of a capture under way, for people.
fn statistics(core: &mut Core) -> String {
    let report = core.engine.report();
    let mut text = format!(
        "{} frames{}; {} contacts",
        core.frames,
        told(core.lost()),
        report.findings.len()
    );
    if let Some(bytes) = resident() {
        text.push_str(&format!("; {} MiB of memory", bytes >> 20));
    }
    text
}

/// Where frames were lost, if any were.
fn told(lost: live::Lost) -> Cow<'static, str> {
    let places = [
        (lost.kernel, "by the kernel (try a larger --buffer-size)"),
        (lost.device, "by the interface"),
        (lost.queue, "because analysis fell behind"),
        (
            lost.bulk,
            "of bulk data, let go first because analysis fell behind",
        ),
    ];
    let losses: Vec<String> = places
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, place)| format!("{count} {place}"))
        .collect();
    if losses.is_empty() {
        return Cow::Borrowed(", none lost");
    }
    Cow::Owned(format!("; lost: {}", losses.join(", ")))
}
