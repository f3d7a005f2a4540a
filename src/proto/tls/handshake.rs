//! Handshake messages out of arbitrary byte runs (RFC 8446 4): one type byte, a 24-bit length, a body that
//! may span records, packets and frames.

use crate::frame::FrameNo;
use crate::time::Timestamp;

/// hello_request (TLS 1.2).
pub const HELLO_REQUEST: u8 = 0;
/// client_hello.
pub const CLIENT_HELLO: u8 = 1;
/// server_hello, also HelloRetryRequest.
pub const SERVER_HELLO: u8 = 2;
/// new_session_ticket.
pub const NEW_SESSION_TICKET: u8 = 4;
/// end_of_early_data.
pub const END_OF_EARLY_DATA: u8 = 5;
/// encrypted_extensions.
pub const ENCRYPTED_EXTENSIONS: u8 = 8;
/// certificate.
pub const CERTIFICATE: u8 = 11;
/// server_key_exchange (TLS 1.2).
pub const SERVER_KEY_EXCHANGE: u8 = 12;
/// certificate_request.
pub const CERTIFICATE_REQUEST: u8 = 13;
/// server_hello_done (TLS 1.2).
pub const SERVER_HELLO_DONE: u8 = 14;
/// client_key_exchange (TLS 1.2).
pub const CLIENT_KEY_EXCHANGE: u8 = 16;
/// finished.
pub const FINISHED: u8 = 20;
/// certificate_status (RFC 6066 8).
pub const CERTIFICATE_STATUS: u8 = 22;
/// compressed_certificate (RFC 8879).
pub const COMPRESSED_CERTIFICATE: u8 = 25;

const HEADER: usize = 4;
/// Most messages that come in pieces are no longer: certificates, of 3 to 6 kB, and hellos with post-quantum shares.
const USUAL: usize = 8 << 10;

/// Whether a message may begin with this byte: the types that peers use in clear or protected.
#[must_use]
pub(crate) const fn is_known(kind: u8) -> bool {
    matches!(kind, 0..=6 | 8 | 11..=16 | 20..=25 | 67 | 254)
}

/// When and in which frame some bytes were captured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// The frame.
    pub frame: FrameNo,
    /// Its time.
    pub at: Timestamp,
}

/// A handshake message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Message<'a> {
    /// HandshakeType.
    pub kind: u8,
    /// Its content, without the header. Cut short unless `whole`.
    pub body: &'a [u8],
    /// False when the capture does not hold its end.
    pub whole: bool,
    /// Where its first byte was seen.
    pub first: Seen,
    /// Where its last byte was seen.
    pub last: Seen,
}

/// What [`Joiner::next`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Joined<'a> {
    /// A whole message.
    Message(Message<'a>),
    /// A message longer than the limit begins; it will be passed over.
    TooLong(u8),
}

/// Joins the handshake messages of one sender. Copies only what does not come in one piece.
#[derive(Debug, Default)]
pub struct Joiner {
    /// Header and body of the message being joined; kept after it was handed out until the next call.
    buffer: Vec<u8>,
    /// The message in `buffer` was handed out.
    handed_out: bool,
    /// Bytes of a message that is not wanted.
    skip: usize,
    first: Seen,
    last: Seen,
}

impl Joiner {
    /// The next message, taking what it needs off the front of `bytes`; None when they are used up.
    /// Call until None. `limit` bounds one message.
    pub fn next<'a, 'b: 'a>(
        &'a mut self,
        bytes: &mut &'b [u8],
        seen: Seen,
        limit: usize,
    ) -> Option<Joined<'a>> {
        if self.handed_out {
            // The next one that comes in pieces may be long in coming, and there are many connections.
            self.buffer = Vec::new();
            self.handed_out = false;
        }
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        *bytes = bytes.get(skipped..).unwrap_or_default();
        if bytes.is_empty() {
            return None;
        }
        self.last = seen;
        if self.buffer.is_empty() {
            self.first = seen;
            if let Some((message, rest)) = whole(bytes, seen, limit) {
                *bytes = rest;
                return Some(Joined::Message(message));
            }
            // What a message says of its length is believed as far as a chain of certificates goes; a longer
            // one grows as it comes.
            let promised = header(bytes).map_or(0, |(_, len)| HEADER + len);
            self.buffer.reserve_exact(promised.min(USUAL));
        }
        self.fill(bytes, HEADER);
        let (kind, len) = header(&self.buffer)?;
        if len > limit {
            self.buffer.clear();
            self.skip = len;
            return Some(Joined::TooLong(kind));
        }
        self.fill(bytes, HEADER + len);
        if self.buffer.len() < HEADER + len {
            return None;
        }
        self.handed_out = true;
        let body = self.buffer.get(HEADER..).unwrap_or_default();
        Some(Joined::Message(self.message(kind, body, true)))
    }

    /// Memory it holds beside itself.
    pub(crate) const fn weight(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether the next byte begins a message.
    #[must_use]
    pub fn at_boundary(&self) -> bool {
        self.skip == 0 && (self.buffer.is_empty() || self.handed_out)
    }

    /// The type of the message that is being joined or passed over, when its first byte was seen.
    #[must_use]
    pub fn pending(&self) -> Option<u8> {
        let pending = !self.at_boundary();
        pending.then(|| self.buffer.first().copied()).flatten()
    }

    /// What is there of a message whose end will not come.
    #[must_use]
    pub fn partial(&self) -> Option<Message<'_>> {
        self.pending()?;
        let (kind, _) = header(&self.buffer)?;
        let body = self.buffer.get(HEADER..).unwrap_or_default();
        Some(self.message(kind, body, false))
    }

    /// Gives up the message being joined because `missing` bytes are lost (after [`Joiner::partial`]).
    /// False when the loss may reach beyond that message: then nobody knows where the next begins.
    pub fn lose(&mut self, missing: usize) -> bool {
        let left = if self.skip > 0 {
            Some(self.skip)
        } else if self.at_boundary() {
            None
        } else {
            header(&self.buffer).map(|(_, len)| (HEADER + len).saturating_sub(self.buffer.len()))
        };
        self.reset();
        match left {
            Some(left) if missing <= left => {
                self.skip = left - missing;
                true
            }
            _ => false,
        }
    }

    /// Forgets everything: the next byte begins a message. Also gives the memory back.
    pub fn reset(&mut self) {
        self.buffer = Vec::new();
        self.handed_out = false;
        self.skip = 0;
    }

    fn fill(&mut self, bytes: &mut &[u8], len: usize) {
        let wanted = len.saturating_sub(self.buffer.len()).min(bytes.len());
        if let Some((taken, rest)) = bytes.split_at_checked(wanted) {
            self.buffer.extend_from_slice(taken);
            *bytes = rest;
        }
    }

    const fn message<'a>(&self, kind: u8, body: &'a [u8], whole: bool) -> Message<'a> {
        Message {
            kind,
            body,
            whole,
            first: self.first,
            last: self.last,
        }
    }
}

