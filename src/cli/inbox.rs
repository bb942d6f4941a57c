//! `deskhand inbox`: what waits for the site's people, and what they do about it.

mod list;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use tokio_util::sync::CancellationToken;

use super::print::note;
use super::session::Session;
use super::work;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::proposals;
use crate::domain::ids::{ProposalId, ThreadId, TurnId};
use crate::domain::job::Work;
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
    /// List open handoffs, tickets, drafts to send and proposals to approve, what is due first at the top.
    List {
        /// For scripts.
        #[arg(long)]
        json: bool,
        /// Go on looking, and show the list anew when it changes (Ctrl-C ends it).
        #[arg(long)]
        watch: bool,
    },
    /// Show a conversation with what was done in it. Personal data is shown, and that is noted.
    Show {
        /// Its id, as `inbox list` gives it.
        thread: ThreadId,
        /// For scripts.
        #[arg(long)]
        json: bool,
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
    /// Send what the agent drafted (shadow mode), as it is or with another text.
    Send {
        /// The draft, as `inbox list` gives it.
        draft: TurnId,
        /// What to send instead, Markdown.
        text: Vec<String>,
    },
    /// Drop a draft; the visitor hears nothing of it.
    Drop {
        /// The draft.
        draft: TurnId,
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
        /// Also where somebody else has claimed it; the audit says so.
        #[arg(long)]
        take: bool,
    },
    /// Be done with a conversation: its handoff, tickets and drafts are resolved.
    Resolve {
        /// Its id.
        thread: ThreadId,
        /// Also where somebody else has claimed it; the audit says so.
        #[arg(long)]
        take: bool,
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
        Command::List { json, watch: false } => list::once(session, &desk, json).await,
        Command::List { json, watch: true } => list::watch(session, &desk, json).await,
        Command::Show { thread, json } => show::show(session, &desk, thread, json).await,
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
        Command::Send { draft, text } => {
            let text = text.join(" ");
            desk.send_draft(draft, Some(text.as_str()).filter(|t| !t.is_empty()))
                .await?;
            note("Sent; the agent goes on with this conversation.");
            Ok(())
        }
        Command::Drop { draft } => {
            desk.drop_draft(draft).await?;
            note("Dropped.");
            Ok(())
        }
        Command::Approve { proposal } => approve(session, &desk, proposal).await,
        Command::Refuse { proposal } => {
            decide::refuse(&desk, proposal).await?;
            note("Refused; the visitor is told.");
            Ok(())
        }
        Command::GiveBack { thread, take } => {
            desk.give_back(thread, take).await?;
            note("The agent has this conversation again.");
            Ok(())
        }
        Command::Resolve { thread, take } => {
            desk.resolve(thread, take).await?;
            note("Resolved.");
            Ok(())
        }
    }
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
