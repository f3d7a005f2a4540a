//! The JA4 client fingerprint (FoxIO, BSD-3-Clause): how a client says hello, independent of the order of
//! its extensions.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::crypto::sha256;
use crate::event::Carrier;
use crate::proto::tls::hello::{
    ALPN, ClientFields, SERVER_NAME, SIGNATURE_ALGORITHMS, SUPPORTED_VERSIONS, is_grease, numbers,
    protocol_names, protocols,
};

/// Makes fingerprints, and remembers those it made: a network has many clients and few ways to say hello.
#[derive(Debug, Default)]
pub struct Fingerprints {
    /// Fingerprints by what they are made of. Clients choose that, so the seed is random; nothing walks the table.
    known: HashMap<Vec<u16>, Arc<str>, RandomState>,
    /// Protocol names by the extensions they stood in.
    protocols: HashMap<Vec<u8>, Arc<[String]>, RandomState>,
    /// What the next one is made of, as [`made_of`] takes it.
    numbers: Vec<u16>,
}

/// Fingerprints remembered: browsers and libraries of a network come to some dozens, and who makes up ever
/// new ones gains nothing.
const REMEMBERED: usize = 1_024;
/// Numbers that one of them is made of (of protocol names: bytes); the longest that software sends has some hundred.
const NUMBERS: usize = 256;

/// Numbers before the lists.
const HEAD: usize = 6;

impl Fingerprints {
    /// The fingerprint of a hello: `t13d1516h2_8daaf6152771_e5627efa2ab1`.
    pub(crate) fn of(&mut self, hello: &ClientFields<'_>, carrier: &Carrier) -> Arc<str> {
        let mut signatures: &[u8] = &[];
        let mut version = hello.legacy_version;
        let (mut sni, mut alpn) = (b'i', None);
        let mut extensions = 0_u16;
        self.numbers.clear();
        self.numbers.extend([0; HEAD]);
        for (kind, data) in hello.extensions {
            if is_grease(kind) {
                continue;
            }
            extensions = extensions.saturating_add(1);
            match kind {
                SERVER_NAME => sni = b'd',
                ALPN => alpn = protocols(data).next(),
                SIGNATURE_ALGORITHMS => signatures = data.get(2..).unwrap_or_default(),
                SUPPORTED_VERSIONS => version = hello.versions_in(data).max().unwrap_or(version),
                _ => {}
            }
            if !matches!(kind, SERVER_NAME | ALPN) {
                self.numbers.push(kind);
            }
        }
        // Some browsers shuffle them for each hello.
        let kinds = self.numbers.get_mut(HEAD..).unwrap_or_default();
        kinds.sort_unstable();
        let kinds = kinds.len();
        let algorithms = push_without_grease(&mut self.numbers, signatures);
        // Left in the order in which they stand, which is the same in all hellos of one software.
        push_without_grease(&mut self.numbers, hello.suites);
        let transport = match carrier {
            Carrier::Quic { .. } => b'q',
            Carrier::Dtls => b'd',
            _ => b't',
        };
        let count = |list| u16::try_from(list).unwrap_or(u16::MAX);
        let head = [
            u16::from_be_bytes([transport, sni]),
            version,
            u16::from_be_bytes(alpn_mark(alpn)),
            extensions,
            count(kinds),
            count(algorithms),
        ];
        if let Some(room) = self.numbers.first_chunk_mut() {
            *room = head;
        }
        if let Some(known) = self.known.get(self.numbers.as_slice()) {
            return Arc::clone(known);
        }
        let made: Arc<str> = made_of(&self.numbers).into();
        if self.known.len() < REMEMBERED && self.numbers.len() <= NUMBERS {
            self.known.insert(self.numbers.clone(), Arc::clone(&made));
        }
        made
    }

    /// The protocol names of an ALPN extension.
    pub(crate) fn protocols(&mut self, data: &[u8]) -> Arc<[String]> {
        if let Some(known) = self.protocols.get(data) {
            return Arc::clone(known);
        }
        let names = protocol_names(data);
        if self.protocols.len() < REMEMBERED && data.len() <= NUMBERS {
            self.protocols.insert(data.to_vec(), Arc::clone(&names));
        }
        names
    }
}

/// Adds the 16-bit numbers of a list without GREASE (RFC 8701); gives how many those are.
fn push_without_grease(to: &mut Vec<u16>, list: &[u8]) -> usize {
    let before = to.len();
    to.extend(numbers(list));
    let mut kept = before;
    for place in before..to.len() {
        let number = to.get(place).copied().unwrap_or_default();
        if let Some(slot) = to.get_mut(kept) {
            *slot = number;
        }
        kept += usize::from(!is_grease(number));
    }
    to.truncate(kept);
    kept - before
}

/// The fingerprint of what [`Fingerprints::of`] put together: transport and name, version, mark of the
/// protocol, number of extensions, lengths of the first two lists; kinds of extensions in order, signature
/// algorithms, suites.
fn made_of(numbers: &[u16]) -> String {
    let Some((head, lists)) = numbers.split_first_chunk::<HEAD>() else {
        return String::new();
    };
    let [
        transport_and_name,
        version,
        mark,
        extensions,
        kinds,
        algorithms,
    ] = *head;
    let [transport, name] = transport_and_name.to_be_bytes().map(char::from);
    let split = |list: &'_ [u16], at: u16| list.len().min(usize::from(at));
    let (kinds, lists) = lists.split_at(split(lists, kinds));
    let (algorithms, suites) = lists.split_at(split(lists, algorithms));
    let mut sorted = suites.to_vec();
    sorted.sort_unstable();
    let mut text = String::with_capacity(36);
    text.push(transport);
    text.push_str(version_mark(version));
    text.push(name);
    for count in [suites.len(), usize::from(extensions)] {
        text.extend(decimal(count));
    }
    text.extend(mark.to_be_bytes().map(char::from));
    for hash in [hash(&sorted, &[]), hash(kinds, algorithms)] {
        text.push('_');
        text.extend(hash.map(char::from));
    }
    text
}

