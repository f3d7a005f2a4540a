//! How busy a device is: how well an unrelated handshake would fit a contact by mere chance.
//!
//! That a fetch ran inside a handshake's silence is a strong sign on a device that opens a connection now and
//! then, and none on one that opens fifty a second, where any moment lies inside some silence. So the times
//! of the device's other handshakes around the contact are asked: at which share of these moments would one
//! of them have fitted as well?

use crate::correlate::handshakes::Record;
use crate::correlate::waits::{GOES_ON_WITHIN, gaps};
use crate::finding::Site;
use crate::time::{Span, Timestamp};

/// Surroundings that are looked at, before and after: a page load, and the minute it belongs to. Connections
/// come in bursts, so the busier of the two counts.
pub const SURROUNDINGS: [Span; 2] = [Span::from_secs(2), Span::from_secs(30)];
/// Handshakes looked at in one of them; more make the device busy whatever their times.
pub const MOST: usize = 300;

/// Share of moments, in thousandths.
pub type PerMille = u32;

/// Up to here, a fit by chance is rare enough for a sign to have its full weight: one in twenty.
pub const RARE: PerMille = 50;
/// Up to here, it still tells something: one in ten.
pub const OCCASIONAL: PerMille = 100;

/// Beyond this, silences are the rule: one in two.
pub const HALF: PerMille = 500;

/// The other handshakes around one contact, in each of the surroundings.
#[derive(Debug, Default)]
pub struct Pace<'a> {
    around: Vec<Around<'a>>,
    /// Times tell nothing.
    coarse: bool,
}

#[derive(Debug)]
struct Around<'a> {
    length: Span,
    others: Vec<&'a Record>,
}

impl<'a> Pace<'a> {
    /// That of a capture whose times tell nothing: everything may fit by chance.
    #[must_use]
    pub fn without_clock() -> Self {
        Self {
            coarse: true,
            ..Self::default()
        }
    }

    /// Adds the handshakes of one of the surroundings, which is `length` long as far as the capture covers it.
    pub fn add(&mut self, length: Span, records: impl Iterator<Item = &'a Record>) {
        let others = records.collect();
        self.around.push(Around { length, others });
    }

    /// At which share of the moments a fetch of this `duration` would have run inside a silence of another
    /// site than that of `record`, as a fetch does for which a handshake waits.
    #[must_use]
    pub fn held_by_chance(&self, record: &Record, duration: Span) -> PerMille {
        let fitting = |other: &Record| {
            let one = |silence: Span| {
                let room = silence.as_nanos().saturating_sub(duration.as_nanos());
                room.clamp(0, GOES_ON_WITHIN.as_nanos())
            };
            gaps(other).map(one).sum()
        };
        self.share(record, fitting)
    }

    /// At which share of the moments the server's flight of a handshake with another site would have been at
    /// most `lead` earlier.
    #[must_use]
    pub fn near_by_chance(&self, record: &Record, lead: Span) -> PerMille {
        self.share(record, |_| lead.as_nanos().max(0))
    }

    fn share(&self, record: &Record, fitting: impl Fn(&Record) -> i64) -> PerMille {
        if self.coarse {
            return 1_000;
        }
        let one = |around: &Around<'_>| {
            let others = around
                .others
                .iter()
                .filter(|other| !same_place(other, record));
            let sum = others.fold(0_i64, |sum, other| sum.saturating_add(fitting(other)));
            let length = around.length.as_nanos().max(1);
            let share = sum
                .saturating_mul(1_000)
                .checked_div(length)
                .unwrap_or(1_000);
            u32::try_from(share.clamp(0, 1_000)).unwrap_or(1_000)
        };
        self.around.iter().map(one).max().unwrap_or(0)
    }
}

/// How much of the surroundings the capture covers. A capture of less than a second says nothing of a pace,
/// so it counts as one.
#[must_use]
pub fn covered(at: Timestamp, reach: Span, span: Option<(Timestamp, Timestamp)>) -> Span {
    let (from, until) = (at.minus(reach), at.plus(reach));
    let (from, until) = span.map_or((from, until), |(first, last)| {
        (from.max(first), until.min(last))
    });
    until.since(from).max(Span::from_secs(1))
}

/// The same name, or the same server where a name is missing.
#[must_use]
pub fn same_place(a: &Record, b: &Record) -> bool {
    match (&a.shown.site, &b.shown.site) {
        (Site::Sni(x), Site::Sni(y)) => x == y,
        _ => a.server == b.server,
    }
}
