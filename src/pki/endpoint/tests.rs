use proptest::prelude::*;

use super::*;

fn role(name: &str) -> HostRole {
    host_role(name).unwrap_or_else(|| panic!("{name} is watched"))
}

#[test]
fn hosts_under_lencr_org_follow_their_grammar() {
    for (name, service, label, ca, staging) in [
        ("r3.o.lencr.org", Service::Ocsp, "r3", Some("R3"), false),
        ("e6.i.lencr.org", Service::Issuer, "e6", Some("E6"), false),
        ("YE2.C.Lencr.Org.", Service::Crl, "ye2", Some("YE2"), false),
        (
            "x1.c.lencr.org",
            Service::Crl,
            "x1",
            Some("ISRG Root X1"),
            false,
        ),
        (
            "yr.i.lencr.org",
            Service::Issuer,
            "yr",
            Some("Root YR"),
            false,
        ),
        (
            "stg-x2.i.lencr.org",
            Service::Issuer,
            "x2",
            Some("(STAGING) Bogus Broccoli X2"),
            true,
        ),
        (
            "stg-r11.c.lencr.org",
            Service::Crl,
            "r11",
            Some("(STAGING) Wannabe Watercress R11"),
            true,
        ),
        (
            "stg-dst3.c.lencr.org",
            Service::Crl,
            "dst3",
            Some("(STAGING) Doctored Durian Root CA X3"),
            true,
        ),
        ("prod.c.lencr.org", Service::Crl, "prod", None, false),
        // CAs that may come.
        ("r15.c.lencr.org", Service::Crl, "r15", None, false),
        ("ye4.i.lencr.org", Service::Issuer, "ye4", None, false),
        ("yr9.c.lencr.org", Service::Crl, "yr9", None, false),
        ("zr.c.lencr.org", Service::Crl, "zr", None, false),
        ("x3.i.lencr.org", Service::Issuer, "x3", None, false),
        ("stg-ye1.c.lencr.org", Service::Crl, "ye1", None, true),
    ] {
        let expected = HostRole {
            service,
            label: Some(label.to_owned()),
            ca,
            staging,
            predecessor: false,
            grammatical: true,
        };
        assert_eq!(role(name), expected, "{name}");
    }
    for name in ["lencr.org", "www.lencr.org", "LENCR.ORG."] {
        assert_eq!(
            (role(name).service, role(name).grammatical),
            (Service::Page, true)
        );
    }
    // Name minimisation asks for the zone cuts.
    assert!(role("c.lencr.org").grammatical);
}

#[test]
fn invented_names_under_lencr_org_are_watched_and_told() {
    for (name, service) in [
        ("cps.lencr.org", Service::Unknown),
        ("x.lencr.org", Service::Unknown),
        ("mzxw6ytboi.c.lencr.org", Service::Crl),
        ("r3x.o.lencr.org", Service::Ocsp),
        ("r03.o.lencr.org", Service::Ocsp),
        ("r100.o.lencr.org", Service::Ocsp),
        ("stg-stg-r3.o.lencr.org", Service::Ocsp),
        ("stg-.o.lencr.org", Service::Ocsp),
        ("dst3.c.lencr.org", Service::Crl),
        ("prod.o.lencr.org", Service::Ocsp),
        ("a.r3.o.lencr.org", Service::Unknown),
        ("www.o.lencr.org", Service::Ocsp),
        ("_dmarc.lencr.org", Service::Unknown),
        (".lencr.org", Service::Unknown),
    ] {
        if name.starts_with('.') {
            assert_eq!(host_role(name), None);
            continue;
        }
        let seen = role(name);
        assert_eq!(
            (seen.service, seen.grammatical, seen.ca),
            (service, false, None),
            "{name}"
        );
    }
}

