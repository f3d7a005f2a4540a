//! A capture format over any [`Read`]: pcap or pcapng, told apart by their first bytes.
//!
//! The formats speak in steps, which borrow nothing; a step becomes an [`Item`] only when it is handed out.
//! So a merge can hold the next step of every input while the bytes stay where read(2) put them.

use std::io::Read;

use super::ahead::Ahead;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::window::{Place, WINDOW, Window};
use super::{Ended, HeaderError, InterfaceInfo, Item, Warning};
use crate::frame::{Crossing, Frame, FrameNo, InterfaceId, LinkType, NameHint};
use crate::time::Timestamp;

/// A capture being read from anything that can be read. [`super::open`] is the way in for files; this one
/// is for bytes that are already there, and for fuzzing.
///
/// Reading never fails once the header was understood: it ends, and [`Reader::ended`] says how.
pub struct Reader<R> {
    format: Format<R>,
    frames: u64,
}

enum Format<R> {
    Pcap(Box<Pcap<R>>),
    Pcapng(Box<Pcapng<R>>),
}

/// What a format found next.
#[derive(Debug)]
pub(crate) enum Step {
    Frame(FrameStep),
    Secrets(Place),
    NameHint(NameHint),
    /// By its place in the table of the reader.
    Interface(u32),
    Dropped(u64),
}

/// A packet, not borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameStep {
    pub(crate) at: Timestamp,
    pub(crate) interface: u32,
    pub(crate) link: LinkType,
    pub(crate) wire_len: u32,
    pub(crate) bytes: Place,
    pub(crate) crossing: Option<Crossing>,
    pub(crate) comment: CommentAt,
}

/// Where the comment of a packet is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CommentAt {
    None,
    /// In the window, valid UTF-8.
    Window(Place),
    /// Put together in the scratch string of the reader.
    Scratch,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// When the bytes do not begin like a pcap or pcapng file, or their header is cut or broken.
    pub fn new(source: R) -> Result<Self, HeaderError> {
        Self::with_buffer(source, WINDOW)
    }

    /// The same with a buffer of `size` bytes to begin with, for many inputs at once.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn with_buffer(source: R, size: usize) -> Result<Self, HeaderError> {
        Self::over(Window::new(source, size))
    }

    fn over(mut window: Window<R>) -> Result<Self, HeaderError> {
        let format = if window.want(4) && is_pcapng(window.bytes()) {
            Format::Pcapng(Box::new(Pcapng::new(window)?))
        } else {
            Format::Pcap(Box::new(Pcap::new(window)?))
        };
        Ok(Self { format, frames: 0 })
    }

    /// The next packet or record; `None` at the end. Frames are numbered from 1, interfaces from 0.
    pub fn next_item(&mut self) -> Option<Item<'_>> {
        let step = self.advance()?;
        if matches!(step, Step::Frame(_)) {
            self.frames += 1;
        }
        Some(self.item(step, FrameNo::new(self.frames), InterfaceId))
    }

    /// How reading ended; `None` while it goes on.
    #[must_use]
    pub fn ended(&self) -> Option<&Ended> {
        match &self.format {
            Format::Pcap(pcap) => pcap.ended(),
            Format::Pcapng(pcapng) => pcapng.ended(),
        }
    }

    /// Oddities met on the way that did not stop the reading.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(pcapng) => pcapng.warnings(),
        }
    }

    /// Name of the format.
    #[must_use]
    pub fn format(&self) -> &'static str {
        match &self.format {
            Format::Pcap(pcap) => pcap.header().format,
            Format::Pcapng(_) => "pcapng",
        }
    }

    /// The next packet, where nothing stands before it and it is in memory. None sends to [`Self::advance`].
    #[inline(always)]
    pub(crate) fn advance_plain(&mut self) -> Option<FrameStep> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.advance_plain(),
            Format::Pcapng(_) => None,
        }
    }

    pub(crate) fn advance(&mut self) -> Option<Step> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.advance(),
            Format::Pcapng(pcapng) => pcapng.advance(),
        }
    }

    /// The packet that [`Self::advance_plain`] gave last.
    #[inline(always)]
    pub(crate) fn plain(&self, step: &FrameStep, no: FrameNo, interface: InterfaceId) -> Frame<'_> {
        let bytes = match &self.format {
            Format::Pcap(pcap) => pcap.window().at(step.bytes),
            Format::Pcapng(_) => &[],
        };
        Frame {
            no,
            at: step.at,
            link: step.link,
            interface,
            wire_len: step.wire_len,
            crossing: None,
            comment: None,
            bytes,
        }
    }

    /// Turns a step into an item. It must be the step [`Self::advance`] gave last.
    pub(crate) fn item(
        &self,
        step: Step,
        no: FrameNo,
        id: impl Fn(u32) -> InterfaceId,
    ) -> Item<'_> {
        let (window, scratch) = match &self.format {
            Format::Pcap(pcap) => (pcap.window(), ""),
            Format::Pcapng(pcapng) => (pcapng.window(), pcapng.scratch()),
        };
        match step {
            Step::Frame(frame) => Item::Frame(Frame {
                no,
                at: frame.at,
                link: frame.link,
                interface: id(frame.interface),
                wire_len: frame.wire_len,
                crossing: frame.crossing,
                comment: match frame.comment {
                    CommentAt::None => None,
                    CommentAt::Window(place) => std::str::from_utf8(window.at(place)).ok(),
                    CommentAt::Scratch => Some(scratch),
                },
                bytes: window.at(frame.bytes),
            }),
            Step::Secrets(place) => Item::Secrets(window.at(place)),
            Step::NameHint(hint) => Item::NameHint(hint),
            Step::Interface(index) => Item::Interface(InterfaceInfo {
                id: id(index),
                ..self.interface(index)
            }),
            Step::Dropped(count) => Item::Dropped(count),
        }
    }

    fn interface(&self, index: u32) -> InterfaceInfo {
        match &self.format {
            Format::Pcap(pcap) => InterfaceInfo {
                id: InterfaceId(index),
                file: 0,
                name: None,
                filter: None,
                link: pcap.header().link,
                snaplen: pcap.header().snaplen,
            },
            Format::Pcapng(pcapng) => pcapng.interface(index),
        }
    }
}

impl Reader<Box<dyn Read + Send>> {
    /// The same, read by a thread of its own while what it read before is looked at. `prompt` when a read of the source
    /// never lets wait (a file, not a pipe).
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn ahead(
        source: Box<dyn Read + Send>,
        size: usize,
        prompt: bool,
    ) -> Result<Self, HeaderError> {
        Self::over(Window::ahead(Ahead::start(source, size, prompt)))
    }
}

/// The block type of a section header reads the same in both byte orders.
pub(crate) fn is_pcapng(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a])
}

/// The magic numbers of pcap, in both byte orders.
pub(crate) fn is_pcap(bytes: &[u8]) -> bool {
    let Some(&magic) = bytes.first_chunk::<4>() else {
        return false;
    };
    [
        0xa1b2_c3d4,
        0xa1b2_3c4d,
        0xa1b2_cd34,
        0x1c00_01ac,
        0x1c00_01ab,
    ]
    .iter()
    .any(|known| u32::from_be_bytes(magic) == *known || u32::from_le_bytes(magic) == *known)
}
