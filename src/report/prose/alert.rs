//! Alerts in words: what was seen, and what harmless thing looks the same.

use crate::finding::{Aftermath, Alert};
use crate::report::clock;
use crate::report::prose::{capital, revocation_reason};
use crate::report::safe;

/// What the rule saw, in one sentence.
#[must_use]
pub fn alert(alert: &Alert) -> String {
    let subject = safe::capped(&alert.subject, 240);
    let mut text = match (words(alert.rule), subject.is_empty()) {
        (Some(words), false) => capital(&words.with.replacen("{}", &subject, 1)),
        (Some(words), true) => words.without.to_owned(),
        (None, false) => format!("The rule {} matched: {subject}.", alert.rule),
        (None, true) => format!("The rule {} matched; the frames show where.", alert.rule),
    };
    if let Some(at) = alert.since {
        let reason = alert.reason.and_then(revocation_reason);
        text.push_str(&match (alert.rule, reason) {
            ("stale-answer", _) => format!(" Its nextUpdate was {}.", clock::seconds(at)),
            ("future-answer" | "older-answer" | "revocation-undone", _) => {
                format!(" Its thisUpdate is {}.", clock::seconds(at))
            }
            ("clock-doubt", _) => format!(" The answer says {}.", clock::seconds(at)),
            (_, Some(reason)) => format!(" Since {}, reason: {reason}.", clock::seconds(at)),
            (_, None) => format!(" Since {}.", clock::seconds(at)),
        });
    }
    text.push_str(match alert.aftermath {
        Aftermath::WentOn => " The client went on without the answer (it failed open).",
        Aftermath::GaveUp => " The client then gave the connection up (it failed closed).",
        Aftermath::Retried => " The client asked again soon after.",
        Aftermath::Unknown => "",
    });
    text
}

/// What harmless thing looks the same.
#[must_use]
pub fn benign(alert: &Alert) -> &'static str {
    words(alert.rule).map_or(
        "It may have a harmless reason that this capture does not show.",
        |w| w.benign,
    )
}

