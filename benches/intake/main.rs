//! What intake takes: `./dev bench intake`. Webhooks a second with signature check and
//! durable enqueue, beside PostgreSQL's own pgbench with a bare insert of the same row; what
//! is left after a kill in the middle; and a thousand articles from the file to the index,
//! beside embedding their passages alone.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

mod articles;
mod cpu;
mod events;
#[path = "../processes/mod.rs"]
mod processes;
mod product;
mod rate;

use std::path::PathBuf;

use clap::Parser;

/// Measures intake.
#[derive(Parser)]
struct Options {
    /// What to measure: rate, kill, articles; all of them if none is named.
    #[arg(value_parser = ["rate", "kill", "articles"])]
    what: Vec<String>,
    /// Rounds of the rate; the median is printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of a round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections at once, of both.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// Events sent while the server is killed.
    #[arg(long, default_value_t = 20_000)]
    events: usize,
    /// Articles.
    #[arg(long, default_value_t = 1_000)]
    articles: usize,
    /// Another deskhand to measure.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Cargo's.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    // A socket's path has to be short, and PostgreSQL's account has to get there.
    let folder = PathBuf::from(format!("/tmp/deskhand-bench-{}", std::process::id()));
    let binary = options
        .binary
        .clone()
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_deskhand").into());
    let wanted = |name: &str| options.what.is_empty() || options.what.iter().any(|w| w == name);
    println!("load average {}", product::load_average());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let home = |name: &str| product::Home::new(binary.clone(), folder.join(name));
    runtime.block_on(async {
        if wanted("rate") {
            rate::measure(&home("rate"), options.rounds, options.seconds, options.clients).await;
        }
        if wanted("kill") {
            rate::kill(&home("kill"), options.events, options.clients).await;
        }
        if wanted("articles") {
            articles::measure(&home("articles"), options.articles).await;
        }
    });
    println!("load average {}", product::load_average());
    std::fs::remove_dir_all(&folder).unwrap();
}
