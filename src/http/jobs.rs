//! Background jobs of a site, for whoever enqueued them: where one stands and why it failed.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use uuid::Uuid;

use super::auth::ApiKey;
use super::documents::Failure;
use super::error::{Code, Problem, ProblemBody};
use super::state::App;
use crate::db::inbound;
use crate::db::jobs::{self, QueueError};
use crate::domain::ids::JobId;
use crate::domain::job::JobState;

/// A job.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Job {
    /// Its id.
    id: Uuid,
    /// What it does.
    kind: String,
    /// waiting, running, done, failed or cancelled.
    state: &'static str,
    /// What a running one is at; how one that is done ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// How much of that is done, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f32>,
    /// Tries so far.
    attempts: i32,
    /// Why it failed, or why the last try did and there will be another.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    /// The document that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<Uuid>,
}

fn not_found() -> Problem {
    Problem::new(
        Code::JobNotFound,
        "This site has no such job; jobs that are done can be looked at for a week.",
    )
}

/// Where a job stands.
#[utoipa::path(
    get, path = "/api/jobs/{id}", tag = "intake", params(("id" = Uuid, Path)), security(("api_key" = [])),
    responses(
        (status = 200, body = Job),
        (status = 401, description = "token_missing, token_invalid", body = ProblemBody),
        (status = 404, description = "job_not_found", body = ProblemBody),
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    key: ApiKey,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<axum::Json<Job>, Problem> {
    let id = path.map(|Path(id)| JobId(id)).map_err(|_| not_found())?;
    let job = match jobs::get(&app.db, id).await {
        Ok(job) if job.site_id == Some(key.site) => job,
        // Another site's is no job here.
        Ok(_) => return Err(not_found()),
        Err(QueueError::Db(error)) => return Err(error.into()),
        Err(_) => return gone(&app, key, id).await,
    };
    let state = match job.state {
        JobState::Waiting => "waiting",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Dead => "failed",
    };
    let (stage, share) = match (job.state, job.progress) {
        (JobState::Running | JobState::Done, Some(p)) => (Some(p.stage.into_owned()), Some(p.share)),
        _ => (None, None),
    };
    Ok(axum::Json(Job {
        id: job.id.0,
        kind: job.kind,
        state,
        stage,
        share,
        attempts: job.attempts,
        error: job
            .error_code
            .zip(job.error)
            .map(|(code, detail)| Failure { code, detail }),
        document_id: job
            .args
            .get("document")
            .and_then(|d| d.as_str())
            .and_then(|d| Uuid::parse_str(d).ok()),
    }))
}

/// A webhook's job that isn't in the queue any more: it was done long ago, or its document was
/// deleted before it came to it.
async fn gone(app: &App, key: ApiKey, id: JobId) -> Result<axum::Json<Job>, Problem> {
    let mut tx = app.db.site(key.site).await?;
    let (ended, document) = inbound::of_job(&mut tx, id).await?.ok_or_else(not_found)?;
    Ok(axum::Json(Job {
        id: id.0,
        kind: crate::domain::job::Work::TAKE_EVENT.to_owned(),
        state: match ended.as_str() {
            "processed" => "done",
            "failed" => "failed",
            _ => "cancelled",
        },
        stage: None,
        share: None,
        attempts: 0,
        error: None,
        document_id: document.map(|d| d.0),
    }))
}
