//! Which certificates are kept somewhere, each once, and what they take together.

use std::sync::Arc;

use foldhash::HashMap;

use crate::pki::cert::Certificate;

/// Certificates that several keep, by content.
#[derive(Debug, Default)]
pub struct Shelf {
    /// How many keep it.
    kept: HashMap<[u8; 32], u32>,
    bytes: usize,
}

impl Shelf {
    /// Someone keeps these.
    pub fn put(&mut self, certificates: &[Arc<Certificate>]) {
        for certificate in certificates {
            let keepers = self.kept.entry(certificate.fingerprint).or_default();
            if *keepers == 0 {
                self.bytes += certificate.weight();
            }
            *keepers += 1;
        }
    }

    /// One of those who kept these no longer does.
    pub fn take(&mut self, certificates: &[Arc<Certificate>]) {
        for certificate in certificates {
            let Some(keepers) = self.kept.get_mut(&certificate.fingerprint) else {
                continue;
            };
            *keepers -= 1;
            if *keepers == 0 {
                self.kept.remove(&certificate.fingerprint);
                self.bytes = self.bytes.saturating_sub(certificate.weight());
            }
        }
    }

    /// What these would add.
    #[must_use]
    pub fn cost(&self, certificates: &[Arc<Certificate>]) -> usize {
        let new = |c: &&Arc<Certificate>| !self.kept.contains_key(&c.fingerprint);
        certificates.iter().filter(new).map(|c| c.weight()).sum()
    }

    /// What all of them take, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_keep_counts_once_and_until_the_last_lets_go() {
        let der = include_bytes!("../pki/testdata/leaf-r10.der");
        let one = [Arc::new(Certificate::parse(der).unwrap())];
        let mut shelf = Shelf::default();
        assert_eq!(shelf.cost(&one), one[0].weight());
        shelf.put(&one);
        assert_eq!(shelf.cost(&one), 0);
        shelf.put(&one);
        assert_eq!(shelf.bytes(), one[0].weight());
        shelf.take(&one);
        assert_eq!(shelf.bytes(), one[0].weight());
        shelf.take(&one);
        assert_eq!(shelf.bytes(), 0);
        assert!(one[0].weight() > der.len());
    }
}
