//! NSS key logs (RFC 9850): the secrets that let a reader see certificates in TLS 1.3 and QUIC.

use std::collections::BTreeMap;
use std::fmt;

use crate::crypto::Secret;
use crate::flow::{FlowId, Shard, Side};
use crate::limits::Limits;

/// The secrets that are kept. The early and exporter secrets open nothing that is of use here.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Label {
    /// CLIENT_HANDSHAKE_TRAFFIC_SECRET.
    ClientHandshake,
    /// SERVER_HANDSHAKE_TRAFFIC_SECRET.
    ServerHandshake,
    /// CLIENT_TRAFFIC_SECRET_0.
    ClientTraffic,
    /// SERVER_TRAFFIC_SECRET_0.
    ServerTraffic,
    /// CLIENT_RANDOM: the master secret of TLS 1.2, for packets in what it carries.
    Master,
}

impl Label {
    /// The secret of the same stage that `side` writes with.
    pub(crate) const fn of(self, side: Side) -> Self {
        match (self, side) {
            (Self::ClientHandshake | Self::ServerHandshake, Side::Client) => Self::ClientHandshake,
            (Self::ClientHandshake | Self::ServerHandshake, Side::Server) => Self::ServerHandshake,
            (Self::ClientTraffic | Self::ServerTraffic, Side::Client) => Self::ClientTraffic,
            (Self::ClientTraffic | Self::ServerTraffic, Side::Server) => Self::ServerTraffic,
            (Self::Master, _) => Self::Master,
        }
    }
}

/// Secrets by client random and label, and the flows that wait for them. Bounded; its debug output holds
/// no secret.
pub struct KeyStore {
    /// Keys may still come: flows hold encrypted handshakes back for them. Set when a key log is followed
    /// live; adding a secret sets it as well.
    pub expecting: bool,
    capacity: usize,
    secrets: BTreeMap<([u8; 32], Label), Secret>,
    /// Those of before the last [`Self::turn`].
    older: BTreeMap<([u8; 32], Label), Secret>,
    waiting: BTreeMap<[u8; 32], Vec<(Shard, FlowId)>>,
    /// The shard whose turn it is.
    shard: Shard,
    ready: Vec<FlowId>,
    asked: u64,
    lines: u64,
    dropped: u64,
    used: u64,
}

impl KeyStore {
    /// Keeps at most `capacity` secrets; further ones are counted.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            expecting: false,
            capacity,
            secrets: BTreeMap::new(),
            older: BTreeMap::new(),
            waiting: BTreeMap::new(),
            shard: Shard::FIRST,
            ready: Vec::new(),
            asked: 0,
            lines: 0,
            dropped: 0,
            used: 0,
        }
    }

    /// Takes the lines of a key log; gives how many were secrets. Comments and junk are passed over.
    pub fn add_text(&mut self, text: &[u8]) -> usize {
        text.split(|byte| matches!(byte, b'\n' | b'\r'))
            .filter(|line| self.add_line(line))
            .count()
    }

    /// Takes one line; gives whether it was a secret of a known label, be it of use here or not.
    pub fn add_line(&mut self, line: &[u8]) -> bool {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let (Some(label), Some(random), Some(secret), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return false;
        };
        // Lines copied out of scripts end in a backslash or a quotation mark; readers of key logs let that pass.
        let digits = secret.iter().take_while(|byte| byte.is_ascii_hexdigit());
        let (secret, rest) = secret.split_at(digits.count());
        if rest.len() > 1 {
            return false;
        }
        let mut bytes = [0; 48];
        let (Some(label), Some(random), Some(secret)) =
            (known(label), random_of(random), unhex(secret, &mut bytes))
        else {
            return false;
        };
        self.lines += 1;
        // Both lengths that the hash functions of TLS 1.3 give; a master secret has 48 bytes.
        let (Some(label), Some(secret)) = (label, Secret::new(secret)) else {
            return true;
        };
        // Nothing is held back for a master secret.
        self.expecting |= label != Label::Master;
        if self.secrets.len() >= self.capacity && !self.secrets.contains_key(&(random, label)) {
            self.dropped += 1;
            return true;
        }
        self.secrets.insert((random, label), secret);
        if let Some(flows) = self.waiting.get(&random) {
            for (_, flow) in flows {
                if !self.ready.contains(flow) {
                    self.ready.push(*flow);
                }
            }
        }
        true
    }

    /// The secret of a connection.
    #[must_use]
    pub fn get(&self, random: &[u8; 32], label: Label) -> Option<Secret> {
        let key = &(*random, label);
        let secret = self.secrets.get(key).or_else(|| self.older.get(key));
        secret.copied()
    }

    /// Makes room where half of it is taken: forgets what came before the last turn. A secret is of use
    /// while its handshake is under way.
    pub fn turn(&mut self) {
        if self.secrets.len() >= self.capacity / 2 {
            self.older = std::mem::take(&mut self.secrets);
        }
    }

    /// Has `flow` told when a secret for `random` comes, until [`KeyStore::forget`].
    pub fn wait(&mut self, random: [u8; 32], flow: FlowId) {
        let flows = self.waiting.entry(random).or_default();
        let own = flows.iter().filter(|(shard, _)| *shard == self.shard);
        // The same random on several flows is a replay or a forgery; a few of them (for each shard) are enough.
        if own.count() < 8 && !flows.iter().any(|(_, known)| *known == flow) {
            flows.push((self.shard, flow));
            self.asked += 1;
        }
    }

    /// How often a flow began to wait.
    #[must_use]
    pub const fn asked(&self) -> u64 {
        self.asked
    }

    /// `flow` waits no longer.
    pub fn forget(&mut self, random: &[u8; 32], flow: FlowId) {
        if let Some(flows) = self.waiting.get_mut(random) {
            flows.retain(|(_, waiting)| *waiting != flow);
            if flows.is_empty() {
                self.waiting.remove(random);
            }
        }
    }

    /// The flows for which secrets came since the last call, in order: they want to be poked.
    pub fn take_ready(&mut self) -> Vec<FlowId> {
        self.ready.sort_unstable();
        std::mem::take(&mut self.ready)
    }

    /// The same secrets, before anybody asked for one.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            expecting: self.expecting,
            secrets: self.secrets.clone(),
            older: self.older.clone(),
            lines: self.lines,
            dropped: self.dropped,
            ..Self::with_capacity(self.capacity)
        }
    }

    /// Takes over who waits of a shard, and all that was counted there.
    pub fn take_over(&mut self, shard: Shard, other: &mut Self) {
        for (random, flows) in &mut other.waiting {
            let of_shard = flows.extract_if(.., |(waits, _)| *waits == shard);
            let of_shard: Vec<_> = of_shard.collect();
            if !of_shard.is_empty() {
                self.waiting.entry(*random).or_default().extend(of_shard);
            }
        }
        self.asked += std::mem::take(&mut other.asked);
        self.used += std::mem::take(&mut other.used);
    }

    /// Who waits from now on is of this shard.
    pub const fn turn_to(&mut self, shard: Shard) {
        self.shard = shard;
    }

    /// Counts a connection that secrets opened.
    pub fn count_use(&mut self) {
        self.used += 1;
    }

    /// Lines taken that were secrets.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Secrets not kept because the store was full.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Connections that secrets opened.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }
}

