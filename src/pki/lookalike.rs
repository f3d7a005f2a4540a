//! Names made to be taken for lencr.org.
//!
//! The rules compare whole labels; "lencr" somewhere inside a longer word (notlencr.org) is nobody's
//! disguise. In order:
//!
//! 1. **Inner labels.** `lencr.org` stands inside the name with something else at its end:
//!    `o.lencr.org.evil.example`. Not for suffixes that CDNs, resolvers and blocklists append by themselves.
//! 2. **Other top level.** The registered label is `lencr` under another top-level domain: `lencr.co`.
//! 3. **Glued.** The registered label holds `lencr` as a word between hyphens, or is `lencrorg`:
//!    `lencr-org.com`, `ocsp-lencr.net`.
//! 4. **Confusable.** The registered label looks like `lencr`: digits and capitals that pass for letters
//!    (`1encr.com`), or other scripts, written as punycode (UTS 39 skeletons).
//! 5. **Neighbour.** Under `org`, the registered label is one slip of the finger away from `lencr`: one letter
//!    more, less, other, or two swapped (Damerau-Levenshtein distance 1): `xlencr.org`, `lencrr.org`.
//!    Distance 2 is a different word.

use unicode_security::confusable_detection::skeleton;

/// The imitated label.
const LABEL: &str = "lencr";

/// Zones whose operator appends them to names of others, so that the name of a customer or of a suspect
/// stands inside them by design: CDN aliases (ocsp.int-x3.letsencrypt.org.edgesuite.net was the alias of
/// the real responder), and zones that blocklists and scanners are asked through.
const APPENDED: [&str; 18] = [
    "akamai.net",
    "akamaiedge.net",
    "akamaized.net",
    "edgekey.net",
    "edgesuite.net",
    "cdn.cloudflare.net",
    "map.fastly.net",
    "dbl.spamhaus.org",
    "dq.spamhaus.net",
    "dbl.spamhaus.net",
    "surbl.org",
    "uribl.com",
    "sophosxl.net",
    "barracudacentral.org",
    "spameatingmonkey.net",
    "nordspam.com",
    "scientificspam.net",
    "abusix.zone",
];

/// Top-level names that exist inside networks only: what resolvers append from their search list.
/// RFC 6762 appendix G, RFC 8375, and ICANN's reserved and withheld strings. The names of RFC 2606
/// (test, example, invalid) are no search lists.
const PRIVATE: [&str; 13] = [
    "arpa",
    "corp",
    "domain",
    "home",
    "host",
    "internal",
    "intranet",
    "intra",
    "lan",
    "local",
    "localdomain",
    "private",
    "fritz.box",
];

/// A name that imitates lencr.org.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LookAlike {
    /// By which rule.
    pub kind: LookAlikeKind,
    /// The part of the name that imitates: "r3.o.lencr.org" of r3.o.lencr.org.evil.example, "xlencr" of
    /// xlencr.org; in readable script for punycode.
    pub imitation: String,
}

/// The rules, see the module's documentation.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LookAlikeKind {
    /// lencr.org inside the name. A resolver's search list makes such names too: then the same device looks
    /// the imitated name itself up just before or after, and this one does not exist.
    InnerLabels,
    /// lencr under another top-level domain.
    OtherTopLevel,
    /// lencr as a word of the registered label.
    Glued,
    /// Letters that look like those of lencr.
    Confusable,
    /// One slip away from lencr.org.
    Neighbour,
}

/// Whether `name` imitates lencr.org, and how. None for lencr.org itself and everything under it.
#[must_use]
pub fn look_alike(name: &str) -> Option<LookAlike> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if ends_in(name, "lencr.org") {
        return None;
    }
    if !is_suspect(name) {
        return None;
    }
    let (front, top) = name.rsplit_once('.')?;
    let registered = registered_label(front, top);
    let kind = if let Some(inner) = inner(front) {
        return (!is_appended(name)).then(|| LookAlike {
            kind: LookAlikeKind::InnerLabels,
            imitation: inner.to_ascii_lowercase(),
        });
    } else if registered.eq_ignore_ascii_case(LABEL) {
        LookAlikeKind::OtherTopLevel
    } else if registered.eq_ignore_ascii_case("lencrorg")
        || registered
            .split('-')
            .any(|word| word.eq_ignore_ascii_case(LABEL))
    {
        LookAlikeKind::Glued
    } else if let Some(decoded) = decode_punycode(registered) {
        if !looks_like(&decoded) {
            return None;
        }
        return Some(LookAlike {
            kind: LookAlikeKind::Confusable,
            imitation: decoded,
        });
    } else if looks_like_ascii(registered) {
        LookAlikeKind::Confusable
    } else if top.eq_ignore_ascii_case("org") && is_neighbour(registered) {
        LookAlikeKind::Neighbour
    } else {
        return None;
    };
    Some(LookAlike {
        kind,
        imitation: registered.to_ascii_lowercase(),
    })
}

