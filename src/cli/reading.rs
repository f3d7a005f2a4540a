//! Inputs on their way into the engine: what every presenter has in common.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use crate::capture::merge::{self, Merged};
use crate::capture::process::process_of_frame;
use crate::capture::{self, Item, ReadAhead};
use crate::engine::Engine;
use crate::frame::Frame;
#[cfg(feature = "tui")]
use crate::frame::FrameNo;
use crate::report::{Interface, Options};
#[cfg(feature = "tui")]
use crate::tui::FrameBytes;

use super::analysis::Analysis;
use super::growing::KeyLogs;
#[cfg(feature = "live")]
use super::sieve::Sieve;
use super::{Args, inputs, keylogs, output};

/// An engine, and what is to be read into it.
pub(super) struct Reading {
    pub(super) engine: Analysis,
    threads: usize,
    pub(super) options: Options,
    /// Frames read.
    pub(super) frames: u64,
    /// The inputs.
    pub(super) paths: Vec<PathBuf>,
    most: Option<u64>,
    #[cfg(feature = "live")]
    sieve: Option<Sieve>,
    /// Key logs to which lines are added while frames come in.
    keys: KeyLogs,
    looked: Instant,
    /// How often a connection had lacked a secret by then.
    lacked: u64,
}

/// Key logs are looked at this often while frames come in, and when a connection lacks a secret.
const LOOK: Duration = Duration::from_millis(20);

