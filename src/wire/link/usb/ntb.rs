//! Transfer blocks (CDC NCM 1.0 section 3, MBIM 1.0 section 7): a header that points to a table, which points
//! to datagrams and to the next table. In two widths.

use super::super::super::rest::Rest;
use super::{ETHERNET, IP, Packet};

/// Datagrams of a block.
pub(super) struct Datagrams<'a> {
    block: Rest<'a>,
    wide: bool,
    table: Option<Table<'a>>,
    /// What datagrams may have in all: those of one block do not overlap, and who says otherwise would have
    /// the same bytes read over and over.
    budget: usize,
}

/// A table of which entries are left.
struct Table<'a> {
    at: usize,
    entries: Rest<'a>,
    /// None for what is no network.
    link: Option<crate::frame::LinkType>,
    next: usize,
}

impl<'a> Datagrams<'a> {
    /// If the transfer begins with a block's header and a table is where it says.
    pub(super) fn of(transfer: Rest<'a>) -> Option<Self> {
        let (wide, header, length, table) = match &transfer.array::<4>(0)? {
            b"NCMH" => (
                false,
                12,
                transfer.le16(8)?.into(),
                transfer.le16(10)?.into(),
            ),
            b"ncmh" => (true, 16, transfer.le32(8)?, transfer.le32(12)?),
            _ => return None,
        };
        if transfer.le16(4)? != header {
            return None;
        }
        let block = match usize::try_from(length).ok()? {
            // Where a short packet ends it.
            0 => transfer,
            length => transfer.bound(length),
        };
        let mut this = Self {
            block,
            wide,
            table: None,
            budget: block.wire_len(),
        };
        this.table = Some(this.table(usize::try_from(table).ok()?)?);
        Some(this)
    }

    fn table(&self, at: usize) -> Option<Table<'a>> {
        let rest = self.block.after(at)?;
        let signature = rest.array::<4>(0)?;
        let link = match (self.wide, &signature) {
            // Without checksums and with them.
            (false, b"NCM0" | b"NCM1") | (true, b"ncm0" | b"ncm1") => Some(ETHERNET),
            // With the number of a session.
            (false, [b'I', b'P', b'S', _]) | (true, [b'i', b'p', b's', _]) => Some(IP),
            // What modems say besides.
            (false, [b'D', b'S', b'S', _]) | (true, [b'd', b's', b's', _]) => None,
            _ => return None,
        };
        let length = usize::from(rest.le16(4)?);
        let (header, next) = if self.wide {
            (16, rest.le32(8)?)
        } else {
            (8, rest.le16(6)?.into())
        };
        Some(Table {
            at,
            entries: rest.bound(length).after(header)?,
            link,
            next: usize::try_from(next).ok()?,
        })
    }

    /// Place and size of the next datagram of the table; None at its end.
    fn entry(&mut self) -> Option<(usize, usize)> {
        let wide = self.wide;
        let entries = &mut self.table.as_mut()?.entries;
        let (at, size, entry) = if wide {
            (entries.le32(0)?, entries.le32(4)?, 8)
        } else {
            (entries.le16(0)?.into(), entries.le16(2)?.into(), 4)
        };
        *entries = entries.after(entry)?;
        if at == 0 || size == 0 {
            return None;
        }
        Some((usize::try_from(at).ok()?, usize::try_from(size).ok()?))
    }
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        /// No packet is smaller.
        const LEAST: usize = 14;
        loop {
            let Some((at, size)) = self.entry() else {
                let done = self.table.take()?;
                // Tables that point back would never end.
                let next = Some(done.next).filter(|&next| next > done.at)?;
                self.table = Some(self.table(next)?);
                continue;
            };
            self.budget = self.budget.checked_sub(size.max(LEAST))?;
            let (Some(link), Some(rest)) = (self.table.as_ref()?.link, self.block.after(at)) else {
                continue;
            };
            return Some(Packet {
                link,
                rest: rest.bound(size),
            });
        }
    }
}
