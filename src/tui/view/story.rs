//! What is said about a finding, the capture and lencr.org. The sentences are prose's; here they are put in order.

mod others;

use crate::finding::{Bearing, Candidate, Evidence, Finding, FindingId, Handshake, Visibility};
use crate::frame::FrameNo;
use crate::pki::cert::{Certificate, KeyKind};
use crate::report::clock::date;
use crate::report::words::Word as _;
use crate::report::{clock, group, prose, safe, view};
use crate::tui::app::App;
use crate::tui::index::{self, Row};
use crate::tui::keys::Action;
use crate::tui::text::count;
use crate::tui::theme::Status;

use super::blocks::{Block, item};
use super::contacts;
use super::layout::Areas;

pub(super) use self::others::{about, alert, coverage, device, lookup, site};

/// The short story beside the list.
pub(super) fn why(app: &App, areas: &Areas) -> Vec<Block> {
    let theme = &app.theme;
    let Some(finding) = app.finding() else {
        return nothing(app);
    };
    let mut blocks = Vec::new();
    if let Some(Row::Group(slot)) = app.index.rows.get(app.cursor().row)
        && let Some(head) = app.index.heads.get(*slot)
    {
        let contacts = count(head.count, "contact", "contacts");
        blocks.push(Block::Title(format!("{}: {contacts}, first:", head.title)));
    }
    blocks.push(standing(app, finding));
    blocks.push(Block::Text(theme.text, prose::why(finding, &app.report)));
    alerts(&mut blocks, app, finding);
    let timing = prose::timing(finding);
    if !timing.is_empty() {
        blocks.push(item("time", theme.dim, timing));
    }
    for candidate in finding.candidates.iter().take(4) {
        for evidence in &candidate.evidence {
            blocks.push(piece(app, evidence, candidate, finding));
        }
    }
    if let Some(advice) = prose::advice(finding) {
        blocks.push(item("do", theme.accent, advice));
    }
    // Room is better used than left blank.
    if areas.why.height >= ROOMY {
        blocks.push(Block::Blank);
        blocks.extend(facts(app, finding));
    }
    blocks
}

/// Rows from which the facts stand below the why.
const ROOMY: u16 = 24;

/// The details screen: everything on one column, or the story alone when the facts stand beside it.
pub(super) fn details(app: &App, areas: &Areas) -> Vec<Block> {
    let Some(finding) = app.finding() else {
        return nothing(app);
    };
    let mut blocks = told(app, finding);
    if areas.why.width == 0 {
        blocks.push(Block::Blank);
        blocks.extend(facts(app, finding));
    }
    blocks
}

fn told(app: &App, finding: &Finding) -> Vec<Block> {
    let theme = &app.theme;
    let mut blocks = vec![
        standing(app, finding),
        Block::Text(theme.strong, format!("{}.", prose::headline(finding))),
        Block::Blank,
        Block::Title("Why".into()),
        Block::Text(theme.text, prose::why(finding, &app.report)),
    ];
    if !finding.alerts.is_empty() {
        blocks.push(Block::Blank);
        blocks.push(Block::Title("Alerts".into()));
        alerts(&mut blocks, app, finding);
    }
    for candidate in &finding.candidates {
        blocks.push(Block::Blank);
        blocks.push(Block::Title(format!(
            "Evidence: {}",
            prose::site(&candidate.site)
        )));
        evidence(&mut blocks, app, candidate, finding);
    }
    if !finding.rejected.is_empty() {
        blocks.push(Block::Blank);
        blocks.push(Block::Title(format!(
            "Why not another ({})",
            finding.rejected.len() as u64 + finding.left_out.rejected
        )));
        for candidate in &finding.rejected {
            blocks.push(item(
                app.glyphs.no,
                theme.dim,
                prose::rejection(candidate, finding),
            ));
        }
    }
    if !finding.verdict.missing.is_empty() {
        blocks.push(Block::Blank);
        blocks.push(Block::Title("What would settle it".into()));
        for missing in &finding.verdict.missing {
            blocks.push(item(app.glyphs.bullet, theme.dim, prose::missing(*missing)));
        }
    }
    if let Some(advice) = prose::advice(finding) {
        blocks.push(Block::Blank);
        blocks.push(Block::Title("What to do".into()));
        blocks.push(Block::Text(theme.text, advice));
    }
    blocks
}

