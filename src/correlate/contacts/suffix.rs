//! Names that a resolver's search list made (RFC 1535, resolv.conf `search` and `ndots`):
//! `r10.o.lencr.org.corp.example` is asked for on the way to `r10.o.lencr.org`, does not exist, and imitates
//! nothing. Where a network answers for every name (RFC 4592), it may exist: the list's names come after the
//! one that was meant, if that one failed.

use foldhash::HashMap;

use crate::correlate::contacts::{Asked, Contact, Log, Watch};
use crate::correlate::devices::DeviceMap;
use crate::event::Name;
use crate::pki::lookalike::{LookAlikeKind, look_alike};
use crate::time::Span;

/// A stub resolver goes through its list at once; each step may time out after some seconds.
const LIST: Span = Span::from_secs(15);

/// Finds such lookups and marks them used. Gives pairs: the lookup of the name meant, and the one the list made.
pub(super) fn mark(
    log: &Log,
    devices: &DeviceMap,
    asked: &Asked<'_>,
    used: &mut [bool],
) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (index, lookup) in log.lookups.iter().enumerate() {
        if lookup.watch != Watch::LookAlike {
            continue;
        }
        let Some(found) = look_alike(lookup.shown.name.as_str())
            .filter(|found| found.kind == LookAlikeKind::InnerLabels)
        else {
            continue;
        };
        let (at, owner) = (lookup.shown.at, devices.owner(lookup.client));
        let meant = Name::new(&found.imitation);
        let exists = !lookup.shown.addresses.is_empty();
        let failed_before = |meant: &usize| {
            let meant = log.lookups.get(*meant).map(|meant| &meant.shown);
            meant.is_some_and(|meant| meant.addresses.is_empty() && meant.at <= at)
        };
        if let Some(meant) = asked
            .first_from(&meant, owner, at.minus(LIST), at.plus(LIST))
            .filter(|meant| !exists || failed_before(meant))
            && let Some(slot) = used.get_mut(index)
        {
            *slot = true;
            pairs.push((meant, index));
        }
    }
    pairs
}

/// Shows the frames of such lookups with the contact whose lookup was meant.
pub(super) fn hand_over(pairs: &[(usize, usize)], log: &Log, contacts: &mut [Contact]) {
    if pairs.is_empty() {
        return;
    }
    let mut made: HashMap<usize, Vec<usize>> = HashMap::default();
    for (meant, index) in pairs {
        made.entry(*meant).or_default().push(*index);
    }
    for contact in contacts {
        let made = contact.lookups.iter().filter_map(|meant| made.get(meant));
        let frames = made
            .flatten()
            .take(8)
            .filter_map(|index| log.lookups.get(*index))
            .flat_map(|lookup| lookup.shown.frames.iter().copied());
        contact.frames.dns.extend(frames);
        contact.frames.dns.sort_unstable();
        contact.frames.dns.dedup();
    }
}
