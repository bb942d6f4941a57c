//! Search by meaning, with the real model: what words can't find, a switch from one model
//! to another, models that can't be used, and providers that fail.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use deskhand::db::pool::Db;
use deskhand::db::{embeddings, models};
use deskhand::domain::clock::SystemClock;
use deskhand::domain::document::{Found, NewUpload, PIN};
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::accept::accept;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::ingest::ingest;
use deskhand::knowledge::search::{Mode, SearchQuery, search};
use deskhand::knowledge::{embed, reindex};
use deskhand::models::embedder::{ModelSpec, Purpose};

use serde_json::json;

use crate::support::fake_embedder::{DIMENSIONS, FakeEmbedder, Fault};
use crate::support::knowledge::{knowledge, settings, with_model, words_alone};
use crate::support::scratch::{hand_in, test_db};

const PAGES: [(&str, &str); 4] = [
    (
        "returns.md",
        "# Returns\n\nYou can send goods back within 30 days of delivery. We refund the full price.",
    ),
    (
        "care.md",
        "# Lamp care\n\nWipe the shade with a dry cloth. Never use alcohol on brass.",
    ),
    (
        "shipping.md",
        "# Shipping\n\nParcels leave our warehouse on the same day. Delivery takes three days.",
    ),
    (
        "jobs.md",
        "# Jobs\n\nWe are looking for a carpenter who likes oak.",
    ),
];

async fn know(knowledge: &Knowledge, db: &Db, site: SiteId, name: &str, text: &str) {
    let accepted = hand_in(db, site, name, text.as_bytes()).await;
    let upload = accepted.upload.expect("something new");
    ingest(
        db,
        &SystemClock,
        knowledge,
        site,
        upload,
        accepted.document,
        &|_, _| {},
    )
    .await
    .unwrap();
}

async fn find(knowledge: &Knowledge, db: &Db, site: SiteId, text: &str, mode: Mode) -> Arc<Found> {
    let query = SearchQuery {
        text: text.to_owned(),
        k: 3,
        mode,
        ..SearchQuery::default()
    };
    search(knowledge, db, site, query).await.unwrap()
}

#[tokio::test]
async fn meaning_finds_what_words_do_not() {
    let (db, site) = test_db().await;
    let k = with_model();
    for (name, text) in PAGES {
        know(&k, &db, site, name, text).await;
    }
    let question = "How can I clean my light?";
    let words = find(&k, &db, site, question, Mode::Words).await;
    assert!(
        words
            .passages
            .iter()
            .all(|p| p.title != "Lamp care" || p.parts.bm25 > 0.0)
    );
    let found = find(&k, &db, site, question, Mode::Hybrid).await;
    assert_eq!(found.passages[0].title, "Lamp care");
    let parts = &found.passages[0].parts;
    assert!(
        parts.cosine.unwrap() > 0.3 && parts.vector_rank == Some(1),
        "{parts:?}"
    );
    assert!((found.passages[0].score - parts.words - parts.meaning).abs() < 1e-9);
    assert!(
        found.model.as_deref().unwrap().starts_with("minilm-l6-h384"),
        "{:?}",
        found.model
    );
    // The same question again is remembered; a change of the knowledge ends that.
    let again = find(&k, &db, site, question, Mode::Hybrid).await;
    assert!(Arc::ptr_eq(&found, &again));
    know(
        &k,
        &db,
        site,
        "light.md",
        "# Cleaning lights\n\nHow to clean a light: use a brush.",
    )
    .await;
    let changed = find(&k, &db, site, question, Mode::Hybrid).await;
    assert_eq!(changed.passages[0].title, "Cleaning lights");
}

#[tokio::test]
async fn passages_that_say_the_same_are_given_once() {
    let (db, site) = test_db().await;
    let k = with_model();
    let text = "Parcels leave our warehouse on the same day. Delivery takes three days to all of Europe.";
    for name in ["a.md", "b.md", "c.md"] {
        know(&k, &db, site, name, &format!("# Shipping {name}\n\n{text}")).await;
    }
    know(&k, &db, site, "care.md", PAGES[1].1).await;
    let found = find(&k, &db, site, "When does my parcel leave?", Mode::Hybrid).await;
    let same = found
        .passages
        .iter()
        .filter(|p| p.text.contains("warehouse"))
        .count();
    assert_eq!(
        same,
        1,
        "{:?}",
        found.passages.iter().map(|p| &p.title).collect::<Vec<_>>()
    );
}

