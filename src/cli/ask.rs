//! `deskhand ask`: one question, one answer with numbered sources.

use std::process::ExitCode;

use serde_json::json;

use super::conversation::Conversation;
use super::demo::{self, Refresh};
use super::print::{self, line};
use super::session::Session;
use crate::agent::follow::Ended;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::domain::event::{AskKind, Asks};

/// What to ask.
#[derive(clap::Args)]
pub struct Args {
    /// The question.
    #[arg(required = true, num_args = 1..)]
    question: Vec<String>,
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long)]
    site: Option<String>,
    /// The language to answer in, for example `de`.
    #[arg(long)]
    locale: Option<String>,
    /// For scripts: answer, outcome, citations, brain, thread and steps.
    #[arg(long)]
    json: bool,
}

/// Asks.
///
/// # Errors
/// When the question isn't taken; the message says why.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = ask(&session, &args).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn ask(session: &Session, args: &Args) -> anyhow::Result<()> {
    demo::ensure(session, Refresh::IfNew).await?;
    let site = session.site(args.site.as_deref()).await?;
    let mut conversation = Conversation::new(session, site.id, args.locale.clone())?;
    let ended = conversation.say(&args.question.join(" "), |_| {}).await?;
    if !args.json {
        if !ended.text.is_empty() {
            line(&ended.text);
        }
        if let Some(asks) = ended.ask.as_ref().filter(|a| !ended.text.ends_with(&a.summary)) {
            line(&asked(asks));
        }
        sources(&ended);
        return Ok(());
    }
    let scores = conversation.scores(ended.turn).await?;
    let citations: Vec<_> = ended
        .citations
        .iter()
        .map(|c| {
            json!({
                "n": c.n, "title": c.title, "url": c.url, "section": c.section, "chunk_id": c.chunk_id,
                "snippet": c.snippet, "score": scores.iter().find(|(id, _)| *id == c.chunk_id).map(|(_, s)| s),
            })
        })
        .collect();
    print::json(&json!({
        "answer": ended.text,
        "outcome": ended.outcome,
        "citations": citations,
        "ask": ended.ask,
        "brain": ended.brain,
        "thread_id": ended.thread,
        "turn_id": ended.turn,
        "steps": conversation.steps(ended.turn).await?,
    }))
}

/// What the visitor is asked, and how to say yes to it here.
pub(super) fn asked(asks: &Asks) -> String {
    match asks.kind {
        AskKind::Confirm => format!("{} (yes/no)", asks.summary),
        AskKind::Identity | AskKind::Contact => asks.summary.clone(),
    }
}

/// The numbered sources under an answer.
pub(super) fn sources(ended: &Ended) {
    if ended.citations.is_empty() {
        return;
    }
    line("");
    for c in &ended.citations {
        let section = c.section.as_ref().map(|s| format!(" › {s}")).unwrap_or_default();
        let url = c.url.as_ref().map(|u| format!("  {u}")).unwrap_or_default();
        line(&format!("[{}] {}{section}{url}", c.n, c.title));
    }
}
