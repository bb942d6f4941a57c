//! A visitor's conversation: its last messages, its events, stopping a turn, and what the
//! visitor thinks of an answer.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::auth::Visitor;
use super::body::Json;
use super::error::{Code, Problem, ProblemBody};
use super::privacy;
use super::sse::{self, Follow, Until};
use super::state::App;
use crate::agent::turns;
use crate::db::feedback::{self, Opinion};
use crate::db::pool::{DbError, SiteTx};
use crate::db::threads::MessageRow;
use crate::db::{events, replies, threads, turns as turn_rows};
use crate::domain::event::{Asks, Citation, Handed, Outcome, ThreadEvent};
use crate::domain::ids::{ThreadId, TurnId};
use crate::domain::seal::MasterKey;
use crate::guardrails::{opinion, vault};

/// Messages shown at most.
const MESSAGES: i64 = 100;

/// A conversation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Thread {
    /// The conversation.
    #[schema(value_type = Uuid)]
    thread_id: ThreadId,
    /// `open`, `handoff` or `resolved`.
    status: String,
    /// The last event.
    last_seq: i64,
    /// Whether a message is being answered.
    turn_in_progress: bool,
    /// Follow the events after this one: the turn under way from its start, else what is new.
    resume_after: i64,
    /// The last messages, oldest first.
    messages: Vec<Message>,
    /// What the last of them asks the visitor for.
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<Asks>,
    /// Who takes over after the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    handoff: Option<Handed>,
}

/// A message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Message {
    /// `visitor`, `agent`, `staff` or `system`.
    author: String,
    /// Markdown.
    text: String,
    /// What it cites.
    citations: Vec<Citation>,
    /// When.
    at: DateTime<Utc>,
    /// Its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    turn_id: Option<TurnId>,
    /// How that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

fn id(path: Result<Path<Uuid>, PathRejection>) -> Result<ThreadId, Problem> {
    // What is no id is nobody's thread.
    path.map(|Path(id)| ThreadId(id)).map_err(|_| not_found())
}

fn not_found() -> Problem {
    Problem::new(
        Code::ThreadNotFound,
        "Start a new conversation by leaving out thread_id.",
    )
}

/// The last messages and how the conversation stands.
#[utoipa::path(
    get, path = "/api/agent/thread/{id}", tag = "agent", params(("id" = Uuid, Path)), security(("visitor" = [])),
    responses(
        (status = 200, body = Thread),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 404, description = "thread_not_found", body = ProblemBody),
        (status = 410, description = "thread_erased", body = ProblemBody),
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<axum::Json<Thread>, Problem> {
    let thread_id = id(path)?;
    let mut tx = app.db.site(visitor.site).await?;
    let Some(thread) = threads::find(&mut tx, thread_id, visitor.id).await? else {
        drop(tx);
        return Err(privacy::missing(&app, visitor.site, thread_id, visitor.id).await);
    };
    let mut messages = threads::messages(&mut tx, thread_id, i64::MAX, MESSAGES).await?;
    let vault = vault::open(&mut tx, &app.master, thread_id).await?;
    for m in &mut messages {
        vault::reveal_message(&mut m.text, &mut m.citations, &vault);
    }
    let first_seq = match thread.open_turn {
        Some(turn) => turn_rows::first_seq(&mut tx, turn).await?,
        None => None,
    };
    let (ask, handoff) = match (&thread.open_turn, messages.last()) {
        (None, Some(last)) => cards(&mut tx, &app.master, thread_id, last).await?,
        _ => (None, None),
    };
    replies::read(&mut tx, thread_id, thread.last_seq, app.clock.now()).await?;
    tx.commit().await?;
    Ok(axum::Json(Thread {
        thread_id,
        status: thread.status,
        last_seq: thread.last_seq,
        turn_in_progress: thread.open_turn.is_some(),
        resume_after: first_seq.map_or(thread.last_seq, |s| s - 1),
        messages: messages
            .into_iter()
            .map(|m| Message {
                author: m.author,
                text: m.text,
                citations: m.citations,
                at: m.at,
                turn_id: m.turn_id,
                outcome: m.outcome,
            })
            .collect(),
        ask,
        handoff,
    }))
}

/// What a conversation's last message asks for, and to whom it hands over: for who can't read
/// the events.
async fn cards(
    tx: &mut SiteTx,
    master: &MasterKey,
    thread: ThreadId,
    last: &MessageRow,
) -> Result<(Option<Asks>, Option<Handed>), Problem> {
    let carded = last.outcome.as_deref().is_some_and(|o| {
        [Outcome::Asked, Outcome::Handoff, Outcome::Degraded]
            .iter()
            .any(|c| c.as_str() == o)
    });
    let Some(turn) = last.turn_id.filter(|_| carded) else {
        return Ok((None, None));
    };
    let mut events = events::of_turn(tx, turn).await?;
    vault::reveal_all(tx, master, thread, &mut events).await?;
    let (mut ask, mut handoff) = (None, None);
    for stored in events {
        handoff = stored.event.handed().or(handoff);
        if let ThreadEvent::Ask(asks) = stored.event {
            ask = Some(asks);
        }
    }
    Ok((ask, handoff))
}

