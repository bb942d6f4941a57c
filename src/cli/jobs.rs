//! `deskhand jobs`: what waits, runs and has failed; and what an operator does about it.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Subcommand;

use super::print::{self, line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::jobs::{self, Filter, JobView};
use crate::db::pool::Db;
use crate::domain::ids::JobId;
use crate::domain::job::JobState;

/// What to do with jobs.
#[derive(Subcommand)]
pub enum Command {
    /// List jobs, the newest first.
    List {
        /// waiting, running, done or dead (failed for good).
        #[arg(long, value_parser = state)]
        state: Option<JobState>,
        /// What they do, for example ingest_document.
        #[arg(long)]
        kind: Option<String>,
        /// Slug or id.
        #[arg(long)]
        site: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Show all about one job.
    Show {
        /// Its id, as `jobs list` gives it.
        id: JobId,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Try a dead job again, or all of them (--all-dead).
    Retry {
        /// The job's id.
        #[arg(required_unless_present = "all_dead", conflicts_with = "all_dead")]
        id: Option<JobId>,
        /// All dead jobs.
        #[arg(long)]
        all_dead: bool,
        /// Those of one site only: slug or id.
        #[arg(long, requires = "all_dead")]
        site: Option<String>,
    },
    /// Delete a job. One that is running is stopped within seconds.
    Drop {
        /// Its id.
        id: JobId,
    },
}

fn state(name: &str) -> Result<JobState, String> {
    JobState::parse(name).ok_or_else(|| {
        let names: Vec<_> = JobState::ALL.iter().map(|s| s.as_str()).collect();
        format!("one of {}", names.join(", "))
    })
}

/// Runs one.
///
/// # Errors
/// When there is no such job or site, it can't be retried, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, command).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn execute(session: &Session, command: Command) -> anyhow::Result<()> {
    let db = &session.db;
    match command {
        Command::List {
            state,
            kind,
            site,
            limit,
            json,
        } => {
            let site = slug(session, site).await?;
            let found = jobs::list(db, &Filter { state, kind, site }, limit).await?;
            if json {
                return print::json(&found);
            }
            list(db, &found).await
        }
        Command::Show { id, json: true } => print::json(&jobs::get(db, id).await?),
        Command::Show { id, json: false } => {
            show(&jobs::get(db, id).await?);
            Ok(())
        }
        Command::Retry { id: Some(id), .. } => {
            jobs::retry(db, id).await?;
            line(&format!("{id} waits again."));
            Ok(())
        }
        Command::Retry { id: None, site, .. } => {
            let site = slug(session, site).await?;
            let retried = jobs::retry_all_dead(db, site.as_deref()).await?;
            line(&format!("{} to be tried again.", count(retried, "job")));
            Ok(())
        }
        Command::Drop { id } => {
            let was = jobs::drop_job(db, id).await?;
            line(&format!("{id} is gone; it was {was}."));
            Ok(())
        }
    }
}

/// The slug of a site that was named by slug or id.
async fn slug(session: &Session, site: Option<String>) -> anyhow::Result<Option<String>> {
    Ok(match site {
        Some(site) => Some(session.site(Some(&site)).await?.slug),
        None => None,
    })
}

async fn list(db: &Db, found: &[JobView]) -> anyhow::Result<()> {
    if !found.is_empty() {
        note(&format!(
            "{:<36}  {:<7}  {:<16}  {:<14}  {:<8}  {:<5}  {:<16}",
            "JOB", "STATE", "KIND", "SITE", "PRIORITY", "TRIES", "DUE OR ENDED"
        ));
    }
    for job in found {
        let when = job.finished_at.unwrap_or(job.run_at);
        let row = format!(
            "{}  {:<7}  {:<16}  {:<14}  {:<8}  {:<5}  {:<16}  {}",
            job.id,
            job.state,
            job.kind,
            job.site.as_deref().unwrap_or("-"),
            job.priority.as_str(),
            format!("{}/{}", job.attempts, job.max_attempts),
            when.format("%Y-%m-%d %H:%M"),
            remark(job)
        );
        line(row.trim_end());
    }
    let counts = jobs::counts(db).await?;
    let of = |state: JobState| counts.get(state.as_str()).copied().unwrap_or(0);
    let [waiting, running, done, dead] = JobState::ALL.map(of);
    note(&format!(
        "In all {waiting} waiting, {running} running, {done} done, {dead} dead."
    ));
    if dead > 0 {
        note(
            "`deskhand jobs retry ID` or `--all-dead` tries dead jobs again, `deskhand jobs drop ID` deletes one.",
        );
    }
    Ok(())
}

/// What matters most about a job: why it failed, or how far it is.
fn remark(job: &JobView) -> String {
    match (&job.error, &job.progress) {
        (Some(error), _) => error.clone(),
        (None, Some(p)) if job.state == JobState::Running => format!("{} {:.0} %", p.stage, p.share * 100.0),
        _ => String::new(),
    }
}

fn show(job: &JobView) {
    let time = |t: DateTime<Utc>| t.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let rows = [
        ("Job", Some(job.id.to_string())),
        ("Kind", Some(job.kind.clone())),
        ("Key", Some(job.key.clone())),
        ("Arguments", (!job.args.is_null()).then(|| job.args.to_string())),
        ("Site", job.site.clone()),
        ("Priority", Some(job.priority.as_str().to_owned())),
        ("State", Some(job.state.to_string())),
        ("Tries", Some(format!("{} of {}", job.attempts, job.max_attempts))),
        ("Enqueued", Some(time(job.created_at))),
        ("Due", (job.state == JobState::Waiting).then(|| time(job.run_at))),
        ("Started", job.claimed_at.map(time)),
        ("Worker", job.owner.map(|o| o.to_string())),
        ("Lease until", job.lease_until.map(time)),
        ("Ended", job.finished_at.map(time)),
        (
            "Progress",
            job.progress
                .as_ref()
                .map(|p| format!("{} {:.0} %", p.stage, p.share * 100.0)),
        ),
        (
            "Error",
            job.error
                .as_ref()
                .map(|e| format!("{e} ({})", job.error_code.as_deref().unwrap_or("no code"))),
        ),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            line(&format!("{name:<12} {value}"));
        }
    }
}

/// `1 job`, `2 jobs`.
pub(super) fn count(n: u64, what: &str) -> String {
    if n == 1 {
        format!("{n} {what}")
    } else {
        format!("{n} {what}s")
    }
}
