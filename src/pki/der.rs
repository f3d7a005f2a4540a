//! A borrowing reader for DER (ITU-T X.690).
//!
//! It never recurses and never allocates. Lengths need not be minimal: some old CAs encode them with
//! leading zeros, and facts are worth having even so.

use crate::pki::PkiError;
use crate::time::{Timestamp, days_from_civil};

/// Tags used by the structures of this room.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[n]` around another element, or `[n] IMPLICIT` of a constructed type.
    pub(crate) const fn constructed(number: u8) -> u8 {
        0xa0 | number
    }

    /// `[n] IMPLICIT` of a primitive type.
    pub(crate) const fn primitive(number: u8) -> u8 {
        0x80 | number
    }
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    /// Identifier octet.
    pub(crate) tag: u8,
    /// Content octets.
    pub(crate) content: &'a [u8],
    /// Identifier, length and content octets.
    pub(crate) whole: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// What is inside.
    pub(crate) fn inner(self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// A BOOLEAN's value; anything but zero is true (BER).
    pub(crate) fn is_true(self) -> bool {
        self.content.iter().any(|b| *b != 0)
    }

    /// A small unsigned INTEGER or ENUMERATED.
    pub(crate) fn small(self) -> Option<u8> {
        match self.content {
            [value] if *value < 0x80 => Some(*value),
            [0, value] => Some(*value),
            _ => None,
        }
    }

    /// The bits of a BIT STRING that fills its octets, as keys and signatures do.
    pub(crate) fn bits(self) -> Option<&'a [u8]> {
        match self.content {
            [0, bits @ ..] if self.tag == tag::BIT_STRING => Some(bits),
            _ => None,
        }
    }

    /// UTCTime or GeneralizedTime. RFC 5280 4.1.2.5 wants seconds and `Z`; offsets and missing seconds,
    /// which X.680 allows, are read as well. None when it is no time at all.
    pub(crate) fn time(self) -> Option<Timestamp> {
        let (year, rest) = match self.tag {
            tag::UTC_TIME => {
                let (year, rest) = number(self.content, 2)?;
                // RFC 5280 4.1.2.5.1: two digits mean 1950 to 2049.
                (if year >= 50 { 1900 } else { 2000 } + year, rest)
            }
            tag::GENERALIZED_TIME => number(self.content, 4)?,
            _ => return None,
        };
        let (month, rest) = number(rest, 2)?;
        let (day, rest) = number(rest, 2)?;
        let (hour, rest) = number(rest, 2)?;
        let (minute, rest) = number(rest, 2)?;
        let (second, rest) = number(rest, 2).unwrap_or((0, rest));
        if !(1..=12).contains(&month)
            || !(1..=31).contains(&day)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        let rest = match rest {
            [b'.' | b',', fraction @ ..] => {
                let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
                fraction.get(digits..)?
            }
            _ => rest,
        };
        let offset = match rest {
            [] | b"Z" => 0,
            [sign @ (b'+' | b'-'), offset @ ..] => {
                let (hours, rest) = number(offset, 2)?;
                let (minutes, rest) = number(rest, 2).unwrap_or((0, rest));
                if !rest.is_empty() {
                    return None;
                }
                let offset = hours * 3_600 + minutes * 60;
                if *sign == b'-' { -offset } else { offset }
            }
            _ => return None,
        };
        let days = days_from_civil(year, month, day);
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset;
        Some(Timestamp::from_secs(seconds))
    }
}

/// Reads elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next element, whatever it is.
    pub(crate) fn element(&mut self) -> Result<Tlv<'a>, PkiError> {
        let (tag, header, length) = match *self.rest {
            [] | [_] => return Err(PkiError::Truncated),
            [tag, ..] if tag & 0x1f == 0x1f => return Err(PkiError::NotDer),
            [tag, length, ..] if length < 0x80 => (tag, 2, usize::from(length)),
            [tag, 0x81, a, ..] => (tag, 3, usize::from(a)),
            [tag, 0x82, a, b, ..] => (tag, 4, usize::from(u16::from_be_bytes([a, b]))),
            [tag, 0x83, a, b, c, ..] => (tag, 5, long(0, a, b, c)?),
            [tag, 0x84, a, b, c, d, ..] => (tag, 6, long(a, b, c, d)?),
            [_, 0x81..=0x84, ..] => return Err(PkiError::Truncated),
            _ => return Err(PkiError::NotDer),
        };
        let end = header + length;
        let (Some(whole), Some(rest)) = (self.rest.get(..end), self.rest.get(end..)) else {
            return Err(PkiError::Truncated);
        };
        self.rest = rest;
        Ok(Tlv {
            tag,
            content: whole.get(header..).unwrap_or_default(),
            whole,
        })
    }

    /// The next element, which must have this tag; when the bytes end before it does, what there is of it.
    /// The flag says that it is whole.
    pub(crate) fn read_cut(
        &mut self,
        tag: u8,
        what: &'static str,
    ) -> Result<(Tlv<'a>, bool), PkiError> {
        let start = *self;
        match self.read(tag, what) {
            Err(PkiError::Truncated) if start.rest.first() == Some(&tag) => {
                let header = match *start.rest {
                    [_, length @ 0x81..=0x84, ..] => 2 + usize::from(length & 0x0f),
                    _ => 2,
                };
                let content = start.rest.get(header..).ok_or(PkiError::Truncated)?;
                self.rest = &[];
                let whole = start.rest;
                Ok((
                    Tlv {
                        tag,
                        content,
                        whole,
                    },
                    false,
                ))
            }
            read => read.map(|tlv| (tlv, true)),
        }
    }

    /// The next element, which must have this tag.
    pub(crate) fn read(&mut self, tag: u8, what: &'static str) -> Result<Tlv<'a>, PkiError> {
        match self.rest.first() {
            Some(first) if *first != tag => Err(PkiError::NotA(what)),
            _ => self.element(),
        }
    }

    /// The next element when it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, PkiError> {
        if self.rest.first() == Some(&tag) {
            self.element().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Fails when something is left.
    pub(crate) fn end(&self, what: &'static str) -> Result<(), PkiError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(PkiError::Trailing(what))
        }
    }
}