/// What was searched by words gets its vectors beside, and search never stops.
#[tokio::test]
async fn a_site_without_vectors_gets_them_by_a_job() {
    let (db, site) = test_db().await;
    let words = words_alone();
    for (name, text) in PAGES {
        know(&words, &db, site, name, text).await;
    }
    let k = with_model();
    let before = find(&k, &db, site, "send goods back", Mode::Hybrid).await;
    assert_eq!(
        (before.model.clone(), before.passages[0].title.as_str()),
        (None, "Returns")
    );
    embed::begin(&db, &k.embedders, site).await.unwrap();
    let mut tx = db.site(site).await.unwrap();
    let known = models::of_site(&mut tx).await.unwrap();
    drop(tx);
    let next = known.next.expect("a model to build");
    assert_eq!(known.live, None);
    // Halfway a document comes in; it brings its vector along.
    know(
        &k,
        &db,
        site,
        "new.md",
        "# Gift cards\n\nGift cards never expire.",
    )
    .await;
    reindex::reindex(&db, &k, site, next.id, &|_| {}).await.unwrap();
    let mut tx = db.site(site).await.unwrap();
    let known = models::of_site(&mut tx).await.unwrap();
    assert_eq!(known.live.map(|m| m.id), Some(next.id));
    assert_eq!(embeddings::count(&mut tx, next.id).await.unwrap(), (5, 5));
    drop(tx);
    let after = find(&k, &db, site, "a voucher as a present", Mode::Hybrid).await;
    assert_eq!(after.passages[0].title, "Gift cards");
    // Again does no harm.
    reindex::reindex(&db, &k, site, next.id, &|_| {}).await.unwrap();
}

/// An unchanged passage of a changed document keeps its vector: nothing is embedded for it.
#[tokio::test]
async fn unchanged_passages_are_not_embedded_again() {
    let (db, site) = test_db().await;
    let k = with_model();
    let long = |end: &str| {
        let filler = |word: &str| format!("This part tells of {word} in many plain words. ").repeat(24);
        format!(
            "# Guide\n\n## One\n\n{}\n\n## Two\n\n{}\n\n## Three\n\n{end}",
            filler("lamps"),
            filler("shades")
        )
    };
    know(&k, &db, site, "guide.md", &long("The end.")).await;
    let texts = |sql: &'static str| async move {
        let mut conn = crate::support::scratch::raw(site).await;
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
        rows.into_iter().collect::<BTreeSet<_>>()
    };
    let vectors = "SELECT c.text || e.embedding::text FROM chunks c JOIN embeddings e ON e.chunk_id = c.id";
    let before = texts(vectors).await;
    // A provider that can't be reached: only the new passage would need it.
    let mut tx = db.site(site).await.unwrap();
    let model = models::of_site(&mut tx).await.unwrap().live.unwrap();
    let hashes: Vec<String> = {
        let mut conn = crate::support::scratch::raw(site).await;
        sqlx::query_scalar("SELECT encode(hash, 'hex') FROM chunks")
            .fetch_all(&mut conn)
            .await
            .unwrap()
    };
    assert_eq!(
        embeddings::missing(&mut tx, model.id, &hashes).await.unwrap(),
        Vec::<String>::new()
    );
    drop(tx);
    know(&k, &db, site, "guide.md", &long("Another end.")).await;
    let after = texts(vectors).await;
    assert!(before.len() >= 3 && before.intersection(&after).count() == before.len() - 1);
    assert_eq!(
        texts("SELECT 'left' FROM embedding_cache").await.len(),
        0,
        "the swap takes what it used"
    );
}

#[tokio::test]
async fn a_model_that_cannot_be_used_is_named_and_words_go_on() {
    let (db, site) = test_db().await;
    let missing = knowledge(settings(
        Some(ModelSpec::Local("/nowhere/model".to_owned())),
        "http://127.0.0.1:9",
    ));
    know(&missing, &db, site, "returns.md", PAGES[0].1).await;
    let found = find(&missing, &db, site, "send goods back", Mode::Hybrid).await;
    assert_eq!((found.passages.len(), found.model.as_deref()), (1, None));
    let spec = ModelSpec::Local("/nowhere/model".to_owned());
    let error = embed::register(&db, &missing.embedders, &spec)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("/nowhere/model") && error.contains("doctor --fix"),
        "{error}"
    );
}

