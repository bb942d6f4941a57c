//! `deskhand inbox`: what waits for the site's people.

use std::process::ExitCode;

use clap::Subcommand;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::{handoffs, threads};
use crate::domain::ids::ThreadId;

/// What to do with it.
#[derive(Subcommand)]
pub enum Command {
    /// List open handoffs and tickets, oldest first.
    List {
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Show a conversation.
    Show {
        /// Its id, as `inbox list` gives it.
        thread: ThreadId,
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
    },
}

/// Runs one.
///
/// # Errors
/// When there is no such site or conversation, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, command).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn execute(session: &Session, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { site, json } => {
            let site = session.site(site.as_deref()).await?;
            let mut tx = session.db.site(site.id).await?;
            let waiting = handoffs::waiting(&mut tx).await?;
            tx.commit().await?;
            if json {
                return print::json(&waiting);
            }
            if waiting.is_empty() {
                note("Nothing waits.");
            }
            for w in waiting {
                let thread = w.thread_id.map(|t| t.to_string()).unwrap_or_default();
                line(&format!(
                    "{}  {:<8} {:<16} {thread}",
                    w.at.format("%Y-%m-%d %H:%M"),
                    w.kind,
                    w.reason
                ));
            }
        }
        Command::Show { thread, site } => {
            let site = session.site(site.as_deref()).await?;
            let mut tx = session.db.site(site.id).await?;
            let messages = threads::messages(&mut tx, thread, i64::MAX, 200).await?;
            tx.commit().await?;
            anyhow::ensure!(!messages.is_empty(), "{} has no conversation {thread}", site.slug);
            for m in messages {
                line(&format!("{}  {}", m.at.format("%Y-%m-%d %H:%M"), m.author));
                line(&format!("{}\n", m.text));
            }
        }
    }
    Ok(())
}
