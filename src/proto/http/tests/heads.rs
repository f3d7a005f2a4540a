use crate::event::TargetForm;
use crate::proto::http::head;

#[test]
fn targets_come_in_four_forms() {
    for (target, form, host, port, path) in [
        (
            "/x?y",
            TargetForm::Origin,
            "Front.Example:81",
            Some(81),
            "/x?y",
        ),
        (
            "http://r10.c.lencr.org/9.crl",
            TargetForm::Absolute,
            "proxy",
            None,
            "/9.crl",
        ),
        (
            "HTTP://u:p@h.example:99?q",
            TargetForm::Absolute,
            "proxy",
            Some(99),
            "/?q",
        ),
        ("*", TargetForm::Asterisk, "h.example", None, "*"),
        (
            "/v6",
            TargetForm::Origin,
            "[2001:db8::1]:80",
            Some(80),
            "/v6",
        ),
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nHost: other\r\n\r\n");
        let request = head::request(bytes.as_bytes()).unwrap();
        assert_eq!((request.form, request.port), (form, port), "{target}");
        assert_eq!(request.path, path);
        let expected = match target {
            "/x?y" => "front.example",
            "/v6" => "2001:db8::1",
            "http://r10.c.lencr.org/9.crl" => "r10.c.lencr.org",
            _ => "h.example",
        };
        assert_eq!(request.host.unwrap().as_str(), expected);
    }
}

#[test]
fn odd_heads_are_read_all_the_same() {
    let bytes = b"GET   /a\xc3\xa9   HTTP/1.0\nHost : h.example\nBad Header\nX-Y: \xff\nIf-None-Match: \"1\"\n\n";
    let request = head::request(bytes).unwrap();
    assert_eq!(request.path, "/aé");
    assert!(request.conditional);
    let many = format!(
        "GET / HTTP/1.1\r\nHost: h.example\r\n{}\r\n",
        "A: b\r\n".repeat(500)
    );
    let request = head::request(many.as_bytes()).unwrap();
    assert_eq!(request.host.unwrap().as_str(), "h.example");
}

#[test]
fn spaces_in_a_target_are_escaped() {
    let bytes = b"GET /cgi;cat /etc/passwd| HTTP/1.1\r\nHost: h.example\r\n\r\n";
    let request = head::request(bytes).unwrap();
    assert_eq!(request.path, "/cgi;cat%20/etc/passwd|");
    assert_eq!(request.host.unwrap().as_str(), "h.example");
}

#[test]
fn requests_are_told_from_other_talk() {
    use crate::proto::Probe;
    for (bytes, probe) in [
        (&b"GET /"[..], Probe::Yes),
        (b"CONNECT a", Probe::Yes),
        (b"GET . HTTP/1.0\r\n", Probe::Yes),
        (b"BREW /pot HTTP/1.1\r\n", Probe::Yes),
        (b"BREW /pot", Probe::NeedMore),
        (b"GE", Probe::NeedMore),
        (b"OPTIONS rtsp://h/ RTSP/1.0\r\n", Probe::No),
        (b"PRI * HTTP/2.0\r\n", Probe::No),
        (b"EHLO /x\r\n", Probe::No),
        (b"get /", Probe::No),
        (b"\x16\x03\x01", Probe::No),
        (b"\r", Probe::NeedMore),
        (b"\r\n", Probe::NeedMore),
        (b"\r\nGET / HTTP/1.1", Probe::Yes),
        (b"\r\n\x16\x03\x01", Probe::No),
    ] {
        assert_eq!(head::looks_like_request(bytes), probe, "{bytes:?}");
    }
}
