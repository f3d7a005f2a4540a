//! Keys that people give for a layer below IP.

/// Keys of one layer, as many as there is room for, and how many of them were of use.
#[derive(Debug)]
pub(super) struct Given<S> {
    /// Each with whether it opened something.
    secrets: Vec<(S, bool)>,
    most: usize,
    counts: (u64, u64),
}

impl<S: PartialEq> Given<S> {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            secrets: Vec::new(),
            most,
            counts: (0, 0),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.secrets.len()
    }

    /// How many keys there were, those without room among them, and how many opened something.
    pub(super) const fn counts(&self) -> (u64, u64) {
        self.counts
    }

    /// Takes a key, if there is room.
    pub(super) fn add(&mut self, secret: S) {
        if self.iter().any(|known| *known == secret) {
            return;
        }
        self.counts.0 += 1;
        if self.secrets.len() < self.most {
            self.secrets.push((secret, false));
        }
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &S> {
        self.secrets.iter().map(|(secret, _)| secret)
    }

    pub(super) fn get(&self, number: usize) -> Option<&S> {
        self.secrets.get(number).map(|(secret, _)| secret)
    }

    /// Counts a key that opened something.
    pub(super) fn note(&mut self, number: usize) {
        if let Some((_, used)) = self.secrets.get_mut(number) {
            self.counts.1 += u64::from(!std::mem::replace(used, true));
        }
    }

    /// What the first key gives that gives something; it is counted.
    pub(super) fn first_of<T>(&mut self, opens: impl Fn(&S) -> Option<T>) -> Option<T> {
        let (number, opened) = (0..)
            .zip(self.iter())
            .find_map(|(number, secret)| Some((number, opens(secret)?)))?;
        self.note(number);
        Some(opened)
    }
}
