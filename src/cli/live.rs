//! Live interfaces to a report, or to findings as they settle.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
#[cfg(feature = "tui")]
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "tui")]
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use crate::capture::bpf::{Bpf, Hidden};
use crate::capture::fence;
use crate::capture::live::{self, Live, Message, Running};
use crate::capture::sockets::Sockets;
use crate::engine::Engine;
use crate::event::Process;
use crate::filter::Filter;
use crate::frame::{Frame, FrameNo};
use crate::limits::Limits;
use crate::report::redact::Redaction;
use crate::report::{Format, Interface, Options};
use crate::time::{Span, Timestamp};
#[cfg(feature = "tui")]
use crate::tui::Update;
use crate::wire::{Body, Decoder, Segment, link_name};

#[cfg(feature = "tui")]
use super::interactive;
use super::stream::Stream;
use super::{Args, Exit, inputs, offline, output, redact};

/// Analysis may fall behind by so many bytes before frames are dropped.
const QUEUE: usize = 64 << 20;
/// Signals and deadlines are looked at this often.
const TICK: Duration = Duration::from_millis(100);
/// Frames may reach analysis this late, so trace time follows the clock at this distance.
const LATE: Span = Span::from_secs(1);
/// Reports are made at most this often, and take at most a tenth of the time.
const REPORTS: Duration = Duration::from_secs(1);
/// The same for the UI, which is to look alive.
#[cfg(feature = "tui")]
const FEED: Duration = Duration::from_millis(250);

/// Does what was asked of live capture, if anything was.
pub(super) fn wanted(args: &Args) -> anyhow::Result<Option<Exit>> {
    // Whoever has a capture of this name reads it with ./interfaces.
    let word = args.captures == [Path::new("interfaces")];
    if args.live.list_interfaces || word {
        return list().map(Some);
    }
    if args.live.interface.is_empty() {
        anyhow::ensure!(
            args.live.time_limit.is_none(),
            "--for needs an interface to capture from (-i)"
        );
        return Ok(None);
    }
    run(args).map(Some)
}

/// Captures, analyses, reports.
fn run(args: &Args) -> anyhow::Result<Exit> {
    #[cfg(feature = "tui")]
    let screen = !args.live.quiet && interactive::wanted(args)?;
    #[cfg(not(feature = "tui"))]
    let screen = false;
    let live = match open(args, screen)? {
        Ok(live) => live,
        Err(exit) => return Ok(exit),
    };
    let options = options(args, &live);
    if !args.live.quiet && !screen {
        say(&live);
    }
    let engine = Engine::new(inputs::config(args)?);
    give_up(args.live.sandbox_strict)?;
    let core = Core::new(args, live, engine, None);
    #[cfg(feature = "tui")]
    if screen {
        return interactive::show(args, options, move |feed, stop| core.feed(feed, stop));
    }
    let stop = offline::on_interrupt()?;
    Capturing::new(args, core, options)?.run(&stop)
}