/// What the bytes say: question, answer, timing, trigger, certificates.
pub(super) fn facts(app: &App, finding: &Finding) -> Vec<Block> {
    let mut blocks = Vec::new();
    contact(&mut blocks, app, finding);
    answer(&mut blocks, app, finding);
    if let Some(handshake) = trigger(app, finding) {
        blocks.push(Block::Blank);
        blocks.push(Block::Title("Trigger".into()));
        connection(&mut blocks, app, handshake);
        for (place, certificate) in handshake.chain.iter().enumerate() {
            blocks.push(Block::Blank);
            let name = if place == 0 {
                "Certificate of the site".to_owned()
            } else {
                format!("Chain, {place} above")
            };
            blocks.push(Block::Title(name));
            facts_of(&mut blocks, certificate);
        }
    }
    if let Some(filter) = view::filter(finding) {
        blocks.push(Block::Blank);
        blocks.push(Block::Title("Wireshark filter".into()));
        blocks.push(Block::Text(app.theme.text, filter));
    }
    blocks
}

fn trigger<'a>(app: &'a App, finding: &Finding) -> Option<&'a Handshake> {
    group::trigger(finding, &app.report)
        .or_else(|| app.report.handshake(finding.candidates.first()?.handshake))
}

fn nothing(app: &App) -> Vec<Block> {
    let theme = &app.theme;
    let report = &app.report;
    let text = if !report.findings.is_empty() {
        let key = app.keys.hint(Action::Escape);
        format!("No contact passes the filter. {key} drops it.")
    } else if app.source.ended {
        prose::nothing_found(&report.coverage)
    } else if app.source.live {
        "Listening. Contacts with lencr.org appear here as they happen.".to_owned()
    } else {
        "Reading. Contacts with lencr.org appear here as they are found.".to_owned()
    };
    let mut blocks = vec![Block::Text(theme.text, text)];
    if report.findings.is_empty() && app.source.ended {
        blocks.push(Block::Blank);
        for note in prose::coverage(&report.coverage) {
            blocks.push(item(app.glyphs.bullet, theme.dim, note));
        }
    }
    blocks
}

fn standing(app: &App, finding: &Finding) -> Block {
    let status = Status::of(finding);
    let style = app.theme.status(status);
    let FindingId(id) = finding.id;
    Block::Item {
        lead: format!(
            "{} {}",
            app.glyphs.status(status),
            prose::standing(finding).to_uppercase()
        ),
        lead_style: style,
        text: format!(
            "{} #{id}, {}",
            contacts::kind(finding.kind),
            app.clock().brief(finding.at)
        ),
        style: app.theme.dim,
    }
}

fn alerts(blocks: &mut Vec<Block>, app: &App, finding: &Finding) {
    for alert in &finding.alerts {
        let style = app.theme.severity(alert.severity);
        let lead = format!("{} {}", app.glyphs.alert, alert.severity.word());
        blocks.push(item(
            &lead,
            style,
            format!("{}{}", prose::alert(alert), frames(&alert.frames)),
        ));
        blocks.push(Block::Item {
            lead: "   ".into(),
            lead_style: app.theme.dim,
            text: prose::benign(alert).to_owned(),
            style: app.theme.dim,
        });
    }
}

fn evidence(blocks: &mut Vec<Block>, app: &App, candidate: &Candidate, finding: &Finding) {
    for evidence in &candidate.evidence {
        blocks.push(piece(app, evidence, candidate, finding));
    }
    if candidate.evidence.is_empty() {
        blocks.push(Block::Text(app.theme.dim, "nothing beyond its time".into()));
    }
}

