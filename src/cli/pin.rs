//! `deskhand pin`: the operator's own answers, which are searched before everything else
//! where a visitor asks the same.

use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;
use uuid::Uuid;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::documents;
use crate::db::embedded::Access;
use crate::domain::document::{NewUpload, PIN};
use crate::domain::ids::DocumentId;
use crate::knowledge::accept::accept;
use crate::knowledge::ingest::ingest;
use crate::knowledge::words::words;

/// The longest question, in characters.
const QUESTION: usize = 500;
/// The longest answer, in bytes.
const ANSWER: usize = 100_000;

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
    /// Where visitors can read more: an absolute URL or a path of the site.
    #[arg(long, value_name = "URL", value_parser = link)]
    source: Option<String>,
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

#[derive(Serialize)]
struct Pin {
    id: DocumentId,
    question: String,
    source: Option<String>,
    waiting: bool,
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
    let question = args.question.split_whitespace().collect::<Vec<_>>().join(" ");
    anyhow::ensure!(
        question.chars().any(char::is_alphanumeric) && question.chars().count() <= QUESTION,
        "the question must have words, and no more than {QUESTION} characters"
    );
    let plain = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    anyhow::ensure!(
        plain(&question) && plain(&args.answer),
        "question and answer must not have control characters"
    );
    anyhow::ensure!(
        args.answer.chars().any(char::is_alphanumeric) && args.answer.len() <= ANSWER,
        "the answer must have words, and no more than {ANSWER} bytes"
    );
    let new = NewUpload {
        source: PIN.to_owned(),
        // The same question has one answer, however it is written.
        external_id: same(&question),
        name: "pin.md".to_owned(),
        bytes: args.answer.clone().into_bytes(),
        url: args.source.clone(),
        title: Some(question.clone()),
    };
    let mut tx = session.db.site(site.id).await?;
    let accepted = accept(&mut tx, new, session.knowledge.limits).await?;
    tx.commit().await?;
    if let Some(upload) = accepted.upload {
        let (db, clock, told) = (&session.db, session.clock.as_ref(), &|_, _| {});
        let knowledge = &session.knowledge;
        if let Err(error) = ingest(db, clock, knowledge, site.id, upload, accepted.document, told).await {
            // A pin that never was one must not stay on the list.
            let mut tx = db.site(site.id).await?;
            let lives = documents::has_live(&mut tx, accepted.document).await?;
            if !lives {
                documents::delete(&mut tx, clock.now(), accepted.document).await?;
            }
            tx.commit().await?;
            anyhow::bail!("the answer can't be taken in: {error}");
        }
    }
    let mut all = pins(session, &site).await?;
    all.retain(|pin| pin.id == accepted.document);
    let pin = all.pop().context("the pin was removed meanwhile")?;
    if args.of.json {
        return print::json(&pin);
    }
    line(&format!("{}  {}", pin.id, pin.question));
    Ok(())
}

/// What makes two questions the same: their words, in any case and with any marks.
fn same(question: &str) -> String {
    let words: Vec<String> = words(question).into_iter().map(|w| w.lower).collect();
    words.join(" ").chars().take(1000).collect()
}

async fn list(session: &Session, of: &Of) -> anyhow::Result<()> {
    let site = session.site(of.site.as_deref()).await?;
    let pins = pins(session, &site).await?;
    if of.json {
        return print::json(&pins);
    }
    if pins.is_empty() {
        note("No pins yet; `deskhand pin add --question … --answer …` adds one.");
    }
    for pin in pins {
        let source = pin.source.map(|s| format!("  {s}")).unwrap_or_default();
        line(&format!("{}  {}{source}", pin.id, pin.question));
    }
    Ok(())
}

async fn pins(session: &Session, site: &crate::domain::site::Site) -> anyhow::Result<Vec<Pin>> {
    let mut tx = session.db.site(site.id).await?;
    let rows = documents::of_source(&mut tx, PIN).await?;
    Ok(rows
        .into_iter()
        .map(|row| Pin {
            id: row.id,
            question: row.title,
            source: row.url,
            waiting: row.waiting,
        })
        .collect())
}

async fn remove(session: &Session, args: &Remove) -> anyhow::Result<()> {
    let site = session.site(args.of.site.as_deref()).await?;
    let wanted = args.id.trim().to_lowercase();
    anyhow::ensure!(
        !wanted.is_empty(),
        "say which pin; `deskhand pin list` shows their ids"
    );
    let found: Vec<Pin> = pins(session, &site)
        .await?
        .into_iter()
        .filter(|p| p.id.to_string().starts_with(&wanted) || Uuid::parse_str(&wanted) == Ok(p.id.0))
        .collect();
    let [pin] = &found[..] else {
        anyhow::bail!(
            "{} pins begin with `{}`; `deskhand pin list` shows them",
            if found.is_empty() {
                "no".to_owned()
            } else {
                found.len().to_string()
            },
            args.id
        );
    };
    let mut tx = session.db.site(site.id).await?;
    documents::delete(&mut tx, session.clock.now(), pin.id).await?;
    tx.commit().await?;
    if args.of.json {
        return print::json(pin);
    }
    line(&format!("removed  {}", pin.question));
    Ok(())
}
