//! pcapng files (draft-ietf-opsawg-pcapng): sections of blocks, each with its type and length at both ends.
//!
//! Packets come from enhanced (6), simple (3) and obsolete (2) packet blocks; interfaces (1), names (4),
//! statistics (5) and decryption secrets (10) are handed on; everything else is stepped over. Two private
//! blocks are read because they name processes: Apple's process information (0x80000001, written by the
//! tcpdump of macOS) and the application list of PCAPdroid (custom block of enterprise 62652).
//!
//! A block whose frame is sound but whose inside is not is skipped and counted; a block whose two lengths
//! disagree ends the reading, since nothing after it can be trusted.

mod block;
mod process;

use std::io::Read;

use self::block::{Interface, Options};
use self::process::Processes;
use super::pcap::link_type;
use super::reader::{CommentAt, FrameStep, Step, is_pcapng};
use super::window::{Order, Place, Window};
use super::{Ended, HeaderError, InterfaceInfo, Warning};
use crate::frame::{InterfaceId, NameHint};
use crate::time::Timestamp;

/// The longest block kept in memory; Wireshark draws the line here too. It writes packets of 256 KiB and key
/// logs of a few MB. Longer blocks are stepped over.
const MAX_BLOCK: u32 = 16 << 20;
/// Interfaces of one file, all sections together. A capture on every port of a big switch has hundreds.
const MAX_INTERFACES: usize = 65_536;
/// Kinds of warnings kept.
const MAX_WARNINGS: usize = 16;
/// Joined comments of one packet; people read them.
const MAX_COMMENT: usize = 64 << 10;
/// Type and the two lengths.
const FRAME: u32 = 12;
/// A section header without options.
const MIN_SECTION: u32 = 28;
const TLS_KEY_LOG: u32 = 0x544c_534b;
const WIREGUARD_KEY_LOG: u32 = 0x5747_4b4c;

/// A pcapng file being read.
pub(crate) struct Pcapng<R> {
    window: Window<R>,
    order: Order,
    /// Bytes of the block handed out last, to step over.
    pending: usize,
    /// Of all sections.
    interfaces: Vec<Interface>,
    /// Where those of this section begin.
    section: usize,
    processes: Processes,
    /// The body of a name block in progress, and how far it was read.
    names: Option<(Place, usize)>,
    /// Losses to report before the next block.
    dropped: u64,
    /// A comment that does not stand in the file as it is.
    scratch: String,
    warnings: Vec<Warning>,
    /// Blocks that were skipped because their inside made no sense: the first one, and how many.
    broken: Option<(u64, &'static str, u64)>,
    ended: Option<Ended>,
}

impl<R: Read> Pcapng<R> {
    /// Checks the first section header.
    pub(crate) fn new(mut window: Window<R>) -> Result<Self, HeaderError> {
        if !window.want(MIN_SECTION as usize) {
            return Err(HeaderError::new(format!(
                "the first pcapng section header is cut: {} of {MIN_SECTION} bytes are there",
                window.bytes().len()
            )));
        }
        let order = section_order(window.bytes()).map_err(HeaderError::new)?;
        Ok(Self {
            window,
            order,
            pending: 0,
            interfaces: Vec::new(),
            section: 0,
            processes: Processes::default(),
            names: None,
            dropped: 0,
            scratch: String::new(),
            warnings: Vec::new(),
            broken: None,
            ended: None,
        })
    }

    #[inline]
    pub(crate) fn advance(&mut self) -> Option<Step> {
        if self.names.is_some()
            && let Some(hint) = self.next_name()
        {
            return Some(Step::NameHint(hint));
        }
        if self.dropped > 0 {
            return Some(Step::Dropped(std::mem::take(&mut self.dropped)));
        }
        while self.ended.is_none() {
            self.window.consume(std::mem::take(&mut self.pending));
            if let Some(step) = self.read_block() {
                return Some(step);
            }
        }
        None
    }

    pub(crate) fn window(&self) -> &Window<R> {
        &self.window
    }

    pub(crate) fn scratch(&self) -> &str {
        &self.scratch
    }

    pub(crate) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    pub(crate) fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    pub(crate) fn interface(&self, index: u32) -> InterfaceInfo {
        let interface = self.interfaces.get(index as usize);
        InterfaceInfo {
            id: InterfaceId(index),
            file: 0,
            name: interface.and_then(|interface| interface.name.clone()),
            filter: interface.and_then(|interface| interface.filter.clone()),
            link: link_type(interface.map_or(0, |interface| interface.link)),
            snaplen: interface.map_or(0, |interface| interface.snaplen),
        }
    }

