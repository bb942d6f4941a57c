//! Search over a site's live passages: the question's words in each of the site's
//! languages and what stands for them (BM25), its meaning (vectors), both put together, the
//! best of them looked at closely, and an extract of each.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crate::db::filtered;
use crate::db::models::{self, Model, SiteModels};
use crate::db::packed::{self, Ranking};
use crate::db::passages::{self, Row};
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::db::postings::{self, Filter, Term};
use crate::db::{nearest, trust};
use crate::domain::document::{Found, Parts, Passage, TermScore};
use crate::domain::ids::SiteId;
use crate::knowledge::base::Knowledge;
use crate::knowledge::copies::{Asking, Held, Looked, SiteCopy};
use crate::knowledge::expansion::{Others, bounded, mend};
use crate::knowledge::fusion::{FEEDBACK, Fused, Weights, fed_back};
use crate::knowledge::remembered::Asked;
use crate::knowledge::snippet::Plain;
use crate::knowledge::{measure, pins, question, rerank};

/// A question is cut after so many characters.
pub const MAX_QUERY: usize = 4000;
/// The most passages that one search returns.
pub const MAX_K: usize = 100;
/// How many candidates each half gives.
pub const CANDIDATES: usize = 100;
/// How many more passages than are asked for are read from the database at first.
const SPARE: usize = 3;
/// How often the site's model may change while a question is looked up.
const SWITCHES: usize = 4;

/// Which halves are searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Both.
    #[default]
    Hybrid,
    /// Words alone (BM25).
    Words,
    /// Vectors alone.
    Vectors,
}

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SearchQuery {
    /// In anybody's words.
    pub text: String,
    /// How many passages; at most [`MAX_K`].
    pub k: usize,
    /// Which documents.
    pub filter: Filter,
    /// Which halves.
    pub mode: Mode,
}

/// Finds passages. What was found a moment ago is given again as long as the site's
/// knowledge is the same. Where the question gets no vector, words alone are searched, and
/// the finding says so.
///
/// # Errors
/// When the database refuses or is away.
pub async fn search(
    knowledge: &Knowledge,
    db: &Db,
    site: SiteId,
    query: SearchQuery,
) -> DbResult<Arc<Found>> {
    measure::search(find(knowledge, db, site, query)).await
}

async fn find(knowledge: &Knowledge, db: &Db, site: SiteId, mut query: SearchQuery) -> DbResult<Arc<Found>> {
    query.text = query.text.chars().take(MAX_QUERY).collect();
    query.k = query.k.min(MAX_K);
    let held = knowledge.copies.of(site);
    if let Held::Here(copy) = &held {
        let found = by_copy(knowledge, db, site, copy, &query).await?;
        measure::cache("copy", found.is_some());
        if let Some(found) = found {
            return Ok(found);
        }
    }
    by_database(knowledge, db, site, query, matches!(held, Held::Missing)).await
}

/// Finds passages in the site's copy, and asks the database for them and for whether it is
/// still true; none when it isn't in time.
async fn by_copy(
    knowledge: &Knowledge,
    db: &Db,
    site: SiteId,
    copy: &Arc<SiteCopy>,
    query: &SearchQuery,
) -> DbResult<Option<Arc<Found>>> {
    for _ in 0..SWITCHES {
        let Some((revision, model)) = copy.read().map(|state| (state.revision, state.model.clone())) else {
            return Ok(None);
        };
        let asked = Asked {
            site,
            revision,
            query: query.clone(),
        };
        let before = knowledge.remembered.found.get(&asked);
        measure::cache("found", before.is_some());
        if let Some(found) = before {
            if passages::current(db, site, &[]).await?.0 == revision {
                return Ok(Some(found));
            }
            if !knowledge.copies.refresh(db, site, copy).await? {
                return Ok(None);
            }
            continue;
        }
        let (vector, degraded) = question::vector_of(knowledge, site, model.as_ref(), query).await;
        let begun = Instant::now();
        let asking = Asking {
            query,
            vector: vector.as_deref().map(Vec::as_slice),
        };
        let Some(looked) = asking.of(&knowledge.copies, db, copy).await? else {
            return Ok(None);
        };
        let model = model.filter(|_| vector.is_some()).map(|m| m.name);
        let closely = knowledge.reranker.is_some() && query.mode == Mode::Hybrid;
        let (now, found) = show(knowledge, db, site, query, &looked, closely).await?;
        if now != looked.revision || looked.revision != revision {
            if !knowledge.copies.refresh(db, site, copy).await? {
                return Ok(None);
            }
            continue;
        }
        let mut found = Found {
            passages: found,
            terms: looked.others.query_terms(looked.terms),
            model,
            degraded,
        };
        measure::took("whole", begun);
        if let Some(reranker) = knowledge.reranker.as_ref().filter(|_| closely) {
            rerank::look_closely(reranker, &query.text, &mut found.passages).await;
            rerank::distinct(&mut found.passages);
            found.passages.truncate(query.k);
        }
        return Ok(Some(remember(knowledge, asked, found)));
    }
    Ok(None)
}

