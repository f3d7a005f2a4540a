//! TLS records: everything but the certificate of a client, which names a person or a machine.

/// Handshake type of a client's first message (RFC 8446 4).
pub(super) const CLIENT_HELLO: u8 = 1;
/// Of the server's.
pub(super) const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
/// Made with the key of the certificate, and so a test for a guess of it.
const CERTIFICATE_VERIFY: u8 = 15;
/// Longest record of any version, with room for encryption (RFC 5246 6.2.3).
const LONGEST: usize = (16 << 10) + (2 << 10);

/// Whether a record with such a hello begins here.
pub(super) fn is_hello(bytes: &[u8], kind: u8) -> bool {
    matches!(bytes, [22, 3, 0..=4, 0..=0x48, _, first, 0, ..] if *first == kind)
}

/// Cleans the records from `at`; gives back up to where they are ones.
pub(super) fn clean(bytes: &mut [u8], at: usize, client: bool) -> usize {
    let (mut at, mut clear) = (at, client);
    let mut messages = Messages::default();
    loop {
        let Some([kind @ 20..=24, 3, _, a, b]) = bytes.get(at..).and_then(|r| r.first_chunk())
        else {
            return at.min(bytes.len());
        };
        let (kind, length) = (*kind, usize::from(u16::from_be_bytes([*a, *b])));
        if length > LONGEST {
            return at;
        }
        let end = (at + 5 + length).min(bytes.len());
        if kind == 20 {
            clear = false;
        }
        if let (22, true, Some(fragment)) = (kind, clear, bytes.get_mut(at + 5..end)) {
            messages.blank(fragment);
        }
        if end == bytes.len() {
            return end;
        }
        at = end;
    }
}

/// Handshake messages of a client before it encrypts, over the borders of records.
#[derive(Debug, Default)]
struct Messages {
    header: Vec<u8>,
    left: usize,
    blanks: bool,
}

impl Messages {
    fn blank(&mut self, fragment: &mut [u8]) {
        for byte in fragment {
            if self.left > 0 {
                self.left -= 1;
                if self.blanks {
                    *byte = 0;
                }
                continue;
            }
            self.header.push(*byte);
            if let [kind, a, b, c] = *self.header.as_slice() {
                let length = u32::from_be_bytes([0, a, b, c]);
                self.left = usize::try_from(length).unwrap_or(usize::MAX);
                self.blanks = matches!(kind, CERTIFICATE | CERTIFICATE_VERIFY);
                self.header.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_certificate_is_blank_whatever_records_carry_it() {
        let mut messages = vec![CLIENT_HELLO, 0, 0, 2, 9, 9];
        messages.extend([CERTIFICATE, 0, 0, 6, 1, 2, 3, 4, 5, 6, 16, 0, 0, 1, 7]);
        messages.extend([CERTIFICATE_VERIFY, 0, 0, 2, 8, 8]);
        for cut in 1..messages.len() {
            let (first, second) = messages.split_at(cut);
            let mut stream = Vec::new();
            for part in [first, second] {
                stream.extend([22, 3, 3, 0, u8::try_from(part.len()).unwrap()]);
                stream.extend(part);
            }
            stream.extend([20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 4, CERTIFICATE, 0, 0, 1]);
            let before = stream.clone();
            assert_eq!(clean(&mut stream, 0, true), before.len());
            let gone = |b: u8| (1..=6).contains(&b) || b == 8;
            for (was, is) in before.iter().zip(&stream).skip(5) {
                assert!(
                    was == is || (gone(*was) && *is == 0),
                    "{was} {is} at cut {cut}"
                );
            }
            assert!(!stream.windows(3).any(|w| w == [1, 2, 3] || w == [4, 5, 6]));
            assert!(stream.ends_with(&[CERTIFICATE, 0, 0, 1]), "encrypted");
        }
    }

    #[test]
    fn what_is_no_record_is_not_shown() {
        let mut stream = vec![22, 3, 1, 0, 1, 1, b'p', b'l', b'a', b'i', b'n'];
        assert_eq!(clean(&mut stream, 0, true), 6);
        assert_eq!(clean(&mut [], 0, true), 0);
    }
}
