//! Frames of Initial and Handshake packets (RFC 9000 12.4, 19).

use super::header::Reader;

/// The frames of a decrypted payload. Ends at the first frame that such packets may not hold: its length
/// would be a guess.
pub(super) fn frames(payload: &[u8]) -> Frames<'_> {
    Frames(Reader(payload))
}

/// A frame as far as it matters here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Frame<'a> {
    /// Handshake bytes.
    Crypto {
        /// Where in the stream they belong.
        offset: u64,
        /// The bytes.
        data: &'a [u8],
    },
    /// CONNECTION_CLOSE of the transport (0x1c), with its error code.
    Close(u64),
    /// PADDING, PING, ACK, NEW_TOKEN, CONNECTION_CLOSE of the application.
    Other,
    /// A frame that breaks the grammar or has no place here; the last one.
    Malformed,
}

/// See [`frames`].
#[derive(Clone, Debug)]
pub(super) struct Frames<'a>(Reader<'a>);

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let padding = self.0.0.iter().take_while(|byte| **byte == 0).count();
        self.0.take(u64::try_from(padding).ok()?);
        if self.0.0.is_empty() {
            return None;
        }
        let frame = self.frame().unwrap_or(Frame::Malformed);
        if frame == Frame::Malformed {
            self.0 = Reader(&[]);
        }
        Some(frame)
    }
}

impl<'a> Frames<'a> {
    fn frame(&mut self) -> Option<Frame<'a>> {
        let reader = &mut self.0;
        match reader.varint()? {
            0x01 => {}
            kind @ (0x02 | 0x03) => {
                // Largest acknowledged, delay, range count, first range; then pairs of gap and length.
                reader.varint()?;
                reader.varint()?;
                let ranges = reader.varint()?;
                reader.varint()?;
                for _ in 0..ranges {
                    reader.varint()?;
                    reader.varint()?;
                }
                if kind == 0x03 {
                    for _ecn_count in 0..3 {
                        reader.varint()?;
                    }
                }
            }
            0x06 => {
                let offset = reader.varint()?;
                let len = reader.varint()?;
                let data = reader.take(len)?;
                // RFC 9000 19.6: a stream ends within 2^62.
                offset.checked_add(len).filter(|end| *end < 1 << 62)?;
                return Some(Frame::Crypto { offset, data });
            }
            0x07 => {
                let len = reader.varint()?;
                reader.take(len)?;
            }
            0x1c => {
                let code = reader.varint()?;
                let _frame_type = reader.varint()?;
                let len = reader.varint()?;
                reader.take(len)?;
                return Some(Frame::Close(code));
            }
            0x1d => {
                reader.varint()?;
                let len = reader.varint()?;
                reader.take(len)?;
            }
            _ => return Some(Frame::Malformed),
        }
        Some(Frame::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn walks_every_frame_a_handshake_may_hold() {
        let payload = [
            &[0x00, 0x00, 0x01][..],
            &[0x02, 0x05, 0x00, 0x01, 0x00, 0x01, 0x02],
            &[0x03, 0x05, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03],
            &[0x06, 0x40, 0x10, 0x03, b'a', b'b', b'c', 0x00],
            &[0x07, 0x02, 0xee, 0xee],
            &[0x1c, 0x41, 0x30, 0x06, 0x02, b'n', b'o'],
            &[0x1d, 0x00, 0x00],
            &[0x08, 0x06, 0x00, 0x01, 0xff],
        ]
        .concat();
        assert_eq!(
            frames(&payload).collect::<Vec<_>>(),
            [
                Frame::Other,
                Frame::Other,
                Frame::Other,
                Frame::Crypto {
                    offset: 16,
                    data: b"abc"
                },
                Frame::Other,
                Frame::Close(0x0130),
                Frame::Other,
                Frame::Malformed,
            ]
        );
    }

    #[test]
    fn cut_frames_are_malformed() {
        for payload in [
            &[0x06, 0x00, 0x04, 1, 2][..],
            &[0x02, 0x05, 0x00, 0xff],
            &[0x1c],
        ] {
            assert_eq!(frames(payload).collect::<Vec<_>>(), [Frame::Malformed]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_end(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(frames(&payload).count() <= payload.len());
        }
    }
}
