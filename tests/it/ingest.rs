//! Ingestion: from bytes to what a search finds, its failures, and what happens when
//! several things happen at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deskhand::db::pool::Db;
use deskhand::db::{corpus, documents, prune};
use deskhand::domain::clock::{Clock, SystemClock};
use deskhand::domain::document::{Accepted, Found, NewUpload};
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::accept::accept;
use deskhand::knowledge::chunk::ChunkLimits;
use deskhand::knowledge::ingest::{IngestError, Stage, ingest};
use deskhand::knowledge::search::{Mode, SearchQuery, search};
use sqlx::{AssertSqlSafe, Row};

use crate::support::knowledge::words_alone;
use crate::support::scratch::{hand_in, raw, take_in, test_db};

async fn find(db: &Db, site: SiteId, text: &str) -> Found {
    let query = SearchQuery {
        text: text.to_owned(),
        k: 50,
        mode: Mode::Words,
        ..SearchQuery::default()
    };
    let found = search(&words_alone(), db, site, query).await.unwrap();
    Arc::unwrap_or_clone(found)
}

async fn count(site: SiteId, table: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query(sql)
        .fetch_one(&mut raw(site).await)
        .await
        .unwrap()
        .get(0)
}

/// What the statistics say, and what counting says.
async fn assert_exact(site: SiteId) {
    let mut conn = raw(site).await;
    let wrong = sqlx::query(
        "SELECT lang, term, df, n FROM term_stats
         FULL JOIN (SELECT lang, term, sum(octet_length(data) / 8) AS n FROM postings GROUP BY lang, term) p USING (lang, term)
         WHERE df IS DISTINCT FROM n",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert!(wrong.is_empty(), "{} terms are counted wrongly", wrong.len());
    let wrong = sqlx::query(
        "SELECT lang FROM corpus_stats
         FULL JOIN (SELECT lang, count(*) AS n, sum(length) AS l FROM chunks GROUP BY lang) c USING (lang)
         WHERE chunks IS DISTINCT FROM n OR total_length IS DISTINCT FROM l",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert!(wrong.is_empty(), "totals are wrong");
}

#[tokio::test]
async fn the_demo_shop_is_taken_in_whole() {
    let (db, site) = test_db().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("kb");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let accepted = hand_in(&db, site, name, &std::fs::read(&path).unwrap()).await;
        let ingested = take_in(&db, site, accepted).await.unwrap();
        assert!(
            ingested.chunks > 0 && ingested.version.is_some(),
            "{name}: {ingested:?}"
        );
        assert_eq!(ingested.lang, "english", "{name}");
        files += 1;
    }
    assert_eq!(files, 20);
    assert_exact(site).await;
    let mut tx = db.site(site).await.unwrap();
    let list = documents::list(&mut tx, 100, 0).await.unwrap();
    assert_eq!(list.len(), 20);
    assert!(
        list.iter()
            .all(|d| d.failure.is_none() && !d.waiting && d.version == 1)
    );
    let shipping = list.iter().find(|d| d.external_id == "shipping.html").unwrap();
    assert_eq!(shipping.title, "Shipping and delivery");
    assert_eq!(
        shipping.url.as_deref(),
        Some("https://lumen-oak.example/help/shipping/")
    );
    let article = documents::article(&mut tx, shipping.url.as_deref().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(
        article
            .markdown
            .contains("| Rest of the EU | €9.90 | from €150 |"),
        "{}",
        article.markdown
    );
}

#[tokio::test]
async fn the_same_content_again_is_nothing_to_do() {
    let (db, site) = test_db().await;
    let page = b"# Lamps\n\nWe sell many lamps.";
    let first = hand_in(&db, site, "a.md", page).await;
    assert_eq!(
        hand_in(&db, site, "a.md", page).await,
        first,
        "what waits is the same"
    );
    take_in(&db, site, first).await.unwrap();
    let again = hand_in(&db, site, "a.md", page).await;
    assert_eq!((again.document, again.upload), (first.document, None));
    let changed = hand_in(&db, site, "a.md", b"# Lamps\n\nWe sell few lamps.").await;
    assert_eq!(changed.document, first.document);
    assert!(changed.upload.is_some());
    // Back to what is live: what waits is older news.
    assert!(hand_in(&db, site, "a.md", page).await.unchanged());
    assert_eq!(count(site, "uploads").await, 0);
    assert_eq!(take_in(&db, site, changed).await.unwrap().version, None);
    assert_eq!(find(&db, site, "many").await.passages.len(), 1);
}

#[tokio::test]
async fn a_new_title_or_url_is_a_change() {
    let (db, site) = test_db().await;
    let give = async |title: &str, url: &str| -> Accepted {
        let mut tx = db.site(site).await.unwrap();
        let new = NewUpload {
            source: "file".into(),
            external_id: "a".into(),
            name: "a.md".into(),
            bytes: b"Text of the page.".to_vec(),
            url: Some(url.into()),
            title: Some(title.into()),
        };
        let accepted = accept(&mut tx, new, ChunkLimits::default()).await.unwrap();
        tx.commit().await.unwrap();
        accepted
    };
    let first = give("One", "/one").await;
    take_in(&db, site, first).await.unwrap();
    assert!(give("One", "/one").await.unchanged());
    let second = give("Two", "/one").await;
    take_in(&db, site, second).await.unwrap();
    let third = give("Two", "/two").await;
    take_in(&db, site, third).await.unwrap();
    let found = find(&db, site, "two").await;
    assert_eq!(found.passages[0].title, "Two");
    assert_eq!(found.passages[0].url.as_deref(), Some("/two"));
    assert!(find(&db, site, "one").await.passages.is_empty());
    assert_exact(site).await;
}

#[tokio::test]
async fn the_newest_upload_wins_whatever_the_order() {
    let (db, site) = test_db().await;
    let old = hand_in(&db, site, "a.md", b"# Lamps\n\nAn older page.").await;
    let new = hand_in(&db, site, "a.md", b"# Lamps\n\nA newer page.").await;
    let live = take_in(&db, site, new).await.unwrap();
    assert_eq!(take_in(&db, site, old).await.unwrap().version, None);
    assert_eq!(
        take_in(&db, site, new).await.unwrap().version,
        None,
        "running it again"
    );
    assert!(live.version.is_some());
    let found = find(&db, site, "page").await;
    assert_eq!(found.passages.len(), 1);
    assert!(found.passages[0].text.contains("newer"));
}

#[tokio::test]
async fn a_failure_is_told_and_what_was_live_stays() {
    let (db, site) = test_db().await;
    let good = hand_in(&db, site, "a.md", b"# Lamps\n\nWe sell lamps.").await;
    take_in(&db, site, good).await.unwrap();
    let bad = hand_in(&db, site, "a.md", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3").await;
    for _ in 0..2 {
        let error = take_in(&db, site, bad).await.unwrap_err();
        assert!(matches!(error, IngestError::Unfit(_)));
        assert_eq!((error.code(), error.is_permanent()), ("corrupt", true));
    }
    let row = |db: Db| async move {
        let mut tx = db.site(site).await.unwrap();
        documents::list(&mut tx, 10, 0).await.unwrap().remove(0)
    };
    let (code, sentence) = row(db.clone()).await.failure.unwrap();
    assert_eq!(code, "corrupt");
    assert!(sentence.contains("damaged"), "{sentence}");
    assert_eq!(find(&db, site, "lamps").await.passages.len(), 1);
    let mended = hand_in(&db, site, "a.md", b"# Lamps\n\nWe sell desks.").await;
    take_in(&db, site, mended).await.unwrap();
    let row = row(db.clone()).await;
    assert_eq!((row.failure, row.version), (None, 2));
    assert_exact(site).await;
}

#[tokio::test]
async fn each_unfit_file_is_refused_with_its_reason() {
    let (db, site) = test_db().await;
    let nested = format!("<html>{}", "<div>".repeat(50_000));
    let cases: [(&[u8], &str); 6] = [
        (b" \n", "empty"),
        (b"\x00\x01\x02\x03binary", "unsupported_type"),
        (b"\xef\xbb\xbf\xff\xfe broken", "corrupt"),
        (b"<html><body><script>1</script></body></html>", "empty"),
        (b"PK\x03\x04rest of a zip file", "unsupported_type"),
        (nested.as_bytes(), "corrupt"),
    ];
    for (i, (bytes, code)) in cases.into_iter().enumerate() {
        let accepted = hand_in(&db, site, &format!("{i}.md"), bytes).await;
        let error = take_in(&db, site, accepted).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.is_permanent() && error.to_string().ends_with('.'));
    }
    assert_eq!(count(site, "chunks").await, 0);
}

#[tokio::test]
async fn deletion_leaves_nothing() {
    let (db, site) = test_db().await;
    let other = hand_in(&db, site, "b.md", b"# Desks\n\nThe lamp on the desk.").await;
    take_in(&db, site, other).await.unwrap();
    let accepted = hand_in(&db, site, "a.md", b"# Lamps\n\nThe secret lamp.").await;
    take_in(&db, site, accepted).await.unwrap();
    let waiting = hand_in(&db, site, "a.md", b"# Lamps\n\nThe new secret lamp.").await;
    let mut tx = db.site(site).await.unwrap();
    assert!(
        documents::delete(&mut tx, SystemClock.now(), accepted.document)
            .await
            .unwrap()
    );
    assert!(
        !documents::delete(&mut tx, SystemClock.now(), accepted.document)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    assert_eq!(
        take_in(&db, site, waiting).await.unwrap().version,
        None,
        "it came back"
    );
    assert!(find(&db, site, "secret").await.passages.is_empty());
    for table in ["uploads", "versions", "chunks", "document_tags"] {
        let sql = format!("{table} WHERE document_id = '{}'", accepted.document);
        assert_eq!(count(site, &sql).await, 0, "{table}");
    }
    assert_eq!(count(site, "postings WHERE term = 'secret'").await, 0);
    let mut tx = db.site(site).await.unwrap();
    assert_eq!(documents::list(&mut tx, 10, 0).await.unwrap().len(), 1);
    drop(tx);
    assert_exact(site).await;
    // Handed in anew, it lives again.
    let again = hand_in(&db, site, "a.md", b"# Lamps\n\nThe secret lamp.").await;
    assert_eq!(again.document, accepted.document);
    take_in(&db, site, again).await.unwrap();
    assert_eq!(find(&db, site, "secret").await.passages.len(), 1);
}

/// A page of several chunks that all hold `marker` and its number.
fn page(number: usize) -> String {
    let filler = "plain words that fill the section up to its end, one after the other, ".repeat(25);
    let section = |i: usize| format!("## Part {i}\n\nThe marker of edition{number}. {filler}\n\n");
    (0..4).map(section).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_one_version_and_never_none_or_two() {
    let (db, site) = test_db().await;
    let first = hand_in(&db, site, "a.md", page(0).as_bytes()).await;
    let chunks = take_in(&db, site, first).await.unwrap().chunks;
    assert!(chunks > 2, "{chunks}");
    let done = tokio_util::sync::CancellationToken::new();
    let reader = {
        let (db, done) = (db.clone(), done.clone());
        async move {
            let mut editions = BTreeMap::new();
            while !done.is_cancelled() {
                let found = find(&db, site, "marker").await;
                assert_eq!(found.passages.len(), chunks, "not one version");
                let edition = |text: &str| text.split("edition").nth(1).map(|t| t[..1].to_owned());
                let first = edition(&found.passages[0].text);
                assert!(
                    found.passages.iter().all(|p| edition(&p.text) == first),
                    "two versions at once"
                );
                *editions.entry(first).or_insert(0) += 1;
            }
            editions
        }
    };
    let writer = async {
        for number in 1..10 {
            let accepted = hand_in(&db, site, "a.md", page(number).as_bytes()).await;
            take_in(&db, site, accepted).await.unwrap();
        }
        done.cancel();
    };
    let (editions, ()) = tokio::join!(reader, writer);
    assert!(editions.len() > 1, "the reader saw nothing change: {editions:?}");
    assert_exact(site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_neither_deadlock_nor_miscount() {
    let (db, site) = test_db().await;
    for round in 0..3 {
        let documents = (0..8).map(|i| {
            let db = db.clone();
            async move {
                // The same words in another order, so that rows would be locked crosswise.
                let mut words: Vec<String> = (0..40)
                    .map(|w| format!("word{}", (w * (i + 3) + round) % 41))
                    .collect();
                if i % 2 == 0 {
                    words.reverse();
                }
                let text = format!("# Page\n\n{}", words.join(" "));
                let accepted = hand_in(&db, site, &format!("{i}.md"), text.as_bytes()).await;
                if !accepted.unchanged() {
                    take_in(&db, site, accepted).await.unwrap();
                }
            }
        });
        futures::future::join_all(documents).await;
    }
    assert_exact(site).await;
    let mut tx = db.site(site).await.unwrap();
    let languages = corpus::languages(&mut tx).await.unwrap();
    assert_eq!(languages.iter().map(|l| l.chunks).sum::<i64>(), 8);
    assert!(corpus::revision(&mut tx).await.unwrap() >= 8);
}

#[tokio::test]
async fn progress_names_each_stage_in_order() {
    let (db, site) = test_db().await;
    let accepted = hand_in(&db, site, "a.md", page(1).as_bytes()).await;
    let seen = Mutex::new(Vec::new());
    let note = |stage: Stage, part: f32| {
        assert!((0.0..=1.0).contains(&part));
        seen.lock().unwrap().push(stage);
    };
    ingest(
        &db,
        &SystemClock,
        &words_alone(),
        site,
        accepted.upload.unwrap(),
        accepted.document,
        &note,
    )
    .await
    .unwrap();
    let mut stages = seen.into_inner().unwrap();
    assert!(stages.is_sorted(), "{stages:?}");
    stages.dedup();
    assert_eq!(
        stages,
        [
            Stage::Sniff,
            Stage::Extract,
            Stage::Normalise,
            Stage::Chunk,
            Stage::Embed,
            Stage::Swap
        ]
    );
}

#[tokio::test]
async fn stale_uploads_are_pruned() {
    let (db, site) = test_db().await;
    hand_in(&db, site, "old.md", b"# Old").await;
    let mut conn = raw(site).await;
    sqlx::query("UPDATE uploads SET at = now() - interval '40 days'")
        .execute(&mut conn)
        .await
        .unwrap();
    hand_in(&db, site, "new.md", b"# New").await;
    assert!(
        prune::uploads(&db, Duration::from_secs(30 * 86_400))
            .await
            .unwrap()
            >= 1
    );
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM uploads")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert_eq!(names, ["new.md"]);
}

#[tokio::test]
async fn an_upload_over_the_limit_is_refused() {
    let (db, site) = test_db().await;
    let mut tx = db.site(site).await.unwrap();
    let new = NewUpload {
        source: "file".into(),
        external_id: "big".into(),
        name: "big.txt".into(),
        bytes: vec![b'a'; 20 * 1024 * 1024 + 1],
        url: None,
        title: None,
    };
    assert!(accept(&mut tx, new, ChunkLimits::default()).await.is_err());
}
