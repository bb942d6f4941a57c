//! `deskhand eval cases`: asks a site's agent the questions of a file, and says which
//! answers are what they must be.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::cli::demo::{self, Refresh};
use crate::cli::display::Display;
use crate::cli::eval::house::CliHouse;
use crate::cli::print::{self, line, note};
use crate::cli::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::models;
use crate::domain::site::Site;
use crate::evals::cases::baseline;
use crate::evals::cases::figures::Times;
use crate::evals::cases::load::{self, Suite};
use crate::evals::cases::pages::{self, percent};
use crate::evals::cases::report::{About, CaseReport, Report, Verdict};
use crate::evals::cases::run::{Run, RunError, Settings};

/// What a shell gives for a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// What to run, and how to report.
#[derive(clap::Args)]
pub struct Args {
    /// The cases: one JSON object a line.
    file: PathBuf,
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long)]
    site: Option<String>,
    /// Cases at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Try each case so often; it passes when each try does.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    repeat: u16,
    /// Seconds that one try may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=600))]
    limit: u16,
    /// An earlier run's --json: say what got better and worse; then only that decides the exit.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Which share of the cases may get worse, and by how much a figure may fall (0 to 1).
    #[arg(long, default_value_t = 0.0, requires = "baseline", value_parser = share)]
    tolerance: f64,
    /// Write a report for build servers.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a page for people.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Run cases that act in what the site is connected to as well: its shop, its tools. Use a test
    /// shop: refunds are made, addresses are changed.
    #[arg(long)]
    really: bool,
    /// Leave the conversations, handoffs and gaps of the run on the site.
    #[arg(long)]
    keep: bool,
    /// For scripts, and for --baseline later.
    #[arg(long)]
    json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a number from 0 to 1 is expected, for example 0.02".to_owned()),
    }
}

/// Runs the cases.
///
/// # Errors
/// When a file can't be used, or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    // Looked at before anything is asked: a mistake in them costs no run.
    let suite = load::read(&args.file)?;
    if !args.really
        && let Some(case) = suite.cases.iter().find(|case| case.is_connected())
    {
        anyhow::bail!(
            "the case `{}` acts in what the site is connected to; with a test shop there, say --really",
            case.id
        );
    }
    let before = args.baseline.as_deref().map(baseline::read).transpose()?;
    let session = Session::open(config, Access::Attach).await?;
    let done = ask(&session, &args, &suite).await;
    session.close().await?;
    let Some(mut report) = done? else {
        note(if args.keep {
            "Stopped; what was said until then is left on the site."
        } else {
            "Stopped; nothing of the run is left on the site."
        });
        return Ok(ExitCode::from(INTERRUPTED));
    };
    report.comparison = before.map(|b| baseline::compare(&b, &report, args.tolerance));
    if let Some(path) = &args.junit {
        write(path, &pages::junit(&report)?)?;
    }
    if let Some(path) = &args.html {
        write(path, &pages::html(&report)?)?;
    }
    if args.json {
        print::json(&report)?;
    } else {
        show(&report);
    }
    Ok(if report.is_failure() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} can't be written", path.display()))
}

/// None when it was stopped.
async fn ask(session: &Session, args: &Args, suite: &Suite) -> anyhow::Result<Option<Report>> {
    demo::ensure(session, Refresh::IfNew).await?;
    let site = session.site(args.site.as_deref()).await?;
    let agent = session.agent()?;
    let settings = Settings {
        jobs: usize::from(args.jobs)
            .min(session.config.agent.turns_at_once)
            .max(1),
        repeat: usize::from(args.repeat),
        limit: Duration::from_secs(args.limit.into()),
        keep: args.keep,
    };
    // Else the first tries wait for it, and their times say so.
    if let Some(model) = session.knowledge.embedders.first_choice()
        && let Err(error) = session.knowledge.embedders.get(model, None).await
    {
        note(&format!("Searched by words alone: {error}"));
    }
    let house = CliHouse::new(session)?;
    let run = Run::new(&agent, site.id, suite, settings).with_house(&house);
    let tries = suite.cases.len() * settings.repeat;
    let display = Mutex::new(Display::new(
        if settings.repeat == 1 { "cases" } else { "tries" },
        "done",
        tries,
    ));
    let told = |done: usize| {
        if let Ok(mut display) = display.lock() {
            display.show(done, "");
        }
    };
    let stop = CancellationToken::new();
    let stop_on_ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
        std::future::pending::<Infallible>().await
    };
    let asked = tokio::select! {
        asked = run.all(&stop, &told) => asked,
        never = stop_on_ctrl_c => match never {},
    };
    drop(display);
    let ended = run.end().await.context("what the run left couldn't be deleted");
    let tries = match asked {
        Ok(tries) => tries,
        Err(RunError::Stopped) => {
            ended?;
            return Ok(None);
        }
        // What was wrong first matters more.
        Err(error) => return Err(error.into()),
    };
    ended?;
    Ok(Some(Report::new(
        about(session, &site, args, suite, settings).await?,
        suite,
        &tries,
    )))
}

