//! The ClientHello that old clients wrap as SSL 2.0 to reach any server (RFC 5246 E.2). All that follows it is
//! TLS.

use std::sync::Arc;

use crate::event::{Carrier, ClientHello, Ech};
use crate::frame::FrameNo;
use crate::proto::tls::cursor::Cursor;
use crate::proto::tls::handshake::CLIENT_HELLO;

/// The content of a hello: its minor version, then everything behind the version number.
///
/// It has no extensions, so neither a name nor a fingerprint.
pub(crate) fn client_hello(
    content: &[u8],
    carrier: Carrier,
    first_frame: FrameNo,
    whole: bool,
) -> (ClientHello, Option<&'static str>) {
    let mut hello = ClientHello {
        carrier,
        first_frame,
        sni: None,
        ech: Ech::Absent,
        alpn: Arc::default(),
        max_version: 0x0300,
        status_request: false,
        offers_resumption: false,
        early_data: false,
        ja4: Arc::default(),
        second: false,
        random: [0; 32],
    };
    let problem = match read(content, &mut hello) {
        Some(()) => None,
        None if whole => Some("malformed ClientHello in SSL 2.0 form"),
        None => Some("ClientHello is cut short by the capture"),
    };
    (hello, problem)
}

/// Bytes of such a hello behind its version, told from the first five bytes of a stream.
pub(crate) fn follows(start: [u8; 5]) -> Option<u16> {
    let [high, low, kind, major, minor] = start;
    let len = u16::from_be_bytes([high & 0x7f, low]);
    let is_hello = high & 0x80 != 0 && kind == CLIENT_HELLO && major == 3 && minor <= 4;
    // Type and version are part of the length; one cipher and the shortest challenge follow.
    (is_hello && (3 + 6 + 3 + 16..=4_096).contains(&len)).then(|| len - 3)
}

fn read(content: &[u8], hello: &mut ClientHello) -> Option<()> {
    let mut cursor = Cursor::new(content);
    hello.max_version |= u16::from(cursor.u8()?);
    let ciphers = cursor.u16()?;
    let session_id = cursor.u16()?;
    let challenge = cursor.u16()?;
    hello.offers_resumption = session_id > 0;
    cursor.take(ciphers.into())?;
    cursor.take(session_id.into())?;
    let challenge = cursor.take(challenge.into())?;
    // Shorter challenges are the right end of the random.
    let start = hello.random.len().checked_sub(challenge.len())?;
    hello.random.get_mut(start..)?.copy_from_slice(challenge);
    cursor.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Vec<u8> {
        [&[1, 0, 3, 0, 0, 0, 16, 0, 0, 0x2f][..], &[7; 16]].concat()
    }

    #[test]
    fn a_hello_in_the_old_form() {
        let (hello, problem) = client_hello(&content(), Carrier::Tls, FrameNo::new(1), true);
        assert_eq!((hello.max_version, problem), (0x0301, None));
        assert_eq!((hello.random[15], hello.random[16]), (0, 7));
        let (_, problem) = client_hello(&content()[..20], Carrier::Tls, FrameNo::new(1), true);
        assert_eq!(problem, Some("malformed ClientHello in SSL 2.0 form"));
    }

    #[test]
    fn its_start_is_told() {
        assert_eq!(follows([0x80, 28, 1, 3, 1]), Some(25));
        assert_eq!(follows([0x80, 28, 1, 2, 0]), None);
        assert_eq!(follows([0x00, 28, 1, 3, 1]), None);
        assert_eq!(follows([0x80, 5, 1, 3, 1]), None);
    }
}
