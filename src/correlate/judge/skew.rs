//! Whether a capture was put together from two with clocks of their own.
//!
//! A client connects to an address after it was told it (RFC 1034 2.4), and within moments. Where the
//! connections of one kind come before that, or all of them later by a part of a second that those of the
//! other kind do not take, lookups, handshakes and fetches were not captured at one point, and the times of
//! fetches say little of handshakes.

use std::cell::RefCell;

use super::*;

/// Later than this the address was kept for another reason.
const MOMENTS: Span = Span::from_secs(1);
/// Frames that two queues swap.
const SWAPPED: Span = Span::from_millis(2);
/// Browsers wait this long for answers of the other kind before they connect (RFC 8305 3, 50 ms), for a name
/// of either kind.
const LATER: Span = Span::from_millis(60);
/// The first of several connects sooner than this.
const USUAL: Span = Span::from_millis(20);
/// Connections that tell, for TLS and for fetches.
const FEW: [usize; 2] = [5, 3];
/// And at most so many are looked at.
const MOST: usize = 512;

/// Whether connections for TLS and those for fetches lie differently to the lookups before them.
pub(super) fn is_skewed(state: &State, devices: &DeviceMap) -> bool {
    let seen = RefCell::new(HashSet::default());
    let lag = |client: HostKey, name: &Name, server: IpAddr, at: Timestamp| {
        if !seen.borrow_mut().insert((client, name.clone(), server)) {
            return None;
        }
        let mut told = state.names.facts(server);
        let own = told.find(|t| t.name == name.as_str() && devices.same(t.client, client))?;
        let lag = at.since(own.first.0);
        (lag.abs() <= MOMENTS).then_some(lag)
    };
    let tls = state.handshakes.iter().take(2 * MOST).filter_map(|record| {
        let Site::Sni(name) = &record.shown.site else {
            return None;
        };
        lag(
            record.client,
            name,
            record.server.ip,
            record.shown.opened_at?,
        )
    });
    let fetches = state.log.connects.values().take(2 * MOST);
    let fetches = fetches.filter(|c| !c.tls);
    let fetches = fetches.filter_map(|c| lag(c.client_key, &c.host, c.server.ip(), c.at));
    let [few_tls, few_fetches] = FEW;
    match (Lags::of(tls, few_tls), Lags::of(fetches, few_fetches)) {
        (Some(tls), Some(fetches)) => tls.differ(&fetches),
        _ => false,
    }
}

/// How soon after it was told connections of one kind come.
struct Lags {
    /// The first.
    least: Span,
    /// Nearly all come before. Some do where an address is asked for again that was told before the capture began.
    early: bool,
}

impl Lags {
    fn of(lags: impl Iterator<Item = Span>, few: usize) -> Option<Self> {
        let lags: Vec<Span> = lags.take(MOST).collect();
        let is_early = |lag: &&Span| **lag < Span::ZERO && lag.abs() > SWAPPED;
        let before = lags.iter().filter(is_early).count();
        let least = lags.iter().copied().min().filter(|_| lags.len() >= few)?;
        Some(Self {
            least,
            early: before > lags.len() / 4 * 3,
        })
    }

    fn differ(&self, other: &Self) -> bool {
        self.is_off_beside(other) || other.is_off_beside(self)
    }

    /// Whether these are not what connections take, while the others are.
    fn is_off_beside(&self, other: &Self) -> bool {
        let usual = !other.early
            && other.least > Span::from_nanos(-SWAPPED.as_nanos())
            && other.least < USUAL;
        usual && (self.early || self.least >= LATER)
    }
}
