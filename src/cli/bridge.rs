//! `deskhand bridge`: what sites told by the event bridge, and what came of it.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::bridge::{self, EventRow};
use crate::db::embedded::Access;
use crate::domain::ids::EventId;
use crate::events::handle;

/// What to do.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List the newest events.
    List {
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
        /// Only of this type, such as form.submitted.
        #[arg(long = "type", value_name = "TYPE")]
        event_type: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        most: u16,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Show what an event told, as JSON; personal data too.
    Show {
        /// Its id, as `list` prints it.
        event: EventId,
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such site or event, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = match command {
        Command::List {
            site,
            event_type,
            most,
            json,
        } => list(&session, site.as_deref(), event_type.as_deref(), most, json).await,
        Command::Show { event, site } => show(&session, site.as_deref(), event).await,
    };
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(
    session: &Session,
    site: Option<&str>,
    event_type: Option<&str>,
    most: u16,
    as_json: bool,
) -> anyhow::Result<()> {
    let site = session.site(site).await?;
    let mut tx = session.db.site(site.id).await?;
    let rows = bridge::newest(&mut tx, event_type, most.into()).await?;
    drop(tx);
    if as_json {
        return print::json(&rows.iter().map(told).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        note("This site has told nothing yet.");
    }
    for row in rows {
        let outcome = match (&row.result, &row.error) {
            (Some(result), _) => result.to_string(),
            (None, Some(error)) => error.clone(),
            (None, None) => String::new(),
        };
        let at = row.received_at.format("%Y-%m-%d %H:%M");
        line(&format!(
            "{}  {at}  {:<9}  {:<22}  {}  {outcome}",
            row.id, row.state, row.event_type, row.object_ref
        ));
    }
    Ok(())
}

fn told(row: &EventRow) -> Value {
    json!({
        "request_id": row.id, "idempotency_key": row.key, "event_type": row.event_type, "object_ref": row.object_ref,
        "state": row.state, "result": row.result, "error": row.error, "occurred_at": row.occurred_at,
        "received_at": row.received_at, "finished_at": row.finished_at,
    })
}

async fn show(session: &Session, site: Option<&str>, event: EventId) -> anyhow::Result<()> {
    let site = session.site(site).await?;
    let mut tx = session.db.site(site.id).await?;
    let sealed = bridge::body(&mut tx, event).await?;
    drop(tx);
    let sealed = sealed.context("this site has told no such event; `deskhand bridge list` lists them")?;
    let told = handle::read(&session.master, site.id, event, &sealed)?;
    print::json(&told.canonical(site.id))
}
