//! The report as one HTML file that loads nothing and needs no script.
//!
//! Small templates, written one finding at a time so that ten thousand findings cost no more memory than one.
//! Two walls stand between a capture and the reader's browser: every string is made harmless and escaped by
//! the template engine's formatter, and a content security policy admits only the style and the script whose
//! hashes it names.

mod chart;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::io;

use minijinja::value::Serde;
use minijinja::{Environment, Value, context, escape_formatter};

use crate::crypto::{base64, sha256};
use crate::finding::{Candidate, Finding, FindingId, Report, ServerHealth, Severity};
use crate::report::clock::{Clock, rfc3339};
use crate::report::group::{Group, groups, trigger};
use crate::report::summary::Summary;
use crate::report::view::{self, Record};
use crate::report::{Options, prose, safe};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// Findings shown in full. A page of more is slow to open and nobody reads it; the table lists all.
const DETAILED: usize = 1_000;
/// Evidence lines shown for one finding; a set of many sites would drown the page.
const EVIDENCE: usize = 24;
/// Servers shown with what is to mend; the JSON report has all.
const SERVERS: usize = 200;
/// Rejected candidates shown for one finding.
const REJECTED: usize = 6;

/// Writes the whole report.
///
/// # Errors
/// What the writer says; a template that fails is reported as an error of kind `Other`.
pub fn write(report: &Report, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let env = environment()?;
    let clock = options.clock(report);
    let notes = prose::coverage(&report.coverage);
    render(
        &env,
        "head.html",
        head(report, options, &clock, !notes.is_empty()),
        out,
    )?;
    let groups = groups(report, options.group);
    let detailed = detailed(report, &groups);
    if !report.findings.is_empty() {
        for finding in &report.findings {
            let linked = detailed.contains(&finding.id);
            render(&env, "row.html", row(finding, linked, &clock), out)?;
        }
        let all = context! {
            left => report.findings.len() - detailed.len(),
            shown => detailed.len(),
        };
        render(&env, "rows_end.html", all, out)?;
    }
    for group in groups {
        let shown: Vec<&Finding> = group
            .findings
            .iter()
            .copied()
            .filter(|f| detailed.contains(&f.id))
            .collect();
        let title = context! {
            title => prose::group_title(&group.key),
            n => group.findings.len(),
            left => group.findings.len() - shown.len(),
        };
        render(&env, "group.html", title, out)?;
        for finding in shown {
            render(
                &env,
                "finding.html",
                one(finding, report, options, &clock),
                out,
            )?;
        }
    }
    if !report.findings.is_empty() {
        out.write_all(b"</div>\n")?;
    }
    let ill: Vec<Value> = report
        .servers
        .iter()
        .filter(|s| !s.problems.is_empty())
        .take(SERVERS)
        .map(server)
        .collect();
    let tail = context! {
        servers => ill,
        given_away => prose::privacy(&report.privacy),
        notes,
        about => prose::about(),
        glossary => Serde(prose::GLOSSARY),
        version => options.tool_version.as_str(),
        generated_at => options.generated_at.map(rfc3339),
        script => SCRIPT,
    };
    render(&env, "tail.html", tail, out)
}

/// Which findings are shown in full: all, or one of each group, then those with the gravest alerts, then in order.
fn detailed(report: &Report, groups: &[Group<'_>]) -> HashSet<FindingId> {
    let ids = report.findings.iter().map(|f| f.id);
    if report.findings.len() <= DETAILED {
        return ids.collect();
    }
    let gravity = |f: &Finding| f.alerts.iter().map(|a| a.severity).max();
    let mut alarming: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|f| gravity(f) > Some(Severity::Info))
        .collect();
    alarming.sort_by_key(|f| Reverse(gravity(f)));
    let firsts = groups
        .iter()
        .filter_map(|g| g.findings.first().map(|f| f.id));
    let mut chosen = HashSet::new();
    // Where every finding is a group of its own, alerts matter more.
    let firsts = firsts.take(DETAILED / 2);
    for id in firsts.chain(alarming.into_iter().map(|f| f.id)).chain(ids) {
        if chosen.len() == DETAILED {
            break;
        }
        chosen.insert(id);
    }
    chosen
}

fn environment() -> io::Result<Environment<'static>> {
    let mut env = Environment::new();
    for (name, source) in [
        ("head.html", include_str!("html/head.html")),
        ("row.html", include_str!("html/row.html")),
        ("rows_end.html", include_str!("html/rows_end.html")),
        ("group.html", include_str!("html/group.html")),
        ("finding.html", include_str!("html/finding.html")),
        ("tail.html", include_str!("html/tail.html")),
    ] {
        env.add_template(name, source).map_err(io::Error::other)?;
    }
    env.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => {
            escape_formatter(out, state, &Value::from(safe::visible(text).into_owned()))
        }
        _ => escape_formatter(out, state, value),
    });
    Ok(env)
}

