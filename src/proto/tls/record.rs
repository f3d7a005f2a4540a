//! The record layer (RFC 8446 5.1): headers out of a byte stream cut anywhere, bodies without a copy.

use crate::proto::tls::ssl2;

/// change_cipher_spec.
pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
/// alert.
pub(crate) const ALERT: u8 = 21;
/// handshake.
pub(crate) const HANDSHAKE: u8 = 22;
/// application_data; in TLS 1.3 the outside of everything encrypted.
pub(crate) const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;
/// A ClientHello in SSL 2.0 form, which only the first record can be; no ContentType has this value.
pub(crate) const SSL2_CLIENT_HELLO: u8 = 0x80;

/// Length of a header.
pub(crate) const HEADER_LEN: usize = 5;
/// 2^14 bytes of plaintext and what compression and encryption of TLS 1.2 may add (RFC 5246 6.2.3).
const LONGEST: u16 = (1 << 14) + 2_048;
/// After a loss, so many bytes without a record header end the search.
const SEARCH: usize = 64 << 10;

/// A record header.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Header {
    /// ContentType.
    pub(crate) kind: u8,
    /// Low byte of the version; the high byte is 3.
    pub(crate) minor: u8,
    /// Bytes of the body.
    pub(crate) len: u16,
}

impl Header {
    /// A header that a TLS peer could have written, else None.
    pub(crate) fn read(bytes: [u8; HEADER_LEN]) -> Option<Self> {
        let [kind, major, minor, high, low] = bytes;
        let len = u16::from_be_bytes([high, low]);
        let plausible = (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind)
            && major == 3
            && minor <= 4
            && len <= LONGEST
            && (len > 0 || kind == APPLICATION_DATA);
        plausible.then_some(Self { kind, minor, len })
    }

    /// The same for the first record of a stream, which old clients write in another form.
    pub(crate) fn read_first(bytes: [u8; HEADER_LEN]) -> Option<Self> {
        let [.., minor] = bytes;
        Self::read(bytes).or_else(|| {
            let len = ssl2::follows(bytes)?;
            let kind = SSL2_CLIENT_HELLO;
            Some(Self { kind, minor, len })
        })
    }
}

/// A run of one record's bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Piece<'a> {
    pub(crate) header: Header,
    /// The header was completed just now; the body begins here.
    pub(crate) begins: bool,
    /// Bytes of the body; may be empty.
    pub(crate) body: &'a [u8],
    /// The body ends here.
    pub(crate) ends: bool,
}

/// What [`Records::next`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next<'a> {
    /// Part of a record.
    Piece(Piece<'a>),
    /// No record header where one must be. Asked again, [`Records::next`] looks for one further on; told a
    /// second time, there is none.
    Broken,
}

/// What a loss does to the record layer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    /// It lies inside the body of the current record.
    InBody,
    /// Nobody knows where the next record begins; it is looked for.
    Boundary,
}

/// The records of one sender.
#[derive(Debug, Default)]
pub(crate) struct Records {
    partial: [u8; HEADER_LEN],
    have: usize,
    header: Header,
    left: usize,
    /// A header was read, or bytes were lost.
    begun: bool,
    /// Some while looking for a header: bytes searched.
    searched: Option<usize>,
}

impl Records {
    /// The next run of record bytes off the front of `bytes`; None when they are used up.
    pub(crate) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Next<'a>> {
        if let Some(searched) = &mut self.searched {
            match find_header(bytes) {
                Some(skip) => {
                    *bytes = bytes.get(skip..).unwrap_or_default();
                    self.searched = None;
                }
                None => {
                    *searched += bytes.len();
                    let given_up = *searched > SEARCH;
                    *bytes = &[];
                    return given_up.then_some(Next::Broken);
                }
            }
        }
        let begins = self.left == 0;
        if begins {
            if bytes.is_empty() {
                return None;
            }
            // Nearly all headers come whole, and those bytes need not be gathered.
            if self.have == 0
                && let Some((header, rest)) = bytes.split_first_chunk()
            {
                (self.partial, self.have, *bytes) = (*header, HEADER_LEN, rest);
            }
            while self.have < HEADER_LEN {
                let (first, rest) = bytes.split_first()?;
                if let Some(slot) = self.partial.get_mut(self.have) {
                    *slot = *first;
                }
                self.have += 1;
                *bytes = rest;
            }
            self.have = 0;
            let header = if std::mem::replace(&mut self.begun, true) {
                Header::read(self.partial)
            } else {
                Header::read_first(self.partial)
            };
            let Some(header) = header else {
                self.searched = Some(0);
                return Some(Next::Broken);
            };
            self.header = header;
            self.left = usize::from(header.len);
        } else if bytes.is_empty() {
            return None;
        }
        let (body, rest) = bytes.split_at_checked(self.left).unwrap_or((bytes, &[]));
        *bytes = rest;
        self.left -= body.len();
        Some(Next::Piece(Piece {
            header: self.header,
            begins,
            body,
            ends: self.left == 0,
        }))
    }

    /// The header of the current record, or of the one before when a new one is to begin.
    pub(crate) const fn header(&self) -> Header {
        self.header
    }

    /// `missing` bytes will never come.
    pub(crate) fn lose(&mut self, missing: u64) -> Loss {
        match usize::try_from(missing) {
            Ok(missing) if (1..=self.left).contains(&missing) => {
                self.left -= missing;
                Loss::InBody
            }
            _ => {
                self.have = 0;
                self.left = 0;
                self.begun = true;
                self.searched = Some(0);
                Loss::Boundary
            }
        }
    }
}