/// The alert rules that have words, in the order of the docs: name, sentence without a value, what looks the same.
pub fn alert_words() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    WORDS.iter().map(|w| (w.rule, w.without, w.benign))
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
        rule: "look-alike-name",
        with: "The name {} resembles a lencr.org name but does not belong to lencr.org.",
        without: "The name resembles a lencr.org name but does not belong to lencr.org.",
        benign: "A mistyped name, a local DNS search suffix appended to a lencr.org name, or an unrelated owner of a similar \
                 name looks the same.",
    },
    Words {
        rule: "look-alike-lookup",
        with: "The name {}, which was looked up without success, resembles a lencr.org name but does not belong to lencr.org.",
        without: "A name that was looked up without success resembles a lencr.org name but does not belong to lencr.org.",
        benign: "A mistyped name, or a local DNS search suffix appended to a lencr.org name, looks the same.",
    },
    Words {
        rule: "invented-host",
        with: "The host {} was used; it is under lencr.org, but certificates of Let's Encrypt name no such host.",
        without: "The host that was used is under lencr.org, but certificates of Let's Encrypt name no such host.",
        benign: "A host for something newer than this version knows, or someone trying names by hand, looks the same.",
    },
    Words {
        rule: "invented-name",
        with: "The name {} was looked up; it is under lencr.org, but certificates of Let's Encrypt name no such host.",
        without: "The name that was looked up is under lencr.org, but certificates of Let's Encrypt name no such host.",
        benign: "A name for something newer than this version knows, or someone trying names by hand, looks the same.",
    },
    Words {
        rule: "dns-tunnel-shape",
        with: "The lookups have the shape of a DNS tunnel: {}.",
        without: "The lookups have the shape of a DNS tunnel: many long names without meaning.",
        benign: "A security scanner or a misconfigured monitoring tool that makes up names looks the same. The zone is Let's \
                 Encrypt's own, so data in such names would reach nobody else unless the resolver is somebody else's.",
    },
    Words {
        rule: "names-tried",
        with: "Names under lencr.org were tried one after the other: {}.",
        without: "Names under lencr.org were tried one after the other.",
        benign: "A tool that lists the hosts of a domain, run by a curious person or a security team, does this.",
    },
    Words {
        rule: "tls-to-lencr",
        with: "A TLS or QUIC connection named {} as its server, although certificates name this host for plain HTTP only.",
        without: "A TLS or QUIC connection named a lencr.org host as its server, although certificates name these hosts \
                  for plain HTTP only.",
        benign: "A person with the address in a browser that tries HTTPS first, or an uptime check, does the same.",
    },
    Words {
        rule: "address-not-from-dns",
        with: "The request went to {}, an address that no lookup in this capture gave for the host it names, and no signed \
               answer vouches for it.",
        without: "The request went to an address that no lookup in this capture gave for the host it names, and no signed \
                  answer vouches for it.",
        benign: "The address may come from a lookup before the capture began, from a cache, from a hosts file, or from DNS \
                 over HTTPS, which a capture cannot read.",
    },
    Words {
        rule: "address-unseen",
        with: "The request went to {}, an address that no lookup in this capture gave for the host it names; the answer is \
               correctly signed all the same.",
        without: "The request went to an address that no lookup in this capture gave for the host it names; the answer is \
                  correctly signed all the same.",
        benign: "Content networks hand out changing addresses and clients keep them for a while, so this is ordinary. A good \
                 signature says who made the bytes, not who delivered them.",
    },
    Words {
        rule: "odd-method",
        with: "The request used {}, which no certificate check needs at this kind of host.",
        without: "The request used a method that no certificate check needs at this kind of host.",
        benign: "A test tool or an uptime check (OPTIONS) does the same.",
    },
    Words {
        rule: "upload",
        with: "The request carried a body ({}), although nothing is ever sent to this kind of host.",
        without: "The request carried a body, although nothing is ever sent to this kind of host.",
        benign: "A test by hand, or a tool that sends an OCSP question to the wrong host, does the same.",
    },
    Words {
        rule: "not-a-question",
        with: "What was sent to this OCSP host is no OCSP question ({}).",
        without: "What was sent to this OCSP host is no OCSP question.",
        benign: "A test by hand, or a client with a faulty encoder, does the same.",
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
        rule: "redirected",
        with: "The answer sends the client on to {}, which these hosts do not do: something on the way may have answered.",
        without: "The answer sends the client on, which these hosts do not do: something on the way may have answered.",
        benign: "A captive portal or a DNS filter with a block page answers like this on purpose.",
    },
    Words {
        rule: "bad-signature",
        with: "The signature over the answer does not hold ({}).",
        without: "The signature over the answer does not hold.",
        benign: "Bytes damaged on the way or missing in the capture spoil a signature too; clients discard such an answer.",
    },
    Words {
        rule: "unverifiable-signature",
        with: "The answer is signed by {}, an issuer whose key is not known here, so nothing vouches for it.",
        without: "The answer is signed by an issuer whose key is not known here, so nothing vouches for it.",
        benign: "A private or test CA (give its certificate with --ca) or a CA newer than this version looks the same.",
    },
    Words {
        rule: "wrong-serial",
        with: "The answer speaks about another certificate than the one asked about ({}).",
        without: "The answer speaks about another certificate than the one asked about.",
        benign: "A mixed-up cache on the way looks the same; clients discard such an answer.",
    },
    Words {
        rule: "wrong-issuer",
        with: "The answer is about another CA than the one asked about: {}.",
        without: "The answer is about a certificate with the right serial, but of another CA than the one asked about.",
        benign: "A mixed-up cache on the way, or a CA that moved its files, looks the same; clients discard such an answer.",
    },
    Words {
        rule: "idp-mismatch",
        with: "The list says that it belongs at another address than the one it came from: {}.",
        without: "The list says that it belongs at another address than the one it came from.",
        benign: "A mirror or a cache that stores lists under other names looks the same.",
    },
    Words {
        rule: "stale-answer",
        with: "The answer had run out before it was delivered ({}).",
        without: "The answer had run out before it was delivered.",
        benign: "A cache that was not refreshed, or a wrong clock on the capturing machine, looks the same as an old answer that \
                 is played again.",
    },
    Words {
        rule: "future-answer",
        with: "The answer is dated in the future of this capture ({}).",
        without: "The answer is dated in the future of this capture.",
        benign: "A wrong clock on the capturing machine is the usual reason.",
    },
    Words {
        rule: "clock-doubt",
        with: "The answer does not fit the clock of this capture, and nothing beside it that is dated does ({}).",
        without: "The answer does not fit the clock of this capture, and nothing beside it that is dated does.",
        benign: "The clock of the capturing machine was wrong, or the times were changed afterwards: that explains all at once.",
    },
    Words {
        rule: "older-answer",
        with: "An answer about the same had come before in this capture, and it was newer than this one ({}).",
        without: "An answer about the same had come before in this capture, and it was newer than this one.",
        benign: "The caches of a content network are not refreshed all at once, so two answers may come in the wrong order.",
    },
    Words {
        rule: "revocation-undone",
        with: "An earlier answer in this capture said revoked, this one says good ({}).",
        without: "An earlier answer in this capture said revoked, this one says good.",
        benign: "A cache that still holds an answer from before the revocation looks the same.",
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
        with: "The certificate with serial {} is revoked, and the client sent more on a connection that showed it after it had \
               this answer.",
        without: "The certificate is revoked, and the client sent more on a connection that showed it after it had this answer.",
        benign: "A client that fetches a list for later use, or whose policy ignores revocation, does this by design. The \
                 revocation itself may be routine.",
    },
    Words {
        rule: "revoked-unproven",
        with: "An answer that cannot be relied on says that the certificate with serial {} is revoked.",
        without: "An answer that cannot be relied on says that the certificate is revoked.",
        benign: "Its signer is not known here (a private CA: give it with --ca), it has run out, or the capture lacks a part of it.",
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
        with: "Contacts of several devices failed again and again: {}.",
        without: "Contacts of several devices failed again and again.",
        benign: "A rule of the own network, most often a block on port 80 or in DNS, looks the same as an outage elsewhere.",
    },
    Words {
        rule: "blocked",
        with: "Contacts failed again and again: {}.",
        without: "Contacts failed again and again.",
        benign: "A firewall or DNS filter does this on purpose; a weak network or a responder in trouble looks the same.",
    },
    Words {
        rule: "ocsp-after-shutdown",
        with: "The host {} is for OCSP, and Let's Encrypt switched its OCSP service off on 2025-08-06.",
        without: "This is a contact with an OCSP host, and Let's Encrypt switched its OCSP service off on 2025-08-06.",
        benign: "Stale configuration is the common cause: an old stapling setting, or a certificate that ran out long ago \
                 and is still served.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn about(rule: &'static str, subject: &str) -> Alert {
        Alert::new(rule, Severity::Low, subject, crate::frame::Frames::new())
    }

    #[test]
    fn each_rule_has_whole_sentences_with_and_without_a_subject() {
        for (rule, ..) in alert_words() {
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
