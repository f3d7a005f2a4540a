//! Lookups and contacts as they are looked for: near a time, for one name and one device.

use super::*;

/// Lookups by name and owner, those of each in the order in which they were asked, so that the few near a contact
/// are found among any number.
pub(super) struct Asked<'l>(HashMap<(&'l Name, Owner), Vec<(Timestamp, usize)>>);

impl<'l> Asked<'l> {
    pub(super) fn new(log: &'l Log, devices: &DeviceMap) -> Self {
        let mut map: HashMap<_, Vec<_>> = HashMap::default();
        for (index, lookup) in log.lookups.iter().enumerate() {
            let key = (&lookup.shown.name, devices.owner(lookup.client));
            map.entry(key).or_default().push((lookup.shown.at, index));
        }
        map.values_mut().for_each(|list| list.sort_unstable());
        Self(map)
    }

    /// Those asked between two times, in the order of the log.
    pub(super) fn between(
        &self,
        name: &Name,
        owner: Owner,
        from: Timestamp,
        until: Timestamp,
    ) -> Vec<usize> {
        let list = self.0.get(&(name, owner)).map_or(&[][..], Vec::as_slice);
        let first = list.partition_point(|(at, _)| *at < from);
        let near = list.iter().skip(first).take_while(|(at, _)| *at <= until);
        let mut indices: Vec<usize> = near.map(|(_, index)| *index).collect();
        indices.sort_unstable();
        indices
    }

    /// The first asked between two times.
    pub(super) fn first_from(
        &self,
        name: &Name,
        owner: Owner,
        from: Timestamp,
        until: Timestamp,
    ) -> Option<usize> {
        let list = self.0.get(&(name, owner))?;
        let first = list.partition_point(|(at, _)| *at < from);
        let (at, index) = list.get(first)?;
        (*at <= until).then_some(*index)
    }
}

/// Contacts by host and owner, in order of time.
#[derive(Default)]
pub(super) struct Known(pub(super) HashMap<(Name, Owner), BTreeSet<(Timestamp, usize)>>);

impl Known {
    pub(super) fn add(&mut self, contact: &Contact, index: usize, devices: &DeviceMap) {
        let key = (contact.host.clone(), devices.owner(contact.client));
        self.0.entry(key).or_default().insert((contact.at, index));
    }

    /// Those whose request lies around a time, so that the exchange may still have been under way then.
    pub(super) fn near(
        &self,
        host: Name,
        owner: Owner,
        at: Timestamp,
    ) -> impl Iterator<Item = usize> {
        let first = (at.minus(EXCHANGE), 0);
        let last = (at.plus(RETRY_WINDOW).plus(RETRY_WINDOW), usize::MAX);
        let list = self.0.get(&(host, owner));
        let near = list
            .into_iter()
            .flat_map(move |list| list.range(first..=last));
        near.map(|(_, index)| *index)
    }
}