    /// Reads one block; `None` when it holds nothing to hand on, or when reading ended with it.
    #[inline]
    fn read_block(&mut self) -> Option<Step> {
        if !self.window.want(FRAME as usize) {
            return self.out_of_bytes(FRAME as usize);
        }
        if is_pcapng(self.window.bytes()) {
            self.begin_section()?;
        }
        let kind = self.order.u32(self.window.bytes(), 0);
        let len = self.order.u32(self.window.bytes(), 4);
        if len < FRAME {
            return self.give_up(if (kind, len) == (0, 0) {
                "zero bytes in place of a block: the file was probably not closed properly".into()
            } else {
                format!("a block of type {kind:#x} claims to be {len} bytes long, and {FRAME} is the least")
            });
        }
        if len > MAX_BLOCK {
            return self.step_over(len);
        }
        let whole = len as usize;
        if !self.window.want(whole) {
            return self.out_of_bytes(whole);
        }
        self.pending = self.check_trailer(whole)?;
        let body = self.window.place(8, whole - FRAME as usize);
        match kind {
            6 | 2 => self.packet(kind, body),
            3 => self.simple_packet(body),
            1 => self.add_interface(body),
            4 => {
                self.names = Some((body, 0));
                self.next_name().map(Step::NameHint)
            }
            5 => self.statistics(body),
            10 => self.secrets(body),
            0x8000_0001 => {
                self.processes.add_darwin(self.order, self.window.at(body));
                None
            }
            0x0bad | 0x4000_0bad => {
                self.processes.add_custom(self.order, self.window.at(body));
                None
            }
            _ => None,
        }
    }

    /// A section header resets the byte order and what the blocks refer to by number.
    fn begin_section(&mut self) -> Option<()> {
        let known = if self.window.want(MIN_SECTION as usize) {
            section_order(self.window.bytes())
        } else {
            self.out_of_bytes(MIN_SECTION as usize);
            return None;
        };
        match known {
            Ok(order) => self.order = order,
            Err(what) => {
                self.give_up(what);
                return None;
            }
        }
        self.section = self.interfaces.len();
        self.processes.clear();
        Some(())
    }

    /// The length stands at the end of the block again. Returns what to step over.
    #[inline]
    fn check_trailer(&mut self, whole: usize) -> Option<usize> {
        let trailer = |end: usize| {
            let bytes = self.window.bytes().get(end - 4..end);
            bytes.is_some_and(|bytes| self.order.u32(bytes, 0) as usize == whole)
        };
        if whole.is_multiple_of(4) && trailer(whole) {
            return Some(whole);
        }
        self.check_odd_trailer(whole)
    }

    /// Lengths must be multiples of 4. Some writers leave the padding out of them, and put it before or
    /// after the second length, or nowhere; the next block must make sense.
    #[cold]
    fn check_odd_trailer(&mut self, whole: usize) -> Option<usize> {
        let padded = whole.next_multiple_of(4);
        // At the end of the file less may be there.
        self.window.want(padded + 8);
        let (bytes, order) = (self.window.bytes(), self.order);
        let there = bytes.len();
        let trailer = |end: usize| {
            let bytes = bytes.get(end - 4..end);
            bytes.is_some_and(|bytes| order.u32(bytes, 0) as usize == whole)
        };
        let block_at = |at: usize| {
            let next = bytes.get(at..).unwrap_or(&[]);
            next.len() < 8
                || order.u32(next, 0) != 0 && (FRAME..MAX_BLOCK).contains(&order.u32(next, 4))
        };
        let sound = [(padded, padded), (whole, padded), (whole, whole)]
            .into_iter()
            .find(|(end, next)| whole != padded && trailer(*end) && block_at(*next));
        if sound.is_none() {
            self.give_up(format!(
                "a block of {whole} bytes gives another length at its end"
            ));
        }
        sound.map(|(_, next)| next.min(there))
    }

