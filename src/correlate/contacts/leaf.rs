//! What a contact tells of the leaf that somebody was shown.

use super::*;
use crate::correlate::rules::is_root_label;
use crate::pki::endpoint;

const OTHER_CA: &str = "another CA";

impl Contact {
    /// The CA label of a host that serves what concerns leaves, as opposed to intermediates.
    #[must_use]
    pub fn leaf_label(&self) -> Option<&str> {
        let label = self.role()?.label.as_deref()?;
        (!is_root_label(label)).then_some(label)
    }

    /// The CA label of its host, or words that stand for all other CAs: which one it is tells no more of a chain.
    #[must_use]
    pub fn ca_label(&self) -> Option<&str> {
        match self.watch {
            Watch::OtherCa => Some(OTHER_CA),
            _ => self.role()?.label.as_deref(),
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

    /// Whether one leaf can be the reason for both: it is on one list (Let's Encrypt CP/CPS 7.1) and ends one chain.
    #[must_use]
    pub fn may_share_leaf(&self, other: &Self) -> bool {
        let differ = self.shard().zip(other.shard()).is_some_and(|(a, b)| a != b);
        let labels = self.ca_label().zip(other.ca_label());
        !differ && labels.is_none_or(|(a, b)| are_of_one_chain(a, b))
    }
}

/// Whether two CAs can be of one chain: a leaf has one issuer (RFC 5280 4.1.2.4), and above it are the roots
/// that signed that one (letsencrypt.org/certificates): of X2 and Root YE ECDSA intermediates, of Root YR RSA
/// ones, of X1 all, itself or over the others.
#[must_use]
pub fn are_of_one_chain(one: &str, other: &str) -> bool {
    one == other || is_above(one, other) || is_above(other, one)
}

fn is_above(root: &str, label: &str) -> bool {
    match root {
        "x2" => label.starts_with('e') || label.starts_with("ye"),
        "ye" | "yr" => label.strip_prefix(root).is_some_and(|n| !n.is_empty()),
        _ => is_root_label(root) && label != OTHER_CA,
    }
}
