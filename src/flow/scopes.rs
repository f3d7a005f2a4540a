//! Scopes that are one.

use foldhash::HashMap;

use crate::flow::Scope;

/// What scopes are called that were found to be one with others. Only looked into, never walked.
#[derive(Debug, Default)]
pub struct Scopes(HashMap<Scope, Scope>);

/// There are 4,094 VLANs.
const JOINED: usize = 4_096;

impl Scopes {
    /// What a scope is called.
    #[inline]
    #[must_use]
    pub fn name(&self, scope: Scope) -> Scope {
        if self.0.is_empty() {
            return scope;
        }
        let mut name = scope;
        while let Some(next) = self.0.get(&name) {
            name = *next;
        }
        name
    }

    /// Takes two scopes for one, that is called as the second; whether that is news.
    pub fn join(&mut self, scope: Scope, with: Scope) -> bool {
        // Names are given to what has none, so that they never come round.
        let (scope, name) = (self.name(scope), self.name(with));
        let news = scope != name && self.0.len() < JOINED;
        if news {
            self.0.insert(scope, name);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_has_one_name_in_whatever_order_that_is_found() {
        let pairs = [(5, 0), (6, 5), (0, 6), (7, 6)].map(|(one, other)| (Scope(one), Scope(other)));
        for first in 0..pairs.len() {
            let mut scopes = Scopes::default();
            let news = (0..pairs.len()).filter(|number| {
                let (scope, with) = pairs[(first + number) % pairs.len()];
                scopes.join(scope, with)
            });
            assert_eq!(news.count(), 3);
            let name = scopes.name(Scope(0));
            assert!([5, 6, 7].iter().all(|one| scopes.name(Scope(*one)) == name));
            assert_eq!(scopes.name(Scope(8)), Scope(8));
        }
    }
}
