//! How fast the product's own searches are, and how large a database gets, on synthetic
//! sites of 10 000 to 1 000 000 chunks in a PostgreSQL of the benchmark's own:
//! `./dev bench search --chunks 10000,100000`. The question's embedding is left out: its
//! vector is given. `--record` puts the figures into docs/performance.csv and draws
//! docs/performance.svg.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

mod check;
mod corpus;
mod ingest;
mod load;
mod measure;
mod plot;
mod server;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use deskhand::db::nearest::LARGE;
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::chunk::ChunkLimits;
use deskhand::knowledge::extract::reader::Settings;
use deskhand::models::embedders::{EmbedderSettings, Embedders};
use deskhand::models::openai::embeddings::OpenAiSettings;
use uuid::Uuid;

use corpus::Corpus;
use load::{connect, run};
use server::{Database, Server, cpu};

/// Measures searches on synthetic sites.
#[derive(Parser)]
struct Options {
    /// How many chunks; one run each.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000")]
    chunks: Vec<usize>,
    /// Questions a scope.
    #[arg(long, default_value_t = 200)]
    questions: usize,
    /// Where the database is kept for the next run; without it, in a folder that goes.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Only prove that the bulk load leaves what ingestion leaves.
    #[arg(long)]
    check: bool,
    /// Search in the database instead of copies in memory.
    #[arg(long)]
    without_copies: bool,
    /// Build graphs for the measured sites alone.
    #[arg(long)]
    measured_graphs: bool,
    /// Put the figures into docs/.
    #[arg(long)]
    record: bool,
    /// Cargo's.
    #[arg(long, hide = true)]
    bench: bool,
}

const SEED: u64 = 7;
const WARM_UP: usize = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = Options::parse();
    let scratch = std::env::temp_dir().join(format!("deskhand-bench-{}", std::process::id()));
    let folder = options.folder.clone().unwrap_or_else(|| scratch.clone());
    std::fs::create_dir_all(&folder).unwrap();
    let server = Server::start(&folder).await;
    if options.check {
        check::check(&server, SEED).await;
    } else {
        for chunks in &options.chunks {
            size(&server, *chunks, &options).await;
        }
    }
    server.stop().await;
    if options.folder.is_none() {
        std::fs::remove_dir_all(&scratch).unwrap();
    }
}

async fn size(server: &Server, chunks: usize, options: &Options) {
    let name = format!("bench_{chunks}");
    let database = server.database(&name).await;
    let model = database.model().await;
    let corpus = Corpus::new(chunks, SEED);
    println!("\n{chunks} chunks, load average {}", load_average());
    if !loaded(&database).await {
        let began = Instant::now();
        load::load(&database.superuser, &corpus, model, |done| {
            eprint!("\r{done} of {chunks} chunks");
        })
        .await;
        eprintln!();
        println!("loaded in {:.0} s", began.elapsed().as_secs_f64());
        for (n, site) in corpus.sites.iter().enumerate() {
            let measured = measure::SCOPES.iter().any(|s| s.site == n);
            if site.chunks as i64 > LARGE && (measured || !options.measured_graphs) {
                graph(server, &database, site.id, site.chunks, model).await;
            }
        }
    }
    sizes(&database, chunks, model).await;
    let knowledge = knowledge(options);
    let mut measured = Vec::new();
    let mut copied = HashSet::new();
    for scope in &measure::SCOPES {
        let site = corpus.sites[scope.site].id;
        if !options.without_copies && copied.insert(site) {
            copy(&knowledge, &database, site, corpus.sites[scope.site].chunks).await;
        }
        let of_scope = measure::measure(&knowledge, &database, &corpus, scope, options.questions, WARM_UP);
        measured.extend(of_scope.await);
    }
    println!(
        "{:<18} {:<8} {:>14} {:>14} {:>14}  recall@10",
        "ms, p50/p95", "", "wall", "server's CPU", "client's CPU"
    );
    for m in &measured {
        let ms = |s: measure::Spread| format!("{:.2}/{:.2}", s.p50, s.p95);
        println!(
            "{:<18} {:<8} {:>14} {:>14} {:>14}  {}",
            m.scope,
            m.measure,
            ms(m.wall),
            ms(m.server),
            ms(m.client),
            m.recall.map_or(String::new(), |r| format!("{r:.4}")),
        );
    }
    if options.record {
        plot::record(chunks, &measured);
    }
    insertion(&database, &corpus, model).await;
    println!(
        "memory of the server's processes: {} MB, load average {}",
        server.memory() >> 20,
        load_average()
    );
    database.db.close().await;
}

