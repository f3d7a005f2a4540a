//! Whether interfaces are up. A packet socket of one that is down just hears nothing, and whoever reads it sleeps.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nix::net::if_::InterfaceFlags;

use super::queue::Message;

/// They are looked at this often.
const EVERY: Duration = Duration::from_secs(1);

/// The interfaces that are captured from.
pub(super) struct Watch {
    names: Vec<(String, bool)>,
    looked: Instant,
    told: VecDeque<Message>,
}

impl Watch {
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let mut watch = Self {
            names: names.map(|name| (name, true)).collect(),
            looked: Instant::now(),
            told: VecDeque::new(),
        };
        watch.look();
        watch
    }

    /// What has changed, one at a time.
    pub(super) fn next(&mut self) -> Option<Message> {
        if self.looked.elapsed() >= EVERY {
            self.look();
        }
        self.told.pop_front()
    }

    fn look(&mut self) {
        self.looked = Instant::now();
        // By netlink, which fences let pass.
        let Ok(listed) = nix::ifaddrs::getifaddrs() else {
            return;
        };
        let listed: Vec<_> = listed.map(|i| (i.interface_name, i.flags)).collect();
        for (name, was_up) in &mut self.names {
            // What is not listed is gone, which reading it tells, or never was an interface.
            let flags = listed.iter().find(|(listed, _)| listed == name);
            let is_up = flags.is_none_or(|(_, flags)| flags.contains(InterfaceFlags::IFF_UP));
            if is_up == *was_up {
                continue;
            }
            *was_up = is_up;
            self.told.push_back(if is_up {
                Message::Notice(format!("{name} is up again"))
            } else {
                Message::Interrupted(format!("{name} is down; waiting for it"))
            });
        }
    }
}
