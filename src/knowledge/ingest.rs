//! Makes a live version of an upload: sniff, extract, chunk, index, and one transaction
//! that swaps it in. Each stage is a function; only the last one changes what a search sees.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::db::pool::{Db, DbError};
use crate::db::uploads::{self, Upload};
use crate::db::versions::{self, Failure, NewChunk, NewVersion, Swapped};
use crate::db::{documents, models, nearest, sites};
use crate::domain::clock::Clock;
use crate::domain::ids::{DocumentId, SiteId, UploadId, VersionId};
use crate::knowledge::base::Knowledge;
use crate::knowledge::chunk::{ChunkLimits, chunk};
use crate::knowledge::embed::{self, VectorError};
use crate::knowledge::extract::Extracted;
use crate::knowledge::extract::reader::{ReadError, Reader};
use crate::knowledge::unfit::Unfit;
use crate::knowledge::{blocks, language, trust};
use crate::models::embedder::{EmbedError, Embedder};
use crate::models::tokens;

/// Rises when other chunks would come out of the same bytes, so that they are taken in anew.
const RECIPE: u32 = 2;
/// How long a file's text may take to be read and cut.
const READING: Duration = Duration::from_secs(60);
/// How often the site's model may change while a version is made.
const SWITCHES: usize = 4;
/// The stack on which foreign parsers recurse. Only what is used of it costs memory.
const STACK: usize = 256 << 20;

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
    /// Finding out what the bytes are.
    Sniff,
    /// Getting at the text.
    Extract,
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
            Self::Sniff => "sniff",
            Self::Extract => "extract",
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

