//! Makes a live version of an upload: fetch, sniff, scan, extract, normalise, chunk, embed,
//! and one transaction that swaps it in. Only that one changes what a search sees.

mod source;
mod version;

use std::sync::Arc;

use self::source::{Got, Known};
use self::version::Given;
use crate::db::models::{Model, SiteModels};
use crate::db::pool::{Db, DbError};
use crate::db::uploads::{Content, Waiting};
use crate::db::versions::{self, Failure, NewVersion, Swapped};
use crate::db::{documents, fetched, models, nearest, uploads, withdrawal};
use crate::domain::clock::Clock;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{DocumentId, SiteId, UploadId, VersionId};
use crate::knowledge::accept::{self, Named};
use crate::knowledge::base::Knowledge;
use crate::knowledge::chunk::ChunkLimits;
use crate::knowledge::embed::{self, VectorError};
use crate::knowledge::extract::reader::ReadError;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::{FetchError, Reason};
use crate::knowledge::scan::ScanError;
use crate::knowledge::trust;
use crate::knowledge::unfit::Unfit;
use crate::models::embedder::EmbedError;

/// Rises when other chunks would come out of the same bytes, so that they are taken in anew.
const RECIPE: u32 = 6;
/// How often the site's model may change while a version is made.
const SWITCHES: usize = 4;
/// Under which rules contents are extracted and cut.
#[must_use]
pub fn recipe(limits: ChunkLimits) -> String {
    format!(
        "{RECIPE}:{}:{}:{}",
        limits.max_tokens, limits.overlap, limits.join_to
    )
}

/// Where ingestion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Getting the content from where it is.
    Fetch,
    /// Finding out what the bytes are.
    Sniff,
    /// Looking for malware, where a scanner is configured.
    Scan,
    /// Getting at the text.
    Extract,
    /// Finding its title, tags and language.
    Normalise,
    /// Cutting it into passages.
    Chunk,
    /// Computing vectors.
    Embed,
    /// Storing it and making it live.
    Swap,
}

impl Stage {
    /// The name in a job's progress.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Sniff => "sniff",
            Self::Scan => "scan",
            Self::Extract => "extract",
            Self::Normalise => "normalise",
            Self::Chunk => "chunk",
            Self::Embed => "embed",
            Self::Swap => "swap",
        }
    }
}

/// What ingestion did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested {
    /// The version that is live now; none when there was nothing to do, since the upload
    /// has gone live before or a newer one took its place.
    pub version: Option<VersionId>,
    /// The document's title.
    pub title: String,
    /// Its text search configuration.
    pub lang: String,
    /// How many chunks.
    pub chunks: usize,
    /// How many tokens they are.
    pub tokens: usize,
}

impl Ingested {
    fn nothing() -> Self {
        Self {
            version: None,
            title: String::new(),
            lang: String::new(),
            chunks: 0,
            tokens: 0,
        }
    }
}

/// Why ingestion failed.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The content can't be taken in; its document's list entry says so too.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// It couldn't be fetched.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// A virus was found in it, or the scanner is away.
    #[error("{0}")]
    Scan(#[from] ScanError),
    /// This process fetches nothing; another one may.
    #[error("The file couldn't be fetched just now.")]
    NoFetcher,
    /// The process that reads files; the next may do.
    #[error("The file couldn't be read just now.")]
    Reader(String),
    /// The document was deleted meanwhile.
    #[error("The document was deleted before it could be taken in.")]
    Gone,
    /// Its passages' vectors couldn't be made.
    #[error("{0}")]
    Vectors(VectorError),
    /// The database; the sentence is for people, the cause for the log.
    #[error("The knowledge base couldn't be written to.")]
    Db(#[from] DbError),
}

impl From<VectorError> for IngestError {
    fn from(error: VectorError) -> Self {
        match error {
            VectorError::Db(error) => Self::Db(error),
            VectorError::Model(_) => Self::Vectors(error),
        }
    }
}

impl IngestError {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfit(unfit) => unfit.code(),
            Self::Fetch(error) => error.code(),
            Self::Scan(error) => error.code(),
            Self::NoFetcher => "no_fetcher",
            Self::Reader(_) => "reader",
            Self::Gone => "gone",
            Self::Vectors(error) => error.code(),
            Self::Db(_) => "database",
        }
    }

    fn standing(&self) -> Standing {
        match self {
            Self::Fetch(error) if error.is_gone() => Standing::Ended,
            Self::Fetch(error) if error.is_not_public() => Standing::Withdrawn,
            Self::Fetch(FetchError {
                reason: Reason::Mistyped(_),
                ..
            }) => Standing::Withdrawn,
            Self::Unfit(unfit) if unfit.is_another_thing() => Standing::Withdrawn,
            _ => Standing::Stays,
        }
    }

    /// Whether the same upload would fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unfit(_) | Self::Gone => true,
            Self::Fetch(error) => error.is_permanent(),
            Self::Scan(error) => error.is_permanent(),
            Self::NoFetcher | Self::Reader(_) => false,
            Self::Vectors(error) => !error.is_transient(),
            Self::Db(error) => !error.is_transient(),
        }
    }
}

