//! What `--redact` promises of evidence captures, held against every capture of the lab.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

use super::*;
use crate::event::Mac;
use crate::report::redact::Hider;

const KEY: [u8; 32] = [7; 32];

fn hidden(path: &Path, report: &Report, selected: &[&Finding], sites: bool) -> (Vec<u8>, Written) {
    let inputs = [path.to_owned()];
    let request = Request {
        inputs: &inputs,
        count: None,
        filter: Some("client:10.0.0.5"),
        secrets: None,
        keylogs: &[],
        redaction: Some(&Redaction { key: KEY, sites }),
        origin: None,
    };
    let mut bytes = Vec::new();
    let written = write(&request, report, selected, &mut bytes).unwrap();
    (bytes, written)
}

/// Without the secrets inside the capture, which redacted evidence never has.
fn without_secrets(path: &Path) -> Report {
    explain_with(capture::open(path).unwrap(), None, false)
}

/// Every writing of the addresses and MACs of a capture that must not be in what is shown of it.
fn traces(path: &Path, hider: &Hider) -> Vec<(String, Vec<u8>)> {
    let (mut ips, mut macs): (HashSet<IpAddr>, HashSet<Mac>) = Default::default();
    let mut source = capture::open(path).unwrap();
    let mut decoder = Decoder::new(&Limits::default());
    while let Some(item) = source.next_item() {
        let Item::Frame(frame) = item else { continue };
        if let Ok(packet) = decoder.decode(&frame) {
            ips.extend(
                [packet.src, packet.dst]
                    .into_iter()
                    .filter(|ip| hider.hides(*ip)),
            );
            macs.extend(packet.mac);
        }
    }
    let mut traces = Vec::new();
    for ip in ips {
        let mut texts = vec![ip.to_string()];
        let raw = match ip {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                texts.push(format!("{a}-{b}-{c}-{d}"));
                texts.push(format!("{d}.{c}.{b}.{a}"));
                texts.push(format!("{a:02x}{b:02x}{c:02x}{d:02x}"));
                let labels = [d, c, b, a].map(|n| format!("{}{n}", char::from(digits(n))));
                texts.push(labels.concat() + "\u{7}in-addr");
                vec![a, b, c, d]
            }
            IpAddr::V6(v6) => {
                texts.push(v6.to_string().to_uppercase());
                v6.octets().to_vec()
            }
        };
        traces.extend(texts.into_iter().map(|t| (t.clone(), t.into_bytes())));
        traces.push((format!("{ip} in binary"), raw));
    }
    for mac in macs {
        let text = mac.to_string();
        for text in [text.clone(), text.replace(':', "-"), text.replace(':', "")] {
            traces.push((text.clone(), text.into_bytes()));
        }
        traces.push((format!("{mac} in binary"), mac.0.to_vec()));
    }
    traces
}

fn digits(n: u8) -> u8 {
    u8::try_from(n.to_string().len()).unwrap()
}

fn assert_no_trace(name: &str, bytes: &[u8], traces: &[(String, Vec<u8>)]) {
    for (what, trace) in traces {
        let found = bytes.windows(trace.len()).any(|w| w == trace.as_slice());
        assert!(!found, "{name} shows {what}");
    }
}

#[test]
fn verdicts_stay_and_no_client_is_named() {
    let (mut differences, mut kept) = (Vec::new(), 0);
    for (path, _) in captures() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let report = without_secrets(&path);
        let all: Vec<&Finding> = report.findings.iter().collect();
        let (bytes, written) = hidden(&path, &report, &all, false);
        kept += written.kept;
        let hider = Redaction {
            key: KEY,
            sites: false,
        }
        .hider(&report);
        assert_no_trace(&name, &bytes, &traces(&path, &hider));
        let again = explain(read_back(bytes), None);
        let of = |report: &Report, shown: &dyn Fn(IpAddr) -> IpAddr| -> Vec<String> {
            let line = |f: &Finding| {
                let client = shown(f.client.ip);
                let site = f.verdict.site.clone().map(|site| {
                    site.parse::<IpAddr>()
                        .map_or(site, |ip| shown(ip).to_string())
                });
                let verdict = &f.verdict;
                format!(
                    "{} {} {client} {:?} {site:?} {:?} {:?} {:?}",
                    f.host,
                    f.at.as_nanos(),
                    verdict.outcome,
                    verdict.confidence,
                    verdict.cause,
                    f.answer.signature,
                )
            };
            report.findings.iter().map(line).collect()
        };
        let (before, after) = (of(&report, &|ip| hider.shown(ip)), of(&again, &|ip| ip));
        if before != after {
            let missing = before
                .iter()
                .filter(|l| !after.contains(l))
                .map(|l| ('-', l));
            let new = after
                .iter()
                .filter(|l| !before.contains(l))
                .map(|l| ('+', l));
            differences.extend(missing.chain(new).map(|(c, l)| format!("{name} {c} {l}")));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(kept > 1_000, "{kept}");
}

#[test]
fn with_sites_hidden_nothing_tells_them() {
    for (path, _) in captures() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let report = without_secrets(&path);
        let all: Vec<&Finding> = report.findings.iter().collect();
        let (bytes, _) = hidden(&path, &report, &all, true);
        let hider = Redaction {
            key: KEY,
            sites: true,
        }
        .hider(&report);
        let mut traces = traces(&path, &hider);
        let sites = report
            .handshakes
            .iter()
            .filter_map(|h| h.site.name())
            .map(Cow::into_owned);
        for site in sites.filter(|site| site.parse::<IpAddr>().is_err()) {
            let labels: Vec<u8> = site
                .split('.')
                .flat_map(|label| {
                    let length = u8::try_from(label.len()).unwrap();
                    std::iter::once(length).chain(label.bytes())
                })
                .collect();
            traces.push((format!("{site} in DNS"), labels));
            traces.push((site.clone(), site.into_bytes()));
        }
        let shown = report
            .handshakes
            .iter()
            .flat_map(|h| h.chain.iter().take(1));
        for serial in shown.map(|c| &c.serial) {
            traces.push((serial.to_string(), serial.to_string().into_bytes()));
            traces.push((format!("{serial} in binary"), serial.as_bytes().to_vec()));
        }
        assert_no_trace(&name, &bytes, &traces);
        assert!(explain(read_back(bytes), None).findings.len() <= report.findings.len());
    }
}

#[test]
fn the_comment_tells_what_was_done_and_not_what_was_asked() {
    let path = lab().join("01a-firefox-ocsp-tls12.pcap");
    let report = without_secrets(&path);
    let (bytes, written) = hidden(&path, &report, &[&report.findings[0]], false);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("made anew with pseudonyms") && !text.contains("client:10.0.0.5"));
    assert!(written.kept > 0 && written.kept < written.of);
}