fn piece(app: &App, evidence: &Evidence, candidate: &Candidate, finding: &Finding) -> Block {
    let theme = &app.theme;
    let (sign, style) = match evidence.bearing {
        Bearing::Decides => (app.glyphs.status(Status::Proven), theme.good),
        Bearing::Supports(_) => (app.glyphs.yes, theme.good),
        Bearing::Opposes(_) | Bearing::Excludes => (app.glyphs.no, theme.bad),
    };
    let lead = format!("{sign} {}", prose::side(evidence.bearing));
    let sentence = prose::evidence(evidence, candidate, finding);
    item(
        &lead,
        style,
        format!("{sentence}{}", frames(&evidence.frames)),
    )
}

fn contact(blocks: &mut Vec<Block>, app: &App, finding: &Finding) {
    blocks.push(Block::Title("Contact".into()));
    let mut field = |name, value: String| blocks.push(Block::Field(name, value));
    field("when", app.clock().show(finding.at));
    field("who", prose::client(finding, &app.report));
    field("device", finding.client.device_label.clone());
    if let Some(agent) = &finding.client.user_agent {
        field("User-Agent", safe::line(agent).into_owned());
    }
    if let Some(process) = &finding.client.process {
        let command = process.command.as_deref().unwrap_or(&process.name);
        field("process", format!("{command} ({})", process.source));
    }
    field("host", finding.host.to_string());
    if let Some(role) = &finding.role {
        field("it is", prose::role(role));
    }
    if let Some(server) = finding.server {
        field("server", server.to_string());
    }
    if let (Some(method), Some(url)) = (&finding.method, &finding.url) {
        field(
            "request",
            format!("{} {}", safe::capped(method, 20), safe::line(url)),
        );
    }
    for serial in finding.asked.serials.iter().take(4) {
        field("serial", serial.to_string());
    }
    if let Some(issuer) = &finding.asked.issuer {
        field("issuer", issuer.clone());
    }
    if let Some(shard) = finding.asked.shard {
        field("shard", shard.to_string());
    }
    let timing = prose::timing(finding);
    if !timing.is_empty() {
        field("timing", timing);
    }
    field("stage", finding.stage.word().to_owned());
    let own = &finding.frames;
    for (name, list) in [
        ("lookup", &own.dns),
        ("connect", &own.connect),
        ("asked in", &own.request),
        ("answered in", &own.response),
    ] {
        if !list.is_empty() {
            field(name, frames(list).trim_start().to_owned());
        }
    }
}

fn answer(blocks: &mut Vec<Block>, app: &App, finding: &Finding) {
    let answer = &finding.answer;
    let time = |at| {
        clock::rfc3339(at)
            .get(..19)
            .map(|s| format!("{s}Z"))
            .unwrap_or_default()
    };
    blocks.push(Block::Blank);
    blocks.push(Block::Title("Answer".into()));
    if let Some(said) = prose::answer(finding) {
        blocks.push(Block::Text(app.theme.text, said));
    }
    let mut field = |name, value: String| blocks.push(Block::Field(name, value));
    if let Some(status) = answer.http_status {
        field("HTTP", status.to_string());
    }
    if let Some(failure) = answer.failure {
        field("failure", prose::failure(failure));
    }
    if let Some(target) = &answer.redirect {
        field("Location", safe::line(target).into_owned());
    }
    if let Some(ocsp) = &answer.ocsp {
        if let Some(at) = ocsp.produced_at {
            field("producedAt", time(at));
        }
        for single in ocsp.answers.iter().take(4) {
            field("certStatus", prose::status(single.status));
            field("serial", single.id.serial.to_string());
            field("thisUpdate", time(single.this_update));
            if let Some(at) = single.next_update {
                field("nextUpdate", time(at));
            }
        }
    }
    if let Some(crl) = &answer.crl {
        field(
            "issuer",
            crl.issuer_cn.clone().unwrap_or_else(|| crl.issuer.clone()),
        );
        field("entries", crl.entries.to_string());
        field("thisUpdate", time(crl.this_update));
        if let Some(at) = crl.next_update {
            field("nextUpdate", time(at));
        }
        if let Some(number) = &crl.number {
            field("CRLNumber", number.clone());
        }
        for url in &crl.idp_urls {
            field("covers", url.clone());
        }
    }
    for (serial, status) in answer.revoked_seen.iter().take(4) {
        field("lists", format!("{serial}: {}", prose::status(*status)));
    }
    field("signature", answer.signature.word().replace('-', " "));
    for certificate in &answer.certificates {
        blocks.push(Block::Blank);
        blocks.push(Block::Title("Issuer certificate received".into()));
        facts_of(blocks, certificate);
    }
}

