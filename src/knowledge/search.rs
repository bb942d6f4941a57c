//! Search over a site's live passages: the question's words in each of the site's
//! languages, what stands for them, BM25 in the database, and an extract of each hit.

use std::collections::BTreeMap;

use crate::db::pool::{DbResult, SiteTx};
use crate::db::postings::{self, Filter, Hit, MAX_TERMS, Term, Words};
use crate::domain::document::{Found, Passage, QueryTerm, TermScore};
use crate::knowledge::snippet::snippet;

/// A question is cut after so many characters.
pub const MAX_QUERY: usize = 4000;
/// The most passages that one search returns.
pub const MAX_K: usize = 50;

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// In anybody's words.
    pub text: String,
    /// How many passages; at most [`MAX_K`].
    pub k: usize,
    /// Which documents.
    pub filter: Filter,
}

/// Finds passages. See `db::postings` for the score.
///
/// # Errors
/// When the database refuses or is away.
pub async fn search(tx: &mut SiteTx, query: &SearchQuery) -> DbResult<Found> {
    let text: String = query.text.chars().take(MAX_QUERY).collect();
    let own = Words {
        text: &text,
        weight: 1.0,
        lang: None,
    };
    let terms = bounded(postings::terms(tx, &[own]).await?);
    let hits = postings::best(tx, &terms, &query.filter, query.k.min(MAX_K)).await?;
    Ok(Found {
        passages: hits.into_iter().map(|hit| passage(hit, &terms)).collect(),
        terms: terms.into_iter().map(query_term).collect(),
    })
}

/// No more than [`MAX_TERMS`] that the site knows, and as many that it doesn't.
fn bounded(terms: Vec<Term>) -> Vec<Term> {
    let (mut known, mut unknown): (Vec<_>, Vec<_>) = terms.into_iter().partition(|t| t.df > 0);
    known.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.df.cmp(&b.df)));
    known.truncate(MAX_TERMS);
    unknown.truncate(MAX_TERMS);
    known.append(&mut unknown);
    known
}

fn query_term(term: Term) -> QueryTerm {
    QueryTerm {
        term: term.term,
        lang: term.lang,
        df: term.df,
        idf: term.idf,
        weight: term.weight,
        stands_for: None,
    }
}

fn passage(hit: Hit, terms: &[Term]) -> Passage {
    let lexemes: BTreeMap<String, f64> = terms
        .iter()
        .filter(|t| t.lang == hit.lang)
        .map(|t| (t.term.clone(), t.idf * t.weight))
        .collect();
    Passage {
        chunk_id: hit.chunk_id,
        document_id: hit.document_id,
        title: hit.title,
        url: hit.url,
        heading_path: hit.heading_path,
        anchor: hit.anchor,
        page: hit.page,
        snippet: snippet(&hit.text, &hit.lang, &lexemes),
        lang: hit.lang,
        text: hit.text,
        score: hit.score,
        terms: hit
            .terms
            .into_iter()
            .filter_map(|(place, tf, score)| {
                let term = terms.get(place)?.term.clone();
                Some(TermScore { term, tf, score })
            })
            .collect(),
    }
}
