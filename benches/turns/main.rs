//! What whole turns take: `./dev bench turns`. The product as it is delivered, its own
//! PostgreSQL, a site of about a thousand passages, and a language model that costs next to
//! nothing, on one machine. CPU is the kernel's count for the server and for all processes
//! of its database; the model's and the clients' are not in it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

mod client;
mod measure;
mod orders;
mod peer;
#[path = "../processes/mod.rs"]
mod processes;
mod product;
mod provider;
mod site;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use measure::{Cost, Round, Way};
use peer::Peer;
use product::{Home, Running};
use provider::{Pace, Provider};

/// Measures whole turns.
#[derive(Parser)]
struct Options {
    /// Turns a round; at most 1000, as many questions are remembered.
    #[arg(long, default_value_t = 400)]
    turns: usize,
    /// Rounds of each sort; the median is printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Streams at once while the model writes slowly.
    #[arg(long, default_value_t = 100)]
    streams: usize,
    /// Answers that each of them listens to.
    #[arg(long, default_value_t = 4)]
    answers: usize,
    /// Idle streams.
    #[arg(long, default_value_t = 1000)]
    idle: usize,
    /// Search by words alone: a site without vectors.
    #[arg(long)]
    words: bool,
    /// Only this: conversations with an order look-up, 50 at once, beside as many with a search.
    #[arg(long)]
    orders: bool,
    /// How many conversations of each sort.
    #[arg(long, default_value_t = 500)]
    conversations: usize,
    /// Only serve, with the process ids, for a profiler: so many turns, 16 at once.
    #[arg(long)]
    profile: Option<usize>,
    /// A plain service to measure in the same run: what a POST to this address costs.
    #[arg(long, requires = "peer_pid")]
    peer: Option<String>,
    /// The service's process; may be given again. What it started is counted with it.
    #[arg(long)]
    peer_pid: Vec<i32>,
    /// A process of the service's databases; may be given again.
    #[arg(long)]
    peer_database_pid: Vec<i32>,
    /// What is posted to it; `{}` is the question.
    #[arg(long, default_value = r#"{"question":"{}"}"#)]
    peer_body: String,
    /// Another deskhand to measure, such as one before a change.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the data are kept for the next run; without it, in a folder that goes.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Cargo's.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    // A file a connection, on both sides.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    // A socket's path has to be short, and PostgreSQL's account has to get there.
    let scratch = PathBuf::from(format!("/tmp/deskhand-bench-{}", std::process::id()));
    let folder = options.folder.clone().unwrap_or_else(|| scratch.clone());
    let provider = Arc::new(Provider::start().await);
    let binary = options
        .binary
        .clone()
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_deskhand").into());
    let home = Home::new(
        binary,
        folder.clone(),
        &provider.base_url,
        options.words.then_some("none"),
    );
    println!("load average {}", load_average());
    let running = home.serve();
    let documents = folder.join("documents");
    if !documents.exists() {
        std::fs::create_dir_all(&documents).unwrap();
        site::write(&documents);
        home.ingest(&documents);
    }
    let mut database = home.superuser().await;
    let passages: i64 = sqlx::query_scalar("SELECT count(*) FROM chunks")
        .fetch_one(&mut database)
        .await
        .unwrap();
    println!("{passages} passages");
    measure::settle(&mut database).await;
    // What taking the documents in left behind isn't a turn's; what turns leave is.
    for clear in ["VACUUM ANALYZE", "CHECKPOINT"] {
        sqlx::query(clear).execute(&mut database).await.unwrap();
    }

    if let Some(turns) = options.profile {
        profile(&running, &mut database, turns).await;
    } else if options.orders {
        order_turns(&running, &mut database, &options).await;
    } else {
        all_turns(&running, &mut database, &options).await;
        sentences(&running, &provider, &options).await;
        drop(database);
        running.stop();
        let each = measure::idle(&home, options.idle / 10, options.idle).await;
        println!(
            "an idle stream, from {} to {}: {:.1} KB",
            options.idle / 10,
            options.idle,
            each / 1024.0
        );
    }
    println!("load average {}", load_average());
    if options.folder.is_none() {
        std::fs::remove_dir_all(&scratch).unwrap();
    }
}

async fn profile(running: &Running, database: &mut sqlx::PgConnection, turns: usize) {
    let round = Round {
        way: Way::Json,
        at_once: 16,
        turns: turns.min(900),
        from: 0,
    };
    measure::warm(running, Round { at_once: 4, ..round }).await;
    for _ in 0..turns.div_ceil(round.turns) {
        measure::forget(database).await;
        let cost = measure::cost(running, database, round).await;
        println!("{cost:?}");
    }
}

/// How many conversations at once.
const ORDERS_AT_ONCE: usize = 50;

