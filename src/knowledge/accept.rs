//! Takes content in: finds or makes its document and stores the bytes for ingestion,
//! unless the live version already has them.

use std::collections::{BTreeSet, HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::db::documents::{self, Claimed, Live};
use crate::db::pool::{DbResult, SiteTx};
use crate::db::uploads::{self, Content, Labels, Upload};
use crate::db::{unchanged, versions};
use crate::domain::document::{Accepted, NewUpload};
use crate::domain::ids::{DocumentId, UploadId};
use crate::knowledge::chunk::ChunkLimits;
use crate::knowledge::ingest;

/// The longest title and URL, in characters, as the tables have it.
const TITLE: usize = 500;
const URL: usize = 2000;

/// A content, and what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The content.
    pub bytes: Vec<u8>,
    /// Of the content.
    pub sha256: Vec<u8>,
    /// A file name or the like.
    pub name: String,
    /// The title that was given, if any.
    pub title: Option<String>,
    /// The URL that was given, if any.
    pub url: Option<String>,
    /// How its origin files it.
    pub labels: Labels,
}

/// Whether what is live was made of this, under the same rules.
#[must_use]
pub fn is_same(live: &Live, new: &Named, limits: ChunkLimits) -> bool {
    live.sha256.as_ref() == Some(&new.sha256)
        && live.recipe == ingest::recipe(limits)
        && new.title.as_ref().is_none_or(|t| *t == live.title)
        && new.url.as_ref().is_none_or(|u| Some(u) == live.url.as_ref())
        && new.labels.tags == live.given_tags
        && new.labels.channels.as_ref().is_none_or(|c| *c == live.channels)
}

/// Which of these are live as they are, by their places; what waits for their documents, and what failed, is
/// older and goes. One look for all of them: most of a folder that is taken in again is as it was.
///
/// # Errors
/// When the database refuses or is away.
pub async fn unchanged(tx: &mut SiteTx, new: &[NewUpload], limits: ChunkLimits) -> DbResult<HashSet<usize>> {
    let (mut places, mut documents) = (HashSet::new(), Vec::new());
    let sources: BTreeSet<&str> = new.iter().map(|n| n.source.as_str()).collect();
    for source in sources {
        let of_source = || new.iter().enumerate().filter(|(_, n)| n.source == source);
        let names: Vec<String> = of_source().map(|(_, n)| n.external_id.clone()).collect();
        let known: HashMap<_, _> = unchanged::known(tx, source, &names).await?.into_iter().collect();
        for (place, one) in of_source() {
            if let Some(Claimed { id, live: Some(live) }) = known.get(&one.external_id)
                && is_same(live, &named(one), limits)
            {
                places.insert(place);
                documents.push(*id);
            }
        }
    }
    if !documents.is_empty() {
        unchanged::settle(tx, &documents).await?;
    }
    Ok(places)
}

/// A content as it is stored, but for its bytes.
fn named(new: &NewUpload) -> Named {
    Named {
        sha256: Sha256::digest(&new.bytes).to_vec(),
        bytes: Vec::new(),
        name: new.name.chars().take(TITLE).collect(),
        title: new.title.as_ref().map(|t| t.chars().take(TITLE).collect()),
        url: new.url.clone().filter(|u| u.chars().count() <= URL),
        labels: Labels::default(),
    }
}

/// Stores what is to be ingested, under the limits that it will be cut by. Commit it together with the job that does so.
///
/// # Errors
/// When the database refuses (bytes over the limit, a source or name out of bounds) or is away.
pub async fn accept(tx: &mut SiteTx, new: NewUpload, limits: ChunkLimits) -> DbResult<Accepted> {
    let mut named = named(&new);
    let shown = named.title.as_deref().unwrap_or(&named.name);
    let claimed = documents::claim(tx, &new.source, &new.external_id, shown).await?;
    named.bytes = new.bytes;
    Ok(Accepted {
        document: claimed.id,
        upload: store(tx, claimed.id, claimed.live.as_ref(), named, limits).await?,
    })
}

/// Stores a document's new content for ingestion; none when it is the live one. The document must
/// be locked.
///
/// # Errors
/// When the database refuses or is away.
pub async fn store(
    tx: &mut SiteTx,
    document: DocumentId,
    live: Option<&Live>,
    named: Named,
    limits: ChunkLimits,
) -> DbResult<Option<UploadId>> {
    if live.is_some_and(|live| is_same(live, &named, limits)) {
        // What waits is older than this, which is live; and so is what failed.
        uploads::forget(tx, document).await?;
        versions::forget_failure(tx, document).await?;
        return Ok(None);
    }
    let upload = Upload {
        name: named.name,
        title: named.title,
        url: named.url,
        content: Content::Bytes {
            bytes: named.bytes,
            sha256: named.sha256,
        },
        labels: named.labels,
    };
    Ok(Some(uploads::put(tx, document, &upload).await?))
}
