//! The vectors of passages: what a vector is made of, which models a site needs, and
//! computing what is missing, in batches that a crash doesn't lose.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::db::embeddings::{self, Computed};
use crate::db::jobs;
use crate::db::models::{self, Model, SiteModels};
use crate::db::pool::{Db, DbError};
use crate::domain::document::PIN;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{DocumentId, JobId, SiteId};
use crate::domain::job::{Job, Priority, Work};
use crate::knowledge::blocks;
use crate::models::embedder::{EmbedError, Embedder, ModelSpec, Purpose};
use crate::models::embedders::Embedders;

/// How many vectors are computed before they are stored.
const BATCH: usize = 64;

/// Why vectors couldn't be made.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The model.
    #[error("{0}")]
    Model(#[from] EmbedError),
    /// The database.
    #[error("The knowledge base couldn't be written to.")]
    Db(#[from] DbError),
}

impl VectorError {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Model(EmbedError::Unusable(_)) => "embeddings_unusable",
            Self::Model(EmbedError::Away(_)) => "embeddings_away",
            Self::Model(EmbedError::Refused(_)) => "embeddings_refused",
            Self::Db(_) => "database",
        }
    }

    /// Whether another try may help; a model can be put right meanwhile.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Model(error) => !matches!(error, EmbedError::Refused(_)),
            Self::Db(error) => error.is_transient(),
        }
    }
}

/// A model that a site's passages need vectors of, opened.
#[derive(Clone)]
pub struct InUse {
    /// Its number in the database.
    pub id: i32,
    /// It.
    pub embedder: Arc<dyn Embedder>,
}

/// What a passage's vector is made of: title, headings and the text without markup. A
/// pin is found by its question alone.
#[must_use]
pub fn text_of(source: &str, title: &str, heading_path: &[String], text: &str) -> String {
    if source == PIN {
        return title.to_owned();
    }
    let mut out = title.to_owned();
    for heading in heading_path {
        out.push('\n');
        out.push_str(heading);
    }
    out.push('\n');
    out.push_str(&blocks::plain(text));
    out
}

/// Names what a vector is made of.
#[must_use]
pub fn hash_of(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Opens a model that the database knows, and makes sure that it is still the same.
///
/// # Errors
/// When it can't be used.
pub async fn open(embedders: &Embedders, model: &Model) -> Result<InUse, EmbedError> {
    let spec: ModelSpec = model.spec.parse().map_err(EmbedError::Unusable)?;
    let dimensions = usize::try_from(model.dimensions).ok();
    let embedder = embedders.get(&spec, dimensions).await?;
    if embedder.name() != model.name {
        return Err(EmbedError::Unusable(format!(
            "{spec} is {} now, the site's vectors are of {}: put that model's files back, or, if the change is meant, \
             run `deskhand reindex --model {spec}`",
            embedder.name(),
            model.name
        )));
    }
    Ok(InUse {
        id: model.id,
        embedder,
    })
}

/// Opens a model by what it is called, and makes it known to the database.
///
/// # Errors
/// When it can't be used, or the database is away.
pub async fn register(db: &Db, embedders: &Embedders, spec: &ModelSpec) -> Result<InUse, VectorError> {
    let embedder = embedders.get(spec, None).await?;
    let id = models::register(db, embedder.name(), &spec.to_string(), embedder.dimensions()).await?;
    Ok(InUse { id, embedder })
}

/// The models that new passages of the site need vectors of, the one that it is searched by
/// first. A site that has none begins with the configured one.
///
/// # Errors
/// When the model that the site is searched by can't be used, or the database is away.
pub async fn in_use(db: &Db, embedders: &Embedders, site: SiteId) -> Result<Vec<InUse>, VectorError> {
    let mut tx = db.site(site).await?;
    let known = models::of_site(&mut tx).await?;
    drop(tx);
    in_use_of(db, embedders, site, known).await
}

/// The same for what a transaction has just read of the site.
///
/// # Errors
/// When the model that the site is searched by can't be used, or the database is away.
pub async fn in_use_of(
    db: &Db,
    embedders: &Embedders,
    site: SiteId,
    mut known: SiteModels,
) -> Result<Vec<InUse>, VectorError> {
    if known.live.is_none() && known.next.is_none() {
        begin(db, embedders, site).await?;
        let mut tx = db.site(site).await?;
        known = models::of_site(&mut tx).await?;
    }
    let mut out = Vec::new();
    if let Some(live) = &known.live {
        out.push(open(embedders, live).await?);
    }
    if let Some(next) = &known.next {
        // Its own job asks for what is missing, again and again.
        match open(embedders, next).await {
            Ok(next) => out.push(next),
            Err(error) => tracing::warn!(model = next.name, %error, "the next model can't be used yet"),
        }
    }
    Ok(out)
}

/// Lets a site without vectors begin with the configured model, if that can be used. What
/// is searched by words alone meanwhile gets its vectors by a job.
///
/// # Errors
/// When the provider is away for the moment, or the database.
pub async fn begin(db: &Db, embedders: &Embedders, site: SiteId) -> Result<(), VectorError> {
    let Some(spec) = embedders.first_choice() else {
        return Ok(());
    };
    match register(db, embedders, spec).await {
        Ok(model) => {
            change(db, site, model.id).await?;
            Ok(())
        }
        Err(VectorError::Model(error)) if !error.is_transient() => {
            tracing::warn!(%spec, %error, "the site is searched by words alone");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Names the model that the site is to be searched by, and enqueues the building of its
/// vectors; gives the job, if there is anything to build.
///
/// # Errors
/// When the database refuses or is away.
pub async fn change(db: &Db, site: SiteId, model: i32) -> Result<Option<JobId>, DbError> {
    let mut tx = db.site(site).await?;
    let mut building = None;
    if !models::choose(&mut tx, model).await? {
        let job = Job {
            work: Work::Reindex { model },
            key: model.to_string(),
            priority: Priority::Batch,
        };
        building = Some(jobs::enqueue(&mut tx, &job).await?.id);
    }
    tx.commit().await?;
    Ok(building)
}

/// Computes the vectors that are stored nowhere yet for a document's new version. Of more than one
/// batch, all but the last are kept by what they are made of; the last is given back, to be stored
/// with the version itself: a crash costs a document one batch at most. `told` hears the share that is done.
///
/// # Errors
/// When the model or the database fails; what is kept by then stays so.
pub async fn compute(
    db: &Db,
    site: SiteId,
    document: DocumentId,
    model: &InUse,
    texts: &HashMap<String, String>,
    told: &(dyn Fn(f32) + Sync),
) -> Result<Computed, VectorError> {
    let hashes: Vec<String> = texts.keys().cloned().collect();
    let mut tx = db.site(site).await?;
    let mut missing = embeddings::missing(&mut tx, model.id, &hashes).await?;
    drop(tx);
    // By length: packed batches of alike texts.
    missing.sort_by_key(|h| (texts.get(h).map_or(0, String::len), h.clone()));
    let all = missing.len();
    let mut last = Computed::of(model.id);
    for (i, batch) in missing.chunks(BATCH).enumerate() {
        if !last.hashes.is_empty() {
            let mut tx = db.site(site).await?;
            embeddings::keep(&mut tx, document, &last).await?;
            tx.commit().await?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        told((i * BATCH) as f32 / all as f32);
        let of = |h: &String| texts.get(h).cloned().unwrap_or_default();
        last.vectors = model
            .embedder
            .embed(batch.iter().map(of).collect(), Purpose::Passages)
            .await?;
        last.hashes = batch.to_vec();
        fail::point(FailPoint::IngestEmbedded);
    }
    Ok(last)
}