impl Default for KeyStore {
    fn default() -> Self {
        Self::with_capacity(Limits::default().secrets)
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore")
            .field("expecting", &self.expecting)
            .field("secrets", &self.secrets.len())
            .field("waiting", &self.waiting.len())
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

/// Some(Some) for a label whose secret is kept, Some(None) for another known one.
fn known(label: &[u8]) -> Option<Option<Label>> {
    // Chromium wrote QUIC_ before the handshake and traffic labels until QUIC keys joined the common ones.
    let label = label.strip_prefix(b"QUIC_").unwrap_or(label);
    match label {
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Some(Some(Label::ClientHandshake)),
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Some(Some(Label::ServerHandshake)),
        b"CLIENT_TRAFFIC_SECRET_0" => Some(Some(Label::ClientTraffic)),
        b"SERVER_TRAFFIC_SECRET_0" => Some(Some(Label::ServerTraffic)),
        b"CLIENT_RANDOM" => Some(Some(Label::Master)),
        b"CLIENT_EARLY_TRAFFIC_SECRET"
        | b"EARLY_EXPORTER_SECRET"
        | b"EARLY_EXPORTER_MASTER_SECRET"
        | b"EXPORTER_SECRET"
        | b"ECH_SECRET" => Some(None),
        _ => None,
    }
}

/// The random by which a line of a key log names its connection; None when it is none.
#[must_use]
pub fn random_of_line(line: &[u8]) -> Option<[u8; 32]> {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    known(words.next()?)?;
    random_of(words.next()?)
}

fn random_of(digits: &[u8]) -> Option<[u8; 32]> {
    let mut random = [0; 32];
    (unhex(digits, &mut random)?.len() == 32).then_some(random)
}

/// Hexadecimal digits of either case to bytes in `to`; None when they are odd, alien or too many.
fn unhex<'a>(digits: &[u8], to: &'a mut [u8]) -> Option<&'a [u8]> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (pairs, []) = digits.as_chunks() else {
        return None;
    };
    let to = to.get_mut(..pairs.len())?;
    for (byte, [high, low]) in to.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RANDOM: [u8; 32] = [0xab; 32];

    fn line(label: &str, secret: &str) -> String {
        format!("{label} {} {secret}", "aB".repeat(32))
    }

    #[test]
    fn reads_what_browsers_write() {
        let text = format!(
            "# SSL/TLS secrets log file, generated by NSS\r\n{}\r\n{}\n\n{}\r\nRSA 0102 0304\n{}",
            line("CLIENT_RANDOM", &"00".repeat(48)),
            line("SERVER_HANDSHAKE_TRAFFIC_SECRET", &"11".repeat(48)),
            line("QUIC_CLIENT_TRAFFIC_SECRET_0", &"22".repeat(32)),
            line("EXPORTER_SECRET", &"33".repeat(32)),
        );
        let mut keys = KeyStore::default();
        assert!(!keys.expecting);
        assert_eq!(keys.add_text(text.as_bytes()), 4);
        assert!(keys.expecting);
        let server = keys.get(&RANDOM, Label::ServerHandshake).unwrap();
        assert_eq!(server.as_bytes(), [0x11; 48]);
        let client = keys.get(&RANDOM, Label::ClientTraffic).unwrap();
        assert_eq!(client.as_bytes(), [0x22; 32]);
        assert_eq!(keys.get(&RANDOM, Label::ClientHandshake), None);
        assert_eq!(keys.lines(), 4);
    }

    #[test]
    fn junk_is_no_secret() {
        let mut keys = KeyStore::default();
        for junk in [
            "",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET 00 11",
            &line("SERVER_HANDSHAKE_TRAFFIC_SECRET", &"1".repeat(63)),
            &line("SERVER_HANDSHAKE_TRAFFIC_SECRET", &"11".repeat(49)),
            &line("SERVER_HANDSHAKE_TRAFFIC_SECRET", "zz"),
            &line("SOMETHING_ELSE", "00"),
            &format!("{} more", line("CLIENT_TRAFFIC_SECRET_0", "00")),
        ] {
            assert!(!keys.add_line(junk.as_bytes()), "{junk}");
        }
        assert!(!keys.expecting);
    }

    #[test]
    fn what_a_script_left_at_the_end_of_a_line_is_let_pass() {
        let mut keys = KeyStore::default();
        let secret = format!("{}\\", "11".repeat(32));
        assert!(keys.add_line(line("SERVER_HANDSHAKE_TRAFFIC_SECRET", &secret).as_bytes()));
        assert!(keys.get(&RANDOM, Label::ServerHandshake).is_some());
    }

    #[test]
    fn who_waits_is_told_once_and_until_it_forgets() {
        let mut keys = KeyStore::default();
        keys.wait(RANDOM, FlowId(7));
        assert_eq!(keys.take_ready(), []);
        let secret = "11".repeat(32);
        keys.add_line(line("SERVER_HANDSHAKE_TRAFFIC_SECRET", &secret).as_bytes());
        keys.add_line(line("SERVER_TRAFFIC_SECRET_0", &secret).as_bytes());
        assert_eq!(keys.take_ready(), [FlowId(7)]);
        keys.add_line(line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &secret).as_bytes());
        assert_eq!(keys.take_ready(), [FlowId(7)]);
        keys.forget(&RANDOM, FlowId(7));
        keys.add_line(line("CLIENT_TRAFFIC_SECRET_0", &secret).as_bytes());
        assert_eq!(keys.take_ready(), []);
    }

    #[test]
    fn turning_makes_room_and_keeps_the_younger_half() {
        let mut keys = KeyStore::with_capacity(2);
        let get = |keys: &KeyStore, label| keys.get(&RANDOM, label).is_some();
        keys.add_text(line("CLIENT_TRAFFIC_SECRET_0", &"11".repeat(32)).as_bytes());
        keys.turn();
        assert!(get(&keys, Label::ClientTraffic));
        keys.add_text(line("SERVER_TRAFFIC_SECRET_0", &"22".repeat(32)).as_bytes());
        keys.turn();
        assert!(!get(&keys, Label::ClientTraffic) && get(&keys, Label::ServerTraffic));
        assert_eq!(keys.dropped(), 0);
    }

    #[test]
    fn the_first_secrets_stay_when_the_store_is_full() {
        let mut keys = KeyStore::with_capacity(1);
        assert!(keys.add_line(line("SERVER_TRAFFIC_SECRET_0", &"11".repeat(32)).as_bytes()));
        assert!(keys.add_line(line("CLIENT_TRAFFIC_SECRET_0", &"22".repeat(32)).as_bytes()));
        assert!(keys.get(&RANDOM, Label::ServerTraffic).is_some());
        assert!(keys.get(&RANDOM, Label::ClientTraffic).is_none());
        assert_eq!(keys.dropped(), 1);
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let mut keys = KeyStore::default();
        keys.add_line(line("SERVER_TRAFFIC_SECRET_0", &"77".repeat(32)).as_bytes());
        let text = format!("{keys:?}");
        assert!(!text.contains("77") && !text.contains("119"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn order_of_lines_does_not_matter(
            order in Just((0_u8..8).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut keys = KeyStore::default();
            for number in order {
                let label = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"][usize::from(number % 2)];
                let random = format!("{number:02x}").repeat(32);
                let line = format!("{label} {random} {}", format!("{:02x}", number + 1).repeat(32));
                prop_assert!(keys.add_line(line.as_bytes()));
            }
            for number in 0_u8..8 {
                let label = [Label::ClientHandshake, Label::ServerHandshake][usize::from(number % 2)];
                let secret = keys.get(&[number; 32], label).unwrap();
                prop_assert_eq!(secret.as_bytes(), &[number + 1; 32]);
            }
        }

        #[test]
        fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..400)) {
            KeyStore::default().add_text(&text);
        }
    }
}
