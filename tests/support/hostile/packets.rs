//! Packets into a pcap, one after the other.

use std::io::{self, Write};

/// Address and port.
pub(super) type End = ([u8; 4], u16);

pub(super) const SYN: u8 = 0x02;
pub(super) const ACK: u8 = 0x10;
pub(super) const SERVER: [u8; 4] = [192, 0, 2, 1];

/// A pcap of raw IP being written.
pub(super) struct Capture<'o> {
    out: &'o mut dyn Write,
    /// Bytes, or things, that it is to hold.
    pub(super) size: u64,
    written: u64,
    pub(super) micros: u64,
    noise: u64,
}

impl<'o> Capture<'o> {
    /// Begins one.
    pub(super) fn new(size: u64, out: &'o mut dyn Write) -> io::Result<Self> {
        out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0])?;
        Ok(Self {
            out,
            size,
            written: 0,
            micros: 1_700_000_000_000_000,
            noise: 0x9e37_79b9_7f4a_7c15,
        })
    }

    /// A stream that lies ready: segments of 1,400 bytes from `seq` on. Gives the number after them.
    pub(super) fn stream(
        &mut self,
        from: End,
        to: End,
        mut seq: u32,
        ack: u32,
        bytes: &[u8],
    ) -> io::Result<u32> {
        for part in bytes.chunks(1_400) {
            self.tcp(from, to, seq, ack, ACK, part)?;
            seq = seq.wrapping_add(part.len() as u32);
        }
        Ok(seq)
    }

    pub(super) fn open(&mut self, from: End, to: End) -> io::Result<()> {
        self.tcp(from, to, 0, 0, SYN, &[])?;
        self.tcp(to, from, 0, 1, SYN | ACK, &[])?;
        self.tcp(from, to, 1, 1, ACK, &[])
    }

    pub(super) fn tcp(
        &mut self,
        from: End,
        to: End,
        seq: u32,
        ack: u32,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut segment = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        segment.extend(seq.to_be_bytes());
        segment.extend(ack.to_be_bytes());
        segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(payload);
        self.packet(6, from.0, to.0, &segment)
    }

    pub(super) fn udp(&mut self, from: End, to: End, payload: &[u8]) -> io::Result<()> {
        let mut datagram = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        datagram.extend((8 + payload.len() as u16).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(payload);
        self.packet(17, from.0, to.0, &datagram)
    }

    fn packet(&mut self, protocol: u8, from: [u8; 4], to: [u8; 4], body: &[u8]) -> io::Result<()> {
        self.micros += 20;
        let total = 20 + body.len();
        let mut record = Vec::with_capacity(16 + total);
        record.extend(((self.micros / 1_000_000) as u32).to_le_bytes());
        record.extend(((self.micros % 1_000_000) as u32).to_le_bytes());
        record.extend((total as u32).to_le_bytes());
        record.extend((total as u32).to_le_bytes());
        record.extend([0x45, 0]);
        record.extend((total as u16).to_be_bytes());
        record.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
        record.extend(from);
        record.extend(to);
        record.extend(body);
        self.written += record.len() as u64;
        self.out.write_all(&record)
    }

    pub(super) fn has_room(&self) -> bool {
        self.written < self.size
    }

    /// xorshift64.
    pub(super) fn random(&mut self) -> u64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise
    }
}

/// A client of its own for every number below a few billion.
pub(super) fn client(number: u32) -> End {
    let [_, a, b, c] = (number / 16).to_be_bytes();
    ([10, a, b, c], 40_000 + (number % 16) as u16)
}
