//! Making a copy of a site's knowledge, and carrying it on to the present state. Each reads
//! one snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use deskhand_index::{Chunk, Document, Index};
use uuid::Uuid;

use super::state::{SiteCopy, State};
use crate::db::copies::{self, Searched};
use crate::db::models::{self, SiteModels};
use crate::db::pool::{Db, DbError, DbResult, SiteTx};
use crate::db::trust;
use crate::domain::document::PIN;
use crate::domain::ids::SiteId;

/// How many documents' passages are read at a time: a few milliseconds' work.
const BATCH: usize = 64;

/// A site's knowledge as it is now.
pub(super) async fn load(db: &Db, site: SiteId) -> DbResult<SiteCopy> {
    let mut tx = db.snapshot(site).await?;
    let known = models::of_site(&mut tx).await?;
    let dimensions = known.live.as_ref().map_or(0, |m| m.dimensions);
    let mut index = Index::new(usize::try_from(dimensions).unwrap_or(0));
    let documents = copies::documents(&mut tx, None).await?;
    for batch in documents.chunks(BATCH) {
        let passages = read(&mut tx, &known, batch).await?;
        put(&mut index, batch, &passages);
        tokio::task::yield_now().await;
    }
    let trust = trusted(&mut tx, &known).await?;
    tx.commit().await?;
    let index = blocking(move || {
        index.settle();
        index
    });
    let index = index.await?;
    if !adds_up(&index, &known) {
        return Err(DbError::Unreadable(format!(
            "a site has {} passages, {} are counted",
            index.len(),
            known.chunks
        )));
    }
    Ok(SiteCopy::new(State {
        revision: known.revision,
        model: known.live,
        trust,
        index,
    }))
}

/// Carries a copy on to the present state; false when it has to be loaded anew.
pub(super) async fn refresh(db: &Db, site: SiteId, copy: &Arc<SiteCopy>) -> DbResult<bool> {
    let _one = copy.refreshing.lock().await;
    let Some((revision, model)) = copy.read().map(|state| (state.revision, state.model.clone())) else {
        return Ok(false);
    };
    let mut tx = db.snapshot(site).await?;
    let known = models::of_site(&mut tx).await?;
    if known.revision == revision {
        // Somebody else did it while this one waited.
        return Ok(true);
    }
    if known.live != model || known.revision < revision {
        return Ok(false);
    }
    let documents = copies::documents(&mut tx, Some(revision)).await?;
    let mut changed = Vec::new();
    for batch in documents.chunks(BATCH) {
        changed.push((batch.to_vec(), read(&mut tx, &known, batch).await?));
    }
    let trust = trusted(&mut tx, &known).await?;
    tx.commit().await?;
    let copy = Arc::clone(copy);
    blocking(move || {
        let Some(mut state) = copy.write() else {
            return false;
        };
        for (documents, passages) in &changed {
            put(&mut state.index, documents, passages);
        }
        state.index.settle();
        state.trust = trust;
        state.revision = known.revision;
        adds_up(&state.index, &known)
    })
    .await
}

type Passages = BTreeMap<Uuid, Vec<Searched>>;

async fn read(tx: &mut SiteTx, known: &SiteModels, of: &[copies::Document]) -> DbResult<Passages> {
    let ids: Vec<Uuid> = of.iter().map(|d| d.id).collect();
    copies::searched(tx, known.live.as_ref().map(|m| m.id), &ids).await
}

async fn trusted(tx: &mut SiteTx, known: &SiteModels) -> DbResult<BTreeMap<String, f64>> {
    match &known.live {
        Some(model) => trust::of_site(tx, model.id).await,
        None => Ok(BTreeMap::new()),
    }
}

fn put(index: &mut Index, documents: &[copies::Document], passages: &Passages) {
    let boxed = |texts: &[String]| texts.iter().map(|t| t.as_str().into()).collect();
    for document in documents {
        let Some(passages) = passages.get(&document.id) else {
            index.remove(document.id.as_u128());
            continue;
        };
        let of_index = Document {
            id: document.id.as_u128(),
            source: document.source.as_str().into(),
            channels: boxed(&document.channels),
            tags: boxed(&document.tags),
            answers: document.answers,
            title: (document.source == PIN).then(|| document.title.as_str().into()),
            revision: document.revision,
        };
        let vectors: Vec<Option<Vec<u16>>> = passages
            .iter()
            .map(|p| {
                p.vector
                    .as_ref()
                    .map(|v| v.as_slice().iter().map(|x| x.to_bits()).collect())
            })
            .collect();
        let chunks = passages.iter().zip(&vectors).map(|(passage, vector)| Chunk {
            id: passage.id,
            lang: &passage.lang,
            // As postings have it.
            length: u16::try_from(passage.length.min(i32::from(i16::MAX))).unwrap_or(0),
            lexemes: passage.lexemes.iter().collect(),
            vector: vector.as_deref(),
        });
        index.put(of_index, chunks);
    }
}

/// Whether the index has as many passages as the database counts: a change that it wasn't
/// told of must not go unseen.
fn adds_up(index: &Index, known: &SiteModels) -> bool {
    i64::try_from(index.len()) == Ok(known.chunks)
}

/// Runs what takes longer than others may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> DbResult<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| DbError::Unreadable(format!("a copy of a site's knowledge broke: {error}")))
}
