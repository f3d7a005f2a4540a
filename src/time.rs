//! Trace time: the only clock the core knows.
//!
//! A [`Timestamp`] is what a capture recorded; nothing here reads a clock. Trace time may run
//! backwards (merged files, clock steps), so every timeout compares with the highest time seen.

use std::fmt;
use std::num::NonZeroU64;

/// A number of nanoseconds, of which the lowest one is none: what lacks a time takes no room for saying so.
/// Of times that may be missing there are several in every handshake.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Nanos(NonZeroU64);

impl Nanos {
    const ZERO: Self = Self::new(0);

    /// Numbers in their order, from 1 for the lowest.
    const fn new(nanos: i64) -> Self {
        match NonZeroU64::new(nanos.cast_unsigned() ^ (1 << 63)) {
            Some(number) => Self(number),
            None => Self(NonZeroU64::MIN),
        }
    }

    const fn get(self) -> i64 {
        (self.0.get() ^ (1 << 63)).cast_signed()
    }
}

impl Default for Nanos {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

/// Nanoseconds since the Unix epoch, UTC. Capture formats go beyond neither 1677 nor 2262 in practice;
/// values outside saturate.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(Nanos);

impl Timestamp {
    /// The Unix epoch; also what a packet block without a time stamp gets.
    pub const EPOCH: Self = Self(Nanos::ZERO);

    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(Nanos::new(nanos))
    }

    /// From whole seconds since the Unix epoch, saturating.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self::from_nanos(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0.get()
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.get().div_euclid(1_000_000_000)
    }

    /// How long after `earlier` this is; negative when it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// This time moved by `span`, saturating.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self::from_nanos(self.0.get().saturating_add(span.0))
    }

    /// This time moved back by `span`, saturating.
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Self::from_nanos(self.0.get().saturating_sub(span.0))
    }
}

/// A signed length of trace time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds, saturating.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self::from_nanos(millis.saturating_mul(1_000_000))
    }

    /// From seconds, saturating.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self::from_nanos(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds with fraction, as reports print durations.
    #[must_use]
    pub fn as_millis_f64(self) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a span is shown to microseconds; 2^53 ns is 104 days"
        )]
        let nanos = self.0 as f64;
        nanos / 1e6
    }

    /// Its length without sign, saturating.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self::from_nanos(self.0.saturating_abs())
    }

    /// Whether it points backwards.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl fmt::Display for Span {
    /// A person's reading: `812 µs`, `84 ms`, `2.4 s`, `3 min`, `5 h`, `12 days`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (micros, millis, secs) = (nanos / 1_000, nanos / 1_000_000, nanos / 1_000_000_000);
        if micros < 1_000 {
            write!(f, "{sign}{micros} µs")
        } else if millis < 1_000 {
            write!(f, "{sign}{millis} ms")
        } else if secs < 60 {
            write!(f, "{sign}{secs}.{} s", (millis % 1_000) / 100)
        } else if secs < 2 * 3_600 {
            write!(f, "{sign}{} min", secs / 60)
        } else if secs < 2 * 86_400 {
            write!(f, "{sign}{} h", secs / 3_600)
        } else {
            write!(f, "{sign}{} days", secs / 86_400)
        }
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day comes last.
pub(crate) const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_a_person_says_them() {
        for (nanos, text) in [
            (812_000, "812 µs"),
            (84_200_000, "84 ms"),
            (2_412_000_000, "2.4 s"),
            (-2_412_000_000, "-2.4 s"),
            (180_000_000_000, "3 min"),
            (18_000_000_000_000, "5 h"),
            (1_036_800_000_000_000, "12 days"),
        ] {
            assert_eq!(Span::from_nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn arithmetic_saturates_at_the_ends_of_time() {
        let end = Timestamp::from_nanos(i64::MAX);
        assert_eq!(end.plus(Span::from_secs(1)), end);
        let begin = Timestamp::from_nanos(i64::MIN);
        assert_eq!(begin.as_nanos(), i64::MIN + 1);
        assert_eq!(begin.since(end).as_nanos(), i64::MIN);
        assert_eq!(begin.since(end).abs().as_nanos(), i64::MAX);
    }

    #[test]
    fn a_time_that_may_be_missing_takes_no_more_room() {
        assert_eq!(size_of::<Option<Timestamp>>(), size_of::<Timestamp>());
    }

    #[test]
    fn times_are_in_the_order_of_their_nanoseconds() {
        let nanos = [i64::MIN, i64::MIN + 1, -2, -1, 0, 1, 2, i64::MAX];
        let times = nanos.map(Timestamp::from_nanos);
        assert!(times.is_sorted());
        assert_eq!(
            times[2..].iter().map(|t| t.as_nanos()).collect::<Vec<_>>(),
            nanos[2..]
        );
        assert_eq!(Timestamp::default(), Timestamp::EPOCH);
    }
}
