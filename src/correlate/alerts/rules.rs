//! THE TABLE of alerts: what each rule looks for, how much it matters, and where it can be read that it is true.
//!
//! The sentences, and what harmless thing looks the same, stand in `report::prose`. `docs/alerts.md` is this table
//! with those sentences; a test holds the two together.

use crate::finding::Severity;

/// One rule.
#[derive(Debug)]
pub struct AlertRule {
    /// Its name, as in reports, JSON, `--where` and docs.
    pub name: &'static str,
    /// How much it matters, unless circumstances say otherwise.
    pub severity: Severity,
    /// What it looks for.
    pub when: &'static str,
    /// Where it can be read that this is no ordinary sight.
    pub source: &'static str,
}

macro_rules! rules {
    ($($ident:ident = $name:literal, $severity:ident, $when:literal, $source:literal;)+) => {
        $(
            #[doc = $when]
            pub static $ident: AlertRule = AlertRule {
                name: $name,
                severity: Severity::$severity,
                when: $when,
                source: $source,
            };
        )+
        /// All rules, in the order of the docs.
        pub static RULES: &[&AlertRule] = &[$(&$ident),+];
    };
}

rules! {
    LOOK_ALIKE = "look-alike-name", Medium,
        "A contact with a name that imitates lencr.org: lencr.org inside another name, another top level, joined words, \
         look-alike letters, one slip of the finger",
        "RFC 1034 3.1 (names are compared by whole labels), Unicode UTS 39";
    LOOK_ALIKE_LOOKUP = "look-alike-lookup", Low,
        "The same, but only looked up, and no address was given",
        "RFC 1034 3.1, Unicode UTS 39";
    INVENTED_HOST = "invented-host", Medium,
        "A connection or request to a name under lencr.org that the naming rules of its CA labels cannot make",
        "letsencrypt.org/docs/lencr.org, letsencrypt.org/certificates";
    INVENTED_NAME = "invented-name", Low,
        "The same, but only looked up; names that begin with an underscore are left out",
        "letsencrypt.org/docs/lencr.org; RFC 8552, RFC 9156 for the underscore";
    TUNNEL = "dns-tunnel-shape", High,
        "One device looks up ten or more such names in a row, and they are long",
        "RFC 9076 6.1.1: what is put into a name reaches whoever runs the zone";
    NAMES_TRIED = "names-tried", Low,
        "The same, but the names are short words",
        "letsencrypt.org/docs/lencr.org";
    TLS = "tls-to-lencr", Low,
        "TLS or QUIC whose server name is a host that certificates name for plain HTTP",
        "letsencrypt.org/certificates: all such URLs begin with http://";
    ADDRESS = "address-not-from-dns", Medium,
        "A request for a host went to an address that DNS, asked by this device, did not give for it, and what came back is \
         nothing that Let's Encrypt signed",
        "RFC 9110 7.2: the Host header is chosen by the client";
    ADDRESS_GENUINE = "address-unseen", Info,
        "The same, but the answer carries a good signature of the right CA",
        "RFC 9110 7.2";
    ODD_METHOD = "odd-method", Medium,
        "A method other than GET and HEAD (and POST to an OCSP host)",
        "RFC 6960 A.1, RFC 5280 4.2.1.13, 4.2.2.1: certificates name these URLs for fetching";
    UPLOAD = "upload", Medium,
        "A request to a CRL or issuer host that carries a body",
        "RFC 5280 4.2.1.13, 4.2.2.1: nothing is ever sent there";
    NO_QUESTION = "not-a-question", Medium,
        "A POST to an OCSP host whose body is no OCSP request",
        "RFC 6960 4.1.1";
    ODD_PATH = "odd-path", Medium,
        "A path that no certificate names at this kind of host, and that no browser asks for by itself; low where it is one but for a \
         slash, a query, or the number of the list",
        "letsencrypt.org/certificates; RFC 6960 A.1 for OCSP paths";
    WRONG_CONTENT = "wrong-content", Medium,
        "A whole answer with status 200 that is not of the kind asked for",
        "RFC 6960 A.2, RFC 2585 4";
    REDIRECTED = "redirected", Low,
        "A redirect from a host that serves certificate data",
        "these hosts answer by themselves; filters and captive portals redirect (RFC 8910 1)";
    BAD_SIGNATURE = "bad-signature", High,
        "A signature that does not hold, or whose signer may not speak for this",
        "RFC 6960 3.2, 4.2.2.2; RFC 5280 6.3.3";
    UNVERIFIABLE = "unverifiable-signature", Medium,
        "An answer from a host of Let's Encrypt signed by nobody known: neither the built-in hierarchy nor --ca; low where the host is of a \
         CA that is not known either, as one newer than this version is",
        "RFC 6960 3.2";
    WRONG_SERIAL = "wrong-serial", High,
        "An OCSP response without an answer for any serial that was asked about",
        "RFC 6960 3.2 item 1";
    WRONG_ISSUER = "wrong-issuer", Medium,
        "An answer about another CA: the CertID names another issuer, or the list or certificate is of another CA than \
         the host's label",
        "RFC 6960 3.2 item 1, RFC 5280 6.3.3";
    IDP_MISMATCH = "idp-mismatch", Medium,
        "A list whose IssuingDistributionPoint is not the URL it was fetched from",
        "RFC 5280 6.3.3 b 2; CP/CPS of Let's Encrypt 7.2";
    STALE = "stale-answer", Medium,
        "An answer past its nextUpdate (five minutes allowed): also an old one that is replayed",
        "RFC 6960 3.2 item 6, RFC 5280 6.3.3";
    FUTURE = "future-answer", Medium,
        "An answer whose thisUpdate lies ahead (five minutes allowed)",
        "RFC 6960 4.2.2.1";
    CLOCK = "clock-doubt", Info,
        "One of the two before, but the clock of the capture is the better reason: the certificate shown in the same handshake does not \
         fit it either, or nothing in the capture that is dated does, or nobody could have such an answer to play it again",
        "RFC 5280 4.1.2.5, RFC 9110 6.6.1 (Date)";
    OLDER = "older-answer", Low,
        "A genuine answer that is older than one delivered before it in this capture",
        "RFC 9919 6: caches are refreshed before nextUpdate";
    UNDONE = "revocation-undone", Medium,
        "An answer that says good after another one said revoked",
        "RFC 5280 5.3.1: only certificateHold can be taken back";
    REVOKED = "revoked", High,
        "A verified answer says that a certificate of this capture, or one asked about, is revoked",
        "RFC 6960 2.2, RFC 5280 5.1.2.6";
    REVOKED_CONTINUED = "revoked-continued", High,
        "The same, and the client sent more on the connection after it had the answer",
        "RFC 6960 2.2; RFC 9846 6.2 (certificate_revoked)";
    REVOKED_UNPROVEN = "revoked-unproven", Medium,
        "An answer says so, but it could not be verified",
        "RFC 6960 3.2";
    MUST_STAPLE = "must-staple-without-staple", Medium,
        "A certificate with the TLS feature status_request, a client that asked for a staple, a handshake seen to its end, \
         and no staple",
        "RFC 7633 4.2.3";
    SINKHOLE = "sinkhole", Low,
        "A lookup answered with an address where no public server can be",
        "RFC 6890 2.2.2 (this host, loopback)";
    LOOKUP_FAILED = "lookup-failed", Low,
        "A lookup that failed or got no answer, and no other that succeeded",
        "RFC 1035 4.1.1";
    OUTAGE = "outage", Medium,
        "Three or more contacts in a row that failed alike over five seconds or more, of two devices or more, while hardly any succeeded",
        "the outage of 2018-07-30, when letsencrypt.org did not resolve for hours";
    BLOCKED = "blocked", Low,
        "The same for one device, over at least a minute, or for several by the answer of a filter: an address where no server can be",
        "a block on port 80 or in DNS shows like this";
    OCSP_OFF = "ocsp-after-shutdown", Info,
        "A contact with an OCSP host of lencr.org after 2025-08-06",
        "letsencrypt.org/2025/08/06/ocsp-service-has-reached-end-of-life";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_every_rule_has_a_reason() {
        let names: std::collections::BTreeSet<&str> = RULES.iter().map(|r| r.name).collect();
        assert_eq!(names.len(), RULES.len());
        for rule in RULES {
            assert!(
                !rule.when.is_empty() && !rule.source.is_empty(),
                "{}",
                rule.name
            );
        }
    }
}
