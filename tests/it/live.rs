//! Live capture beside real clients, in a network namespace of its own. Truth is what the test did.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, CrlDistributionPoint, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;

/// Set for the part that runs inside the namespace.
const INSIDE: &str = "WHYLENCR_TEST_INSIDE";
const SITE: &str = "shop.test";
const HOST: &str = "r10.c.lencr.org";

#[test]
fn live_findings_equal_what_was_done_and_what_a_file_says() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let name = format!("whylencr{}", std::process::id());
    let missing = ["openssl", "curl", "tcpdump"]
        .into_iter()
        .find(|tool| !quiet(Command::new("sh").args(["-c", &format!("command -v {tool}")])));
    if let Some(tool) = missing {
        eprintln!("SKIPPED: {tool} is not installed");
        return;
    }
    if !quiet(Command::new("ip").args(["netns", "add", &name])) {
        eprintln!("SKIPPED: no permission for network namespaces (run as root), or no ip(8)");
        return;
    }
    let status = Command::new("ip")
        .args(["netns", "exec", &name])
        .arg(std::env::current_exe().expect("the path of this test"))
        .args(["--nocapture", "live_findings_equal"])
        .env(INSIDE, "1")
        .status();
    assert!(quiet(Command::new("ip").args(["netns", "delete", &name])));
    assert!(status.expect("ip netns exec").success());
}

