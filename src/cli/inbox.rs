//! `deskhand inbox`: what waits for the site's people, and what they do about it.

use std::process::ExitCode;

use clap::Subcommand;
use tokio_util::sync::CancellationToken;

use super::print::{self, line, note};
use super::session::Session;
use super::work;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::{audit, handoffs, proposals, threads};
use crate::domain::ids::{ProposalId, ThreadId};
use crate::domain::job::Work;
use crate::domain::money::{Currency, Money};
use crate::guardrails::vault;
use crate::inbox::decide;
use crate::inbox::desk::Desk;

/// Whose inbox, and who acts.
#[derive(clap::Args)]
pub struct Who {
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long, global = true)]
    site: Option<String>,
    /// Your name, as the visitor sees it and the audit keeps it.
    #[arg(long = "as", value_name = "NAME", default_value = "Support", global = true)]
    name: String,
}

/// What to do with it.
#[derive(Subcommand)]
pub enum Command {
    /// List open handoffs, tickets and proposals that wait for approval, oldest first.
    List {
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Show a conversation with what was done in it. Personal data is shown, and that is noted.
    Show {
        /// Its id, as `inbox list` gives it.
        thread: ThreadId,
    },
    /// Take a conversation over: the agent says nothing more in it.
    Claim {
        /// Its id.
        thread: ThreadId,
        /// Take it from whoever has claimed it.
        #[arg(long)]
        take: bool,
    },
    /// Write to the visitor; takes the conversation over.
    Reply {
        /// Its id.
        thread: ThreadId,
        /// What to write, Markdown.
        #[arg(required = true)]
        text: Vec<String>,
    },
    /// Approve what a visitor has said yes to, and carry it out.
    Approve {
        /// Its id, as `inbox list` gives it.
        proposal: ProposalId,
    },
    /// Refuse it; the visitor is told.
    Refuse {
        /// Its id.
        proposal: ProposalId,
    },
    /// Give a conversation back to the agent.
    GiveBack {
        /// Its id.
        thread: ThreadId,
    },
    /// Be done with a conversation: its handoff and tickets are resolved.
    Resolve {
        /// Its id.
        thread: ThreadId,
    },
}

/// Runs one.
///
/// # Errors
/// When there is no such site or conversation, somebody else has it, or the database is away.
pub async fn run(config: Config, who: Who, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, who, command).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn execute(session: &Session, who: Who, command: Command) -> anyhow::Result<()> {
    let site = session.site(who.site.as_deref()).await?;
    let desk = Desk {
        db: &session.db,
        clock: session.clock.as_ref(),
        site: site.id,
        staff: &who.name,
    };
    match command {
        Command::List { json } => list(session, &desk, json).await,
        Command::Show { thread } => show(session, &desk, thread).await,
        Command::Claim { thread, take } => {
            desk.claim(thread, take).await?;
            note("You have this conversation now; the agent is silent in it.");
            Ok(())
        }
        Command::Reply { thread, text } => {
            desk.reply(thread, &text.join(" ")).await?;
            note("Sent.");
            Ok(())
        }
        Command::Approve { proposal } => approve(session, &desk, proposal).await,
        Command::Refuse { proposal } => {
            decide::refuse(&desk, proposal).await?;
            note("Refused; the visitor is told.");
            Ok(())
        }
        Command::GiveBack { thread } => {
            desk.give_back(thread).await?;
            note("The agent has this conversation again.");
            Ok(())
        }
        Command::Resolve { thread } => {
            desk.resolve(thread).await?;
            note("Resolved.");
            Ok(())
        }
    }
}

async fn list(session: &Session, desk: &Desk<'_>, json: bool) -> anyhow::Result<()> {
    let mut tx = session.db.site(desk.site).await?;
    let waiting = handoffs::waiting(&mut tx).await?;
    let approvals = proposals::waiting(&mut tx).await?;
    tx.commit().await?;
    if json {
        return print::json(&serde_json::json!({ "waiting": waiting, "approvals": approvals }));
    }
    if waiting.is_empty() && approvals.is_empty() {
        note("Nothing waits.");
    }
    for w in waiting {
        let thread = w.thread_id.map(|t| t.to_string()).unwrap_or_default();
        line(&format!(
            "{}  {:<8} {:<8} {:<16} {thread}",
            w.at.format("%Y-%m-%d %H:%M"),
            w.kind,
            w.state,
            w.reason
        ));
    }
    for p in approvals {
        let amount = p
            .amount_minor
            .zip(p.currency.as_deref().and_then(Currency::parse))
            .map(|(minor, currency)| format!(" of {}", Money { minor, currency }))
            .unwrap_or_default();
        let since = p.confirmed_at.map(|at| at.format("%Y-%m-%d %H:%M").to_string());
        line(&format!(
            "{}  approval {}{amount} for order {}: deskhand inbox approve {}   (conversation {})",
            since.unwrap_or_default(),
            p.tool,
            p.order_number,
            p.id,
            p.thread_id
        ));
    }
    Ok(())
}

async fn show(session: &Session, desk: &Desk<'_>, thread: ThreadId) -> anyhow::Result<()> {
    let mut tx = session.db.site(desk.site).await?;
    let messages = threads::messages(&mut tx, thread, i64::MAX, 200).await?;
    anyhow::ensure!(!messages.is_empty(), "this site has no conversation {thread}");
    let known = vault::open(&mut tx, &session.master, thread).await?;
    let acts = audit::of_thread(&mut tx, thread).await?;
    let staff = format!("staff:{}", desk.staff);
    let entry = audit::Entry {
        who: &staff,
        act: "read",
        thread: Some(thread),
        subject: None,
        detail: serde_json::json!({ "personal_data": !known.is_empty() }),
        at: session.clock.now(),
    };
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    for m in messages {
        line(&format!("{}  {}", m.at.format("%Y-%m-%d %H:%M"), m.author));
        line(&format!("{}\n", known.reveal(&m.text)));
    }
    if !acts.is_empty() {
        line("What was done:");
    }
    for act in acts {
        line(&format!(
            "{}  {:<16} {:<14} {}",
            act.at.format("%Y-%m-%d %H:%M:%S"),
            act.who,
            act.act,
            act.detail
        ));
    }
    Ok(())
}

async fn approve(session: &Session, desk: &Desk<'_>, proposal: ProposalId) -> anyhow::Result<()> {
    let job = decide::approve(desk, &session.master, proposal).await?;
    note("Approved. Carrying it out…");
    // Whoever is faster does it: this command, or a server.
    let stop = CancellationToken::new();
    let ended = work::work(session, &[job], &[Work::EXECUTE_PROPOSAL], &stop, &mut |_| {}).await?;
    if let Some(Some(error)) = ended.ended.get(&job) {
        anyhow::bail!("it couldn't be carried out: {error}");
    }
    let mut tx = session.db.site(desk.site).await?;
    let row = proposals::lock(&mut tx, proposal).await?;
    tx.commit().await?;
    match row.map(|r| r.state).as_deref() {
        Some("done") => {
            note("Done; the visitor is told.");
            Ok(())
        }
        Some(state) => anyhow::bail!("it is {state}; a ticket was opened, see `deskhand inbox list`"),
        None => anyhow::bail!("the proposal is gone"),
    }
}
