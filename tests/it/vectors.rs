//! Search by meaning, with the real model: what words can't find, a switch from one model
//! to another, models that can't be used, and providers that fail.

use std::collections::BTreeSet;
use std::sync::Arc;

use deskhand::db::pool::Db;
use deskhand::db::{embeddings, models};
use deskhand::domain::clock::SystemClock;
use deskhand::domain::document::Found;
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::ingest::ingest;
use deskhand::knowledge::search::{Mode, SearchQuery, search};
use deskhand::knowledge::{embed, reindex};
use deskhand::models::embedder::ModelSpec;

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
