//! `-w` while live: everything into one file or a ring of files, or everything for now and the evidence of it
//! at the end.
//!
//! Blocks are written whole and batch by batch, so that whatever ends this program leaves files that open.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp as Now;

use super::whole::{self, Whole};
use crate::capture::fence::User;
use crate::capture::live::Live;
use crate::capture::write::{PcapngWriter, Section};
use crate::cli::{Args, evidence, offline};
use crate::event::Process;
use crate::finding::{Finding, Report};
use crate::frame::{Frame, LinkType};
use crate::report::redact::Redaction;
use crate::wire;

/// Where frames are kept.
pub(super) struct Keep {
    /// As it was given.
    path: PathBuf,
    /// What is written now.
    current: PathBuf,
    whole: Option<Whole>,
    writer: PcapngWriter<Blocks>,
    interfaces: Vec<(String, LinkType)>,
    snaplen: u32,
    with_secrets: bool,
    rotation: Option<Rotation>,
    /// Everything stays; otherwise the evidence replaces it at the end.
    all: bool,
    began: Instant,
    failed: bool,
}

struct Rotation {
    bytes: Option<u64>,
    time: Option<Duration>,
    /// How many files are kept; all when `None`.
    files: Option<usize>,
    old: VecDeque<PathBuf>,
    number: u32,
}

/// Whole blocks that wait to be written by one call.
#[derive(Debug)]
struct Blocks {
    path: PathBuf,
    /// Made with the first blocks.
    file: Option<File>,
    /// Who writes it, so that a block is there or not.
    whole: Option<Whole>,
    waiting: Vec<u8>,
    written: u64,
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        match (&mut self.file, &mut self.whole) {
            (None, whole) => {
                self.file = Some(place(&self.path, &self.waiting)?);
                if let Some(whole) = whole {
                    whole.open(&self.path)?;
                }
            }
            (Some(_), Some(whole)) => whole.write_all(&self.waiting)?,
            (Some(file), None) => file.write_all(&self.waiting)?,
        }
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

impl Keep {
    /// Opens what `-w` names, if it was given.
    pub(super) fn open(
        args: &Args,
        live: &Live,
        user: Option<User>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(path) = &args.write else {
            return Ok(None);
        };
        let live_args = &args.live;
        anyhow::ensure!(
            !(live_args.write_all && args.redact.is_some()),
            "--write-all keeps what was captured, which --redact forbids"
        );
        let rotation =
            (live_args.rotate_size.is_some() || live_args.rotate_time.is_some()).then(|| {
                Rotation {
                    bytes: live_args.rotate_size.map(|mb| u64::from(mb) * 1_000_000),
                    time: live_args.rotate_time,
                    files: live_args.rotate_files,
                    old: VecDeque::new(),
                    number: 0,
                }
            });
        let interfaces: Vec<_> = live
            .interfaces()
            .map(|(name, link)| (name.to_owned(), link))
            .collect();
        let mut rotation = rotation;
        let current = match &mut rotation {
            Some(rotation) => rotation.next(path),
            None => path.clone(),
        };
        let failed = || format!("cannot write {}", current.display());
        let writer = begin(&current, None, &interfaces, live_args.snaplen);
        let mut writer = writer.with_context(failed)?;
        let whole = whole::for_file(&current, user);
        writer.get_mut().whole = whole.as_ref().map(Whole::another).transpose()?;
        Ok(Some(Self {
            path: path.clone(),
            current,
            whole,
            writer,
            interfaces,
            snaplen: live_args.snaplen,
            with_secrets: args.with_secrets,
            rotation,
            all: live_args.write_all,
            began: Instant::now(),
            failed: false,
        }))
    }

    /// Whether everything stays, not only the evidence.
    pub(super) const fn keeps_all(&self) -> bool {
        self.all
    }

    /// Keeps a frame, with the process that opens a connection with it.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, process: Option<&Process>) {
        let comment = process.map(comment);
        let comments: Vec<&str> = comment.iter().map(String::as_str).collect();
        let result = self.writer.packet(frame.interface.0, frame, &comments);
        self.failed |= result.is_err();
    }

    /// Keeps lines of a key log, where that was asked for.
    pub(super) fn secrets(&mut self, lines: &[u8]) {
        if self.with_secrets {
            self.failed |= self.writer.secrets(lines).is_err();
            let of_tunnels = wire::tunnel_keys(lines);
            if !of_tunnels.is_empty() {
                self.failed |= self.writer.tunnel_secrets(&of_tunnels).is_err();
            }
        }
    }

    /// Writes what waits; goes on to the next file when it is time. What failed is told once.
    pub(super) fn commit(&mut self) -> Option<String> {
        if self.failed {
            return None;
        }
        let due = self.rotation.as_ref().is_some_and(|rotation| {
            let size = self.writer.get_ref().written;
            rotation.bytes.is_some_and(|most| size >= most)
                || rotation
                    .time
                    .is_some_and(|most| self.began.elapsed() >= most)
        });
        let result = self.writer.flush().and_then(|()| match due {
            true => self.turn(),
            false => Ok(()),
        });
        let error = result.err()?;
        self.failed = true;
        Some(format!(
            "{} cannot be written, and no more is kept: {error}",
            self.current.display()
        ))
    }

