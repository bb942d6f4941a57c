//! Postings as they are packed in the database, and BM25 over them. What a question needs
//! of them comes over whole and is scored here. Exact up to a number of postings that only
//! very large sites have; beyond it the commonest words of a question don't count.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use uuid::Uuid;

use crate::db::filtered::Narrowed;
use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings::{B, K1, Term};

/// The bytes of one posting.
pub(in crate::db) const ENTRY: usize = 8;
/// The most postings that a question reads, the rarest words' first. The commonest words
/// of a very large site can't move a passage up by much.
const MOST_POSTINGS: i64 = 60_000;
/// How many of the ranking are tried against a filter at first.
const FIRST_TRY: usize = 200;

/// A posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::db) struct Posting {
    /// The chunk.
    pub chunk_id: i64,
    /// The chunk's length.
    pub length: u16,
    /// How often the lexeme is in it.
    pub tf: u8,
}

/// Reads one; none when the bytes are too few.
pub(in crate::db) fn entry(bytes: &[u8]) -> Option<Posting> {
    let [a, b, c, d, e, l, m, tf] = *bytes else {
        return None;
    };
    Some(Posting {
        chunk_id: i64::from_be_bytes([0, 0, 0, a, b, c, d, e]),
        length: u16::from_be_bytes([l, m]),
        tf,
    })
}

/// A chunk and its BM25.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The chunk.
    pub chunk_id: i64,
    /// The score.
    pub score: f64,
}

/// Scores by chunk.
pub type Scores = HashMap<i64, f64, BuildHasherDefault<OfId>>;

/// Spreads ids that the database gave over a table. Nobody chooses those, so it needn't
/// withstand chosen ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfId(u64);

impl Hasher for OfId {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // The golden ratio's bits (Knuth, volume 3, 6.4); a table takes its low bits.
        let spread = (self.0 ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }

    fn write_i64(&mut self, id: i64) {
        self.write_u64(id.cast_unsigned());
    }
}

/// What words say of all chunks that have any of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranking {
    /// All, in no order but for the first `sorted`.
    ranked: Vec<Ranked>,
    sorted: usize,
    /// By chunk.
    pub scores: Scores,
}

/// Best first; among equals the older first.
fn order(a: &Ranked, b: &Ranked) -> Ordering {
    b.score.total_cmp(&a.score).then(a.chunk_id.cmp(&b.chunk_id))
}

impl Ranking {
    /// How many are scored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranked.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranked.is_empty()
    }

    /// The best `n`, best first, or all when they are fewer. Seldom are more wanted than a
    /// few hundred of tens of thousands, so no more are put in order.
    pub fn best(&mut self, n: usize) -> &[Ranked] {
        let n = n.min(self.ranked.len());
        if n > self.sorted {
            let rest = &mut self.ranked[self.sorted..];
            let more = n - self.sorted;
            if more < rest.len() {
                rest.select_nth_unstable_by(more, order);
            }
            rest[..more].sort_unstable_by(order);
            self.sorted = n;
        }
        &self.ranked[..n]
    }
}

impl Term {
    /// BM25's part of a chunk that has the term so often.
    #[must_use]
    pub fn part(&self, tf: f64, length: f64) -> f64 {
        let norm = K1 * (1.0 - B + B * length / self.average_length);
        self.weight * self.idf * (K1 + 1.0) * tf / (tf + norm)
    }
}

/// Scores every chunk that has one of the terms.
///
/// # Errors
/// When the database refuses or is away.
pub async fn rank(tx: &mut SiteTx, terms: &[Term]) -> DbResult<Ranking> {
    let mut rarest: Vec<usize> = (0..terms.len()).filter(|i| terms[*i].df > 0).collect();
    rarest.sort_by_key(|i| terms[*i].df);
    let mut read = 0;
    rarest.retain(|i| {
        let first = read == 0;
        read += terms[*i].df;
        first || read <= MOST_POSTINGS
    });
    let places: Vec<i32> = rarest
        .iter()
        .map(|i| i32::try_from(*i).unwrap_or(i32::MAX))
        .collect();
    let langs: Vec<String> = rarest.iter().map(|i| terms[*i].lang.clone()).collect();
    let lexemes: Vec<String> = rarest.iter().map(|i| terms[*i].term.clone()).collect();
    let rows = sqlx::query!(
        r#"SELECT q.place AS "place!", p.data
           FROM unnest($1::int[], $2::text[], $3::text[]) AS q (place, lang, term)
           JOIN postings p ON p.lang = q.lang AND p.term = q.term"#,
        &places,
        &langs,
        &lexemes,
    )
    .fetch_all(tx.conn())
    .await?;
    let mut scores = Scores::default();
    scores.reserve(rows.iter().map(|row| row.data.len()).sum::<usize>() / (2 * ENTRY));
    for row in rows {
        let Some(term) = usize::try_from(row.place).ok().and_then(|i| terms.get(i)) else {
            continue;
        };
        for posting in row.data.chunks_exact(ENTRY).filter_map(entry) {
            *scores.entry(posting.chunk_id).or_insert(0.0) +=
                term.part(f64::from(posting.tf), f64::from(posting.length));
        }
    }
    let ranked = scores.iter().map(|(chunk_id, score)| Ranked {
        chunk_id: *chunk_id,
        score: *score,
    });
    Ok(Ranking {
        ranked: ranked.collect(),
        sorted: 0,
        scores,
    })
}

