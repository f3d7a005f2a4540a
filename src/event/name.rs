//! Names of hosts.

use std::fmt;
use std::sync::Arc;

/// A DNS name: lower case, no trailing dot, bytes outside printable ASCII escaped as `\ddd` (RFC 1035 5.1).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Arc<str>);

impl Name {
    /// Folds case and drops one trailing dot; escapes what is not printable ASCII.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = text.strip_suffix('.').unwrap_or(text);
        // No early exit, so that the test is done for many bytes at a time.
        let folded = |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase();
        if text.bytes().fold(true, |all, b| all & folded(b)) {
            return Self(text.into());
        }
        let mut folded = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_graphic() {
                folded.push(char::from(byte.to_ascii_lowercase()));
            } else {
                folded.push_str(&format!("\\{byte:03}"));
            }
        }
        Self(folded.into())
    }

    /// Of text that is in this form already, which is not looked at again.
    pub(crate) fn folded(text: &str) -> Self {
        debug_assert_eq!(Self::new(text).as_str(), text);
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared with this name.
    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// Whether this is `domain` or below it, by whole labels.
    #[must_use]
    pub fn is_under(&self, domain: &str) -> bool {
        self.0
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
