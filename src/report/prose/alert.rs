//! Alerts in words: what was seen, and what harmless thing looks the same.

use crate::finding::Alert;
use crate::report::prose::capital;
use crate::report::safe;

/// What the rule saw, in one sentence.
#[must_use]
pub fn alert(alert: &Alert) -> String {
    let subject = safe::line(&alert.subject);
    match (words(alert.rule), subject.is_empty()) {
        (Some(words), false) => capital(&words.with.replacen("{}", &subject, 1)),
        (Some(words), true) => words.without.to_owned(),
        (None, false) => format!("The rule {} matched: {subject}.", alert.rule),
        (None, true) => format!("The rule {} matched; the frames show where.", alert.rule),
    }
}

/// What harmless thing looks the same.
#[must_use]
pub fn benign(alert: &Alert) -> &'static str {
    words(alert.rule).map_or(
        "It may have a harmless reason that this capture does not show.",
        |w| w.benign,
    )
}

/// The alert rules that have words of their own.
#[cfg(test)]
fn alert_rules() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|w| w.rule)
}

struct Words {
    rule: &'static str,
    /// Sentence around a subject, which stands for `{}`.
    with: &'static str,
    /// Sentence when there is no subject.
    without: &'static str,
    benign: &'static str,
}

fn words(rule: &str) -> Option<&'static Words> {
    WORDS.iter().find(|w| w.rule == rule)
}

