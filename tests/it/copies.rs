//! Searches in a copy of a site's knowledge: they find what the database finds, through all
//! changes, of one state each, and only of their own site.

use std::sync::Arc;

use deskhand::db::documents;
use deskhand::db::pool::Db;
use deskhand::db::postings::Filter;
use deskhand::domain::clock::{Clock, SystemClock};
use deskhand::domain::document::Found;
use deskhand::domain::ids::{DocumentId, SiteId};
use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::ingest::ingest;
use deskhand::knowledge::pins::kept::{self, NewPin, NewSource};
use deskhand::knowledge::search::{Mode, SearchQuery, search};
use sqlx::AssertSqlSafe;

use crate::support::knowledge::{with_model, with_model_and_copies};
use crate::support::scratch::{hand_in, raw, test_db};

const QUESTIONS: [&str; 12] = [
    "How long do I have to send goods back?",
    "Wie lange dauert die Lieferung nach Wien?",
    "do gift cards expire",
    "can I clean brass with alcohol?",
    "warrenty on lamps",
    "who delivers my parcel and what does it cost",
    "retrun lable",
    "E27 bulbs 40 W",
    "what is <b class=x>brass</b> polish?",
    "helicopter",
    "the",
    "made-to-measure shades, €4.90",
];

async fn know(knowledge: &Knowledge, db: &Db, site: SiteId, name: &str, text: &str) -> DocumentId {
    let accepted = hand_in(db, site, name, text.as_bytes()).await;
    if let Some(upload) = accepted.upload {
        let taken = ingest(
            db,
            &SystemClock,
            knowledge,
            site,
            upload,
            accepted.document,
            &|_, _| {},
        );
        taken.await.unwrap();
    }
    accepted.document
}

/// The demo shop's articles and a few of other kinds.
async fn shop(knowledge: &Knowledge, db: &Db, site: SiteId) -> Vec<DocumentId> {
    let kb = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("kb");
    let mut ids = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(kb)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "md" || e == "html"))
    {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        ids.push(
            know(
                knowledge,
                db,
                site,
                &name,
                &std::fs::read_to_string(file).unwrap(),
            )
            .await,
        );
    }
    let german = "# Lieferung\n\nDie Lieferung nach Österreich dauert vier Tage und kostet 4,90 Euro. \
                  Die Rücksendung ist innerhalb von dreißig Tagen möglich.";
    ids.push(know(knowledge, db, site, "lieferung.md", german).await);
    let tagged =
        "---\ntags: [care, rare]\n---\n# Brass\n\nNever use alcohol on brass. A soft cloth is enough.";
    ids.push(know(knowledge, db, site, "brass.md", tagged).await);
    ids
}

fn queries() -> Vec<SearchQuery> {
    let filters = [
        Filter::default(),
        Filter {
            channel: Some("widget".into()),
            ..Filter::default()
        },
        Filter {
            tags: vec!["rare".into()],
            ..Filter::default()
        },
        Filter {
            sources: vec!["pin".into()],
            ..Filter::default()
        },
    ];
    let mut queries = Vec::new();
    for (n, text) in QUESTIONS.iter().enumerate() {
        for mode in [Mode::Hybrid, Mode::Words, Mode::Vectors] {
            for filter in if n < 4 { &filters[..] } else { &filters[..1] } {
                queries.push(SearchQuery {
                    text: (*text).to_owned(),
                    k: 1 + n,
                    filter: filter.clone(),
                    mode,
                });
            }
        }
    }
    queries
}

