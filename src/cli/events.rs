//! `deskhand events`: the webhooks that came, what became of each, and having one taken in again.

use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use serde::Serialize;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::inbound_views::{self, Again, EventView, Which};
use crate::db::{refused, sites};
use crate::domain::ids::{DocumentId, EventId};
use crate::domain::site::Site;

/// What to do with webhooks.
#[derive(Subcommand)]
pub enum Command {
    /// List webhooks, the newest first.
    List {
        /// The site's slug or id (default: all).
        #[arg(long)]
        site: Option<String>,
        /// Where they stand.
        #[arg(long, value_parser = ["queued", "processed", "failed", "discarded"])]
        state: Option<String>,
        /// What happened, for example post.published.
        #[arg(long)]
        kind: Option<String>,
        /// About this document only: its id.
        #[arg(long)]
        document: Option<DocumentId>,
        /// How many of a site at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Show all about one webhook.
    Show {
        /// Its id, as `events list` gives it.
        id: EventId,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Take a webhook in again that failed.
    Retry {
        /// Its id.
        id: EventId,
    },
    /// List who sent webhooks with a wrong signature, by day. What they said isn't kept.
    Refused {
        /// The site's slug or id (default: all).
        #[arg(long)]
        site: Option<String>,
        /// Of how many days, today included.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
}

/// A row with its site.
#[derive(Serialize)]
struct OfSite<T> {
    site: String,
    #[serde(flatten)]
    row: T,
}

/// Runs one.
///
/// # Errors
/// When there is no such webhook or site, it can't be retried, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, command).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn execute(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List {
            site,
            state,
            kind,
            document,
            limit,
            json,
        } => {
            let which = Which {
                state,
                kind,
                document,
                ..Which::default()
            };
            list(session, site.as_deref(), &which, limit, json).await
        }
        Command::Show { id, json } => {
            let (site, event) = find(session, id).await?;
            if json {
                return print::json(&OfSite {
                    site: site.slug,
                    row: event,
                });
            }
            show(&site, &event);
            Ok(())
        }
        Command::Retry { id } => retry(session, id).await,
        Command::Refused { site, days, json } => senders(session, site.as_deref(), days, json).await,
    }
}

/// The site that is named, or all.
async fn wanted(session: &Session, site: Option<&str>) -> anyhow::Result<Vec<Site>> {
    Ok(match site {
        Some(_) => vec![session.site(site).await?],
        None => sites::list(&session.db).await?,
    })
}

async fn find(session: &Session, id: EventId) -> anyhow::Result<(Site, EventView)> {
    for site in sites::list(&session.db).await? {
        let mut tx = session.db.site(site.id).await?;
        if let Some(event) = inbound_views::get(&mut tx, id).await? {
            return Ok((site, event));
        }
    }
    anyhow::bail!("there is no webhook {id}; `deskhand events list` shows those that are kept")
}

async fn list(
    session: &Session,
    site: Option<&str>,
    which: &Which,
    limit: i64,
    json: bool,
) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for site in wanted(session, site).await? {
        let mut tx = session.db.site(site.id).await?;
        let found = inbound_views::list(&mut tx, which, limit).await?;
        all.extend(found.into_iter().map(|row| OfSite {
            site: site.slug.clone(),
            row,
        }));
    }
    if json {
        return print::json(&all);
    }
    if all.is_empty() {
        note("No webhook is kept that is like this.");
        return Ok(());
    }
    note(&format!(
        "{:<36}  {:<9}  {:<14}  {:<14}  {:<16}  {:<5}  WHY",
        "EVENT", "STATE", "KIND", "SITE", "CAME", "TRIES"
    ));
    for OfSite { site, row } in &all {
        let shown = format!(
            "{}  {:<9}  {:<14}  {site:<14}  {:<16}  {:<5}  {}",
            row.id,
            row.state,
            row.kind,
            row.received_at.format("%Y-%m-%d %H:%M"),
            row.attempts,
            row.remark.as_deref().unwrap_or_default()
        );
        line(shown.trim_end());
    }
    if all.iter().any(|e| e.row.state == "failed") {
        note("`deskhand events retry ID` takes one that failed in again; `events show ID` says more.");
    }
    Ok(())
}

fn show(site: &Site, e: &EventView) {
    let time = |t: DateTime<Utc>| t.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let signature = match (&e.kid, e.signature_valid) {
        (Some(kid), true) => format!("right, by {kid}"),
        (None, true) => "right".to_owned(),
        (_, false) => "wrong".to_owned(),
    };
    let body = match e.body_bytes {
        Some(n) => format!("{n} bytes, SHA-256 {}", e.body_sha256),
        None => format!("gone with its document, SHA-256 {}", e.body_sha256),
    };
    let rows = [
        ("Event", Some(e.id.to_string())),
        ("Site", Some(site.slug.clone())),
        ("From", Some(e.source.clone())),
        ("Name", Some(e.external_id.clone())),
        ("Kind", Some(e.kind.clone())),
        ("State", Some(e.state.clone())),
        ("Why", e.remark.clone()),
        ("Tries", Some(e.attempts.to_string())),
        ("Signature", Some(signature)),
        ("Happened", Some(time(e.event_at))),
        ("Came", Some(time(e.received_at))),
        ("Body", Some(body)),
        ("Document", e.document_id.map(|d| d.to_string())),
        ("Job", e.job_id.map(|j| j.to_string())),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            line(&format!("{name:<12} {value}"));
        }
    }
    for (name, value) in e.headers.as_object().into_iter().flatten() {
        line(&format!(
            "{:<12} {name}: {}",
            "Header",
            value.as_str().unwrap_or_default()
        ));
    }
}

async fn retry(session: &Session, id: EventId) -> anyhow::Result<()> {
    let (site, _) = find(session, id).await?;
    let mut tx = session.db.site(site.id).await?;
    let again = inbound_views::again(&mut tx, id).await?;
    tx.commit().await?;
    match again {
        Some(Again::Queued(job)) => line(&format!("{id} is taken in again by job {job}.")),
        Some(Again::Waits(job)) => line(&format!("{id} waits already, for job {job}.")),
        Some(Again::NotFailed) => anyhow::bail!("{id} didn't fail: there is nothing to try again"),
        Some(Again::Forgotten) => {
            anyhow::bail!(
                "the content of {id} is gone, since its document was deleted; have the site send it again"
            )
        }
        None => anyhow::bail!("there is no webhook {id}"),
    }
    Ok(())
}

async fn senders(session: &Session, site: Option<&str>, days: u16, json: bool) -> anyhow::Result<()> {
    let since = session.clock.now().date_naive() - TimeDelta::days(i64::from(days) - 1);
    let mut all = Vec::new();
    for site in wanted(session, site).await? {
        let mut tx = session.db.site(site.id).await?;
        let found = refused::since(&mut tx, since).await?;
        all.extend(found.into_iter().map(|row| OfSite {
            site: site.slug.clone(),
            row,
        }));
    }
    if json {
        return print::json(&all);
    }
    if all.is_empty() {
        note("No webhook with a wrong signature came.");
    }
    for OfSite { site, row } in &all {
        line(&format!(
            "{}  {site:<14}  {:<10}  {:<39}  {:>6}  last {}  {}",
            row.day,
            row.source,
            row.address,
            row.n,
            row.last_at.format("%H:%M:%S"),
            row.user_agent.as_deref().unwrap_or_default()
        ));
    }
    Ok(())
}
