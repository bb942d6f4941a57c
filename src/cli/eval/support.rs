//! `deskhand eval support`: has the gate judge labelled sentences, and says how often it is
//! right.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::print::{self, line};
use crate::cli::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::evals::support::{self, Part};

/// What to measure, and how to report.
#[derive(clap::Args)]
pub struct Args {
    /// Labelled sentences, JSONL: sentence, passages, supported; why and held_out if known.
    #[arg(default_value = "evals/support.jsonl", value_name = "FILE")]
    file: PathBuf,
    /// By words alone: what only meaning could tell is held back.
    #[arg(long)]
    words: bool,
    /// What may be repeated without a source, such as the site's name.
    #[arg(long, default_value = "Lumen & Oak")]
    said: String,
    /// The least precision of either part; below it the command fails.
    #[arg(long, value_name = "SHARE")]
    least_precision: Option<f64>,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

/// Measures.
///
/// # Errors
/// When the file can't be read, or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let lines = support::read(&args.file)?;
    let report = if args.words {
        support::measure(None, &lines, &args.said).await
    } else {
        let session = Session::open(config, Access::Attach).await?;
        let report = support::measure(Some(&session.knowledge), &lines, &args.said).await;
        session.close().await?;
        report
    };
    if args.json {
        print::json(&report)?;
    } else {
        line(&format!(
            "Sentences judged by words{}",
            if report.by_meaning {
                ", and by meaning where words can't tell"
            } else {
                " alone"
            }
        ));
        show("tuned on", &report.tuned);
        show("held out", &report.held_out);
    }
    let good = |p: &Part| args.least_precision.is_none_or(|least| p.precision() >= least);
    Ok(if good(&report.tuned) && good(&report.held_out) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(name: &str, part: &Part) {
    line(&format!(
        "{name}: {} sentences, precision {:.3}, recall {:.3}",
        part.sentences,
        part.precision(),
        part.recall()
    ));
    for (what, all) in [
        ("passes, and is not supported", &part.wrong),
        ("held back, and is supported", &part.held),
    ] {
        for one in all {
            line(&format!("  {what} ({}): {}", one.why, one.sentence));
        }
    }
}