fn openai() -> ModelSpec {
    ModelSpec::OpenAi("text-embedding-test".to_owned())
}

#[tokio::test]
async fn a_provider_embeds_in_batches_and_is_waited_for() {
    let provider = FakeEmbedder::start().await;
    let k = knowledge(settings(Some(openai()), &provider.base_url));
    let embedder = k.embedders.get(&openai(), None).await.unwrap();
    assert_eq!(
        (embedder.dimensions(), embedder.name()),
        (DIMENSIONS, "openai:text-embedding-test@64")
    );
    let before = provider.calls().len();
    provider
        .then(Fault::Status(429, Some("0")))
        .then(Fault::Status(503, None));
    let texts: Vec<String> = (0..300).map(|i| format!("text number{i} about lamps")).collect();
    let vectors = embedder.embed(texts.clone(), Purpose::Passages).await.unwrap();
    assert_eq!(vectors.len(), 300);
    let calls = provider.calls();
    let sizes: Vec<usize> = calls[before..]
        .iter()
        .map(|c| c["input"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [128, 128, 128, 128, 44], "two were tried again");
    for (text, vector) in texts.iter().zip(&vectors).step_by(97) {
        let alone = embedder.embed(vec![text.clone()], Purpose::Query).await.unwrap();
        assert_eq!(alone[0], *vector, "in the order of the texts");
        let length: f32 = vector.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-4);
    }
    assert!(
        provider.keys().iter().all(Option::is_none),
        "no key is set, none is sent"
    );
}

#[tokio::test]
async fn a_providers_mistakes_are_named() {
    let provider = FakeEmbedder::start().await;
    let k = knowledge(settings(Some(openai()), &provider.base_url));
    let embedder = k.embedders.get(&openai(), Some(DIMENSIONS)).await.unwrap();
    let one = |n: usize| json!({ "data": [{ "index": n, "embedding": vec![1.0; DIMENSIONS] }] });
    for (fault, wants) in [
        (Fault::Status(401, None), "embeddings.api_key"),
        (Fault::Status(404, None), "embeddings.base_url"),
        (Fault::Status(400, None), "not now"),
        (Fault::Status(500, None), "right now"),
        (Fault::Body(json!({ "data": [] })), "0 vectors for 1 texts"),
        (Fault::Body(one(7)), "out of range"),
        (
            Fault::Body(json!({ "data": [{ "embedding": [1.0, 2.0] }] })),
            "of 2 dimensions",
        ),
        (
            Fault::Body(json!({ "data": [{ "embedding": vec![0.0; DIMENSIONS] }] })),
            "without a direction",
        ),
        (Fault::Body(json!({ "wrong": true })), "can't be read"),
        (Fault::Silence(Duration::from_secs(30)), "didn't answer within"),
    ] {
        provider.then(fault.clone());
        let error = embedder
            .embed(vec!["lamp".to_owned()], Purpose::Query)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(wants), "{fault:?}: {error}");
    }
    let nobody = knowledge(settings(Some(openai()), "http://127.0.0.1:9/v1"));
    let error = nobody.embedders.get(&openai(), None).await.err().unwrap();
    assert!(error.is_transient(), "{error}");
}

