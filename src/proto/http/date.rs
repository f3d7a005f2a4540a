//! The date of a message (RFC 9110 5.6.7), in the one form that may be sent today; the two older ones are not read.

use crate::time::{Timestamp, days_from_civil};

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn read(value: &[u8]) -> Option<Timestamp> {
    let rest = value.trim_ascii().get(3..)?.strip_prefix(b", ")?;
    let (day, rest) = number(rest, 2, b" ")?;
    let (month, rest) = rest.split_at_checked(3)?;
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    let (year, rest) = number(rest.strip_prefix(b" ")?, 4, b" ")?;
    let (hour, rest) = number(rest, 2, b":")?;
    let (minute, rest) = number(rest, 2, b":")?;
    let (second, rest) = number(rest, 2, b" GMT")?;
    let fits = rest.is_empty()
        && (1..=31).contains(&day)
        && year >= 1970
        && hour < 24
        && minute < 60
        && second <= 60;
    let days = days_from_civil(year, i64::try_from(month).ok()?, day);
    fits.then(|| Timestamp::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

/// So many digits and what must stand behind them.
fn number<'a>(bytes: &'a [u8], digits: usize, behind: &[u8]) -> Option<(i64, &'a [u8])> {
    let (number, rest) = bytes.split_at_checked(digits)?;
    let all = number.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(number).ok().filter(|_| all)?;
    Some((number.parse().ok()?, rest.strip_prefix(behind)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_may_be_sent_is_read_and_others_are_not() {
        let seconds = |text: &str| read(text.as_bytes()).map(Timestamp::as_secs);
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(
            seconds(" Thu, 29 Feb 2024 23:59:60 GMT "),
            Some(1_709_251_200)
        );
        for other in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT and more",
        ] {
            assert_eq!(seconds(other), None, "{other}");
        }
    }
}
