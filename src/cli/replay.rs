//! `deskhand replay`: a turn's recorded inputs through the machine again.

use std::process::ExitCode;

use super::conversation::short;
use super::print::{self, line};
use super::session::Session;
use crate::agent::turns;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::domain::ids::TurnId;

/// Which turn.
#[derive(clap::Args)]
pub struct Args {
    /// Its id, as `deskhand ask --json` gives it.
    turn: TurnId,
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long)]
    site: Option<String>,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

/// Replays; exits with 1 when the machine ends elsewhere than it did.
///
/// # Errors
/// When there is no such turn, or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = replay(&session, &args).await;
    session.close().await?;
    done.map(|same| {
        if same {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    })
}

async fn replay(session: &Session, args: &Args) -> anyhow::Result<bool> {
    let site = session.site(args.site.as_deref()).await?;
    let mut tx = session.db.site(site.id).await?;
    let replayed = turns::replay(&mut tx, args.turn).await?;
    let steps = turns::steps(&mut tx, args.turn).await?;
    tx.commit().await?;
    let Some((again, driven)) = replayed else {
        anyhow::bail!("{} has no turn {}", site.slug, args.turn)
    };
    let same = again == driven;
    let short: Vec<_> = steps.iter().map(short).collect();
    if args.json {
        print::json(&serde_json::json!({ "same": same, "end": again, "steps": short }))?;
        return Ok(same);
    }
    for s in &short {
        let text = |key: &str| s.get(key).and_then(|v| v.as_str()).unwrap_or("-").to_owned();
        let actions = s
            .get("actions")
            .and_then(|a| a.as_array())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let actions: Vec<_> = actions.iter().filter_map(|a| a.as_str()).collect();
        let number = |key: &str| s.get(key).and_then(serde_json::Value::as_i64).unwrap_or(0);
        line(&format!(
            "{:>3} {:>6} ms  {:<12} → {:<10} {}",
            number("n"),
            number("ms"),
            text("input"),
            text("state"),
            actions.join(", ")
        ));
    }
    line(if same {
        "The replay ends in the same state."
    } else {
        "The replay ends in ANOTHER state than the turn did."
    });
    Ok(same)
}
