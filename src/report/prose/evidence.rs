//! One sentence for each kind of evidence.

use crate::finding::{Bearing, Candidate, Direction, Evidence, Facts, Finding, Visibility};
use crate::report::prose::{capital, short_site, this_contact};
use crate::report::safe;

/// The sentence for one piece of evidence about `candidate` of `finding`.
#[must_use]
pub fn evidence(evidence: &Evidence, candidate: &Candidate, finding: &Finding) -> String {
    format!("{}.", capital(&facts(&evidence.facts, candidate, finding)))
}

/// Why a rejected candidate was rejected, in one sentence that names it.
#[must_use]
pub fn rejection(candidate: &Candidate, finding: &Finding) -> String {
    let against = candidate
        .evidence
        .iter()
        .find(|e| e.bearing == Bearing::Excludes)
        .or_else(|| {
            candidate
                .evidence
                .iter()
                .find(|e| matches!(e.bearing, Bearing::Opposes(_)))
        });
    match against {
        Some(reason) => evidence(reason, candidate, finding),
        None if finding.candidates.is_empty() => format!(
            "Too little speaks for {}: it was near in time, and no more is known of it.",
            short_site(candidate)
        ),
        None => format!(
            "{} fits less well than what the verdict names.",
            short_site(candidate)
        ),
    }
}

