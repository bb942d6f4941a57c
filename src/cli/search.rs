//! `deskhand search`: what a question finds, with each hit's terms and score.

use std::process::ExitCode;

use super::demo::{self, Refresh};
use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::postings::Filter;
use crate::knowledge::search::{self, Mode, SearchQuery};

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
    demo::ensure(session, Refresh::IfNew).await?;
    let site = session.site(args.site.as_deref()).await?;
    let query = SearchQuery {
        text: args.query.join(" "),
        k: usize::from(args.k),
        filter: Filter::default(),
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
        let section = p
            .heading_path
            .last()
            .map(|h| format!(" › {h}"))
            .unwrap_or_default();
        let url = p.url.as_ref().map(|u| format!("  {u}")).unwrap_or_default();
        line(&format!(
            "{:>2}. {:.3}  {}{section}{url}",
            n + 1,
            p.score,
            p.title
        ));
        line(&format!("    {}", p.snippet.replace('\n', " ")));
        let terms: Vec<_> = p
            .terms
            .iter()
            .map(|t| format!("{} ×{} {:.3}", t.term, t.tf, t.score))
            .collect();
        line(&format!("    {}", terms.join(" · ")));
    }
    Ok(())
}
