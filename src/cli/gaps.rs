//! `deskhand gaps`: which questions found nothing, grouped, so that somebody can write
//! about them or pin an answer.

use std::process::ExitCode;

use chrono::TimeDelta;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::gaps as stored;
use crate::db::models;
use crate::knowledge::{embed, gaps};
use crate::models::embedder::Purpose;

/// The most questions that are looked at.
const MOST: i64 = 2_000;

/// Which ones.
#[derive(clap::Args)]
pub struct Args {
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long)]
    site: Option<String>,
    /// Of how many days.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=90))]
    days: u16,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

/// Shows them.
///
/// # Errors
/// When there is no such site or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = show(&session, &args).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn show(session: &Session, args: &Args) -> anyhow::Result<()> {
    let site = session.site(args.site.as_deref()).await?;
    let since = session.clock.now() - TimeDelta::days(args.days.into());
    let mut tx = session.db.site(site.id).await?;
    let found = stored::list(&mut tx, since, MOST).await?;
    let live = models::of_site(&mut tx).await?.live;
    drop(tx);
    let vectors = match live {
        Some(model) if !found.is_empty() => {
            let in_use = embed::open(&session.knowledge.embedders, &model).await;
            let questions = found.iter().map(|g| g.question.clone()).collect();
            match in_use {
                Ok(model) => Some(model.embedder.embed(questions, Purpose::Passages).await?),
                Err(error) => {
                    note(&format!("Grouped by words alone: {error}"));
                    None
                }
            }
        }
        _ => None,
    };
    let groups = gaps::grouped(&found, vectors.as_deref());
    if args.json {
        return print::json(&groups);
    }
    if groups.is_empty() {
        note("Every question found something.");
    }
    for group in groups {
        let at = group.last_at.format("%Y-%m-%d");
        line(&format!(
            "{:>4} ×  {}  (last on {at})",
            group.count, group.question
        ));
        for other in group.also {
            line(&format!("        {other}"));
        }
    }
    Ok(())
}