/// The best of what was looked up, as passages, and the revision that they are of: as many
/// as are asked for, no two that say the same, unless all are to be looked at closely.
async fn show(
    knowledge: &Knowledge,
    db: &Db,
    site: SiteId,
    query: &SearchQuery,
    looked: &Looked,
    closely: bool,
) -> DbResult<(i64, Vec<Passage>)> {
    let most = looked.candidates.len().min(query.k.max(rerank::CLOSELY));
    // Near duplicates are few: mostly the first that are read suffice.
    let mut read = if closely { most } else { most.min(query.k + SPARE) };
    loop {
        let best = &looked.candidates[..read];
        let (now, texts) = knowledge.copies.texts(db, site, looked.revision, best).await?;
        if now != looked.revision {
            return Ok((now, Vec::new()));
        }
        let found = best.iter().zip(&texts);
        let mut found: Vec<_> = found
            .filter_map(|(c, text)| Some((c, text.as_deref()?)))
            .collect();
        if !closely {
            if query.mode == Mode::Hybrid {
                let mut kept: Vec<&rerank::Said> = Vec::new();
                found.retain(|(_, text)| {
                    let fresh = !kept.iter().any(|other| text.said().same_as(other));
                    if fresh {
                        kept.push(text.said());
                    }
                    fresh
                });
            }
            if found.len() < query.k && read < most {
                read = most;
                continue;
            }
            found.truncate(query.k);
        }
        let mut lexemes: HashMap<&str, BTreeMap<String, f64>> = HashMap::new();
        for term in &looked.terms {
            let of_lang = lexemes.entry(&term.lang).or_default();
            of_lang.insert(term.term.clone(), term.idf * term.weight);
        }
        let none = BTreeMap::new();
        let shown = found.into_iter().map(|(chosen, text)| {
            let mut row = text.row.clone();
            row.terms.clone_from(&chosen.terms);
            let extract = text
                .plain()
                .extract(lexemes.get(row.lang.as_str()).unwrap_or(&none));
            let mut passage = passage(row, &chosen.candidate, query.mode, &looked.terms);
            passage.snippet = extract;
            passage
        });
        return Ok((now, shown.collect()));
    }
}

/// Finds passages in a snapshot of the database.
async fn by_database(
    knowledge: &Knowledge,
    db: &Db,
    site: SiteId,
    query: SearchQuery,
    make_copy: bool,
) -> DbResult<Arc<Found>> {
    // The vector comes before the transaction: no connection waits for a model.
    let mut model = knowledge.remembered.models.get(&site).flatten();
    for _ in 0..SWITCHES {
        let (vector, degraded) = question::vector_of(knowledge, site, model.as_ref(), &query).await;
        let mut tx = db.snapshot(site).await?;
        let known = models::of_site(&mut tx).await?;
        if known.live != model && query.mode != Mode::Words {
            model.clone_from(&known.live);
            knowledge.remembered.models.insert(site, model.clone());
            continue;
        }
        if make_copy {
            knowledge.copies.make(db, site, &known);
        }
        let asked = Asked {
            site,
            revision: known.revision,
            query,
        };
        let before = knowledge.remembered.found.get(&asked);
        measure::cache("found", before.is_some());
        if let Some(found) = before {
            return Ok(found);
        }
        let by = model.as_ref().zip(vector.as_deref().map(Vec::as_slice));
        let mut found = measure::part("whole", look_up(&mut tx, &known, &asked.query, by)).await?;
        tx.commit().await?;
        if let (Mode::Hybrid, Some(reranker)) = (asked.query.mode, &knowledge.reranker) {
            rerank::look_closely(reranker, &asked.query.text, &mut found.passages).await;
        }
        shown(&mut found, &asked.query);
        found.degraded = degraded;
        return Ok(remember(knowledge, asked, found));
    }
    Err(DbError::Unreadable(
        "the site's model changes faster than a question can be looked up".to_owned(),
    ))
}