#[test]
#[cfg(target_os = "linux")]
fn reading_is_fenced_too() {
    let tool = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["--format", "text", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let tool = Ended(tool.expect("the tool"));
    let status = format!("/proc/{}/status", tool.0.id());
    let held = ["NoNewPrivs:\t1", "Seccomp:\t2"];
    until(|| {
        let status = fs::read_to_string(&status).unwrap_or_default();
        held.iter().all(|line| status.contains(line))
    });
}

fn inside() {
    assert!(quiet(Command::new("ip").args(["link", "set", "lo", "up"])));
    let folder = tempfile::tempdir().expect("a folder");
    let serial = certificate(folder.path());
    let servers = [
        Ended(
            Command::new("openssl")
                .args(["s_server", "-quiet", "-accept", "127.0.0.2:443", "-tls1_2"])
                .args(["-cert", "cert.pem", "-key", "key.pem"])
                .current_dir(&folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("openssl s_server"),
        ),
        Ended(
            Command::new("tcpdump")
                .args([
                    "-i",
                    "lo",
                    "--immediate-mode",
                    "-U",
                    "-w",
                    "beside.pcap",
                    "-Z",
                    "root",
                ])
                .current_dir(&folder)
                .stderr(Stdio::null())
                .spawn()
                .expect("tcpdump"),
        ),
    ];
    let names = UdpSocket::bind("127.0.0.53:53").expect("port 53");
    thread::spawn(move || answer_lookups(&names));
    let http = TcpListener::bind("127.0.0.3:80").expect("port 80");
    thread::spawn(move || answer_requests(&http));
    until(|| std::net::TcpStream::connect("127.0.0.2:443").is_ok());
    until(|| folder.path().join("beside.pcap").exists());

    let mut tool = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["-i", "lo", "--format", "ndjson"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool");
    let mut said = BufReader::new(tool.stderr.take().expect("its standard error"));
    let mut line = String::new();
    said.read_line(&mut line).expect("its first words");
    assert!(line.contains("capturing on lo"), "{line}");

    lookup(SITE);
    assert!(quiet(
        Command::new("openssl")
            .args(["s_client", "-connect", "127.0.0.2:443", "-servername", SITE])
            .stdin(Stdio::null())
    ));
    lookup(HOST);
    let url = format!("http://{HOST}/42.crl");
    let resolve = format!("{HOST}:80:127.0.0.3");
    assert!(quiet(Command::new("curl").args([
        "-s",
        "--noproxy",
        "*",
        "--resolve",
        &resolve,
        &url
    ])));
    // What was captured last reaches the files.
    thread::sleep(Duration::from_millis(300));
    interrupt(&tool);
    let mut records = String::new();
    let mut out = tool.stdout.take().expect("its standard output");
    out.read_to_string(&mut records).expect("records");
    assert_eq!(tool.wait().expect("its end").code(), Some(0));
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("its last words");
    assert!(rest.contains("none lost"), "{rest}");
    interrupt(&servers[1].0);
    thread::sleep(Duration::from_millis(200));

    let live = findings(&records);
    let [finding] = live.as_slice() else {
        panic!("one contact was made, and these were found: {records}");
    };
    assert_eq!(finding["kind"], "crl");
    assert_eq!(finding["stage"], "answered");
    assert_eq!(finding["url"], url.as_str());
    assert_eq!(finding["verdict"]["outcome"], "site", "{finding}");
    assert_eq!(finding["verdict"]["site"], SITE);
    assert_eq!(finding["candidates"][0]["serial"], serial.as_str());
    assert_eq!(finding["capture"]["interface"], "lo");
    let process = &finding["client"]["process"];
    assert_eq!(process["name"], "curl", "{finding}");
    assert!(
        process["command"]
            .as_str()
            .is_some_and(|c| c.contains(&url))
    );

    rights_are_given_up();
    a_program_is_captured_alone(folder.path());
    an_interface_comes_and_goes(folder.path());
    under_load_bulk_data_goes_first(folder.path(), &url);

    let offline = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["--format", "ndjson", "beside.pcap"])
        .current_dir(&folder)
        .output()
        .expect("the tool");
    let offline = findings(&String::from_utf8_lossy(&offline.stdout));
    assert_eq!(gist(&offline), gist(&live));
}

/// As the kernel tells of each thread of the tool.
fn rights_are_given_up() {
    for (option, sudo, expected) in [
        (None, None, "0 0000000000000000 0000000000000000 1 2"),
        (
            None,
            Some("65534"),
            "65534 0000000000000000 0000000000000000 1 2",
        ),
        (
            Some("--sandbox-strict"),
            None,
            "0 0000000000000000 0000000000000000 1 2",
        ),
        (
            Some("--sandbox-strict"),
            Some("65534"),
            "65534 0000000000000000 0000000000000000 1 2",
        ),
    ] {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_whylencr"));
        tool.args(["-i", "lo", "--format", "ndjson"]).args(option);
        for name in ["SUDO_UID", "SUDO_GID"] {
            tool.env_remove(name);
            if let Some(number) = sudo {
                tool.env(name, number);
            }
        }
        let tool = tool.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut tool = Ended(tool.expect("the tool"));
        let held = |pid: &str| {
            let tasks = format!("/proc/{pid}/task");
            let threads = fs::read_dir(tasks).into_iter().flatten();
            let of = |status: &str, name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.split_whitespace().next())
                    .unwrap_or("absent")
                    .to_owned()
            };
            let threads = threads.filter_map(|thread| {
                let status = fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
                let fields = ["Uid:", "CapPrm:", "CapEff:", "NoNewPrivs:", "Seccomp:"];
                Some(fields.map(|name| of(&status, name)).join(" "))
            });
            threads.collect::<Vec<_>>()
        };
        // Those that analyse and capture: each ends up behind its fence.
        let pid = tool.0.id().to_string();
        let fenced = |held: &[String]| held.len() >= 2 && held.iter().all(|one| one == expected);
        let limit = Instant::now() + Duration::from_secs(5);
        while !fenced(&held(&pid)) {
            assert!(
                Instant::now() < limit,
                "{option:?} {sudo:?}: {:?}",
                held(&pid)
            );
            thread::sleep(Duration::from_millis(20));
        }
        // The process that looks into others keeps the rights for that, and is gone with the tool.
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.expect("the children of the tool");
        let looking: Vec<&str> = children.split_whitespace().collect();
        let user = sudo.unwrap_or("0");
        let rights = format!("{user} 0000000000080004 0000000000080004 1 2");
        match (option, looking.as_slice()) {
            (None, [one]) => assert_eq!(held(one), [rights]),
            (Some(_), []) => {}
            (_, others) => panic!("{option:?}: {others:?}"),
        }
        interrupt(&tool.0);
        assert_eq!(tool.0.wait().expect("its end").code(), Some(0));
        // It may stand in the list until somebody asks how it ended.
        let is_gone = |pid: &&str| {
            let status = fs::read_to_string(format!("/proc/{pid}/status"));
            status.is_ok_and(|status| status.contains("State:\tZ")) || held(pid).is_empty()
        };
        until(|| looking.iter().all(is_gone));
    }
}

