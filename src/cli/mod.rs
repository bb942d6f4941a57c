//! The command line, for people and for scripts: one file a subcommand.

pub mod ask;
pub mod backup;
pub mod bridge;
pub mod chat;
pub mod connect;
pub mod connections;
pub mod conversation;
pub mod crawl;
pub mod demo;
pub mod display;
pub mod docs;
pub mod doctor;
pub mod erase;
pub mod eval;
pub mod events;
pub mod extract;
pub mod gaps;
pub mod inbox;
pub mod ingest;
pub mod jobs;
pub mod mail;
pub mod migrate;
mod model;
pub mod notices;
pub mod pin;
pub mod print;
pub mod reindex;
pub mod replay;
pub mod restore;
pub mod search;
pub mod serve;
pub mod session;
pub mod site;
pub mod tickets;
mod times;
pub mod tools;
pub mod turn;
pub mod usage;
pub mod work;
pub mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::config::{Config, LogFormat};
use crate::domain::fail;
use crate::http::metrics::Access;
use crate::telemetry::trace::Traces;
use crate::telemetry::{self, LogSettings};

/// A support agent that answers from a site's own documents, with citations.
#[derive(Parser)]
#[command(
    name = "deskhand",
    version,
    about,
    max_term_width = 100,
    propagate_version = true
)]
struct Cli {
    /// The configuration file (default: $DESKHAND_CONFIG, else deskhand.toml here, if there is one).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, the demo page and background work until it is stopped.
    Serve(serve::Args),
    /// Run background work only.
    Worker(worker::Args),
    /// Bring the database to this version.
    Migrate,
    /// Take files or folders into a site's knowledge base.
    Ingest(ingest::Args),
    /// See, renew, approve and delete a site's documents.
    #[command(subcommand)]
    Docs(docs::Command),
    /// Show a file's text as it would be taken in; no database is needed.
    Extract(extract::Args),
    /// Add, list, run and remove crawls: addresses whose pages are taken in night by night.
    #[command(subcommand)]
    Crawl(crawl::Command),
    /// Search a site's knowledge base, and see why each passage ranks where it does.
    Search(search::Args),
    /// Add, list and remove answers of your own, which go before all documents.
    #[command(subcommand)]
    Pin(pin::Command),
    /// See which questions found nothing, grouped.
    Gaps(gaps::Args),
    /// Give a site the vectors of another embedding model, and switch to it.
    Reindex(reindex::Args),
    /// Measure how good the parts are, on data that you give.
    #[command(subcommand)]
    Eval(eval::Command),
    /// Ask one question.
    Ask(ask::Args),
    /// Have a conversation in the terminal.
    Chat(chat::Args),
    /// Give a site its access to another system: its shop, and whatever else --help lists.
    Connect(connect::Args),
    /// See, try and end a site's connections.
    Connections(connections::Args),
    /// Add, list and change sites and their keys.
    #[command(subcommand)]
    Site(site::Command),
    /// See webhooks that came, what became of them, who sent some with a wrong signature; try again.
    #[command(subcommand)]
    Events(events::Command),
    /// See a site's tools, try one, switch them on and off.
    #[command(subcommand)]
    Tools(tools::Command),
    /// See, retry and drop background jobs.
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// See what waits for people, and answer, approve, refuse, resolve.
    Inbox {
        /// Whose inbox, and who acts.
        #[command(flatten)]
        who: inbox::Who,
        /// What to do.
        #[command(subcommand)]
        command: inbox::Command,
    },
    /// See what sites told of forms, orders and other events, and what came of it.
    #[command(subcommand)]
    Bridge(bridge::Command),
    /// See what staff were told of, and try whether notices arrive.
    Notices(notices::Args),
    /// See which mails went out, and try the mail server.
    #[command(subcommand)]
    Mail(mail::Command),
    /// List, show and work on tickets.
    Tickets {
        /// Whose tickets, and who acts.
        #[command(flatten)]
        who: tickets::Who,
        /// What to do.
        #[command(subcommand)]
        command: tickets::Command,
    },
    /// Show what happened in a turn.
    #[command(subcommand)]
    Turn(turn::Command),
    /// Show what language models were asked and what that cost.
    Usage(usage::Args),
    /// Run a turn's recorded inputs through the machine again.
    Replay(replay::Args),
    /// Copy everything of the own PostgreSQL into one file, while it serves.
    Backup(backup::Args),
    /// Make a data folder of a backup; the folder must be empty.
    Restore(restore::Args),
    /// Remove a person's data over all tables, and print a receipt.
    Erase(erase::Args),
    /// Show all data of a person, as JSON.
    Export(erase::Person),
    /// Check each part, and say how to mend it.
    Doctor(doctor::Args),
    /// Print the API's description (OpenAPI, JSON).
    Openapi,
}

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    // Printed without a configuration, so that a broken one can be looked up.
    let arguments: Vec<_> = std::env::args_os().collect();
    if arguments.len() == 3 && arguments[1] == "help" && arguments[2] == "config" {
        print::piece(&crate::config::reference());
        return ExitCode::SUCCESS;
    }
    let cli = Cli::parse_from(arguments);
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            print::note(&format!("deskhand: {}", chain(&error)));
            ExitCode::from(2)
        }
    }
}