/// Keeps a finding for whoever asks the same next, unless it lacks something.
fn remember(knowledge: &Knowledge, asked: Asked, found: Found) -> Arc<Found> {
    let found = Arc::new(found);
    if found.degraded.is_none() {
        knowledge.remembered.found.insert(asked, Arc::clone(&found));
    }
    found
}

/// A candidate and where each half has it.
pub(in crate::knowledge) struct Candidate {
    pub chunk_id: i64,
    pub bm25: f64,
    pub bm25_rank: Option<u32>,
    pub cosine: Option<f64>,
    pub vector_rank: Option<u32>,
    pub fused: Fused,
    pub pinned: bool,
}

impl Candidate {
    fn score(&self, mode: Mode) -> f64 {
        match mode {
            Mode::Hybrid => self.fused.score(),
            Mode::Words => self.bm25,
            Mode::Vectors => self.cosine.unwrap_or(-1.0),
        }
    }

    /// Best first; a pin before all others.
    pub fn order(&self, other: &Self, mode: Mode) -> Ordering {
        let by_score = other.score(mode).total_cmp(&self.score(mode));
        let by_pin = other.pinned.cmp(&self.pinned);
        by_pin.then(by_score).then(self.chunk_id.cmp(&other.chunk_id))
    }
}

/// Finds passages in a transaction of the caller's, with the question's vector as it is
/// given; without one, by words alone. They are more than are asked for, and without their
/// extracts: see [`shown`].
///
/// # Errors
/// When the database refuses or is away.
async fn look_up(
    tx: &mut SiteTx,
    known: &SiteModels,
    query: &SearchQuery,
    by: Option<(&Model, &[f32])>,
) -> DbResult<Found> {
    let mut others = Others::of(&query.text);
    let mut terms = postings::terms(tx, &others.words(&query.text)).await?;
    if mend(tx, &query.text, &terms, &mut others).await? {
        terms = postings::terms(tx, &others.words(&query.text)).await?;
    }
    let terms = bounded(terms);
    let mut ranking = match query.mode {
        Mode::Vectors => Ranking::default(),
        _ => measure::part("words", packed::rank(tx, &terms)).await?,
    };
    let narrowed = filtered::narrow(tx, query.filter.clone()).await?;
    let by_words = packed::passing(tx, &mut ranking, &narrowed, CANDIDATES).await?;
    let by_meaning = match by {
        Some((model, vector)) => {
            let nearest = nearest::nearest(tx, known, model, vector, &narrowed, CANDIDATES);
            measure::part("vectors", nearest).await?.0
        }
        None => Vec::new(),
    };
    let pinned = match by {
        _ if !known.pins || query.mode != Mode::Hybrid => None,
        by => pins::of_question(tx, known, &query.text, &query.filter, (&terms, &mut ranking), by).await?,
    };
    let place = |ids: Vec<i64>| -> HashMap<i64, u32> { ids.into_iter().zip(1..).collect() };
    let word_ranks = place(by_words.iter().map(|r| r.chunk_id).collect());
    let vector_ranks = place(by_meaning.iter().map(|n| n.chunk_id).collect());
    let mut ids: Vec<i64> = word_ranks
        .keys()
        .chain(vector_ranks.keys())
        .chain(&pinned)
        .copied()
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let vector = by.map(|(model, vector)| (model.id, vector));
    let found = passages::candidates(tx, &ids, vector).await?;
    let trust = match by {
        Some((model, _)) => trust::of_site(tx, model.id).await?,
        None => BTreeMap::new(),
    };
    let weights = Weights::of(&terms, trust);
    let mut candidates: Vec<Candidate> = found
        .into_iter()
        .map(|c| {
            let bm25 = ranking.scores.get(&c.chunk_id).copied().unwrap_or(0.0);
            Candidate {
                chunk_id: c.chunk_id,
                bm25,
                bm25_rank: word_ranks.get(&c.chunk_id).copied(),
                cosine: c.cosine,
                vector_rank: vector_ranks.get(&c.chunk_id).copied(),
                fused: weights.fuse(&c.lang, bm25, c.cosine),
                pinned: pinned == Some(c.chunk_id),
            }
        })
        .collect();
    sort(&mut candidates, query.mode);
    if let (Mode::Hybrid, Some((model, vector))) = (query.mode, by) {
        feed_back(tx, model, vector, &weights, &mut candidates).await?;
        sort(&mut candidates, query.mode);
    }
    candidates.truncate(query.k.max(rerank::CLOSELY));
    let ids: Vec<i64> = candidates.iter().map(|c| c.chunk_id).collect();
    let rows = passages::read(tx, &ids, &terms).await?;
    let passages: Vec<Passage> = rows
        .into_iter()
        .filter_map(|row| {
            let candidate = candidates.iter().find(|c| c.chunk_id == row.chunk_id)?;
            Some(passage(row, candidate, query.mode, &terms))
        })
        .collect();
    Ok(Found {
        passages,
        terms: others.query_terms(terms),
        model: by.map(|(model, _)| model.name.clone()),
        degraded: None,
    })
}