/// What others do at the same time is none of its business.
fn a_program_is_captured_alone(folder: &Path) {
    let fetch = |list: &str| {
        format!("curl -s --noproxy '*' --resolve {HOST}:80:127.0.0.3 http://{HOST}/{list}.crl")
    };
    let script = format!(
        "sleep 1; openssl s_client -connect 127.0.0.2:443 -servername {SITE} </dev/null >/dev/null 2>&1; {}; exit 3",
        fetch("42")
    );
    let kept = folder.join("kept.pcapng");
    let tool = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["-i", "lo", "--format", "ndjson", "-w"])
        .arg(&kept)
        .args(["--", "sh", "-c", &script])
        .env_remove("SUDO_UID")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool");
    // Whose process is gone before it can be asked for might be the program's; so not at the very beginning.
    let tasks = format!("/proc/{}/task", tool.id());
    until(|| fs::read_dir(&tasks).is_ok_and(|tasks| tasks.count() >= 2));
    for _ in 0..3 {
        assert!(quiet(Command::new("sh").args(["-c", &fetch("99")])));
    }
    let output = tool.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("sh ended with exit status: 3"), "{said}");
    let found = findings(&String::from_utf8_lossy(&output.stdout));
    let urls: Vec<&Value> = found.iter().map(|finding| &finding["url"]).collect();
    assert_eq!(
        urls,
        [&Value::from(format!("http://{HOST}/42.crl"))],
        "{said}"
    );
    assert_eq!(found[0]["verdict"]["site"], SITE, "{}", found[0]);

    // The evidence alone says the same, and knows the process.
    let again = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["--format", "ndjson"])
        .arg(&kept)
        .output()
        .expect("the tool");
    let again = findings(&String::from_utf8_lossy(&again.stdout));
    assert_eq!(gist(&again), gist(&found));
    assert_eq!(
        again[0]["client"]["process"]["name"], "curl",
        "{}",
        again[0]
    );
}

/// Down and up again: told, counted, and captured from again. Gone: the end.
fn an_interface_comes_and_goes(folder: &Path) {
    let ip = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        assert!(quiet(Command::new("ip").args(&arguments)), "{arguments:?}");
    };
    ip("link add va type veth peer name vb");
    ip("address add 10.9.0.1/24 dev va");
    ip("link set vb up");
    ip("link set va up");
    let (lines, said) = (folder.join("va.ndjson"), folder.join("va.said"));
    let tool = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["-i", "va", "--format", "ndjson", "-o"])
        .arg(&lines)
        .stderr(fs::File::create(&said).expect("a file"))
        .spawn();
    let mut tool = Ended(tool.expect("the tool"));
    let says = |what: &str| fs::read_to_string(&said).is_ok_and(|said| said.contains(what));
    until(|| says("capturing on va"));
    ip("link set va down");
    until(|| says("va is down"));
    ip("link set va up");
    until(|| says("va is up again"));
    // Nobody answers, and nobody has to.
    ip("neighbour replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev va");
    let socket = UdpSocket::bind("10.9.0.1:0").expect("a socket");
    let query = query(HOST);
    assert!(socket.send_to(&query, "10.9.0.2:53").is_ok());
    thread::sleep(Duration::from_millis(300));
    ip("link delete va");
    until(|| says("va is gone"));
    assert_eq!(tool.0.wait().expect("its end").code(), Some(3));
    let found = findings(&fs::read_to_string(&lines).expect("its lines"));
    let hosts: Vec<&Value> = found.iter().map(|finding| &finding["host"]).collect();
    assert_eq!(hosts, [HOST], "{found:?}");
}

/// Analysis waits for whoever takes what it writes, so that its queue fills.
fn under_load_bulk_data_goes_first(folder: &Path, url: &str) {
    let (pipe, said) = (folder.join("pipe"), folder.join("load.said"));
    assert!(quiet(Command::new("mkfifo").arg(&pipe)));
    // Both ends: opening does not wait, and what is written stands until it is taken below.
    let ends = fs::File::options().read(true).write(true).open(&pipe);
    let mut ends = ends.expect("a pipe");
    let tool = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["-i", "lo", "--format", "ndjson", "--write-all", "-w"])
        .arg(&pipe)
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&said).expect("a file"))
        .spawn();
    let mut tool = Ended(tool.expect("the tool"));
    let says = |what: &str| fs::read_to_string(&said).is_ok_and(|said| said.contains(what));
    until(|| says("capturing on lo"));
    let sink = TcpListener::bind("127.0.0.4:9000").expect("port 9000");
    let sinking = thread::spawn(move || {
        let (mut stream, _) = sink.accept().expect("a connection");
        std::io::copy(&mut stream, &mut std::io::sink()).expect("its data")
    });
    // More than the queue of 64 MiB holds.
    let mut bulk = std::net::TcpStream::connect("127.0.0.4:9000").expect("a connection");
    for _ in 0..100 {
        bulk.write_all(&vec![7; 1 << 20]).expect("sent");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(quiet(
        Command::new("openssl")
            .args(["s_client", "-connect", "127.0.0.2:443", "-servername", SITE])
            .stdin(Stdio::null())
    ));
    lookup(HOST);
    let resolve = format!("{HOST}:80:127.0.0.3");
    assert!(quiet(Command::new("curl").args([
        "-s",
        "--noproxy",
        "*",
        "--resolve",
        &resolve,
        url
    ])));
    drop(bulk);
    assert_eq!(sinking.join().expect("all of it"), 100 << 20);
    thread::sleep(Duration::from_millis(300));
    interrupt(&tool.0);
    thread::spawn(move || std::io::copy(&mut ends, &mut std::io::sink()));
    let mut records = String::new();
    let mut out = tool.0.stdout.take().expect("its standard output");
    out.read_to_string(&mut records).expect("records");
    assert_eq!(tool.0.wait().expect("its end").code(), Some(0));
    let said = fs::read_to_string(&said).expect("its words");
    assert!(said.contains("of bulk data, let go first"), "{said}");
    assert!(!said.contains("because analysis fell behind,"), "{said}");
    let found = findings(&records);
    let [finding] = found.as_slice() else {
        panic!("one contact was made: {records}");
    };
    assert_eq!(finding["verdict"]["site"], SITE, "{finding}");
}