/// Two decimal digits; JA4 counts no further than 99.
fn decimal(count: usize) -> [char; 2] {
    let count = u8::try_from(count.min(99)).unwrap_or(99);
    [count / 10, count % 10].map(|digit| char::from(b'0' + digit))
}

const fn version_mark(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first protocol name; of its hexadecimal form when one of the two is not
/// alphanumeric.
fn alpn_mark(name: Option<&[u8]>) -> [u8; 2] {
    let (Some(first), Some(last)) = (
        name.and_then(|name| name.first()),
        name.and_then(|name| name.last()),
    ) else {
        return [b'0', b'0'];
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [*first, *last];
    }
    [digit(first >> 4), digit(*last)]
}

/// The first six bytes of SHA-256 over `list` and, after an underscore, `more`, as four hex digits each; in hex digits.
fn hash(list: &[u16], more: &[u16]) -> [u8; 12] {
    let mut digits = [b'0'; 12];
    if list.is_empty() && more.is_empty() {
        return digits;
    }
    // Five characters a number; hashing once is several times faster than in so small pieces.
    let mut input = Vec::with_capacity(5 * (list.len() + more.len()));
    push_hex(&mut input, list);
    if !more.is_empty() {
        input.push(b'_');
        push_hex(&mut input, more);
    }
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(sha256(&input)) {
        *pair = [digit(byte >> 4), digit(byte)];
    }
    digits
}

fn push_hex(to: &mut Vec<u8>, list: &[u16]) {
    for (position, number) in list.iter().enumerate() {
        let [high, low] = number.to_be_bytes();
        let digits = [
            b',',
            digit(high >> 4),
            digit(high),
            digit(low >> 4),
            digit(low),
        ];
        let skipped = usize::from(position == 0);
        to.extend_from_slice(digits.get(skipped..).unwrap_or_default());
    }
}

/// The low four bits as a lower-case hexadecimal digit.
const fn digit(nibble: u8) -> u8 {
    match nibble & 0xf {
        nibble @ 0..=9 => b'0' + nibble,
        nibble => b'a' - 10 + nibble,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::tls::hello::client_hello;
    use crate::proto::tls::testing::Hello;

    const CHROME_SUITES: [u16; 16] = [
        0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
        0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
    ];
    const CHROME_SIGNATURES: [u16; 8] = [
        0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
    ];

    fn of(hello: &Hello, carrier: Carrier) -> Arc<str> {
        let body = hello.body();
        client_hello(&body, carrier, Default::default(), false, true)
            .0
            .ja4
    }

    fn chrome() -> Hello {
        let mut hello = Hello::new("example.com");
        hello.suites = CHROME_SUITES.to_vec();
        hello.alpn(&[b"h2", b"http/1.1"]);
        hello.versions(&[0x3a3a, 0x0304, 0x0303]);
        hello.signatures(&CHROME_SIGNATURES);
        for kind in [
            0x1a1a, 0x0005, 0x000a, 0x000b, 0x0012, 0x0017, 0x001b, 0x0023, 0x002d, 0x0033, 0xff01,
            0x0015, 0x4469,
        ] {
            hello.extension(kind, &[]);
        }
        hello
    }

    #[test]
    fn what_is_remembered_is_what_would_be_hashed() {
        let mut known = Fingerprints::default();
        let mut hello = chrome();
        for suite in 0..1_500 {
            hello.suites.truncate(200);
            hello.suites.insert(0, suite);
            let body = hello.body();
            let fields = ClientFields::read(&body, false);
            let fresh = Fingerprints::default().of(&fields, &Carrier::Tls);
            assert_eq!(known.of(&fields, &Carrier::Tls), fresh);
            assert_eq!(known.of(&fields, &Carrier::Tls), fresh);
        }
        assert_eq!(known.known.len(), REMEMBERED);
    }

    /// The example worked through in the published description of JA4.
    #[test]
    fn published_example() {
        assert_eq!(
            &*of(&chrome(), Carrier::Tls),
            "t13d1516h2_8daaf6152771_e5627efa2ab1"
        );
    }

    #[test]
    fn order_of_extensions_and_grease_do_not_matter() {
        let mut shuffled = chrome();
        shuffled.extensions.reverse();
        shuffled.extension(0xfafa, &[0]);
        let carrier = Carrier::Quic { version: 1 };
        assert_eq!(
            &*of(&shuffled, carrier),
            "q13d1516h2_8daaf6152771_e5627efa2ab1"
        );
    }

    #[test]
    fn a_bare_hello_has_a_fingerprint_too() {
        let hello = Hello {
            suites: Vec::new(),
            extensions: Vec::new(),
            ..Hello::new("")
        };
        assert_eq!(
            &*of(&hello, Carrier::Tls),
            "t12i000000_000000000000_000000000000"
        );
    }

    /// The table of the published description for protocol names that are not alphanumeric.
    #[test]
    fn protocol_marks() {
        let cases: [(&[u8], &str); 9] = [
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"h", "hh"),
            (&[0xab], "ab"),
            (&[0xab, 0xcd], "ad"),
            (&[0x30, 0xab], "3b"),
            (&[0x30, 0x31, 0xab, 0xcd], "3d"),
            (&[0x30, 0xab, 0xcd, 0x31], "01"),
            (b"", "00"),
        ];
        for (name, mark) in cases {
            assert_eq!(alpn_mark(Some(name)), mark.as_bytes(), "{name:?}");
        }
        assert_eq!(&alpn_mark(None), b"00");
    }
}
