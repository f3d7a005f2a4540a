//! Facts around the findings: dossiers of triggers, servers, outages, what was given away.

use whylencr::finding::health::Fault;
use whylencr::finding::{Learned, Oddity, Report, Signature, Visibility, Way};
use whylencr::time::Span;

use crate::notation::case;

fn report(lines: &str) -> Report {
    let head = "case facts\nbecause they are seen (RFC 5280)\nexpect none\n";
    case(&format!("{head}{lines}")).report()
}

#[test]
fn a_dossier_tells_what_the_capture_shows_of_a_trigger() {
    let report = report(
        "cert A a.example,b.example by R10 ocsp days -3 3
         cert W w.example by R10
         0    dns 10.0.0.5 w.example -> 192.0.2.9
         1    dns 10.0.0.6 a.example -> 192.0.2.1
         100  tls 10.0.0.6 -> 192.0.2.1:4444 a.example shows A R10 ja4 t13i1 ends 900
         1s   tls 10.0.0.5 -> 192.0.2.1:4444 b.example shows A R10 ja4 t13i2 ends 1900
         2s   tls 10.0.0.5 -> 192.0.2.9 w.example shows W R10 ja4 t13i1
         9s   tls 10.0.0.5 -> 192.0.2.1:4444 a.example shows A R10 ja4 t13i2 data 9090 ends 9900
         9030 fetch 10.0.0.5 -> 192.0.2.80 ocsp A revoked in 20",
    );
    let finding = report.findings.first().expect("a finding");
    let handshake = finding.candidates.first().expect("a trigger").handshake;
    let dossier = report.dossier(handshake).expect("a dossier");
    assert_eq!((dossier.visits, dossier.devices), (1, 2));
    assert!(
        matches!(&dossier.learned, Learned::OtherDevice { name, .. } if name.as_str() == "a.example")
    );
    let shown = dossier.certificate.as_ref().expect("a leaf");
    assert_eq!(shown.visibility, Visibility::Clear);
    assert_eq!(shown.lifetime, Span::from_secs(6 * 86_400));
    assert_eq!(shown.age, Span::from_secs(3 * 86_400 + 9));
    assert_eq!(dossier.same_certificate.names, ["b.example"]);
    assert_eq!(dossier.same_address.names, ["b.example"]);
    let print = &dossier.fingerprint;
    assert_eq!((print.handshakes, print.devices, print.of), (2, 1, 4));
    assert_eq!((dossier.bytes, dossier.counted), ([900, 2_000], 1));
    assert_eq!(dossier.oddities, [Oddity::Port(4444)]);
    assert_eq!(dossier.later_alerts, [finding.id]);
    assert_eq!(dossier.period, None);
}

#[test]
fn an_address_that_was_never_looked_up_and_steady_visits_show() {
    let report = report(
        "cert A a.example by R10 ocsp days -90 -1
         0    dns 10.0.0.5 w.example -> 192.0.2.9
         500  tls 10.0.0.5 -> 192.0.2.9 w.example
         each 5 every 60s from 1s tls 10.0.0.5 -> 192.0.2.1 other.example shows A R10 ends 250s
         241100 fetch 10.0.0.5 -> 192.0.2.80 ocsp A good in 20",
    );
    let dossier = report.dossiers.first().expect("a dossier");
    assert_eq!(dossier.learned, Learned::Never);
    let period = dossier.period.expect("a period");
    assert_eq!((period.every, period.visits), (Span::from_secs(60), 5));
    assert_eq!(dossier.oddities, [Oddity::OtherName, Oddity::Expired]);
}

fn faults(report: &Report) -> Vec<Fault> {
    let servers = report.servers.iter();
    servers
        .flat_map(|s| &s.problems)
        .map(|p| p.what.clone())
        .collect()
}

#[test]
fn a_missing_intermediate_costs_what_its_fetch_held_back() {
    let report = report(
        "cert A a.example by R10 aia
         0    tls 10.0.0.5 -> 192.0.2.1 a.example shows A on 90 data 95
         30   fetch 10.0.0.5 -> 192.0.2.80 issuer A in 20 by chromium",
    );
    let [server] = report.servers.as_slice() else {
        panic!("one server")
    };
    let [problem] = server.problems.as_slice() else {
        panic!("one problem: {:?}", server.problems)
    };
    assert!(
        matches!(&problem.what, Fault::MissingIntermediate { issuer, url: Some(_) } if issuer == "R10")
    );
    assert_eq!((server.cost.fetches, server.cost.held), (1, 1));
    assert_eq!(server.cost.total, Span::from_millis(80));
}

