//! Documents of a case: taken in on its own site, as `deskhand ingest` does it.

use std::path::Path;

use crate::agent::Agent;
use crate::domain::document::NewUpload;
use crate::domain::ids::SiteId;
use crate::knowledge::accept::accept;
use crate::knowledge::ingest::ingest;

/// Takes a document in on the conversation's own site.
///
/// # Errors
/// In a sentence: when it can't be read or taken in.
pub(super) async fn take_in(agent: &Agent, site: SiteId, path: &Path) -> Result<(), String> {
    let bytes = tokio::fs::read(path).await.map_err(|e| e.to_string())?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let new = NewUpload {
        source: "file".to_owned(),
        external_id: name.clone(),
        url: Some(format!("/kb/{stem}")),
        name,
        bytes,
        title: None,
    };
    let knowledge = agent.knowledge.as_ref();
    let mut tx = agent.db.site(site).await.map_err(|e| e.to_string())?;
    let accepted = accept(&mut tx, new, knowledge.limits)
        .await
        .map_err(|e| e.to_string())?;
    tx.commit().await.map_err(|e| e.to_string())?;
    if let Some(upload) = accepted.upload {
        let (db, clock, document) = (&agent.db, agent.clock.as_ref(), accepted.document);
        ingest(db, clock, knowledge, site, upload, document, &|_, _| {})
            .await
            .map_err(|e| e.to_string())?;
    }
    Ok(())
}
