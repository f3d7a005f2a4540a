//! The fixed words of the report record: one kebab-case word for each variant, the same in JSON, CSV, text and
//! `--where`.

use crate::crypto::base64;
use crate::event::{AnomalyKind, BlindSpot, DnsOutcome};
use crate::finding::health::Fault;
use crate::finding::{
    Aftermath, Bearing, Cause, CommunityId, Confidence, ContactKind, Direction, Failure, Learned,
    Missing, Oddity, Outcome, Severity, Signature, Site, Stage, Visibility, Way, Weight,
};
use crate::pki::endpoint::Service;
use crate::pki::ocsp::CertStatus;

/// How a Community ID is written: the version of the specification, and the digest.
pub(super) fn community_id(id: &CommunityId) -> String {
    format!("1:{}", base64(&id.0))
}

/// A value that reports name by one word.
pub trait Word {
    /// The word.
    fn word(&self) -> &'static str;
}

macro_rules! words {
    ($($type:ty { $($variant:pat => $word:literal),+ $(,)? })+) => {
        $(impl Word for $type {
            fn word(&self) -> &'static str {
                match self { $($variant => $word),+ }
            }
        })+
    };
}

words! {
    ContactKind {
        Self::Ocsp => "ocsp", Self::Crl => "crl", Self::Issuer => "issuer", Self::Unknown => "unknown",
    }
    Stage {
        Self::LookedUp => "looked-up", Self::Connected => "connected", Self::Asked => "asked",
        Self::Answered => "answered",
    }
    Outcome {
        Self::Site => "site", Self::OneOf => "one-of", Self::AnyUnder => "any-under",
        Self::NoOutbound => "no-outbound", Self::Unexplained => "unexplained",
    }
    Cause {
        Self::RevocationCheck => "revocation-check", Self::IssuerChase => "issuer-chase",
        Self::Stapling => "stapling", Self::Acme => "acme", Self::Scheduled => "scheduled",
        Self::Refresh => "refresh", Self::Person => "person", Self::Scanner => "scanner",
        Self::Proxy => "proxy", Self::Disguise => "disguise", Self::Unknown => "unknown",
    }
    Confidence {
        Self::Possible => "possible", Self::Likely => "likely", Self::Strong => "strong",
        Self::Proven => "proven",
    }
    Signature {
        Self::Verified => "verified", Self::Bad => "bad", Self::UnknownIssuer => "unknown-issuer", Self::Unfit => "unfit",
        Self::Unchecked => "unchecked",
    }
    Bearing {
        Self::Decides => "decides", Self::Supports(_) => "supports", Self::Opposes(_) => "opposes",
        Self::Excludes => "excludes",
    }
    Weight {
        Self::Slight => "slight", Self::Fair => "fair", Self::Strong => "strong",
    }
    Severity {
        Self::Info => "info", Self::Low => "low", Self::Medium => "medium", Self::High => "high",
    }
    Direction {
        Self::Outbound => "outbound", Self::Inbound => "inbound",
    }
    Visibility {
        Self::Clear => "clear", Self::Keys => "keys", Self::Learned => "learned", Self::Hidden => "hidden",
        Self::Resumed => "resumed", Self::Lost => "lost",
    }
    Aftermath {
        Self::WentOn => "went-on", Self::GaveUp => "gave-up", Self::Retried => "retried", Self::Unknown => "unknown",
    }
    Missing {
        Self::KeyLog => "key-log", Self::EarlierStart => "earlier-start",
        Self::OtherInterface => "other-interface", Self::SiteCertificates => "site-certificates",
        Self::LargerSnaplen => "larger-snaplen", Self::CompleteCapture => "complete-capture",
        Self::ClientSide => "client-side", Self::ProcessNames => "process-names",
        Self::ShorterCapture => "shorter-capture",
    }
    Site {
        Self::Sni(_) => "sni", Self::Proxy(_) => "proxy", Self::Certificate(_) => "certificate",
        Self::Dns(_) => "dns", Self::EchOuter(_) => "ech-outer", Self::Address(_) => "address",
    }
    Failure {
        Self::Lookup(DnsOutcome::Answered) => "lookup-answered", Self::Lookup(DnsOutcome::NoData) => "lookup-no-data",
        Self::Lookup(DnsOutcome::NoSuchName) => "lookup-no-such-name",
        Self::Lookup(DnsOutcome::ServerFailure) => "lookup-server-failure",
        Self::Lookup(DnsOutcome::Refused) => "lookup-refused",
        Self::Lookup(DnsOutcome::Failed(_)) => "lookup-failed",
        Self::Lookup(DnsOutcome::Truncated) => "lookup-truncated",
        Self::Lookup(DnsOutcome::Unanswered) => "lookup-unanswered",
        Self::Sinkhole(_) => "sinkhole", Self::Refused => "refused", Self::Unanswered => "unanswered",
        Self::Reset => "reset", Self::NoResponse => "no-response", Self::Abandoned => "abandoned",
        Self::Http(_) => "http-error", Self::OcspError(_) => "ocsp-error", Self::Incomplete => "incomplete",
    }
    CertStatus {
        Self::Good => "good", Self::Revoked { .. } => "revoked", Self::Unknown => "unknown",
    }
    BlindSpot {
        Self::Dot => "dns-over-tls", Self::Doh => "dns-over-https", Self::Doq => "dns-over-quic",
        Self::WireGuard => "wireguard", Self::OpenVpn => "openvpn", Self::Ipsec => "ipsec",
        Self::TlsProxy => "tls-proxy", Self::Ssh => "ssh",
    }
    Way {
        Self::Lookup => "lookup", Self::Connection => "connection", Self::Answer => "answer",
    }
    Learned {
        Self::Lookup { .. } => "lookup", Self::OtherDevice { .. } => "other-device", Self::Proxy => "proxy",
        Self::Never => "never-looked-up", Self::NotShown => "no-lookups-seen",
    }
    Oddity {
        Self::Port(_) => "port", Self::NoServerName => "no-server-name", Self::OtherName => "other-name",
        Self::Alpn(_) => "alpn", Self::OldVersion(_) => "old-version", Self::AddressesOnly => "addresses-only",
        Self::SelfSigned => "self-signed", Self::Expired => "expired", Self::NotYetValid => "not-yet-valid",
    }
    Fault {
        Self::MustStapleUnmet(_) => "must-staple-unmet", Self::StapleStale => "staple-stale",
        Self::StapleRevoked => "staple-revoked", Self::StapleBad => "staple-bad-signature",
        Self::StapleOther => "staple-other-certificate", Self::DeadOcsp(_) => "dead-ocsp-url",
        Self::MissingIntermediate { .. } => "missing-intermediate", Self::WrongOrder => "wrong-order",
        Self::UnneededRoot(..) => "unneeded-root", Self::ExpiredCa(..) => "expired-ca",
        Self::ExpiredLeaf(_) => "expired-leaf",
    }
    Service {
        Self::Ocsp => "ocsp", Self::Crl => "crl", Self::Issuer => "issuer", Self::Page => "page",
        Self::Unknown => "unknown",
    }
    AnomalyKind {
        Self::BadPacket => "bad-packet", Self::BadFragment => "bad-fragment",
        Self::ConflictingRetransmission => "conflicting-retransmission", Self::StreamGap => "stream-gap",
        Self::BadDns => "bad-dns", Self::BadHttp => "bad-http", Self::BadTls => "bad-tls",
        Self::BadQuic => "bad-quic", Self::BadPki => "bad-pki", Self::WrongKey => "wrong-key",
        Self::LimitReached => "limit-reached",
    }
}