#[test]
fn chains_in_good_order_have_no_fault() {
    let with = |date: &str, chain: &str| {
        faults(&report(&format!(
            "date {date}
             cert A a.example by E5 crl
             0 tls 10.0.0.5 -> 192.0.2.1 a.example shows A {chain}"
        )))
    };
    assert_eq!(with("2026-01-01", "E5"), []);
    assert_eq!(with("2026-01-01", "E5 X2x"), []);
    assert_eq!(with("2026-01-01", "X2x E5"), [Fault::WrongOrder]);
    let root = with("2026-01-01", "E5 X2");
    assert!(
        matches!(root.as_slice(), [Fault::UnneededRoot(name, 1..)] if name == "ISRG Root X2"),
        "{root:?}"
    );
    let expired = with("2041-01-01", "E5 X2x");
    let names: Vec<&str> = expired
        .iter()
        .filter_map(|fault| match fault {
            Fault::ExpiredCa(name, _) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["E5", "ISRG Root X2"]);
}

#[test]
fn staples_are_read_checked_and_aged() {
    let with = |staple: &str, ocsp: &str| {
        report(&format!(
            "date 2025-03-01
             cert A a.example by R10 {ocsp}
             cert B b.example by R10 ocsp
             0 tls 10.0.0.5 -> 192.0.2.1 a.example wants-staple shows A R10 {staple}"
        ))
    };
    let good = with("staple A", "ocsp must-staple");
    assert_eq!(faults(&good), []);
    let staple = good.servers[0].staple.expect("a staple");
    assert_eq!(staple.signature, Signature::Verified);
    let two_days = Span::from_secs(2 * 86_400).as_nanos();
    let beyond = staple.age.expect("an age").as_nanos() - two_days;
    assert!((0..1_000_000_000).contains(&beyond));
    assert_eq!(
        faults(&with("", "ocsp must-staple")),
        [Fault::MustStapleUnmet(1)]
    );
    assert_eq!(
        faults(&with("staple A stale", "ocsp")),
        [Fault::StapleStale]
    );
    assert_eq!(
        faults(&with("staple A revoked", "ocsp")),
        [Fault::StapleRevoked]
    );
    assert_eq!(faults(&with("staple B", "ocsp")), [Fault::StapleOther]);
}

#[test]
fn a_dead_responder_is_one_from_the_day_it_was_switched_off() {
    let on = |date: &str| {
        report(&format!(
            "date {date}
             cert A a.example by R10 ocsp
             0 tls 10.0.0.5 -> 192.0.2.1 a.example shows A R10"
        ))
    };
    assert_eq!(faults(&on("2025-08-01")), []);
    assert!(matches!(
        faults(&on("2025-08-07")).as_slice(),
        [Fault::DeadOcsp(_)]
    ));
}

#[test]
fn an_outage_tells_since_when_for_whom_and_who_failed_open() {
    let report = report(
        "cert A a.example by R10 ocsp
         cert S s.example by R10 ocsp
         0    tls 10.0.0.4 -> 192.0.2.3 s.example wants-staple shows S R10 staple S
         1s   tls 10.0.0.5 -> 192.0.2.1 a.example shows A R10 data 1060
         1020 dns 10.0.0.5 r10.o.lencr.org fails servfail in 15
         2s   tls 10.0.0.6 -> 192.0.2.1 a.example shows A R10 alert 46 2060
         2020 dns 10.0.0.6 r10.o.lencr.org fails servfail in 15
         9020 dns 10.0.0.7 e5.o.lencr.org fails servfail in 15
         600s dns 10.0.0.5 r10.o.lencr.org -> 192.0.2.80
         601s connect 10.0.0.5 -> 192.0.2.80 open",
    );
    let [outage] = report.outages.as_slice() else {
        panic!("one outage: {:?}", report.outages)
    };
    assert_eq!(outage.way, Way::Lookup);
    assert_eq!((outage.failed, outage.succeeded), (3, 0));
    assert_eq!(outage.until.since(outage.since), Span::from_secs(8));
    assert!(outage.over_at.is_some());
    assert_eq!((outage.failed_open, outage.failed_closed), (1, 1));
    assert_eq!(outage.devices.len(), 3);
    let hosts: Vec<(&str, u64)> = outage.hosts.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    assert_eq!(hosts, [("r10.o.lencr.org", 2), ("e5.o.lencr.org", 1)]);
    assert_eq!(outage.resolvers, [std::net::IpAddr::from([10, 0, 0, 1])]);
    let [staple] = outage.staples.as_slice() else {
        panic!("one staple")
    };
    assert_eq!(staple.site, "s.example");
    let rules: Vec<&str> = report.alerts.iter().map(|a| a.rule).collect();
    assert_eq!(rules, ["outage"]);
}

#[test]
fn ocsp_gives_away_what_ech_hides() {
    let report = report(
        "cert A a.example by R10 ocsp
         cert B b.example by R10 ocsp
         knows A
         0    tls 10.0.0.5 -> 192.0.2.1 cloudflare-ech.com ech 1.3 on 90
         30   fetch 10.0.0.5 -> 192.0.2.80 ocsp A good in 20
         1s   dns 10.0.0.5 b.example -> 192.0.2.2
         1010 tls 10.0.0.5 -> 192.0.2.2 b.example shows B R10 data 1090
         1030 fetch 10.0.0.5 -> 192.0.2.80 ocsp B good in 20",
    );
    let sites = &report.privacy.sites;
    let known = |site: &str| sites.iter().find(|s| s.site == site);
    assert!(known("a.example").expect("given away").by_ocsp_alone());
    let b = known("b.example").expect("given away");
    assert!(!b.by_ocsp_alone() && !b.lookups.is_empty() && !b.server_names.is_empty());
    assert!(known("cloudflare-ech.com").is_none());
    assert_eq!(report.privacy.unknown_serials, 0);
}

#[test]
fn a_list_is_held_against_both_addresses_that_name_it() {
    let place = |fetch: &str| {
        let report = report(&format!(
            "cert A a.example by R10 crl 5
             cert B b.example by R10 crl 9
             0    tls 10.0.0.5 -> 192.0.2.1 a.example shows A R10 data 60
             30   fetch 10.0.0.5 -> 192.0.2.80 crl {fetch} in 20"
        ));
        let finding = report.findings.first().expect("a finding");
        let place = finding.answer.place.expect("a list");
        (place.own, place.named, finding.answer.signature)
    };
    assert_eq!(place("A"), (Some(true), Some(true), Signature::Verified));
    let elsewhere = place("A point http://r10.c.lencr.org/9.crl");
    assert_eq!(elsewhere, (Some(false), Some(true), Signature::Unfit));
    // Of another shard than the one certificate in sight names: no trigger.
    assert_eq!(place("B"), (Some(true), None, Signature::Verified));
}

#[test]
fn a_list_speaks_of_certificates_that_it_covers() {
    // The serial is listed, but the certificate's own list is another one.
    let report = report(
        "cert A a.example by R10 crl 5
         cert B b.example by R10 crl 9
         0    tls 10.0.0.5 -> 192.0.2.2 b.example shows B R10 data 20
         1s   tls 10.0.0.5 -> 192.0.2.1 a.example shows A R10 data 1090
         1030 fetch 10.0.0.5 -> 192.0.2.80 crl A lists A B in 20",
    );
    let finding = report.findings.first().expect("a finding");
    let revoked: Vec<_> = finding.answer.revoked_seen.iter().map(|(s, _)| s).collect();
    assert_eq!(revoked.len(), 1, "{revoked:?}");
    assert_eq!(Some(revoked[0]), finding.candidates[0].serial.as_ref());
}

#[test]
fn advice_about_a_revocation_names_the_site_that_showed_the_certificate_or_none() {
    use whylencr::report::prose::advice;
    let of = |listed: &str| {
        let report = report(&format!(
            "cert A a.example by R10 crl 5
             cert B b.example by R10 crl 5
             0    tls 10.0.0.6 -> 192.0.2.2 b.example shows B R10 data 20 ends 100
             1s   tls 10.0.0.5 -> 192.0.2.1 a.example shows A R10 data 1090
             1030 fetch 10.0.0.5 -> 192.0.2.80 crl A lists {listed} in 20"
        ));
        let finding = report.findings.first().expect("a finding");
        assert_eq!(finding.verdict.site.as_deref(), Some("a.example"));
        advice(finding).expect("advice")
    };
    assert!(of("A").contains("a.example"));
    assert!(!of("B").contains("a.example"));
}