static WORDS: &[Words] = &[
    Words {
        rule: "address-not-from-dns",
        with: "The request went to {}, an address that no lookup in this capture gave for the host it names.",
        without: "The request went to an address that no lookup in this capture gave for the host it names.",
        benign: "The address may come from a lookup before the capture began, from a cache, or from DNS over HTTPS, \
                 which a capture cannot read.",
    },
    Words {
        rule: "look-alike-name",
        with: "The name {} resembles a lencr.org name but does not belong to lencr.org.",
        without: "The name resembles a lencr.org name but does not belong to lencr.org.",
        benign: "A local DNS search suffix appended to a lencr.org name, or a mistyped name, looks the same.",
    },
    Words {
        rule: "invented-name",
        with: "The name {} is under lencr.org, but certificates of Let's Encrypt name no such host.",
        without: "The name is under lencr.org, but certificates of Let's Encrypt name no such host.",
        benign: "A name for a newer CA than this version knows, or someone trying names by hand, looks the same.",
    },
    Words {
        rule: "tls-to-lencr",
        with: "A TLS or QUIC connection named {} as its server, although certificates name these hosts for plain HTTP only.",
        without: "A TLS or QUIC connection named a lencr.org host as its server, although certificates name these hosts \
                  for plain HTTP only.",
        benign: "A person with the address in a browser that tries HTTPS first, or an uptime check, does the same.",
    },
    Words {
        rule: "odd-method",
        with: "The request used {}, which no certificate check needs at this kind of host.",
        without: "The request used a method that no certificate check needs at this kind of host.",
        benign: "A test tool or an uptime check (HEAD, OPTIONS) does the same.",
    },
    Words {
        rule: "odd-path",
        with: "The request asked for {}, a path that certificates of Let's Encrypt do not name.",
        without: "The request asked for a path that certificates of Let's Encrypt do not name.",
        benign: "Someone looking around by hand, or a crawler, does the same.",
    },
    Words {
        rule: "wrong-content",
        with: "The body is not what was asked for: {}.",
        without: "The body is not what was asked for.",
        benign: "A captive portal, a filter's block page or a proxy's error page looks the same.",
    },
    Words {
        rule: "bad-signature",
        with: "The signature over the answer does not hold ({}).",
        without: "The signature over the answer does not hold.",
        benign: "Bytes damaged or missing in the capture spoil a signature too; clients discard such an answer.",
    },
    Words {
        rule: "unverifiable-signature",
        with: "The answer is signed by {}, an issuer that is not known here, so nothing vouches for it.",
        without: "The answer is signed by an issuer that is not known here, so nothing vouches for it.",
        benign: "A private or test CA (give its certificate with --ca) or a CA newer than this version looks the same.",
    },
    Words {
        rule: "wrong-serial",
        with: "The answer speaks about another certificate than the one asked about ({}).",
        without: "The answer speaks about another certificate than the one asked about.",
        benign: "A mixed-up cache on the way looks the same; clients discard such an answer.",
    },
    Words {
        rule: "stale-answer",
        with: "The answer had run out before it was delivered ({}).",
        without: "The answer had run out before it was delivered.",
        benign: "A cache that was not refreshed, or a wrong clock on the capturing machine, looks the same.",
    },
    Words {
        rule: "future-answer",
        with: "The answer is dated in the future of this capture ({}).",
        without: "The answer is dated in the future of this capture.",
        benign: "A wrong clock on the capturing machine is the usual reason.",
    },
    Words {
        rule: "revoked",
        with: "The certificate with serial {} is revoked.",
        without: "The certificate that was checked is revoked.",
        benign: "Most revocations are routine: a replaced certificate or a retired name. The site should not show it any \
                 longer, though.",
    },
    Words {
        rule: "revoked-continued",
        with: "The certificate with serial {} is revoked, and the client went on with the connection regardless.",
        without: "The certificate is revoked, and the client went on with the connection regardless.",
        benign: "A client that fetches a list for later use, or whose policy ignores revocation, does this by design.",
    },
    Words {
        rule: "must-staple-without-staple",
        with: "The certificate with serial {} demands a stapled OCSP answer, and the server gave none.",
        without: "The certificate demands a stapled OCSP answer, and the server gave none.",
        benign: "A server that has just started, or cannot reach its responder, does this; strict clients then refuse it.",
    },
    Words {
        rule: "sinkhole",
        with: "The lookup was answered with {}, which is no public server: something on the way blocks the name.",
        without: "The lookup was answered with an address that is no public server: something on the way blocks the name.",
        benign: "A DNS filter (Pi-hole, AdGuard, a firewall's block list) does exactly this on purpose.",
    },
    Words {
        rule: "lookup-failed",
        with: "The lookup of {} failed.",
        without: "The lookup failed.",
        benign: "A resolver in trouble, a DNS filter, or a name that no longer exists looks the same.",
    },
    Words {
        rule: "outage",
        with: "Contacts failed again and again: {}.",
        without: "Contacts failed again and again.",
        benign: "A firewall rule of the own network, most often a block on port 80, looks the same as an outage.",
    },
    Words {
        rule: "ocsp-after-shutdown",
        with: "The host {} is for OCSP, and Let's Encrypt switched its OCSP service off on 2025-08-06.",
        without: "This is a contact with an OCSP host, and Let's Encrypt switched its OCSP service off on 2025-08-06.",
        benign: "Stale configuration is the common cause: an old stapling setting, or a certificate that ran out long ago \
                 and is still served.",
    },
    Words {
        rule: "dns-tunnel-shape",
        with: "The lookups have the shape of a DNS tunnel: {}.",
        without: "The lookups have the shape of a DNS tunnel: many long names without meaning.",
        benign: "A security scanner or a misconfigured monitoring tool that makes up names looks the same.",
    },
    Words {
        rule: "young-certificate",
        with: "The certificate of the site was new when it was shown: {}.",
        without: "The certificate of the site was new when it was shown.",
        benign: "Certificates are renewed every few weeks, so a new one is ordinary on its own.",
    },
    Words {
        rule: "self-signed-trigger",
        with: "The server showed a self-signed certificate: {}.",
        without: "The server showed a self-signed certificate.",
        benign: "Devices and test servers on the own network often do.",
    },
    Words {
        rule: "expired-trigger",
        with: "The server showed a certificate that had run out: {}.",
        without: "The server showed a certificate that had run out.",
        benign: "A renewal that failed unnoticed, or a wrong clock on the capturing machine, looks the same.",
    },
    Words {
        rule: "idp-mismatch",
        with: "The list says that it belongs at another address than the one it came from: {}.",
        without: "The list says that it belongs at another address than the one it came from.",
        benign: "A mirror or a cache that stores lists under other names looks the same.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn about(rule: &'static str, subject: &str) -> Alert {
        Alert {
            rule,
            severity: Severity::Low,
            subject: subject.into(),
            frames: vec![],
        }
    }

    #[test]
    fn each_rule_has_whole_sentences_with_and_without_a_subject() {
        for rule in alert_rules() {
            for subject in ["", "SUBJECT"] {
                let alert = about(rule, subject);
                let text = super::alert(&alert);
                assert!(
                    text.ends_with('.') && !text.contains("{}"),
                    "{rule}: {text}"
                );
                assert_eq!(
                    text.contains("SUBJECT"),
                    !subject.is_empty(),
                    "{rule}: {text}"
                );
                assert!(benign(&alert).ends_with('.'), "{rule}");
            }
        }
    }

    #[test]
    fn rules_without_words_still_make_a_sentence() {
        assert_eq!(
            alert(&about("odd-weather", "rain")),
            "The rule odd-weather matched: rain."
        );
        assert_eq!(
            alert(&about("odd-weather", "")),
            "The rule odd-weather matched; the frames show where."
        );
    }

    #[test]
    fn subjects_are_made_harmless_and_are_no_templates() {
        let text = alert(&about("odd-path", "/{}\u{1b}[2J\u{202e}"));
        assert!(text.contains("/{}\\u{1b}[2J\\u{202e}"), "{text}");
    }
}