/// Whether any rule may fit. Nearly every name asked for anywhere passes here and has nothing of it, so
/// sixteen bytes are looked at together. What imitates in any top level holds the `ncr` of the label (only
/// its l has a double) or is punycode; a slip of the finger is looked for under `org` alone, and leaves a
/// label of four to six letters.
fn is_suspect(name: &str) -> bool {
    const LANES: usize = 16;
    let mut bytes = name.as_bytes();
    let mut odd = [0_u8; LANES];
    let mut look = |chunk: &[u8; LANES + 2]| {
        let (second, third) = (chunk.iter().skip(1), chunk.iter().skip(2));
        for (((a, b), c), odd) in chunk.iter().zip(second).zip(third).zip(&mut odd) {
            let word = (a | 0x20 == b'n') & (b | 0x20 == b'c') & (c | 0x20 == b'r');
            let hyphens = (*b == b'-') & ((*a == b'-') | (*c == b'-'));
            *odd |= u8::from(word | hyphens);
        }
    };
    // Words may stand across the ends of two chunks, so the next one begins inside of this one, and the last
    // ends with the name.
    while let (Some(chunk), Some(rest)) = (bytes.first_chunk(), bytes.get(LANES..)) {
        look(chunk);
        bytes = rest;
    }
    match name.as_bytes().last_chunk() {
        Some(chunk) => look(chunk),
        None => {
            let mut chunk = [0; LANES + 2];
            chunk
                .iter_mut()
                .zip(bytes)
                .for_each(|(to, byte)| *to = *byte);
            look(&chunk);
        }
    }
    odd.iter().any(|odd| *odd != 0) || may_be_neighbour(name)
}

fn may_be_neighbour(name: &str) -> bool {
    let Some((front, top)) = name.as_bytes().split_last_chunk::<4>() else {
        return false;
    };
    if !top.eq_ignore_ascii_case(b".org") {
        return false;
    }
    let registered = front.iter().rev().take(7).take_while(|byte| **byte != b'.');
    (4..=6).contains(&registered.count())
}

/// The label under the public suffix, which is taken to be the top level, or two labels where a country
/// keeps second levels (co.uk, com.cn). A full public suffix list would tell no more about five letters.
fn registered_label<'a>(front: &'a str, top: &str) -> &'a str {
    let (rest, label) = front.rsplit_once('.').unwrap_or(("", front));
    let second_level = [
        "co", "com", "net", "org", "ac", "edu", "gov", "gob", "or", "ne", "go",
    ];
    if top.len() == 2
        && !rest.is_empty()
        && second_level.iter().any(|s| label.eq_ignore_ascii_case(s))
    {
        rest.rsplit_once('.').map_or(rest, |(_, label)| label)
    } else {
        label
    }
}

/// What ends in the labels `lencr` and `org` before the top level. `lencr.org.uk` has it.
fn inner(front: &str) -> Option<&str> {
    // Nearly every name asked for anywhere passes here, and has nothing of it.
    let holds = |word: &[u8]| {
        word.first().is_some_and(|first| first | 0x20 == b'l')
            && word.eq_ignore_ascii_case(LABEL.as_bytes())
    };
    if !front.as_bytes().windows(LABEL.len()).any(holds) {
        return None;
    }
    let mut previous = "";
    let mut end = 0;
    for label in front.split('.') {
        end += label.len();
        if previous.eq_ignore_ascii_case(LABEL) && label.eq_ignore_ascii_case("org") {
            return front.get(..end);
        }
        previous = label;
        end += 1;
    }
    None
}

fn is_appended(name: &str) -> bool {
    APPENDED
        .iter()
        .chain(&PRIVATE)
        .any(|zone| ends_in(name, zone))
}

/// Whether the last labels of `name` are those of `zone`.
fn ends_in(name: &str, zone: &str) -> bool {
    name.len()
        .checked_sub(zone.len())
        .and_then(|start| name.split_at_checked(start))
        .is_some_and(|(front, tail)| {
            tail.eq_ignore_ascii_case(zone) && (front.is_empty() || front.ends_with('.'))
        })
}

fn decode_punycode(label: &str) -> Option<String> {
    // A DNS label has 63 bytes at most.
    let (prefix, rest) = label.split_at_checked(4)?;
    if !prefix.eq_ignore_ascii_case("xn--") || label.len() > 63 {
        return None;
    }
    idna::punycode::decode_to_string(&rest.to_ascii_lowercase())
}

/// UTS 39: two strings are confusable when their skeletons are equal. Marks above and below letters are
/// dropped: at the size of an address bar they pass unseen.
fn looks_like(label: &str) -> bool {
    let folded: String = label.chars().flat_map(char::to_lowercase).collect();
    let skeleton: String = skeleton(&folded)
        .filter(|c| !matches!(c, '\u{300}'..='\u{36f}'))
        .flat_map(char::to_lowercase)
        .collect();
    skeleton == LABEL || looks_like_ascii(&skeleton)
}

