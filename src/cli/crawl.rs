//! `deskhand crawl`: addresses whose pages are taken in night by night. A run is background
//! work; the command works along until it has ended, beside any server that runs.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::display::Display;
use super::print::{json, line, note};
use super::serve::asked_to_stop;
use super::session::Session;
use super::work::{Seen, work};
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::{crawl_pages, crawls};
use crate::domain::crawl::{Bounds, Counts, Crawl, CrawlState};
use crate::domain::ids::{CrawlId, JobId, SiteId};
use crate::domain::job::Work;
use crate::knowledge::crawl;

/// What a shell says of a command that was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;
/// Pages that weren't taken in, in a list for people.
const PROBLEMS: i64 = 20;
/// A progress bar's whole.
const WHOLE: usize = 100;

/// What to do with crawls.
#[derive(Subcommand)]
pub enum Command {
    /// Add an address: a page, from which links below its folder are followed, or a sitemap.
    Add {
        /// For example https://shop.example/help/ or https://shop.example/sitemap.xml
        url: String,
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
        /// Pages of a run at most.
        #[arg(long, default_value_t = Bounds::default().max_pages, value_parser = clap::value_parser!(u32).range(1..=50_000))]
        max_pages: u32,
        /// Links from the start to a page at most; 0 takes the start alone.
        #[arg(long, default_value_t = Bounds::default().max_depth, value_parser = clap::value_parser!(u32).range(0..=20))]
        depth: u32,
        /// Milliseconds between two requests; robots.txt may ask for more.
        #[arg(long, default_value_t = Bounds::default().delay_ms, value_parser = clap::value_parser!(u32).range(0..=60_000))]
        delay: u32,
        /// Leave out what fits this pattern of robots.txt, such as /blog/ or '/*?page='.
        #[arg(long, value_name = "PATTERN")]
        exclude: Vec<String>,
        /// When it runs each night, HH:MM in UTC (default: a minute of its own between 1 and 5).
        #[arg(long, value_parser = minute)]
        at: Option<u16>,
        /// Run it now too.
        #[arg(long)]
        run: bool,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// List a site's crawls, how their last runs went and when the next ones are.
    List {
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Run crawls now, and work along until they have ended.
    Run {
        /// The crawl's id or address (default: all of the site's).
        crawl: Option<String>,
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
    /// Remove a crawl with the documents that it took in.
    Rm {
        /// The crawl's id or address.
        crawl: String,
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
    },
}

fn minute(text: &str) -> Result<u16, String> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    read().ok_or_else(|| "a time of the day in UTC, such as 02:30".to_owned())
}

/// A crawl as scripts see it.
#[derive(Serialize)]
struct Shown {
    id: CrawlId,
    url: String,
    #[serde(flatten)]
    bounds: Bounds,
    state: CrawlState,
    next_run_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    succeeded_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    detail: Option<String>,
    pages: Counts,
}

impl Shown {
    fn new(crawl: &Crawl, pages: Counts) -> Self {
        Self {
            id: crawl.id,
            url: crawl.url.clone(),
            bounds: crawl.bounds.clone(),
            state: crawl.state,
            next_run_at: crawl.next_run_at,
            started_at: crawl.started_at,
            finished_at: crawl.finished_at,
            succeeded_at: crawl.succeeded_at,
            outcome: crawl.outcome.clone(),
            detail: crawl.detail.clone(),
            pages,
        }
    }
}

/// Runs one.
///
/// # Errors
/// When it can't; the message says what to do.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = execute(&session, command).await;
    session.close().await?;
    done
}

async fn execute(session: &Session, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add {
            url,
            site,
            max_pages,
            depth,
            delay,
            exclude,
            at,
            run,
            json: as_json,
        } => {
            let site = session.site(site.as_deref()).await?;
            let bounds = Bounds {
                max_pages,
                max_depth: depth,
                delay_ms: delay,
                exclude,
            };
            let mut tx = session.db.site(site.id).await?;
            let added = crawl::add(&mut tx, session.clock.now(), &url, bounds, at).await?;
            tx.commit().await?;
            if run {
                return work_along(session, site.id, &[added], as_json).await;
            }
            if as_json {
                json(&Shown::new(&added, Counts::default()))?;
            } else {
                line(&format!("{}  {}", added.id, added.url));
                note(&format!(
                    "It runs each night, next at {}; `deskhand crawl run` runs it now.",
                    added.next_run_at.format("%Y-%m-%d %H:%M UTC")
                ));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::List { site, json: as_json } => {
            let site = session.site(site.as_deref()).await?;
            let all = known(session, site.id).await?;
            show_all(session, site.id, &all, as_json).await?;
            if all.is_empty() {
                note("There is no crawl yet; `deskhand crawl add URL` adds one.");
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Run {
            crawl,
            site,
            json: as_json,
        } => {
            let site = session.site(site.as_deref()).await?;
            let all = known(session, site.id).await?;
            let chosen = match crawl {
                Some(wanted) => vec![find(&all, &wanted)?.clone()],
                None => all,
            };
            anyhow::ensure!(
                !chosen.is_empty(),
                "there is no crawl yet; `deskhand crawl add URL` adds one"
            );
            work_along(session, site.id, &chosen, as_json).await
        }
        Command::Rm { crawl, site } => {
            let site = session.site(site.as_deref()).await?;
            let all = known(session, site.id).await?;
            let chosen = find(&all, &crawl)?;
            let mut tx = session.db.site(site.id).await?;
            let job = crawl::remove(&mut tx, chosen.id).await?;
            tx.commit().await?;
            let stop = stop_on_signal();
            let whole = job.map_or_else(Vec::new, |job| vec![job]);
            let ended = follow(session, &whole, "of its documents", "removed", &stop).await?;
            if ended {
                line(&format!("{} and what it took in are removed.", chosen.url));
                return Ok(ExitCode::SUCCESS);
            }
            note("It is removed when `deskhand serve` or `deskhand worker` runs.");
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

async fn known(session: &Session, site: SiteId) -> anyhow::Result<Vec<Crawl>> {
    let mut tx = session.db.site(site).await?;
    Ok(crawls::list(&mut tx).await?)
}

fn find<'a>(all: &'a [Crawl], wanted: &str) -> anyhow::Result<&'a Crawl> {
    let fits =
        |c: &&Crawl| c.url == wanted || c.id.to_string() == wanted || c.url.trim_end_matches('/') == wanted;
    all.iter().find(fits).ok_or_else(|| {
        let urls: Vec<&str> = all.iter().map(|c| c.url.as_str()).collect();
        anyhow::anyhow!("there is no crawl `{wanted}`; crawls: {}", urls.join(", "))
    })
}

/// A token that Ctrl-C cancels.
fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    TaskTracker::new().spawn(async move {
        if asked_to_stop().await.is_ok() {
            note("Stopping; what is under way may end.");
            interrupted.cancel();
        }
    });
    stop
}

/// Works until the job has ended; false when it was interrupted.
async fn follow(
    session: &Session,
    jobs: &[JobId],
    what: &'static str,
    verb: &'static str,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    if jobs.is_empty() {
        return Ok(true);
    }
    let whole = WHOLE * jobs.len();
    let mut display = Display::new(what, verb, whole);
    let mut show = |seen: Seen| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a progress bar"
        )]
        let under_way = (seen.under_way * WHOLE as f32) as usize;
        display.show((seen.ended * WHOLE + under_way).min(whole), "");
    };
    let kinds = [Work::CRAWL, Work::INGEST_DOCUMENT, Work::MEASURE_TRUST];
    let ended = work(session, jobs, &kinds, stop, &mut show).await?;
    Ok(ended.queued == 0)
}

