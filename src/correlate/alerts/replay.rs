//! Answers that are older than one delivered before: caches do this among themselves, and so does someone who replays.

use foldhash::HashMap;
use smallvec::smallvec;

use crate::correlate::alerts::{alert, rules};
use crate::correlate::answers::{Answered, Object};
use crate::correlate::contacts::Contact;
use crate::finding::{Alert, Signature};
use crate::frame::FrameNo;
use crate::pki::ocsp::CertStatus;
use crate::time::{Span, Timestamp};

/// What a genuine answer is about.
#[derive(Debug, Eq, Hash, PartialEq)]
enum About<'a> {
    Certificate(&'a [u8], &'a [u8]),
    List([u8; 32], &'a str),
}

/// The newest answer so far.
#[derive(Clone, Copy, Debug)]
struct Newest {
    this_update: Timestamp,
    frame: FrameNo,
    /// Frame of an answer that said revoked, and not merely on hold.
    revoked: Option<FrameNo>,
}

/// Made at nearly the same moment on two machines of a responder.
const SAME: Span = Span::from_secs(60);

/// By the index of the contact, which are in order of time.
#[must_use]
pub fn older_answers(contacts: &[Contact]) -> HashMap<usize, Vec<Alert>> {
    let mut newest: HashMap<About<'_>, Newest> = HashMap::default();
    let mut alerts: HashMap<usize, Vec<Alert>> = HashMap::default();
    for (index, contact) in contacts.iter().enumerate() {
        let Some(answer) = contact.answer.as_ref().filter(|a| is_genuine(a)) else {
            continue;
        };
        for (about, this_update, status) in said(answer) {
            let revoked =
                matches!(status, Some(CertStatus::Revoked { reason, .. }) if reason != Some(6));
            let known = newest.entry(about).or_insert(Newest {
                this_update,
                frame: answer.frame,
                revoked: None,
            });
            let mut add = |rule, earlier| {
                let mut alert = alert(rule, "", smallvec![earlier, answer.frame]);
                alert.since = Some(this_update);
                alerts.entry(index).or_default().push(alert);
            };
            if let (Some(earlier), Some(CertStatus::Good)) = (known.revoked, status) {
                add(&rules::UNDONE, earlier);
            } else if this_update.plus(SAME) < known.this_update {
                add(&rules::OLDER, known.frame);
            }
            if revoked {
                known.revoked = known.revoked.or(Some(answer.frame));
            }
            if this_update > known.this_update {
                (known.this_update, known.frame) = (this_update, answer.frame);
            }
        }
    }
    alerts
}

fn is_genuine(answer: &Answered) -> bool {
    matches!(answer.signature, Signature::Verified | Signature::Unfit)
}

fn said(answer: &Answered) -> Vec<(About<'_>, Timestamp, Option<CertStatus>)> {
    match &answer.object {
        Object::Ocsp(response) => response
            .answers
            .iter()
            .map(|one| {
                let about = About::Certificate(one.id.serial.as_bytes(), &one.id.issuer_key_hash);
                (about, one.this_update, Some(one.status))
            })
            .collect(),
        Object::Crl { facts, .. } => {
            let point = facts.idp_urls.first().map_or("", String::as_str);
            let about = About::List(facts.issuer_hash.sha256, point);
            vec![(about, facts.this_update, None)]
        }
        Object::Certificates(_) | Object::None | Object::Foreign => Vec::new(),
    }
}
