//! Captures made to exhaust an analyser, of any size and always the same: what grows with the input must have its cap.

use std::io::{self, Read, Write};

/// What a capture is full of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Connections that are asked for and never answered, from ever new addresses.
    SynFlood,
    /// Streams of single bytes, each sent before the one that it follows.
    TinySegments,
    /// Lookups of ever new and long names, with their answers.
    EndlessNames,
    /// Connections whose ClientHello never ends.
    HalfOpenTls,
    /// An HTTP body that inflates to a thousand times its size.
    GzipBomb,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [
        Self::SynFlood,
        Self::TinySegments,
        Self::EndlessNames,
        Self::HalfOpenTls,
        Self::GzipBomb,
    ];

    /// A name for files and command lines.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SynFlood => "syn-flood",
            Self::TinySegments => "tiny-segments",
            Self::EndlessNames => "endless-names",
            Self::HalfOpenTls => "half-open-tls",
            Self::GzipBomb => "gzip-bomb",
        }
    }
}

/// Writes a pcap of about `size` bytes.
///
/// # Errors
///
/// When writing fails.
pub(crate) fn write(kind: Kind, size: u64, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
    out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0])?;
    let mut capture = Capture {
        out,
        size,
        written: 0,
        micros: 1_700_000_000_000_000,
        noise: 0x9e37_79b9_7f4a_7c15,
    };
    match kind {
        Kind::SynFlood => capture.syn_flood(),
        Kind::TinySegments => capture.tiny_segments(),
        Kind::EndlessNames => capture.endless_names(),
        Kind::HalfOpenTls => capture.half_open_tls(),
        Kind::GzipBomb => capture.gzip_bomb(),
    }
}

/// Address and port.
type End = ([u8; 4], u16);

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const SERVER: [u8; 4] = [192, 0, 2, 1];

struct Capture<'o> {
    out: &'o mut dyn Write,
    size: u64,
    written: u64,
    micros: u64,
    noise: u64,
}

impl Capture<'_> {
    fn syn_flood(&mut self) -> io::Result<()> {
        while self.has_room() {
            let random = self.random();
            let [a, b, c, d, e, f, ..] = random.to_le_bytes();
            let from = ([10, a, b, c], u16::from_le_bytes([d, e]) | 1_024);
            self.tcp(from, (SERVER, 443), u32::from(f) << 16, 0, SYN, &[])?;
        }
        Ok(())
    }

    /// Two thousand connections side by side; of each the first byte never comes.
    fn tiny_segments(&mut self) -> io::Result<()> {
        const FLOWS: u32 = 2_000;
        for flow in 0..FLOWS {
            self.open(client(flow), (SERVER, 80))?;
        }
        let mut round = 0_u32;
        while self.has_room() {
            for flow in 0..FLOWS {
                // Every second byte, from behind: nothing can be joined.
                let behind = 60_000_u32.saturating_sub(round * 2 % 60_000);
                let seq = 1 + round / 30_000 * 60_000 + behind;
                self.tcp(client(flow), (SERVER, 80), seq, 1, ACK, b"x")?;
            }
            round += 1;
        }
        Ok(())
    }

    fn endless_names(&mut self) -> io::Result<()> {
        let mut number = 0_u32;
        while self.has_room() {
            number += 1;
            let mut name = Vec::new();
            for _ in 0..3 {
                let label: String = (0..4)
                    .map(|_| format!("{:015x}", self.random() >> 4))
                    .collect();
                name.push(60);
                name.extend(label.as_bytes());
            }
            name.extend(b"\x07example\0");
            let [id, more] = (number as u16).to_be_bytes();
            let question = [&name[..], &[0, 1, 0, 1]].concat();
            let ask = [&[id, more, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &question].concat();
            let address = self.random().to_le_bytes();
            let record = [
                &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4][..],
                &address[..4],
            ]
            .concat();
            let head = [id, more, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
            let reply = [&head[..], &question, &record].concat();
            let asker = client(number % 50_000);
            self.udp(asker, (SERVER, 53), &ask)?;
            self.udp((SERVER, 53), asker, &reply)?;
        }
        Ok(())
    }

    fn half_open_tls(&mut self) -> io::Result<()> {
        // A record of 16 kB with a ClientHello of 200 kB, of which the first thousand bytes come.
        let mut hello = vec![0x16, 3, 1, 0x40, 0, 1, 3, 0x0d, 0x40, 3, 3];
        hello.resize(1_000, 0x5a);
        let mut flow = 0;
        while self.has_room() {
            let from = client(flow);
            self.open(from, (SERVER, 443))?;
            self.tcp(from, (SERVER, 443), 1, 1, ACK, &hello)?;
            flow += 1;
        }
        Ok(())
    }

    /// Lists that inflate to a thousand times their size.
    fn gzip_bomb(&mut self) -> io::Result<()> {
        let zeros = io::repeat(0).take(self.size.min(256 << 20));
        let mut body = Vec::new();
        flate2::read::GzEncoder::new(zeros, flate2::Compression::best()).read_to_end(&mut body)?;
        let request =
            b"GET /7.crl HTTP/1.1\r\nHost: r10.c.lencr.org\r\nAccept-Encoding: gzip\r\n\r\n";
        // With its length, for nothing is inflated of a body that is not known to be whole.
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut flow = 0;
        while self.has_room() {
            let from = client(flow);
            flow += 1;
            self.open(from, (SERVER, 80))?;
            self.tcp(from, (SERVER, 80), 1, 1, ACK, request)?;
            let ack = 1 + request.len() as u32;
            self.tcp((SERVER, 80), from, 1, ack, ACK, head.as_bytes())?;
            let mut seq = 1 + head.len() as u32;
            for part in body.chunks(1_400) {
                self.tcp((SERVER, 80), from, seq, ack, ACK, part)?;
                seq = seq.wrapping_add(part.len() as u32);
            }
        }
        Ok(())
    }

    fn open(&mut self, from: End, to: End) -> io::Result<()> {
        self.tcp(from, to, 0, 0, SYN, &[])?;
        self.tcp(to, from, 0, 1, SYN | ACK, &[])?;
        self.tcp(from, to, 1, 1, ACK, &[])
    }

    fn tcp(
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

    fn udp(&mut self, from: End, to: End, payload: &[u8]) -> io::Result<()> {
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

    fn has_room(&self) -> bool {
        self.written < self.size
    }

    /// xorshift64.
    fn random(&mut self) -> u64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise
    }
}

/// A client of its own for every number below a few billion.
fn client(number: u32) -> End {
    let [_, a, b, c] = (number / 16).to_be_bytes();
    ([10, a, b, c], 40_000 + (number % 16) as u16)
}