#[test]
fn predecessors_are_watched() {
    for (name, service, ca, staging) in [
        (
            "ocsp.int-x3.letsencrypt.org",
            Service::Ocsp,
            "Let's Encrypt Authority X3",
            false,
        ),
        (
            "cert.int-x1.letsencrypt.org",
            Service::Issuer,
            "Let's Encrypt Authority X1",
            false,
        ),
        (
            "ocsp.root-x1.letsencrypt.org",
            Service::Ocsp,
            "ISRG Root X1",
            false,
        ),
        (
            "crl.root-x1.letsencrypt.org",
            Service::Crl,
            "ISRG Root X1",
            false,
        ),
        (
            "cert.stg-root-x1.letsencrypt.org",
            Service::Issuer,
            "Fake LE Root X1",
            true,
        ),
        (
            "isrg.trustid.ocsp.identrust.com",
            Service::Ocsp,
            "DST Root CA X3",
            false,
        ),
        (
            "apps.identrust.com",
            Service::Issuer,
            "DST Root CA X3",
            false,
        ),
        ("crl.identrust.com", Service::Crl, "DST Root CA X3", false),
    ] {
        let seen = role(name);
        assert!(seen.predecessor && seen.grammatical, "{name}");
        assert_eq!(
            (seen.service, seen.ca, seen.staging),
            (service, Some(ca), staging),
            "{name}"
        );
    }
}

#[test]
fn other_names_are_not_watched() {
    for name in [
        "",
        ".",
        "org",
        "notlencr.org",
        "xlencr.org",
        "lencr.org.evil.example",
        "lencr.com",
        "letsencrypt.org",
        "www.letsencrypt.org",
        "acme-v02.api.letsencrypt.org",
        "ocsp.int-x9.letsencrypt.org",
        "crl.int-x3.letsencrypt.org",
        "ocsp.int-x3.letsencrypt.org.edgesuite.net",
        "commercial.ocsp.identrust.com",
        "identrust.com",
        "evil-apps.identrust.com",
    ] {
        assert_eq!(host_role(name), None, "{name}");
    }
}

