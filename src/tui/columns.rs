//! The columns of the contact list: which there are, and which fit.

use crate::report::clock::TimeKind;

/// A column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Column {
    /// When.
    Time,
    /// OCSP, CRL or certificate.
    Kind,
    /// The host contacted.
    Host,
    /// The site that caused it; takes the room that is left.
    Site,
    /// The client's address.
    Client,
    /// The client's device.
    Device,
    /// The client's process or User-Agent.
    Program,
    /// How it was answered.
    Answer,
    /// What the handshake was held back.
    Delay,
    /// The verdict.
    Verdict,
}

impl Column {
    /// All, in the order in which they stand unless told otherwise.
    pub const ALL: [Self; 10] = [
        Self::Time,
        Self::Kind,
        Self::Host,
        Self::Site,
        Self::Client,
        Self::Device,
        Self::Program,
        Self::Answer,
        Self::Delay,
        Self::Verdict,
    ];

    /// Its name, as title and in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Kind => "kind",
            Self::Host => "host",
            Self::Site => "site",
            Self::Client => "client",
            Self::Device => "device",
            Self::Program => "program",
            Self::Answer => "answer",
            Self::Delay => "delay",
            Self::Verdict => "verdict",
        }
    }

    /// Columns of the screen that it takes; the site gets what is left.
    const fn width(self, wide: bool, time: TimeKind) -> usize {
        match self {
            Self::Time => match (time, wide) {
                (TimeKind::Utc | TimeKind::Local, true) => 12,
                (TimeKind::Utc | TimeKind::Local, false) => 8,
                (TimeKind::Relative, _) => 11,
                (TimeKind::Epoch, _) => 17,
            },
            Self::Kind => 4,
            Self::Host if wide => 12,
            Self::Host => 6,
            Self::Site => 0,
            Self::Client => 15,
            Self::Device => 16,
            Self::Program => 18,
            Self::Answer => 10,
            Self::Delay => 8,
            // Its sign, a space and the word.
            Self::Verdict => 10,
        }
    }
}

/// Columns with their widths.
pub(super) type Layout = Vec<(Column, usize)>;

/// Rooms from which times, hosts and answers are shown in full, and from which clients are shown.
const WIDE: usize = 80;
const WIDEST: usize = 96;
/// Fewer columns tell no site.
const SITE: usize = 10;

/// What stands in a list with this room: the columns chosen, as far as they fit, or what suits the room.
pub(super) fn layout(chosen: &[Column], room: usize, time: TimeKind) -> Layout {
    let wide = room >= WIDE;
    let mut columns: Vec<Column> = if chosen.is_empty() {
        let suits = |column: &Column| match column {
            Column::Client => room >= WIDEST,
            Column::Answer | Column::Delay => wide,
            Column::Device | Column::Program => false,
            _ => true,
        };
        Column::ALL.into_iter().filter(suits).collect()
    } else {
        chosen.to_vec()
    };
    // The sign at the left, the widths, and a space after each column.
    let taken = |columns: &[Column]| -> usize {
        2 + columns
            .iter()
            .map(|c| c.width(wide, time) + 1)
            .sum::<usize>()
    };
    let needed = |columns: &[Column]| {
        taken(columns)
            + if columns.contains(&Column::Site) {
                SITE
            } else {
                0
            }
    };
    // What is named last matters least.
    while needed(&columns) > room + 1 {
        let Some(last) = columns.iter().rposition(|c| *c != Column::Site) else {
            break;
        };
        columns.remove(last);
    }
    let rest = (room + 1).saturating_sub(taken(&columns));
    columns
        .into_iter()
        .map(|column| match column {
            Column::Site => (column, rest.max(4)),
            column => (column, column.width(wide, time)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_fits_its_room() {
        for room in 40..200 {
            for chosen in [&[][..], &Column::ALL[..]] {
                let layout = layout(chosen, room, TimeKind::Utc);
                let width: usize = layout.iter().map(|(_, w)| w + 1).sum();
                assert!(width < room, "{room}: {layout:?}");
                assert!(layout.iter().any(|(c, _)| *c == Column::Site));
            }
        }
    }

    #[test]
    fn columns_chosen_stand_in_their_order() {
        let chosen = [Column::Site, Column::Device];
        let shown = layout(&chosen, 60, TimeKind::Utc);
        assert_eq!(shown, [(Column::Site, 41), (Column::Device, 16)]);
    }
}
