//! `deskhand eval`: measures parts of the product on data that the caller gives.

mod cases;
mod house;
mod retrieval;
mod support;

use std::process::ExitCode;

use crate::config::Config;

/// What to measure.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Answers, on cases in a JSONL file: what each must say, cite and end as.
    Cases(cases::Args),
    /// Search, on a folder in BEIR's form (corpus.jsonl, queries.jsonl, qrels.tsv).
    Retrieval(retrieval::Args),
    /// The check of sentences against their sources, on labelled ones in a JSONL file.
    Support(support::Args),
}

/// Measures.
///
/// # Errors
/// When the data can't be read, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Cases(args) => cases::run(config, args).await,
        Command::Retrieval(args) => retrieval::run(config, args).await,
        Command::Support(args) => support::run(config, args).await,
    }
}