/// What passes for l in most type faces: 1, I (which DNS folds to i) and |; and rn never passes for a part of it.
fn looks_like_ascii(label: &str) -> bool {
    label.len() == LABEL.len()
        && !label.eq_ignore_ascii_case(LABEL)
        && label.bytes().zip(LABEL.bytes()).all(|(seen, meant)| {
            seen.eq_ignore_ascii_case(&meant)
                || meant == b'l' && matches!(seen, b'1' | b'i' | b'I' | b'|')
        })
}

/// Damerau-Levenshtein distance 1.
fn is_neighbour(label: &str) -> bool {
    let (seen, meant) = (label.as_bytes(), LABEL.as_bytes());
    let same = |(a, b): &(&u8, &u8)| a.eq_ignore_ascii_case(b);
    let head = seen.iter().zip(meant).take_while(same).count();
    let tail = seen
        .iter()
        .rev()
        .zip(meant.iter().rev())
        .take_while(same)
        .count();
    match seen.len() {
        5 if head + tail == 3 => {
            // Two swapped.
            matches!(
                (seen.get(head..head + 2), meant.get(head..head + 2)),
                (Some([a, b]), Some([c, d])) if a.eq_ignore_ascii_case(d) && b.eq_ignore_ascii_case(c)
            )
        }
        5 => head + tail == 4,
        4 => head + tail >= 4,
        6 => head + tail >= 5,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(name: &str) -> Option<LookAlikeKind> {
        look_alike(name).map(|found| found.kind)
    }

    #[test]
    fn every_rule_has_its_names() {
        use LookAlikeKind::{Confusable, Glued, InnerLabels, Neighbour, OtherTopLevel};
        for (expected, names) in [
            (
                InnerLabels,
                &[
                    "lencr.org.evil.example",
                    "r3.o.lencr.org.evil.example",
                    "o.lencr.org.cdn-evil.test",
                    "R10.C.LENCR.ORG.Evil.Com.",
                    "lencr.org.uk",
                ][..],
            ),
            (
                OtherTopLevel,
                &[
                    "lencr.co",
                    "r3.o.lencr.com",
                    "lencr.co.uk",
                    "x1.c.LENCR.net",
                ],
            ),
            (
                Glued,
                &[
                    "lencr-org.com",
                    "ocsp-lencr.org",
                    "r3.o-lencr.net",
                    "lencrorg.com",
                ],
            ),
            (
                Confusable,
                &[
                    "1encr.org",
                    "iencr.org",
                    "r3.o.Iencr.org",
                    "1encr.com",
                    // Cyrillic е; palochka, е and с; é.
                    "xn--lncr-v4d.org",
                    "xn--nr-mlc3c69b.net",
                    "o.xn--lncr-bpa.com",
                ],
            ),
            (
                Neighbour,
                &[
                    "xlencr.org",
                    "lencrr.org",
                    "lencer.org",
                    "lnecr.org",
                    "lecnr.org",
                    "lenrc.org",
                    "encr.org",
                    "lencz.org",
                    "len-cr.org",
                    "r11.c.lemcr.org",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(kind(name), Some(expected), "{name}");
            }
        }
    }

    #[test]
    fn what_is_lencr_org_or_merely_resembles_a_word_is_left_alone() {
        for name in [
            "lencr.org",
            "r10.o.lencr.org",
            "R10.O.LENCR.ORG.",
            "lencr.org.lencr.org",
            "www.lencr.org",
            "notlencr.org",
            "silencr.org",
            "silencer.org",
            "lender.org",
            "letsencrypt.org",
            "encrypt.org",
            "xlencr.com",
            "lencrypt.org",
            "lencr",
            "org",
            "",
            ".",
            "o.lencr.edgesuite.net",
            "r10.c.lencr.org.cdn.cloudflare.net",
            "r3.o.lencr.org.edgesuite.net",
            "lencr.org.dbl.spamhaus.org",
            "r3.o.lencr.org.localdomain",
            "r3.o.lencr.org.fritz.box",
            "xn--bcher-kva.org",
            "xn--80ak6aa92e.com",
            "lencr.example.org",
        ] {
            assert_eq!(kind(name), None, "{name}");
        }
    }

    #[test]
    fn the_imitation_is_shown_readably() {
        let inner = look_alike("R3.o.lencr.org.evil.example").unwrap();
        assert_eq!(inner.imitation, "r3.o.lencr.org");
        let found = look_alike("r3.o.xn--lncr-v4d.org").unwrap();
        assert_eq!(found.imitation, "lеncr");
        assert_eq!(look_alike("xLENCR.org").unwrap().imitation, "xlencr");
    }

    proptest! {
        /// Wherever in a name it stands, across the ends of the chunks, too.
        #[test]
        fn what_a_rule_may_fit_is_found_at_any_place(
            front in "[a-m.]{0,40}",
            sign in prop_oneof![Just("ncr"), Just("NcR"), Just("--"), Just("")],
            back in "[o-z.]{0,40}",
        ) {
            let name = format!("{front}{sign}{back}");
            prop_assert_eq!(is_suspect(&name), !sign.is_empty() || may_be_neighbour(&name));
        }
    }
}
