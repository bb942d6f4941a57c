//! Where a content comes from: it is here already, or it is fetched from the site's own
//! origins.

use super::{IngestError, Progress, Stage};
use crate::db::uploads::{Content, Upload};
use crate::knowledge::accept::Named;
use crate::knowledge::base::Knowledge;
use crate::knowledge::fetch::allow::AllowList;
use crate::knowledge::fetch::error::{FetchError, Reason};

/// A content.
pub(super) enum Got {
    /// It came with the upload.
    Given(Named),
    /// It was fetched just now.
    Fetched(Named),
}

/// Gets an upload's content.
///
/// # Errors
/// When it can't be fetched.
pub(super) async fn get(
    knowledge: &Knowledge,
    allowed: &AllowList,
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
    let fetched = fetcher.get(&address, allowed).await?;
    let sha256 = fetched.body.sha256.to_vec();
    let bytes = fetched.body.read().await.map_err(|error| {
        tracing::error!(%error, "what was fetched can't be read from disk");
        FetchError::from(Reason::Disk)
    })?;
    progress(Stage::Fetch, 1.0);
    Ok(Got::Fetched(named(bytes, sha256)))
}