fn facts(facts: &Facts, candidate: &Candidate, finding: &Finding) -> String {
    let site = short_site(candidate);
    let this = this_contact(finding);
    match facts {
        Facts::SameSerial {
            serial,
            position,
            visibility,
        } => {
            let which = place(*position);
            match (candidate.direction, visibility) {
                (Direction::Inbound, _) => {
                    format!(
                        "{this} asks about the very certificate that this device shows as {site} (serial {serial}, same issuer)"
                    )
                }
                (_, Visibility::Learned) => format!(
                    "{this} asks about the {which} that {site} is known to use from elsewhere in the input (serial \
                     {serial}, same issuer); this handshake itself hid it"
                ),
                (_, Visibility::Keys) => format!(
                    "{this} asks about the very {which} that {site} showed, read with the session keys (serial \
                     {serial}, same issuer)"
                ),
                _ => format!(
                    "{this} asks about the very {which} that {site} showed (serial {serial}, same issuer)"
                ),
            }
        }
        Facts::SerialDiffers { own } => {
            format!("the certificate of {site} has the serial {own}, not the one asked about")
        }
        Facts::NamedInCertificate {
            url,
            position,
            visibility,
            shared,
        } => {
            let which = place(*position);
            let url = safe::line(url);
            let others = if *shared {
                "; certificates of other candidates name it too"
            } else {
                ""
            };
            match visibility {
                Visibility::Learned => format!(
                    "the {which} that {site} is known to use from elsewhere in the input names the fetched address \
                     {url}{others}"
                ),
                Visibility::Keys => format!(
                    "the {which} that {site} showed, read with the session keys, names the fetched address {url}{others}"
                ),
                _ => format!(
                    "the {which} that {site} showed names the fetched address {url}{others}"
                ),
            }
        }
        Facts::NotNamed { own } => match own {
            Some(own) => format!(
                "the certificate of {site} names another address for this: {}",
                safe::line(own)
            ),
            None => format!("the certificate of {site} names no address for this at all"),
        },
        Facts::ShardMatches { shard } => format!(
            "the serial of {site}'s certificate belongs to CRL shard {shard}, the one fetched (by chance, one \
             certificate in 128 does)"
        ),
        Facts::ShardDiffers { own } => {
            format!(
                "the serial of {site}'s certificate belongs to CRL shard {own}, not to the one fetched"
            )
        }
        Facts::IssuerMatches { issuer } => {
            format!(
                "the certificate chain of {site} comes from {}, the CA that {this} concerns",
                safe::line(issuer)
            )
        }
        Facts::OtherIssuer { own } => format!(
            "the certificate chain of {site} comes from {}, not from the CA that {this} concerns",
            safe::line(own)
        ),
        Facts::IntermediateMissing => {
            format!(
                "the server of {site} left out the certificate that was fetched, so the client had to get it elsewhere"
            )
        }
        Facts::IntermediatePresent => {
            format!(
                "the server of {site} sent that certificate itself, so there was no need to fetch it"
            )
        }
        Facts::HandshakeWaited {
            silence,
            resumed_after,
            shared,
        } => {
            let others = if *shared {
                "; other handshakes of this device waited likewise"
            } else {
                ""
            };
            format!(
                "in the handshake with {site} the client fell silent for {silence}, {this} ran inside that silence, and \
                 the client spoke again {resumed_after} after it was over{others}"
            )
        }
        Facts::BusyDevice { by_chance } => {
            format!(
                "this device opens so many connections that at {} of 100 moments around {this} another handshake would have \
                 waited as well",
                by_chance.div_ceil(10)
            )
        }
        Facts::LookedUpBefore { lag } => {
            format!(
                "the host of {this} was looked up {lag} before the server of {site} had answered"
            )
        }
        Facts::Prompt { lead } => {
            format!("the first sign of {this} came {lead} after the server of {site} had answered")
        }
        Facts::DidNotWait => {
            format!("the handshake with {site} went on without waiting for {this}")
        }
        Facts::InsideHandshake { lead } => {
            format!("{this} began {lead} into the handshake with {site}, before it was done")
        }
        Facts::SoonAfter { lead } => format!("{this} began {lead} after the handshake with {site}"),
        Facts::TooEarly { lead } => {
            format!("the handshake with {site} was {lead} before {this}, too long to be its cause")
        }
        Facts::TooLate { lag } => {
            format!("the handshake with {site} began only {lag} after {this}")
        }
        Facts::SameBurst { finding } => {
            format!(
                "contact {} of the same burst is tied to the handshake with {site}",
                finding.0
            )
        }
        Facts::SameProcess { name } => {
            format!(
                "one process, {}, owns {this} and the connection to {site}",
                safe::capped(name, 60)
            )
        }
        Facts::OtherProcess { name } => {
            format!(
                "the connection to {site} belongs to another process, {}",
                safe::capped(name, 60)
            )
        }
        Facts::SameClientFamily { family } => format!(
            "{this} and the handshake with {site} look like the same kind of client ({})",
            safe::capped(family, 60)
        ),
        Facts::OtherClientFamily { family } => format!(
            "the handshake with {site} looks like another kind of client ({})",
            safe::capped(family, 60)
        ),
        Facts::FirstVisit => format!("it was the first handshake with {site} in this capture"),
        Facts::RepeatVisit => {
            format!(
                "an earlier handshake with {site} in this capture would have fetched it already"
            )
        }
        Facts::Resumed => format!(
            "the handshake with {site} resumed an earlier session: no certificate was sent, so there was nothing new to \
             check"
        ),
        Facts::Stapled => {
            format!(
                "the server of {site} delivered a good OCSP answer itself (a staple), so there was no need to ask"
            )
        }
        Facts::KeyKindUnfit => {
            format!("the handshake with {site} used a kind of key that this issuer does not sign")
        }
        Facts::OnlyCandidate => {
            format!(
                "the handshake with {site} is the only one of this device in the capture that can have caused {this}"
            )
        }
        Facts::AbortedAfterAnswer { after } => {
            format!("the client broke off the handshake with {site} {after} after {this} was over")
        }
        Facts::OwnCertificate { serial } => {
            format!("this device itself shows the certificate with serial {serial} to its visitors")
        }
        Facts::VisitorWantedStaple { lead } => {
            format!("{lead} before, a visitor of this device had asked for a stapled OCSP answer")
        }
        Facts::ClientCertificate { serial } => {
            format!(
                "a visitor of this device had shown it the client certificate with serial {serial}"
            )
        }
        Facts::PeerCertificate { lead } => {
            format!(
                "{lead} before, a peer had authenticated to this VPN gateway, which had not answered yet"
            )
        }
        Facts::IkeClient { fits: true } => {
            format!("{this} names no software, as that of an IKE daemon such as strongSwan")
        }
        Facts::IkeClient { fits: false } => {
            format!("the software that made {this} does not fetch for IKE")
        }
        Facts::SharedAddress => {
            "that the addresses involved belong to one device rests on signs only".to_owned()
        }
        Facts::HiddenIssuerDiffers { own } => format!(
            "another contact shows that the hidden certificate of {site} is of the issuer \"{own}\""
        ),
        Facts::HiddenListDiffers { own } => {
            format!("another contact shows that the hidden certificate of {site} is on list {own}")
        }
        Facts::LearnedOtherwise { own } => format!(
            "the certificate known for {site} from elsewhere in the input comes from {}, not from the CA that {this} \
             concerns",
            safe::line(own)
        ),
    }
}

const fn place(position: usize) -> &'static str {
    match position {
        0 => "certificate",
        _ => "intermediate certificate",
    }
}