/// The elements up to the end or the first malformed one.
impl<'a> Iterator for Reader<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        self.element().ok()
    }
}

/// The single element that `bytes` consist of.
pub(crate) fn only<'a>(bytes: &'a [u8], tag: u8, what: &'static str) -> Result<Tlv<'a>, PkiError> {
    let mut reader = Reader::new(bytes);
    let tlv = reader.read(tag, what)?;
    reader.end(what)?;
    Ok(tlv)
}

fn long(a: u8, b: u8, c: u8, d: u8) -> Result<usize, PkiError> {
    usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| PkiError::NotDer)
}

/// So many decimal digits.
fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (head, rest) = text.split_at_checked(digits)?;
    let mut value = 0;
    for digit in head {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tag: u8, text: &str) -> Option<i64> {
        let content = text.as_bytes();
        let tlv = Tlv {
            tag,
            content,
            whole: content,
        };
        tlv.time().map(Timestamp::as_secs)
    }

    #[test]
    fn times_are_read_as_rfc_5280_and_x680_write_them() {
        for (tag, text, seconds) in [
            (tag::UTC_TIME, "700101000000Z", Some(0)),
            (tag::UTC_TIME, "250806000000Z", Some(1_754_438_400)),
            (tag::UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (tag::UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (tag::UTC_TIME, "2508060000Z", Some(1_754_438_400)),
            (tag::UTC_TIME, "250806020000+0200", Some(1_754_438_400)),
            (
                tag::GENERALIZED_TIME,
                "20240229120000Z",
                Some(1_709_208_000),
            ),
            (
                tag::GENERALIZED_TIME,
                "20240229120000.5Z",
                Some(1_709_208_000),
            ),
            (tag::UTC_TIME, "251306000000Z", None),
            (tag::UTC_TIME, "hello", None),
            (tag::UTC_TIME, "250806000000Zjunk", None),
            (tag::INTEGER, "250806000000Z", None),
        ] {
            assert_eq!(time(tag, text), seconds, "{text}");
        }
    }

    #[test]
    fn times_beyond_the_clock_saturate() {
        let end = time(tag::GENERALIZED_TIME, "99991231235959Z");
        assert_eq!(end, Some(Timestamp::from_nanos(i64::MAX).as_secs()));
    }

    #[test]
    fn lengths_have_five_forms_and_no_more() {
        for (bytes, content) in [
            (&[0x04, 0x01, 0xaa][..], Ok(1)),
            (&[0x04, 0x81, 0x01, 0xaa], Ok(1)),
            (&[0x04, 0x82, 0x00, 0x01, 0xaa], Ok(1)),
            (&[0x04, 0x83, 0x00, 0x00, 0x01, 0xaa], Ok(1)),
            (&[0x04, 0x84, 0x00, 0x00, 0x00, 0x01, 0xaa], Ok(1)),
            (&[0x04, 0x80, 0x00, 0x00], Err(PkiError::NotDer)),
            (&[0x04, 0x85, 0, 0, 0, 0, 1, 0xaa], Err(PkiError::NotDer)),
            (&[0x1f, 0x01, 0xaa], Err(PkiError::NotDer)),
            (&[0x04, 0x02, 0xaa], Err(PkiError::Truncated)),
            (
                &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 0xaa],
                Err(PkiError::Truncated),
            ),
            (&[0x04, 0x82, 0x01], Err(PkiError::Truncated)),
            (&[0x04], Err(PkiError::Truncated)),
        ] {
            let read = Reader::new(bytes).element().map(|tlv| tlv.content.len());
            assert_eq!(read, content, "{bytes:02x?}");
        }
    }
}