/// The best `k` of a ranking that pass a filter.
///
/// # Errors
/// When the database refuses or is away.
pub async fn passing(
    tx: &mut SiteTx,
    ranking: &mut Ranking,
    narrowed: &Narrowed,
    k: usize,
) -> DbResult<Vec<Ranked>> {
    if ranking.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(documents) = &narrowed.few {
        return among(tx, ranking, documents, k).await;
    }
    let filter = &narrowed.filter;
    let mut out: Vec<Ranked> = Vec::new();
    let (mut from, mut step) = (0, FIRST_TRY.max(k));
    while out.len() < k && from < ranking.len() {
        let tried = &ranking.best(from + step)[from..];
        let ids: Vec<i64> = tried.iter().map(|r| r.chunk_id).collect();
        let rows = sqlx::query_scalar!(
            r#"SELECT c.id
               FROM unnest($1::bigint[]) WITH ORDINALITY AS w (id, n)
               JOIN chunks c ON c.id = w.id
               JOIN documents d ON d.id = c.document_id
               WHERE d.deleted_at IS NULL AND d.visibility = 'public' AND d.review = 'approved'
                 AND ($2::text IS NULL OR d.channels = '{}' OR $2 = ANY (d.channels))
                 AND ($3::text[] = '{}' OR EXISTS (
                     SELECT 1 FROM document_tags t WHERE t.document_id = d.id AND t.tag = ANY ($3)))
                 AND ($4::text[] = '{}' OR d.source = ANY ($4))
               ORDER BY w.n LIMIT $5"#,
            &ids,
            filter.channel,
            &filter.tags,
            &filter.sources,
            i64::try_from(k - out.len()).unwrap_or(i64::MAX),
        )
        .fetch_all(tx.conn())
        .await?;
        let score = |id: i64| ranking.scores.get(&id).copied().unwrap_or(0.0);
        out.extend(rows.into_iter().map(|chunk_id| Ranked {
            chunk_id,
            score: score(chunk_id),
        }));
        from += step;
        // A filter that leaves little leaves little of the next ones too.
        step *= 8;
    }
    Ok(out)
}

/// The best `k` of a ranking among these documents' chunks.
async fn among(tx: &mut SiteTx, ranking: &Ranking, documents: &[Uuid], k: usize) -> DbResult<Vec<Ranked>> {
    let ids = sqlx::query_scalar!("SELECT id FROM chunks WHERE document_id = ANY ($1)", documents)
        .fetch_all(tx.conn())
        .await?;
    let scored = ids.into_iter().filter_map(|chunk_id| {
        let score = *ranking.scores.get(&chunk_id)?;
        Some(Ranked { chunk_id, score })
    });
    let mut out: Vec<Ranked> = scored.collect();
    out.sort_unstable_by(order);
    out.truncate(k);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posting_is_eight_bytes() {
        let bytes = [0, 0, 0, 1, 2, 0, 7, 3];
        let want = Posting {
            chunk_id: 258,
            length: 7,
            tf: 3,
        };
        assert_eq!(entry(&bytes), Some(want));
        assert_eq!(entry(&bytes[1..]), None);
    }

    #[test]
    fn the_best_are_in_order_however_they_are_asked_for() {
        let all: Vec<Ranked> = (0..500_i64)
            .map(|chunk_id| Ranked {
                chunk_id,
                score: f64::from(u8::try_from(chunk_id * 7919 % 83).unwrap()),
            })
            .collect();
        let mut want = all.clone();
        want.sort_by(order);
        let mut ranking = Ranking {
            ranked: all,
            ..Ranking::default()
        };
        for n in [0, 1, 10, 7, 200, 499, 500, 900] {
            assert_eq!(ranking.best(n), &want[..n.min(500)], "{n}");
        }
    }
}
