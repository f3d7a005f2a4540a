//! The protocols of lines, and XMPP.

use crate::flow::Side;
use crate::proto::Probe;
use crate::proto::held::Held;

use super::{Progress, begins_with};

/// Greetings of servers, with the protocol if they tell it.
const GREETINGS: [(&[u8], Option<Protocol>); 9] = [
    // SMTP or FTP.
    (b"220 ", None),
    (b"220-", None),
    (b"200 ", Some(Protocol::Nntp)),
    (b"201 ", Some(Protocol::Nntp)),
    (b"+OK", Some(Protocol::Pop3)),
    (b"* OK", Some(Protocol::Imap)),
    (b"* PREAUTH", Some(Protocol::Imap)),
    (b"\"IMPLEMENTATION\"", Some(Protocol::Sieve)),
    (b"\"SIEVE\"", Some(Protocol::Sieve)),
];

/// Commands that clients begin with where the greeting is missing, or not waited for.
const COMMANDS: [&[u8]; 9] = [
    b"EHLO ",
    b"HELO ",
    b"LHLO ",
    b"STARTTLS\r\n",
    b"STLS\r\n",
    b"AUTH TLS",
    b"AUTH SSL",
    b"CAPA\r\n",
    b"CAP LS",
];

/// Ports of IRC in clear text.
const IRC_PORTS: std::ops::RangeInclusive<u16> = 6660..=6669;

pub(super) fn server_begins(bytes: &[u8], port: u16) -> Probe {
    let irc = IRC_PORTS.contains(&port) && matches!(bytes, [b':' | b'N', ..]);
    if irc {
        return Probe::Yes;
    }
    any(GREETINGS.iter().map(|(text, _)| begins_with(bytes, text)))
}

pub(super) fn client_begins(bytes: &[u8]) -> Probe {
    any(COMMANDS.iter().map(|text| {
        let folded = bytes.get(..text.len().min(bytes.len())).unwrap_or_default();
        begins_with(&folded.to_ascii_uppercase(), text)
    }))
}

pub(super) fn xmpp_begins(bytes: &[u8]) -> Probe {
    let texts: [&[u8]; 3] = [b"<?xml ", b"<stream:stream", b"<stream "];
    any(texts.iter().map(|text| begins_with(bytes, text)))
}

fn any(probes: impl Iterator<Item = Probe>) -> Probe {
    probes.fold(Probe::No, |best, probe| match (best, probe) {
        (Probe::Yes, _) | (_, Probe::Yes) => Probe::Yes,
        (Probe::NeedMore, _) | (_, Probe::NeedMore) => Probe::NeedMore,
        _ => Probe::No,
    })
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Protocol {
    Smtp,
    Lmtp,
    Imap,
    Pop3,
    Ftp,
    Nntp,
    Sieve,
    Irc,
}

/// Commands and replies in lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    protocol: Option<Protocol>,
    greeted: bool,
    /// The request to upgrade is out; with its tag in IMAP.
    asked: Option<Vec<u8>>,
}

impl Lines {
    pub(super) fn advance(&mut self, held: &mut Held) -> Progress {
        while self.asked.is_none() {
            let Some((line, used)) = next_line(held.bytes(Side::Client)) else {
                break;
            };
            self.command(line);
            held.skip(Side::Client, used);
        }
        while let Some((line, used)) = next_line(held.bytes(Side::Server)) {
            let agreed = self.reply(line);
            held.skip(Side::Server, used);
            match agreed {
                Some(true) => return Progress::Tls,
                Some(false) => {
                    self.asked = None;
                    return self.advance_client_again(held);
                }
                None => {}
            }
        }
        Progress::Wait
    }

    /// After a refusal, what the client said meanwhile is read as commands again.
    fn advance_client_again(&mut self, held: &mut Held) -> Progress {
        // Every round takes at least one line off the held bytes, which are bounded.
        self.advance(held)
    }

    pub(super) fn awaits_answer(&self) -> bool {
        self.asked.is_some()
    }

