//! AI jobs: what a site's WordPress has answered in the background. Taken here, run by a
//! worker, and brought to the callback; looked at here as well.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::auth::job_token::{JobAsker, JobReader};
use super::body::Json;
use super::error::{Code, Problem, ProblemBody};
use super::messages;
use super::state::App;
use crate::domain::ai_job::{self, Status};
use crate::domain::ids::{AiJobId, MessageId, ThreadId};
use crate::domain::job::Priority;
use crate::gateway::accept::{self, AcceptError, Asked};

/// The longest prompt, in characters.
const PROMPT: usize = 8_000;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// A visitor's message.
    Chat,
    /// A prompt of the site's own.
    Infer,
}

/// How urgent.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// A person waits.
    High,
    /// The default.
    #[default]
    Standard,
    /// Bulk work.
    Batch,
}

/// A job.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `chat` needs `message_id` and what is said (`user_msg`, `confirm` or `contact`), `infer` needs `prompt`.
    route: Route,
    /// Where the result is sent: an address on one of the site's origins.
    callback_url: String,
    /// How urgent.
    #[serde(default)]
    priority: Urgency,
    /// The client's own id of the message.
    #[schema(value_type = Option<Uuid>)]
    message_id: Option<MessageId>,
    /// The conversation; left out, a new one begins.
    #[schema(value_type = Option<Uuid>)]
    thread_id: Option<ThreadId>,
    /// 1 to 4000 characters; left out or empty with `confirm` or `contact`.
    user_msg: Option<String>,
    /// The page that the visitor is on.
    page: Option<String>,
    /// The visitor's language, a BCP 47 tag.
    locale: Option<String>,
    /// A yes or no to a proposal.
    confirm: Option<messages::Confirm>,
    /// An address for the answer.
    contact: Option<messages::Contact>,
    /// 1 to 8000 characters.
    prompt: Option<String>,
    /// One of the server's models.
    model: Option<String>,
    /// 50 to 800, 400 by default.
    max_tokens: Option<u32>,
    /// 0 to 1, 0.2 by default.
    temperature: Option<f32>,
}

/// A job that was taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// Its id.
    #[schema(value_type = Uuid)]
    job_id: AiJobId,
    /// Where it stands.
    status: Status,
    /// Where it can be looked at.
    status_url: String,
}

/// A job as it stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Job {
    /// Its id.
    #[schema(value_type = Uuid)]
    job_id: AiJobId,
    /// The key that it came with.
    idempotency_key: String,
    /// Where it stands.
    status: Status,
    /// What came of it, once it has succeeded.
    #[serde(skip_serializing_if = "Value::is_null")]
    result_json: Value,
    /// Why nothing came of it, once it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    /// What it took, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
    /// Whether the result was brought to the site: `waiting`, `delivered` or `dead`.
    callback: String,
}