/// Runs these one after the other, and sees what they found taken in.
async fn work_along(
    session: &Session,
    site: SiteId,
    chosen: &[Crawl],
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal();
    let mut ended = Vec::new();
    let mut interrupted = false;
    for wanted in chosen {
        // Another command's crawl of this site may run: this one's turn comes after it.
        let job = loop {
            let mut tx = session.db.site(site).await?;
            let job = crawl::begin(&mut tx, session.clock.now(), wanted.id).await?;
            let running = crawls::list(&mut tx).await?;
            tx.commit().await?;
            if job.is_some() || stop.is_cancelled() {
                break job;
            }
            // Nothing to wait for: it has been removed.
            let Some(other) = running.iter().find(|c| c.state == CrawlState::Running) else {
                break None;
            };
            let others = other.job.map_or_else(Vec::new, |job| vec![job]);
            follow(session, &others, "of the crawl before", "done", &stop).await?;
        };
        let job = job.map_or_else(Vec::new, |job| vec![job]);
        interrupted |= !follow(session, &job, "of known pages", "visited", &stop).await?;
        if interrupted || stop.is_cancelled() {
            interrupted = true;
            break;
        }
        let mut tx = session.db.site(site).await?;
        let waiting = crawl_pages::jobs(&mut tx, wanted.id).await?;
        drop(tx);
        interrupted |= !follow(session, &waiting, "of the documents", "taken in", &stop).await?;
        let mut tx = session.db.site(site).await?;
        ended.extend(crawls::get(&mut tx, wanted.id).await?);
    }
    show_all(session, site, &ended, as_json).await?;
    if interrupted {
        note("The rest goes on when `deskhand serve` or `deskhand worker` runs.");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let failed = ended.iter().any(|c| c.detail.is_some());
    Ok(if failed {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

async fn show_all(session: &Session, site: SiteId, crawls: &[Crawl], as_json: bool) -> anyhow::Result<()> {
    let mut tx = session.db.site(site).await?;
    let mut shown = Vec::new();
    for crawl in crawls {
        let counts = crawl_pages::counts(&mut tx, crawl.id, crawl.run).await?;
        if as_json {
            shown.push(Shown::new(crawl, counts));
            continue;
        }
        line(&format!("{}  {}", crawl.id, crawl.url));
        let at = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC").to_string();
        let c = counts;
        match (&crawl.outcome, crawl.finished_at) {
            (Some(outcome), Some(finished)) => line(&format!(
                "    {outcome} at {}: {} pages, {} taken in, {} unchanged, {} left out, {} gone, {} failed",
                at(finished),
                c.visited,
                c.taken,
                c.unchanged,
                c.skipped,
                c.gone,
                c.failed
            )),
            _ => line("    no run yet"),
        }
        if let Some(detail) = &crawl.detail {
            line(&format!("    {detail}"));
        }
        for p in crawl_pages::problems(&mut tx, crawl.id, crawl.run, PROBLEMS).await? {
            let reason = p.reason.unwrap_or_default();
            line(&format!("    {:<8} {:<18} {}", p.state, reason, p.url));
        }
        line(&format!(
            "    {}, next at {}",
            crawl.state.as_str(),
            at(crawl.next_run_at)
        ));
    }
    if as_json {
        json(&shown)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_is_read() {
        assert_eq!(minute("02:30"), Ok(150));
        for bad in ["24:00", "2", "x:y", "02:60"] {
            assert!(minute(bad).is_err(), "{bad}");
        }
    }
}
