//! What one value of a term asks of a finding.

use std::net::IpAddr;

use crate::finding::{Confidence, Finding, Report, Severity};
use crate::pki::ocsp::CertStatus;
use crate::report::words::Word;
use crate::time::Span;

use super::{Field, FieldKind};

/// One value of a term, ready to be held against findings.
#[derive(Clone, Debug)]
pub(super) enum Check {
    /// A fixed word, or a pattern over the words.
    Word(FieldKind, Pattern),
    /// Free text.
    Text(FieldKind, Pattern),
    /// Whole labels of a name, or a pattern.
    Name(FieldKind, Pattern),
    /// An address, a network, or a pattern.
    Address(Address),
    Confidence(Order, Confidence),
    Severity(Order, Severity),
    Rule(Pattern),
    /// Hexadecimal digits from the start.
    Serial(String),
    Number(FieldKind, Order, u64),
    Length(FieldKind, Order, Span),
    /// Lower-case text anywhere.
    Anywhere(String),
}

/// How to compare.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Clone, Debug)]
pub(super) enum Address {
    Net(IpAddr, u8),
    Pattern(Pattern),
}

/// Lower-case text in which `*` stands for anything.
#[derive(Clone, Debug)]
pub(super) struct Pattern(String);

impl Check {
    pub(super) fn anywhere(word: &str) -> Self {
        Self::Anywhere(word.to_lowercase())
    }

    /// The message of an error says what would be right.
    pub(super) fn parse(field: &Field, value: &str) -> Result<Self, String> {
        let name = field.name;
        let (order, bare) = order(value);
        if bare.is_empty() {
            return Err(match field.words {
                [] => format!("{name}: needs a value: {}", field.help),
                words => format!("{name}: needs one of {}", words.join(", ")),
            });
        }
        let ordered = matches!(
            field.kind,
            FieldKind::Confidence
                | FieldKind::Alert
                | FieldKind::Shard
                | FieldKind::Status
                | FieldKind::Id
                | FieldKind::Delay
                | FieldKind::Wait
        );
        if order != Order::Equal && !ordered {
            return Err(format!("{name} has no order, so it takes no < or >"));
        }
        let pattern = Pattern(bare.to_lowercase());
        Ok(match field.kind {
            FieldKind::Confidence if !bare.contains('*') => {
                let levels = [
                    Confidence::Possible,
                    Confidence::Likely,
                    Confidence::Strong,
                    Confidence::Proven,
                ];
                let level = levels.into_iter().find(|l| pattern.0 == l.word());
                Self::Confidence(order, level.ok_or_else(|| unknown(field, bare))?)
            }
            FieldKind::Kind
            | FieldKind::Stage
            | FieldKind::Verdict
            | FieldKind::Cause
            | FieldKind::Confidence
            | FieldKind::Signature
            | FieldKind::Answer => {
                if !field.words.iter().any(|word| pattern.covers(word)) {
                    return Err(unknown(field, bare));
                }
                Self::Word(field.kind, pattern)
            }
            FieldKind::Alert => {
                let levels = [
                    Severity::Info,
                    Severity::Low,
                    Severity::Medium,
                    Severity::High,
                ];
                match levels.into_iter().find(|l| pattern.0 == l.word()) {
                    Some(level) => Self::Severity(order, level),
                    None if order == Order::Equal => Self::Rule(pattern),
                    None => {
                        return Err(format!(
                            "“{bare}” is no severity; info, low, medium, high are"
                        ));
                    }
                }
            }
            FieldKind::Site | FieldKind::Host => Self::Name(field.kind, pattern),
            FieldKind::Client => Self::Address(address(bare)?),
            FieldKind::Device
            | FieldKind::Agent
            | FieldKind::Process
            | FieldKind::Url
            | FieldKind::Issuer => Self::Text(field.kind, pattern),
            FieldKind::Serial => {
                let digits: String = pattern.0.chars().filter(|c| *c != ':').collect();
                let digits = digits.trim_end_matches("..");
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(format!("“{bare}” is no hexadecimal serial"));
                }
                Self::Serial(digits.to_owned())
            }
            FieldKind::Shard | FieldKind::Status | FieldKind::Id => {
                let number = bare.parse().map_err(|_| format!("“{bare}” is no number"))?;
                Self::Number(field.kind, order, number)
            }
            FieldKind::Delay | FieldKind::Wait => Self::Length(
                field.kind,
                order,
                length(bare)
                    .ok_or_else(|| format!("“{bare}” is no length of time; 100ms, 2s, 5m are"))?,
            ),
        })
    }

    pub(super) fn holds(&self, finding: &Finding, report: &Report) -> bool {
        let verdict = &finding.verdict;
        match self {
            Self::Word(kind, pattern) => match kind {
                FieldKind::Kind => pattern.covers(finding.kind.word()),
                FieldKind::Stage => pattern.covers(finding.stage.word()),
                FieldKind::Verdict => pattern.covers(verdict.outcome.word()),
                FieldKind::Cause => pattern.covers(verdict.cause.word()),
                FieldKind::Confidence => pattern.covers(verdict.confidence.word()),
                FieldKind::Signature => pattern.covers(finding.answer.signature.word()),
                _ => statuses(finding).any(|word| pattern.covers(word)),
            },
            Self::Text(kind, pattern) => {
                texts(*kind, finding, report, &mut |text| pattern.found_in(text))
            }
            Self::Name(FieldKind::Host, pattern) => pattern.names(finding.host.as_str()),
            Self::Name(_, pattern) => sites(finding, &mut |site| pattern.names(site)),
            Self::Address(address) => address.covers(finding.client.ip),
            Self::Confidence(order, level) => order.holds(&verdict.confidence, level),
            Self::Severity(order, level) => finding
                .alerts
                .iter()
                .any(|alert| order.holds(&alert.severity, level)),
            Self::Rule(pattern) => finding
                .alerts
                .iter()
                .any(|alert| pattern.covers(alert.rule)),
            Self::Serial(digits) => finding
                .asked
                .serials
                .iter()
                .chain(finding.candidates.iter().filter_map(|c| c.serial.as_ref()))
                .any(|serial| serial.to_string().starts_with(digits)),
            Self::Number(kind, order, number) => {
                let value = match kind {
                    FieldKind::Shard => finding.asked.shard.map(u64::from),
                    FieldKind::Status => finding.answer.http_status.map(u64::from),
                    _ => Some(finding.id.0),
                };
                value.is_some_and(|value| order.holds(&value, number))
            }
            Self::Length(kind, order, length) => {
                let value = match kind {
                    FieldKind::Delay => finding.timing.delayed_handshake,
                    _ => finding.timing.wait,
                };
                value.is_some_and(|value| order.holds(&value, length))
            }
            Self::Anywhere(word) => anywhere(finding, report, word),
        }
    }
}

