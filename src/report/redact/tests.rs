use super::*;
use crate::report::{Format, Options, sample, write};

const FORMATS: [Format; 6] = [
    Format::Text,
    Format::Ndjson,
    Format::Json,
    Format::Csv,
    Format::Markdown,
    Format::Html,
];

fn shown(report: &Report, options: &Options) -> String {
    let mut out = Vec::new();
    for format in FORMATS {
        write(format, report, options, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn no_format_shows_what_was_hidden() {
    let (mut report, options) = sample::report();
    for alert in &mut report.alerts {
        alert.subject = "10.0.0.5: shop.example, serial 03abcd.".into();
    }
    let before = shown(&report, &options);
    let secrets = [
        "10.0.0.5",
        "aa:bb:cc:00:11:22",
        "shop.example",
        "leafonly.example",
        "near.example",
        "03abcd",
        "93.184.216.34",
        "MFMwUTBP",
        "www.own.example",
    ];
    for secret in secrets {
        assert!(before.contains(secret), "{secret}");
    }
    let after = shown(
        &Redaction {
            key: [7; 32],
            sites: true,
        }
        .apply(&report),
        &options,
    );
    for secret in secrets {
        assert!(!after.contains(secret), "{secret}");
    }
    assert!(after.contains("r10.o.lencr.org") && after.contains("23.2.77.119"));
}

#[test]
fn without_sites_only_the_client_side_is_hidden() {
    let (report, options) = sample::report();
    let after = shown(
        &Redaction {
            key: [7; 32],
            sites: false,
        }
        .apply(&report),
        &options,
    );
    assert!(!after.contains("10.0.0.5") && !after.contains("aa:bb:cc:00:11:22"));
    assert!(
        after.contains("shop.example")
            && after.contains("03abcd")
            && after.contains("93.184.216.34")
    );
}

#[test]
fn pseudonyms_are_stable_and_depend_on_the_key() {
    let (one, other) = (
        Redaction {
            key: [1; 32],
            sites: true,
        },
        Redaction {
            key: [2; 32],
            sites: true,
        },
    );
    let ip: IpAddr = "10.0.0.5".parse().unwrap();
    let six: IpAddr = "fd00::5".parse().unwrap();
    assert_eq!(one.ip(ip), one.ip(ip));
    assert_ne!(one.ip(ip), other.ip(ip));
    assert!(one.ip(ip).to_string().starts_with("24") || one.ip(ip).to_string().starts_with("25"));
    assert!(one.ip(six).to_string().starts_with("2001:db8:"));
    assert_eq!(one.mac(Mac([1, 2, 3, 4, 5, 6])).0[0], 0x02);
    assert_ne!(one.name("a.example"), one.name("b.example"));
    assert!(!format!("{one:?}").contains('1'));
}

#[test]
fn verdicts_and_candidates_keep_agreeing() {
    let (report, _) = sample::report();
    let hidden = Redaction {
        key: [7; 32],
        sites: true,
    }
    .apply(&report);
    let finding = &hidden.findings[0];
    assert_eq!(
        finding.verdict.site.as_deref(),
        finding.candidates[0].site.name().as_deref()
    );
    assert_eq!(
        finding.candidates[0].serial.as_ref(),
        finding.asked.serials.first()
    );
}