/// All that a finding says, and its figures.
fn said(found: &Found) -> (String, Vec<f64>) {
    let mut figures = Vec::new();
    let mut out = format!("{:?} {:?}\n", found.model, found.degraded);
    for t in &found.terms {
        figures.extend([t.idf, t.weight]);
        out += &format!("{} {} {} {:?}\n", t.lang, t.term, t.df, t.stands_for);
    }
    for p in &found.passages {
        let parts = &p.parts;
        figures.extend([
            p.score,
            parts.bm25,
            parts.words,
            parts.meaning,
            parts.cosine.unwrap_or(-2.0),
        ]);
        figures.extend(p.terms.iter().map(|t| t.score));
        let terms: Vec<(&str, i32)> = p.terms.iter().map(|t| (t.term.as_str(), t.tf)).collect();
        out += &format!(
            "{} {} {:?} {:?} {:?} {} {} {:?} {} {:?} {:?} {:?} {} {terms:?}\n{}\n{}\n",
            p.chunk_id,
            p.title,
            p.url,
            p.heading_path,
            p.anchor,
            p.document_id,
            p.source,
            p.page,
            p.lang,
            parts.bm25_rank,
            parts.vector_rank,
            parts.reranked,
            parts.pinned,
            p.snippet,
            p.text,
        );
    }
    (out, figures)
}

/// Asks everything both ways.
async fn same(copies: &Arc<Knowledge>, db: &Db, site: SiteId, after: &str) {
    let database = with_model_and_copies(0);
    let mut passages = 0;
    for query in queries() {
        let want = search(&database, db, site, query.clone()).await.unwrap();
        let got = search(copies, db, site, query.clone()).await.unwrap();
        let ((want, figures), (said, of_copy)) = (said(&want), said(&got));
        assert_eq!(said, want, "{after}: {query:?}");
        let apart = figures
            .iter()
            .zip(&of_copy)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        // The database adds up in another order, and in single precision.
        assert!(apart < 1e-4, "{after}: {query:?}: {apart}");
        passages += got.passages.len();
    }
    assert!(passages > 100, "{after}: {passages} passages");
    assert_eq!(
        (copies.copies.size().0, database.copies.size().0),
        (1, 0),
        "{after}: by the copy"
    );
}

