//! Makes a live version of an upload: sniff, extract, chunk, index, and one transaction
//! that swaps it in. Each stage is a function; only the last one changes what a search sees.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::db::pool::{Db, DbError};
use crate::db::sites;
use crate::db::uploads::{self, Upload};
use crate::db::versions::{self, Failure, NewChunk, NewVersion, Swapped};
use crate::domain::clock::Clock;
use crate::domain::ids::{DocumentId, SiteId, UploadId, VersionId};
use crate::knowledge::chunk::{Chunk, ChunkLimits, chunk};
use crate::knowledge::extract::Extracted;
use crate::knowledge::extract::reader::{ReadError, Reader};
use crate::knowledge::unfit::Unfit;
use crate::knowledge::{blocks, language};

/// Rises when other chunks would come out of the same bytes, so that they are taken in anew.
const RECIPE: u32 = 2;
/// How long a file's text may take to be read and cut.
const READING: Duration = Duration::from_secs(60);
/// The stack on which foreign parsers recurse. Only what is used of it costs memory.
const STACK: usize = 256 << 20;

/// Under which rules contents are extracted and cut.
#[must_use]
pub fn recipe() -> String {
    let limits = ChunkLimits::default();
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
    /// Preparing what is searched.
    Index,
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
            Self::Index => "index",
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
    /// The database; the sentence is for people, the cause for the log.
    #[error("The knowledge base couldn't be written to.")]
    Db(#[from] DbError),
}

impl IngestError {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfit(unfit) => unfit.code(),
            Self::Reader(_) => "reader",
            Self::Gone => "gone",
            Self::Db(_) => "database",
        }
    }

    /// Whether the same upload would fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Unfit(_) | Self::Gone => true,
            Self::Reader(_) => false,
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
    reader: &Reader,
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
    let locale = sites::own(&mut tx).await?.map(|site| site.locale);
    drop(tx);
    let sha256 = bytes.sha256.clone();
    match prepare(reader, bytes, locale, document, upload, progress).await {
        Ok(version) => swap(db, clock, site, version, progress).await,
        Err(IngestError::Unfit(unfit)) => {
            let failure = Failure {
                code: unfit.code(),
                detail: &unfit.to_string(),
                sha256: &sha256,
                recipe: &recipe(),
            };
            let mut tx = db.site(site).await?;
            versions::fail(&mut tx, clock.now(), document, upload, &failure).await?;
            tx.commit().await?;
            Err(unfit.into())
        }
        Err(other) => {
            tracing::warn!(error = ?other, "a file couldn't be read");
            Err(other)
        }
    }
}

/// Everything before the transaction.
async fn prepare(
    reader: &Reader,
    upload: Upload,
    locale: Option<String>,
    document: DocumentId,
    id: UploadId,
    progress: Progress<'_>,
) -> Result<NewVersion, IngestError> {
    progress(Stage::Sniff, 0.0);
    progress(Stage::Extract, 0.0);
    let extracted = reader.read(&upload.bytes, &upload.name).await?;
    progress(Stage::Chunk, 0.0);
    let (extracted, chunks) = apart(move || Ok(cut(extracted))).await?;
    progress(Stage::Index, 0.0);
    let named = Named {
        name: upload.name,
        title: upload.title,
        url: upload.url,
        site_locale: locale,
    };
    let version = apart(move || Ok(index(document, id, upload.sha256, named, extracted, chunks))).await?;
    Ok(version)
}

fn cut(extracted: Extracted) -> (Extracted, Vec<Chunk>) {
    let chunks = chunk(&extracted.markdown, ChunkLimits::default());
    (extracted, chunks)
}

/// What came with the bytes.
struct Named {
    name: String,
    title: Option<String>,
    url: Option<String>,
    site_locale: Option<String>,
}

/// What is stored. A chunk is found by the document's title and tags, the headings above
/// it, and its text without markup, each counted once.
fn index(
    document: DocumentId,
    upload: UploadId,
    sha256: Vec<u8>,
    named: Named,
    extracted: Extracted,
    chunks: Vec<Chunk>,
) -> NewVersion {
    let title = named
        .title
        .or(extracted.title)
        .unwrap_or_else(|| title_of_name(&named.name));
    let tags = extracted.tags;
    let declared = [extracted.lang.as_deref(), named.site_locale.as_deref()];
    let lang = language::detect(&blocks::plain(&extracted.markdown), &declared);
    let chunks = chunks
        .into_iter()
        .map(|c| {
            let above = c.heading_path.join("\n");
            let index_text = [&title, &tags.join("\n"), &above, &blocks::plain(&c.text)]
                .map(String::as_str)
                .join("\n");
            NewChunk {
                hash: hex::encode(Sha256::digest(format!("{title}\n{above}\n\n{}", c.text))),
                heading_path: c.heading_path,
                anchor: c.anchor,
                page: None,
                index_text,
                text: c.text,
                tokens: i32::try_from(c.tokens).unwrap_or(i32::MAX),
            }
        })
        .collect();
    NewVersion {
        document,
        upload,
        sha256,
        recipe: recipe(),
        title,
        url: named.url.or(extracted.url),
        tags,
        lang: lang.to_owned(),
        markdown: extracted.markdown,
        chunks,
    }
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

/// The one transaction that makes it live.
async fn swap(
    db: &Db,
    clock: &dyn Clock,
    site: SiteId,
    version: NewVersion,
    progress: Progress<'_>,
) -> Result<Ingested, IngestError> {
    progress(Stage::Swap, 0.0);
    let mut tx = db.site(site).await?;
    let swapped = versions::swap(&mut tx, clock.now(), &version).await?;
    let id = match swapped {
        Swapped::Live(id) => Some(id),
        Swapped::Superseded => None,
        Swapped::Gone => return Err(IngestError::Gone),
    };
    tx.commit().await?;
    progress(Stage::Swap, 1.0);
    Ok(Ingested {
        version: id,
        tokens: version
            .chunks
            .iter()
            .map(|c| usize::try_from(c.tokens).unwrap_or(0))
            .sum(),
        chunks: version.chunks.len(),
        title: version.title,
        lang: version.lang,
    })
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