/// The message that `bytes` begin with, when it is there as a whole, and what follows it. Most come so, and
/// need no joining.
#[must_use]
pub fn whole(bytes: &[u8], seen: Seen, limit: usize) -> Option<(Message<'_>, &[u8])> {
    let (kind, len) = header(bytes).filter(|(_, len)| *len <= limit)?;
    let (message, rest) = bytes.split_at_checked(HEADER + len)?;
    let message = Message {
        kind,
        body: message.get(HEADER..).unwrap_or_default(),
        whole: true,
        first: seen,
        last: seen,
    };
    Some((message, rest))
}

fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let [kind, a, b, c] = bytes.first_chunk()?;
    let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
    Some((*kind, len))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::tls::testing::message;

    fn seen(frame: u64) -> Seen {
        Seen {
            frame: FrameNo::new(frame),
            at: Timestamp::from_nanos(i64::try_from(frame).unwrap()),
        }
    }

    /// Feeds pieces as frames 1, 2, ... and lists (type, body, first frame, last frame).
    fn join(pieces: &[&[u8]]) -> Vec<(u8, Vec<u8>, u64, u64)> {
        let mut joiner = Joiner::default();
        let mut found = Vec::new();
        for (mut piece, frame) in pieces.iter().copied().zip(1..) {
            while let Some(joined) = joiner.next(&mut piece, seen(frame), 1_000) {
                found.push(match joined {
                    Joined::Message(m) => (
                        m.kind,
                        m.body.to_vec(),
                        m.first.frame.get(),
                        m.last.frame.get(),
                    ),
                    Joined::TooLong(kind) => (kind, b"too long".to_vec(), 0, 0),
                });
            }
        }
        found
    }

    #[test]
    fn several_in_one_piece_and_one_over_several() {
        let bytes = [
            message(2, b"hello"),
            message(14, b""),
            message(11, b"certificate"),
        ]
        .concat();
        let (head, tail) = bytes.split_at(20);
        assert_eq!(
            join(&[head, tail]),
            [
                (2, b"hello".to_vec(), 1, 1),
                (14, b"".to_vec(), 1, 1),
                (11, b"certificate".to_vec(), 1, 2),
            ]
        );
    }

    #[test]
    fn a_message_over_the_limit_is_passed_over() {
        let bytes = [message(11, &[0; 1_001]), message(14, b"")].concat();
        let found = join(&[&bytes[..500], &bytes[500..]]);
        assert_eq!(found[0].1, b"too long");
        assert_eq!(found[1], (14, b"".to_vec(), 2, 2));
    }

    #[test]
    fn loss_inside_a_message_keeps_the_one_after_it() {
        let bytes = [message(11, &[7; 100]), message(14, b"")].concat();
        let mut joiner = Joiner::default();
        assert_eq!(joiner.next(&mut &bytes[..50], seen(1), 1_000), None);
        let partial = joiner.partial().unwrap();
        assert_eq!(
            (partial.kind, partial.body.len(), partial.whole),
            (11, 46, false)
        );
        assert!(joiner.lose(30));
        let mut rest = &bytes[80..];
        let next = joiner.next(&mut rest, seen(2), 1_000);
        assert!(matches!(next, Some(Joined::Message(m)) if m.kind == 14));
    }

    #[test]
    fn loss_beyond_a_message_is_told() {
        let mut joiner = Joiner::default();
        assert_eq!(
            joiner.next(&mut &message(11, &[7; 100])[..50], seen(1), 1_000),
            None
        );
        assert!(!joiner.lose(55));
        assert!(joiner.at_boundary());
        assert!(!joiner.lose(1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_split_gives_the_same_messages(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let bytes: Vec<u8> = bodies.iter().zip(1..).flat_map(|(b, kind)| message(kind, b)).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            let found = join(&pieces);
            prop_assert_eq!(found.len(), bodies.len());
            for ((kind, body, first, last), (expected, number)) in found.into_iter().zip(bodies.iter().zip(1..)) {
                prop_assert_eq!(kind, number);
                prop_assert_eq!(&body, expected);
                prop_assert!(first <= last);
            }
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), lost in 0_usize..2_000) {
            join(&[&bytes, &bytes]);
            let mut joiner = Joiner::default();
            let mut rest = &bytes[..];
            while joiner.next(&mut rest, seen(1), 100).is_some() {}
            let _ = joiner.partial();
            joiner.lose(lost);
            prop_assert!(joiner.buffer.is_empty());
        }
    }
}