/// What a failure means for the version that is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It stays: what is at the origin may well be right again, or mended.
    Stays,
    /// Nobody may be answered from it any more: the origin doesn't show it to everybody, or has
    /// something else in its place. The document stays, for its owner to read why.
    Withdrawn,
    /// Its origin says that it isn't there any more.
    Ended,
}

impl From<ReadError> for IngestError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unfit(unfit) => Self::Unfit(unfit),
            ReadError::Process(why) => Self::Reader(why),
        }
    }
}

/// Told now and then where ingestion is, and how far the stage has come, 0 to 1.
pub type Progress<'a> = &'a (dyn Fn(Stage, f32) + Sync);

/// Makes an upload its document's live version. Running it again for the same upload does
/// no harm. A permanent failure is recorded with the document; what was live stays live, unless
/// the failure says that its origin has ended it: see [`give_up`].
///
/// # Errors
/// See [`IngestError`].
pub async fn ingest(
    db: &Db,
    clock: &dyn Clock,
    knowledge: &Knowledge,
    site: SiteId,
    upload: UploadId,
    document: DocumentId,
    progress: Progress<'_>,
) -> Result<Ingested, IngestError> {
    let done = make(db, clock, knowledge, site, upload, document, progress).await;
    if let Err(error) = &done
        && error.is_permanent()
    {
        give_up(db, clock, knowledge, site, document, Some(upload), error).await?;
    }
    done
}

/// Records with a document why its newest content isn't taken in, for its owner to read. What is
/// live stays live, unless its origin doesn't show it any more, or has something else in its place.
///
/// # Errors
/// When the database refuses or is away.
pub async fn give_up(
    db: &Db,
    clock: &dyn Clock,
    knowledge: &Knowledge,
    site: SiteId,
    document: DocumentId,
    upload: Option<UploadId>,
    error: &IngestError,
) -> Result<(), DbError> {
    let failure = Failure {
        code: error.code(),
        detail: &error.to_string(),
        sha256: None,
        recipe: &recipe(knowledge.limits),
    };
    let now = clock.now();
    let mut tx = db.site(site).await?;
    match error.standing() {
        Standing::Stays => versions::fail(&mut tx, now, document, upload, &failure).await?,
        Standing::Withdrawn => withdrawal::withdraw(&mut tx, now, document, upload, &failure).await?,
        Standing::Ended => withdrawal::end(&mut tx, now, document, upload, &failure).await?,
    }
    tx.commit().await
}