/// What must not depend on how the frames came: numbers and processes do.
fn gist(findings: &[Value]) -> Vec<[String; 6]> {
    let text = |finding: &Value| {
        let verdict = &finding["verdict"];
        [
            &finding["kind"],
            &finding["stage"],
            &finding["url"],
            &verdict["outcome"],
            &verdict["site"],
            &finding["candidates"][0]["serial"],
        ]
        .map(Value::to_string)
    };
    findings.iter().map(text).collect()
}

fn findings(lines: &str) -> Vec<Value> {
    let records = lines.lines().map(serde_json::from_str);
    records.collect::<Result<_, _>>().expect("records")
}

/// A certificate as Let's Encrypt would issue it, by another CA. Returns its serial.
fn certificate(folder: &Path) -> String {
    let named = |cn: &str, sites: &[&str]| {
        let sites: Vec<String> = sites.iter().map(|&s| s.to_owned()).collect();
        let mut params = CertificateParams::new(sites).expect("names");
        params.distinguished_name.push(DnType::CommonName, cn);
        params
    };
    let mut authority = named("R10", &[]);
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = Issuer::new(authority, KeyPair::generate().expect("a key"));
    let mut leaf = named(SITE, &[SITE]);
    leaf.serial_number = Some(vec![3, 0x5a, 0x17].into());
    leaf.crl_distribution_points = vec![CrlDistributionPoint {
        uris: vec![format!("http://{HOST}/42.crl")],
    }];
    let key = KeyPair::generate().expect("a key");
    let cert = leaf.signed_by(&key, &issuer).expect("a certificate");
    fs::write(folder.join("cert.pem"), cert.pem()).expect("a file");
    fs::write(folder.join("key.pem"), key.serialize_pem()).expect("a file");
    "035a17".to_owned()
}

/// Every name has an address: that of the web server, or of the revocation list.
fn answer_lookups(socket: &UdpSocket) {
    let mut query = [0; 512];
    while let Ok((len, from)) = socket.recv_from(&mut query) {
        let mut answer = query[..len].to_vec();
        // Response, recursion available, one answer.
        answer[2..4].copy_from_slice(&[0x81, 0x80]);
        answer[7] = 1;
        let last = if query[..len].windows(5).any(|w| w == b"lencr") {
            3
        } else {
            2
        };
        // The name of the question, A, IN, a minute, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, last]);
        let _ = socket.send_to(&answer, from);
    }
}

fn query(name: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).expect("a label"));
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}

fn lookup(name: &str) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket
        .send_to(&query(name), "127.0.0.53:53")
        .expect("a query");
    let wait = Some(Duration::from_secs(2));
    socket.set_read_timeout(wait).expect("a limit");
    socket.recv(&mut [0; 512]).expect("an answer");
}

fn answer_requests(listener: &TcpListener) {
    for mut stream in listener.incoming().flatten() {
        let _ = stream.read(&mut [0; 2_048]);
        // As far away as the real one is: the client must live long enough to be looked at.
        thread::sleep(Duration::from_millis(150));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
}

fn quiet(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    assert!(quiet(Command::new("kill").args(["-INT", &pid])));
}

fn until(mut ready: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(5);
    while !ready() {
        assert!(Instant::now() < limit, "a server did not start");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A program that does not outlive the test.
#[derive(Debug)]
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