    pub(super) fn protocol(&self) -> &'static str {
        match self.protocol {
            Some(Protocol::Lmtp) => "LMTP",
            Some(Protocol::Imap) => "IMAP",
            Some(Protocol::Pop3) => "POP3",
            Some(Protocol::Ftp) => "FTP",
            Some(Protocol::Nntp) => "NNTP",
            Some(Protocol::Sieve) => "ManageSieve",
            Some(Protocol::Irc) => "IRC",
            Some(Protocol::Smtp) | None => "SMTP",
        }
    }

    fn command(&mut self, line: &[u8]) {
        let upper = line.to_ascii_uppercase();
        let mut words = upper.split(|b| *b == b' ').filter(|word| !word.is_empty());
        let (first, second, third) = (words.next(), words.next(), words.next());
        match (first, second, third) {
            (Some(b"EHLO" | b"HELO"), ..) => self.protocol = Some(Protocol::Smtp),
            (Some(b"LHLO"), ..) => self.protocol = Some(Protocol::Lmtp),
            (Some(b"CAP" | b"NICK"), Some(_), _) => self.protocol = Some(Protocol::Irc),
            (Some(b"STARTTLS"), None, _) => {
                self.protocol.get_or_insert(Protocol::Smtp);
                self.asked = Some(Vec::new());
            }
            (Some(b"STLS"), None, _) => {
                self.protocol = Some(Protocol::Pop3);
                self.asked = Some(Vec::new());
            }
            (Some(b"AUTH"), Some(b"TLS" | b"TLS-C" | b"TLS-P" | b"SSL"), None) => {
                self.protocol = Some(Protocol::Ftp);
                self.asked = Some(Vec::new());
            }
            (Some(tag), Some(b"STARTTLS"), None) => {
                self.protocol = Some(Protocol::Imap);
                self.asked = Some(tag.to_vec());
            }
            _ => {}
        }
    }

    /// Whether a line of the server agrees to the upgrade, refuses it, or is about something else.
    fn reply(&mut self, line: &[u8]) -> Option<bool> {
        if !self.greeted {
            self.greeted = true;
            if self.protocol.is_none() {
                self.protocol = GREETINGS
                    .iter()
                    .find(|(text, _)| line.starts_with(text))
                    .and_then(|(_, protocol)| *protocol);
            }
        }
        let tag = self.asked.as_deref()?;
        let upper = line.to_ascii_uppercase();
        let is = |text: &[u8]| upper.starts_with(text).then_some(());
        let verdict = |yes: Option<()>, no: Option<()>| yes.map(|()| true).or(no.map(|()| false));
        let refused = matches!(upper.as_slice(), [b'4' | b'5', _, _, ..]).then_some(());
        match self.protocol {
            None | Some(Protocol::Smtp | Protocol::Lmtp) => verdict(is(b"220"), refused),
            Some(Protocol::Nntp) => verdict(is(b"382"), refused),
            Some(Protocol::Ftp) => verdict(is(b"234").or(is(b"334")), refused),
            Some(Protocol::Pop3) => verdict(is(b"+OK"), is(b"-ERR")),
            Some(Protocol::Sieve) => verdict(is(b"OK"), is(b"NO").or(is(b"BYE"))),
            Some(Protocol::Imap) => {
                let result = upper.strip_prefix(tag)?.strip_prefix(b" ")?;
                Some(result.starts_with(b"OK"))
            }
            Some(Protocol::Irc) => {
                let mut words = upper.split(|b| *b == b' ');
                match words.find(|word| !word.starts_with(b":")) {
                    Some(b"670") => Some(true),
                    Some(b"691" | b"421") => Some(false),
                    _ => None,
                }
            }
        }
    }
}

/// The first whole line without its end, and its length with it.
fn next_line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

/// XMPP: an element on each side.
#[derive(Debug, Default)]
pub(super) struct Xmpp {
    asked: bool,
    agreed: bool,
}

impl Xmpp {
    pub(super) fn advance(&mut self, held: &mut Held) -> Progress {
        if !self.asked {
            self.asked = take_element(held, Side::Client, b"<starttls", b"</starttls");
        }
        if !self.agreed {
            self.agreed = take_element(held, Side::Server, b"<proceed", b"</proceed");
        }
        if self.asked && self.agreed {
            Progress::Tls
        } else {
            Progress::Wait
        }
    }
}

/// Drops everything up to the end of an element, when that is there.
fn take_element(held: &mut Held, side: Side, start: &[u8], end: &[u8]) -> bool {
    let bytes = held.bytes(side);
    let Some(at) = find(bytes, start, 0) else {
        return false;
    };
    let Some(close) = find(bytes, b">", at) else {
        return false;
    };
    let used = if bytes.get(..close).is_some_and(|tag| tag.ends_with(b"/")) {
        close + 1
    } else {
        let Some(close) = find(bytes, end, close).and_then(|at| find(bytes, b">", at)) else {
            return false;
        };
        close + 1
    };
    held.skip(side, used);
    true
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let at = bytes
        .get(from..)?
        .windows(wanted.len())
        .position(|window| window == wanted)?;
    Some(from + at)
}
