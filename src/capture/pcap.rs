//! Classic pcap files (draft-ietf-opsawg-pcap), and the variants that libpcap and Wireshark read.
//!
//! | variant | how it is told | difference |
//! |---|---|---|
//! | microseconds, nanoseconds | magic a1b2c3d4, a1b23c4d, either byte order | |
//! | Kuznetzov (Fritz!Box, old Linux) | magic a1b2cd34 | record header 24 bytes, in one build 28 |
//! | Nokia, Red Hat 6.1 | records only make sense so | record header 20 or 24 bytes |
//! | Ixia | magic 1c0001ac or 1c0001ab | four more bytes in the file header |
//! | AIX | version 2.2 and an RFC 1573 interface type | nanoseconds; ifType instead of a link type |
//! | before version 2.4 | version | captured and original length swapped, always or sometimes |

use std::io::Read;

use super::reader::{CommentAt, FrameStep, Step};
use super::window::{Order, Window};
use super::{Ended, HeaderError};
use crate::frame::LinkType;
use crate::time::{Span, Timestamp};

/// The longest packet that is believed; libpcap and Wireshark draw the line at the same place.
const MAX_PACKET: u32 = 262_144;
/// A file that announces more (USB, D-Bus) may hold more, up to this.
const MAX_ANNOUNCED: u32 = 16 << 20;
const HEADER: usize = 24;
const IXIA: &str = "pcap, Ixia's variant";
/// The first packets of a capture are not further apart, when record sizes are told apart by them.
const DAY: Span = Span::from_secs(86_400);

/// A pcap file being read.
pub(crate) struct Pcap<R> {
    window: Window<R>,
    header: Header,
    /// Bytes of the record handed out last, to step over.
    pending: usize,
    /// The header of the record after it, where that is in memory. Where it stands is known only now, so the memory is
    /// fetched while the record before it is being looked at.
    ahead: Option<Record>,
    announced: bool,
    records: u64,
    ended: Option<Ended>,
}

/// What the file header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    order: Order,
    /// Size of a record header.
    record: usize,
    /// Bytes of the file header beyond the usual.
    more: usize,
    /// Nanoseconds in the unit of the sub-second field.
    unit: i64,
    lengths: Lengths,
    /// Longest captured length that is believed.
    cap: u32,
    pub(crate) link: LinkType,
    pub(crate) snaplen: u32,
    pub(crate) format: &'static str,
}

/// Which of the two length fields is the captured one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lengths {
    Usual,
    /// Before version 2.3.
    Swapped,
    /// Version 2.3 and DG/UX: both were written, so the smaller one is the captured one.
    Either,
}

impl<R: Read> Pcap<R> {
    /// Reads the file header.
    pub(crate) fn new(mut window: Window<R>) -> Result<Self, HeaderError> {
        if !window.want(HEADER) {
            return Err(HeaderError::new(format!(
                "the pcap file header is cut: {} of {HEADER} bytes are there",
                window.bytes().len()
            )));
        }
        let mut header = Header::parse(window.bytes())?;
        window.consume(HEADER);
        if header.more > 0 {
            // Cut inside these four, there is no packet to miss.
            window.want(header.more);
            window.consume(header.more.min(window.bytes().len()));
        }
        header.guess_record_size(window.bytes());
        Ok(Self {
            window,
            header,
            pending: 0,
            ahead: None,
            announced: false,
            records: 0,
            ended: None,
        })
    }

    /// The next packet, where its header was read already, and it and the header behind it are in memory;
    /// nearly all are. None sends to [`Self::advance`].
    #[inline(always)]
    pub(crate) fn advance_plain(&mut self) -> Option<FrameStep> {
        let record = self.ahead?;
        let (header, captured) = (self.header.record, record.captured as usize);
        let whole = header + captured;
        let next = self.window.behind(self.pending + whole);
        if next.len() < header || record.captured > self.header.cap || record.captured == 0 {
            return None;
        }
        self.ahead = Some(self.header.record(next));
        self.window.consume(self.pending);
        self.pending = whole;
        self.records += 1;
        Some(self.frame(&record))
    }