/// An error with its causes, each said once.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if matches!(cli.command, Command::Openapi) {
        print::line(&crate::http::router::openapi().to_pretty_json()?);
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::load(cli.config.as_deref())?;
    if let Some(name) = &config.fail_point {
        anyhow::ensure!(fail::arm(name), "there is no fail point `{name}`");
    }
    // A tool that runs for a moment speaks for itself; what it does inside is no news.
    let is_service = matches!(cli.command, Command::Serve(_) | Command::Worker(_));
    let filter = if is_service {
        config.log.filter.clone()
    } else {
        config.log.tool_filter.clone()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Commands that run for a moment leave neither traces nor metrics.
    let traces = {
        let _inside = runtime.enter();
        let settings = config.traces().filter(|_| is_service);
        settings.map(|s| Traces::start(&s)).transpose()?
    };
    let logs = LogSettings {
        filter,
        json: config.log.format == LogFormat::Json,
    };
    telemetry::init(&logs, traces.as_ref());
    // A worker has no port where they could be read.
    if matches!(cli.command, Command::Serve(_)) && config.telemetry.metrics != Access::Off {
        telemetry::metrics::install();
    }
    let done = runtime.block_on(async {
        match cli.command {
            Command::Serve(args) => serve::run(config, args).await,
            Command::Worker(args) => worker::run(config, args).await,
            Command::Migrate => migrate::run(config).await,
            Command::Ingest(args) => ingest::run(config, args).await,
            Command::Docs(command) => docs::run(config, command).await,
            Command::Extract(args) => extract::run(config, args).await,
            Command::Crawl(command) => crawl::run(config, command).await,
            Command::Search(args) => search::run(config, args).await,
            Command::Pin(command) => pin::run(config, command).await,
            Command::Gaps(args) => gaps::run(config, args).await,
            Command::Reindex(args) => reindex::run(config, args).await,
            Command::Eval(command) => eval::run(config, command).await,
            Command::Ask(args) => ask::run(config, args).await,
            Command::Chat(args) => chat::run(config, args).await,
            Command::Connect(args) => connect::run(config, args).await,
            Command::Connections(args) => connections::run(config, args).await,
            Command::Site(command) => site::run(config, command).await,
            Command::Events(command) => events::run(config, command).await,
            Command::Tools(command) => tools::run(config, command).await,
            Command::Jobs(command) => jobs::run(config, command).await,
            Command::Inbox { who, command } => inbox::run(config, who, command).await,
            Command::Bridge(command) => bridge::run(config, command).await,
            Command::Notices(args) => notices::run(config, args).await,
            Command::Mail(command) => mail::run(config, command).await,
            Command::Tickets { who, command } => tickets::run(config, who, command).await,
            Command::Turn(command) => turn::run(config, command).await,
            Command::Usage(args) => usage::run(config, args).await,
            Command::Replay(args) => replay::run(config, args).await,
            Command::Backup(args) => backup::run(config, args).await,
            Command::Restore(args) => restore::run(config, args).await,
            Command::Erase(args) => erase::run(config, args).await,
            Command::Export(person) => erase::export(config, person).await,
            Command::Doctor(args) => doctor::run(config, args).await,
            Command::Openapi => Ok(ExitCode::SUCCESS),
        }
    });
    if let Some(traces) = &traces {
        runtime.block_on(traces.stop());
    }
    // A read of the terminal that nobody waits for any more can't be ended.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}
