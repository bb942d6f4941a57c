//! Builds a new model's vectors beside the old one's, then switches. Each batch is stored
//! when it is computed, so a run that was cut off goes on where it was; searches use the
//! old vectors until the moment of the switch.

use crate::db::pool::{Db, DbResult};
use crate::db::{embeddings, models, nearest};
use crate::domain::ids::SiteId;
use crate::knowledge::base::Knowledge;
use crate::knowledge::embed::{self, VectorError};
use crate::knowledge::trust;
use crate::models::embedder::{EmbedError, Purpose};

/// How many vectors are computed before they are stored.
const BATCH: i64 = 64;
/// How many of the old ones are deleted at once.
const PIECE: i64 = 2_000;

/// Builds and switches. Doing it twice is harmless. `told` hears the share that is done.
///
/// # Errors
/// When the model or the database fails; what is done by then is kept.
pub async fn reindex(
    db: &Db,
    knowledge: &Knowledge,
    site: SiteId,
    model: i32,
    told: &(dyn Fn(f32) + Sync),
) -> Result<(), VectorError> {
    let known = models::list(db).await?;
    let wanted = known.iter().find(|m| m.id == model);
    let wanted = wanted.ok_or_else(|| EmbedError::Refused(format!("there is no model {model}")))?;
    let in_use = embed::open(&knowledge.embedders, wanted).await?;
    let mut tx = db.site(site).await?;
    let (have, all) = embeddings::count(&mut tx, model).await?;
    let old = models::of_site(&mut tx).await?;
    drop(tx);
    if old.next.as_ref().is_none_or(|n| n.id != model) {
        // Another was named meanwhile, or this one is in use already: then a run before may have
        // been cut off when it had switched.
        tidy(db, site).await?;
        if old.live.is_some_and(|live| live.id == model) {
            trust::measure(db, knowledge, site).await?;
        }
        return Ok(());
    }
    // While there are few vectors a graph costs nothing; it grows with them.
    if all >= nearest::LARGE && !old.graphs.contains(&model) {
        let mut tx = db.site(site).await?;
        models::build_graph(&mut tx, model).await?;
        tx.commit().await?;
    }
    let mut done = have;
    loop {
        let mut after = 0;
        loop {
            let mut tx = db.site(site).await?;
            let (_, next) = models::named(&mut tx).await?;
            if next != Some(model) {
                drop(tx);
                tidy(db, site).await?;
                return Ok(());
            }
            let batch = embeddings::pending(&mut tx, model, after, BATCH).await?;
            drop(tx);
            let Some(last) = batch.last() else { break };
            after = last.chunk_id;
            let ids: Vec<i64> = batch.iter().map(|p| p.chunk_id).collect();
            let texts = batch
                .iter()
                .map(|p| embed::text_of(&p.source, &p.title, &p.heading_path, &p.text));
            let vectors = in_use.embedder.embed(texts.collect(), Purpose::Passages).await?;
            let mut tx = db.site(site).await?;
            embeddings::store(&mut tx, model, &ids, &vectors).await?;
            tx.commit().await?;
            done += BATCH.min(i64::try_from(ids.len()).unwrap_or(BATCH));
            #[expect(clippy::cast_precision_loss, reason = "a share for people")]
            told((done as f32 / all.max(1) as f32).min(0.99));
        }
        let mut tx = db.site(site).await?;
        let switched = models::switch(&mut tx, model).await?;
        tx.commit().await?;
        if switched {
            break;
        }
        // Passages came in meanwhile; those after them bring their vectors along.
    }
    tidy(db, site).await?;
    trust::measure(db, knowledge, site).await?;
    told(1.0);
    Ok(())
}

/// Deletes the site's vectors of all models that it neither is searched by nor builds, whoever
/// left them: a switch, or a building that was given up.
async fn tidy(db: &Db, site: SiteId) -> DbResult<()> {
    let mut tx = db.site(site).await?;
    let given_up = embeddings::given_up(&mut tx).await?;
    drop(tx);
    for model in given_up {
        clear(db, site, model).await?;
    }
    Ok(())
}

/// Deletes the site's vectors of a model that it no longer uses. Searches under way still
/// see them.
async fn clear(db: &Db, site: SiteId, model: i32) -> DbResult<()> {
    loop {
        let mut tx = db.site(site).await?;
        let gone = embeddings::forget(&mut tx, model, PIECE).await?;
        tx.commit().await?;
        if gone == 0 {
            break;
        }
    }
    let mut tx = db.site(site).await?;
    // It may have been named again meanwhile; the lock keeps it from that until this is done.
    let (live, next) = models::lock(&mut tx).await?;
    if live != Some(model) && next != Some(model) {
        models::drop_graph(&mut tx, model).await?;
    }
    tx.commit().await
}