    #[inline(always)]
    fn frame(&self, record: &Record) -> FrameStep {
        FrameStep {
            at: record.at,
            interface: 0,
            link: self.header.link,
            wire_len: record.original.max(record.captured),
            bytes: self
                .window
                .place(self.header.record, record.captured as usize),
            crossing: None,
            comment: CommentAt::None,
        }
    }

    pub(crate) fn advance(&mut self) -> Option<Step> {
        if self.ended.is_some() {
            return None;
        }
        if !self.announced {
            self.announced = true;
            return Some(Step::Interface(0));
        }
        self.window.consume(std::mem::take(&mut self.pending));
        let header = &self.header;
        let record = match self.ahead.take() {
            Some(record) => record,
            None if !self.window.want(header.record) => return self.out_of_bytes(header.record),
            None => header.record(self.window.bytes()),
        };
        if record.captured > header.cap || record.is_blank() {
            return self.give_up(record);
        }
        let captured = record.captured as usize;
        let whole = header.record + captured;
        if !self.window.want(whole) {
            return self.out_of_bytes(whole);
        }
        self.pending = whole;
        self.records += 1;
        let next = self.window.bytes().get(whole..).unwrap_or_default();
        self.ahead = (next.len() >= header.record).then(|| header.record(next));
        Some(Step::Frame(self.frame(&record)))
    }