fn render(
    env: &Environment<'_>,
    name: &str,
    context: Value,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let page = env
        .get_template(name)
        .and_then(|t| t.render(context))
        .map_err(io::Error::other)?;
    out.write_all(page.as_bytes())
}

fn head(report: &Report, options: &Options, clock: &Clock, notes: bool) -> Value {
    let span = report.coverage.span.map(|(first, last)| {
        context! { first => clock.show(first), last => clock.show(last), length => last.since(first).to_string() }
    });
    context! {
        style => STYLE,
        style_hash => hash(STYLE),
        script_hash => hash(SCRIPT),
        version => options.tool_version.as_str(),
        sources => options.sources.join(", "),
        span,
        frames => report.coverage.frames,
        handshakes => report.coverage.handshakes,
        empty => report.findings.is_empty().then(|| prose::nothing_found(&report.coverage)),
        rows_follow => !report.findings.is_empty(),
        sums => Serde(prose::summary(&Summary::of(report))),
        alerts => Serde(report.alerts.iter().map(view::alert).collect::<Vec<_>>()),
        servers => report.servers.iter().any(|s| !s.problems.is_empty()),
        given_away => !prose::privacy(&report.privacy).is_empty(),
        outages => report.outages.iter().map(|o| prose::outage(o, clock)).collect::<Vec<_>>(),
        overview => Serde(chart::overview(report, clock)),
        notes,
    }
}

fn row(finding: &Finding, linked: bool, clock: &Clock) -> Value {
    let alerts: Vec<&str> = finding.alerts.iter().map(|a| a.rule).collect();
    context! {
        id => finding.id.0,
        linked,
        time => clock.brief(finding.at),
        word => prose::standing(finding),
        site => prose::sites(finding),
        kind => prose::kind(finding.kind),
        host => finding.host.as_str(),
        client => finding.client.ip.to_string(),
        alerts => alerts.join(", "),
    }
}

fn one(finding: &Finding, report: &Report, options: &Options, clock: &Clock) -> Value {
    let evidence: Vec<Value> = finding
        .candidates
        .iter()
        .flat_map(|c| c.evidence.iter().map(move |e| (c, e)))
        .take(EVIDENCE)
        .map(|(c, e)| {
            context! {
                side => prose::side(e.bearing),
                text => prose::evidence(e, c, finding),
                frames => e.frames.iter().take(12).map(|f| f.get()).collect::<Vec<_>>(),
            }
        })
        .collect();
    let all: usize = finding.candidates.iter().map(|c| c.evidence.len()).sum();
    let rejected = |c: &Candidate| prose::rejection(c, finding);
    let handshake = trigger(finding, report);
    let shown = handshake.map(|h| {
        let leaf = h.chain.first();
        context! {
            connection => prose::connection(h),
            ja4 => &*h.ja4,
            certificate => leaf.map(|c| prose::certificate(c, h.hello_at)),
            serial => leaf.map(|c| c.serial.to_string()),
            crtsh => leaf.map(|c| prose::crtsh(&c.serial)),
            dossier => Serde(report.dossier(h.id).map(|d| prose::dossier(d, clock))),
        }
    });
    let mut record = Record::new(finding, report, options);
    // Shown from `evidence` and `rejected`, within their limits.
    record.candidates.clear();
    record.rejected.clear();
    context! {
        word => prose::standing(finding),
        time => clock.show(finding.at),
        client => prose::client(finding, report),
        role => finding.role.as_ref().map(prose::role),
        timing => prose::timing(finding),
        chart => Serde(chart::finding(finding, handshake, clock)),
        more_evidence => all.saturating_sub(EVIDENCE),
        rejected => finding.rejected.iter().take(REJECTED).map(rejected).collect::<Vec<_>>(),
        evidence,
        trigger => shown,
        f => Serde(record),
    }
}

/// A server's certificates: what is wrong, what mends it, what it cost.
fn server(server: &ServerHealth) -> Value {
    let problems: Vec<Value> = server
        .problems
        .iter()
        .map(|problem| {
            context! {
                text => prose::problem(problem),
                remedy => prose::remedy(problem),
                frames => problem.frames.iter().map(|f| f.get()).collect::<Vec<_>>(),
            }
        })
        .collect();
    context! {
        site => server.site.as_str(),
        at => server.server.to_string(),
        staple => prose::stapling(server),
        cost => prose::cost(server),
        problems,
    }
}

/// A hash source of a content security policy (CSP 3, 2.3.1).
fn hash(text: &str) -> String {
    format!("sha256-{}", base64(&sha256(text.as_bytes())))
}

#[cfg(test)]
mod tests;
