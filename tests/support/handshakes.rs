//! The handshakes of a capture as JSON, in the words of `captures/handshakes.json`, which another tool wrote.

#![expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "shared by an example and a test, which read the bundled captures"
)]

use std::path::Path;

use serde_json::{Value, json};
use whylencr::capture::{self, Item};
use whylencr::engine::{Config, Engine};
use whylencr::event::Carrier;
use whylencr::finding::{Handshake, Site, Visibility};

/// The handshakes of a capture, in order, read with the secrets in it and a key log.
pub fn of(capture: &Path, keylog: Option<&Path>) -> Vec<Value> {
    read(capture, keylog)
        .handshakes()
        .iter()
        .map(handshake)
        .collect()
}

/// The engine after it has read a whole capture.
pub fn read(capture: &Path, keylog: Option<&Path>) -> Engine {
    let mut engine = Engine::new(Config::default());
    if let Some(keylog) = keylog {
        engine.secrets(&std::fs::read(keylog).expect("the key log is there"));
    }
    engine.expect_secrets();
    let mut source = capture::open(capture).expect("a readable capture");
    while let Some(item) = source.next_item() {
        match item {
            Item::Frame(frame) => engine.push(frame),
            Item::Secrets(lines) => {
                engine.secrets(lines);
            }
            Item::NameHint(hint) => engine.name_hint(hint),
            Item::Interface(_) | Item::Dropped(_) => {}
        }
    }
    engine.close();
    engine
}

fn handshake(handshake: &Handshake) -> Value {
    let frame = |frame: Option<whylencr::frame::FrameNo>| frame.map(whylencr::frame::FrameNo::get);
    let serials = handshake.chain.iter().map(|cert| {
        let serial = cert.serial.to_string();
        serial.trim_start_matches('0').to_owned()
    });
    json!({
        "client_hello": frame(handshake.frames.client_hello),
        "server_hello": frame(handshake.frames.server_hello),
        "carrier": match handshake.carrier {
            Carrier::Quic { .. } => "quic",
            Carrier::Dtls => "dtls",
            Carrier::Ike => "ike",
            _ => "tls",
        },
        "sni": match &handshake.site {
            Site::Sni(name) | Site::EchOuter(name) => Some(name.as_str()),
            _ => None,
        },
        "version": handshake.version,
        "suite": handshake.suite,
        "resumed": (handshake.version.is_some()).then(|| handshake.visibility == Visibility::Resumed),
        "serials": serials.collect::<Vec<_>>(),
        "staple": handshake.staple.is_some(),
    })
}
