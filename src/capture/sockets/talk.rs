//! What is said between the process that analyses and the one that looks: a question of 20 bytes, an answer of a
//! bounded length.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::{Found, Kind};
use crate::event::Process;

/// Kind, address and port, in network byte order.
pub(super) type Question = [u8; 20];
/// Longest answer: a command line is cut at 4 KiB, and nothing else is longer than a path.
const LONGEST: u32 = 32 << 10;
/// A text that is not there.
const ABSENT: u16 = u16::MAX;

/// Puts a question.
pub(super) fn question(kind: Kind, local: SocketAddr) -> Question {
    let address = match local.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut question = [0; 20];
    let kind = match kind {
        Kind::Stream => 0_u16,
        Kind::Datagrams => 1,
    };
    let parts = kind.to_be_bytes().into_iter().chain(address.octets());
    let parts = parts.chain(local.port().to_be_bytes());
    for (slot, byte) in question.iter_mut().zip(parts) {
        *slot = byte;
    }
    question
}

/// What a question asks.
pub(super) fn asked(question: &Question) -> Option<(Kind, SocketAddr)> {
    let [0, kind, address @ .., high, low] = question else {
        return None;
    };
    let address: [u8; 16] = *address;
    let kind = match kind {
        0 => Kind::Stream,
        1 => Kind::Datagrams,
        _ => return None,
    };
    let ip = IpAddr::V6(Ipv6Addr::from(address)).to_canonical();
    let port = u16::from_be_bytes([*high, *low]);
    Some((kind, SocketAddr::new(ip, port)))
}

/// Gives an answer.
pub(super) fn answer(found: &Found, out: &mut impl Write) -> io::Result<()> {
    let mut body = Vec::new();
    if let Some((process, family)) = found {
        body.push(u8::from(*family));
        body.extend(process.pid.unwrap_or_default().to_be_bytes());
        let name = Some(&process.name);
        let texts = [
            &process.command,
            &process.user,
            &process.parent,
            &process.unit,
        ];
        for text in std::iter::once(name).chain(texts.map(Option::as_ref)) {
            let text = text.map(String::as_bytes);
            let len = text.map_or(ABSENT, |text| u16::try_from(text.len()).unwrap_or(ABSENT));
            body.extend(len.to_be_bytes());
            body.extend(text.filter(|_| len != ABSENT).unwrap_or_default());
        }
    }
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    if len > LONGEST {
        return out.write_all(&[0; 4]);
    }
    // By one call, so that an answer is there or not.
    let mut whole = len.to_be_bytes().to_vec();
    whole.append(&mut body);
    out.write_all(&whole)
}

/// Takes an answer in.
pub(super) fn answered(from: &mut impl Read) -> io::Result<Found> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = u32::from_be_bytes(len);
    if len > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = Vec::new();
    from.take(len.into()).read_to_end(&mut body)?;
    if body.is_empty() && len == 0 {
        return Ok(None);
    }
    read(&body).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn read(body: &[u8]) -> Option<Found> {
    let (family, rest) = body.split_first()?;
    let (pid, mut rest) = rest.split_first_chunk::<4>()?;
    let mut text = || {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let len = u16::from_be_bytes(*len);
        if len == ABSENT {
            rest = after;
            return Some(None);
        }
        let (text, after) = after.split_at_checked(len.into())?;
        rest = after;
        Some(Some(String::from_utf8_lossy(text).into_owned()))
    };
    let process = Process {
        pid: Some(u32::from_be_bytes(*pid)).filter(|pid| *pid != 0),
        name: text()??,
        command: text()?,
        user: text()?,
        parent: text()?,
        unit: text()?,
        source: "socket table",
    };
    Some(Some((process, *family != 0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn questions_say_what_was_asked() {
        for (kind, local) in [
            (Kind::Stream, "192.0.2.1:443"),
            (Kind::Datagrams, "[2001:db8::1]:53"),
        ] {
            let local = local.parse().expect("an address");
            assert_eq!(asked(&question(kind, local)), Some((kind, local)));
        }
        assert_eq!(asked(&[7; 20]), None);
    }

    #[test]
    fn answers_say_what_was_found() {
        let process = Process {
            pid: Some(7),
            name: "curl".to_owned(),
            command: Some("curl x".to_owned()),
            user: None,
            parent: Some(String::new()),
            unit: Some("cron.service".to_owned()),
            source: "socket table",
        };
        for found in [None, Some((process.clone(), true)), Some((process, false))] {
            let mut said = Vec::new();
            answer(&found, &mut said).expect("memory takes it");
            assert_eq!(answered(&mut said.as_slice()).expect("an answer"), found);
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let _ = answered(&mut bytes.as_slice());
            let len = u32::try_from(bytes.len()).expect("not so many");
            let framed = [&len.to_be_bytes()[..], &bytes].concat();
            let _ = answered(&mut framed.as_slice());
        }
    }
}
