//! What a search gives back: in every language of a site, with where it stands and why it
//! came, and only what may be shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use deskhand::db::pool::Db;
use deskhand::db::postings::Filter;
use deskhand::db::{corpus, documents, postings};
use deskhand::domain::clock::{Clock, SystemClock};
use deskhand::domain::document::Found;
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::search::{Mode, SearchQuery, search};

use crate::support::knowledge::words_alone;
use crate::support::scratch::{hand_in, raw, take_in, test_db};

async fn find(db: &Db, site: SiteId, text: &str, k: usize) -> Found {
    let query = SearchQuery {
        text: text.to_owned(),
        k,
        mode: Mode::Words,
        ..SearchQuery::default()
    };
    let found = search(&words_alone(), db, site, query).await.unwrap();
    Arc::unwrap_or_clone(found)
}

#[tokio::test]
async fn a_question_is_understood_in_each_language_of_the_site() {
    let (db, site) = test_db().await;
    for (name, text) in [
        (
            "en.md",
            "# Returns\n\nYou can send most things back within thirty days, and the return label is free for faulty goods.",
        ),
        (
            "de.md",
            "# Rückgabe\n\nSie können die meisten Lampen innerhalb von dreißig Tagen zurücksenden, und die Lieferungen sind kostenlos.",
        ),
    ] {
        let accepted = hand_in(&db, site, name, text.as_bytes()).await;
        take_in(&db, site, accepted).await.unwrap();
    }
    let english = find(&db, site, "faulty things returned", 5).await;
    assert_eq!(english.passages.len(), 1);
    assert_eq!(
        (
            english.passages[0].title.as_str(),
            english.passages[0].lang.as_str()
        ),
        ("Returns", "english")
    );
    let german = find(&db, site, "Kostet die Lieferung der Lampe etwas?", 5).await;
    assert_eq!(german.passages[0].title, "Rückgabe");
    assert!(
        german.passages[0].snippet.contains("**Lieferungen**"),
        "{}",
        german.passages[0].snippet
    );
    let of = |lang: &str, term: &str| {
        german
            .terms
            .iter()
            .find(|t| t.lang == lang && t.term == term)
            .cloned()
    };
    assert_eq!(of("german", "liefer").unwrap().df, 1);
    assert_eq!(of("german", "die"), None, "a stop word is asked for");
    assert_eq!(of("english", "lieferung").unwrap().df, 0);
}

#[tokio::test]
async fn hits_say_where_they_stand_and_why_they_came() {
    let (db, site) = test_db().await;
    let long = "Nothing to see here, only words that fill a page and say nothing of use. ".repeat(40);
    let page = format!(
        "---\ntitle: Lamp care\ntags: [brass polish]\n---\n\n{long}\n\n## Brass\n\n{long}\n\nNever use alcohol on brass.\n\n## Glass\n\n{long}\n"
    );
    let accepted = hand_in(&db, site, "care.md", page.as_bytes()).await;
    take_in(&db, site, accepted).await.unwrap();
    let found = find(&db, site, "alcohol?", 5).await;
    let hit = &found.passages[0];
    assert_eq!(hit.heading_path, ["Brass"]);
    assert_eq!(hit.anchor.as_deref(), Some("brass"));
    assert_eq!(hit.document_id, accepted.document);
    assert!(hit.snippet.contains("**alcohol** on brass"), "{}", hit.snippet);
    assert_eq!(hit.terms.len(), 1);
    assert_eq!((hit.terms[0].term.as_str(), hit.terms[0].tf), ("alcohol", 1));
    assert_eq!(
        find(&db, site, "polish", 50).await.passages.len(),
        found_all(&db, site).await,
        "tags count"
    );
    assert_eq!(
        find(&db, site, "care", 50).await.passages.len(),
        found_all(&db, site).await,
        "titles count"
    );
}

async fn found_all(db: &Db, site: SiteId) -> usize {
    let mut tx = db.site(site).await.unwrap();
    usize::try_from(corpus::languages(&mut tx).await.unwrap()[0].chunks).unwrap()
}

#[tokio::test]
async fn only_what_may_be_shown_is_found() {
    let (db, site) = test_db().await;
    let mut conn = raw(site).await;
    let cases = [
        ("public", "", true),
        ("private", "visibility = 'private'", false),
        ("pending", "review = 'pending'", false),
        ("widget", "channels = '{widget}'", true),
        ("email", "channels = '{email}'", false),
    ];
    for (name, set, _) in cases {
        let accepted = hand_in(
            &db,
            site,
            name,
            format!("# {name}\n\nThe secret lamp.").as_bytes(),
        )
        .await;
        take_in(&db, site, accepted).await.unwrap();
        if !set.is_empty() {
            let sql = sqlx::AssertSqlSafe(format!(
                "UPDATE documents SET {set} WHERE id = '{}'",
                accepted.document
            ));
            assert_eq!(
                sqlx::query(sql).execute(&mut conn).await.unwrap().rows_affected(),
                1
            );
        }
    }
    let query = |tags: &[&str]| SearchQuery {
        text: "secret".into(),
        k: 10,
        filter: Filter {
            channel: Some("widget".into()),
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            ..Filter::default()
        },
        mode: Mode::Words,
    };
    let words = words_alone();
    let found = search(&words, &db, site, query(&[])).await.unwrap();
    let titles: BTreeSet<&str> = found.passages.iter().map(|p| p.title.as_str()).collect();
    let want: BTreeSet<&str> = cases
        .iter()
        .filter(|(_, _, shown)| *shown)
        .map(|(n, _, _)| *n)
        .collect();
    assert_eq!(titles, want);
    assert!(
        search(&words, &db, site, query(&["none"]))
            .await
            .unwrap()
            .passages
            .is_empty()
    );
}

#[tokio::test]
async fn another_site_finds_nothing() {
    let (db, site) = test_db().await;
    let accepted = hand_in(&db, site, "a.md", b"# Lamps\n\nThe secret lamp.").await;
    take_in(&db, site, accepted).await.unwrap();
    assert_eq!(find(&db, site, "secret", 5).await.passages.len(), 1);
    let other = test_db().await.1;
    assert_eq!(find(&db, other, "secret", 5).await, Found::default());
    let mut tx = db.site(other).await.unwrap();
    assert!(
        !documents::delete(&mut tx, SystemClock.now(), accepted.document)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn odd_questions_are_no_harm() {
    let (db, site) = test_db().await;
    assert_eq!(
        find(&db, site, "anything", 5).await,
        Found::default(),
        "without documents"
    );
    let accepted = hand_in(&db, site, "a.md", b"# Lamps\n\nThe lamp, the desk and the oil.").await;
    take_in(&db, site, accepted).await.unwrap();
    for odd in [
        "",
        "   ",
        "?!",
        "the is of",
        "'\"\\;--",
        "a\0b",
        "🙂🙂",
        "& | ! ( ) :* <->",
    ] {
        assert!(find(&db, site, odd, 5).await.passages.is_empty(), "{odd:?}");
    }
    let long: String = (0..3000).map(|i| format!("w{i} ")).collect::<String>() + "lamp";
    assert!(
        find(&db, site, &long, 5).await.passages.is_empty(),
        "cut before the last word"
    );
    let many = format!("lamp {}", (0..700).map(|i| format!("w{i} ")).collect::<String>());
    let found = find(&db, site, &many, 5).await;
    assert_eq!(found.passages.len(), 1);
    assert!(
        found.terms.len() <= 2 * postings::MAX_TERMS,
        "{} terms",
        found.terms.len()
    );
}
