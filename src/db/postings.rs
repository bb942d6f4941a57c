//! BM25 over postings, after Robertson and Zaragoza (2009), in Lucene's form whose idf is
//! never negative:
//!
//! `score(q, c) = Σ weight(t) · idf(t) · tf · (k1 + 1) / (tf + k1 · (1 - b + b · length / average length))`,
//! `idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5))`, k1 = 1.2, b = 0.75.
//!
//! t are the distinct lexemes of the question in the chunk's language; N, df and the
//! average are over the live chunks of the site and that language, whatever a search
//! filters by.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::db::packed;
use crate::db::pool::{Db, DbResult, SiteTx};
use crate::domain::ids::DocumentId;

/// How quickly a term's repetitions stop counting.
pub const K1: f64 = 1.2;
/// How much a chunk's length counts against it.
pub const B: f64 = 0.75;
/// The most terms that are scored, the rarest of them.
pub const MAX_TERMS: usize = 64;

/// How many chunks share a row of postings at most. Eight bytes each: a row that has them all still
/// stays on its page, and one that grows isn't moved out and back for every document.
const BUCKET: i32 = 240;

/// Words to look for.
#[derive(Debug, Clone, PartialEq)]
pub struct Words<'a> {
    /// Text; stop words in it are ignored as its language does.
    pub text: &'a str,
    /// Weight of their scores.
    pub weight: f64,
    /// In which text search configuration only; none: in all of the site's.
    pub lang: Option<&'a str>,
}

/// A lexeme to look for.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The text search configuration.
    pub lang: String,
    /// The lexeme.
    pub term: String,
    /// Which of the given [`Words`] it comes from.
    pub from: usize,
    /// Weight of its score.
    pub weight: f64,
    /// In how many chunks it occurs.
    pub df: i64,
    /// See the module.
    pub idf: f64,
    /// The average length of a chunk in this language.
    pub average_length: f64,
}

/// The lexemes of the words in each language that the site has chunks in, with their
/// statistics. A lexeme that comes from several words is the first one's.
///
/// # Errors
/// When the database refuses or is away.
pub async fn terms(tx: &mut SiteTx, words: &[Words<'_>]) -> DbResult<Vec<Term>> {
    let texts: Vec<String> = words.iter().map(|w| w.text.replace('\0', " ")).collect();
    let weights: Vec<f64> = words.iter().map(|w| w.weight).collect();
    let langs: Vec<String> = words
        .iter()
        .map(|w| w.lang.unwrap_or_default().to_owned())
        .collect();
    let rows = sqlx::query!(
        r#"SELECT DISTINCT ON (s.lang, l.lexeme)
                  s.lang, l.lexeme AS "term!", w.n AS "from!", w.weight AS "weight!",
                  coalesce(t.df, 0) AS "df!", s.chunks, s.total_length
           FROM corpus_stats s
           CROSS JOIN unnest($1::text[], $2::float8[], $3::text[]) WITH ORDINALITY AS w (text, weight, lang, n)
           CROSS JOIN LATERAL unnest(to_tsvector(s.lang::regconfig, w.text)) AS l
           LEFT JOIN term_stats t ON t.lang = s.lang AND t.term = l.lexeme
           WHERE w.lang IN ('', s.lang)
           ORDER BY s.lang, l.lexeme, w.n"#,
        &texts,
        &weights,
        &langs,
    )
    .fetch_all(tx.conn())
    .await?;
    let terms = rows.into_iter().map(|r| {
        let from = usize::try_from(r.from - 1).unwrap_or(0);
        let counted = Counted {
            df: r.df,
            chunks: r.chunks,
            total_length: r.total_length,
        };
        Term::new(r.lang, r.term, from, r.weight, counted)
    });
    Ok(terms.collect())
}

/// A lexeme's and its language's statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// In how many chunks the lexeme occurs.
    pub df: i64,
    /// How many chunks the language has.
    pub chunks: i64,
    /// The sum of their lengths.
    pub total_length: i64,
}

impl Term {
    /// A lexeme, with what its statistics say of it.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of chunks and lexemes are far below 2^52"
    )]
    pub fn new(lang: String, term: String, from: usize, weight: f64, counted: Counted) -> Self {
        let (n, df) = (counted.chunks as f64, counted.df as f64);
        Self {
            lang,
            term,
            from,
            weight,
            df: counted.df,
            idf: (1.0 + (n - df + 0.5) / (df + 0.5)).ln(),
            average_length: counted.total_length as f64 / n,
        }
    }
}

/// The lexemes of each of these texts, in the language beside it. They are no site's.
///
/// # Errors
/// When the database refuses or is away.
pub async fn of_texts(db: &Db, langs: &[&str], texts: &[&str]) -> DbResult<Vec<Vec<String>>> {
    let langs: Vec<String> = langs.iter().map(|l| (*l).to_owned()).collect();
    let texts: Vec<String> = texts.iter().map(|t| t.replace('\0', " ")).collect();
    let rows = sqlx::query_scalar!(
        r#"SELECT tsvector_to_array(to_tsvector(t.lang::regconfig, t.text)) AS "lexemes!"
           FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (lang, text, n)
           ORDER BY t.n"#,
        &langs,
        &texts,
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows)
}

