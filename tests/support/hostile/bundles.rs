//! What correlation remembers, in ever new and ever larger versions.

use std::io;

use super::der::{certificate, sequence, tlv};
use super::packets::{ACK, Capture, End, SERVER, client};

/// A ClientHello for `name`, in a record.
pub(super) fn client_hello(random: u64, name: &str, tls13: bool) -> Vec<u8> {
    let host = [&[0][..], &short(name.as_bytes())].concat();
    let mut extensions = extension(0, &short(&host));
    extensions.extend(extension(10, &[0, 2, 0, 29]));
    extensions.extend(extension(13, &[0, 2, 4, 3]));
    if tls13 {
        extensions.extend(extension(43, &[4, 3, 4, 3, 3]));
    }
    let mut body = vec![3, 3];
    body.extend(random.to_be_bytes().repeat(4));
    body.extend([0, 0, 4, 0x13, 1, 0xc0, 0x2b, 1, 0]);
    body.extend(short(&extensions));
    record(22, &message(1, &body))
}

/// A ServerHello in a record.
pub(super) fn server_hello(random: u64, tls13: bool) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random.to_be_bytes().repeat(4));
    let (suite, extensions) = if tls13 {
        ([0x13, 1], extension(43, &[3, 4]))
    } else {
        ([0xc0, 0x2b], extension(0xff01, &[0]))
    };
    body.push(0);
    body.extend(suite);
    body.push(0);
    body.extend(short(&extensions));
    record(22, &message(2, &body))
}

/// A Certificate message of TLS 1.2 in its records.
pub(super) fn chain(certificates: &[Vec<u8>]) -> Vec<u8> {
    let entries: Vec<Vec<u8>> = certificates.iter().map(|der| long(der)).collect();
    let message = message(11, &long(&entries.concat()));
    message
        .chunks(16_384)
        .flat_map(|part| record(22, part))
        .collect()
}

pub(super) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &short(content)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &long(body)].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &short(content)].concat()
}

/// Behind a length of two octets.
fn short(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes()[..], content].concat()
}

/// Behind a length of three octets.
fn long(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32).to_be_bytes()[1..], content].concat()
}

impl Capture<'_> {
    pub(super) fn new_certificates(&mut self) -> io::Result<()> {
        let mut flow = 0;
        while self.has_room() {
            let (from, to) = (client(flow), (SERVER, 443));
            let random = self.random();
            let certificates: Vec<Vec<u8>> = (0..4)
                .map(|place| {
                    let serial = u64::from(flow) * 4 + place;
                    let names: Vec<String> =
                        (0..1_000).map(|n| format!("n{n}.s{serial}.test")).collect();
                    certificate(serial, &names, "http://r10.c.lencr.org/7.crl", 0)
                })
                .collect();
            let hello = client_hello(random, &format!("s{flow}.test"), false);
            self.open(from, to)?;
            let asked = self.stream(from, to, 1, 1, &hello)?;
            let flight = [server_hello(!random, false), chain(&certificates)].concat();
            let sent = self.stream(to, from, 1, asked, &flight)?;
            self.tcp(from, to, asked, sent, ACK | 1, &[])?;
            self.tcp(to, from, sent, asked + 1, ACK | 1, &[])?;
            flow += 1;
        }
        Ok(())
    }

    pub(super) fn long_requests(&mut self) -> io::Result<()> {
        let mut flow = 0;
        while self.has_room() {
            let head = format!(
                "GET /{:04000}.crl HTTP/1.1\r\nHost: r10.c.lencr.org\r\nUser-Agent: {:050000}\r\n\r\n",
                flow, flow
            );
            self.exchange(
                flow,
                head.as_bytes(),
                b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
            )?;
            flow += 1;
        }
        Ok(())
    }

    pub(super) fn huge_questions(&mut self) -> io::Result<()> {
        let algorithm = sequence(&[&[6, 5, 0x2b, 0x0e, 3, 2, 0x1a], &[5, 0]]);
        let mut flow = 0_u32;
        while self.has_room() {
            let mut ids = Vec::new();
            for number in 0..10_000_u32 {
                let serial = [&[1][..], &flow.to_be_bytes(), &number.to_be_bytes()].concat();
                let hash = tlv(4, &[9; 20]);
                let id = sequence(&[&algorithm, &hash, &hash, &tlv(2, &serial)]);
                ids.extend(sequence(&[&id]));
            }
            let body = sequence(&[&sequence(&[&tlv(0x30, &ids)])]);
            let head = format!(
                "POST / HTTP/1.1\r\nHost: r10.o.lencr.org\r\nContent-Type: application/ocsp-request\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let request = [head.as_bytes(), &body].concat();
            self.exchange(
                flow,
                &request,
                b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
            )?;
            flow += 1;
        }
        Ok(())
    }

    pub(super) fn huge_issuers(&mut self) -> io::Result<()> {
        let mut flow = 0;
        while self.has_room() {
            let body = certificate(flow.into(), &["x".into()], "http://x.c.lencr.org/", 900_000);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-cert\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let answer = [head.as_bytes(), &body].concat();
            self.exchange(
                flow,
                b"GET / HTTP/1.1\r\nHost: r10.i.lencr.org\r\n\r\n",
                &answer,
            )?;
            flow += 1;
        }
        Ok(())
    }

    /// A connection of its own with one request and its answer.
    pub(super) fn exchange(
        &mut self,
        number: u32,
        request: &[u8],
        answer: &[u8],
    ) -> io::Result<()> {
        let from = client(number);
        self.exchange_from(from, (SERVER, 80), request, answer)
    }

    pub(super) fn exchange_from(
        &mut self,
        from: End,
        to: End,
        request: &[u8],
        answer: &[u8],
    ) -> io::Result<()> {
        self.open(from, to)?;
        let asked = self.stream(from, to, 1, 1, request)?;
        let sent = self.stream(to, from, 1, asked, answer)?;
        self.tcp(from, to, asked, sent, ACK | 1, &[])?;
        self.tcp(to, from, sent, asked + 1, ACK | 1, &[])
    }
}