#[test]
fn paths_say_what_is_asked() {
    let question = "/MFMwUTBPME0wSzAJBgUrDgMCGgUABBRI2smg%2ByvTLU%2Fw3mjS9We3NfmzxAQUFC6zF7dYVsuuUAlA5h%2BvnYsUwsYCEgPhRoKo9j3s9BxRPIIeVMvjRg%3D%3D";
    for (host, method, path, expected) in [
        ("r3.o.lencr.org", "POST", "/", PathRole::OcspPost),
        ("r3.o.lencr.org", "POST", "", PathRole::OcspPost),
        ("r3.o.lencr.org", "POST", "/upload", PathRole::Odd),
        ("r3.o.lencr.org", "GET", question, PathRole::OcspGet),
        ("r3.o.lencr.org", "GET", "/", PathRole::HealthRoot),
        (
            "r3.o.lencr.org",
            "GET",
            "/MFMwUTBPME0wSzAJBgUrDgMCGgUA",
            PathRole::Odd,
        ),
        ("r3.o.lencr.org", "PUT", question, PathRole::Odd),
        (
            "ocsp.int-x3.letsencrypt.org",
            "GET",
            question,
            PathRole::OcspGet,
        ),
        ("ye2.c.lencr.org", "GET", "/58.crl", PathRole::Shard(58)),
        ("ye2.c.lencr.org", "HEAD", "/128.crl", PathRole::Shard(128)),
        ("ye2.c.lencr.org", "GET", "/129.crl", PathRole::Odd),
        ("ye2.c.lencr.org", "GET", "/0.crl", PathRole::Odd),
        ("ye2.c.lencr.org", "GET", "/058.crl", PathRole::Odd),
        ("ye2.c.lencr.org", "GET", "/58.crl?x=1", PathRole::Odd),
        ("ye2.c.lencr.org", "GET", "/", PathRole::Odd),
        ("ye2.c.lencr.org", "POST", "/58.crl", PathRole::Odd),
        (
            "ye2.c.lencr.org",
            "GET",
            "/99999999999999999999.crl",
            PathRole::Odd,
        ),
        ("r15.c.lencr.org", "GET", "/7.crl", PathRole::Shard(7)),
        ("x1.c.lencr.org", "GET", "/", PathRole::RootCrl),
        ("x1.c.lencr.org", "GET", "/1.crl", PathRole::Odd),
        ("ye.c.lencr.org", "GET", "", PathRole::RootCrl),
        (
            "prod.c.lencr.org",
            "GET",
            "/20506757847264211/5.crl",
            PathRole::Shard(5),
        ),
        ("prod.c.lencr.org", "GET", "/5.crl", PathRole::Odd),
        ("crl.root-x1.letsencrypt.org", "GET", "/", PathRole::RootCrl),
        ("e7.i.lencr.org", "GET", "/", PathRole::IssuerCert),
        ("e7.i.lencr.org", "POST", "/", PathRole::Odd),
        ("e7.i.lencr.org", "GET", "/x", PathRole::Odd),
        (
            "cert.int-x3.letsencrypt.org",
            "GET",
            "/",
            PathRole::IssuerCert,
        ),
        (
            "apps.identrust.com",
            "GET",
            "/roots/dstrootcax3.p7c",
            PathRole::IssuerCert,
        ),
        (
            "apps.identrust.com",
            "GET",
            "/roots/commercialrootca1.p7c",
            PathRole::Foreign,
        ),
        (
            "crl.identrust.com",
            "GET",
            "/DSTROOTCAX3CRL.crl",
            PathRole::RootCrl,
        ),
        (
            "crl.identrust.com",
            "GET",
            "/trustidcaa58.crl",
            PathRole::Foreign,
        ),
        ("lencr.org", "GET", "/", PathRole::Page),
        ("x.lencr.org", "GET", "/", PathRole::Odd),
    ] {
        assert_eq!(
            path_role(&role(host), method, path),
            expected,
            "{method} {host}{path}"
        );
    }
}

#[test]
fn shards_follow_from_serials_of_2025_and_later() {
    let shard = |prefix: u8, last: u8, len: usize| {
        let mut bytes = vec![0x5a; len];
        bytes[0] = prefix;
        bytes[len - 1] = last;
        shard_of(&Serial::new(&bytes))
    };
    assert_eq!(shard(5, 0x00, 18), Some(1));
    assert_eq!(shard(6, 0x39, 18), Some(58));
    assert_eq!(shard(6, 0xb9, 18), Some(58));
    assert_eq!(shard(7, 0xff, 18), Some(128));
    assert_eq!(shard(3, 0x39, 18), None);
    assert_eq!(shard(4, 0x39, 18), None);
    assert_eq!(shard(0xfa, 0x39, 18), None);
    assert_eq!(shard(5, 0x39, 17), None);
    assert_eq!(shard(5, 0x39, 19), None);
    assert_eq!(shard_of(&Serial::new(&[])), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_name_and_path_is_judged_without_panic(name: String, path: String, front in "[a-z0-9.-]{0,12}") {
        for name in [name.clone(), format!("{name}.lencr.org"), format!("{front}.o.lencr.org"), front] {
            let _ = crate::pki::lookalike::look_alike(&name);
            if let Some(role) = host_role(&name) {
                let _ = path_role(&role, "GET", &path);
            }
        }
    }

    #[test]
    fn shards_are_the_serial_modulo_128_plus_one(tail in proptest::collection::vec(any::<u8>(), 17)) {
        let bytes = [vec![6], tail].concat();
        let modulo = bytes.iter().fold(0_u32, |rest, byte| (rest * 256 + u32::from(*byte)) % SHARDS);
        prop_assert_eq!(shard_of(&Serial::new(&bytes)), Some(modulo + 1));
    }
}