/// Takes a job. The same `jti` again gives the same job.
#[utoipa::path(
    post, path = "/jobs", tag = "gateway", request_body = Request, security(("job_token" = [])),
    responses(
        (status = 202, description = "Taken", body = Accepted),
        (status = 200, description = "Known already", body = Accepted),
        (status = 400, description = "bad_json, model_not_allowed", body = ProblemBody),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 409, description = "proposal_expired", body = ProblemBody),
        (status = 413, description = "too_large", body = ProblemBody),
        (status = 422, description = "invalid_field, idempotency_reused", body = ProblemBody),
        (status = 429, description = "rate_limited", body = ProblemBody),
        (status = 503, description = "not_ready", body = ProblemBody),
    )
)]
pub async fn post(
    State(app): State<Arc<App>>,
    asker: JobAsker,
    Json(request): Json<Request>,
) -> Result<Response, Problem> {
    let priority = match request.priority {
        Urgency::High => Priority::High,
        Urgency::Standard => Priority::Standard,
        Urgency::Batch => Priority::Batch,
    };
    let callback_url = request.callback_url.trim().to_owned();
    if callback_url.is_empty() || callback_url.len() > 2_000 {
        return Err(Problem::field("/callback_url", "An address of 1 to 2000 bytes."));
    }
    let asked = Asked {
        visitor: asker.visitor,
        jti: asker.jti.clone(),
        kid: asker.kid.clone(),
        callback_url,
        priority,
        request: match request.route {
            Route::Chat => chat(request, &asker)?,
            Route::Infer => infer(&app, request)?,
        },
    };
    let taken = accept::accept(&app.gateway, asker.site, &asked)
        .await
        .map_err(refused)?;
    let status = if taken.new {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    let answer = Accepted {
        job_id: taken.job.id,
        status: taken.job.status,
        status_url: format!("/jobs/{}", taken.job.id),
    };
    Ok((status, axum::Json(answer)).into_response())
}

fn refused(error: AcceptError) -> Problem {
    match error {
        AcceptError::CallbackElsewhere => Problem::field(
            "/callback_url",
            "An address on one of the site's origins, without a user and a fragment.",
        ),
        AcceptError::Reused => Problem::new(
            Code::IdempotencyReused,
            "This `jti` came with another request before; give each request one of its own.",
        ),
        AcceptError::TooMany => Problem::new(
            Code::RateLimited,
            "A thousand jobs of this site are waiting; try again when some have ended.",
        ),
        AcceptError::TooFast => Problem::new(
            Code::RateLimited,
            "Sixty jobs of a visitor in ten minutes are enough; try again in a while.",
        ),
        AcceptError::Seal(error) => {
            tracing::error!(%error, "an AI job couldn't be sealed");
            Problem::new(Code::Internal, "Something went wrong on our side.")
        }
        AcceptError::Db(error) => error.into(),
    }
}

fn chat(request: Request, asker: &JobAsker) -> Result<ai_job::Request, Problem> {
    only(
        &[
            ("/prompt", request.prompt.is_some()),
            ("/model", request.model.is_some()),
            ("/max_tokens", request.max_tokens.is_some()),
            ("/temperature", request.temperature.is_some()),
        ],
        "Not with the route `chat`.",
    )?;
    if asker.visitor.is_none() {
        return Err(Problem::field(
            "/route",
            "A chat is a visitor's: put the visitor's id into the token's `sub`.",
        ));
    }
    let message_id = request
        .message_id
        .ok_or_else(|| Problem::field("/message_id", "The client's own id of the message, a UUID."))?;
    let message = messages::Request {
        message_id,
        thread_id: request.thread_id,
        user_msg: request.user_msg.unwrap_or_default(),
        page: request.page,
        locale: request.locale,
        confirm: request.confirm,
        contact: request.contact,
    };
    let message = message.check()?;
    Ok(ai_job::Request::Chat {
        message_id,
        thread_id: message.thread_id,
        user_msg: message.text,
        locale: message.locale,
        page: message.page,
        confirm: message.confirm,
        email: message.email,
        login: asker.login.clone(),
    })
}

fn infer(app: &App, request: Request) -> Result<ai_job::Request, Problem> {
    only(
        &[
            ("/message_id", request.message_id.is_some()),
            ("/thread_id", request.thread_id.is_some()),
            ("/user_msg", request.user_msg.is_some()),
            ("/page", request.page.is_some()),
            ("/locale", request.locale.is_some()),
            ("/confirm", request.confirm.is_some()),
            ("/contact", request.contact.is_some()),
        ],
        "Not with the route `infer`.",
    )?;
    let prompt = text("/prompt", request.prompt, PROMPT)?;
    let max_tokens = request.max_tokens.unwrap_or(400);
    if !(50..=800).contains(&max_tokens) {
        return Err(Problem::field("/max_tokens", "50 to 800."));
    }
    let temperature = request.temperature.unwrap_or(0.2);
    if !(0.0..=1.0).contains(&temperature) {
        return Err(Problem::field("/temperature", "0 to 1."));
    }
    if let Some(model) = &request.model
        && !app.gateway.knows_model(model)
    {
        let names: Vec<&str> = app.gateway.models().collect();
        let known = if names.is_empty() {
            "There is no language model on this server.".to_owned()
        } else {
            format!("One of: {}.", names.join(", "))
        };
        return Err(Problem::new(Code::ModelNotAllowed, known));
    }
    Ok(ai_job::Request::Infer {
        prompt,
        model: request.model,
        max_tokens,
        temperature,
    })
}

fn only(others: &[(&str, bool)], detail: &str) -> Result<(), Problem> {
    match others.iter().find(|(_, given)| *given) {
        Some((pointer, _)) => Err(Problem::field(*pointer, detail)),
        None => Ok(()),
    }
}

fn text(pointer: &str, given: Option<String>, most: usize) -> Result<String, Problem> {
    let given = given.map(|t| t.trim().to_owned()).unwrap_or_default();
    let length = given.chars().count();
    if length == 0 || length > most || given.contains('\0') {
        return Err(Problem::field(
            pointer,
            format!("1 to {most} characters, without U+0000."),
        ));
    }
    Ok(given)
}

/// A job as it stands.
#[utoipa::path(
    get, path = "/jobs/{id}", tag = "gateway", params(("id" = Uuid, Path)),
    security(("job_token" = []), ("api_key" = [])),
    responses(
        (status = 200, body = Job),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 404, description = "job_not_found", body = ProblemBody),
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    reader: JobReader,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<axum::Json<Job>, Problem> {
    let missing = || {
        Problem::new(
            Code::JobNotFound,
            "Jobs can be looked at for thirty days after they have ended.",
        )
    };
    // What is no id is nobody's job.
    let id = path.map(|Path(id)| AiJobId(id)).map_err(|_| missing())?;
    let found = app.gateway.look(reader.site, id).await?;
    let found = found
        .filter(|j| reader.visitor.is_none() || j.row.visitor == reader.visitor)
        .ok_or_else(missing)?;
    let row = found.row;
    Ok(axum::Json(Job {
        job_id: row.id,
        idempotency_key: row.jti,
        status: row.status,
        result_json: found.result,
        error: row
            .error
            .map(|(code, detail)| json!({ "code": code, "detail": detail })),
        usage: row.status.is_final().then_some(found.usage),
        callback: row.callback,
    }))
}
