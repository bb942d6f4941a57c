//! BM25 over postings, after Robertson and Zaragoza (2009), in Lucene's form whose idf is
//! never negative:
//!
//! `score(q, c) = Σ weight(t) · idf(t) · tf · (k1 + 1) / (tf + k1 · (1 - b + b · length / average length))`,
//! `idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5))`, k1 = 1.2, b = 0.75.
//!
//! t are the distinct lexemes of the question in the chunk's language; N, df and the
//! average are over the live chunks of the site and that language, whatever a search
//! filters by.

use crate::db::pool::{DbResult, SiteTx};
use crate::domain::ids::DocumentId;

/// How quickly a term's repetitions stop counting.
pub const K1: f64 = 1.2;
/// How much a chunk's length counts against it.
pub const B: f64 = 0.75;
/// The most terms that are scored, the rarest of them.
pub const MAX_TERMS: usize = 64;

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
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of chunks and lexemes are far below 2^52"
    )]
    let terms = rows.into_iter().map(|r| {
        let (n, df) = (r.chunks as f64, r.df as f64);
        Term {
            lang: r.lang,
            term: r.term,
            from: usize::try_from(r.from - 1).unwrap_or(0),
            weight: r.weight,
            df: r.df,
            idf: (1.0 + (n - df + 0.5) / (df + 0.5)).ln(),
            average_length: r.total_length as f64 / n,
        }
    });
    Ok(terms.collect())
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only what this channel may answer from.
    pub channel: Option<String>,
    /// Only documents that have one of these tags; empty: all.
    pub tags: Vec<String>,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The chunk.
    pub chunk_id: i64,
    /// Its document.
    pub document_id: DocumentId,
    /// The document's title.
    pub title: String,
    /// The document's URL.
    pub url: Option<String>,
    /// The headings above the chunk.
    pub heading_path: Vec<String>,
    /// The `id` of the nearest heading in HTML.
    pub anchor: Option<String>,
    /// The page in a paged document, from 1.
    pub page: Option<i32>,
    /// Its text search configuration.
    pub lang: String,
    /// Markdown.
    pub text: String,
    /// BM25.
    pub score: f64,
    /// Each term that it has: its place among the terms asked for, tf, and its part of the score.
    pub terms: Vec<(usize, i32, f64)>,
}

/// The best chunks, best first; among equals the older first.
///
/// Ranking reads one index alone (`postings`' key covers tf and length). Chunks and
/// documents are looked up in the order of the scores, only until enough have passed the
/// filter: 50 ms where six words have 64 000 postings in 100 000 chunks.
///
/// # Errors
/// When the database refuses or is away.
pub async fn best(tx: &mut SiteTx, terms: &[Term], filter: &Filter, k: usize) -> DbResult<Vec<Hit>> {
    let scored: Vec<(usize, &Term)> = scored(terms);
    let langs: Vec<String> = scored.iter().map(|(_, t)| t.lang.clone()).collect();
    let lexemes: Vec<String> = scored.iter().map(|(_, t)| t.term.clone()).collect();
    let factors: Vec<f64> = scored
        .iter()
        .map(|(_, t)| t.weight * t.idf * (K1 + 1.0))
        .collect();
    // tf + K1 (1 - B + B length / average) is tf + flat + slope · length.
    let slopes: Vec<f64> = scored.iter().map(|(_, t)| K1 * B / t.average_length).collect();
    let flat = K1 * (1.0 - B);
    let rows = sqlx::query!(
        r#"WITH q AS (
               SELECT * FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[])
                   WITH ORDINALITY AS q (lang, term, factor, slope, n)
           ), ranked AS (
               SELECT p.chunk_id, sum(q.factor * p.tf / (p.tf + $5::float8 + q.slope * p.length)) AS score
               FROM q JOIN postings p ON p.lang = q.lang AND p.term = q.term
               GROUP BY p.chunk_id
           ), top AS (
               SELECT r.chunk_id, r.score, c.document_id, c.heading_path, c.anchor, c.page, c.lang, c.text,
                      d.title, d.url
               FROM (SELECT * FROM ranked ORDER BY score DESC, chunk_id) r
               JOIN chunks c ON c.id = r.chunk_id
               JOIN documents d ON d.id = c.document_id
               WHERE d.deleted_at IS NULL AND d.visibility = 'public' AND d.review = 'approved'
                 AND ($6::text IS NULL OR d.channels = '{}' OR $6 = ANY (d.channels))
                 AND ($7::text[] = '{}' OR d.tags && $7)
               ORDER BY r.score DESC, r.chunk_id LIMIT $8
           )
           SELECT t.chunk_id, t.score AS "score!", t.document_id, t.heading_path, t.anchor, t.page, t.lang, t.text,
                  t.title, t.url, m.ns AS "ns!", m.tfs AS "tfs!", m.scores AS "scores!"
           FROM top t
           CROSS JOIN LATERAL (
               SELECT array_agg(q.n ORDER BY q.n) AS ns, array_agg(p.tf ORDER BY q.n) AS tfs,
                      array_agg(q.factor * p.tf / (p.tf + $5::float8 + q.slope * p.length) ORDER BY q.n) AS scores
               FROM q JOIN postings p ON p.lang = q.lang AND p.term = q.term AND p.chunk_id = t.chunk_id
           ) m
           ORDER BY t.score DESC, t.chunk_id"#,
        &langs,
        &lexemes,
        &factors,
        &slopes,
        flat,
        filter.channel,
        &filter.tags,
        i64::try_from(k).unwrap_or(i64::MAX),
    )
    .fetch_all(tx.conn())
    .await?;
    let hits = rows.into_iter().map(|r| Hit {
        chunk_id: r.chunk_id,
        document_id: DocumentId(r.document_id),
        title: r.title,
        url: r.url,
        heading_path: r.heading_path,
        anchor: r.anchor,
        page: r.page,
        lang: r.lang,
        text: r.text,
        score: r.score,
        terms: r
            .ns
            .into_iter()
            .zip(r.tfs)
            .zip(r.scores)
            .filter_map(|((n, tf), score)| {
                let place = scored.get(usize::try_from(n - 1).ok()?)?.0;
                Some((place, tf, score))
            })
            .collect(),
    });
    Ok(hits.collect())
}

/// The terms that are scored, with their places: the known ones, own words before others,
/// rare ones before common ones.
fn scored(terms: &[Term]) -> Vec<(usize, &Term)> {
    let mut scored: Vec<(usize, &Term)> = terms.iter().enumerate().filter(|(_, t)| t.df > 0).collect();
    scored.sort_by(|(_, a), (_, b)| {
        b.weight
            .total_cmp(&a.weight)
            .then(a.df.cmp(&b.df))
            .then_with(|| (&a.lang, &a.term).cmp(&(&b.lang, &b.term)))
    });
    scored.truncate(MAX_TERMS);
    scored
}
