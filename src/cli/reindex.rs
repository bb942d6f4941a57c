//! `deskhand reindex`: builds a site's vectors of another embedding model beside those
//! that it is searched by, and switches when all are there.

use std::process::ExitCode;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::display::Display;
use super::print::{self, line, note};
use super::serve::asked_to_stop;
use super::session::Session;
use super::work::{Seen, work};
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::{embeddings, models, sites};
use crate::domain::job::Work;
use crate::domain::site::Site;
use crate::knowledge::embed;
use crate::models::embedder::{ModelSpec, Purpose};

/// What to build.
#[derive(clap::Args)]
pub struct Args {
    /// The model: `local:FOLDER` (a name in `embeddings.folder`, or an absolute path) or
    /// `openai:MODEL` (default: the configured one).
    #[arg(long)]
    model: Option<ModelSpec>,
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long, conflicts_with = "all")]
    site: Option<String>,
    /// All sites.
    #[arg(long)]
    all: bool,
    /// Enqueue it only; `deskhand serve` or `deskhand worker` does it.
    #[arg(long)]
    no_wait: bool,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Done {
    site: String,
    model: String,
    state: &'static str,
}

/// Builds.
///
/// # Errors
/// When the model can't be used, there is no such site, or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = build(&session, &args).await;
    session.close().await?;
    done
}

async fn build(session: &Session, args: &Args) -> anyhow::Result<ExitCode> {
    let embedders = &session.knowledge.embedders;
    let Some(spec) = args.model.as_ref().or(embedders.first_choice()) else {
        anyhow::bail!("say which model with --model; `embeddings.model` is `none`");
    };
    let sites: Vec<Site> = if args.all {
        sites::list(&session.db).await?
    } else {
        vec![session.site(args.site.as_deref()).await?]
    };
    let model = embed::register(&session.db, embedders, spec).await?;
    // One that can't embed must not become any site's next model.
    let probe = vec!["Does it work?".to_owned()];
    model.embedder.embed(probe, Purpose::Passages).await?;
    let mut jobs = Vec::new();
    for site in &sites {
        if let Some(job) = embed::change(&session.db, site.id, model.id).await? {
            jobs.push(job);
        }
    }
    if !args.no_wait && !jobs.is_empty() {
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            if asked_to_stop().await.is_ok() {
                asked.cancel();
            }
        });
        let mut passages = 0;
        for site in &sites {
            let mut tx = session.db.site(site.id).await?;
            passages += usize::try_from(embeddings::count(&mut tx, model.id).await?.1).unwrap_or(0);
        }
        let mut display = Display::new("passages", "done", passages);
        let mut show = |seen: Seen| {
            // Of several sites, each counts the same.
            #[expect(clippy::cast_precision_loss, reason = "for people")]
            let share = (seen.ended as f64 + f64::from(seen.under_way.max(0.0))) / jobs.len() as f64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a share from 0 to 1 of a count"
            )]
            let done = (share * passages as f64).round() as usize;
            display.show(done, &format!(" ({:.0} %)", 100.0 * share));
        };
        let ended = work(session, &jobs, &[Work::REINDEX], &stop, &mut show).await?;
        drop(display);
        for (job, failure) in &ended.ended {
            if let Some(why) = failure {
                note(&format!("Job {job} failed: {why}"));
            }
        }
        if ended.queued > 0 {
            note(
                "Stopped; what is computed stays, and `deskhand serve` or another `deskhand reindex` goes on.",
            );
        }
    }
    let mut worst = ExitCode::SUCCESS;
    let mut report = Vec::new();
    for site in &sites {
        let mut tx = session.db.site(site.id).await?;
        let known = models::of_site(&mut tx).await?;
        drop(tx);
        let live = known.live.as_ref().is_some_and(|m| m.id == model.id);
        if !live {
            worst = ExitCode::FAILURE;
        }
        report.push(Done {
            site: site.slug.clone(),
            model: model.embedder.name().to_owned(),
            state: if live { "live" } else { "building" },
        });
    }
    if args.no_wait {
        worst = ExitCode::SUCCESS;
    }
    if args.json {
        print::json(&report)?;
        return Ok(worst);
    }
    for done in report {
        let said = if done.state == "live" {
            "is searched by"
        } else {
            "is being built for"
        };
        line(&format!("{}  {said}  {}", done.site, done.model));
    }
    Ok(worst)
}
