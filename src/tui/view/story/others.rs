//! What is told of things other than one contact: sites, devices, lookups, alerts, coverage, and the tool itself.

use std::net::SocketAddr;

use super::*;

/// What the capture cannot show.
pub(in crate::tui::view) fn coverage(app: &App) -> Vec<Block> {
    let theme = &app.theme;
    let coverage = &app.report.coverage;
    let mut blocks = vec![Block::Title("What was read".into())];
    let mut field = |name, value: String| blocks.push(Block::Field(name, value));
    for source in &app.options.sources {
        field("input", source.clone());
    }
    if let Some((first, last)) = coverage.span {
        let clock = app.clock();
        field("from", clock.show(first));
        field(
            "to",
            format!("{} ({})", clock.show(last), last.since(first)),
        );
    }
    field(
        "frames",
        format!("{} ({} bytes)", coverage.frames, coverage.bytes),
    );
    let [tcp, udp] = coverage.flows;
    field("flows", format!("{tcp} TCP, {udp} UDP"));
    field(
        "handshakes",
        format!(
            "{}: {} certificates readable, {} by keys, {} hidden, {} resumed",
            coverage.handshakes,
            coverage.handshakes_clear,
            coverage.handshakes_keys,
            coverage.handshakes_hidden,
            coverage.handshakes_resumed
        ),
    );
    if coverage.dropped > 0 {
        field(
            "dropped",
            count(
                usize::try_from(coverage.dropped).unwrap_or(usize::MAX),
                "frame",
                "frames",
            ),
        );
    }
    blocks.push(Block::Blank);
    blocks.push(Block::Title("What this capture cannot show".into()));
    let notes = prose::coverage(coverage);
    if notes.is_empty() && app.source.cut_short.is_none() {
        blocks.push(Block::Text(
            theme.text,
            "Nothing that matters here is missing.".into(),
        ));
    }
    for note in notes {
        blocks.push(item(app.glyphs.bullet, theme.dim, note));
    }
    if let Some(why) = &app.source.cut_short {
        blocks.push(item(app.glyphs.alert, theme.bad, why.clone()));
    }
    if !coverage.undecoded.is_empty() || !coverage.anomalies.is_empty() {
        blocks.push(Block::Blank);
        blocks.push(Block::Title("Odd things on the way".into()));
        for (reason, n) in &coverage.undecoded {
            blocks.push(item(
                app.glyphs.bullet,
                theme.dim,
                format!("{n} × {reason}"),
            ));
        }
        for (kind, n) in &coverage.anomalies {
            blocks.push(item(
                app.glyphs.bullet,
                theme.dim,
                format!("{n} × {}", kind.word().replace('-', " ")),
            ));
        }
    }
    blocks
}

/// lencr.org in plain words, and the words of this tool.
pub(in crate::tui::view) fn about(app: &App) -> Vec<Block> {
    let theme = &app.theme;
    let mut blocks = Vec::new();
    if let Some((host, role)) = app
        .finding()
        .and_then(|f| Some((&f.host, f.role.as_ref()?)))
    {
        blocks.push(Block::Title(format!("This contact's host: {host}")));
        blocks.push(Block::Text(theme.text, prose::role(role)));
        blocks.push(Block::Blank);
    }
    blocks.push(Block::Title("lencr.org".into()));
    blocks.push(Block::Text(theme.text, prose::about().into()));
    blocks.push(Block::Blank);
    blocks.push(Block::Title("Signs and words".into()));
    for status in [
        Status::Proven,
        Status::Strong,
        Status::Likely,
        Status::Possible,
        Status::Unexplained,
    ] {
        let word = format!("{status:?}").to_lowercase();
        let meaning = prose::GLOSSARY
            .iter()
            .find(|(w, _)| *w == word)
            .map(|(_, m)| *m)
            .unwrap_or_default();
        let lead = format!("{} {word}", app.glyphs.status(status));
        blocks.push(item(
            &crate::tui::text::fit(&lead, 13),
            theme.status(status),
            meaning,
        ));
    }
    for (word, meaning) in prose::GLOSSARY {
        let known = ["proven", "strong", "likely", "possible", "unexplained"];
        if !known.contains(word) {
            blocks.push(item(
                &crate::tui::text::fit(word, 13),
                theme.strong,
                *meaning,
            ));
        }
    }
    blocks.push(Block::Blank);
    blocks.push(Block::Text(
        theme.dim,
        format!(
            "whylencr {}. It never opens a network connection by itself.",
            app.options.tool_version
        ),
    ));
    blocks
}

