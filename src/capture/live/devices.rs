//! The devices of this machine.

use std::net::IpAddr;

use pcap::ConnectionStatus;

use crate::capture::bpf::plain;

/// A device that can be captured from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Device {
    /// Its name, for [`super::Options::devices`].
    pub name: String,
    /// What the system says of it.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is up and running.
    pub running: bool,
    /// Its state in a few words.
    pub state: String,
}

/// Lists the devices of this machine.
///
/// # Errors
///
/// What libpcap says.
pub fn devices() -> Result<Vec<Device>, String> {
    let listed = pcap::Device::list().map_err(|error| plain(&error))?;
    Ok(listed.into_iter().map(device).collect())
}

fn device(listed: pcap::Device) -> Device {
    let flags = &listed.flags;
    let mut words = vec![match (flags.is_up(), flags.is_running()) {
        (true, true) => "running",
        (true, false) => "up",
        _ => "down",
    }];
    words.extend(flags.is_loopback().then_some("loopback"));
    words.extend(flags.is_wireless().then_some("wireless"));
    words.extend(match flags.connection_status {
        ConnectionStatus::Connected => Some("connected"),
        ConnectionStatus::Disconnected => Some("disconnected"),
        ConnectionStatus::Unknown | ConnectionStatus::NotApplicable => None,
    });
    Device {
        running: flags.is_up() && flags.is_running(),
        state: words.join(", "),
        name: listed.name,
        description: listed.desc.filter(|d| !d.is_empty()),
        addresses: listed.addresses.iter().map(|a| a.addr).collect(),
    }
}
