//! Where a content comes from: it is here already, or it is fetched from the site's own
//! origins.

use super::{IngestError, Progress, Stage};
use crate::db::documents::Live;
use crate::db::fetched;
use crate::db::uploads::{Content, Upload};
use crate::knowledge::accept::{self, Named};
use crate::knowledge::base::Knowledge;
use crate::knowledge::chunk::ChunkLimits;
use crate::knowledge::crawl::shown;
use crate::knowledge::fetch::Fetched;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::{FetchError, Reason};
use crate::knowledge::fetch::validators::Validators;
use crate::knowledge::unfit::Unfit;

/// A content.
pub(super) enum Got {
    /// It came with the upload.
    Given(Named),
    /// It was fetched just now, from this address; the server tells its version so.
    Fetched(Named, String, Validators),
    /// The server says that it is the one that is live.
    Unchanged(Named),
}

/// The live content, and how the server told it from others.
pub(super) struct Known {
    pub live: Live,
    pub fetched: fetched::Fetched,
}

impl Known {
    /// What to ask the server with, if what it has would be the live content if it hasn't changed.
    fn validators(&self, address: &str, named: &Named, limits: ChunkLimits) -> Option<Validators> {
        let same = self.fetched.url == address
            && self.live.sha256.as_ref().map(hex::encode).as_ref() == Some(&self.fetched.sha256)
            && accept::is_same(&self.live, named, limits);
        same.then(|| Validators {
            etag: self.fetched.etag.clone(),
            last_modified: self.fetched.last_modified.clone(),
        })
    }
}

/// Gets an upload's content.
///
/// # Errors
/// When it can't be fetched.
pub(super) async fn get(
    knowledge: &Knowledge,
    allowed: &AllowList,
    known: Option<&Known>,
    upload: Upload,
    progress: Progress<'_>,
) -> Result<Got, IngestError> {
    let Upload {
        name,
        title,
        url,
        content,
        labels,
    } = upload;
    let named = |bytes, sha256| Named {
        bytes,
        sha256,
        name,
        title,
        url,
        labels,
    };
    let address = match content {
        Content::Bytes { bytes, sha256 } => return Ok(Got::Given(named(bytes, sha256))),
        Content::Fetch(address) => address,
    };
    progress(Stage::Fetch, 0.0);
    let fetcher = knowledge.fetcher.as_ref().ok_or(IngestError::NoFetcher)?;
    let live = known.and_then(|k| Some((k, k.live.sha256.clone()?)));
    if let Some((known, sha256)) = live {
        let as_it_was = named.clone()(Vec::new(), sha256);
        if let Some(validators) = known.validators(&address, &as_it_was, knowledge.limits) {
            let got = fetcher.get_if_changed(&address, allowed, &validators).await?;
            let Some(fetched) = got else {
                progress(Stage::Fetch, 1.0);
                return Ok(Got::Unchanged(as_it_was));
            };
            return taken(fetched, address, named, progress).await;
        }
    }
    let fetched = fetcher.get(&address, allowed).await?;
    taken(fetched, address, named, progress).await
}

/// What was fetched.
async fn taken(
    fetched: Fetched,
    address: String,
    named: impl FnOnce(Vec<u8>, Vec<u8>) -> Named,
    progress: Progress<'_>,
) -> Result<Got, IngestError> {
    let Fetched {
        body,
        validators,
        headers,
        final_url,
        ..
    } = fetched;
    let sha256 = body.sha256.to_vec();
    let bytes = body.read().await.map_err(|error| {
        tracing::error!(%error, "what was fetched can't be read from disk");
        FetchError::from(Reason::Disk)
    })?;
    let named = named(bytes, sha256);
    // Looking takes a moment for long ones, and a flaw in it must end no more than this one.
    let looked = tokio::task::spawn_blocking(move || {
        let told = shown::is_for_all(&address, &final_url, &named.name, &headers, &named.bytes);
        told.map(|()| (named, address))
    });
    let (named, address) = looked.await.map_err(|_| Unfit::Corrupt)??;
    progress(Stage::Fetch, 1.0);
    Ok(Got::Fetched(named, address, validators))
}
