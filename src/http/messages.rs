//! `POST /api/agent/messages`: takes a visitor's message and answers as a stream, as JSON,
//! or at once with where to look.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::auth::Visitor;
use super::body::Json;
use super::client;
use super::error::{Code, Problem, ProblemBody};
use super::privacy;
use super::sse::{self, Follow, Until};
use super::state::App;
use crate::agent::turns::{self, LONGEST_MESSAGE, Message, StartError};
use crate::domain::address::is_email;
use crate::domain::customer::Account;
use crate::domain::event::{Asks, Citation, Handed, Outcome, ThreadEvent};
use crate::domain::ids::{MessageId, ProposalId, ThreadId, TurnId};
use crate::domain::site::is_locale;
use crate::gateway::Login;

/// A visitor's message.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The client's own id; the same message again gives the same turn.
    #[schema(value_type = Uuid)]
    pub(super) message_id: MessageId,
    /// The conversation; left out, a new one begins.
    #[schema(value_type = Option<Uuid>)]
    pub(super) thread_id: Option<ThreadId>,
    /// 1 to 4000 characters; may be empty with `confirm` or `contact`.
    #[schema(max_length = 4000)]
    pub(super) user_msg: String,
    /// The page that the visitor is on.
    pub(super) page: Option<String>,
    /// The visitor's language, a BCP 47 tag.
    pub(super) locale: Option<String>,
    /// A yes or no to a proposal.
    pub(super) confirm: Option<Confirm>,
    /// An address for the answer.
    pub(super) contact: Option<Contact>,
}

/// A yes or no to a proposal.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The proposal.
    proposal_id: Uuid,
    /// Yes or no.
    accept: bool,
}

/// An address for the answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// An e-mail address.
    email: String,
}

/// The answer to a client that doesn't take a stream.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Answer {
    /// The conversation.
    #[schema(value_type = Uuid)]
    pub thread_id: ThreadId,
    /// The turn.
    #[schema(value_type = Uuid)]
    pub turn_id: TurnId,
    /// How it ended.
    pub outcome: Outcome,
    /// Markdown with citation marks `[n]`.
    pub text: String,
    /// Its sources.
    pub citations: Vec<Citation>,
    /// What the visitor is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<Asks>,
    /// The person who takes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handoff: Option<Handed>,
    /// The thread's last event.
    pub last_seq: i64,
}

/// Where to look for the answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// The conversation.
    #[schema(value_type = Uuid)]
    thread_id: ThreadId,
    /// The turn; none while staff hold the conversation.
    #[schema(value_type = Option<Uuid>)]
    turn_id: Option<TurnId>,
    /// Its events.
    events_url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Stream,
    Json,
}

fn wanted(headers: &HeaderMap) -> Result<Wanted, Problem> {
    let accept = headers
        .get(header::ACCEPT)
        .map_or("*/*", |v| v.to_str().unwrap_or(""));
    let has = |media: &str| {
        accept.split(',').any(|part| {
            let mut parts = part.split(';').map(str::trim);
            parts.next().is_some_and(|m| m.eq_ignore_ascii_case(media)) && !parts.any(|p| p == "q=0")
        })
    };
    if has("text/event-stream") {
        Ok(Wanted::Stream)
    } else if has("application/json") || has("application/*") || has("*/*") {
        Ok(Wanted::Json)
    } else {
        Err(Problem::new(
            Code::NotAcceptable,
            "Accept `text/event-stream` or `application/json`.",
        ))
    }
}

impl Request {
    /// The message that is meant. Also of an AI job: what isn't taken here isn't taken there.
    ///
    /// # Errors
    /// When a field isn't as it must be.
    pub(super) fn check(self) -> Result<Message, Problem> {
        let length = self.user_msg.chars().count();
        if length > LONGEST_MESSAGE {
            let detail = format!("At most {LONGEST_MESSAGE} characters; these are {length}.");
            return Err(Problem::field("/user_msg", detail));
        }
        if self.user_msg.contains('\0') {
            return Err(Problem::field(
                "/user_msg",
                "The character U+0000 can't be stored.",
            ));
        }
        if self.user_msg.trim().is_empty() && self.confirm.is_none() && self.contact.is_none() {
            return Err(Problem::field(
                "/user_msg",
                "Say something: 1 to 4000 characters.",
            ));
        }
        if self.page.as_ref().is_some_and(|p| p.len() > 2_000) {
            return Err(Problem::field("/page", "At most 2000 bytes."));
        }
        if self.locale.as_ref().is_some_and(|l| !is_locale(l)) {
            return Err(Problem::field(
                "/locale",
                "A language tag such as `en` or `de-AT`.",
            ));
        }
        let email = self.contact.map(|c| c.email.trim().to_owned());
        if let Some(email) = &email
            && !is_email(email)
        {
            return Err(Problem::field(
                "/contact/email",
                "An e-mail address such as name@example.com.",
            ));
        }
        if self.confirm.is_some() && self.thread_id.is_none() {
            // A proposal belongs to a conversation; without one there is none to say yes to.
            return Err(StartError::ProposalExpired.into());
        }
        Ok(Message {
            message_id: self.message_id,
            thread_id: self.thread_id,
            text: self.user_msg.trim().to_owned(),
            locale: self.locale,
            email,
            confirm: self.confirm.map(|c| (ProposalId(c.proposal_id), c.accept)),
            customer: None,
            account: None,
            page: self.page,
            client: None,
            by_events: false,
        })
    }
}

