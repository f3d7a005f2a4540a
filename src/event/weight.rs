//! What facts take in memory, for the limits of those who keep them.

use std::net::IpAddr;

use super::{DnsAnswer, Name, Request, Response};

impl DnsAnswer {
    /// Bytes that its lists take, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        lookup(self.addresses.len(), &self.chain)
    }
}

/// Bytes that so many addresses and these names take, roughly.
pub(crate) fn lookup(addresses: usize, chain: &[Name]) -> usize {
    let names = chain
        .iter()
        .map(|name| size_of::<Name>() + name.as_str().len());
    addresses * size_of::<IpAddr>() + names.sum::<usize>()
}

impl Request {
    /// Bytes that it takes, roughly, with its texts and without its body.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = [&self.method, &self.path, &self.header_order];
        let texts: usize = texts.into_iter().map(String::capacity).sum();
        let more = [&self.agent, &self.content_type];
        size_of::<Self>() + texts + more.into_iter().map(text).sum::<usize>()
    }
}

impl Response {
    /// Bytes that it takes, roughly, with its texts and without its body.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = [&self.content_type, &self.location, &self.server];
        size_of::<Self>() + texts.into_iter().map(text).sum::<usize>()
    }
}

fn text(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::capacity)
}
