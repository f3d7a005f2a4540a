//! What a contact tells of the leaf that somebody was shown.

use super::*;
use crate::correlate::rules::is_root_label;
use crate::pki::endpoint;

impl Contact {
    /// The CA label of a host that serves what concerns leaves, as opposed to intermediates.
    #[must_use]
    pub fn leaf_label(&self) -> Option<&str> {
        let label = self.role()?.label.as_deref()?;
        (!is_root_label(label)).then_some(label)
    }

    /// The label, or words that stand for all other CAs: which one it is tells no more of a leaf.
    #[must_use]
    pub fn issuer_label(&self) -> Option<&str> {
        match self.watch {
            Watch::OtherCa => Some("another CA"),
            _ => self.leaf_label(),
        }
    }

    /// Whether it is with a root's host.
    #[must_use]
    pub fn is_about_root(&self) -> bool {
        let label = self.role().and_then(|role| role.label.as_deref());
        label.is_some_and(is_root_label)
    }

    /// The number of the list that the leaf is on, when that list is fetched.
    #[must_use]
    pub fn shard(&self) -> Option<u32> {
        self.leaf_label()?;
        let list = self.ocsp.is_none() && self.kind == ContactKind::Crl;
        endpoint::shard_of_path(self.path().filter(|_| list)?)
    }

    /// Whether one leaf can be the reason for both: it has one issuer (RFC 5280 4.1.2.4), one list (Let's Encrypt CP/CPS 7.1), and above
    /// it the roots that signed that issuer (letsencrypt.org/certificates).
    #[must_use]
    pub fn may_share_leaf(&self, other: &Self) -> bool {
        match (self.leaf_label(), other.leaf_label()) {
            (Some(one), Some(another)) => {
                let same = self.shard().zip(other.shard()).is_none_or(|(a, b)| a == b);
                one == another && same
            }
            (Some(label), None) => other.may_be_above(label),
            (None, Some(label)) => self.may_be_above(label),
            (None, None) => true,
        }
    }

    /// Whether what is fetched, which is of no leaf, is of a chain that ends in one of this issuer.
    fn may_be_above(&self, label: &str) -> bool {
        let own = self.role().and_then(|role| role.label.as_deref());
        match own {
            Some("x2") => label.starts_with('e') || label.starts_with("ye"),
            Some("ye") => label.starts_with("ye"),
            Some("yr") => label.starts_with("yr"),
            // X1 has signed for all, itself or over the others.
            _ => self.watch != Watch::OtherCa,
        }
    }
}