async fn make(
    db: &Db,
    clock: &dyn Clock,
    knowledge: &Knowledge,
    site: SiteId,
    upload: UploadId,
    document: DocumentId,
    progress: Progress<'_>,
) -> Result<Ingested, IngestError> {
    let mut tx = db.site(site).await?;
    let Some(Waiting {
        upload: waiting,
        source,
        locale,
    }) = uploads::read(&mut tx, upload, document).await?
    else {
        return Ok(Ingested::nothing());
    };
    let (mut allowed, mut known) = (AllowList::default(), None);
    if let Content::Fetch(_) = waiting.content {
        allowed = AllowList::of_site(&mut tx).await?;
        let live = documents::live(&mut tx, document).await?;
        let told = fetched::get(&mut tx, document).await?;
        known = live.zip(told).map(|(live, fetched)| Known { live, fetched });
    }
    let of_site = models::of_site(&mut tx).await?;
    drop(tx);
    let mut told = None;
    let named = match source::get(knowledge, &allowed, known.as_ref(), waiting, progress).await? {
        Got::Given(named) => named,
        Got::Unchanged(named) => {
            if unchanged(db, knowledge, site, upload, document, &named, None).await? {
                return Ok(Ingested::nothing());
            }
            // Another content went live meanwhile: this one is needed after all.
            let mut tx = db.site(site).await?;
            let Some(waiting) = uploads::read(&mut tx, upload, document).await? else {
                return Ok(Ingested::nothing());
            };
            drop(tx);
            match source::get(knowledge, &allowed, None, waiting.upload, progress).await? {
                Got::Given(named) | Got::Fetched(named, ..) | Got::Unchanged(named) => named,
            }
        }
        Got::Fetched(named, url, validators) => {
            fail::point(FailPoint::IngestFetched);
            told = Some(fetched::Fetched {
                url,
                etag: validators.etag.clone(),
                last_modified: validators.last_modified.clone(),
                sha256: hex::encode(&named.sha256),
            })
            .filter(|_| !validators.is_empty());
            if unchanged(db, knowledge, site, upload, document, &named, told.as_ref()).await? {
                return Ok(Ingested::nothing());
            }
            named
        }
    };
    // Should they change meanwhile, the swap says so.
    let size = (of_site.chunks, of_site.graphs.clone());
    let mut models = embed::in_use_of(db, &knowledge.embedders, site, of_site).await?;
    let given = Given {
        document,
        upload,
        source,
        site_locale: locale,
        limits: knowledge.limits,
        model: models.first().map(|m| Arc::clone(&m.embedder)),
    };
    let (mut version, texts) = version::prepare(knowledge, named, given, progress).await?;
    version.fetched = told;
    for _ in 0..SWITCHES {
        progress(Stage::Embed, 0.0);
        version.models.clear();
        for (i, model) in models.iter().enumerate() {
            let told = |share: f32| progress(Stage::Embed, share);
            match embed::compute(db, site, document, model, &texts, &told).await {
                Ok(computed) => version.models.push(computed),
                // A next model's own job asks again for what is missing.
                Err(error) if i > 0 => {
                    tracing::warn!(%error, "vectors for the next model are left to its job")
                }
                Err(error) => return Err(error.into()),
            }
        }
        fail::point(FailPoint::IngestBeforeSwap);
        if let Some(done) = swap(db, clock, site, &version, progress).await? {
            fail::point(FailPoint::IngestSwapped);
            let (chunks, graphed) = &size;
            let large = chunks.saturating_add(count(done.chunks)) >= nearest::LARGE;
            if large && done.version.is_some() && models.iter().any(|m| !graphed.contains(&m.id)) {
                graphs(db, site).await?;
            }
            return Ok(done);
        }
        models = embed::in_use(db, &knowledge.embedders, site).await?;
    }
    Err(IngestError::Vectors(VectorError::Model(EmbedError::Away(
        "the site's model changed again and again meanwhile".to_owned(),
    ))))
}

/// Whether what was fetched is what is live already; then it waits no longer. `told`: how the
/// server tells it from others.
async fn unchanged(
    db: &Db,
    knowledge: &Knowledge,
    site: SiteId,
    upload: UploadId,
    document: DocumentId,
    named: &Named,
    told: Option<&fetched::Fetched>,
) -> Result<bool, IngestError> {
    let mut tx = db.site(site).await?;
    if !documents::lock(&mut tx, document).await? {
        return Err(IngestError::Gone);
    }
    let live = documents::live(&mut tx, document).await?;
    let same = live.is_some_and(|live| accept::is_same(&live, named, knowledge.limits));
    if same {
        uploads::take(&mut tx, upload, document).await?;
        versions::forget_failure(&mut tx, document).await?;
        if told.is_some() {
            fetched::set(&mut tx, document, told).await?;
        }
        tx.commit().await?;
    }
    Ok(same)
}

/// Gives a site that has grown large a graph of each model's vectors that lacks one; at that size
/// it takes seconds.
async fn graphs(db: &Db, site: SiteId) -> Result<(), IngestError> {
    let mut tx = db.site(site).await?;
    let known = models::of_site(&mut tx).await?;
    for model in known.all().filter(|m| lacks_graph(&known, m)) {
        models::build_graph(&mut tx, model.id).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn lacks_graph(known: &SiteModels, model: &Model) -> bool {
    known.chunks >= nearest::LARGE && !known.graphs.contains(&model.id)
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The one transaction that makes it live, and has the site's model measured anew where its size
/// asks for that. None when the site's model has changed since the vectors were computed.
async fn swap(
    db: &Db,
    clock: &dyn Clock,
    site: SiteId,
    version: &NewVersion,
    progress: Progress<'_>,
) -> Result<Option<Ingested>, IngestError> {
    progress(Stage::Swap, 0.0);
    let mut tx = db.site(site).await?;
    let swapped = versions::swap(&mut tx, clock.now(), version).await?;
    let id = match swapped {
        Swapped::Live(id) => Some(id),
        Swapped::Superseded => None,
        Swapped::Gone => return Err(IngestError::Gone),
        Swapped::ModelChanged => return Ok(None),
    };
    if id.is_some() {
        // The first is the one that the site is searched by, or the swap had refused it.
        if let Some(live) = version.models.first() {
            trust::enqueue_if_stale(&mut tx, live.model).await?;
        }
    }
    tx.commit().await?;
    progress(Stage::Swap, 1.0);
    Ok(Some(Ingested {
        version: id,
        tokens: version
            .chunks
            .iter()
            .map(|c| usize::try_from(c.tokens).unwrap_or(0))
            .sum(),
        chunks: version.chunks.len(),
        title: version.title.clone(),
        lang: version.lang.clone(),
    }))
}
