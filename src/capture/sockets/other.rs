//! What the `listeners` crate knows of sockets elsewhere.

use std::net::SocketAddr;

use super::Kind;
use crate::event::Process;

#[derive(Debug, Default)]
pub(super) struct Sockets;

impl Sockets {
    #[expect(clippy::unused_self, reason = "the interface is that of Linux")]
    pub(super) fn owner(&mut self, kind: Kind, local: SocketAddr) -> Option<Process> {
        let protocol = match kind {
            Kind::Stream => listeners::Protocol::TCP,
            Kind::Datagrams => listeners::Protocol::UDP,
        };
        let found = listeners::get_process_by_port(local.port(), protocol).ok()?;
        Some(Process {
            pid: Some(found.pid),
            name: found.name,
            command: (!found.path.is_empty()).then_some(found.path),
            source: "socket table",
            ..Process::default()
        })
    }
}

/// Only the process itself: parents are not known here.
pub(super) fn descends(pid: u32, root: u32) -> bool {
    pid == root
}