#[tokio::test]
async fn a_copy_finds_what_the_database_finds_through_all_changes() {
    let (db, site) = test_db().await;
    let knowledge = with_model();
    let ids = shop(&knowledge, &db, site).await;
    knowledge.copies.load(&db, site).await.unwrap();
    same(&knowledge, &db, site, "loaded").await;

    // Another version, another document, a pin: what changes is read, the rest stays.
    know(
        &knowledge,
        &db,
        site,
        "brass.md",
        "# Brass\n\nPolish brass with a soft cloth. Alcohol dulls it.",
    )
    .await;
    know(
        &knowledge,
        &db,
        site,
        "bulbs.md",
        "# Bulbs\n\nOur lamps take E27 bulbs of 40 W at most.",
    )
    .await;
    let new = NewPin {
        question: "Do gift cards expire?",
        answer: "They are valid for three years.",
        source: NewSource::Kept,
    };
    let (pin, _) = kept::add(&db, &SystemClock, &knowledge, site, new).await.unwrap();
    same(&knowledge, &db, site, "added to").await;

    let mut tx = db.site(site).await.unwrap();
    assert!(
        documents::delete(&mut tx, SystemClock.now(), ids[0])
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    kept::remove(&db, &SystemClock, site, &pin.id.to_string())
        .await
        .unwrap();
    same(&knowledge, &db, site, "taken from").await;

    // Whatever else changes documents, by whatever statement.
    let mut conn = raw(site).await;
    for set in [
        "visibility = 'private' WHERE external_id = 'lieferung.md'",
        "channels = '{email}' WHERE title = 'Brass'",
        "title = title || ' 2', url = '/x' WHERE source = 'file' AND deleted_at IS NULL",
        "review = 'pending' WHERE external_id = 'bulbs.md'",
    ] {
        let sql = AssertSqlSafe(format!("UPDATE documents SET {set}"));
        assert!(sqlx::query(sql).execute(&mut conn).await.unwrap().rows_affected() > 0);
        same(&knowledge, &db, site, set).await;
    }
}

#[tokio::test]
async fn a_search_sees_a_change_whole_or_not_at_all() {
    let (db, site) = test_db().await;
    let knowledge = with_model();
    for name in ["a.md", "b.md", "c.md"] {
        know(
            &knowledge,
            &db,
            site,
            name,
            &format!("# {name}\n\nThe brass lamp of {name}."),
        )
        .await;
    }
    knowledge.copies.load(&db, site).await.unwrap();
    let mut conn = raw(site).await;
    let toggle = |shown: char| {
        format!(
            "UPDATE documents SET visibility = CASE WHEN external_id = '{shown}.md' THEN 'public' ELSE 'private' END"
        )
    };
    sqlx::query(AssertSqlSafe(toggle('a')))
        .execute(&mut conn)
        .await
        .unwrap();
    let enough = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let told = Arc::clone(&enough);
    let changing = tokio_util::task::TaskTracker::new().spawn(async move {
        // As long as somebody asks.
        for shown in "abc".chars().cycle() {
            if told.load(std::sync::atomic::Ordering::SeqCst) {
                break;
            }
            sqlx::query(AssertSqlSafe(toggle(shown)))
                .execute(&mut conn)
                .await
                .unwrap();
        }
    });
    let mut seen = std::collections::BTreeSet::new();
    let mut asked = 0;
    while asked < 60 {
        asked += 1;
        // Another question each time: a finding isn't remembered.
        let query = SearchQuery {
            text: format!("brass lamp {asked}"),
            k: 5,
            ..SearchQuery::default()
        };
        let found = search(&knowledge, &db, site, query).await.unwrap();
        assert_eq!(found.passages.len(), 1, "one of three is public at each moment");
        seen.insert(found.passages[0].title.clone());
    }
    enough.store(true, std::sync::atomic::Ordering::SeqCst);
    changing.await.unwrap();
    assert!(seen.len() > 1, "{seen:?}");
}

#[tokio::test]
async fn a_site_that_is_asked_again_gets_a_copy_and_another_never_sees_it() {
    let (db, site) = test_db().await;
    let (_, other) = test_db().await;
    let knowledge = with_model();
    know(&knowledge, &db, site, "a.md", "# Lamps\n\nThe secret brass lamp.").await;
    know(&knowledge, &db, other, "a.md", "# Desks\n\nAn oak desk.").await;
    let ask = async |site: SiteId, n: usize| {
        let query = SearchQuery {
            text: format!("the secret brass lamp {n}"),
            k: 5,
            ..SearchQuery::default()
        };
        let found = search(&knowledge, &db, site, query).await.unwrap();
        found.passages.iter().map(|p| p.title.clone()).collect::<Vec<_>>()
    };
    for n in 0..4 {
        assert_eq!(ask(site, n).await, ["Lamps"]);
        assert_eq!(ask(other, n).await, ["Desks"]);
        knowledge.copies.settled().await;
        assert_eq!(
            knowledge.copies.size().0,
            if n == 0 { 0 } else { 2 },
            "after {n} questions before"
        );
    }
}

#[tokio::test]
async fn copies_keep_within_their_limit() {
    let (db, first) = test_db().await;
    let knowledge = with_model();
    let text = "# Lamps\n\nThe brass lamp.";
    know(&knowledge, &db, first, "a.md", text).await;
    knowledge.copies.load(&db, first).await.unwrap();
    let one = knowledge.copies.size().1;
    assert!(one > 768, "{one} bytes hold a vector");

    let small = with_model_and_copies(one + one / 2);
    let (_, second) = test_db().await;
    know(&small, &db, second, "a.md", text).await;
    for site in [first, second, first] {
        small.copies.load(&db, site).await.unwrap();
        let (sites, bytes) = small.copies.size();
        assert!(
            sites == 1 && bytes <= one + one / 2,
            "{sites} sites, {bytes} bytes"
        );
    }
    let none = with_model_and_copies(one / 2);
    none.copies.load(&db, first).await.unwrap();
    assert_eq!(none.copies.size(), (0, 0));
    for site in [first, second] {
        let query = SearchQuery {
            text: "brass lamp".to_owned(),
            k: 5,
            ..SearchQuery::default()
        };
        assert_eq!(search(&none, &db, site, query).await.unwrap().passages.len(), 1);
    }
}