    /// An enhanced packet block, or the obsolete one that has a 16-bit interface and a drop counter instead
    /// of a 32-bit interface.
    #[inline]
    fn packet(&mut self, kind: u32, body: Place) -> Option<Step> {
        let order = self.order;
        let bytes = self.window.at(body);
        if bytes.len() < 20 {
            return self.skip_broken("a packet block too short for its header");
        }
        let number = if kind == 6 {
            order.u32(bytes, 0)
        } else {
            order.u16(bytes, 0).into()
        };
        let index = self.section.saturating_add(number as usize);
        let Some(interface) = self.interfaces.get(index) else {
            return self.skip_broken("a packet of an interface that is not described");
        };
        let ticks = u64::from(order.u32(bytes, 4)) << 32 | u64::from(order.u32(bytes, 8));
        let captured = order.u32(bytes, 12);
        if captured as usize > bytes.len() - 20 {
            return self.skip_broken("a packet that is longer than its block");
        }
        let mut frame = FrameStep {
            at: Timestamp::from_nanos(interface.clock.nanos(ticks)),
            #[expect(clippy::cast_possible_truncation, reason = "at most MAX_INTERFACES")]
            interface: index as u32,
            link: link_type(interface.link),
            wire_len: order.u32(bytes, 16).max(captured),
            bytes: body.part(20, captured as usize),
            crossing: None,
            comment: CommentAt::None,
        };
        if kind == 2 {
            // All ones: the writer does not count.
            let lost = order.u16(bytes, 2);
            self.dropped += if lost == u16::MAX { 0 } else { lost.into() };
        }
        let options = 20 + (captured as usize).next_multiple_of(4);
        if options < bytes.len() {
            self.packet_options(&mut frame, kind, body, options);
        }
        Some(Step::Frame(frame))
    }

    fn packet_options(&mut self, frame: &mut FrameStep, kind: u32, body: Place, at: usize) {
        let (mut process, mut effective) = (None, None);
        let order = self.order;
        for (code, at, value) in Options::new(order, self.window.at(body), at) {
            match (code, value.len()) {
                (1, 1..) => {
                    let place = body.part(at, value.len());
                    frame.comment = add_comment(
                        &mut self.scratch,
                        &self.window,
                        frame.comment,
                        trim_comment(&self.window, place),
                    );
                }
                (2, 4..) => frame.crossing = block::crossing(order.u32(value, 0)),
                (4, 8..) if kind == 6 => {
                    self.dropped = self.dropped.saturating_add(order.u64(value, 0));
                }
                (0x8001, 4..) => process = Some(order.u32(value, 0)),
                (0x8003, 4..) => effective = Some(order.u32(value, 0)),
                _ => {}
            }
        }
        if self.processes.is_empty() {
            return;
        }
        let comment = match frame.comment {
            CommentAt::None => "",
            CommentAt::Window(place) => {
                std::str::from_utf8(self.window.at(place)).unwrap_or_default()
            }
            // Neither of the two tools writes more than one comment.
            CommentAt::Scratch => return,
        };
        if let Some(text) = self.processes.describe(comment, process, effective) {
            self.scratch = text;
            frame.comment = CommentAt::Scratch;
        }
    }

    /// A simple packet block: no time, always the first interface, cut at its snap length.
    fn simple_packet(&mut self, body: Place) -> Option<Step> {
        let bytes = self.window.at(body);
        let Some(room) = bytes.len().checked_sub(4) else {
            return self.skip_broken("a simple packet block too short for its header");
        };
        let Some(interface) = self.interfaces.get(self.section) else {
            return self.skip_broken("a packet of an interface that is not described");
        };
        let original = self.order.u32(bytes, 0);
        let mut captured = original as usize;
        if interface.snaplen != 0 {
            captured = captured.min(interface.snaplen as usize);
        }
        if captured > room {
            return self.skip_broken("a packet that is longer than its block");
        }
        Some(Step::Frame(FrameStep {
            at: Timestamp::EPOCH,
            #[expect(clippy::cast_possible_truncation, reason = "at most MAX_INTERFACES")]
            interface: self.section as u32,
            link: link_type(interface.link),
            wire_len: original,
            bytes: body.part(4, captured),
            crossing: None,
            comment: CommentAt::None,
        }))
    }

    fn add_interface(&mut self, body: Place) -> Option<Step> {
        let Some(interface) = Interface::parse(self.order, self.window.at(body)) else {
            return self.skip_broken("an interface description too short for its header");
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            return self.skip_broken("more interfaces than 65536");
        }
        self.interfaces.push(interface);
        let index = u32::try_from(self.interfaces.len() - 1).ok()?;
        Some(Step::Interface(index))
    }

    fn next_name(&mut self) -> Option<NameHint> {
        let (body, at) = self.names.as_mut()?;
        let hint = block::next_name(self.order, self.window.at(*body), at);
        if hint.is_none() {
            self.names = None;
        }
        hint
    }

    /// Counters run from the start of the capture, and a block may come again and again.
    fn statistics(&mut self, body: Place) -> Option<Step> {
        let bytes = self.window.at(body);
        let index = self
            .section
            .saturating_add(self.order.u32(bytes, 0) as usize);
        let Some(interface) = self.interfaces.get_mut(index).filter(|_| bytes.len() >= 12) else {
            return self.skip_broken("statistics of an interface that is not described");
        };
        let lost = Options::new(self.order, bytes, 12)
            .filter(|(code, _, value)| matches!(code, 5 | 7) && value.len() >= 8)
            .fold(0_u64, |sum, (_, _, value)| {
                sum.saturating_add(self.order.u64(value, 0))
            });
        let more = lost.saturating_sub(interface.dropped);
        interface.dropped = interface.dropped.max(lost);
        (more > 0).then_some(Step::Dropped(more))
    }

