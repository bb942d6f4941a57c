//! `deskhand docs`: a site's documents, where each stands and why it failed, and what is done
//! to them (`changes`).

mod changes;

use std::process::ExitCode;

use clap::Subcommand;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::document_states::{self, DocumentView, Which};
use crate::db::embedded::Access;
use crate::domain::document::DocumentState;
use crate::domain::ids::{DocumentId, SiteId};

/// Documents that one query lists.
const PAGE: i64 = 500;
/// What to do with documents.
#[derive(Subcommand)]
pub enum Command {
    /// List documents and where they stand.
    List {
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
        /// waiting, processing, live, pending_review, failed or removed.
        #[arg(long, value_parser = state)]
        state: Option<DocumentState>,
        /// Where they come from: file, wp_media, wp_post, crawl, …
        #[arg(long)]
        source: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Show all about one document, and with --chunks the passages that it is made of.
    Show {
        /// Its id, or the beginning of it.
        id: String,
        /// The site's slug or id.
        #[arg(long)]
        site: Option<String>,
        /// Its passages, too.
        #[arg(long)]
        chunks: bool,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Have documents made anew, of their content as it is now at their origin.
    Reindex {
        /// Their ids, or the beginnings of them.
        #[arg(required_unless_present_any = ["failed", "all"], conflicts_with_all = ["failed", "all"])]
        ids: Vec<String>,
        /// All that failed.
        #[arg(long, conflicts_with = "all")]
        failed: bool,
        /// All of them.
        #[arg(long)]
        all: bool,
        /// The site's slug or id.
        #[arg(long)]
        site: Option<String>,
        /// Work on them here until they are done.
        #[arg(long)]
        wait: bool,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Let documents that wait for approval be searched.
    Approve {
        /// What you have seen, as `docs list` and `docs show` print it: ID@CONTENT, or the beginnings
        /// of both. Where another content has come since, it isn't approved.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All that wait for approval now, seen or not.
        #[arg(long)]
        all: bool,
        /// The site's slug or id.
        #[arg(long)]
        site: Option<String>,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Delete documents, at once and for good.
    Rm {
        /// Their ids, or the beginnings of them.
        #[arg(required = true)]
        ids: Vec<String>,
        /// The site's slug or id.
        #[arg(long)]
        site: Option<String>,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
}

fn state(name: &str) -> Result<DocumentState, String> {
    DocumentState::parse(name).ok_or_else(|| {
        let names: Vec<_> = DocumentState::ALL.iter().map(|s| s.as_str()).collect();
        format!("one of {}", names.join(", "))
    })
}

/// Runs one: exit code 1 if some of what was asked for couldn't be done.
///
/// # Errors
/// When there is no such document or site, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, command).await;
    session.close().await?;
    done
}

async fn execute(session: &Session, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List {
            site,
            state,
            source,
            limit,
            json,
        } => {
            let site = session.site(site.as_deref()).await?.id;
            let which = Which {
                source,
                state,
                ..Which::default()
            };
            let found = all(session, site, which, limit as usize).await?;
            if json {
                print::json(&found)?;
            } else {
                list(&found);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Show {
            id,
            site,
            chunks,
            json,
        } => {
            let site = session.site(site.as_deref()).await?.id;
            show(session, site, &id, chunks, json).await
        }
        Command::Reindex {
            ids,
            failed,
            all: every,
            site,
            wait,
            json,
        } => {
            let site = session.site(site.as_deref()).await?.id;
            let wanted = if failed || every {
                let which = Which {
                    state: failed.then_some(DocumentState::Failed),
                    ..Which::default()
                };
                all(session, site, which, usize::MAX).await?
            } else {
                named(session, site, &ids).await?
            };
            changes::reindex(session, site, wanted, wait, json).await
        }
        Command::Approve {
            ids,
            all: every,
            site,
            json,
        } => {
            let site = session.site(site.as_deref()).await?.id;
            let wanted = if every {
                let which = Which {
                    state: Some(DocumentState::PendingReview),
                    ..Which::default()
                };
                let found = all(session, site, which, usize::MAX).await?;
                found.into_iter().map(changes::Seen::as_listed).collect()
            } else {
                let mut wanted = Vec::new();
                for id in &ids {
                    let (id, content) = changes::seen(id)?;
                    let found = named(session, site, std::slice::from_ref(&id)).await?;
                    wanted.extend(found.into_iter().map(|d| changes::Seen::at(d, content.clone())));
                }
                wanted
            };
            changes::approve(session, site, &wanted, json).await
        }
        Command::Rm { ids, site, json } => {
            let site = session.site(site.as_deref()).await?.id;
            let wanted = named(session, site, &ids).await?;
            changes::remove(session, site, &wanted, json).await
        }
    }
}

/// Up to `most` documents.
async fn all(
    session: &Session,
    site: SiteId,
    mut which: Which,
    most: usize,
) -> anyhow::Result<Vec<DocumentView>> {
    let mut found: Vec<DocumentView> = Vec::new();
    let mut tx = session.db.site(site).await?;
    while found.len() < most {
        let page = PAGE.min(i64::try_from(most - found.len()).unwrap_or(PAGE));
        let next = document_states::list(&mut tx, &which, page).await?;
        let last = next.last().map(|d| d.id);
        let full = i64::try_from(next.len()).is_ok_and(|n| n == page);
        found.extend(next);
        which.after = last;
        if !full {
            break;
        }
    }
    found.sort_by(|a, b| (&a.title, a.id).cmp(&(&b.title, b.id)));
    Ok(found)
}

/// The documents that are named by their ids or the beginnings of them.
async fn named(session: &Session, site: SiteId, ids: &[String]) -> anyhow::Result<Vec<DocumentView>> {
    let mut known = None;
    let mut found = Vec::new();
    for id in ids {
        if let Ok(id) = id.parse::<DocumentId>() {
            let mut tx = session.db.site(site).await?;
            let document = document_states::get(&mut tx, id).await?;
            found.push(document.ok_or_else(|| anyhow::anyhow!("there is no document {id} on this site"))?);
            continue;
        }
        let known = match &mut known {
            Some(known) => known,
            None => known.insert(all(session, site, Which::default(), usize::MAX).await?),
        };
        let wanted = id.trim().to_lowercase();
        anyhow::ensure!(!wanted.is_empty(), "an id can't be empty");
        let mut fitting = known.iter().filter(|d| d.id.to_string().starts_with(&wanted));
        match (fitting.next(), fitting.count()) {
            (Some(one), 0) => found.push(one.clone()),
            (None, _) => anyhow::bail!(
                "there is no document whose id begins with `{wanted}`; `deskhand docs list` lists them"
            ),
            (Some(_), more) => {
                anyhow::bail!(
                    "{} documents' ids begin with `{wanted}`; give more of it",
                    more + 1
                )
            }
        }
    }
    Ok(found)
}

fn list(found: &[DocumentView]) {
    if found.is_empty() {
        return note("There is no such document.");
    }
    note(&format!(
        "{:<36}  {:<14}  {:<9}  {:>6}  {:<16}  TITLE",
        "DOCUMENT", "STATE", "SOURCE", "CHUNKS", "LIVE SINCE"
    ));
    for d in found {
        let since = d
            .updated_at
            .map_or_else(|| "-".to_owned(), |t| t.format("%Y-%m-%d %H:%M").to_string());
        line(&format!(
            "{}  {:<14}  {:<9}  {:>6}  {since:<16}  {}{}",
            d.id,
            d.state.as_str(),
            d.source,
            d.chunks,
            d.title,
            remark(d)
        ));
    }
}

/// How far a document is, why it failed, or what an approval of it would be for.
fn remark(d: &DocumentView) -> String {
    match (&d.progress, &d.failure, &d.content_hash) {
        (Some(p), ..) => format!("  ({} {:.0} %)", p.stage, p.share * 100.0),
        (None, Some(f), _) => format!("  ({})", f.detail),
        (None, None, Some(content)) if d.state == DocumentState::PendingReview => {
            format!("  (content {})", short(content))
        }
        _ => String::new(),
    }
}

/// As much of a content's hash as tells it from others.
fn short(content: &str) -> &str {
    content.get(..12).unwrap_or(content)
}

async fn show(
    session: &Session,
    site: SiteId,
    id: &str,
    with_chunks: bool,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let found = named(session, site, &[id.to_owned()]).await?;
    let d = &found[0];
    let mut chunks = Vec::new();
    if with_chunks {
        let mut tx = session.db.site(site).await?;
        chunks = document_states::chunks(&mut tx, d.id, -1, i64::MAX).await?;
    }
    if as_json {
        let mut value = serde_json::to_value(d)?;
        if with_chunks {
            value["passages"] = serde_json::to_value(&chunks)?;
        }
        print::json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let time = |t: chrono::DateTime<chrono::Utc>| t.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let rows = [
        ("Document", Some(d.id.to_string())),
        ("Title", Some(d.title.clone())),
        ("State", Some(format!("{}{}", d.state.as_str(), remark(d)))),
        ("Source", Some(format!("{} {}", d.source, d.external_id))),
        ("URL", d.url.clone()),
        ("Content", d.content_hash.clone()),
        ("Versions", Some(d.version.to_string())),
        ("Passages", Some(d.chunks.to_string())),
        ("Live since", d.updated_at.map(time)),
        ("Changed at its origin", d.event_at.map(time)),
        ("Tags", Some(d.tags.join(", ")).filter(|t| !t.is_empty())),
        ("Channels", Some(d.channels.join(", ")).filter(|t| !t.is_empty())),
        ("Job", d.job_id.map(|j| j.to_string())),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            line(&format!("{name:<22} {value}"));
        }
    }
    if let (DocumentState::PendingReview, Some(content)) = (d.state, &d.content_hash) {
        note(&format!(
            "Once you have read it (--chunks): deskhand docs approve {}@{}",
            d.id,
            short(content)
        ));
    }
    for c in chunks {
        let page = c.page.map_or_else(String::new, |p| format!(", page {p}"));
        line("");
        line(&format!(
            "[{}] {} ({} tokens{page})",
            c.n,
            c.heading_path.join(" › "),
            c.tokens
        ));
        line(&c.text);
    }
    Ok(ExitCode::SUCCESS)
}