/// Why ingestion failed.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The content can't be taken in; its document's list entry says so too.
    #[error("{0}")]
    Unfit(#[from] Unfit),
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
            Self::Reader(_) => "reader",
            Self::Gone => "gone",
            Self::Vectors(error) => error.code(),
            Self::Db(_) => "database",
        }
    }

    /// Whether the same upload would fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unfit(_) | Self::Gone => true,
            Self::Reader(_) => false,
            Self::Vectors(error) => !error.is_transient(),
            Self::Db(error) => !error.is_transient(),
        }
    }
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
/// no harm. A permanent failure is recorded with the document; what was live stays live.
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
    let mut tx = db.site(site).await?;
    let Some(bytes) = uploads::read(&mut tx, upload, document).await? else {
        return Ok(Ingested {
            version: None,
            title: String::new(),
            lang: String::new(),
            chunks: 0,
            tokens: 0,
        });
    };
    let source = documents::source(&mut tx, document).await?.unwrap_or_default();
    let locale = sites::own(&mut tx).await?.map(|site| site.locale);
    drop(tx);
    let sha256 = bytes.sha256.clone();
    let mut models = embed::in_use(db, &knowledge.embedders, site).await?;
    let given = Given {
        document,
        upload,
        source,
        site_locale: locale,
        limits: knowledge.limits,
        model: models.first().map(|m| Arc::clone(&m.embedder)),
    };
    let (mut version, texts) = match prepare(&knowledge.reader, bytes, given, progress).await {
        Ok(prepared) => prepared,
        Err(IngestError::Unfit(unfit)) => {
            let failure = Failure {
                code: unfit.code(),
                detail: &unfit.to_string(),
                sha256: &sha256,
                recipe: &recipe(knowledge.limits),
            };
            let mut tx = db.site(site).await?;
            versions::fail(&mut tx, clock.now(), document, upload, &failure).await?;
            tx.commit().await?;
            return Err(unfit.into());
        }
        Err(other) => {
            tracing::warn!(error = ?other, "a file couldn't be read");
            return Err(other);
        }
    };
    for _ in 0..SWITCHES {
        progress(Stage::Embed, 0.0);
        version.models.clear();
        for (i, model) in models.iter().enumerate() {
            let told = |share: f32| progress(Stage::Embed, share);
            match embed::compute(db, site, model, &texts, &told).await {
                Ok(()) => version.models.push(model.id),
                // A next model's own job asks again for what is missing.
                Err(error) if i > 0 => {
                    tracing::warn!(%error, "vectors for the next model are left to its job")
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(done) = swap(db, clock, site, &version, progress).await? {
            grown(db, site).await?;
            return Ok(done);
        }
        models = embed::in_use(db, &knowledge.embedders, site).await?;
    }
    Err(IngestError::Vectors(VectorError::Model(EmbedError::Away(
        "the site's model changed again and again meanwhile".to_owned(),
    ))))
}

/// What a site's size asks for: a graph of its vectors once it is large (at that size it
/// takes seconds), and its model measured anew.
async fn grown(db: &Db, site: SiteId) -> Result<(), IngestError> {
    let mut tx = db.site(site).await?;
    let known = models::of_site(&mut tx).await?;
    if known.chunks >= nearest::LARGE {
        for model in known.all().filter(|m| !known.graphs.contains(&m.id)) {
            models::build_graph(&mut tx, model.id).await?;
        }
    }
    trust::enqueue_if_stale(&mut tx, &known).await?;
    tx.commit().await?;
    Ok(())
}

/// What else a version is made of.
struct Given {
    document: DocumentId,
    upload: UploadId,
    source: String,
    site_locale: Option<String>,
    limits: ChunkLimits,
    model: Option<Arc<dyn Embedder>>,
}

/// What vectors are made of, by its hash.
type Texts = HashMap<String, String>;

/// Everything before the transaction but the vectors.
async fn prepare(
    reader: &Reader,
    upload: Upload,
    given: Given,
    progress: Progress<'_>,
) -> Result<(NewVersion, Texts), IngestError> {
    progress(Stage::Sniff, 0.0);
    progress(Stage::Extract, 0.0);
    let extracted = reader.read(&upload.bytes, &upload.name).await?;
    progress(Stage::Chunk, 0.0);
    let named = Named {
        sha256: upload.sha256,
        name: upload.name,
        title: upload.title,
        url: upload.url,
    };
    Ok(apart(move || Ok(index(given, named, extracted))).await?)
}

/// What came with the bytes.
struct Named {
    sha256: Vec<u8>,
    name: String,
    title: Option<String>,
    url: Option<String>,
}

/// What is stored. A chunk is found by the document's title and tags, the headings above
/// it, and its text without markup, each counted once.
fn index(given: Given, named: Named, extracted: Extracted) -> (NewVersion, Texts) {
    let title = named
        .title
        .or_else(|| extracted.title.clone())
        .unwrap_or_else(|| title_of_name(&named.name));
    let chunks = match &given.model {
        Some(model) => {
            let limits = given.limits.within(model.max_tokens(), model.count(&title));
            chunk(&extracted.markdown, limits, &|text| model.count(text))
        }
        None => chunk(&extracted.markdown, given.limits, &tokens::count),
    };
    let tags = extracted.tags.clone();
    let declared = [extracted.lang.as_deref(), given.site_locale.as_deref()];
    let lang = language::detect(&blocks::plain(&extracted.markdown), &declared);
    let mut texts = Texts::new();
    let chunks = chunks
        .into_iter()
        .map(|c| {
            let above = c.heading_path.join("\n");
            let index_text = [&title, &tags.join("\n"), &above, &blocks::plain(&c.text)]
                .map(String::as_str)
                .join("\n");
            let embedded = embed::text_of(&given.source, &title, &c.heading_path, &c.text);
            let hash = embed::hash_of(&embedded);
            texts.insert(hash.clone(), embedded);
            NewChunk {
                hash,
                heading_path: c.heading_path,
                anchor: c.anchor,
                page: extracted
                    .page_at(c.start)
                    .and_then(|page| i32::try_from(page).ok()),
                index_text,
                text: c.text,
                tokens: i32::try_from(c.tokens).unwrap_or(i32::MAX),
            }
        })
        .collect();
    let version = NewVersion {
        document: given.document,
        upload: given.upload,
        sha256: named.sha256,
        recipe: recipe(given.limits),
        title,
        url: named.url.or(extracted.url),
        tags,
        lang: lang.to_owned(),
        markdown: extracted.markdown,
        chunks,
        models: Vec::new(),
    };
    (version, texts)
}

/// `late-or-lost_parcels.md` is about "Late or lost parcels".
fn title_of_name(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let words = stem.replace(['-', '_'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => name.to_owned(),
    }
}

/// The one transaction that makes it live; none when the site's model has changed since the
/// vectors were computed.
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

/// Runs foreign parsers on a thread of their own: a panic and a time limit end there, and
/// deep recursion finds room.
async fn apart<T, F>(work: F) -> Result<T, Unfit>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Unfit> + Send + 'static,
{
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("extract".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody listens after the time limit. A panic drops the sender.
            let _ = tell.send(work());
        })
        .map_err(|_| Unfit::Corrupt)?;
    match tokio::time::timeout(READING, told).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Unfit::Corrupt),
        Err(_) => Err(Unfit::TooSlow {
            seconds: READING.as_secs(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_title_is_called_by_its_name() {
        assert_eq!(
            title_of_name("kb/late-or-lost_parcels.md"),
            "Late or lost parcels"
        );
        assert_eq!(title_of_name("README"), "README");
        assert_eq!(title_of_name(".md"), ".md");
    }

    #[tokio::test]
    async fn a_parser_that_panics_is_a_broken_file() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let result: Result<(), Unfit> = apart(|| panic!("parser")).await;
        std::panic::set_hook(hook);
        assert_eq!(result, Err(Unfit::Corrupt));
    }
}
