//! `deskhand connections`: what a site is connected to; ends and tries connections. A secret is
//! never shown.

mod check;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::connect::{called, note_act};
use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::connections::{self, Connection};
use crate::db::embedded::Access;
use crate::domain::site::Site;

/// Whose connections, and what to do with them.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Args {
    /// The site's slug or id.
    site: String,
    /// For scripts.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do with one; without a command they are listed.
#[derive(clap::Subcommand)]
pub enum Command {
    /// End a connection; its secret is forgotten.
    Rm(Which),
    /// Call the other side, and say what is wrong.
    Test(Which),
}

/// Which one.
#[derive(clap::Args)]
pub struct Which {
    /// Its kind.
    kind: String,
    /// Its name, where a site can have several of the kind.
    #[arg(default_value = "")]
    name: String,
}

/// A connection as it is shown.
#[derive(Serialize)]
struct Shown {
    kind: String,
    name: String,
    config: Value,
    has_secret: bool,
    at: DateTime<Utc>,
}

impl From<Connection> for Shown {
    fn from(c: Connection) -> Self {
        Self {
            kind: c.kind,
            name: c.name,
            config: c.config,
            has_secret: c.secret_sealed.is_some(),
            at: c.at,
        }
    }
}

/// Does it.
///
/// # Errors
/// When there is no such site or connection, or the other side doesn't do as it should.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, &args).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn execute(session: &Session, args: &Args) -> anyhow::Result<()> {
    let site = session.site(Some(&args.site)).await?;
    match &args.command {
        None => list(session, &site, args.json).await,
        Some(Command::Rm(which)) => remove(session, &site, which).await,
        Some(Command::Test(which)) => {
            let connection = find(session, &site, which).await?;
            line(&check::run(session, &site, &connection).await?);
            Ok(())
        }
    }
}

async fn list(session: &Session, site: &Site, as_json: bool) -> anyhow::Result<()> {
    let mut tx = session.db.site(site.id).await?;
    let all: Vec<Shown> = connections::list(&mut tx)
        .await?
        .into_iter()
        .map(Into::into)
        .collect();
    drop(tx);
    if as_json {
        return print::json(&all);
    }
    if all.is_empty() {
        note(&format!(
            "{} has no connections; `deskhand connect --help` says what there can be.",
            site.slug
        ));
    }
    for c in all {
        let settings: Vec<String> = c
            .config
            .as_object()
            .map_or_else(Vec::new, |map| map.iter().map(setting).collect());
        let secret = if c.has_secret { "  with a secret" } else { "" };
        line(&format!(
            "{}  {}  {}{secret}",
            c.at.format("%Y-%m-%d %H:%M"),
            called(&c.kind, &c.name),
            settings.join(" ")
        ));
    }
    Ok(())
}

/// A setting on one line; a long one cut.
fn setting((key, value): (&String, &Value)) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let short: String = text.chars().take(80).collect();
    let cut = if short.len() < text.len() { "…" } else { "" };
    format!("{key}={short}{cut}")
}

async fn find(session: &Session, site: &Site, which: &Which) -> anyhow::Result<Connection> {
    let mut tx = session.db.site(site.id).await?;
    let found = connections::of_kind(&mut tx, &which.kind).await?;
    drop(tx);
    found
        .into_iter()
        .find(|c| c.name == which.name)
        .ok_or_else(|| missing(site, which))
}

fn missing(site: &Site, which: &Which) -> anyhow::Error {
    anyhow::anyhow!(
        "{} has no connection `{}`; `deskhand connections {}` lists them",
        site.slug,
        called(&which.kind, &which.name),
        site.slug
    )
}

async fn remove(session: &Session, site: &Site, which: &Which) -> anyhow::Result<()> {
    let mut tx = session.db.site(site.id).await?;
    if !connections::remove(&mut tx, &which.kind, &which.name).await? {
        return Err(missing(site, which));
    }
    note_act(
        &mut tx,
        session.clock.as_ref(),
        "disconnect",
        &which.kind,
        &which.name,
    )
    .await?;
    tx.commit().await?;
    line(&format!(
        "{}: {} is ended",
        site.slug,
        called(&which.kind, &which.name)
    ));
    Ok(())
}
