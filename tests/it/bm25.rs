//! BM25 in the database against a reference in plain Rust, over random corpora that are
//! changed and deleted from through the real ingestion.

use std::collections::{BTreeMap, BTreeSet};

use deskhand::db::filtered;
use deskhand::db::pool::Db;
use deskhand::db::postings::{Filter, Words};
use deskhand::db::{corpus, documents, packed, passages, postings};
use deskhand::domain::clock::{Clock, SystemClock};
use deskhand::domain::ids::SiteId;
use deskhand::knowledge::chunk::{ChunkLimits, chunk};
use deskhand::knowledge::extract::{Extracted, Pass, extract};
use deskhand::knowledge::{blocks, language};
use deskhand::models::tokens;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::Row;

use crate::support::scratch::{hand_in, raw, take_in, test_db};

/// Words and what English makes of them; nothing for a stop word.
const WORDS: [(&str, Option<&str>); 18] = [
    ("lamp", Some("lamp")),
    ("lamps", Some("lamp")),
    ("Lamp", Some("lamp")),
    ("oil", Some("oil")),
    ("oiled", Some("oil")),
    ("oiling", Some("oil")),
    ("desk", Some("desk")),
    ("desks", Some("desk")),
    ("returns", Some("return")),
    ("returned", Some("return")),
    ("the", None),
    ("is", None),
    ("E27", Some("e27")),
    ("warranty", Some("warranti")),
    ("shipping", Some("ship")),
    ("ship", Some("ship")),
    ("money", Some("money")),
    ("40", Some("40")),
];

/// What a configuration makes of a word.
fn lexeme(lang: &str, word: &str) -> Option<String> {
    match lang {
        "english" => WORDS
            .iter()
            .find(|(w, _)| *w == word)
            .expect("a word of the table")
            .1
            .map(str::to_owned),
        "simple" => Some(word.to_lowercase()),
        other => panic!("a document was taken for {other}"),
    }
}

/// A document as words.
#[derive(Debug, Clone)]
struct Doc {
    lang: &'static str,
    title: Vec<usize>,
    sections: Vec<(Vec<usize>, Vec<usize>)>,
}

impl Doc {
    fn markdown(&self) -> String {
        let text = |words: &[usize]| words.iter().map(|w| WORDS[*w].0).collect::<Vec<_>>().join(" ");
        let mut out = format!("---\ntitle: {}\nlang: {}\n---\n", text(&self.title), self.lang);
        for (heading, body) in &self.sections {
            out.push_str(&format!("\n## {}\n\n{}\n", text(heading), text(body)));
        }
        out
    }
}

fn doc() -> impl Strategy<Value = Doc> {
    let words = |n| vec(0..WORDS.len(), n);
    (
        prop_oneof![3 => Just("en"), 1 => Just("zz")],
        words(1..3),
        vec((words(1..3), words(1..30)), 1..4),
    )
        .prop_map(|(lang, title, sections)| Doc {
            lang,
            title,
            sections,
        })
        // A few words of no language can be taken for any; the reference knows these two.
        .prop_filter("taken for another language", |doc| {
            let found = extract(doc.markdown().as_bytes(), "a.md", Pass::First).unwrap();
            ["english", "simple"].contains(&language_of(&found.extracted))
        })
}

fn language_of(extracted: &Extracted) -> &'static str {
    language::detect(&blocks::plain(&extracted.markdown), &[extracted.lang.as_deref()])
}

#[derive(Debug, Clone)]
enum Change {
    Put(usize, Doc),
    Delete(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        5 => (0_usize..30, doc()).prop_map(|(i, d)| Change::Put(i, d)),
        1 => (0_usize..30).prop_map(Change::Delete),
    ];
    vec(change, 2..60)
}

/// A chunk as the reference counts it.
struct Counted {
    lang: String,
    tf: BTreeMap<String, u32>,
    length: u32,
    text: String,
}

/// What the reference makes of a document: each chunk is found by title, headings above
/// and its own text, each counted once.
fn counted(doc: &Doc) -> Vec<Counted> {
    let found = extract(doc.markdown().as_bytes(), "a.md", Pass::First).unwrap();
    let extracted = found.extracted;
    let lang = language_of(&extracted);
    chunk(&extracted.markdown, ChunkLimits::default(), &tokens::count)
        .into_iter()
        .map(|c| {
            let all = [
                extracted.title.clone().unwrap(),
                c.heading_path.join(" "),
                blocks::plain(&c.text),
            ]
            .join(" ");
            let mut tf = BTreeMap::new();
            for lexeme in all.split_whitespace().filter_map(|w| lexeme(lang, w)) {
                *tf.entry(lexeme).or_insert(0) += 1;
            }
            Counted {
                lang: lang.to_owned(),
                length: tf.values().sum(),
                tf,
                text: c.text,
            }
        })
        .collect()
}

/// df, number of chunks, sum of lengths.
type Stats = BTreeMap<String, (BTreeMap<String, i64>, i64, i64)>;

fn stats(chunks: &[Counted]) -> Stats {
    let mut stats = Stats::new();
    for chunk in chunks {
        let (df, n, length) = stats.entry(chunk.lang.clone()).or_default();
        for term in chunk.tf.keys() {
            *df.entry(term.clone()).or_default() += 1;
        }
        *n += 1;
        *length += i64::from(chunk.length);
    }
    stats
}

