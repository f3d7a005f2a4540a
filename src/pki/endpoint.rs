//! What a URL at Let's Encrypt asks for: host grammar, path grammar, shard rule.

/// What a watched host is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostRole {
    /// What it serves.
    pub service: Service,
    /// CA label ("r10", "x1"), lower case, without the staging prefix.
    pub label: Option<String>,
    /// Common name of the CA the label stands for, when known.
    pub ca: Option<&'static str>,
    /// Test hierarchy.
    pub staging: bool,
    /// Of the names used before lencr.org (letsencrypt.org, identrust.com).
    pub predecessor: bool,
    /// Whether the rules of the name grammar make this name. False for invented names under lencr.org.
    pub grammatical: bool,
}

/// What a watched host serves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Service {
    /// OCSP responder.
    Ocsp,
    /// Certificate revocation lists.
    Crl,
    /// Issuer certificates.
    Issuer,
    /// The apex and www: a page for people.
    Page,
    /// Something else under a watched domain.
    Unknown,
}
