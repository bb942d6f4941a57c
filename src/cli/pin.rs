//! `deskhand pin`: the operator's own answers, which are searched before everything else
//! where a visitor asks the same.

use std::process::ExitCode;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::knowledge::pins::kept::{self, Change, NewPin, NewSource, Pin};

/// What to do with pins.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Add an answer, or change the one to the same question.
    Add(Add),
    /// List the answers.
    List(Of),
    /// Remove an answer.
    Rm(Remove),
}

fn link(text: &str) -> Result<String, String> {
    super::ingest::address(text).map(|()| text.to_owned())
}

/// Whose.
#[derive(clap::Args)]
pub struct Of {
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long)]
    site: Option<String>,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

/// A pin.
#[derive(clap::Args)]
pub struct Add {
    /// The question, as visitors ask it.
    #[arg(long)]
    question: String,
    /// The answer, in Markdown.
    #[arg(long)]
    answer: String,
    /// Where visitors can read more: an absolute URL or a path of the site (default: as before).
    #[arg(long, value_name = "URL", value_parser = link)]
    source: Option<String>,
    /// Take the source away from an answer that has one.
    #[arg(long, conflicts_with = "source")]
    no_source: bool,
    #[command(flatten)]
    of: Of,
}

/// Which one.
#[derive(clap::Args)]
pub struct Remove {
    /// Its id, as `deskhand pin list` shows it; the beginning is enough.
    id: String,
    #[command(flatten)]
    of: Of,
}

/// Does it.
///
/// # Errors
/// When there is no such site or pin, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = match &command {
        Command::Add(args) => add(&session, args).await,
        Command::List(of) => list(&session, of).await,
        Command::Rm(args) => remove(&session, args).await,
    };
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn add(session: &Session, args: &Add) -> anyhow::Result<()> {
    let site = session.site(args.of.site.as_deref()).await?;
    let new = NewPin {
        question: &args.question,
        answer: &args.answer,
        source: match &args.source {
            Some(address) => NewSource::At(address),
            None if args.no_source => NewSource::None,
            None => NewSource::Kept,
        },
    };
    let (db, clock, knowledge) = (&session.db, session.clock.as_ref(), &session.knowledge);
    let (pin, change) = kept::add(db, clock, knowledge, site.id, new).await?;
    if args.of.json {
        let mut told = serde_json::to_value(&pin)?;
        told["change"] = serde_json::to_value(change)?;
        return print::json(&told);
    }
    let word = match change {
        Change::Added => "added",
        Change::Changed => "changed",
        Change::Unchanged => "unchanged",
    };
    line(&format!("{word}  {}", shown(&pin)));
    Ok(())
}

async fn list(session: &Session, of: &Of) -> anyhow::Result<()> {
    let site = session.site(of.site.as_deref()).await?;
    let mut tx = session.db.site(site.id).await?;
    let pins = kept::list(&mut tx).await?;
    drop(tx);
    if of.json {
        return print::json(&pins);
    }
    if pins.is_empty() {
        note("No pins yet; `deskhand pin add --question … --answer …` adds one.");
    }
    for pin in pins {
        line(&shown(&pin));
        let answer = pin.answer.as_deref().unwrap_or("(not taken in yet)");
        for text in answer.lines().filter(|l| !l.trim().is_empty()) {
            line(&format!("    {text}"));
        }
    }
    Ok(())
}

fn shown(pin: &Pin) -> String {
    let source = pin.source.as_ref().map(|s| format!("  {s}")).unwrap_or_default();
    format!("{}  {}{source}", pin.id, pin.question)
}

async fn remove(session: &Session, args: &Remove) -> anyhow::Result<()> {
    let site = session.site(args.of.site.as_deref()).await?;
    let pin = kept::remove(&session.db, session.clock.as_ref(), site.id, &args.id).await?;
    if args.of.json {
        return print::json(&pin);
    }
    line(&format!("removed  {}", pin.question));
    Ok(())
}