/// What is known of the selected site.
pub(in crate::tui::view) fn site(app: &App) -> Vec<Block> {
    let row = app
        .tables
        .as_ref()
        .and_then(|t| t.sites.get(app.cursor().row));
    let Some(row) = row else {
        return vec![Block::Text(
            app.theme.dim,
            "No verdict names a site.".into(),
        )];
    };
    let mut blocks = vec![Block::Title(row.name.clone())];
    let first = app.clock().show(row.first);
    let contacts = count(row.contacts, "contact", "contacts");
    blocks.push(item(
        "caused",
        app.theme.dim,
        format!("{contacts}, the first at {first}"),
    ));
    let handshake = row
        .handshake
        .and_then(|place| app.report.handshakes.get(place));
    if let Some(handshake) = handshake {
        blocks.push(Block::Text(
            app.theme.text,
            format!("{}.", prose::connection(handshake)),
        ));
        if let Some(certificate) = handshake.chain.first() {
            blocks.push(Block::Text(
                app.theme.text,
                format!("{}.", prose::certificate(certificate, handshake.hello_at)),
            ));
            blocks.push(Block::Text(
                app.theme.dim,
                prose::crtsh(&certificate.serial),
            ));
        }
        if let Some(dossier) = app.report.dossier(handshake.id) {
            let lines = prose::dossier(dossier, &app.clock());
            let known = lines.into_iter();
            blocks.extend(known.map(|(label, line)| item(label, app.theme.dim, line)));
        }
    }
    let servers = app.report.servers.iter().filter(|s| s.site == row.name);
    for problem in servers.flat_map(|s| &s.problems).take(12) {
        blocks.push(item("wrong", app.theme.accent, prose::problem(problem)));
        blocks.push(item("mend", app.theme.dim, prose::remedy(problem)));
    }
    let advice = app
        .report
        .findings
        .iter()
        .skip(row.finding)
        .filter(|f| f.verdict.site.as_deref() == Some(row.name.as_str()))
        .find_map(prose::advice);
    if let Some(advice) = advice {
        blocks.push(item("do", app.theme.accent, advice));
    }
    blocks
}

/// What is known of the selected device.
pub(in crate::tui::view) fn device(app: &App) -> Vec<Block> {
    let row = app
        .tables
        .as_ref()
        .and_then(|t| t.devices.get(app.cursor().row));
    let Some((row, device)) = row.and_then(|r| Some((r, app.report.devices.get(r.device)?))) else {
        return vec![Block::Text(app.theme.dim, "No device seen yet.".into())];
    };
    let mut blocks = vec![Block::Title(device.label.clone())];
    let addresses: Vec<String> = device
        .addresses
        .iter()
        .take(12)
        .map(ToString::to_string)
        .collect();
    blocks.push(Block::Field("addresses", addresses.join(", ")));
    if !device.clients.is_empty() {
        blocks.push(Block::Field(
            "clients",
            safe::line(&device.clients.join(", ")).into_owned(),
        ));
    }
    blocks.push(Block::Field(
        "contacts",
        format!("{}, {} unexplained", row.contacts, row.unexplained),
    ));
    if device.shared {
        blocks.push(item(
            app.glyphs.bullet,
            app.theme.fair,
            "Several machines seem to share its address.",
        ));
    }
    for (spot, flows) in &device.blind {
        blocks.push(item(
            app.glyphs.bullet,
            app.theme.fair,
            prose::blind_spot(*spot, *flows),
        ));
    }
    blocks
}

/// The selected lookup.
pub(in crate::tui::view) fn lookup(app: &App) -> Vec<Block> {
    let Some(lookup) = app.report.lookups.get(app.cursor().row) else {
        return vec![Block::Text(
            app.theme.dim,
            "No lookup of a watched host or of its trigger.".into(),
        )];
    };
    let mut blocks = vec![Block::Title(lookup.name.to_string())];
    // What is known from its answer alone has no ports, and perhaps no server.
    let shown = |address: SocketAddr| match address.port() {
        0 => address.ip().to_string(),
        _ => address.to_string(),
    };
    blocks.push(Block::Field("asked by", shown(lookup.client)));
    if lookup.server.port() != 0 {
        blocks.push(Block::Field("asked", shown(lookup.server)));
    }
    if !lookup.chain.is_empty() {
        let chain: Vec<String> = lookup.chain.iter().map(ToString::to_string).collect();
        blocks.push(Block::Field("CNAME", chain.join(" → ")));
    }
    if !lookup.addresses.is_empty() {
        let addresses: Vec<String> = lookup.addresses.iter().map(ToString::to_string).collect();
        blocks.push(Block::Field("addresses", addresses.join(", ")));
    }
    blocks.push(Block::Field(
        "frames",
        frames(&lookup.frames).trim_start().to_owned(),
    ));
    blocks
}

/// The selected alert.
pub(in crate::tui::view) fn alert(app: &App) -> Vec<Block> {
    let Some(row) = app
        .tables
        .as_ref()
        .and_then(|t| t.alerts.get(app.cursor().row))
    else {
        return vec![Block::Text(app.theme.dim, "No alert.".into())];
    };
    let finding = row.finding.and_then(|place| app.report.findings.get(place));
    let list = finding.map_or(&app.report.alerts, |f| &f.alerts);
    let Some(alert) = list.get(row.alert) else {
        return Vec::new();
    };
    let mut blocks = vec![
        item(
            &format!("{} {}", app.glyphs.alert, alert.severity.word()),
            app.theme.severity(alert.severity),
            format!("{}{}", prose::alert(alert), frames(&alert.frames)),
        ),
        Block::Text(app.theme.dim, prose::benign(alert).into()),
    ];
    if let Some(finding) = finding {
        blocks.push(Block::Blank);
        blocks.push(Block::Text(
            app.theme.text,
            format!("{}.", prose::headline(finding)),
        ));
        blocks.push(Block::Text(
            app.theme.text,
            prose::why(finding, &app.report),
        ));
    }
    blocks
}
