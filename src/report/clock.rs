//! Times as readers want them. The only place where a time zone exists.

use jiff::tz::TimeZone;

use crate::time::Timestamp;

/// How text reports show times. JSON and CSV always use UTC.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TimeKind {
    /// RFC 3339, UTC.
    #[default]
    Utc,
    /// RFC 3339 with the offset of the given zone.
    Local,
    /// Seconds since the first frame.
    Relative,
    /// Seconds since the Unix epoch.
    Epoch,
}

/// Shows times of one report.
#[derive(Clone, Debug)]
pub struct Clock {
    kind: TimeKind,
    zone: TimeZone,
    start: Option<Timestamp>,
}

impl Clock {
    /// A clock for a report whose first frame was captured at `start`.
    #[must_use]
    pub const fn new(kind: TimeKind, zone: TimeZone, start: Option<Timestamp>) -> Self {
        Self { kind, zone, start }
    }

    /// The time to microseconds.
    #[must_use]
    pub fn show(&self, at: Timestamp) -> String {
        match self.kind {
            TimeKind::Utc => format!("{:.6}", civil(at)),
            TimeKind::Local => civil(at)
                .to_zoned(self.zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S%.6f%:z")
                .to_string(),
            TimeKind::Relative => {
                let nanos = at.since(self.start.unwrap_or(at)).as_nanos();
                let sign = if nanos < 0 { '-' } else { '+' };
                let micros = nanos.unsigned_abs() / 1_000;
                format!("{sign}{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
            }
            TimeKind::Epoch => {
                let micros = at.as_nanos().div_euclid(1_000);
                format!(
                    "{}.{:06}",
                    micros.div_euclid(1_000_000),
                    micros.rem_euclid(1_000_000)
                )
            }
        }
    }

    /// The time to milliseconds, for rows under a heading that has the date; with month and day where the date is
    /// another than the first frame's.
    #[must_use]
    pub fn brief(&self, at: Timestamp) -> String {
        match self.kind {
            TimeKind::Utc => self.brief_in(at, &TimeZone::UTC),
            TimeKind::Local => self.brief_in(at, &self.zone),
            TimeKind::Relative | TimeKind::Epoch => self.show(at),
        }
    }

    fn brief_in(&self, at: Timestamp, zone: &TimeZone) -> String {
        let there = civil(at).to_zoned(zone.clone());
        let start = civil(self.start.unwrap_or(at)).to_zoned(zone.clone());
        let form = if there.date() == start.date() {
            "%H:%M:%S%.3f"
        } else {
            "%m-%d %H:%M:%S%.3f"
        };
        there.strftime(form).to_string()
    }
}

/// RFC 3339 in UTC with nanoseconds, as machines get it.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    format!("{:.9}", civil(at))
}

/// RFC 3339 in UTC to the second, for sentences.
#[must_use]
pub fn seconds(at: Timestamp) -> String {
    civil(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The UTC date.
#[must_use]
pub fn date(at: Timestamp) -> String {
    civil(at).strftime("%Y-%m-%d").to_string()
}

fn civil(at: Timestamp) -> jiff::Timestamp {
    // Every i64 of nanoseconds is inside jiff's range, so the fallback is never seen.
    jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_nanos(1_795_279_011_805_447_123);

    #[test]
    fn each_kind_of_time() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let clock = |kind| {
            Clock::new(
                kind,
                zone.clone(),
                Some(Timestamp::from_secs(1_795_279_000)),
            )
        };
        assert_eq!(clock(TimeKind::Utc).show(AT), "2026-11-21T16:36:51.805447Z");
        assert_eq!(
            clock(TimeKind::Local).show(AT),
            "2026-11-21T18:36:51.805447+02:00"
        );
        assert_eq!(clock(TimeKind::Relative).show(AT), "+11.805447 s");
        assert_eq!(clock(TimeKind::Epoch).show(AT), "1795279011.805447");
        assert_eq!(clock(TimeKind::Utc).brief(AT), "16:36:51.805");
        let next_day = AT.plus(crate::time::Span::from_secs(86_400));
        assert_eq!(clock(TimeKind::Utc).brief(next_day), "11-22 16:36:51.805");
        assert_eq!(rfc3339(AT), "2026-11-21T16:36:51.805447123Z");
        assert_eq!(date(AT), "2026-11-21");
    }

    #[test]
    fn the_ends_of_time_have_a_form() {
        assert_eq!(
            rfc3339(Timestamp::from_nanos(i64::MAX)),
            "2262-04-11T23:47:16.854775807Z"
        );
        assert_eq!(
            rfc3339(Timestamp::from_nanos(i64::MIN)),
            "1677-09-21T00:12:43.145224193Z"
        );
    }
}