async fn order_turns(running: &Running, database: &mut sqlx::PgConnection, options: &Options) {
    let turns = options.conversations.max(1);
    println!(
        "{:<28} {:>8} {:>8} {:>8} {:>8} {:>13}",
        "CPU, ms a conversation", "server", "database", "both", "a second", "transactions"
    );
    for (name, about) in [
        ("order look-up, 50 at once", orders::About::Orders),
        ("kb_search, 50 at once", orders::About::Pages),
    ] {
        // Fills the caches, and computes the questions' vectors.
        orders::conversations(running, database, about, turns, ORDERS_AT_ONCE).await;
        let (mut costs, mut waited, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..options.rounds.max(1) {
            let measured = orders::conversations(running, database, about, turns, ORDERS_AT_ONCE).await;
            costs.push(measured.cost);
            waited.extend(measured.waited_ms);
            errors.extend(measured.errors);
        }
        show(name, &costs);
        waited.sort_by(f64::total_cmp);
        println!(
            "{:<28} {} answered, {} errors; p50 {:.0} ms, p95 {:.0} ms",
            "",
            waited.len(),
            errors.len(),
            measure::quantile(&waited, 0.5),
            measure::quantile(&waited, 0.95)
        );
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

async fn all_turns(running: &Running, database: &mut sqlx::PgConnection, options: &Options) {
    let turns = options.turns.min(1000);
    let round = |way, at_once| Round {
        way,
        at_once,
        turns,
        from: 0,
    };
    // Fills the caches of both, and computes the questions' vectors.
    measure::warm(running, round(Way::Json, 4)).await;
    // The tables were empty a moment ago, and statements were planned for that. Autovacuum tells
    // the planner better, but only within a minute.
    sqlx::query("ANALYZE").execute(&mut *database).await.unwrap();
    println!(
        "{:<28} {:>8} {:>8} {:>8} {:>8} {:>13}",
        "CPU, ms a turn", "server", "database", "both", "turns/s", "transactions"
    );
    for (name, way, at_once) in [
        ("JSON, one at a time", Way::Json, 1),
        ("JSON, 16 at once", Way::Json, 16),
        ("stream, one at a time", Way::Stream, 1),
        ("stream, 16 at once", Way::Stream, 16),
    ] {
        let mut costs = Vec::new();
        for _ in 0..options.rounds {
            measure::forget(database).await;
            costs.push(measure::cost(running, database, round(way, at_once)).await);
        }
        show(name, &costs);
    }
    if let Some(url) = &options.peer {
        let peer = Peer {
            url: url.clone(),
            body: options.peer_body.clone(),
            services: options.peer_pid.clone(),
            databases: options.peer_database_pid.clone(),
        };
        peer.cost(16, turns).await;
        for (name, at_once) in [("peer, one at a time", 1), ("peer, 16 at once", 16)] {
            let mut costs = Vec::new();
            for _ in 0..options.rounds {
                costs.push(peer.cost(at_once, turns).await);
            }
            show(name, &costs);
        }
    }
    if options.words {
        return;
    }
    // Questions that were never asked: their vectors are computed.
    let left = (site::QUESTIONS - turns) / options.rounds.max(1);
    let mut costs = Vec::new();
    for n in 0..options.rounds {
        let new = Round {
            turns: left.min(turns),
            from: turns + n * left,
            ..round(Way::Json, 16)
        };
        costs.push(measure::cost(running, database, new).await);
    }
    show("with the question's vector", &costs);
}

fn show(name: &str, costs: &[Cost]) {
    let median = |of: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = costs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        measure::quantile(&all, 0.5)
    };
    println!(
        "{name:<28} {:>8.2} {:>8.2} {:>8.2} {:>8.0} {:>13.1}",
        median(|c| c.server),
        median(|c| c.database),
        median(|c| c.server + c.database),
        median(|c| c.a_second),
        median(|c| c.transactions),
    );
}

async fn sentences(running: &Running, provider: &Arc<Provider>, options: &Options) {
    let pace = Pace {
        first: Duration::from_millis(100),
        token: Duration::from_millis(20),
    };
    let delays = measure::delays(running, provider, options.streams, options.answers, pace).await;
    let show = |name: &str, sorted: &[f64]| {
        println!(
            "{name:<52} p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms",
            measure::quantile(sorted, 0.5),
            measure::quantile(sorted, 0.95),
            measure::quantile(sorted, 0.99)
        );
    };
    println!(
        "{} streams at once, 100 ms to a first token, 20 ms a token: {} answers, {} failed",
        options.streams,
        delays.certain.len(),
        delays.failed
    );
    show(
        "first sentence, after the token that makes it certain",
        &delays.certain,
    );
    show("first sentence, after its mark's last token", &delays.mark);
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
