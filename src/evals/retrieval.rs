//! Retrieval, measured on a test set: its documents go through the product's ingestion
//! into a site of their own, its questions through the product's search.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::db::pool::{Db, DbError};
use crate::db::{documents, models};
use crate::domain::clock::Clock;
use crate::domain::document::NewUpload;
use crate::domain::ids::SiteId;
use crate::evals::beir::{Query, Set};
use crate::evals::metrics::{Means, Worth, means, worth};
use crate::knowledge::accept::accept;
use crate::knowledge::base::Knowledge;
use crate::knowledge::ingest::{IngestError, ingest};
use crate::knowledge::search::{MAX_K, Mode, SearchQuery, search};
use crate::knowledge::trust;

/// Documents and questions at once.
const AT_ONCE: usize = 4;
/// The documents' source.
const SOURCE: &str = "eval";

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How many documents were taken in, and how many had no text.
    pub documents: usize,
    /// See `documents`.
    pub empty: usize,
    /// How many passages they became.
    pub chunks: i64,
    /// How many questions.
    pub queries: usize,
    /// The embedding model; none: words alone.
    pub model: Option<String>,
    /// Words alone.
    pub bm25: Means,
    /// Vectors alone; none without a model.
    pub vectors: Option<Means>,
    /// Both, as visitors are answered from.
    pub hybrid: Means,
}

/// Why it couldn't be measured.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A document could not be taken in.
    #[error("the document {0} can't be taken in: {1}")]
    Ingest(String, IngestError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The search went without vectors.
    #[error("a question got no vector: {0}")]
    Degraded(String),
}

/// How far it is: documents taken in, then questions asked.
pub type Told<'a> = &'a (dyn Fn(Step, usize) + Sync);

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Documents are taken in.
    Documents,
    /// Questions are asked.
    Queries,
}

/// Takes the documents in; gives how many had no text. What is there already stays.
///
/// # Errors
/// When one can't be taken in, or the database is away.
pub async fn take_in(
    db: &Db,
    clock: &dyn Clock,
    knowledge: &Knowledge,
    site: SiteId,
    set: &Set,
    told: Told<'_>,
) -> Result<usize, EvalError> {
    let done = AtomicUsize::new(0);
    let empty = AtomicUsize::new(0);
    stream::iter(&set.documents)
        .map(Ok::<_, EvalError>)
        .try_for_each_concurrent(AT_ONCE, |document| {
            let (done, empty) = (&done, &empty);
            async move {
                let new = NewUpload {
                    source: SOURCE.to_owned(),
                    external_id: document.id.clone(),
                    name: format!("{}.txt", document.id),
                    bytes: document.text.clone().into_bytes(),
                    url: None,
                    // Without one it would be called by its id, which says nothing.
                    title: Some(document.title.clone()),
                };
                let mut tx = db.site(site).await?;
                let accepted = accept(&mut tx, new, knowledge.limits).await?;
                tx.commit().await?;
                if let Some(upload) = accepted.upload {
                    let taken =
                        ingest(db, clock, knowledge, site, upload, accepted.document, &|_, _| {}).await;
                    match taken {
                        Ok(_) => {}
                        Err(IngestError::Unfit(_)) => {
                            empty.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => return Err(EvalError::Ingest(document.id.clone(), error)),
                    }
                }
                told(Step::Documents, done.fetch_add(1, Ordering::Relaxed) + 1);
                Ok(())
            }
        })
        .await?;
    trust::measure(db, knowledge, site)
        .await
        .map_err(|e| EvalError::Degraded(e.to_string()))?;
    Ok(empty.into_inner())
}

/// Asks the questions in each way.
///
/// # Errors
/// When the database is away, or a question gets no vector.
pub async fn measure(
    db: &Db,
    knowledge: &Knowledge,
    site: SiteId,
    set: &Set,
    told: Told<'_>,
) -> Result<Report, EvalError> {
    let mut tx = db.site(site).await?;
    let known = models::of_site(&mut tx).await?;
    let names = documents::names(&mut tx, SOURCE).await?;
    drop(tx);
    let names: HashMap<_, _> = names.into_iter().collect();
    let done = AtomicUsize::new(0);
    let worths: Vec<[Worth; 3]> = stream::iter(&set.queries)
        .map(|query| {
            let (names, done) = (&names, &done);
            async move {
                let mut of = [None; 3];
                for (slot, mode) in of.iter_mut().zip([Mode::Words, Mode::Vectors, Mode::Hybrid]) {
                    *slot = Some(one(db, knowledge, site, query, mode, names).await?);
                }
                told(Step::Queries, done.fetch_add(1, Ordering::Relaxed) + 1);
                Ok::<_, EvalError>(of.map(|w| w.unwrap_or(NOTHING)))
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let column = |i: usize| means(&worths.iter().map(|w| w[i]).collect::<Vec<_>>());
    Ok(Report {
        documents: names.len(),
        empty: set.documents.len().saturating_sub(names.len()),
        chunks: known.chunks,
        queries: set.queries.len(),
        vectors: known.live.is_some().then(|| column(1)),
        model: known.live.map(|m| m.name),
        bm25: column(0),
        hybrid: column(2),
    })
}

const NOTHING: Worth = Worth {
    ndcg10: 0.0,
    recall5: 0.0,
    mrr: 0.0,
};

/// A document is as good as its best passage.
async fn one(
    db: &Db,
    knowledge: &Knowledge,
    site: SiteId,
    query: &Query,
    mode: Mode,
    names: &HashMap<crate::domain::ids::DocumentId, String>,
) -> Result<Worth, EvalError> {
    let asked = SearchQuery {
        text: query.text.clone(),
        k: MAX_K,
        mode,
        ..SearchQuery::default()
    };
    let found = search(knowledge, db, site, asked).await?;
    if let Some(why) = &found.degraded {
        return Err(EvalError::Degraded(why.clone()));
    }
    let mut ranking: Vec<&str> = Vec::new();
    for passage in &Arc::clone(&found).passages {
        if let Some(name) = names.get(&passage.document_id)
            && !ranking.contains(&name.as_str())
        {
            ranking.push(name);
        }
    }
    Ok(worth(&ranking, &query.grades))
}
