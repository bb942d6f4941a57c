//! `deskhand tools list`.

use chrono::TimeDelta;
use serde::Serialize;

use super::super::print::{self, line, note};
use super::super::session::Session;
use crate::agent::Agent;
use crate::db::tool_calls::{self, ToolUse};
use crate::db::{sites, tool_breakers};
use crate::domain::site::Site;
use crate::domain::tool::Power;
use crate::hands::breakers;
use crate::hands::outside::tools::Problem;
use crate::models::breaker::Breaker;

/// Where a tool of this program is from.
const OWN: &str = "deskhand";

#[derive(Serialize)]
struct Row {
    name: String,
    /// `deskhand`, or the connection as `kind/name`.
    from: String,
    power: &'static str,
    on: bool,
    /// Why it is off.
    why: Option<String>,
    /// `closed`, `trial`, or `open`.
    breaker: &'static str,
    open_until: Option<String>,
    calls: i64,
    errors: i64,
    error_share: Option<f64>,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    /// Whether its server's description is kept from the model.
    description_withheld: bool,
}

#[derive(Serialize)]
struct All<'a> {
    site: &'a str,
    mode: &'static str,
    tools: Vec<Row>,
    problems: &'a [Problem],
}

/// What is known of a tool before the database is asked.
struct Known {
    name: String,
    from: String,
    power: Power,
    withheld: bool,
}

pub(super) async fn run(session: &Session, agent: &Agent, site: &Site, json: bool) -> anyhow::Result<()> {
    let connected = agent.registry.site_tools(site.id).await;
    let own = agent.registry.list().map(|(name, power, _)| Known {
        name: name.to_owned(),
        from: OWN.to_owned(),
        power,
        withheld: false,
    });
    let theirs = connected.iter().map(|(name, tool)| Known {
        name: name.to_owned(),
        from: tool.origin.to_string(),
        power: tool.power(),
        withheld: tool.withheld,
    });
    let known: Vec<Known> = own.chain(theirs).collect();
    let now = session.clock.now();
    let mut tx = session.db.site(site.id).await?;
    let site = sites::own(&mut tx).await?.unwrap_or_else(|| site.clone());
    let resting = tool_breakers::all(&mut tx).await?;
    let used = tool_calls::since(&mut tx, now - TimeDelta::days(1)).await?;
    tx.commit().await?;
    let tools = known
        .into_iter()
        .map(|k| {
            // A connection that is left alone keeps all of its tools back.
            let breaker = resting
                .iter()
                .filter(|r| r.name == k.name || r.name == k.from)
                .map(|r| breakers::read(r.state.clone()))
                .max_by_key(Breaker::level);
            let used = used.iter().find(|u| u.tool == k.name);
            row(k, &site, breaker.as_ref(), used, now)
        })
        .collect();
    let all = All {
        site: &site.slug,
        mode: site.mode.as_str(),
        tools,
        problems: &connected.problems,
    };
    if json {
        return print::json(&all);
    }
    show(&all);
    Ok(())
}

fn row(
    known: Known,
    site: &Site,
    breaker: Option<&Breaker>,
    used: Option<&ToolUse>,
    now: chrono::DateTime<chrono::Utc>,
) -> Row {
    let why = if site.rules.off.contains(&known.name) {
        Some("switched off".to_owned())
    } else if !known.power.is_allowed(site.mode) {
        Some(format!("not in mode {}", site.mode.as_str()))
    } else {
        None
    };
    let until = breaker.and_then(|b| b.resting_until(now));
    let (calls, errors) = used.map_or((0, 0), |u| (u.calls, u.errors));
    let error_share = (calls > 0).then(|| errors as f64 / calls as f64);
    Row {
        on: why.is_none(),
        why,
        breaker: match breaker.map(Breaker::level) {
            Some(2) if until.is_some() => "open",
            Some(1 | 2) => "trial",
            _ => "closed",
        },
        open_until: until.map(|u| u.to_rfc3339()),
        calls,
        errors,
        error_share,
        p50_ms: used.and_then(|u| u.p50_ms),
        p95_ms: used.and_then(|u| u.p95_ms),
        description_withheld: known.withheld,
        name: known.name,
        from: known.from,
        power: known.power.as_str(),
    }
}

fn show(all: &All<'_>) {
    let width = all.tools.iter().map(|t| t.name.len()).max().unwrap_or(0).max(4);
    line(&format!(
        "{:<width$}  {:<8}  {:<26}  {:<7}  {:>6}  {:>6}  {:>8}  from",
        "tool", "power", "state", "breaker", "calls", "errors", "p95"
    ));
    for t in &all.tools {
        let state = match &t.why {
            None => "on".to_owned(),
            Some(why) => format!("off: {why}"),
        };
        let share = t
            .error_share
            .map(|s| format!("{:.0} %", s * 100.0))
            .unwrap_or_default();
        let p95 = t.p95_ms.map(|ms| format!("{ms:.0} ms")).unwrap_or_default();
        line(&format!(
            "{:<width$}  {:<8}  {state:<26}  {:<7}  {:>6}  {share:>6}  {p95:>8}  {}",
            t.name, t.power, t.breaker, t.calls, t.from
        ));
    }
    for t in all.tools.iter().filter(|t| t.description_withheld) {
        note(&format!(
            "{}: its description names a tool of deskhand's own and is kept from the model.",
            t.name
        ));
    }
    for p in all.problems {
        let tool = p
            .tool
            .as_deref()
            .map(|t| format!(", tool {t}"))
            .unwrap_or_default();
        note(&format!("{}{tool}: {}", p.connection, p.why));
    }
}