    fn secrets(&mut self, body: Place) -> Option<Step> {
        let bytes = self.window.at(body);
        let len = self.order.u32(bytes, 4) as usize;
        if bytes.len() < 8 || len > bytes.len() - 8 {
            return self.skip_broken("decryption secrets that are longer than their block");
        }
        if !matches!(self.order.u32(bytes, 0), TLS_KEY_LOG | WIREGUARD_KEY_LOG) {
            self.warn("decryption secrets of another protocol than TLS and WireGuard are not used");
            return None;
        }
        Some(Step::Secrets(body.part(8, len)))
    }

    #[cold]
    fn step_over(&mut self, len: u32) -> Option<Step> {
        let needed = (len as usize).next_multiple_of(4);
        self.warn("a block of more than 16 MiB was stepped over");
        let offset = self.window.offset();
        if !self.window.skip(needed as u64) {
            let there = self.window.offset() - offset;
            self.ended = Some(Ended::Cut {
                offset,
                what: match self.window.failure() {
                    Some(failure) => failure.to_owned(),
                    None => format!("a block is cut: {there} of {needed} bytes are there"),
                },
            });
        }
        None
    }

    #[cold]
    fn out_of_bytes(&mut self, needed: usize) -> Option<Step> {
        let tail = Ended::tail(&self.window, needed, "a block");
        self.ended = Some(match (tail, self.broken) {
            (Ended::Clean, Some((offset, what, count))) => Ended::Corrupt {
                offset,
                what: format!("{what}; {count} such blocks were skipped"),
            },
            (tail, _) => tail,
        });
        None
    }

    #[cold]
    fn give_up(&mut self, what: String) -> Option<Step> {
        self.ended = Some(Ended::Corrupt {
            offset: self.window.offset(),
            what,
        });
        None
    }

    #[cold]
    fn skip_broken(&mut self, what: &'static str) -> Option<Step> {
        let (.., count) = self.broken.get_or_insert((self.window.offset(), what, 0));
        *count += 1;
        self.warn(what);
        None
    }

    #[cold]
    fn warn(&mut self, what: &'static str) {
        if let Some(known) = self.warnings.iter_mut().find(|known| known.what == what) {
            known.count += 1;
        } else if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(Warning {
                what,
                offset: self.window.offset(),
                count: 1,
            });
        }
    }
}

/// Byte order of a section header of at least 28 bytes, once length and version are in order.
fn section_order(bytes: &[u8]) -> Result<Order, String> {
    let order = match bytes.get(8..12) {
        Some([0x1a, 0x2b, 0x3c, 0x4d]) => Order::Big,
        Some([0x4d, 0x3c, 0x2b, 0x1a]) => Order::Little,
        _ => return Err("a pcapng section header without its byte-order magic".to_owned()),
    };
    let len = order.u32(bytes, 4);
    if !(MIN_SECTION..=MAX_BLOCK).contains(&len) {
        return Err(format!(
            "a pcapng section header that claims to be {len} bytes long"
        ));
    }
    match order.u16(bytes, 12) {
        1 => Ok(order),
        major => Err(format!(
            "a section of pcapng version {major}, and only version 1 is known"
        )),
    }
}

/// Some writers count the terminating NUL of C.
fn trim_comment<R: Read>(window: &Window<R>, place: Place) -> Place {
    let bytes = window.at(place);
    let nuls = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    place.part(0, bytes.len() - nuls)
}

/// One comment is shown in place; several are joined by newlines in the scratch string.
fn add_comment<R: Read>(
    scratch: &mut String,
    window: &Window<R>,
    before: CommentAt,
    place: Place,
) -> CommentAt {
    let bytes = window.at(place);
    match before {
        _ if bytes.is_empty() => return before,
        CommentAt::None if std::str::from_utf8(bytes).is_ok() => return CommentAt::Window(place),
        CommentAt::None => scratch.clear(),
        CommentAt::Window(first) => {
            scratch.clear();
            scratch.push_str(&String::from_utf8_lossy(window.at(first)));
            scratch.push('\n');
        }
        CommentAt::Scratch => scratch.push('\n'),
    }
    if scratch.len() + bytes.len() <= MAX_COMMENT {
        scratch.push_str(&String::from_utf8_lossy(bytes));
    }
    CommentAt::Scratch
}
