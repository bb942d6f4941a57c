//! Takes content in: finds or makes its document and stores the bytes for ingestion,
//! unless the live version already has them.

use sha2::{Digest, Sha256};

use crate::db::documents;
use crate::db::documents::Live;
use crate::db::pool::{DbResult, SiteTx};
use crate::db::uploads::{self, Upload};
use crate::domain::document::{Accepted, NewUpload};
use crate::knowledge::chunk::ChunkLimits;
use crate::knowledge::ingest;

/// The longest title and URL, in characters, as the tables have it.
const TITLE: usize = 500;
const URL: usize = 2000;

/// Stores what is to be ingested, under the limits that it will be cut by. Commit it together with the job that does so.
///
/// # Errors
/// When the database refuses (bytes over the limit, a source or name out of bounds) or is away.
pub async fn accept(tx: &mut SiteTx, new: NewUpload, limits: ChunkLimits) -> DbResult<Accepted> {
    let sha256 = Sha256::digest(&new.bytes).to_vec();
    let title = new.title.map(|t| t.chars().take(TITLE).collect::<String>());
    let url = new.url.filter(|u| u.chars().count() <= URL);
    let name: String = new.name.chars().take(TITLE).collect();
    let shown = title.as_deref().unwrap_or(&name);
    let claimed = documents::claim(tx, &new.source, &new.external_id, shown).await?;
    let same = |live: &Live| {
        live.sha256 == sha256
            && live.recipe == ingest::recipe(limits)
            && title.as_ref().is_none_or(|t| *t == live.title)
            && url.as_ref().is_none_or(|u| Some(u) == live.url.as_ref())
    };
    if claimed.live.as_ref().is_some_and(same) {
        // What waits is older than this, which is live.
        uploads::forget(tx, claimed.id).await?;
        return Ok(Accepted {
            document: claimed.id,
            upload: None,
        });
    }
    let upload = Upload {
        name,
        title,
        url,
        bytes: new.bytes,
        sha256,
    };
    let upload = uploads::put(tx, claimed.id, &upload).await?;
    Ok(Accepted {
        document: claimed.id,
        upload: Some(upload),
    })
}