/// From the local model to a provider's: searches go on meanwhile, each over one model only;
/// a job that was cut off goes on where it was.
#[tokio::test]
async fn a_site_changes_its_model_without_stopping() {
    let (db, site) = test_db().await;
    let local = with_model();
    for i in 0..70 {
        know(
            &local,
            &db,
            site,
            &format!("{i}.md"),
            &format!("# Page {i}\n\nLamps of kind number{i} and their shades."),
        )
        .await;
    }
    let provider = FakeEmbedder::start().await;
    let mut both = settings(local.embedders.first_choice().cloned(), &provider.base_url);
    both.openai.passages = Duration::from_millis(300);
    let k = knowledge(both);
    let model = embed::register(&db, &k.embedders, &openai()).await.unwrap();
    embed::change(&db, site, model.id).await.unwrap();
    // The provider breaks down after the first batch.
    for _ in 0..6 {
        provider.then(Fault::Status(400, None));
    }
    assert!(reindex::reindex(&db, &k, site, model.id, &|_| {}).await.is_err());
    let searched = find(&k, &db, site, "which lamp has a shade", Mode::Hybrid).await;
    assert!(
        searched.model.as_deref().unwrap().starts_with("minilm"),
        "the old one until the switch"
    );
    let mut tries = 0;
    while let Err(error) = reindex::reindex(&db, &k, site, model.id, &|_| {}).await {
        tries += 1;
        assert!(tries < 10, "{error}");
    }
    let texts = provider.texts();
    let found = find(&k, &db, site, "kind number42", Mode::Hybrid).await;
    assert_eq!(found.model.as_deref(), Some("openai:text-embedding-test@64"));
    assert_eq!(found.passages[0].title, "Page 42");
    assert_eq!(provider.texts(), texts + 1, "the question alone");
    let mut tx = db.site(site).await.unwrap();
    let known = models::of_site(&mut tx).await.unwrap();
    assert_eq!((known.live.map(|m| m.id), known.next), (Some(model.id), None));
    drop(tx);
    let mut conn = crate::support::scratch::raw(site).await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM embeddings WHERE model_id <> $1")
        .bind(model.id)
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(left, 0, "the old vectors are given up");
}

/// A provider that is away doesn't stop searches: words go on, and the finding says so.
#[tokio::test]
async fn without_the_provider_words_go_on() {
    let (db, site) = test_db().await;
    let provider = FakeEmbedder::start().await;
    let k = knowledge(settings(Some(openai()), &provider.base_url));
    for (name, text) in PAGES {
        know(&k, &db, site, name, text).await;
    }
    provider.then(Fault::Silence(Duration::from_secs(30)));
    let found = find(&k, &db, site, "send goods back", Mode::Hybrid).await;
    assert_eq!(found.passages[0].title, "Returns");
    assert!(
        found.degraded.as_deref().unwrap().contains("within 800 ms"),
        "{:?}",
        found.degraded
    );
    // It isn't remembered as what was found.
    let again = find(&k, &db, site, "send goods back", Mode::Hybrid).await;
    assert_eq!(again.degraded, None);
    assert!(again.passages[0].parts.cosine.is_some());
}

#[tokio::test]
async fn a_pin_goes_first_where_its_question_is_asked() {
    let (db, site) = test_db().await;
    let k = with_model();
    for (name, text) in PAGES {
        know(&k, &db, site, name, text).await;
    }
    let mut tx = db.site(site).await.unwrap();
    let new = NewUpload {
        source: PIN.to_owned(),
        external_id: "gift".to_owned(),
        name: "pin.md".to_owned(),
        bytes: b"Yes, for three years.".to_vec(),
        url: Some("/kb/gifts".to_owned()),
        title: Some("Can I return a gift without the receipt?".to_owned()),
    };
    let accepted = accept(&mut tx, new, k.limits).await.unwrap();
    tx.commit().await.unwrap();
    let upload = accepted.upload.unwrap();
    ingest(&db, &SystemClock, &k, site, upload, accepted.document, &|_, _| {})
        .await
        .unwrap();
    for question in [
        "Can I return a gift without the receipt?",
        "is it possible to return a gift if I have no receipt",
    ] {
        let found = find(&k, &db, site, question, Mode::Hybrid).await;
        assert_eq!(found.passages[0].source, PIN, "{question}");
        assert!(found.passages[0].parts.pinned);
    }
    let other = find(
        &k,
        &db,
        site,
        "How long do I have to send goods back?",
        Mode::Hybrid,
    )
    .await;
    assert_eq!(other.passages[0].title, "Returns");
    assert!(other.passages.iter().all(|p| !p.parts.pinned));
    // By words alone too.
    let words = find(
        &words_alone(),
        &db,
        site,
        "can I return a gift without receipt",
        Mode::Hybrid,
    )
    .await;
    assert!(words.passages[0].parts.pinned, "{:?}", words.degraded);
}
