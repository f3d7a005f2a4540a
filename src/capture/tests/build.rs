//! Writes captures byte by byte, so that the readers are not tested against a writer of their own kind.

use std::io::Read;

use crate::capture::{Item, Reader};

/// A frame as a reader gave it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    pub(super) no: u64,
    pub(super) at: i64,
    pub(super) link: u32,
    pub(super) interface: u32,
    pub(super) wire_len: u32,
    pub(super) bytes: Vec<u8>,
}

impl Seen {
    pub(super) fn to_micros(&self) -> Self {
        Self {
            at: self.at / 1_000 * 1_000,
            ..self.clone()
        }
    }
}

/// Frames to be written: nanoseconds, length on the wire, bytes.
pub(super) struct Capture {
    pub(super) frames: Vec<(u64, u32, Vec<u8>)>,
}

impl Capture {
    pub(super) fn example() -> Self {
        let base = 1_700_000_000_000_000_000;
        Self {
            frames: vec![
                (base + 1, 60, vec![1; 60]),
                (base + 999_999_999, 1514, vec![2; 70]),
                (base + 1_000_000_000, 61, vec![3; 61]),
                (base + 500, 1, vec![4]),
                (4_294_967_295_000_001_000, 63, vec![5; 63]),
            ],
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.frames
            .iter()
            .enumerate()
            .map(|(index, (at, wire_len, bytes))| Seen {
                no: index as u64 + 1,
                at: *at as i64,
                link: 1,
                interface: 0,
                wire_len: *wire_len,
                bytes: bytes.clone(),
            })
            .collect()
    }

    pub(super) fn pcap(&self, big: bool, magic: u32) -> Vec<u8> {
        let mut out = Out::new(big);
        out.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65_535);
        // Ethernet with a frame check sequence of 4 bytes.
        out.u32(0x2400_0001);
        let ixia = magic >> 8 == 0x1c_0001;
        if ixia {
            let records = self.frames.iter().map(|(.., bytes)| 16 + bytes.len());
            out.u32(records.sum::<usize>() as u32);
        }
        for (at, wire_len, bytes) in &self.frames {
            let sub = at % 1_000_000_000;
            out.u32((at / 1_000_000_000) as u32);
            out.u32(if matches!(magic, 0xa1b2_3c4d | 0x1c00_01ac) {
                sub
            } else {
                sub / 1_000
            } as u32);
            out.u32(bytes.len() as u32).u32(*wire_len);
            if magic == 0xa1b2_cd34 {
                out.u32(7).u16(0x0800).u16(0);
            }
            out.bytes(bytes);
        }
        out.into_bytes()
    }

    pub(super) fn pcapng(&self, big: bool, resolution: u8) -> Vec<u8> {
        let mut out = Out::new(big);
        out.section();
        out.interface(1, 65_535, &[(9, &[resolution])]);
        for (at, wire_len, bytes) in &self.frames {
            let ticks = match resolution {
                6 => at / 1_000,
                9 => *at,
                // Round up, so that rounding down again finds the nanosecond.
                other => ((u128::from(*at) << (other & 0x7f)).div_ceil(1_000_000_000)) as u64,
            };
            out.packet(0, ticks, *wire_len, bytes, &[]);
        }
        out.into_bytes()
    }
}

/// Bytes in one byte order.
pub(super) struct Out {
    big: bool,
    out: Vec<u8>,
}

/// Options: code and value.
pub(super) type Options<'a> = &'a [(u16, &'a [u8])];

impl Out {
    pub(super) fn new(big: bool) -> Self {
        Self {
            big,
            out: Vec::new(),
        }
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        })
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        })
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&if self.big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        })
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend(bytes);
        self
    }

    pub(super) fn pad(&mut self) -> &mut Self {
        self.out.resize(self.out.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let len = body.len() as u32 + 12;
        self.u32(kind).u32(len).bytes(body).u32(len)
    }

    /// A block whose body another writer of the same byte order fills in.
    pub(super) fn block_of(&mut self, kind: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut body = Self::new(self.big);
        fill(&mut body);
        self.block(kind, &body.pad().out)
    }

    pub(super) fn options(&mut self, options: Options<'_>) -> &mut Self {
        for (code, value) in options {
            self.u16(*code).u16(value.len() as u16).bytes(value).pad();
        }
        if !options.is_empty() {
            self.u32(0);
        }
        self
    }

    pub(super) fn section(&mut self) -> &mut Self {
        self.block_of(0x0a0d_0d0a, |body| {
            body.u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX);
        })
    }

    pub(super) fn interface(&mut self, link: u16, snaplen: u32, options: Options<'_>) -> &mut Self {
        self.block_of(1, |body| {
            body.u16(link).u16(0).u32(snaplen).options(options);
        })
    }

    pub(super) fn packet(
        &mut self,
        interface: u32,
        ticks: u64,
        wire_len: u32,
        bytes: &[u8],
        options: Options<'_>,
    ) -> &mut Self {
        self.block_of(6, |body| {
            body.u32(interface)
                .u32((ticks >> 32) as u32)
                .u32(ticks as u32);
            body.u32(bytes.len() as u32)
                .u32(wire_len)
                .bytes(bytes)
                .pad();
            body.options(options);
        })
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }
}

/// Reads to the end and keeps the frames.
pub(super) fn collect<R: Read>(reader: &mut Reader<R>) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some(item) = reader.next_item() {
        if let Item::Frame(frame) = item {
            seen.push(seen_of(&frame));
        }
    }
    seen
}

pub(super) fn seen_of(frame: &crate::frame::Frame<'_>) -> Seen {
    Seen {
        no: frame.no.get(),
        at: frame.at.as_nanos(),
        link: frame.link.0,
        interface: frame.interface.0,
        wire_len: frame.wire_len,
        bytes: frame.bytes.to_vec(),
    }
}

/// Everything a reader says, as text. The buffer is so small that every refill is exercised.
pub(super) fn transcript(bytes: &[u8]) -> Vec<String> {
    transcript_of(Reader::with_buffer(bytes, 64).unwrap())
}

pub(super) fn transcript_of<R: Read>(mut reader: Reader<R>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(item) = reader.next_item() {
        lines.push(match item {
            Item::Frame(frame) => {
                let mut line = format!(
                    "frame {} at {} link {} on {} {}/{}",
                    frame.no,
                    frame.at.as_nanos(),
                    frame.link.0,
                    frame.interface.0,
                    frame.bytes.len(),
                    frame.wire_len
                );
                if let Some(crossing) = frame.crossing {
                    line += &format!(" {crossing:?}");
                }
                if let Some(comment) = frame.comment {
                    line += &format!(" {comment:?}");
                }
                line
            }
            Item::Secrets(lines) => format!("secrets {:?}", String::from_utf8_lossy(lines)),
            Item::NameHint(hint) => format!("name {} {:?}", hint.address, hint.names),
            Item::Interface(interface) => format!(
                "interface {} link {} snaplen {} {:?} {:?}",
                interface.id.0,
                interface.link.0,
                interface.snaplen,
                interface.name,
                interface.filter
            ),
            Item::Dropped(count) => format!("dropped {count}"),
        });
    }
    lines.push(format!("ended {}", reader.ended().unwrap()));
    lines.extend(
        reader
            .warnings()
            .iter()
            .map(|warning| format!("warning {warning}")),
    );
    lines
}