/// A text's lexemes and how often each is in it.
///
/// # Errors
/// When the database refuses or is away.
pub async fn lexemes(tx: &mut SiteTx, lang: &str, text: &str) -> DbResult<HashMap<String, i32>> {
    let rows = sqlx::query!(
        r#"SELECT l.lexeme AS "lexeme!", cardinality(l.positions) AS "tf!"
           FROM unnest(to_tsvector($1::text::regconfig, $2)) l"#,
        lang,
        text.replace('\0', " "),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.lexeme, r.tf)).collect())
}

/// Which of these lexemes the site knows in that language, and in how many chunks.
///
/// # Errors
/// When the database refuses or is away.
pub async fn known(tx: &mut SiteTx, lang: &str, lexemes: &[String]) -> DbResult<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        "SELECT term, df FROM term_stats WHERE lang = $1 AND term = ANY ($2) ORDER BY term",
        lang,
        lexemes,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| (r.term, r.df)).collect())
}

/// Which documents a search may return; they are always public, reviewed and not deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Only what this channel may answer from.
    pub channel: Option<String>,
    /// Only documents that have one of these tags; empty: all.
    pub tags: Vec<String>,
    /// Only documents from one of these sources; empty: all.
    pub sources: Vec<String>,
}

/// What a change of a site's knowledge begins with, and holds until its transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::db) struct Held {
    /// The model that the site is searched by.
    pub live: Option<i32>,
    /// The one that is being built.
    pub next: Option<i32>,
    /// Which bucket the first new chunks go into.
    pub bucket: i32,
}

/// Locks the site's statistics until the transaction ends, and gives it its revision: what is changed of
/// documents takes that one, instead of another (`deskhand_document_changed`).
///
/// # Errors
/// When the database refuses or is away.
pub(in crate::db) async fn hold(tx: &mut SiteTx, chunks: usize) -> DbResult<Held> {
    let site = tx.site().0;
    let row = sqlx::query!(
        r#"INSERT INTO knowledge_state AS s (site_id, revision, filled) VALUES ($1, 1, $3)
           ON CONFLICT (site_id) DO UPDATE
               SET revision = s.revision + 1,
                   bucket = CASE WHEN s.filled > 0 AND s.filled + $3 > $2 THEN s.bucket + 1 ELSE s.bucket END,
                   filled = CASE WHEN s.filled > 0 AND s.filled + $3 > $2 THEN $3 ELSE s.filled + $3 END
           RETURNING s.model_id, s.next_model_id, s.bucket,
                     set_config('deskhand.revision', s.site_id::text || ' ' || s.revision, true) AS told"#,
        site,
        BUCKET,
        i32::try_from(chunks).unwrap_or(i32::MAX),
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Held {
        live: row.model_id,
        next: row.next_model_id,
        bucket: row.bucket,
    })
}

/// Which bucket so many more new chunks go into; holds the site's statistics like everything
/// that changes them.
///
/// # Errors
/// When the database refuses or is away.
pub(in crate::db) async fn bucket(tx: &mut SiteTx, chunks: usize) -> DbResult<i32> {
    let bucket = sqlx::query_scalar!(
        "UPDATE knowledge_state
         SET bucket = CASE WHEN filled > 0 AND filled + $2 > $1 THEN bucket + 1 ELSE bucket END,
             filled = CASE WHEN filled > 0 AND filled + $2 > $1 THEN $2 ELSE filled + $2 END
         RETURNING bucket",
        BUCKET,
        i32::try_from(chunks).unwrap_or(i32::MAX),
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(bucket)
}

/// Takes the postings of a document's chunks away, but for those of the version to keep.
///
/// # Errors
/// When the database refuses or is away, or holds postings that are none.
pub(in crate::db) async fn remove(tx: &mut SiteTx, document: DocumentId, keep: Option<Uuid>) -> DbResult<()> {
    let gone: HashSet<i64> = sqlx::query_scalar!(
        "SELECT id FROM chunks WHERE document_id = $1 AND version_id IS DISTINCT FROM $2",
        document.0,
        keep,
    )
    .fetch_all(tx.conn())
    .await?
    .into_iter()
    .collect();
    if gone.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "SELECT p.lang, p.term, p.bucket, p.data
         FROM (SELECT DISTINCT c.lang, l.lexeme AS term, c.bucket FROM chunks c, unnest(c.lexemes) l
               WHERE c.document_id = $1 AND c.version_id IS DISTINCT FROM $2) g
         JOIN postings p ON p.lang = g.lang AND p.term = g.term AND p.bucket = g.bucket",
        document.0,
        keep,
    )
    .fetch_all(tx.conn())
    .await?;
    let (mut langs, mut terms, mut buckets, mut rest) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let kept: Vec<u8> = row
            .data
            .chunks_exact(packed::ENTRY)
            .filter(|entry| packed::entry(entry).is_none_or(|p| !gone.contains(&p.chunk_id)))
            .flatten()
            .copied()
            .collect();
        langs.push(row.lang);
        terms.push(row.term);
        buckets.push(row.bucket);
        rest.push(kept);
    }
    sqlx::query!(
        "WITH rest AS MATERIALIZED (
             SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bytea[]) AS r (lang, term, bucket, data)
         ), emptied AS (
             DELETE FROM postings p USING rest r
             WHERE p.lang = r.lang AND p.term = r.term AND p.bucket = r.bucket AND octet_length(r.data) = 0
         )
         UPDATE postings p SET data = r.data FROM rest r
         WHERE p.lang = r.lang AND p.term = r.term AND p.bucket = r.bucket AND octet_length(r.data) > 0",
        &langs,
        &terms,
        &buckets,
        &rest,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
