//! Geometry of the drawings. Only instants that were seen are drawn.

use serde::Serialize;

use crate::finding::{ContactKind, Finding, Handshake, Report};
use crate::report::clock::Clock;
use crate::report::prose;
use crate::time::Timestamp;

/// Contacts over time, a lane for each kind.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    height: u32,
    foot_y: u32,
    first: String,
    last: String,
    lanes: Vec<KindLane>,
}

#[derive(Debug, Serialize)]
struct KindLane {
    name: &'static str,
    text_y: u32,
    axis_y: u32,
    bars: Vec<Column>,
}

#[derive(Debug, Serialize)]
struct Column {
    x: u32,
    y: u32,
    w: u32,
    h: u32,
    title: String,
}

/// One contact and the handshake that caused it.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    height: u32,
    axis_y: u32,
    foot_y: u32,
    label: String,
    first: String,
    last: String,
    lanes: Vec<Lane>,
}

#[derive(Debug, Serialize)]
struct Lane {
    name: String,
    text_y: u32,
    bar_y: u32,
    mark_top: u32,
    mark_bottom: u32,
    bars: Vec<Bar>,
    marks: Vec<Mark>,
}

#[derive(Debug, Serialize)]
struct Bar {
    class: &'static str,
    x: u32,
    w: u32,
    title: String,
}

#[derive(Debug, Serialize)]
struct Mark {
    x: u32,
    title: String,
}

/// The overall drawing: columns whose height is the number of contacts in their stretch of time.
pub(super) fn overview(report: &Report, clock: &Clock) -> Option<Overview> {
    const COLUMNS: u32 = 120;
    const WIDTH: u32 = 6;
    const LANE: u32 = 28;
    let scale = Scale::over(report.findings.iter().map(|f| f.at), COLUMNS)?;
    let mut lanes = Vec::new();
    let mut axis_y = 0;
    for kind in [
        ContactKind::Ocsp,
        ContactKind::Crl,
        ContactKind::Issuer,
        ContactKind::Unknown,
    ] {
        let mut columns = [0_u64; COLUMNS as usize];
        for finding in report.findings.iter().filter(|f| f.kind == kind) {
            if let Some(column) = columns.get_mut(scale.place(finding.at).min(COLUMNS - 1) as usize)
            {
                *column += 1;
            }
        }
        let most = columns.iter().copied().max().unwrap_or(0);
        if most == 0 {
            continue;
        }
        axis_y += LANE;
        let bars = (0_u32..)
            .zip(columns)
            .filter(|(_, n)| *n > 0)
            .map(|(place, n)| {
                // At least 4 high, so that a single contact beside many is seen.
                let h = 4 + u32::try_from(n * 18 / most).unwrap_or(18);
                let title = format!("{n} {}", prose::kind(kind));
                Column {
                    x: 110 + place * WIDTH,
                    y: axis_y - h,
                    w: WIDTH - 1,
                    h,
                    title,
                }
            })
            .collect();
        lanes.push(KindLane {
            name: prose::kind(kind),
            text_y: axis_y - 4,
            axis_y,
            bars,
        });
    }
    let height = axis_y + 20;
    Some(Overview {
        height,
        foot_y: height - 5,
        first: clock.show(scale.first),
        last: clock.show(scale.last),
        lanes,
    })
}

/// The drawing of one finding.
pub(super) fn finding(
    finding: &Finding,
    handshake: Option<&Handshake>,
    clock: &Clock,
) -> Option<Chart> {
    const LEFT: u32 = 180;
    const WIDTH: u32 = 620;
    const LANE: u32 = 24;
    let own = [finding.began_at, finding.at, finding.ended_at];
    let shake = handshake.map_or_else(Vec::new, |h| {
        let seen = [
            h.opened_at,
            Some(h.hello_at),
            h.server_hello_at,
            h.certificate_at,
            h.first_data_at,
        ];
        seen.into_iter().flatten().collect()
    });
    let scale = Scale::over(own.into_iter().chain(shake.iter().copied()), WIDTH)?;
    let x = |at: Timestamp| LEFT + scale.place(at);
    let bar = |class, from: Timestamp, to: Timestamp, title: String| Bar {
        class,
        x: x(from),
        w: (x(to).saturating_sub(x(from))).max(2),
        title,
    };
    let mut lanes = Vec::new();
    let mut bottom = 0;
    let mut lane = |name: String, bars: Vec<Bar>, marks: Vec<Mark>| {
        let top = bottom;
        bottom += LANE;
        lanes.push(Lane {
            name,
            text_y: top + 16,
            bar_y: top + 6,
            mark_top: top + 2,
            mark_bottom: top + 22,
            bars,
            marks,
        });
    };
    if let (Some(h), Some(first), Some(last)) = (handshake, shake.iter().min(), shake.iter().max())
    {
        let name = finding
            .candidates
            .first()
            .map_or_else(String::new, |c| prose::site(&c.site));
        let marks = [
            (Some(h.hello_at), "ClientHello"),
            (h.server_hello_at, "ServerHello"),
            (h.certificate_at, "Certificate"),
            (h.first_data_at, "first data of the client"),
        ];
        let marks = marks
            .into_iter()
            .filter_map(|(at, what)| {
                at.map(|at| Mark {
                    x: x(at),
                    title: format!("{what} {}", clock.brief(at)),
                })
            })
            .collect();
        lane(
            crate::report::safe::capped(&name, 26).into_owned(),
            vec![bar("b-tls", *first, *last, "handshake".into())],
            marks,
        );
    }
    let mut bars = Vec::new();
    if finding.began_at < finding.at {
        let title = format!(
            "lookup and connection, {}",
            finding.at.since(finding.began_at)
        );
        bars.push(bar("b-prepare", finding.began_at, finding.at, title));
    }
    let title = format!(
        "{}, {}",
        prose::kind(finding.kind),
        finding.ended_at.since(finding.at)
    );
    bars.push(bar("b-fetch", finding.at, finding.ended_at, title));
    lane(
        crate::report::safe::capped(finding.host.as_str(), 26).into_owned(),
        bars,
        Vec::new(),
    );
    let axis_y = bottom + 4;
    Some(Chart {
        height: axis_y + 20,
        axis_y,
        foot_y: axis_y + 14,
        label: format!("Timeline over {}", scale.last.since(scale.first)),
        first: clock.show(scale.first),
        last: format!("+{}", scale.last.since(scale.first)),
        lanes,
    })
}

struct Scale {
    first: Timestamp,
    last: Timestamp,
    width: u32,
}

impl Scale {
    fn over(times: impl Iterator<Item = Timestamp>, width: u32) -> Option<Self> {
        let (first, last) = times.fold(None, |ends: Option<(Timestamp, Timestamp)>, at| {
            Some(ends.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
        })?;
        Some(Self { first, last, width })
    }

    /// 0 to the width, rounded down.
    fn place(&self, at: Timestamp) -> u32 {
        let whole = i128::from(self.last.since(self.first).as_nanos()).max(1);
        let part = i128::from(at.since(self.first).as_nanos()).clamp(0, whole);
        u32::try_from(part * i128::from(self.width) / whole).unwrap_or(self.width)
    }
}
