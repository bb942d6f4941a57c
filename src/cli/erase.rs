//! `deskhand erase`: a person's data over all tables, removed, with a receipt; and
//! `deskhand export`: the same data, shown.

use std::io::IsTerminal;
use std::process::ExitCode;

use serde::Serialize;
use uuid::Uuid;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::erasure::Counts;
use crate::db::sites;
use crate::domain::ids::VisitorId;
use crate::domain::site::Site;
use crate::privacy::erase::{self, Receipt};
use crate::privacy::export;
use crate::privacy::journal::Journal;
use crate::privacy::subject::Subject;

/// Whom.
#[derive(clap::Args)]
pub struct Person {
    /// The person's e-mail address.
    #[arg(long, required_unless_present = "visitor")]
    email: Option<String>,
    /// A visitor's id that is known to be theirs; may be given several times.
    #[arg(long, value_name = "ID")]
    visitor: Vec<Uuid>,
    /// The site's slug or id (default: all sites).
    #[arg(long)]
    site: Option<String>,
}

/// Whom to erase.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    person: Person,
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
    /// Don't ask whether to go on.
    #[arg(long, short)]
    yes: bool,
    /// For scripts; doesn't ask either.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct OfSite {
    site: String,
    #[serde(flatten)]
    receipt: Option<Receipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_remove: Option<Counts>,
}

impl Person {
    fn subject(&self) -> anyhow::Result<Subject> {
        let visitors: Vec<VisitorId> = self.visitor.iter().map(|v| VisitorId(*v)).collect();
        Subject::new(self.email.as_deref(), &visitors)
            .map_err(|e| anyhow::anyhow!("this names no person: {e} (see --email and --visitor)"))
    }

    async fn sites(&self, session: &Session) -> anyhow::Result<Vec<Site>> {
        Ok(match &self.site {
            Some(wanted) => vec![session.site(Some(wanted)).await?],
            None => sites::list(&session.db).await?,
        })
    }
}

/// Erases.
///
/// # Errors
/// When nobody is named, there is no such site, or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let subject = args.person.subject()?;
    let session = Session::open(config, Access::Attach).await?;
    let done = erase_on_all(&session, &args, &subject).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn erase_on_all(session: &Session, args: &Args, subject: &Subject) -> anyhow::Result<()> {
    let mut all = Vec::new();
    for site in args.person.sites(session).await? {
        let counts = erase::preview(&session.db, &session.master, site.id, subject).await?;
        if args.dry_run {
            if !args.json {
                line(&format!("{}: {} would be removed.", site.slug, said(&counts)));
            }
            all.push(OfSite {
                site: site.slug,
                receipt: None,
                would_remove: Some(counts),
            });
            continue;
        }
        let any = counts.values().any(|n| *n > 0);
        if any && !args.json && !args.yes && !agreed(&site, &counts)? {
            note(&format!("{}: nothing was removed.", site.slug));
            continue;
        }
        let now = session.clock.now();
        let journal = journal(&session.config);
        let receipt = erase::erase(
            &session.db,
            &session.master,
            site.id,
            subject,
            journal.as_ref(),
            now,
        )
        .await?;
        if !args.json {
            line(&format!("{}: {} removed.", site.slug, said(&receipt.counts)));
            line(&format!(
                "  receipt {}, {}",
                receipt.receipt_id,
                receipt.at.format("%Y-%m-%d %H:%M:%S UTC")
            ));
        }
        all.push(OfSite {
            site: site.slug,
            receipt: Some(receipt),
            would_remove: None,
        });
    }
    if args.json {
        return print::json(&all);
    }
    if !args.dry_run {
        note("Backups that were made before still hold the data; the site's own systems are not touched.");
    }
    Ok(())
}

/// Where erasures are written down: beside our own PostgreSQL, whose backups are ours to restore.
pub(super) fn journal(config: &Config) -> Option<Journal> {
    config
        .database
        .url
        .is_none()
        .then(|| Journal::of(&config.data_dir))
}

/// Asks, where there is somebody to ask.
fn agreed(site: &Site, counts: &Counts) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    print::ask(&format!(
        "{}: {} will be removed for good. Go on? [y/N] ",
        site.slug,
        said(counts)
    ));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// `2 threads, 9 messages`
fn said(counts: &Counts) -> String {
    let some: Vec<String> = counts
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(what, n)| format!("{n} {}", what.replace('_', " ")))
        .collect();
    if some.is_empty() {
        "nothing".to_owned()
    } else {
        some.join(", ")
    }
}

/// Shows all data of a person as JSON.
///
/// # Errors
/// When nobody is named, there is no such site, or the database is away.
pub async fn export(config: Config, person: Person) -> anyhow::Result<ExitCode> {
    let subject = person.subject()?;
    let session = Session::open(config, Access::Attach).await?;
    let done = export_of_all(&session, &person, &subject).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn export_of_all(session: &Session, person: &Person, subject: &Subject) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct OfSite {
        site: String,
        #[serde(flatten)]
        export: export::Export,
    }
    let mut all = Vec::new();
    for site in person.sites(session).await? {
        let export = export::export(&session.db, &session.master, site.id, subject).await?;
        all.push(OfSite {
            site: site.slug,
            export,
        });
    }
    print::json(&all)
}
