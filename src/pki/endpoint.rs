//! What a URL at Let's Encrypt asks for: host grammar, path grammar, shard rule.
//!
//! Sources: <https://letsencrypt.org/docs/lencr.org/>, <https://letsencrypt.org/certificates/>, the URLs in
//! the certificates themselves, and Boulder (issuance/cert.go, observer/probers/ccadb).

use crate::pki::cert::Serial;
use crate::pki::hierarchy::Hierarchy;
use crate::pki::ocsp::request_of_path;
use crate::time::Timestamp;

/// OCSP responders of Let's Encrypt were switched off on this day, 2025-08-06.
/// <https://letsencrypt.org/2025/08/06/ocsp-service-has-reached-end-of-life/>
pub const OCSP_OFF_SINCE: Timestamp = Timestamp::from_secs(1_754_438_400);

/// No certificate issued from this day on, 2025-05-07, names an OCSP responder.
/// <https://letsencrypt.org/2024/12/05/ending-ocsp/>
pub const NO_OCSP_URLS_SINCE: Timestamp = Timestamp::from_secs(1_746_576_000);

/// Each issuer's leaf CRL is cut into so many shards (Boulder, docs/CRLS.md).
pub const SHARDS: u32 = 128;

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

/// What a request at a watched host is, by method and path.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PathRole {
    /// An OCSP request in the path.
    OcspGet,
    /// An OCSP request in the body.
    OcspPost,
    /// This shard of a leaf CRL, 1 to 128.
    Shard(u32),
    /// The one CRL of a root.
    RootCrl,
    /// An issuer certificate.
    IssuerCert,
    /// `/` of a responder, which answers with nothing: monitors ask that.
    HealthRoot,
    /// Anything at the apex: a person reading.
    Page,
    /// What IdenTrust's hosts serve for IdenTrust's other CAs: nothing of ours.
    Foreign,
    /// What no certificate names and no client of the service asks for.
    Odd,
}

/// What the host `name` is; None when it is not watched. Whole labels are compared, without regard to case
/// and a trailing dot.
///
/// Watched are lencr.org with everything under it, and the few hosts that certificates named before:
/// `{ocsp,cert,crl}.{int,root}-xN.letsencrypt.org` (with their staging forms) and three of identrust.com.
#[must_use]
pub fn host_role(name: &str) -> Option<HostRole> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if let Some(rest) = under(name, "lencr.org") {
        Some(lencr(&rest.to_ascii_lowercase()))
    } else if let Some(rest) = under(name, "letsencrypt.org") {
        letsencrypt(&rest.to_ascii_lowercase())
    } else {
        let rest = under(name, "identrust.com")?;
        identrust(&rest.to_ascii_lowercase())
    }
}

/// What a request at a host of this role asks for. `path` is as sent, with its query; an empty one counts as `/`.
#[must_use]
pub fn path_role(role: &HostRole, method: &str, path: &str) -> PathRole {
    let read = matches!(method, "GET" | "HEAD");
    let root = matches!(path, "" | "/");
    match role.service {
        Service::Page => PathRole::Page,
        Service::Ocsp if method == "POST" && root => PathRole::OcspPost,
        Service::Ocsp if read && root => PathRole::HealthRoot,
        Service::Ocsp if read && request_of_path(path).is_some() => PathRole::OcspGet,
        Service::Issuer | Service::Crl if read && role.is_identrust() => match path {
            "/roots/dstrootcax3.p7c" => PathRole::IssuerCert,
            "/DSTROOTCAX3CRL.crl" => PathRole::RootCrl,
            _ => PathRole::Foreign,
        },
        Service::Issuer if read && root => PathRole::IssuerCert,
        Service::Crl if read && root && !role.is_intermediate() => PathRole::RootCrl,
        Service::Crl if read && !role.is_root() => {
            let file = match (role.label.as_deref(), path.strip_prefix('/')) {
                // Oldest form: /<issuer name id>/<n>.crl
                (Some("prod"), Some(path)) => path
                    .split_once('/')
                    .filter(|(id, _)| is_number(id))
                    .map(|(_, file)| file),
                (_, path) => path,
            };
            file.and_then(shard_of_file)
                .map_or(PathRole::Odd, PathRole::Shard)
        }
        _ => PathRole::Odd,
    }
}

/// The CRL shard that Let's Encrypt keeps this serial in: `(serial mod 128) + 1`, that is the low seven bits
/// of its last byte plus one (Boulder issuance/cert.go, docs/CRLS.md).
///
/// Holds since certificates carry CRL URLs (spring 2025), which came with new serial prefixes: 18 bytes of
/// which the first is 05, 06 or later. Serials 03 and 04 were sharded by time: None for them, and for what
/// is no serial of Let's Encrypt. The caller knows that the issuer is Let's Encrypt (production).
#[must_use]
pub fn shard_of(serial: &Serial) -> Option<u32> {
    match serial.as_bytes() {
        // The prefix is configured between 01 and 7f (Boulder, ca/ca.go).
        bytes @ [0x05..=0x7f, .., last] if bytes.len() == 18 => Some(u32::from(last & 0x7f) + 1),
        _ => None,
    }
}

impl HostRole {
    /// Whether the label has the form of a root's: "x1", "ye", "dst3".
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.label
            .as_deref()
            .is_some_and(|label| kind_of(label) == Some(LabelKind::Root))
    }

    /// Whether the label has the form of an intermediate's: "r10", "e5", "ye1".
    #[must_use]
    pub fn is_intermediate(&self) -> bool {
        self.label
            .as_deref()
            .is_some_and(|label| kind_of(label) == Some(LabelKind::Intermediate))
    }

    fn is_identrust(&self) -> bool {
        self.predecessor && self.ca == Some("DST Root CA X3")
    }
}

