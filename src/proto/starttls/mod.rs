//! Protocols that begin in clear text and may turn to TLS: small prefix machines that find the byte on each
//! side where TLS begins.
//!
//! | Protocol | Client asks | Server agrees | Source |
//! |---|---|---|---|
//! | SMTP, LMTP | `STARTTLS` | `220` | RFC 3207 |
//! | IMAP | `tag STARTTLS` | `tag OK` | RFC 9051 6.2.1 |
//! | POP3 | `STLS` | `+OK` | RFC 2595 4 |
//! | FTP | `AUTH TLS`, `AUTH SSL` | `234`, `334` | RFC 4217 4 |
//! | NNTP | `STARTTLS` | `382` | RFC 4642 |
//! | ManageSieve | `STARTTLS` | `OK` | RFC 5804 2.2 |
//! | IRC | `STARTTLS` | `670` | IRCv3 tls |
//! | XMPP | `<starttls/>` | `<proceed/>` | RFC 6120 5 |
//! | LDAP | extended operation | its success | RFC 4511 4.14 |
//! | PostgreSQL | SSLRequest | `S` | PostgreSQL protocol 3 |
//! | MySQL | SSL in its capabilities | its greeting | MySQL protocol 10 |
//! | RDP | X.224 request | X.224 confirm that selects TLS | MS-RDPBCGR 2.2.1 |
#![warn(clippy::indexing_slicing)]

mod binary;
#[cfg(test)]
mod tests;
mod text;

use crate::flow::{Appetite, Chunk, Endpoints, Gap, Side};

use super::held::Held;
use super::session::begins as begins_with;
use super::{Probe, tls_probe, went_on_after_hello};

use self::text::Lines;

/// Clear-text bytes of both sides after which no upgrade is expected any more: it is asked for before login.
const TALK: usize = 32 << 10;
/// Bytes of one side that may wait, as part of a message or behind the request to upgrade.
const HOLD: usize = 16 << 10;

/// A family of protocols that upgrade alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Lines,
    Xmpp,
    Ldap,
    Postgres,
    MySql,
    Rdp,
}

/// What the session does after a chunk.
#[derive(Debug)]
pub(super) enum Next {
    Stay(Appetite),
    /// TLS begins with what is held; the protocol it was asked for in.
    Tls(&'static str, Held),
}

/// The talk before the upgrade.
#[derive(Debug)]
pub(super) struct Upgrade {
    held: Held,
    seen: usize,
    machine: Machine,
}

#[derive(Debug)]
enum Machine {
    Lines(Lines),
    Xmpp(text::Xmpp),
    Ldap(binary::Ldap),
    Postgres(binary::Postgres),
    MySql(binary::MySql),
    Rdp(binary::Rdp),
}

/// How far a machine came with what is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Progress {
    /// More bytes are needed.
    Wait,
    /// Both sides begin TLS with the bytes that are left.
    Tls,
    /// There will be no upgrade.
    Never,
}

/// Whether one side's first bytes begin one of these protocols.
pub(super) fn begins(side: Side, bytes: &[u8], ends: &Endpoints) -> (Probe, Kind) {
    let port = ends.server.port();
    let candidates: &[(Kind, Probe)] = match side {
        Side::Client => &[
            (Kind::Lines, text::client_begins(bytes)),
            (Kind::Xmpp, text::xmpp_begins(bytes)),
            (Kind::Postgres, binary::postgres_begins(bytes)),
            (Kind::Rdp, binary::rdp_begins(bytes)),
            (Kind::Ldap, binary::ldap_begins(bytes)),
        ],
        Side::Server => &[
            (Kind::Lines, text::server_begins(bytes, port)),
            (Kind::MySql, binary::mysql_begins(bytes)),
        ],
    };
    let by = |wanted: Probe| candidates.iter().find(|(_, probe)| *probe == wanted);
    match by(Probe::Yes).or_else(|| by(Probe::NeedMore)) {
        Some((kind, probe)) => (*probe, *kind),
        None => (Probe::No, Kind::Lines),
    }
}

impl Upgrade {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            held: Held::default(),
            seen: 0,
            machine: match kind {
                Kind::Lines => Machine::Lines(Lines::default()),
                Kind::Xmpp => Machine::Xmpp(text::Xmpp::default()),
                Kind::Ldap => Machine::Ldap(binary::Ldap::default()),
                Kind::Postgres => Machine::Postgres(binary::Postgres::default()),
                Kind::MySql => Machine::MySql(binary::MySql::default()),
                Kind::Rdp => Machine::Rdp(binary::Rdp::default()),
            },
        }
    }

    /// Memory it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        self.held.weight()
    }

    pub(super) fn data(&mut self, chunk: Chunk<'_>) -> Next {
        self.held.push(chunk);
        self.seen = self.seen.saturating_add(chunk.bytes.len());
        let held = &mut self.held;
        let progress = match &mut self.machine {
            Machine::Lines(lines) => lines.advance(held),
            Machine::Xmpp(xmpp) => xmpp.advance(held),
            Machine::Ldap(ldap) => ldap.advance(held),
            Machine::Postgres(postgres) => postgres.advance(held),
            Machine::MySql(mysql) => mysql.advance(held),
            Machine::Rdp(rdp) => rdp.advance(held),
        };
        if progress == Progress::Tls || (progress == Progress::Wait && self.began_anyway()) {
            let protocol = match &self.machine {
                Machine::Lines(lines) => lines.protocol(),
                Machine::Xmpp(_) => "XMPP",
                Machine::Ldap(_) => "LDAP",
                Machine::Postgres(_) => "PostgreSQL",
                Machine::MySql(_) => "MySQL",
                Machine::Rdp(_) => "RDP",
            };
            return Next::Tls(protocol, std::mem::take(&mut self.held));
        }
        let waiting = |side| self.held.bytes(side).len();
        if progress == Progress::Never
            || self.seen > TALK
            || waiting(Side::Client) > HOLD
            || waiting(Side::Server) > HOLD
        {
            return Next::Stay(Appetite::Done);
        }
        Next::Stay(Appetite::More)
    }

    /// What waits of that side has no end any more. The request or the answer may be what is missing: the
    /// hello then tells (see [`Upgrade::began_anyway`]).
    pub(super) fn gap(&mut self, gap: Gap) {
        self.held.clear(gap.side);
    }

    /// Whether the client sends TLS without the talk having come to it: a part of the talk, or all of the
    /// server's side, is missing. While an answer may still come, the hello alone does not tell.
    fn began_anyway(&self) -> bool {
        let client = self.held.bytes(Side::Client);
        if tls_probe(client) != Probe::Yes {
            return false;
        }
        let awaits_answer = match &self.machine {
            Machine::Lines(lines) => lines.awaits_answer(),
            // 0x16 0x03 can begin a message of these as well.
            _ => true,
        };
        !awaits_answer || went_on_after_hello(client)
    }
}
