//! Background work as the rest of the house sees it: what to do, under which key,
//! how urgent. `db::jobs::enqueue` stores one in the transaction of the change that
//! causes it; `jobs/` runs it.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{DocumentId, UploadId};

/// How urgent a job is; a lower number goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Priority {
    /// A person waits for it.
    High = 0,
    /// The default.
    Standard = 1,
    /// Bulk work.
    Batch = 2,
}

/// What a job does, with its arguments. The tag is the `kind` column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "args", rename_all = "snake_case")]
pub enum Work {
    /// Turn an upload into a document's new version and swap it in.
    IngestDocument {
        /// The bytes.
        upload: UploadId,
        /// The document that they are the new content of.
        document: DocumentId,
    },
    /// Delete what nobody needs any more: spent nonces, finished jobs, stale uploads.
    Prune,
}

impl Work {
    /// The name in the `kind` column, in logs and in `deskhand jobs`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::IngestDocument { .. } => "ingest_document",
            Self::Prune => "prune",
        }
    }
}

/// A job to enqueue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What to do.
    pub work: Work,
    /// At most one live job (waiting or running) has this key for its kind; a second
    /// enqueue gives the first one's id.
    pub key: String,
    /// How urgent.
    pub priority: Priority,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time and a free worker.
    Waiting,
    /// A worker holds its lease.
    Running,
    /// Done.
    Done,
    /// Failed for good: the dead-letter list.
    Dead,
}