/// The chunks that have one of the words, with their scores, best first.
fn reference(chunks: &[Counted], question: &[usize]) -> Vec<(f64, String)> {
    let stats = stats(chunks);
    let mut scored: Vec<(f64, String)> = Vec::new();
    for chunk in chunks {
        let (df, n, length) = &stats[&chunk.lang];
        let asked: BTreeSet<String> = question
            .iter()
            .filter_map(|w| lexeme(&chunk.lang, WORDS[*w].0))
            .collect();
        let mut score = 0.0;
        for term in &asked {
            let Some(tf) = chunk.tf.get(term).map(|tf| f64::from(*tf)) else {
                continue;
            };
            let (n, df) = (*n as f64, df[term] as f64);
            let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
            let average = *length as f64 / n;
            score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * f64::from(chunk.length) / average));
        }
        if score > 0.0 {
            scored.push((score, chunk.text.clone()));
        }
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
}

#[test]
fn the_database_ranks_as_the_reference_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let db = runtime.block_on(test_db()).0;
    let config = Config {
        cases: 10,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let questions = vec(vec(0..WORDS.len(), 1..6), 1..6);
    TestRunner::new(config)
        .run(&(changes(), questions), |(changes, questions)| {
            runtime.block_on(one_corpus(&db, changes, questions))
        })
        .unwrap();
}

async fn one_corpus(db: &Db, changes: Vec<Change>, questions: Vec<Vec<usize>>) -> Result<(), TestCaseError> {
    let site = test_db().await.1;
    // Of no language, so that documents that don't say theirs are taken as they are.
    let mut conn = raw(site).await;
    sqlx::query("UPDATE sites SET locale = 'zz'")
        .execute(&mut conn)
        .await
        .unwrap();
    let mut model: BTreeMap<usize, Doc> = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for change in changes {
        match change {
            Change::Put(i, doc) => {
                let accepted = hand_in(db, site, &format!("{i}.md"), doc.markdown().as_bytes()).await;
                ids.insert(i, accepted.document);
                if !accepted.unchanged() {
                    take_in(db, site, accepted).await.unwrap();
                }
                model.insert(i, doc);
            }
            Change::Delete(i) => {
                if let Some(id) = ids.get(&i) {
                    let mut tx = db.site(site).await.unwrap();
                    let deleted = documents::delete(&mut tx, SystemClock.now(), *id).await.unwrap();
                    prop_assert_eq!(deleted, model.remove(&i).is_some());
                    tx.commit().await.unwrap();
                }
            }
        }
    }
    let chunks: Vec<Counted> = model.values().flat_map(counted).collect();
    check_stats(db, site, &chunks).await?;
    for question in questions {
        let text = question.iter().map(|w| WORDS[*w].0).collect::<Vec<_>>().join(" ");
        let want = reference(&chunks, &question);
        // The question's own words only: what may stand for them is the search's to add.
        let own = [Words {
            text: &text,
            weight: 1.0,
            lang: None,
        }];
        let mut tx = db.site(site).await.unwrap();
        let terms = postings::terms(&mut tx, &own).await.unwrap();
        let mut ranking = packed::rank(&mut tx, &terms).await.unwrap();
        let everywhere = filtered::narrow(&mut tx, Filter::default()).await.unwrap();
        let found = packed::passing(&mut tx, &mut ranking, &everywhere, 50)
            .await
            .unwrap();
        let ids: Vec<i64> = found.iter().map(|r| r.chunk_id).collect();
        let rows = passages::read(&mut tx, &ids, &terms).await.unwrap();
        tx.commit().await.unwrap();
        prop_assert_eq!(ranking.len(), want.len(), "{}", &text);
        prop_assert_eq!(rows.len(), want.len().min(50), "{}", &text);
        for ((ranked, passage), (score, _)) in found.iter().zip(&rows).zip(&want) {
            prop_assert!((ranked.score - score).abs() < 1e-9, "{} {}", ranked.score, score);
            let parts: f64 = passage.terms.iter().map(|(_, _, score)| score).sum();
            prop_assert!((parts - ranked.score).abs() < 1e-9);
            // Among equals any order will do: the text is one of those with this score.
            prop_assert!(
                want.iter()
                    .any(|(s, t)| (s - score).abs() < 1e-9 && *t == passage.text)
            );
        }
    }
    Ok(())
}

/// The stored statistics are exactly those of the chunks, with nothing left over.
async fn check_stats(db: &Db, site: SiteId, chunks: &[Counted]) -> Result<(), TestCaseError> {
    let want = stats(chunks);
    let mut tx = db.site(site).await.unwrap();
    let languages = corpus::languages(&mut tx).await.unwrap();
    let got: BTreeMap<_, _> = languages
        .into_iter()
        .map(|l| (l.lang, (l.chunks, l.total_length)))
        .collect();
    let totals: BTreeMap<_, _> = want
        .iter()
        .map(|(lang, (_, n, sum))| (lang.clone(), (*n, *sum)))
        .collect();
    prop_assert_eq!(got, totals);
    let mut conn = raw(site).await;
    let rows = sqlx::query("SELECT lang, term, df FROM term_stats")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    let got: BTreeSet<(String, String, i64)> = rows.iter().map(|r| (r.get(0), r.get(1), r.get(2))).collect();
    let all: BTreeSet<(String, String, i64)> = want
        .iter()
        .flat_map(|(lang, (df, _, _))| df.iter().map(|(t, n)| (lang.clone(), t.clone(), *n)))
        .collect();
    prop_assert_eq!(got, all);
    Ok(())
}
