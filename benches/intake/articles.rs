//! A thousand articles, from files to the index, by the product's own command; beside the
//! same passages given to the same model alone, and beside the same command again.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use deskhand::knowledge::embed::text_of;
use deskhand::models::embedder::{ModelSpec, Purpose};
use deskhand::models::embedders::{EmbedderSettings, Embedders};
use deskhand::models::openai::embeddings::OpenAiSettings;
use nix::sys::resource::UsageWho;
use sqlx::Row;

use crate::product::Home;
use crate::{cpu, rate};

/// Texts that the model gets at once.
const BATCH: usize = 64;

/// Articles about a shop's goods, of 100 to 500 words under three headings, no two alike.
fn write(folder: &std::path::Path, count: usize) {
    std::fs::create_dir_all(folder).unwrap();
    const WORDS: [&str; 48] = [
        "lamp",
        "oak",
        "delivery",
        "warranty",
        "shade",
        "parcel",
        "brass",
        "return",
        "voltage",
        "ceiling",
        "table",
        "customer",
        "invoice",
        "refund",
        "wood",
        "oil",
        "bulb",
        "dimmer",
        "cable",
        "screw",
        "label",
        "carrier",
        "appointment",
        "warehouse",
        "country",
        "customs",
        "working",
        "days",
        "payment",
        "card",
        "voucher",
        "student",
        "discount",
        "newsletter",
        "account",
        "password",
        "address",
        "order",
        "number",
        "photograph",
        "damage",
        "replacement",
        "assembly",
        "manual",
        "person",
        "minutes",
        "surface",
        "cloth",
    ];
    let mut state = 7_u64;
    let mut next = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for n in 0..count {
        let mut text = format!("# Article {n} about {}\n\n", WORDS[next(WORDS.len())]);
        for section in 0..3 {
            let _ = write!(text, "## {} {section}\n\n", WORDS[next(WORDS.len())]);
            for _ in 0..3 + next(12) {
                let mut sentence = format!("The {} number {}", WORDS[next(WORDS.len())], next(100_000));
                for _ in 0..6 + next(8) {
                    sentence.push(' ');
                    sentence.push_str(WORDS[next(WORDS.len())]);
                }
                let _ = write!(text, "{sentence}. ");
            }
            text.push_str("\n\n");
        }
        std::fs::write(folder.join(format!("article-{n}.md")), text).unwrap();
    }
}

pub async fn measure(home: &Home, count: usize) {
    home.site();
    // As the command does: the rate before may have kept to one.
    rate::run_on("0,1");
    let folder = home.path("articles");
    write(&folder, count);
    let path = folder.to_string_lossy().into_owned();
    let ingest = || {
        let (began, before) = (Instant::now(), cpu::used(UsageWho::RUSAGE_CHILDREN));
        home.run("0,1", &["ingest", &path, "--site", "shop", "--json"]);
        // With its PostgreSQL and all that read files: it waits for them.
        let used = cpu::used(UsageWho::RUSAGE_CHILDREN) - before;
        (began.elapsed().as_secs_f64(), used)
    };
    let (whole, whole_cpu) = ingest();
    let (again, again_cpu) = ingest();

    // The passages, as they are stored.
    let server = home.serve();
    let mut database = home.superuser().await;
    let rows = sqlx::query("SELECT d.source, d.title, c.heading_path, c.text FROM chunks c JOIN documents d ON d.id = c.document_id")
        .fetch_all(&mut database)
        .await
        .unwrap();
    let vectors: i64 = sqlx::query_scalar("SELECT count(*) FROM embeddings")
        .fetch_one(&mut database)
        .await
        .unwrap();
    drop(database);
    server.stop();
    assert_eq!(
        usize::try_from(vectors).unwrap(),
        rows.len(),
        "every passage has its vector"
    );
    let mut texts: Vec<String> = rows
        .iter()
        .map(|r| {
            let heading: Vec<String> = r.get(2);
            text_of(r.get(0), r.get(1), &heading, r.get(3))
        })
        .collect();
    // As ingestion gives them: alike ones together.
    texts.sort_by_key(String::len);
    let cache = deskhand::db::embedded::cache_dir(
        None,
        std::env::var_os("HOME").map(std::path::PathBuf::from).as_deref(),
    );
    let embedders = Embedders::new(EmbedderSettings {
        model: None,
        folder: cache.unwrap(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        openai: OpenAiSettings {
            base_url: "http://127.0.0.1:9".to_owned(),
            key: None,
            dimensions: None,
            connect: Duration::from_secs(1),
            query: Duration::from_secs(1),
            passages: Duration::from_secs(1),
        },
    });
    let spec: ModelSpec = "local:all-minilm-l6-v2".parse().unwrap();
    let model = embedders.get(&spec, None).await.unwrap();
    let (began, before) = (Instant::now(), cpu::used(UsageWho::RUSAGE_SELF));
    for batch in texts.chunks(BATCH) {
        model.embed(batch.to_vec(), Purpose::Passages).await.unwrap();
    }
    let alone = began.elapsed().as_secs_f64();
    let alone_cpu = cpu::used(UsageWho::RUSAGE_SELF) - before;
    println!(
        "{count} articles, {} passages: {whole:.1} s end to end, {alone:.1} s to embed them alone ({:.1} a second), \
         ratio {:.2} (wanted: 1.30); unchanged once more: {again:.1} s, {:.1} % (wanted: 5 %)",
        texts.len(),
        texts.len() as f64 / alone,
        whole / alone,
        100.0 * again / whole,
    );
    // Where other work has the cores too, CPU time says more than the wall's clock.
    println!(
        "in CPU time: {whole_cpu:.1} s, {alone_cpu:.1} s, ratio {:.2}; unchanged {again_cpu:.1} s, {:.1} %",
        whole_cpu / alone_cpu,
        100.0 * again_cpu / whole_cpu,
    );
}