    fn turn(&mut self) -> io::Result<()> {
        let Some(rotation) = &mut self.rotation else {
            return Ok(());
        };
        let next = rotation.next(&self.path);
        let whole = self.whole.as_ref().map(Whole::another).transpose()?;
        self.writer = begin(&next, whole, &self.interfaces, self.snaplen)?;
        self.began = Instant::now();
        rotation
            .old
            .push_back(std::mem::replace(&mut self.current, next));
        while rotation
            .files
            .is_some_and(|most| rotation.old.len() >= most)
        {
            if let Some(oldest) = rotation.old.pop_front() {
                fs::remove_file(oldest)?;
            }
        }
        Ok(())
    }

    /// Begins the file anew where somebody has moved it away.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        if self.rotation.is_none() && !self.current.exists() {
            let whole = self.whole.as_ref().map(Whole::another).transpose()?;
            self.writer = begin(&self.current, whole, &self.interfaces, self.snaplen)?;
            self.failed = false;
        }
        Ok(())
    }

    /// Puts the evidence in the place of everything, unless everything was to be kept. What to say of it.
    pub(super) fn finish(
        mut self,
        args: &Args,
        whole: &Report,
        redaction: Option<&Redaction>,
    ) -> anyhow::Result<String> {
        self.commit();
        let place = self.current.display();
        if self.all {
            return Ok(format!("everything captured is in {place}"));
        }
        let mut report = whole.clone();
        offline::filter(args)?.apply(&mut report);
        let names: Vec<&str> = self
            .interfaces
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let origin = format!("live capture on {}", names.join(", "));
        let request = evidence::Request {
            inputs: std::slice::from_ref(&self.current),
            count: None,
            filter: args.filter.as_deref(),
            secrets: args.with_secrets.then_some(args.keylog.as_slice()),
            keylogs: &args.keylog,
            redaction,
            origin: Some(&origin),
        };
        let selected: Vec<&Finding> = report.findings.iter().collect();
        let beside = beside(&self.current);
        let written = evidence::save(&request, whole, &selected, &beside)?;
        fs::rename(&beside, &self.current).with_context(|| format!("cannot write {place}"))?;
        Ok(format!(
            "{} of {} frames written to {place}",
            written.kept, written.of
        ))
    }
}

impl Rotation {
    /// `cap.pcapng` becomes `cap-00001-20261122T004412Z.pcapng` and so on: in order by name, and told when.
    fn next(&mut self, path: &Path) -> PathBuf {
        self.number += 1;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let time = Now::now().strftime("%Y%m%dT%H%M%SZ");
        let mut name = format!("{stem}-{:05}-{time}", self.number);
        if let Some(ending) = path.extension() {
            name.push('.');
            name.push_str(&ending.to_string_lossy());
        }
        path.with_file_name(name)
    }
}

/// A file that begins with these blocks, or is not there yet.
fn place(path: &Path, blocks: &[u8]) -> io::Result<File> {
    // Devices and pipes stay what they are.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        let mut file = File::create(path)?;
        file.write_all(blocks)?;
        return Ok(file);
    }
    let beside = beside(path);
    let mut file = File::create(&beside)?;
    file.write_all(blocks)?;
    fs::rename(&beside, path)?;
    Ok(file)
}

/// What becomes `path` once it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut beside = path.to_owned().into_os_string();
    beside.push(".new");
    PathBuf::from(beside)
}

/// A file with its section and interfaces.
fn begin(
    path: &Path,
    whole: Option<Whole>,
    interfaces: &[(String, LinkType)],
    snaplen: u32,
) -> io::Result<PcapngWriter<Blocks>> {
    let blocks = Blocks {
        path: path.to_owned(),
        file: None,
        whole,
        waiting: Vec::new(),
        written: 0,
    };
    let section = Section {
        application: Some(concat!("whylencr ", env!("CARGO_PKG_VERSION"))),
        os: Some(std::env::consts::OS),
        ..Section::default()
    };
    let mut writer = PcapngWriter::new(blocks, &section)?;
    for (name, link) in interfaces {
        writer.interface(*link, snaplen, Some(name), None)?;
    }
    writer.flush()?;
    Ok(writer)
}

/// In a form that is read again: see [`crate::capture::process`].
fn comment(process: &Process) -> String {
    let mut text = format!("process={}", process.name.replace(' ', "_"));
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {key}={}", value.replace(' ', "_")));
        }
    };
    add("pid", process.pid.map(|pid| pid.to_string()));
    add("uid", process.user.clone());
    add("container", process.unit.clone());
    format!("rustnet {text}")
}
