//! One input: opened, recognised, decompressed, read.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::compressed::{self, Codec};
use super::follow::Follow;
use super::reader::{FrameStep, Reader, Step, is_pcap, is_pcapng};
use super::window::WINDOW;
use super::{Ended, Error, Item, Warning, foreign};
use crate::frame::{Frame, FrameNo, InterfaceId};

/// Enough to recognise every format, and to tell variants of pcap apart by their first few packets.
const HEAD: usize = 16 << 10;
/// What a pcap file has at least. A pipe that delivered this much is not asked for more.
const ENOUGH: usize = 24;

/// How to open an input.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which input of the run it is; given back in [`super::InterfaceInfo::file`].
    pub file: u32,
    /// Size of the read buffer in bytes.
    pub buffer: usize,
    /// Wait at the end of a regular file for more, until this becomes true.
    pub follow: Option<Arc<AtomicBool>>,
    /// Whether to read and decompress in a thread of its own.
    pub ahead: ReadAhead,
}

/// What a thread of its own reads ahead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadAhead {
    /// Nothing.
    Never,
    /// What is compressed: that takes longer than the analysis. Plain bytes are read faster than they are handed over.
    Packed,
    /// Everything.
    Always,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file: 0,
            buffer: WINDOW,
            follow: None,
            ahead: ReadAhead::Never,
        }
    }
}

/// An open capture.
pub struct Source {
    reader: Reader<Box<dyn Read + Send>>,
    name: String,
    file: u32,
    codec: Option<Codec>,
    ahead: bool,
    size: Option<u64>,
    consumed: Arc<AtomicU64>,
    /// Set when the reading was stopped on purpose; what is unfinished then is not cut.
    stop: Option<Arc<AtomicBool>>,
    frames: u64,
    stopped: Ended,
}

/// Opens a capture file; `-` is standard input.
///
/// # Errors
///
/// When there is no such file, or it is no capture that can be read; the message says what it is instead.
pub fn open(path: &Path) -> Result<Source, Error> {
    open_with(path, &Options::default())
}

/// Opens a capture file with options; `-` is standard input.
///
/// # Errors
///
/// As [`open`].
pub fn open_with(path: &Path, options: &Options) -> Result<Source, Error> {
    if path.as_os_str() == "-" {
        let stdin = Box::new(io::stdin());
        return from_reader(stdin, "standard input", None, options);
    }
    let name = path.display().to_string();
    let failed = |source| Error::Open {
        name: name.clone(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Error::Directory { name });
    }
    let size = metadata.is_file().then_some(metadata.len());
    let read: Box<dyn Read + Send> = match &options.follow {
        Some(stop) if metadata.is_file() => Box::new(Follow::new(file, Arc::clone(stop))),
        _ => Box::new(file),
    };
    from_reader(read, &name, size, options)
}

/// Reads a capture from anything; `name` is what messages call it, `size` its length where known.
///
/// # Errors
///
/// When the bytes are no capture that can be read.
pub fn from_reader(
    read: Box<dyn Read + Send>,
    name: &str,
    size: Option<u64>,
    options: &Options,
) -> Result<Source, Error> {
    let consumed = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        read,
        count: Arc::clone(&consumed),
    };
    let unreadable = |source| Error::Read {
        name: name.to_owned(),
        source,
    };
    let (mut head, mut read) = look(Box::new(counted)).map_err(unreadable)?;
    let codec = Codec::of(&head);
    if let Some(codec) = codec {
        (head, read) = look(compressed::open(codec, read)).map_err(|source| Error::Compressed {
            name: name.to_owned(),
            codec: codec.name(),
            source,
        })?;
        if let Some(inner) = Codec::of(&head) {
            return Err(Error::Foreign {
                name: name.to_owned(),
                what: "compressed twice",
                advice: format!("undo the outer {} first", codec.name())
                    + " (inside is "
                    + inner.name()
                    + ")",
            });
        }
    }
    if !is_pcap(&head) && !is_pcapng(&head) {
        return Err(foreign::explain(name, &head));
    }
    let ahead = match options.ahead {
        ReadAhead::Never => false,
        ReadAhead::Packed => codec.is_some(),
        ReadAhead::Always => true,
    };
    let reader = if ahead {
        Reader::ahead(
            read,
            options.buffer,
            size.is_some() && options.follow.is_none(),
        )
    } else {
        Reader::with_buffer(read, options.buffer)
    };
    let reader = reader.map_err(|source| Error::Header {
        name: name.to_owned(),
        source,
    })?;
    Ok(Source {
        reader,
        name: name.to_owned(),
        file: options.file,
        codec,
        ahead,
        size,
        consumed,
        stop: options.follow.clone(),
        frames: 0,
        stopped: Ended::Clean,
    })
}