impl Reading {
    /// Finds the inputs, reads what comes beside them.
    pub(super) fn prepare(args: &Args) -> anyhow::Result<Self> {
        let given: Vec<PathBuf> = args.read.iter().chain(&args.captures).cloned().collect();
        anyhow::ensure!(
            !given.is_empty(),
            "no capture given; try: whylencr capture.pcap (or --help)"
        );
        let paths = capture::expand::expand(&given, args.recursive)?;
        let mut config = inputs::config(args)?;
        config.threads = threads(args);
        let mut engine = Engine::new(config);
        let pipe = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|data| !data.is_file());
        let written = args.follow
            || paths
                .iter()
                .any(|path| path.as_os_str() == "-" || pipe(path));
        // Whoever writes the capture writes the keys, too; but a pipe of keys has an end to wait for.
        let (growing, whole): (Vec<_>, Vec<_>) =
            (args.keylog.iter().cloned()).partition(|path| written && !pipe(path));
        keylogs::read(&mut engine, &whole, &paths)?;
        let keys = KeyLogs::open(&growing)?;
        if keys.any() {
            engine.expect_secrets();
        }
        let mut options = output::options(args);
        options.sources = paths.iter().map(|p| p.display().to_string()).collect();
        Ok(Self {
            engine: Analysis::Whole(engine),
            threads: threads(args).get(),
            options,
            frames: 0,
            paths,
            most: args.count,
            #[cfg(feature = "live")]
            sieve: super::live::bpf(args)?.map(Sieve::new),
            keys,
            looked: Instant::now(),
            lacked: 0,
        })
    }

    /// Takes in what was added to key logs, unless that was just done.
    #[inline]
    pub(super) fn look_for_keys(&mut self) {
        if self.keys.any() {
            self.look_anew();
        }
    }

    // Apart, so that the question whether there are any costs a frame nothing more.
    #[inline(never)]
    fn look_anew(&mut self) {
        let lacked = self.engine.secrets_lacked();
        if lacked != self.lacked || self.looked.elapsed() >= LOOK {
            self.lacked = lacked;
            let engine = &mut self.engine;
            while self.keys.read(|lines| engine.secrets(lines)) {}
            self.looked = Instant::now();
        }
    }

    /// Takes in what was added to key logs and closes everything.
    pub(super) fn close(&mut self) {
        let engine = &mut self.engine;
        self.keys.read_rest(|lines| engine.secrets(lines));
        engine.close();
    }

    /// Reads some frames once more, by their numbers.
    #[cfg(feature = "tui")]
    pub(super) fn again(paths: &[PathBuf], wanted: &[FrameNo]) -> anyhow::Result<Vec<FrameBytes>> {
        let mut source = merge::open_all(paths, None)?;
        let last = wanted.iter().max().copied().unwrap_or_default();
        let mut found = Vec::new();
        while let Some(item) = source.next_item() {
            let Item::Frame(frame) = item else { continue };
            if wanted.contains(&frame.no) {
                found.push(FrameBytes {
                    no: frame.no,
                    at: frame.at,
                    bytes: frame.bytes.to_vec(),
                });
            }
            if frame.no >= last {
                break;
            }
        }
        Ok(found)
    }

    /// Opens the inputs as one.
    #[cfg(feature = "tui")]
    pub(super) fn open(&self, follow: Option<&Arc<AtomicBool>>) -> anyhow::Result<Merged> {
        self.open_ahead(follow, ReadAhead::Always)
    }

    /// The same, and gives correlation a thread of its own: the second one, unless that decompresses.
    pub(super) fn open_parted(
        mut self,
        follow: Option<&Arc<AtomicBool>>,
    ) -> anyhow::Result<(Self, Merged)> {
        let ahead = match self.threads {
            2 => ReadAhead::Packed,
            _ => ReadAhead::Always,
        };
        let source = self.open_ahead(follow, ahead)?;
        let ahead = source.read_ahead();
        // This thread and that of correlation are at work, too. Of growing key logs each share would have to
        // wait for all others.
        let workers = self.threads.saturating_sub(ahead + 2);
        if workers > 1 && !self.keys.any() {
            self.engine = self.engine.share_out(workers);
        } else if self.threads > 1 + ahead.min(1) {
            self.engine = self.engine.part();
        }
        Ok((self, source))
    }

    fn open_ahead(
        &self,
        follow: Option<&Arc<AtomicBool>>,
        ahead: ReadAhead,
    ) -> anyhow::Result<Merged> {
        let inputs = self.threads.saturating_sub(1);
        Ok(merge::open_ahead(&self.paths, follow, ahead, inputs)?)
    }

    /// Takes one item in; false when there is none, or enough.
    #[inline]
    pub(super) fn step(&mut self, source: &mut Merged) -> bool {
        match source.next_plain() {
            Some(frame) => self.take_frame(frame),
            None => source.next_item().is_some_and(|item| self.take(item)),
        }
    }

    #[inline(always)]
    fn take_frame(&mut self, frame: Frame<'_>) -> bool {
        self.look_for_keys();
        self.frames += 1;
        // What does not pass keeps its number, so that evidence is found in the file.
        #[cfg(feature = "live")]
        let passes = (self.sieve.as_mut()).is_none_or(|sieve| sieve.passes(&frame));
        #[cfg(not(feature = "live"))]
        let passes = true;
        if passes {
            match process_of_frame(&frame) {
                None => self.engine.push(frame),
                Some(process) => self.engine.push_of(frame, process),
            }
        }
        self.most != Some(self.frames)
    }

    /// Takes one item in; false when that is enough.
    pub(super) fn take(&mut self, item: Item<'_>) -> bool {
        match item {
            Item::Frame(frame) => return self.take_frame(frame),
            Item::Secrets(lines) => self.engine.secrets(lines),
            Item::NameHint(hint) => self.engine.name_hint(hint),
            Item::Dropped(count) => self.engine.dropped(count),
            Item::Interface(info) => self.options.interfaces.push(Interface {
                file: usize::try_from(info.file)
                    .ok()
                    .and_then(|i| self.options.sources.get(i))
                    .cloned(),
                name: info.name,
            }),
        }
        true
    }
}

/// Threads at work. A third one is not started unasked: it costs more than it spares while a core serves others, too.
fn threads(args: &Args) -> NonZeroUsize {
    let threads = args.threads.map_or_else(
        || thread::available_parallelism().map_or(1, |cores| cores.get().min(2)),
        usize::from,
    );
    NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN)
}