fn connection(blocks: &mut Vec<Block>, app: &App, handshake: &Handshake) {
    blocks.push(Block::Text(
        app.theme.text,
        format!("{}.", prose::connection(handshake)),
    ));
    let mut field = |name, value: String| blocks.push(Block::Field(name, value));
    field("ClientHello", app.clock().show(handshake.hello_at));
    if !handshake.alpn.is_empty() {
        field("ALPN", handshake.alpn.join(", "));
    }
    field("JA4", handshake.ja4.to_string());
    let shown = match handshake.visibility {
        Visibility::Clear => "readable in the capture",
        Visibility::Keys => "decrypted with keys",
        Visibility::Learned => "hidden here, known from elsewhere in the capture",
        Visibility::Hidden => "hidden by encryption",
        Visibility::Resumed => "not sent: the session was resumed",
        Visibility::Lost => "missing from the capture",
    };
    field("certificate", shown.to_owned());
    let staple = match (&handshake.staple, handshake.wanted_staple) {
        (Some(_), _) => "delivered",
        (None, true) => "wanted by the client, none seen",
        (None, false) => "not wanted by the client",
    };
    field("staple", staple.to_owned());
    let list: Vec<FrameNo> = [
        handshake.frames.client_hello,
        handshake.frames.server_hello,
        handshake.frames.certificate,
    ]
    .into_iter()
    .flatten()
    .collect();
    if !list.is_empty() {
        field("frames", frames(&list).trim_start().to_owned());
    }
}

fn facts_of(blocks: &mut Vec<Block>, certificate: &Certificate) {
    let mut field = |name, value: String| blocks.push(Block::Field(name, value));
    field("subject", certificate.subject.clone());
    field("issuer", certificate.issuer.clone());
    field("serial", certificate.serial.to_string());
    field(
        "valid",
        format!(
            "{} to {}",
            date(certificate.not_before),
            date(certificate.not_after)
        ),
    );
    if !certificate.names.is_empty() {
        let names = certificate
            .names
            .iter()
            .take(8)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        let more = certificate.names.len().saturating_sub(8);
        field(
            "names",
            if more > 0 {
                format!("{names} and {more} more")
            } else {
                names
            },
        );
    }
    field(
        "key",
        match certificate.key {
            KeyKind::Rsa(bits) => format!("RSA {bits}"),
            KeyKind::Ec(bits) => format!("EC {bits}"),
            KeyKind::Other => "other".into(),
        },
    );
    for (name, urls) in [
        ("OCSP", &certificate.ocsp_urls),
        ("CRL", &certificate.crl_urls),
        ("caIssuers", &certificate.issuer_urls),
    ] {
        for url in urls.iter().take(3) {
            field(name, safe::line(url).into_owned());
        }
    }
    if certificate.must_staple {
        field("must-staple", "yes".into());
    }
    field("crt.sh", prose::crtsh(&certificate.serial));
}

/// A line on how many of the contacts are shown.
pub(super) fn shown(app: &App) -> String {
    let all = app.report.findings.len();
    let shown = app.index.shown;
    let mut text = if shown == all {
        format!("{all}")
    } else {
        format!("{shown} of {all}")
    };
    if app.setting.grouping != index::Grouping::Flat {
        text.push_str(&format!(", {}", app.setting.grouping.word()));
    }
    if app.setting.sort != crate::filter::Sort::Time || app.setting.reverse {
        let order = if app.setting.reverse {
            app.glyphs.up
        } else {
            app.glyphs.down
        };
        text.push_str(&format!(", {} {order}", app.setting.sort.word()));
    }
    text
}

fn frames(list: &[FrameNo]) -> String {
    const SHOWN: usize = 6;
    if list.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = list.iter().take(SHOWN).map(|f| format!("#{f}")).collect();
    let more = if list.len() > SHOWN { " …" } else { "" };
    format!(" ({}{more})", numbers.join(" "))
}