/// Where in `bytes` a record begins, told by headers that follow one another. Segments often begin with a
/// record, so the first position is believed when its record reaches beyond `bytes`; others need a
/// successor or to end with the bytes.
fn find_header(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(HEADER_LEN)
        .enumerate()
        .find_map(|(at, window)| {
            let header = Header::read(*window.first_chunk()?)?;
            let end = at + HEADER_LEN + usize::from(header.len);
            let believed = match bytes.get(end..) {
                Some([]) => true,
                Some(rest) => match rest.first_chunk() {
                    Some(next) => Header::read(*next).is_some(),
                    None => at == 0,
                },
                None => at == 0 || (header.minor == 3 && header.kind == HANDSHAKE),
            };
            believed.then_some(at)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::tls::testing::record;

    /// Whole records (kind, body) of pieces; a broken stream ends in (0, []).
    fn read(records: &mut Records, pieces: &[&[u8]]) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        let mut body = Vec::new();
        for mut piece in pieces.iter().copied() {
            while let Some(next) = records.next(&mut piece) {
                let Next::Piece(part) = next else {
                    found.push((0, Vec::new()));
                    return found;
                };
                if part.begins {
                    body.clear();
                }
                body.extend_from_slice(part.body);
                if part.ends {
                    found.push((part.header.kind, body.clone()));
                }
            }
        }
        found
    }

    #[test]
    fn an_empty_record_of_application_data_is_a_record() {
        let bytes = [record(23, b""), record(23, b"x")].concat();
        let found = read(&mut Records::default(), &[&bytes]);
        assert_eq!(found, [(23, b"".to_vec()), (23, b"x".to_vec())]);
    }

    #[test]
    fn what_is_no_record_breaks_the_stream() {
        for bytes in [
            &b"GET / HTTP/1.1"[..],
            &[22, 3, 1, 0xff, 0xff, 1],
            &[22, 3, 1, 0, 0, 1],
        ] {
            assert_eq!(read(&mut Records::default(), &[bytes]), [(0, vec![])]);
        }
    }

    #[test]
    fn loss_inside_a_body_keeps_the_boundary() {
        let bytes = [record(23, &[1; 100]), record(22, b"next")].concat();
        let mut records = Records::default();
        assert_eq!(read(&mut records, &[&bytes[..20]]), []);
        assert_eq!(records.lose(40), Loss::InBody);
        assert_eq!(records.lose(45), Loss::InBody);
        let found = read(&mut records, &[&bytes[105..]]);
        assert_eq!(found, [(22, b"next".to_vec())]);
    }

    #[test]
    fn loss_of_a_boundary_is_repaired_at_the_next_header() {
        let bytes = [
            record(23, &[1; 100]),
            record(22, b"lost"),
            record(22, b"found"),
            record(20, &[1]),
        ];
        let bytes = bytes.concat();
        let mut records = Records::default();
        read(&mut records, &[&bytes[..20]]);
        assert_eq!(records.lose(90), Loss::Boundary);
        let found = read(&mut records, &[&bytes[110..]]);
        assert_eq!(found, [(22, b"found".to_vec()), (20, vec![1])]);
    }

    #[test]
    fn a_start_in_the_middle_of_a_record_is_repaired_too() {
        let bytes = [&[0x55; 99][..], &record(22, b"found"), &record(20, &[1])].concat();
        let mut rest = &bytes[..];
        let mut records = Records::default();
        assert_eq!(records.next(&mut rest), Some(Next::Broken));
        let found = read(&mut records, &[rest]);
        assert_eq!(found, [(22, b"found".to_vec()), (20, vec![1])]);
    }

    #[test]
    fn the_search_for_a_header_ends() {
        let mut records = Records::default();
        records.lose(1);
        let noise = vec![0x55; SEARCH / 4];
        let pieces = [&noise[..]; 5];
        assert_eq!(read(&mut records, &pieces), [(0, vec![])]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_split_gives_the_same_records(
            bodies in prop::collection::vec((20_u8..24, prop::collection::vec(any::<u8>(), 1..40)), 1..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let bytes: Vec<u8> = bodies.iter().flat_map(|(kind, b)| record(*kind, b)).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(read(&mut Records::default(), &pieces), bodies);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), lost in any::<u64>()) {
            let mut records = Records::default();
            read(&mut records, &[&bytes]);
            records.lose(lost);
            read(&mut records, &[&bytes, &bytes]);
        }
    }
}
