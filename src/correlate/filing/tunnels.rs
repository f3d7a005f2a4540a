//! Connections that a client has its SOCKS proxy make. What travels in them may not be readable, or never come.

use std::net::{IpAddr, SocketAddr};

use super::*;
use crate::correlate::log::Proxy;
use crate::event::Tunnel;

impl State {
    /// A client says where its proxy is to connect to.
    pub(super) fn tunnel_asked(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        id: FlowId,
        tunnel: &Tunnel,
    ) {
        let Some(flow) = self.flows.get(&id) else {
            return;
        };
        let known = match tunnel.target.as_str().parse::<IpAddr>() {
            // A client that looks names up itself asks for the address.
            Ok(ip) => {
                let mut ends = flow.ends;
                ends.server = SocketAddr::new(ip, tunnel.port);
                self.watched_address(HostKey::client_of(&ends), &ends, at)
            }
            Err(_) => {
                watch(tunnel.target.as_str()).map(|watch| (tunnel.target.clone(), watch, None))
            }
        };
        let Some((host, watch, asker)) = known else {
            return;
        };
        // Pages of these hosts are visited as well.
        if matches!(&watch, Watch::Known(role) if role.predecessor) && tunnel.port != 80
            || self.log.connects.len() >= self.limits.findings
        {
            return;
        }
        let connect = ConnectRecord {
            asker,
            proxy: Some(Proxy {
                frame,
                refused: false,
                spent: [0; 2],
            }),
            ..flow.connect(id, host, watch)
        };
        self.log.connects.insert(id, Box::new(connect));
    }

    /// What the proxy says to that.
    pub(super) fn tunnel_answered(
        &mut self,
        at: Timestamp,
        id: FlowId,
        opened: bool,
        spent: [u64; 2],
    ) {
        if let Some(connect) = self.log.connects.get_mut(&id)
            && let Some(proxy) = &mut connect.proxy
        {
            connect.connected_at = opened.then_some(at);
            proxy.refused = !opened;
            proxy.spent = spent;
        }
    }
}
