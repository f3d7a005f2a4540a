//! Captures that are large in one way, to see how time and memory grow with it.

use std::io::{self, Write};

use super::bundles::{chain, client_hello, record, server_hello};
use super::der::certificate;
use super::packets::{ACK, Capture, End, SERVER};

/// What a capture has many of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scale {
    /// Contacts, a hundred a device: twice as many contacts are of twice as many devices.
    ByDevices,
    /// Contacts of 200 devices, each one every 10 seconds: twice as many contacts take twice as long.
    ByTime,
    /// Contacts of 500 devices within five minutes: twice as many are twice as dense.
    Dense,
    /// Connections that are all open at one time, with a handshake each.
    Flows,
    /// Devices with a lookup, a handshake and a contact each.
    Devices,
}

impl Scale {
    /// All of them.
    pub(crate) const ALL: [Self; 5] = [
        Self::ByDevices,
        Self::ByTime,
        Self::Dense,
        Self::Flows,
        Self::Devices,
    ];

    /// A name for files and command lines.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ByDevices => "findings-by-devices",
            Self::ByTime => "findings-by-time",
            Self::Dense => "findings-dense",
            Self::Flows => "flows",
            Self::Devices => "devices",
        }
    }
}

/// Writes a pcap with `count` of them.
///
/// # Errors
///
/// When writing fails.
pub(crate) fn write(scale: Scale, count: u32, out: &mut dyn Write) -> io::Result<()> {
    let mut capture = Capture::new(u64::MAX, out)?;
    // Devices, and microseconds between two contacts of one.
    let (devices, pause) = match scale {
        Scale::ByDevices => (count.div_ceil(100), 6_000_000),
        Scale::ByTime => (200, 10_000_000),
        Scale::Dense => (500, 300_000_000 * 500 / u64::from(count.max(1))),
        Scale::Devices => (count, 60_000_000),
        Scale::Flows => return capture.flows(count),
    };
    let begin = capture.micros;
    for number in 0..count {
        let due = begin + u64::from(number) * pause / u64::from(devices);
        capture.micros = capture.micros.max(due);
        // Whose turn it is follows no pattern, or it would look like a timer.
        let device = match scale {
            Scale::Devices => number,
            _ => (capture.random() % u64::from(devices)) as u32,
        };
        capture.contact(number, device)?;
    }
    Ok(())
}

/// The client end of a device's connection.
fn end(device: u32, port: u32) -> End {
    let [_, a, b, c] = (device + 10).to_be_bytes();
    ([10, a, b, c], 10_000 + (port % 50_000) as u16)
}

impl Capture<'_> {
    /// Three handshakes, one of them with a certificate in clear, and a fetch of the list that the last is under.
    fn contact(&mut self, number: u32, device: u32) -> io::Result<()> {
        for place in 0..3 {
            let (from, site) = (end(device, number * 4 + place), (number * 7 + place) % 997);
            self.handshake(from, site, place > 0, true)?;
        }
        let request = format!(
            "GET /{}.crl HTTP/1.1\r\nHost: r10.c.lencr.org\r\nUser-Agent: check/1.0\r\n\r\n",
            number % 64
        );
        let answer = b"HTTP/1.1 304 Not Modified\r\n\r\n";
        let from = end(device, number * 4 + 3);
        self.exchange_from(from, (SERVER, 80), request.as_bytes(), answer)
    }

    fn handshake(&mut self, from: End, site: u32, tls13: bool, ends: bool) -> io::Result<()> {
        let [_, _, high, low] = site.to_be_bytes();
        let to = ([198, 51, high, low], 443);
        let name = format!("www.site{site}.example.net");
        self.open(from, to)?;
        let random = self.random();
        let hello = client_hello(random, &name, tls13);
        let asked = self.stream(from, to, 1, 1, &hello)?;
        let rest = if tls13 {
            record(23, &[0x5a; 900])
        } else {
            let list = format!("http://r10.c.lencr.org/{}.crl", site % 64);
            chain(&[certificate(site.into(), &[name], &list, 0)])
        };
        let flight = [server_hello(!random, tls13), rest].concat();
        let mut sent = self.stream(to, from, 1, asked, &flight)?;
        let finished = [record(20, &[1]), record(22 + u8::from(tls13), &[0x5a; 53])].concat();
        let mut said = self.stream(from, to, asked, sent, &finished)?;
        said = self.stream(from, to, said, sent, &record(23, &[0x5a; 200]))?;
        sent = self.stream(to, from, sent, said, &record(23, &[0x5a; 400]))?;
        if ends {
            self.tcp(from, to, said, sent, ACK | 1, &[])?;
            self.tcp(to, from, sent, said + 1, ACK | 1, &[])?;
        }
        Ok(())
    }

    /// Connections that stay open, and one more packet on each when all are.
    fn flows(&mut self, count: u32) -> io::Result<()> {
        for number in 0..count {
            self.handshake(
                end(number % 2_000, number / 2_000),
                number % 997,
                true,
                false,
            )?;
        }
        for number in 0..count {
            let [_, _, high, low] = (number % 997).to_be_bytes();
            let to = ([198, 51, high, low], 443);
            self.tcp(
                end(number % 2_000, number / 2_000),
                to,
                10_000,
                10_000,
                ACK,
                &[],
            )?;
        }
        Ok(())
    }
}