impl Order {
    fn holds<T: Ord>(self, value: &T, limit: &T) -> bool {
        match self {
            Self::Equal => value == limit,
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::More => value > limit,
            Self::AtLeast => value >= limit,
        }
    }
}

impl Address {
    fn covers(&self, ip: IpAddr) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.covers(&ip.to_string()),
            Self::Net(net, bits) => match (net, ip) {
                (IpAddr::V4(net), IpAddr::V4(ip)) => {
                    let shift = 32_u32.saturating_sub(u32::from(*bits));
                    let top =
                        |ip: std::net::Ipv4Addr| u32::from(ip).checked_shr(shift).unwrap_or(0);
                    top(*net) == top(ip)
                }
                (IpAddr::V6(net), IpAddr::V6(ip)) => {
                    let shift = 128_u32.saturating_sub(u32::from(*bits));
                    let top =
                        |ip: std::net::Ipv6Addr| u128::from(ip).checked_shr(shift).unwrap_or(0);
                    top(*net) == top(ip)
                }
                _ => false,
            },
        }
    }
}

impl Pattern {
    /// Whether this is the whole text, ignoring ASCII case.
    fn covers(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        // Where to go back to when the last star has to take one byte more.
        let mut retry: Option<(usize, usize)> = None;
        while let Some(byte) = text.get(t) {
            match pattern.get(p) {
                Some(b'*') => {
                    retry = Some((p + 1, t));
                    p += 1;
                }
                Some(wanted) if *wanted == byte.to_ascii_lowercase() => {
                    p += 1;
                    t += 1;
                }
                _ => match retry {
                    Some((after, from)) => {
                        retry = Some((after, from + 1));
                        p = after;
                        t = from + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern.iter().skip(p).all(|b| *b == b'*')
    }

    /// Whether a pattern covers the text, or a plain word stands anywhere in it.
    fn found_in(&self, text: &str) -> bool {
        if self.0.contains('*') {
            self.covers(text)
        } else {
            contains(text, &self.0)
        }
    }

    /// Whether these are whole labels of the name.
    fn names(&self, name: &str) -> bool {
        if self.0.contains('*') {
            return self.covers(name);
        }
        let wanted = self.0.trim_matches('.');
        let edge = |c: Option<char>| c.is_none_or(|c| c == '.');
        name.match_indices(wanted).any(|(at, _)| {
            let before = name.get(..at).and_then(|s| s.chars().next_back());
            let after = name.get(at + wanted.len()..).and_then(|s| s.chars().next());
            edge(before) && edge(after)
        })
    }
}

fn unknown(field: &Field, value: &str) -> String {
    format!(
        "no {} is called “{value}”; one of {}",
        field.name,
        field.words.join(", ")
    )
}

fn order(value: &str) -> (Order, &str) {
    for (sign, order) in [
        (">=", Order::AtLeast),
        ("<=", Order::AtMost),
        (">", Order::More),
        ("<", Order::Less),
        ("=", Order::Equal),
    ] {
        if let Some(bare) = value.strip_prefix(sign) {
            return (order, bare);
        }
    }
    (Order::Equal, value)
}

fn address(text: &str) -> Result<Address, String> {
    if text.contains('*') {
        return Ok(Address::Pattern(Pattern(text.to_lowercase())));
    }
    let wrong =
        || format!("“{text}” is no address (10.0.0.5), network (10.0.0.0/8) or pattern (10.*)");
    let (ip, bits) = match text.split_once('/') {
        Some((ip, bits)) => (ip, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    match bits.unwrap_or(most) {
        bits if bits <= most => Ok(Address::Net(ip, bits)),
        _ => Err(wrong()),
    }
}

fn length(text: &str) -> Option<Span> {
    let (unit, digits) = [("ms", 1.0), ("s", 1e3), ("m", 6e4)]
        .into_iter()
        .find_map(|(unit, factor)| Some((factor, text.strip_suffix(unit)?)))
        .unwrap_or((1.0, text));
    let millis: f64 = digits
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite() && *n >= 0.0)?
        * unit;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded above; a float cast saturates"
    )]
    let nanos = (millis * 1e6).min(9e18) as i64;
    Some(Span::from_nanos(nanos))
}

fn statuses(finding: &Finding) -> impl Iterator<Item = &'static str> {
    let ocsp = finding.answer.ocsp.iter().flat_map(|o| &o.answers);
    let listed = finding.answer.revoked_seen.iter().map(|(_, status)| status);
    let none = finding.answer.http_status.is_none().then_some("none");
    ocsp.map(|answer| &answer.status)
        .chain(listed)
        .map(|status: &CertStatus| status.word())
        .chain(none)
}

fn sites(finding: &Finding, wanted: &mut dyn FnMut(&str) -> bool) -> bool {
    finding.verdict.site.as_deref().is_some_and(&mut *wanted)
        || finding
            .candidates
            .iter()
            .any(|c| c.site.name().is_some_and(|name| wanted(&name)))
}

fn texts(
    kind: FieldKind,
    finding: &Finding,
    report: &Report,
    wanted: &mut dyn FnMut(&str) -> bool,
) -> bool {
    let client = &finding.client;
    match kind {
        FieldKind::Device => {
            wanted(&client.device_label)
                || report
                    .device(client.device)
                    .is_some_and(|d| d.addresses.iter().any(|ip| wanted(&ip.to_string())))
        }
        FieldKind::Agent => {
            client.agent.as_deref().is_some_and(&mut *wanted)
                || client.user_agent.as_deref().is_some_and(wanted)
        }
        FieldKind::Process => client.process.as_deref().is_some_and(|p| {
            wanted(&p.name)
                || p.command.as_deref().is_some_and(&mut *wanted)
                || p.unit.as_deref().is_some_and(&mut *wanted)
        }),
        FieldKind::Url => finding.url.as_deref().is_some_and(wanted),
        _ => finding.asked.issuer.as_deref().is_some_and(wanted),
    }
}

fn anywhere(finding: &Finding, report: &Report, word: &str) -> bool {
    let verdict = &finding.verdict;
    let fixed = [
        finding.kind.word(),
        verdict.outcome.word(),
        verdict.cause.word(),
        verdict.confidence.word(),
        finding.host.as_str(),
    ];
    let mut within = |text: &str| contains(text, word);
    fixed.into_iter().any(&mut within)
        || sites(finding, &mut within)
        || finding
            .alerts
            .iter()
            .any(|a| contains(a.rule, word) || contains(&a.subject, word))
        || [
            FieldKind::Device,
            FieldKind::Agent,
            FieldKind::Process,
            FieldKind::Url,
            FieldKind::Issuer,
        ]
        .into_iter()
        .any(|kind| texts(kind, finding, report, &mut within))
        || within(&finding.client.ip.to_string())
        || finding.asked.serials.iter().any(|s| within(&s.to_string()))
}

/// Whether lower-case `word` stands in `text`, ignoring ASCII case.
fn contains(text: &str, word: &str) -> bool {
    word.is_empty()
        || text
            .as_bytes()
            .windows(word.len())
            .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
