//! Processes that a capture tool recorded in blocks of its own, written out as a packet comment so that
//! [`crate::capture::process`] has one kind of text to read.

use std::collections::HashMap;
use std::fmt::Write;

use super::block::{Options, text};
use crate::capture::window::Order;

/// Process and application records of one section; a busy Mac has a few hundred processes.
const MAX_PROCESSES: usize = 65_536;
/// Private enterprise number of PCAPdroid.
const PCAPDROID: u32 = 62_652;

/// What packets of this section can refer to.
#[derive(Default)]
pub(super) struct Processes {
    /// Apple: by place in the section. Process number and name.
    darwin: Vec<(u32, String)>,
    /// PCAPdroid: user number to package and application name.
    apps: HashMap<u32, (String, String)>,
}

impl Processes {
    pub(super) fn is_empty(&self) -> bool {
        self.darwin.is_empty() && self.apps.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.darwin.clear();
        self.apps.clear();
    }

    /// Apple's process information block: process number, then options with the name (2).
    pub(super) fn add_darwin(&mut self, order: Order, body: &[u8]) {
        if self.darwin.len() < MAX_PROCESSES {
            let name = Options::new(order, body, 4)
                .find(|(code, ..)| *code == 2)
                .and_then(|(_, _, value)| text(value))
                .unwrap_or_default();
            // A broken block still takes its number.
            self.darwin.push((order.u32(body, 0), name));
        }
    }

    /// PCAPdroid's list of applications: enterprise, version, kind 1, a reserved byte, user number, two
    /// lengths of one byte, package name, application name.
    pub(super) fn add_custom(&mut self, order: Order, body: &[u8]) {
        let lens = (body.get(12), body.get(13));
        let (Some(&package_len), Some(&app_len)) = lens else {
            return;
        };
        if order.u32(body, 0) != PCAPDROID || order.u16(body, 4) != 1 || body.get(6) != Some(&1) {
            return;
        }
        let names = body.get(14..).unwrap_or(&[]);
        let (Some(package), Some(app)) = (
            names.get(..package_len.into()),
            names
                .get(package_len.into()..)
                .and_then(|rest| rest.get(..app_len.into())),
        ) else {
            return;
        };
        if self.apps.len() < MAX_PROCESSES {
            self.apps.insert(
                order.u32(body, 8),
                (
                    text(package).unwrap_or_default(),
                    text(app).unwrap_or_default(),
                ),
            );
        }
    }

    /// The comment of a packet with what it refers to written out; `None` when there is nothing to add.
    pub(super) fn describe(
        &self,
        comment: &str,
        process: Option<u32>,
        effective: Option<u32>,
    ) -> Option<String> {
        let find = |index: Option<u32>| self.darwin.get(index? as usize);
        let mut out = comment.to_owned();
        // The effective process is the one on whose behalf a daemon works.
        if let Some((pid, name)) = find(effective).or_else(|| find(process)) {
            let _ = write!(out, "\npktap\nPID: {pid}\nCmd: {name}");
            if let (Some(_), Some((pid, name))) = (find(effective), find(process)) {
                let _ = write!(out, "\nThrough: {name} {pid}");
            }
            return Some(out);
        }
        let user = comment.strip_prefix("u-")?.parse().ok()?;
        let (package, app) = self.apps.get(&user)?;
        let _ = write!(out, "\nCmd: {package}\nApp: {app}");
        Some(out)
    }
}
