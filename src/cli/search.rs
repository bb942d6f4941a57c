//! `deskhand search`: what a question finds, with each hit's terms and score.

use std::process::ExitCode;

use super::demo::{self, Refresh};
use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::filtered;
use crate::db::postings::Filter;
use crate::domain::document::{Found, Passage};
use crate::domain::ids::SiteId;
use crate::knowledge::search::{self, Mode, SearchQuery};

/// The channels that there are without anybody naming them (AGT-14).
const CHANNELS: [&str; 3] = ["widget", "email", "slack"];

/// What to look for.
#[derive(clap::Args)]
pub struct Args {
    /// The question.
    #[arg(required = true, num_args = 1..)]
    query: Vec<String>,
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long)]
    site: Option<String>,
    /// How many passages at most.
    #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    k: u16,
    /// Only documents that have one of these tags.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only documents from one of these sources: file, pin, …
    #[arg(long = "source", value_name = "SOURCE")]
    sources: Vec<String>,
    /// Only what this channel may answer from: widget, email, slack, …
    #[arg(long)]
    channel: Option<String>,
    /// Say why each passage ranks where it does.
    #[arg(long)]
    explain: bool,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

/// Searches.
///
/// # Errors
/// When there is no such site or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = find(&session, &args).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn find(session: &Session, args: &Args) -> anyhow::Result<()> {
    let text = args.query.join(" ");
    let length = text.chars().count();
    anyhow::ensure!(
        !text.trim().is_empty() && length <= search::MAX_QUERY,
        "a question has 1 to {} characters, this has {length}",
        search::MAX_QUERY
    );
    demo::ensure(session, Refresh::IfNew).await?;
    let site = session.site(args.site.as_deref()).await?;
    known(session, site.id, args).await?;
    let query = SearchQuery {
        text,
        k: usize::from(args.k),
        filter: Filter {
            channel: args.channel.clone(),
            tags: args.tags.clone(),
            sources: args.sources.clone(),
        },
        mode: Mode::Hybrid,
    };
    let found = search::search(&session.knowledge, &session.db, site.id, query).await?;
    if args.json {
        return print::json(found.as_ref());
    }
    if found.passages.is_empty() {
        note("Nothing found.");
    }
    for (n, p) in found.passages.iter().enumerate() {
        let section = p.section().map(|s| format!(" › {s}")).unwrap_or_default();
        let url = p.url.as_ref().map(|u| format!("  {u}")).unwrap_or_default();
        line(&format!(
            "{:>2}. {:.3}  {}{section}{url}",
            n + 1,
            p.score,
            p.title
        ));
        line(&format!("    {}", p.snippet.replace('\n', " ")));
        if args.explain {
            explain(p);
        }
    }
    if args.explain {
        unexplained(&found);
    }
    if let Some(why) = &found.degraded {
        note(&format!("Searched by words alone: {why}"));
    }
    Ok(())
}

/// A filter that can leave nothing, or nothing out, is mostly a slip of the pen.
async fn known(session: &Session, site: SiteId, args: &Args) -> anyhow::Result<()> {
    if args.sources.is_empty() && args.tags.is_empty() && args.channel.is_none() {
        return Ok(());
    }
    let mut tx = session.db.site(site).await?;
    let labels = filtered::labels(&mut tx, &args.tags).await?;
    drop(tx);
    for source in &args.sources {
        anyhow::ensure!(
            labels.sources.contains(source),
            "no document of this site comes from `{source}`; its sources: {}",
            listed(&labels.sources)
        );
    }
    let mut channels: Vec<String> = CHANNELS.map(str::to_owned).to_vec();
    channels.extend(
        labels
            .channels
            .into_iter()
            .filter(|c| !CHANNELS.contains(&c.as_str())),
    );
    if let Some(channel) = &args.channel {
        anyhow::ensure!(
            channels.contains(channel),
            "there is no channel `{channel}`; known are {}",
            listed(&channels)
        );
    }
    if let Some(tag) = labels.unknown_tags.first() {
        anyhow::bail!("no document of this site has the tag `{tag}`");
    }
    Ok(())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

/// Where its score comes from.
fn explain(p: &Passage) {
    let parts = &p.parts;
    let place = |rank: Option<u32>| {
        rank.map_or_else(|| "not among the candidates".to_owned(), |r| format!("place {r}"))
    };
    if parts.pinned {
        line("    pinned: it answers this very question");
    }
    let cosine = parts
        .cosine
        .map_or_else(|| "no vector".to_owned(), |c| format!("cosine {c:.3}"));
    line(&format!(
        "    score {:.3} = words {:.3} (BM25 {:.3}, {}) + meaning {:.3} ({cosine}, {})",
        parts.words + parts.meaning,
        parts.words,
        parts.bm25,
        place(parts.bm25_rank),
        parts.meaning,
        place(parts.vector_rank),
    ));
    if let Some(reranked) = parts.reranked {
        line(&format!("    re-ranked by the cross-encoder: {reranked:.3}"));
    }
    let terms: Vec<_> = p
        .terms
        .iter()
        .map(|t| format!("{} ×{} {:.3}", t.term, t.tf, t.score))
        .collect();
    if !terms.is_empty() {
        line(&format!("    {}", terms.join(" · ")));
    }
}

/// How well the best fits, and what of the question played no part.
fn unexplained(found: &Found) {
    line(&format!(
        "Confidence {} % (a site's `confidence` is held against it).",
        found.confidence()
    ));
    let unknown = found.unknown();
    if !unknown.is_empty() {
        note(&format!("In no document: {}", unknown.join(", ")));
    }
    note(&format!(
        "Vectors of: {}",
        found.model.as_deref().unwrap_or("no model (words alone)")
    ));
}