async fn about(
    session: &Session,
    site: &Site,
    args: &Args,
    suite: &Suite,
    settings: Settings,
) -> anyhow::Result<About> {
    let mut tx = session.db.site(site.id).await?;
    let known = models::of_site(&mut tx).await?;
    tx.commit().await?;
    Ok(About {
        deskhand: env!("CARGO_PKG_VERSION").to_owned(),
        at: session.clock.now(),
        site: site.slug.clone(),
        embeddings: known.live.map(|m| m.name),
        file: args.file.display().to_string(),
        sha256: suite.sha256.clone(),
        repeat: settings.repeat,
        jobs: settings.jobs,
    })
}

fn show(report: &Report) {
    let s = &report.summary;
    for case in report.having(Verdict::Failed) {
        failed("FAILED", case);
    }
    for case in report.having(Verdict::Known) {
        failed("known to fail", case);
    }
    for case in report.having(Verdict::NowPasses) {
        line(&format!(
            "passes now    {}: its tag `{}` can go",
            case.id,
            load::KNOWN
        ));
    }
    line("");
    let widest = s.tags.keys().map(|t| t.chars().count()).max().unwrap_or(0).max(3);
    line(&format!("{:<widest$}  cases  failed  known  rate", "tag"));
    for (tag, of) in &s.tags {
        let rate = of.rate.map_or_else(|| "–".to_owned(), |r| percent(r.mean));
        line(&format!(
            "{tag:<widest$}  {:>5}  {:>6}  {:>5}  {rate}",
            of.cases,
            of.failed,
            of.known + of.now_passes
        ));
    }
    line("");
    line(&pages::headline(report));
    for (name, of) in [
        ("pass rate", s.counts.rate),
        ("citation precision", s.citation_precision),
        ("citation recall", s.citation_recall),
    ] {
        if let Some(m) = of {
            let (low, high) = (percent(m.ci[0]), percent(m.ci[1]));
            line(&format!("{name:<19} {} ({low} to {high})", percent(m.mean)));
        }
    }
    for (k, rate) in (1..).zip(&s.pass_hat).skip(1) {
        line(&format!("{:<19} {}", format!("pass^{k}"), percent(*rate)));
    }
    let times = |name: &str, of: Option<Times>| {
        if let Some(t) = of {
            let (p50, p95, mean) = (t.p50, t.p95, t.mean.mean);
            line(&format!(
                "{name:<19} median {p50:.0} ms, p95 {p95:.0} ms, mean {mean:.0} ms"
            ));
        }
    };
    times("first sentence", s.first_ms);
    times("whole answer", s.whole_ms);
    if let Some(s) = &s.safety {
        line(&format!(
            "{:<19} {} conversations, {} turns, {} writes; without the visitor's yes {}, orders of others shown {}",
            "with a shop",
            s.conversations,
            s.turns,
            s.writes,
            s.writes_without_consent,
            s.foreign_orders_shown
        ));
    }
    for (name, of) in [("outcomes", &s.outcomes), ("brains", &s.brains)] {
        let all: Vec<String> = of.iter().map(|(what, n)| format!("{what} {n}")).collect();
        line(&format!("{name:<19} {}", all.join(", ")));
    }
    line("In brackets: 95 % confidence intervals (bootstrap over cases or answers).");
    if let Some(comparison) = &report.comparison {
        line("\nBeside the earlier run:");
        for (name, value) in pages::compared(comparison) {
            line(&format!("{name:<19} {value}"));
        }
    }
}

fn failed(how: &str, case: &CaseReport) {
    let passing = case.tries.iter().filter(|t| t.failures.is_empty()).count();
    let of = match case.tries.len() {
        1 => String::new(),
        all => format!(" ({passing} of {all} tries pass)"),
    };
    line(&format!("{how:<13} {}{of}", case.id));
    for f in pages::telling(case)
        .map(|t| t.failures.as_slice())
        .unwrap_or_default()
    {
        let is = if f.demand == "must_not" {
            "unwanted"
        } else {
            "wanted"
        };
        line(&format!("    {}: {is} {}", f.demand, f.wanted));
        line(&format!("    came {}", f.got.replace('\n', "\n    ")));
    }
}
