//! Captures made to exhaust an analyser, of any size and always the same: what grows with the input must have its cap.

mod bundles;
mod der;
mod packets;
mod quic;
pub(crate) mod scale;

use std::io::{self, Read, Write};

use packets::{ACK, Capture, SERVER, SYN, client};

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
    /// The same with hellos of 250 kB, of which 60 kB come.
    HugeHellos,
    /// HTTP requests of 60 kB that never end.
    EndlessHeads,
    /// QUIC Initials that anybody can open, of hellos whose first byte never comes.
    QuicInitials,
    /// DTLS hellos in pieces, of which the last never comes.
    DtlsHellos,
    /// Handshakes that show ever new certificates with a thousand names each.
    NewCertificates,
    /// Requests to watched hosts, with the longest of paths and agents.
    LongRequests,
    /// OCSP requests of a megabyte.
    HugeQuestions,
    /// Ever new issuer certificates of 900 kB.
    HugeIssuers,
    /// Lookups of ever new watched names, answered with 200 addresses.
    WatchedNames,
    /// An HTTP body that inflates to a thousand times its size.
    GzipBomb,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 14] = [
        Self::SynFlood,
        Self::TinySegments,
        Self::EndlessNames,
        Self::HalfOpenTls,
        Self::HugeHellos,
        Self::EndlessHeads,
        Self::QuicInitials,
        Self::DtlsHellos,
        Self::NewCertificates,
        Self::LongRequests,
        Self::HugeQuestions,
        Self::HugeIssuers,
        Self::WatchedNames,
        Self::GzipBomb,
    ];

    /// A name for files and command lines.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SynFlood => "syn-flood",
            Self::TinySegments => "tiny-segments",
            Self::EndlessNames => "endless-names",
            Self::HalfOpenTls => "half-open-tls",
            Self::HugeHellos => "huge-hellos",
            Self::EndlessHeads => "endless-heads",
            Self::QuicInitials => "quic-initials",
            Self::DtlsHellos => "dtls-hellos",
            Self::NewCertificates => "new-certificates",
            Self::LongRequests => "long-requests",
            Self::HugeQuestions => "huge-questions",
            Self::HugeIssuers => "huge-issuers",
            Self::WatchedNames => "watched-names",
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
    let mut capture = Capture::new(size, out)?;
    match kind {
        Kind::SynFlood => capture.syn_flood(),
        Kind::TinySegments => capture.tiny_segments(),
        Kind::EndlessNames => capture.endless_names(),
        Kind::HalfOpenTls => capture.half_open_tls(1_000),
        Kind::HugeHellos => capture.half_open_tls(60_000),
        Kind::EndlessHeads => capture.endless_heads(),
        Kind::QuicInitials => capture.quic_initials(),
        Kind::DtlsHellos => capture.dtls_hellos(),
        Kind::NewCertificates => capture.new_certificates(),
        Kind::LongRequests => capture.long_requests(),
        Kind::HugeQuestions => capture.huge_questions(),
        Kind::HugeIssuers => capture.huge_issuers(),
        Kind::WatchedNames => capture.watched_names(),
        Kind::GzipBomb => capture.gzip_bomb(),
    }
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

    fn half_open_tls(&mut self, sent: usize) -> io::Result<()> {
        // Records of 16 kB with a ClientHello of 250 kB, of which some comes.
        let mut hello = vec![1, 3, 0xd0, 0x90, 3, 3];
        hello.resize(sent, 0x5a);
        let mut records = Vec::new();
        for part in hello.chunks(16_384) {
            records.extend([0x16, 3, 1, 0x40, 0]);
            records.extend(part);
        }
        let mut flow = 0;
        while self.has_room() {
            let from = client(flow);
            self.open(from, (SERVER, 443))?;
            self.stream(from, (SERVER, 443), 1, 1, &records)?;
            flow += 1;
        }
        Ok(())
    }

    fn endless_heads(&mut self) -> io::Result<()> {
        let mut head = b"GET /7.crl HTTP/1.1\r\nHost: r10.c.lencr.org\r\nX-More: ".to_vec();
        head.resize(60_000, b'x');
        let mut flow = 0;
        while self.has_room() {
            let from = client(flow);
            self.open(from, (SERVER, 80))?;
            self.stream(from, (SERVER, 80), 1, 1, &head)?;
            flow += 1;
        }
        Ok(())
    }

    fn dtls_hellos(&mut self) -> io::Result<()> {
        let mut flow = 0_u32;
        while self.has_room() {
            for number in 0..8_u8 {
                // Fragments of eight messages of 8,000 bytes, each without its beginning.
                let fragment = [0x5a; 1_000];
                let mut message = vec![1, 0, 0x1f, 0x40, 0, number, 0, 0x03, 0xe8, 0, 0x03, 0xe8];
                message.extend(fragment);
                let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, number];
                record.extend((message.len() as u16).to_be_bytes());
                record.extend(message);
                self.udp(client(flow), (SERVER, 4_433), &record)?;
            }
            flow += 1;
        }
        Ok(())
    }

    fn watched_names(&mut self) -> io::Result<()> {
        let mut number = 0_u32;
        while self.has_room() {
            number += 1;
            let label = format!("{:016x}{:016x}", self.random(), self.random());
            let name = [&[32][..], label.as_bytes(), b"\x01c\x05lencr\x03org\0"].concat();
            let [id, more] = (number as u16).to_be_bytes();
            let question = [&name[..], &[0, 1, 0, 1]].concat();
            let ask = [&[id, more, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &question].concat();
            let mut reply = vec![id, more, 0x81, 0x80, 0, 1, 0, 200, 0, 0, 0, 0];
            reply.extend(&question);
            for _ in 0..200 {
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                reply.extend(&self.random().to_le_bytes()[..4]);
            }
            let asker = client(number % 50_000);
            self.udp(asker, (SERVER, 53), &ask)?;
            self.udp((SERVER, 53), asker, &reply)?;
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
}