/// What is shown of what was looked up: no two that say the same, as many as were asked
/// for, and an extract of each.
fn shown(found: &mut Found, query: &SearchQuery) {
    if query.mode == Mode::Hybrid {
        rerank::distinct(&mut found.passages);
    }
    found.passages.truncate(query.k);
    for passage in &mut found.passages {
        let lexemes: BTreeMap<String, f64> = found
            .terms
            .iter()
            .filter(|t| t.lang == passage.lang)
            .map(|t| (t.term.clone(), t.idf * t.weight))
            .collect();
        passage.snippet = Plain::of(&passage.text, &passage.lang).extract(&lexemes);
    }
}

fn sort(candidates: &mut [Candidate], mode: Mode) {
    candidates.sort_by(|a, b| a.order(b, mode));
}

/// Compares all candidates once more, with what the best of them taught.
async fn feed_back(
    tx: &mut SiteTx,
    model: &Model,
    question: &[f32],
    weights: &Weights,
    candidates: &mut [Candidate],
) -> DbResult<()> {
    let Some(next) = candidates.get(FEEDBACK).map(|c| c.fused.score()) else {
        return Ok(());
    };
    let best: Vec<i64> = candidates[..FEEDBACK].iter().map(|c| c.chunk_id).collect();
    let vectors = passages::vectors(tx, &best, model.id).await?;
    let best: Vec<(f64, Vec<f32>)> = candidates[..FEEDBACK]
        .iter()
        .filter_map(|c| Some((c.fused.score(), vectors.get(&c.chunk_id)?.clone())))
        .collect();
    let Some(moved) = fed_back(question, &best, next) else {
        return Ok(());
    };
    let ids: Vec<i64> = candidates.iter().map(|c| c.chunk_id).collect();
    let again = passages::candidates(tx, &ids, Some((model.id, &moved))).await?;
    for (candidate, again) in candidates.iter_mut().zip(again) {
        candidate.fused = weights.fuse(&again.lang, candidate.bm25, again.cosine);
    }
    Ok(())
}

fn passage(row: Row, candidate: &Candidate, mode: Mode, terms: &[Term]) -> Passage {
    let score = match mode {
        Mode::Vectors => candidate.cosine.unwrap_or(0.0),
        mode => candidate.score(mode),
    };
    Passage {
        chunk_id: row.chunk_id,
        document_id: row.document_id,
        source: row.source,
        title: row.title,
        url: row.url,
        heading_path: row.heading_path,
        anchor: row.anchor,
        page: row.page,
        snippet: String::new(),
        lang: row.lang,
        text: row.text,
        score,
        parts: Parts {
            bm25: candidate.bm25,
            bm25_rank: candidate.bm25_rank,
            words: candidate.fused.words,
            cosine: candidate.cosine,
            vector_rank: candidate.vector_rank,
            meaning: candidate.fused.meaning,
            reranked: None,
            pinned: candidate.pinned,
        },
        terms: row
            .terms
            .into_iter()
            .filter_map(|(place, tf, score)| {
                let term = terms.get(place)?.term.clone();
                Some(TermScore { term, tf, score })
            })
            .collect(),
    }
}