/// Before any thread is started, since rights belong to threads.
fn give_up(strict: bool) -> anyhow::Result<()> {
    match fence::give_up(strict) {
        Err(error) if strict => Err(error).context("cannot give up rights"),
        Err(error) => {
            eprintln!("whylencr: rights could not be given up: {error}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// What a report says of its origin.
fn options(args: &Args, live: &Live) -> Options {
    let mut options = output::options(args);
    let names: Vec<_> = live.interfaces().map(|(name, _)| name.to_owned()).collect();
    options.sources = vec![format!("live on {}", names.join(", "))];
    options.interfaces = names
        .into_iter()
        .map(|name| Interface {
            file: None,
            name: Some(name),
        })
        .collect();
    options
}

fn say(live: &Live) {
    let names: Vec<String> = live
        .interfaces()
        .map(|(name, link)| format!("{name} ({})", link_name(link)))
        .collect();
    eprintln!(
        "whylencr: capturing on {}; Ctrl-C ends it and reports",
        names.join(", ")
    );
}

/// Opens the devices; the exit code where that is not permitted.
pub(super) fn open(args: &Args, immediate: bool) -> anyhow::Result<Result<Live, Exit>> {
    // Read here for its warnings; each device compiles its own.
    bpf(args)?;
    let options = live::Options {
        devices: args.live.interface.clone(),
        filter: args.live.bpf.clone(),
        promiscuous: args.live.promiscuous,
        snaplen: args.live.snaplen,
        buffer: args.live.buffer_size << 20,
        immediate,
    };
    match live::open(&options) {
        Ok(live) => Ok(Ok(live)),
        Err(error @ live::Error::Permission { .. }) => {
            eprintln!("whylencr: {error}\n{}", permission());
            Ok(Err(Exit::NoPermission))
        }
        Err(error) => Err(error.into()),
    }
}

/// The capture filter; says what it makes impossible.
pub(super) fn bpf(args: &Args) -> anyhow::Result<Option<Bpf>> {
    let Some(text) = &args.live.bpf else {
        return Ok(None);
    };
    let mut bpf = Bpf::new(text)?;
    for hidden in bpf.hides() {
        let what = match hidden {
            Hidden::Handshakes => {
                "keeps out TLS on port 443: the handshakes that cause contacts will not be seen"
            }
            Hidden::Lookups => {
                "keeps out DNS: sites whose handshakes do not tell their name stay without one"
            }
            Hidden::Contacts => "keeps out HTTP on port 80, where the contacts themselves are",
        };
        eprintln!("whylencr: the filter '{}' {what}", bpf.text());
    }
    Ok(Some(bpf))
}

/// How to get permission.
fn permission() -> String {
    let own = std::env::current_exe();
    let path = own.map_or_else(|_| "whylencr".into(), |path| path.display().to_string());
    if cfg!(target_os = "linux") {
        let path = if path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-+".contains(&b))
        {
            path
        } else {
            format!("'{}'", path.replace('\'', r"'\''"))
        };
        format!(
            "allow it once with: sudo setcap cap_net_raw,cap_net_admin=eip {path}\nor run it with sudo"
        )
    } else if cfg!(target_os = "macos") {
        "run it with sudo, or install ChmodBPF (it comes with Wireshark)".to_owned()
    } else {
        "run it as administrator".to_owned()
    }
}

/// Lists devices.
pub(super) fn list() -> anyhow::Result<Exit> {
    let devices = live::devices()
        .map_err(anyhow::Error::msg)
        .context("cannot list interfaces")?;
    let mut text = String::new();
    let width = devices.iter().map(|d| d.name.chars().count()).max();
    for device in &devices {
        let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
        let mut notes = vec![device.state.clone()];
        notes.extend(addresses);
        notes.extend(device.description.clone());
        // Names and descriptions are the system's, but whoever plugs in a device names it.
        let line = format!(
            "{:width$}  {}",
            device.name,
            notes.join("  "),
            width = width.unwrap_or(0)
        );
        writeln!(text, "{}", line.replace(char::is_control, "?"))?;
    }
    if devices.is_empty() {
        text = format!("no interface can be captured from\n{}\n", permission());
    }
    let mut out = output::open(None)?;
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}

/// What is captured on its way into the engine.
pub(super) struct Core {
    pub(super) engine: Engine,
    pub(super) sockets: Sockets,
    running: Running,
    peek: Decoder,
    /// Frames taken.
    frames: u64,
    most: Option<u64>,
    deadline: Option<Instant>,
    stopping: bool,
}

/// A SYN with all its options is not longer; cookies of fast open and the data with it come on top.
const SYN: u32 = 256;

impl Core {
    /// Starts capturing.
    fn new(args: &Args, live: Live, engine: Engine, root: Option<u32>) -> Self {
        Self {
            engine,
            sockets: Sockets::new(root),
            running: live.start(QUEUE),
            peek: Decoder::new(&Limits::default()),
            frames: 0,
            most: args.count,
            deadline: args.live.time_limit.map(|limit| Instant::now() + limit),
            stopping: false,
        }
    }

    /// Takes one message in, waiting for it a little; gives back what people should hear.
    fn step(&mut self, stop: &AtomicBool) -> Option<String> {
        let message = self.running.next(TICK);
        self.engine.dropped(self.running.newly_lost());
        let mut notice = None;
        match message {
            Some(Message::Batch(batch)) => {
                for frame in batch.frames(FrameNo(self.frames + 1)) {
                    if self.is_full() {
                        break;
                    }
                    self.frames += 1;
                    match self.owner(&frame) {
                        Some(process) => self.engine.push_of(frame, process),
                        None => self.engine.push(frame),
                    }
                }
                self.running.recycle(batch);
            }
            Some(Message::Notice(text)) => notice = Some(text),
            Some(Message::Ended) => {}
            None => self.engine.advance(now().minus(LATE)),
        }
        let over = self.deadline.is_some_and(|at| Instant::now() >= at);
        if !self.stopping && (over || self.is_full() || stop.load(Ordering::Relaxed)) {
            self.stopping = true;
            self.running.stop();
        }
        notice
    }

    fn is_over(&self) -> bool {
        self.running.is_over()
    }

    fn is_full(&self) -> bool {
        self.most.is_some_and(|most| self.frames >= most)
    }

    /// The process that opens a connection with this frame.
    fn owner(&mut self, frame: &Frame<'_>) -> Option<Process> {
        if frame.wire_len > SYN {
            return None;
        }
        let packet = self.peek.decode(frame).ok()?;
        let Body::Tcp(segment) = &packet.body else {
            return None;
        };
        let opens = segment.flags & (Segment::SYN | Segment::ACK) == Segment::SYN;
        if !opens || packet.by_this_host == Some(false) {
            return None;
        }
        self.sockets
            .owner(SocketAddr::new(packet.src, segment.src_port))
    }

    /// Ends the threads and closes what is open.
    fn close(&mut self) -> live::Lost {
        self.engine.dropped(self.running.newly_lost());
        self.running.join();
        self.engine.close();
        self.running.lost()
    }

    /// Captures for the UI.
    #[cfg(feature = "tui")]
    fn feed(mut self, feed: &Sender<Update>, stop: &AtomicBool) -> anyhow::Result<Vec<String>> {
        let mut due = Due::new(FEED);
        let (mut counted, mut before) = (Instant::now(), 0);
        let mut problems = Vec::new();
        while !self.is_over() {
            problems.extend(self.step(stop));
            let passed = counted.elapsed();
            if passed >= FEED {
                let new = u32::try_from(self.frames - before).unwrap_or(u32::MAX);
                (counted, before) = (Instant::now(), self.frames);
                let _ = feed.send(Update::Live {
                    frames: self.frames,
                    dropped: self.running.lost().sum(),
                    rate: f64::from(new) / passed.as_secs_f64(),
                });
            }
            if due.is_due() {
                let report = due.time(|| self.engine.report());
                let _ = feed.send(Update::Report(Arc::new(report)));
            }
        }
        self.close();
        let _ = feed.send(Update::Report(Arc::new(self.engine.report())));
        Ok(problems)
    }
}

/// When the next report may be made.
struct Due {
    least: Duration,
    last: Instant,
    pause: Duration,
}

impl Due {
    /// At most once in `least`, and so that it takes at most a tenth of the time.
    fn new(least: Duration) -> Self {
        Self {
            least,
            last: Instant::now(),
            pause: least,
        }
    }

    fn is_due(&self) -> bool {
        self.last.elapsed() >= self.pause
    }

    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        self.last = Instant::now();
        self.pause = self.least.max((self.last - began) * 9);
        result
    }
}

/// A capture under way, and what becomes of it.
struct Capturing<'a> {
    args: &'a Args,
    core: Core,
    options: Options,
    stream: Option<(Stream, Box<dyn Write>)>,
    redaction: Option<Redaction>,
    filter: Filter,
}

impl<'a> Capturing<'a> {
    /// Opens the outputs.
    fn new(args: &'a Args, core: Core, mut options: Options) -> anyhow::Result<Self> {
        let stream = if offline::format(args) == Format::Ndjson {
            // A live record names no file.
            options.sources.clear();
            Some((Stream::default(), output::open(args.output.as_deref())?))
        } else {
            None
        };
        Ok(Self {
            args,
            core,
            options,
            stream,
            redaction: redact::redaction(args)?,
            filter: offline::filter(args)?,
        })
    }

    /// Captures until told to stop, then reports.
    fn run(mut self, stop: &AtomicBool) -> anyhow::Result<Exit> {
        let mut due = Due::new(REPORTS);
        while !self.core.is_over() {
            if let Some(notice) = self.core.step(stop) {
                eprintln!("whylencr: {notice}");
            }
            if self.stream.is_some() && due.is_due() {
                due.time(|| self.settle(Some(now().minus(LATE))))?;
            }
        }
        let lost = self.core.close();
        if !self.args.live.quiet {
            eprintln!("whylencr: {} frames{}", self.core.frames, told(lost));
        }
        if self.stream.is_some() {
            self.settle(None)?;
            let report = self.core.engine.report();
            return Ok(offline::exit(self.args, &report, Exit::Done));
        }
        let report = self.core.engine.report();
        let redaction = self.redaction.as_ref();
        offline::conclude(self.args, report, self.options, redaction, Exit::Done)
    }

    /// Writes what has settled by then, or everything at the end (`None`).
    fn settle(&mut self, by: Option<Timestamp>) -> anyhow::Result<()> {
        let Some((stream, out)) = &mut self.stream else {
            return Ok(());
        };
        let mut report = self.core.engine.report();
        if let Some(redaction) = &self.redaction {
            report = redaction.apply(&report);
        }
        self.filter.apply(&mut report);
        stream
            .write(&mut report, by, &self.options, out)
            .context("cannot write the report")
    }
}

/// Where frames were lost, if any were.
fn told(lost: live::Lost) -> Cow<'static, str> {
    let places = [
        (lost.kernel, "by the kernel (try a larger --buffer-size)"),
        (lost.device, "by the interface"),
        (lost.queue, "because analysis fell behind"),
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

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| {
        i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
    });
    Timestamp::from_nanos(nanos)
}