/// A knowledge base without a model: the questions' vectors are given.
fn knowledge(options: &Options) -> Knowledge {
    let none = Duration::from_secs(1);
    let openai = OpenAiSettings {
        base_url: "http://127.0.0.1:9".to_owned(),
        key: None,
        dimensions: None,
        connect: none,
        query: none,
        passages: none,
    };
    let embedders = Embedders::new(EmbedderSettings {
        model: None,
        folder: PathBuf::new(),
        threads: 1,
        openai,
    });
    let room = if options.without_copies { 0 } else { 4 << 30 };
    Knowledge::new(Arc::new(embedders), ChunkLimits::default(), Settings::default()).with_copies(room)
}

/// Loads a site's copy, and says what it takes.
async fn copy(knowledge: &Knowledge, database: &Database, site: Uuid, chunks: usize) {
    let (before, cpu, began) = (knowledge.copies.size().1, measure::own_cpu(), Instant::now());
    knowledge.copies.load(&database.db, SiteId(site)).await.unwrap();
    println!(
        "copy of {chunks}: {:.2} s, own CPU {:.2} s, {:.1} MB; this process now {} MB",
        began.elapsed().as_secs_f64(),
        measure::own_cpu() - cpu,
        (knowledge.copies.size().1 - before) as f64 / f64::from(1 << 20),
        own_memory() >> 10,
    );
}

/// Kilobytes.
fn own_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0)
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

async fn loaded(database: &Database) -> bool {
    let mut conn = connect(&database.superuser).await;
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM corpus_stats")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    n > 0
}

/// Builds a site's graph by the product's own function, and says what it took.
async fn graph(server: &Server, database: &Database, site: Uuid, chunks: usize, model: i32) {
    let before = server.memory();
    let (url, began) = (database.superuser.clone(), Instant::now());
    let build = async move {
        let mut conn = connect(&url).await;
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut conn)
            .await
            .unwrap();
        run(
            &mut conn,
            &format!(
                "BEGIN; SET LOCAL deskhand.site = '{site}'; SET LOCAL statement_timeout = 0;
                 SET LOCAL maintenance_work_mem = '2GB'; SELECT deskhand_vector_graph({model}); COMMIT"
            ),
        )
        .await;
        cpu(pid)
    };
    tokio::pin!(build);
    let mut most = before;
    let leader = loop {
        tokio::select! {
            leader = &mut build => break leader,
            () = tokio::time::sleep(Duration::from_millis(300)) => most = most.max(server.memory()),
        }
    };
    let name = format!("near_{model}_{}", site.simple());
    println!(
        "graph of {chunks}: {:.1} s, leader's CPU {leader:.1} s, {} MB on disk, {} MB more memory at the most",
        began.elapsed().as_secs_f64(),
        database.size(&name).await >> 20,
        (most - before) >> 20,
    );
}

async fn sizes(database: &Database, chunks: usize, model: i32) {
    for table in ["chunks", "postings", "term_stats", &format!("embeddings_{model}")] {
        let size = database.size(table).await;
        println!(
            "{table}: {} MB, {} bytes a chunk",
            size >> 20,
            size / chunks as i64
        );
    }
}

/// What new documents cost, by the product's own storing.
async fn insertion(database: &Database, corpus: &Corpus, model: i32) {
    let backend = database.backend().await;
    for (name, site) in [("site of 50 %", 0), ("site of 1 %", 1)] {
        let (mut chunks, mut wall, mut added) = (0, 0.0, Vec::new());
        let before = cpu(backend);
        for n in (0..corpus.places.len())
            .filter(|n| corpus.places[*n].site == site)
            .take(40)
        {
            let document = corpus.again(n);
            chunks += document.chunks.len();
            wall += ingest::document(&database.db, corpus, &document, model).await;
            added.push((document.place.site, document.external_id));
        }
        println!(
            "a new chunk, {name}: {:.2} ms, server's CPU {:.2} ms",
            1e3 * wall / chunks as f64,
            1e3 * (cpu(backend) - before) / chunks as f64,
        );
        // The next run on this folder finds what it expects.
        for (site, name) in added {
            ingest::delete(&database.db, corpus, site, &name).await;
        }
    }
}