/// Takes a message.
///
/// With `Accept: text/event-stream` the turn's events, closed after `done`; with
/// `Prefer: respond-async` at once where to look; else the answer as JSON.
#[utoipa::path(
    post, path = "/api/agent/messages", tag = "agent", request_body = Request,
    security(("visitor" = [])),
    responses(
        (status = 200, description = "The answer, as JSON or as server-sent events", body = Answer),
        (status = 202, description = "Taken: with Prefer: respond-async, or because staff answer", body = Accepted),
        (status = 400, description = "bad_json", body = ProblemBody),
        (status = 401, description = "token_missing, token_invalid, token_expired", body = ProblemBody),
        (status = 403, description = "origin_not_allowed", body = ProblemBody),
        (status = 404, description = "thread_not_found", body = ProblemBody),
        (status = 406, description = "not_acceptable", body = ProblemBody),
        (status = 410, description = "thread_erased", body = ProblemBody),
        (status = 409, description = "turn_in_progress, message_id_reused, proposal_expired", body = ProblemBody),
        (status = 413, description = "too_large", body = ProblemBody),
        (status = 415, description = "unsupported_media", body = ProblemBody),
        (status = 422, description = "invalid_field", body = ProblemBody),
        (status = 503, description = "overloaded, not_ready", body = ProblemBody),
    )
)]
pub async fn post(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    Json(request): Json<Request>,
) -> Result<Response, Problem> {
    let wanted = wanted(&headers)?;
    let mut message = request.check()?;
    message.client = peer.and_then(|Extension(ConnectInfo(peer))| client::of(peer.ip(), &headers));
    if let Some(user) = visitor.wp_user {
        let login = Login {
            wp_user: user,
            kid: &visitor.kid,
            origin: headers.get(header::ORIGIN).and_then(|o| o.to_str().ok()),
            profile: visitor.profile.as_deref(),
        };
        let customer = app.gateway.customer(visitor.site, visitor.id, &login).await;
        message.customer = customer.map(|c| c.name).filter(|n| !n.is_empty());
        message.account = visitor.profile.map(|profile| Account { user, profile });
    }
    let hurried = headers
        .get_all("prefer")
        .iter()
        .any(|v| v.to_str().is_ok_and(|v| v.contains("respond-async")));
    message.by_events = wanted == Wanted::Stream || !hurried;
    let thread = message.thread_id;
    let begun = match turns::start(&app.agent, visitor.site, visitor.id, message).await {
        Err(StartError::ThreadNotFound) if let Some(thread) = thread => {
            return Err(privacy::missing(&app, visitor.site, thread, visitor.id).await);
        }
        begun => begun?,
    };
    if wanted == Wanted::Json
        && !hurried
        && let Some(live) = &begun.live
    {
        live.wait_for_the_end();
    }
    let until = begun.turn.map_or(Until::FirstDone, Until::Done);
    let follow = Follow::new(
        &app,
        visitor.site,
        begun.thread,
        begun.after,
        until,
        visitor.expires_at,
    )
    .live(begun.live);
    if wanted == Wanted::Stream {
        return sse::respond(&app, follow);
    }
    let accepted = || {
        let events_url = format!("/api/agent/thread/{}/events?after={}", begun.thread, begun.after);
        let body = Accepted {
            thread_id: begun.thread,
            turn_id: begun.turn,
            events_url,
        };
        (StatusCode::ACCEPTED, axum::Json(body)).into_response()
    };
    match begun.turn {
        Some(turn) if !hurried => match gather(follow, begun.thread, turn).await? {
            Some(answer) => Ok(axum::Json(answer).into_response()),
            // Token or server end first; the turn goes on, and its events can be fetched.
            None => Ok(accepted()),
        },
        _ => Ok(accepted()),
    }
}

/// Longer than any turn may take with its closing.
const LONGEST_WAIT: Duration = Duration::from_secs(130);

async fn gather(mut follow: Follow, thread_id: ThreadId, turn_id: TurnId) -> Result<Option<Answer>, Problem> {
    let deadline = tokio::time::Instant::now() + LONGEST_WAIT;
    let mut sources: Vec<Citation> = Vec::new();
    let mut answer = None;
    let (mut ask, mut handoff, mut last_seq) = (None, None, 0);
    while let Ok(batch) = tokio::time::timeout_at(deadline, follow.next()).await {
        let Some(batch) = batch? else { break };
        for stored in batch {
            last_seq = stored.seq;
            match stored.event {
                ThreadEvent::Citation(c) => sources.push(c),
                ThreadEvent::Ask(asks) => ask = Some(asks),
                event @ ThreadEvent::Handoff { .. } => handoff = event.handed(),
                ThreadEvent::Final {
                    outcome,
                    text,
                    citations,
                    ..
                } => answer = Some((outcome, text, citations)),
                _ => {}
            }
        }
    }
    if follow.is_lost() {
        return Err(Problem::new(
            Code::NotReady,
            "The message was lost. Please send it again.",
        ));
    }
    Ok(answer.map(|(outcome, text, used)| Answer {
        thread_id,
        turn_id,
        outcome,
        text,
        citations: sources.into_iter().filter(|c| used.contains(&c.n)).collect(),
        ask,
        handoff,
        last_seq,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_decides() {
        let of = |text: &'static str| {
            let mut h = HeaderMap::new();
            h.insert(header::ACCEPT, axum::http::HeaderValue::from_static(text));
            wanted(&h).ok()
        };
        assert_eq!(of("text/event-stream"), Some(Wanted::Stream));
        assert_eq!(
            of("application/json, text/event-stream;q=0.9"),
            Some(Wanted::Stream)
        );
        assert_eq!(of("text/event-stream;q=0, */*"), Some(Wanted::Json));
        assert_eq!(of("image/png"), None);
        assert_eq!(wanted(&HeaderMap::new()).ok(), Some(Wanted::Json));
    }
}
