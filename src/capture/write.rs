//! Writing pcapng: evidence captures, and live captures that are kept.
//!
//! Every block is written by one call, whole, so that a program that dies leaves at most one block cut;
//! reading such a file loses nothing before it.

use std::io::{self, Write};

use crate::frame::{Crossing, Frame, LinkType};

const SECTION: u32 = 0x0a0d_0d0a;
const TLS_KEY_LOG: u32 = 0x544c_534b;
const WIREGUARD_KEY_LOG: u32 = 0x5747_4b4c;
/// Option lengths have 16 bits.
const MAX_OPTION: usize = u16::MAX as usize;

/// What the section header tells about the origin of the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Section<'a> {
    /// Description of the machine.
    pub hardware: Option<&'a str>,
    /// Its operating system.
    pub os: Option<&'a str>,
    /// Program that writes, with its version.
    pub application: Option<&'a str>,
    /// Anything for the reader.
    pub comment: Option<&'a str>,
}

/// Writes a pcapng file of one section, little-endian, with time stamps in nanoseconds.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    out: W,
    block: Vec<u8>,
    interfaces: u32,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn new(out: W, section: &Section<'_>) -> io::Result<Self> {
        let mut writer = Self {
            out,
            block: Vec::with_capacity(4 << 10),
            interfaces: 0,
        };
        writer.begin(SECTION);
        writer.block.extend(0x1a2b_3c4d_u32.to_le_bytes());
        writer.block.extend([1, 0, 0, 0]);
        // Length of the section: unknown until it is over.
        writer.block.extend((-1_i64).to_le_bytes());
        let options = [
            (1, section.comment),
            (2, section.hardware),
            (3, section.os),
            (4, section.application),
        ];
        for (code, value) in options {
            writer.text(code, value);
        }
        writer.end()?;
        Ok(writer)
    }

    /// Describes an interface and returns its number in this file. `filter` is the capture filter that was set, as
    /// libpcap reads it.
    ///
    /// # Errors
    ///
    /// When writing fails, or the link type does not fit into 16 bits.
    pub fn interface(
        &mut self,
        link: LinkType,
        snaplen: u32,
        name: Option<&str>,
        filter: Option<&str>,
    ) -> io::Result<u32> {
        let link = u16::try_from(link.0).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("link type {} does not fit into a pcapng file", link.0),
            )
        })?;
        self.begin(1);
        self.block.extend(link.to_le_bytes());
        self.block.extend([0, 0]);
        self.block.extend(snaplen.to_le_bytes());
        self.text(2, name);
        self.option(9, &[9]);
        if let Some(filter) = filter.filter(|f| f.len() < MAX_OPTION) {
            // The first byte says that it is text.
            self.option(11, &[&[0], filter.as_bytes()].concat());
        }
        self.end()?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// Writes a packet as it was captured, on interface `number` of this file, with comments of its own
    /// after the one it came with. Times before 1970 become 1970, which the format cannot go below.
    ///
    /// # Errors
    ///
    /// When writing fails, or the packet has more than 4 GB.
    pub fn packet(&mut self, number: u32, frame: &Frame<'_>, comments: &[&str]) -> io::Result<()> {
        let too_long =
            |_| io::Error::new(io::ErrorKind::InvalidInput, "a packet of more than 4 GB");
        let captured = u32::try_from(frame.bytes.len()).map_err(too_long)?;
        let nanos = u64::try_from(frame.at.as_nanos()).unwrap_or(0);
        self.begin(6);
        self.block.extend(number.to_le_bytes());
        let [a, b, c, d, high @ ..] = nanos.to_le_bytes();
        self.block.extend(high);
        self.block.extend([a, b, c, d]);
        self.block.extend(captured.to_le_bytes());
        self.block
            .extend(frame.wire_len.max(captured).to_le_bytes());
        self.block.extend(frame.bytes);
        self.pad();
        match frame.crossing {
            Some(Crossing::Inbound) => self.option(2, &[1, 0, 0, 0]),
            Some(Crossing::Outbound) => self.option(2, &[2, 0, 0, 0]),
            None => {}
        }
        self.text(1, frame.comment);
        for comment in comments {
            self.text(1, Some(comment));
        }
        self.end()
    }

    /// Writes lines of a TLS key log. They count for packets after them, so they should come first.
    ///
    /// # Errors
    ///
    /// When writing fails, or there are more than 4 GB.
    pub fn secrets(&mut self, lines: &[u8]) -> io::Result<()> {
        self.key_log(TLS_KEY_LOG, lines)
    }

    /// The same of a key log of WireGuard.
    ///
    /// # Errors
    ///
    /// See [`Self::secrets`].
    pub fn tunnel_secrets(&mut self, lines: &[u8]) -> io::Result<()> {
        self.key_log(WIREGUARD_KEY_LOG, lines)
    }

    fn key_log(&mut self, kind: u32, lines: &[u8]) -> io::Result<()> {
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "secrets of more than 4 GB");
        let len = u32::try_from(lines.len()).map_err(too_long)?;
        self.begin(10);
        self.block.extend(kind.to_le_bytes());
        self.block.extend(len.to_le_bytes());
        self.block.extend(lines);
        self.pad();
        self.end()
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    ///
    /// When writing fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The output.
    pub const fn get_ref(&self) -> &W {
        &self.out
    }

    /// Where blocks go; whoever writes there on its own breaks the file.
    pub const fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// The output, after the last block.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.block.extend(kind.to_le_bytes());
        // Room for the length.
        self.block.extend([0; 4]);
    }

    /// Options are closed by an empty one, which may be there without any.
    fn end(&mut self) -> io::Result<()> {
        self.block.extend([0; 4]);
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a block of more than 4 GB");
        let len = u32::try_from(self.block.len() + 4).map_err(too_long)?;
        self.block.extend(len.to_le_bytes());
        if let Some(room) = self.block.get_mut(4..8) {
            room.copy_from_slice(&len.to_le_bytes());
        }
        self.out.write_all(&self.block)
    }

    fn text(&mut self, code: u16, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return;
        };
        let end = value.floor_char_boundary(MAX_OPTION);
        self.option(code, value.get(..end).unwrap_or_default().as_bytes());
    }

    /// Callers keep within 65535 bytes.
    fn option(&mut self, code: u16, value: &[u8]) {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.block.extend(code.to_le_bytes());
        self.block.extend(len.to_le_bytes());
        self.block.extend(value);
        self.pad();
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }
}