/// `?after=n`
#[derive(Debug, Deserialize)]
pub struct After {
    after: Option<i64>,
}

/// What came after an event, then what comes, as server-sent events.
#[utoipa::path(
    get, path = "/api/agent/thread/{id}/events", tag = "agent", security(("visitor" = [])),
    params(
        ("id" = Uuid, Path),
        ("after" = Option<i64>, Query, description = "the last event that is known"),
        ("last-event-id" = Option<i64>, Header, description = "the same, and stronger"),
    ),
    responses(
        (status = 200, description = "Server-sent events, until the token ends", content_type = "text/event-stream"),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 404, description = "thread_not_found", body = ProblemBody),
        (status = 410, description = "thread_erased", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
        (status = 503, description = "overloaded, not_ready", body = ProblemBody),
    )
)]
pub async fn events(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    headers: HeaderMap,
    path: Result<Path<Uuid>, PathRejection>,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Response, Problem> {
    let thread = id(path)?;
    let bad = |name: &str| Problem::field(format!("/{name}"), "An event's number: 0, 1, 2, …");
    let after = match headers.get("last-event-id") {
        Some(given) => given
            .to_str()
            .ok()
            .and_then(|v| v.parse::<i64>().ok())
            .ok_or_else(|| bad("last-event-id"))?,
        None => query.map_err(|_| bad("after"))?.0.after.unwrap_or(0),
    };
    if after < 0 {
        return Err(bad("after"));
    }
    let mut tx = app.db.site(visitor.site).await?;
    let known = threads::find(&mut tx, thread, visitor.id).await?;
    if known.is_some() && after > 0 {
        // Who asks for what comes after an event has all before it.
        replies::read(&mut tx, thread, after, app.clock.now()).await?;
    }
    tx.commit().await?;
    if known.is_none() {
        return Err(privacy::missing(&app, visitor.site, thread, visitor.id).await);
    }
    sse::respond(
        &app,
        Follow::new(
            &app,
            visitor.site,
            thread,
            after,
            Until::Expiry,
            visitor.expires_at,
        ),
    )
}

/// Stops the turn under way, if there is one.
#[utoipa::path(
    post, path = "/api/agent/thread/{id}/cancel", tag = "agent", params(("id" = Uuid, Path)),
    security(("visitor" = [])),
    responses(
        (status = 204, description = "It stops, or nothing was under way"),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 404, description = "thread_not_found", body = ProblemBody),
    )
)]
pub async fn cancel(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, Problem> {
    turns::cancel(&app.agent, visitor.site, visitor.id, id(path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a visitor thinks of an answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// The answer's turn.
    #[schema(value_type = Uuid)]
    turn_id: TurnId,
    /// Up or down.
    value: Thumb,
    /// At most 10 of at most 50 characters.
    #[serde(default)]
    tags: Vec<String>,
    /// At most 2000 characters.
    comment: Option<String>,
}

/// Up or down.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Thumb {
    /// It helped.
    Up,
    /// It didn't.
    Down,
}

/// Keeps what a visitor thinks of an answer; a second opinion replaces the first.
#[utoipa::path(
    post, path = "/api/agent/feedback", tag = "agent", request_body = Feedback, security(("visitor" = [])),
    responses(
        (status = 204, description = "Kept"),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 404, description = "thread_not_found: no such turn of this visitor", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
    )
)]
pub async fn feedback(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Json(given): Json<Feedback>,
) -> Result<StatusCode, Problem> {
    if given.tags.len() > 10
        || given
            .tags
            .iter()
            .any(|t| t.is_empty() || t.chars().count() > 50 || t.contains('\0'))
    {
        return Err(Problem::field("/tags", "At most 10 tags of 1 to 50 characters."));
    }
    if given
        .comment
        .as_ref()
        .is_some_and(|c| c.chars().count() > 2_000 || c.contains('\0'))
    {
        return Err(Problem::field("/comment", "At most 2000 characters."));
    }
    let value = match given.value {
        Thumb::Up => "up",
        Thumb::Down => "down",
    };
    let masked = opinion::mask(
        &app.agent.master,
        visitor.site,
        given.turn_id,
        &given.tags,
        given.comment.as_deref(),
    )
    .map_err(|e| DbError::Unreadable(e.to_string()))?;
    let mut tx = app.db.site(visitor.site).await?;
    let kept = feedback::set(
        &mut tx,
        &Opinion {
            visitor: visitor.id,
            turn: given.turn_id,
            value,
            tags: &masked.tags,
            comment: masked.comment.as_deref(),
            sealed: masked.sealed.as_deref(),
            addresses: &masked.addresses,
            at: app.clock.now(),
        },
    )
    .await?;
    tx.commit().await?;
    if kept {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::new(
            Code::ThreadNotFound,
            "There is no such turn in one of your conversations.",
        ))
    }
}
