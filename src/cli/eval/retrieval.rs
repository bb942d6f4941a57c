//! `deskhand eval retrieval`: takes a test set into a site of its own, asks its questions
//! by words, by vectors and by both, and says how good each ranking is.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::Context as _;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::cli::display::Display;
use crate::cli::print::{self, line, note};
use crate::cli::serve::asked_to_stop;
use crate::cli::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::sites;
use crate::domain::ids::SiteId;
use crate::domain::rules::Rules;
use crate::domain::site::{Mode, Site};
use crate::evals::beir::{self, Set};
use crate::evals::metrics::Means;
use crate::evals::retrieval::{self, Report, Step};

/// What the site of a run that keeps its documents is called, and one that doesn't.
const KEPT: &str = "Evaluation";
/// See `KEPT`.
const PASSING: &str = "Unfinished evaluation";

/// What to measure, and how to report.
#[derive(clap::Args)]
pub struct Args {
    /// A folder with corpus.jsonl, queries.jsonl and qrels.tsv.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The language of the documents where they don't show it (a BCP 47 tag).
    #[arg(long, default_value = "en")]
    lang: String,
    /// Leave the documents in the database, so that another run needs the questions only.
    #[arg(long)]
    keep: bool,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

/// Measures.
///
/// # Errors
/// When the data can't be read, or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let set = beir::read(&args.data)?;
    let session = Session::open(config, Access::Attach).await?;
    let done = measure(&session, &args, &set).await;
    session.close().await?;
    let report = done?;
    if args.json {
        print::json(&report)?;
    } else {
        show(&report);
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(session: &Session, args: &Args, set: &Set) -> anyhow::Result<Report> {
    let site = site_for(session, args).await?;
    let measured = tokio::select! {
        measured = both_steps(session, site, set) => measured,
        asked = asked_to_stop() => asked.and_then(|()| Err(anyhow::anyhow!(if args.keep {
            "stopped; what is taken in stays, and another run with --keep goes on from there"
        } else {
            "stopped; what was taken in is removed again"
        }))),
    };
    if !args.keep {
        let gone = sites::delete_eval(&session.db, site)
            .await
            .context("the documents couldn't be deleted again");
        // What was wrong first matters more.
        return measured.and_then(|report| gone.map(|()| report));
    }
    measured
}

async fn both_steps(session: &Session, site: SiteId, set: &Set) -> anyhow::Result<Report> {
    let (db, clock, knowledge) = (&session.db, session.clock.as_ref(), session.knowledge.as_ref());
    let display = Mutex::new(Display::new("documents", "taken in", set.documents.len()));
    let told = |_: Step, done: usize| {
        if let Ok(mut display) = display.lock() {
            display.show(done, "");
        }
    };
    retrieval::take_in(db, clock, knowledge, site, set, &told).await?;
    let display = Mutex::new(Display::new("questions", "asked", set.queries.len()));
    let told = |_: Step, done: usize| {
        if let Ok(mut display) = display.lock() {
            display.show(done, "");
        }
    };
    Ok(retrieval::measure(db, knowledge, site, set, &told).await?)
}

/// The site of this folder; another folder has another.
async fn site_for(session: &Session, args: &Args) -> anyhow::Result<SiteId> {
    let folder = args.data.canonicalize()?;
    let digest = hex::encode(Sha256::digest(format!("{}\n{}", folder.display(), args.lang)));
    let slug = format!("eval-{}", &digest[..16]);
    let all = sites::list(&session.db).await?;
    remove_left_over(session, &all, &slug).await?;
    let mut there = all.into_iter().find(|s| s.slug == slug);
    if args.keep
        && let Some(passing) = there.take_if(|s| s.name.starts_with(PASSING))
    {
        // It would go as a leftover one day.
        sites::delete_eval(&session.db, passing.id).await?;
    }
    if let Some(site) = there {
        note("The documents of an earlier run are there; only what has changed is taken in.");
        return Ok(site.id);
    }
    let site = Site {
        id: SiteId::new(),
        slug,
        name: format!(
            "{} of {}",
            if args.keep { KEPT } else { PASSING },
            folder.file_name().unwrap_or_default().to_string_lossy()
        ),
        origins: Vec::new(),
        mode: Mode::Shadow,
        locale: args.lang.clone(),
        rules: Rules::default(),
        created_at: session.clock.now(),
    };
    let mut tx = session.db.site(site.id).await?;
    sites::insert(&mut tx, &site).await?;
    tx.commit().await?;
    Ok(site.id)
}

/// Removes what runs that were killed have left: no run takes as long as a day.
async fn remove_left_over(session: &Session, all: &[Site], own: &str) -> anyhow::Result<()> {
    let before = session.clock.now() - TimeDelta::days(1);
    for site in all {
        let passing = site.slug.starts_with("eval-") && site.name.starts_with(PASSING);
        if passing && site.slug != own && site.created_at < before {
            note(&format!("{}, which was cut off, is removed.", site.name));
            sites::delete_eval(&session.db, site.id).await?;
        }
    }
    Ok(())
}

fn show(report: &Report) {
    line(&format!(
        "{} documents, {} passages, {} questions, {}",
        report.documents,
        report.chunks,
        report.queries,
        report.model.as_deref().unwrap_or("no embedding model")
    ));
    line(&format!(
        "{:<8}  {:<22}{:<22}{:<22}",
        "", "nDCG@10", "recall@5", "MRR"
    ));
    let row = |name: &str, means: &Means| {
        let of = |name: &str, value: f64| {
            let [low, high] = means.ci.get(name).copied().unwrap_or_default();
            format!("{value:.3} ({low:.3}–{high:.3})")
        };
        line(&format!(
            "{name:<8}  {:<22}{:<22}{:<22}",
            of("ndcg@10", means.ndcg10),
            of("recall@5", means.recall5),
            of("mrr", means.mrr)
        ));
    };
    row("BM25", &report.bm25);
    if let Some(vectors) = &report.vectors {
        row("vectors", vectors);
    }
    row("hybrid", &report.hybrid);
    line("In brackets: 95 % confidence intervals (bootstrap over questions).");
}