/// What is left of `name` in front of `domain`, without the dot between.
fn under<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    let (rest, tail) = name.split_at_checked(name.len().checked_sub(domain.len())?)?;
    if !tail.eq_ignore_ascii_case(domain) {
        None
    } else if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_suffix('.').filter(|rest| !rest.is_empty())
    }
}

/// Names under lencr.org: `[stg-]<ca>.{o,c,i}`, the apex, www, and `prod.c`.
fn lencr(rest: &str) -> HostRole {
    let role = |service, grammatical| HostRole {
        service,
        label: None,
        ca: None,
        staging: false,
        predecessor: false,
        grammatical,
    };
    let (label, service) = match rest.rsplit_once('.') {
        Some((label, service)) => (Some(label), service),
        None => (None, rest),
    };
    let service = match service {
        "o" => Service::Ocsp,
        "c" => Service::Crl,
        "i" => Service::Issuer,
        "" | "www" if label.is_none() => return role(Service::Page, true),
        _ => return role(Service::Unknown, false),
    };
    let Some(label) = label else {
        // The bare zone cut: resolvers that minimise names ask for it on their way (RFC 9156).
        return role(service, true);
    };
    if label.contains('.') {
        return role(Service::Unknown, false);
    }
    let (staging, short) = match label.strip_prefix("stg-") {
        Some(short) => (true, short),
        None => (false, label),
    };
    let formed = match kind_of(short) {
        Some(_) if short == "dst3" => staging,
        Some(_) => true,
        None => short == "prod" && !staging && service == Service::Crl,
    };
    HostRole {
        label: Some(short.to_owned()),
        ca: Hierarchy::builtin()
            .by_label(label)
            .map(|ca| ca.name.as_str()),
        staging,
        ..role(service, formed)
    }
}

/// `{ocsp,cert,crl}.[stg-]{int,root}-x<n>` under letsencrypt.org; everything else there is not watched.
fn letsencrypt(rest: &str) -> Option<HostRole> {
    let (service, label) = rest.split_once('.')?;
    let service = match service {
        "ocsp" => Service::Ocsp,
        "cert" => Service::Issuer,
        "crl" => Service::Crl,
        _ => return None,
    };
    let (staging, label) = match label.strip_prefix("stg-") {
        Some(label) => (true, label),
        None => (false, label),
    };
    if service == Service::Crl && label != "root-x1" {
        return None;
    }
    let ca = match (staging, label) {
        (false, "int-x1") => "Let's Encrypt Authority X1",
        (false, "int-x2") => "Let's Encrypt Authority X2",
        (false, "int-x3") => "Let's Encrypt Authority X3",
        (false, "int-x4") => "Let's Encrypt Authority X4",
        (false, "root-x1") => "ISRG Root X1",
        (true, "int-x1") => "Fake LE Intermediate X1",
        (true, "root-x1") => "Fake LE Root X1",
        _ => return None,
    };
    Some(HostRole {
        service,
        label: Some(label.to_owned()),
        ca: Some(ca),
        staging,
        predecessor: true,
        grammatical: true,
    })
}

/// The three hosts of IdenTrust that cross-signed certificates name.
fn identrust(rest: &str) -> Option<HostRole> {
    let service = match rest {
        "isrg.trustid.ocsp" => Service::Ocsp,
        "apps" => Service::Issuer,
        "crl" => Service::Crl,
        _ => return None,
    };
    Some(HostRole {
        service,
        label: None,
        ca: Some("DST Root CA X3"),
        staging: false,
        predecessor: true,
        grammatical: true,
    })
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LabelKind {
    Root,
    Intermediate,
}

/// The forms of CA labels, so that CAs which come after this program are taken for what they are:
/// intermediates are R or E with a number, since Generation Y with the generation's letter in front
/// (r10, e5, ye1, zr3); roots are X with a number, or the generation's letter with R or E (x1, ye, zr).
/// `dst3` is staging's image of IdenTrust's root, `int-xN` and `root-xN` are of the old scheme.
fn kind_of(label: &str) -> Option<LabelKind> {
    match label {
        "dst3" => return Some(LabelKind::Root),
        _ if label.starts_with("int-x") => return Some(LabelKind::Intermediate),
        _ if label.starts_with("root-x") => return Some(LabelKind::Root),
        _ => {}
    }
    let letters = label.bytes().take_while(u8::is_ascii_lowercase).count();
    let (family, number) = label.split_at_checked(letters)?;
    let numbered = number.len() <= 2 && is_number(number) && !number.starts_with('0');
    match family.as_bytes() {
        [b'x'] if numbered => Some(LabelKind::Root),
        [b'r' | b'e'] if numbered => Some(LabelKind::Intermediate),
        [b'a'..=b'z', b'r' | b'e'] if numbered => Some(LabelKind::Intermediate),
        [b'a'..=b'z', b'r' | b'e'] if number.is_empty() => Some(LabelKind::Root),
        _ => None,
    }
}

/// The shard that a path names, `/<n>.crl`.
#[must_use]
pub fn shard_of_path(path: &str) -> Option<u32> {
    shard_of_file(path.strip_prefix('/')?)
}

/// `<n>.crl` with n from 1 to 128, written without leading zeros.
fn shard_of_file(file: &str) -> Option<u32> {
    let number = file.strip_suffix(".crl")?;
    if !is_number(number) || number.starts_with('0') {
        return None;
    }
    number.parse().ok().filter(|n| (1..=SHARDS).contains(n))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests;