    pub(crate) fn window(&self) -> &Window<R> {
        &self.window
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    #[cold]
    fn out_of_bytes(&mut self, needed: usize) -> Option<Step> {
        self.ended = Some(Ended::tail(
            &self.window,
            needed,
            &format!("packet {}", self.records + 1),
        ));
        None
    }

    #[cold]
    fn give_up(&mut self, record: Record) -> Option<Step> {
        let what = if record.is_blank() {
            "a packet header of zero bytes: the file was probably not closed properly".to_owned()
        } else {
            format!(
                "packet {} claims {} captured bytes, more than the {} that are possible",
                self.records + 1,
                record.captured,
                self.header.cap
            )
        };
        self.ended = Some(Ended::Corrupt {
            offset: self.window.offset(),
            what,
        });
        None
    }
}

/// A record header.
#[derive(Clone, Copy, Debug)]
struct Record {
    at: Timestamp,
    captured: u32,
    original: u32,
}

impl Record {
    /// All zero: what a file system leaves where data was never written. No capture tool records a packet
    /// without a byte on the wire at the epoch.
    #[inline]
    fn is_blank(&self) -> bool {
        self.original == 0 && self.captured == 0 && self.at == Timestamp::EPOCH
    }
}

impl Header {
    /// Parses the 24 bytes at the start of a file.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let order = match bytes.get(..4) {
            Some([0xa1, 0xb2, ..] | [0x1c, 0, 1, ..]) => Order::Big,
            _ => Order::Little,
        };
        let (unit, record, format) = match order.u32(bytes, 0) {
            0xa1b2_c3d4 => (1_000, 16, "pcap"),
            0xa1b2_3c4d => (1, 16, "pcap, nanoseconds"),
            0xa1b2_cd34 => (1_000, 24, "pcap, Kuznetzov's variant"),
            // By hardware and by software; how many bytes of records follow stands behind the usual header.
            0x1c00_01ac | 0x1c00_01ab => (1_000, 16, IXIA),
            other => {
                return Err(HeaderError::new(format!(
                    "its first four bytes are {other:08x}, a variant of pcap that is not known here"
                )));
            }
        };
        let (major, minor) = (order.u16(bytes, 4), order.u16(bytes, 6));
        if major != 2 && (major, minor) != (543, 0) {
            return Err(HeaderError::new(format!(
                "it says pcap version {major}.{minor}, and only version 2 is known"
            )));
        }
        let snaplen = order.u32(bytes, 16);
        // The upper half holds the length of the frame check sequence, for those who keep it.
        let network = order.u32(bytes, 20) & 0xffff;
        let mut header = Self {
            order,
            record,
            more: if format == IXIA { 4 } else { 0 },
            unit,
            lengths: match (major, minor) {
                (543, _) | (2, 3) => Lengths::Either,
                (_, 0..3) => Lengths::Swapped,
                _ => Lengths::Usual,
            },
            cap: snaplen.clamp(MAX_PACKET, MAX_ANNOUNCED),
            link: link_type(network),
            snaplen,
            format,
        };
        if let (2, Some(link)) = (minor, aix_link(network)) {
            header.unit = 1;
            header.link = link;
            header.lengths = Lengths::Usual;
            header.format = "pcap, AIX";
        }
        Ok(header)
    }

    /// Chooses the record size that makes sense of what is in memory already. Nothing is waited for, so
    /// a pipe that has delivered only the file header stays at the usual size.
    fn guess_record_size(&mut self, bytes: &[u8]) {
        let others: &[usize] = if self.record == 16 {
            &[20, 24]
        } else {
            &[28, 16]
        };
        let makes_sense = |candidate: Self| {
            let begin = candidate.record(bytes).at;
            let mut rest = bytes;
            let mut seen = 0;
            while seen < 3 && rest.len() >= candidate.record {
                let head = candidate.record(rest);
                if head.is_blank()
                    || head.captured > head.original.min(self.cap)
                    || head.at.since(begin).abs() > DAY
                    || i64::from(self.order.u32(rest, 4)) >= 1_000_000_000 / candidate.unit
                {
                    return false;
                }
                seen += 1;
                let Some(next) = rest.get(candidate.record + head.captured as usize..) else {
                    break;
                };
                rest = next;
            }
            // One record alone fits every size, so two are needed to move away from the usual.
            candidate.record == self.record || seen >= 2
        };
        let of_size = |record: usize| makes_sense(Self { record, ..*self });
        if of_size(self.record) {
            return;
        }
        if self.format == IXIA {
            // Wireshark reads microseconds; where none can be that large, the hardware counted finer.
            if makes_sense(Self { unit: 1, ..*self }) {
                self.unit = 1;
            }
            return;
        }
        if let Some(&record) = others.iter().find(|&&record| of_size(record)) {
            self.record = record;
            self.format = match record {
                20 => "pcap, Nokia's variant",
                24 => "pcap, Red Hat 6.1's variant",
                _ => self.format,
            };
        }
    }

    #[inline(always)]
    fn record(&self, bytes: &[u8]) -> Record {
        let [secs, sub, first, second] = self.order.four(bytes);
        let (captured, original) = match self.lengths {
            Lengths::Usual => (first, second),
            Lengths::Swapped => (second, first),
            Lengths::Either => (first.min(second), first.max(second)),
        };
        Record {
            // Below 2^32 seconds nothing here can overflow.
            at: Timestamp::from_nanos(i64::from(secs) * 1_000_000_000 + i64::from(sub) * self.unit),
            captured,
            original,
        }
    }
}

/// Brings the values some systems write for raw IP to the registered one: 12 is DLT_RAW of most systems,
/// 14 that of OpenBSD; as LINKTYPE_ values both are otherwise unused.
pub(crate) fn link_type(network: u32) -> LinkType {
    match network {
        12 | 14 => LinkType::RAW,
        other => LinkType(other),
    }
}

/// AIX writes RFC 1573 interface types: Ethernet, token ring, FDDI and loopback.
fn aix_link(network: u32) -> Option<LinkType> {
    match network {
        6 => Some(LinkType::ETHERNET),
        9 => Some(LinkType(6)),
        15 => Some(LinkType(10)),
        24 => Some(LinkType::NULL),
        _ => None,
    }
}