impl Source {
    /// The next packet or record; `None` at the end, which [`Self::ended`] explains. Frames are numbered
    /// from 1 and interfaces from 0.
    pub fn next_item(&mut self) -> Option<Item<'_>> {
        let step = self.advance()?;
        if matches!(step, Step::Frame(_)) {
            self.frames += 1;
        }
        Some(self.item(step, FrameNo::new(self.frames), InterfaceId))
    }

    /// How reading ended; [`Ended::Clean`] as long as it goes on. What was unfinished when following was
    /// stopped on purpose does not count as cut.
    #[must_use]
    pub fn ended(&self) -> &Ended {
        match (self.reader.ended(), &self.stop) {
            (None, _) => &self.stopped,
            (Some(Ended::Cut { .. }), Some(stop)) if stop.load(Ordering::Relaxed) => &self.stopped,
            (Some(ended), _) => ended,
        }
    }

    /// Oddities met on the way that did not stop the reading.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        self.reader.warnings()
    }

    /// What messages call this input: its path as given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its format, for people: `pcapng, compressed with gzip`.
    #[must_use]
    pub fn format(&self) -> String {
        match self.codec {
            Some(codec) => format!("{}, compressed with {}", self.reader.format(), codec.name()),
            None => self.reader.format().to_owned(),
        }
    }

    /// Bytes of the file read so far, compressed ones if it is.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// Length of the file when it was opened; `None` for pipes.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Whether a thread of its own reads it.
    #[must_use]
    pub const fn is_read_ahead(&self) -> bool {
        self.ahead
    }

    pub(super) fn advance(&mut self) -> Option<Step> {
        self.reader.advance()
    }

    /// See [`Reader::advance_plain`].
    #[inline(always)]
    pub(super) fn advance_plain(&mut self) -> Option<FrameStep> {
        self.reader.advance_plain()
    }

    /// The packet that [`Self::advance_plain`] gave last.
    #[inline(always)]
    pub(super) fn plain(&self, step: &FrameStep, no: FrameNo, interface: InterfaceId) -> Frame<'_> {
        self.reader.plain(step, no, interface)
    }

    pub(super) fn item(
        &self,
        step: Step,
        no: FrameNo,
        id: impl Fn(u32) -> InterfaceId,
    ) -> Item<'_> {
        let mut item = self.reader.item(step, no, id);
        if let Item::Interface(interface) = &mut item {
            interface.file = self.file;
        }
        item
    }
}

/// The first bytes, and the reader with those bytes put back. No more is read than one look needs, so
/// that a pipe does not have to fill first.
fn look(mut read: Box<dyn Read + Send>) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut head = vec![0; HEAD];
    let mut len = 0;
    while len < ENOUGH {
        match read.read(head.get_mut(len..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What came before the failure may still be a capture with a packet or two.
            Err(_) if len >= 4 => break,
            Err(error) => return Err(error),
        }
    }
    head.truncate(len);
    Ok((head.clone(), Box::new(Cursor::new(head).chain(read))))
}

/// Counts what passes, for the progress bar.
struct Counted {
    read: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
