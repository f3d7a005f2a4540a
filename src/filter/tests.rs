use proptest::prelude::*;

use super::*;
use crate::report::sample;

/// Ids of the sample's findings that pass.
fn ids(expression: &str) -> Vec<u64> {
    let (report, _) = sample::report();
    let filter = Filter::parse(expression).unwrap();
    report
        .findings
        .iter()
        .filter(|f| filter.matches(f, &report))
        .map(|f| f.id.0)
        .collect()
}

#[test]
fn each_field_selects() {
    for (expression, expected) in [
        ("", (1..=10).collect::<Vec<u64>>()),
        ("kind:issuer", vec![4]),
        ("kind:issuer,ocsp", vec![1, 2, 4, 5, 7]),
        ("-kind:crl", vec![1, 2, 4, 5, 7]),
        ("site:shop.example kind:crl", vec![3]),
        ("site:example kind:issuer", vec![4]),
        ("site:leafonly", vec![4]),
        ("site:eafonly", vec![]),
        ("site:*only*", vec![4]),
        ("host:r10", vec![1, 2, 8]),
        ("host:c.lencr.org -host:r11", vec![3, 8, 10]),
        ("verdict:unexplained -alert:*", vec![6]),
        ("verdict:one-of,any-under", vec![3, 10]),
        ("confidence:>=strong kind:crl", vec![3, 8]),
        ("confidence:<strong -verdict:unexplained", vec![7, 10]),
        ("cause:stapling", vec![5]),
        ("alert:high", vec![8]),
        ("alert:>=low", vec![7, 8, 9]),
        ("alert:odd-*", vec![8]),
        ("serial:03ab", vec![1, 2]),
        ("serial:03:AB:CD", vec![1, 2]),
        ("client:10.0.0.0/8 id:3", vec![3]),
        ("client:11.0.0.0/8", vec![]),
        ("client:10.0.* id:>9", vec![10]),
        ("device:aa:bb:cc:00:11:22 id:<=1", vec![1]),
        ("status:304", vec![10]),
        ("shard:58", vec![6, 9]),
        ("answer:good", vec![1, 2, 5]),
        ("delay:>100ms", vec![1, 2]),
        ("delay:>0.2s", vec![]),
        ("agent:cryptoapi", vec![3]),
        ("\"windows cryptoapi\"", vec![3]),
        ("upload", vec![8]),
        ("issuer:\"ISRG Root X1\"", vec![3]),
    ] {
        assert_eq!(ids(expression), expected, "{expression}");
    }
}

#[test]
fn orders_keep_every_finding() {
    let order = |sort: Sort| -> Vec<u64> {
        let (mut report, _) = sample::report();
        sort.apply(&mut report.findings);
        report.findings.iter().map(|f| f.id.0).collect()
    };
    for sort in Sort::ALL {
        let mut ids = order(sort);
        ids.sort_unstable();
        assert_eq!(ids, (1..=10).collect::<Vec<u64>>(), "{}", sort.word());
    }
    assert_eq!(order(Sort::Time)[..3], [1, 2, 3]);
    assert_eq!(order(Sort::Alerts)[..3], [8, 9, 7]);
    assert_eq!(order(Sort::Delay)[..3], [1, 2, 3]);
    assert_eq!(order(Sort::Confidence)[7..], [8, 6, 9]);
}

#[test]
fn errors_say_where_and_what_would_be_right() {
    let (report, _) = sample::report();
    for (expression, at, part) in [
        ("kind:ocsp sight:a", 10, "the fields are kind,"),
        ("kind:ocp", 5, "one of ocsp, crl"),
        ("kind:ocsp,", 10, "needs one of"),
        ("-client:ten", 8, "no address"),
        ("client:10.0.0.0/33", 7, "no address"),
        ("kind:>ocsp", 5, "no order"),
        ("serial:xyz", 7, "hexadecimal"),
        ("delay:>soon", 6, "100ms"),
        ("a \"b", 2, "quotation mark"),
        ("alert:>odd", 6, "no severity"),
    ] {
        let error = Filter::parse(expression).unwrap_err();
        assert_eq!(error.at, at, "{expression}");
        assert!(error.message.contains(part), "{expression}: {error}");
    }
    assert!(completions("sight:", 6, &report).is_empty());
}

#[test]
fn completion_offers_fields_words_and_what_occurs() {
    let (report, _) = sample::report();
    let texts = |expression: &str| -> Vec<String> {
        completions(expression, expression.len(), &report)
            .into_iter()
            .map(|c| c.text)
            .collect()
    };
    assert_eq!(texts("kind:crl -conf"), ["confidence:"]);
    assert_eq!(texts("kind:o"), ["ocsp"]);
    assert_eq!(texts("kind:crl,i"), ["issuer"]);
    assert_eq!(texts("site:sh"), ["shop.example"]);
    assert_eq!(texts("confidence:>=pro"), ["proven"]);
    let one = &completions("kind:crl si", 11, &report)[0];
    assert_eq!((one.range.clone(), one.text.as_str()), (9..11, "site:"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_understood_or_refused_in_place(
        text in "[-!a-z:*<>=,\"0-9./ é]{0,40}",
        cursor in 0_usize..50,
    ) {
        let (report, _) = sample::report();
        match Filter::parse(&text) {
            Ok(filter) => {
                let _ = report.findings.iter().filter(|f| filter.matches(f, &report)).count();
            }
            Err(error) => prop_assert!(text.get(error.at..error.at + error.length).is_some()),
        }
        for completion in completions(&text, cursor, &report) {
            prop_assert!(text.get(completion.range).is_some());
        }
    }

    #[test]
    fn a_negated_term_selects_the_rest(kind in "ocsp|crl|issuer|\\*") {
        let mut all = ids(&format!("kind:{kind}"));
        all.extend(ids(&format!("-kind:{kind}")));
        all.sort_unstable();
        prop_assert_eq!(all, (1..=10).collect::<Vec<u64>>());
    }
}
